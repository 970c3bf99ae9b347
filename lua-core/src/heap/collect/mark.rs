//! Marking: the mark stack, how each kind of object is traced, the roots.
//!
//! Tracing one object looks at no more than a few hundred slots: tables, stacks and lists
//! of more are put aside and traced in slices, one such object after the other, so that
//! there is one place where "how far" is kept ([`Rt::moved_inside`]).
//!
//! Most of the time would be spent waiting for memory. So what tracing reaches is marked a
//! little later, when its header has come into the cache, and what is taken off the mark
//! stack is traced a little later: two short queues ([`Queue`]), both empty between steps.

use super::{Collector, GRAY};
use crate::calls::hooks::HookState;
use crate::heap::intern::string_size;
use crate::heap::userdata::Userdata;
use crate::heap::{ClosureRef, Kind, MARK_MANUAL, Rt, TableRef, ThreadRef};
use crate::proto::{CLOSURE_UPVALUES, LocalDesc, NATIVE_UPVALUES, Native, Proto, UpvalueDesc};
use crate::shape::{Lineage, Shape};
use crate::table::{NODES, Node, SLOTS, Table, WEAK_KEYS, WEAK_VALUES};
use crate::thread::Thread;
use crate::value::{Value, tag};
use core::mem::offset_of;

/// Slots looked at at once.
const SLICE: u32 = 1024;
/// What reaching an object costs, in bytes looked at.
const MARK_WORK: i64 = 32;
/// A mark stack larger than this is given back after marking.
const KEEP: usize = 1 << 7;

/// Objects that wait until memory has answered: who comes in pushes the one out that came
/// `N` before. 0 stands for none.
pub(in crate::heap) struct Queue<const N: usize> {
    objects: [u32; N],
    at: usize,
}

impl<const N: usize> Queue<N> {
    pub(in crate::heap) const EMPTY: Queue<N> = Queue {
        objects: [0; N],
        at: 0,
    };

    #[inline(always)]
    fn replace(&mut self, object: u32) -> u32 {
        self.at = (self.at + 1) % N;
        self.objects
            .get_mut(self.at)
            .map_or(0, |place| core::mem::replace(place, object))
    }

    /// The one that has waited longest.
    fn take(&mut self) -> u32 {
        let mut waiting = (0..N).map(|_| self.replace(0));
        waiting.find(|&object| object != 0).unwrap_or(0)
    }
}

impl Rt {
    #[inline(always)]
    pub(crate) fn set_mark(self, offset: u32, mark: u8) {
        self.set(offset + offset_of!(crate::heap::Header, mark) as u32, mark);
    }

    /// Makes an object gray if it is white.
    #[inline]
    pub(crate) fn mark(self, offset: u32) {
        if offset == 0 {
            return;
        }
        let h = self.header(offset);
        // SAFETY: plain field.
        let live = unsafe { (*self.vm()).live };
        if h.mark & !GRAY != live && h.mark != MARK_MANUAL {
            self.mark_white(offset, h.kind, live);
        }
    }

    /// The rest of `mark`, for an object that is white.
    #[inline(never)]
    fn mark_white(self, offset: u32, kind: u8, live: u8) {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            match kind {
                k if k == Kind::String as u8 => {
                    self.set_mark(offset, live);
                    (*gc).marked_bytes += string_size(self.get::<u32>(offset + 8) as usize) as u64;
                    (*gc).work -= MARK_WORK;
                }
                k if k == Kind::Raw as u8 || k == Kind::Code as u8 => self.set_mark(offset, live),
                _ => {
                    // Paid here and not when it is traced: a list of many objects that
                    // weren't in the cache takes long by itself.
                    (*gc).work -= MARK_WORK;
                    if (*gc).mark_stack.push(self, offset).is_ok() {
                        self.set_mark(offset, live);
                    } else {
                        self.set_mark(offset, live | GRAY);
                        (*gc).mark_overflow = true;
                    }
                }
            }
        }
    }

    /// Makes what `v` refers to gray, if it is white, before this step ends.
    #[inline(always)]
    fn mark_soon(self, v: Value) {
        if v.is_reference() {
            self.prefetch(v.payload());
            // SAFETY: plain field.
            let ready = unsafe { (*self.gc()).reached.replace(v.payload()) };
            self.mark(ready);
        }
    }

    #[inline(always)]
    pub(super) fn mark_value(self, v: Value) {
        if v.is_reference() {
            self.mark(v.payload());
        }
    }

    /// Is it marked, or about to be?
    #[inline(always)]
    pub(crate) fn is_marked(self, offset: u32) -> bool {
        // SAFETY: plain field.
        self.header(offset).mark & !GRAY == unsafe { (*self.vm()).live }
    }

    pub(super) fn mark_roots(self) {
        // SAFETY: plain fields.
        unsafe {
            let vm = self.vm();
            for r in [
                (*vm).main_thread,
                (*vm).thread,
                (*vm).globals,
                (*vm).registry,
                (*vm).memory_message,
                (*vm).dict_shape,
                (*vm).next_fn,
                (*vm).ipairs_fn,
                (*vm).library.empty,
            ] {
                self.mark(r);
            }
            self.mark_value((*vm).error_value);
            for i in 0..(*vm).event_names.len() {
                self.mark((*vm).event_names[i]);
            }
            for i in 0..(*vm).type_meta.len() {
                self.mark((*vm).type_meta[i]);
            }
            for i in 0..(*vm).hook_words.len() {
                self.mark((*vm).hook_words[i]);
            }
            for i in 0..(*vm).root_shapes.len() {
                self.mark((*vm).root_shapes[i]);
            }
            for i in 0..(*vm).library.type_names.len() {
                self.mark((*vm).library.type_names[i]);
            }
            for i in 0..(*vm).library.byte_strings.len() {
                self.mark((*vm).library.byte_strings[i]);
            }
            self.mark_due_userdata();
            let handles = &(*vm).handles;
            for v in handles.iter() {
                self.mark_value(*v);
            }
        }
    }

    /// Traces gray objects; true when none is left.
    pub(super) fn propagate(self) -> bool {
        // SAFETY: plain fields; what is on the stack is a live object.
        unsafe {
            let gc = self.gc();
            while (*gc).work > 0 {
                if let Some(offset) = (*gc).mark_stack.pop() {
                    self.prefetch_parts(offset);
                    let ready = (*gc).popped.replace(offset);
                    if ready != 0 {
                        self.trace(ready);
                    }
                    continue;
                }
                let ready = (*gc).popped.take();
                if ready != 0 {
                    self.trace(ready);
                    continue;
                }
                let ready = (*gc).reached.take();
                if ready != 0 {
                    self.mark(ready);
                    continue;
                }
                if (*gc).big != 0 {
                    self.trace_slice();
                } else if let Some(offset) = (*gc).bigs.pop() {
                    (*gc).big = offset;
                    (*gc).big_at = 0;
                } else if (*gc).mark_overflow {
                    (*gc).mark_overflow = false;
                    let gray = (*self.vm()).live | GRAY;
                    // Tracing one object at a time keeps the stack shallow here.
                    let revisit = |offset: u32| {
                        if self.header(offset).mark == gray {
                            self.set_mark(offset, gray & !GRAY);
                            self.trace(offset);
                        }
                    };
                    self.for_each_cell(revisit);
                    self.for_each_span(revisit);
                } else {
                    return true;
                }
            }
            // Between steps the queues are empty.
            loop {
                match ((*gc).reached.take(), (*gc).popped.take()) {
                    (0, 0) => return false,
                    (reached, popped) => {
                        self.mark(reached);
                        if popped != 0 {
                            self.trace_again(popped);
                        }
                    }
                }
            }
        }
    }

    /// Asks for what tracing an object will look at, if it is a table.
    #[inline(always)]
    fn prefetch_parts(self, offset: u32) {
        if self.header(offset).kind == Kind::Table as u8 {
            // SAFETY: a live table.
            unsafe {
                let t: *const Table = self.at(offset);
                self.prefetch((*t).array);
                self.prefetch((*t).hash);
                // The slots may lie in another line than the header.
                self.prefetch(offset + SLOTS);
            }
        }
    }

    pub(super) fn trim_mark_stack(self) {
        // SAFETY: plain fields; the buffers are empty, and their memory is theirs.
        unsafe {
            let gc = self.gc();
            for buffer in [&mut (*gc).mark_stack, &mut (*gc).bigs, &mut (*gc).weak] {
                buffer.truncate(0);
                if buffer.capacity() > KEEP {
                    buffer.free(self);
                }
            }
        }
    }

    #[inline]
    fn mark_run(self, first: u32, n: u32) {
        for i in 0..n {
            self.mark_soon(self.get(first + i * 8));
        }
    }

    /// Memory of one owner: marked without tracing (the owner traces it).
    #[inline]
    pub(crate) fn mark_owned(self, offset: u32) {
        if offset != 0 && self.header(offset).mark != MARK_MANUAL {
            // SAFETY: plain field.
            self.set_mark(offset, unsafe { (*self.vm()).live });
        }
    }

    fn pay(self, bytes: u32) {
        // SAFETY: plain fields.
        unsafe {
            let gc: *mut Collector = self.gc();
            (*gc).work -= bytes as i64;
            (*gc).marked_bytes += bytes as u64;
        }
    }

    /// Makes a marked object gray once more.
    pub(super) fn trace_again(self, offset: u32) {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            if (*gc).mark_stack.push(self, offset).is_err() {
                self.set_mark(offset, (*self.vm()).live | GRAY);
                (*gc).mark_overflow = true;
            }
        }
    }

    /// Puts an object aside to be traced in slices.
    fn put_aside(self, offset: u32) {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            if (*gc).big == 0 {
                // Needs no memory: so each walk for gray objects gets one done at least.
                (*gc).big = offset;
                (*gc).big_at = 0;
            } else if (*gc).bigs.push(self, offset).is_err() {
                // Traced again, from its start, by the walk that finds gray objects.
                self.set_mark(offset, (*self.vm()).live | GRAY);
                (*gc).mark_overflow = true;
            }
        }
    }

    fn trace(self, offset: u32) {
        let h = self.header(offset);
        let mut bytes = 32u32;
        match h.kind {
            k if k == Kind::Table as u8 => bytes += self.trace_table(offset),
            k if k == Kind::Closure as u8 => {
                self.mark(h.aux);
                self.mark(self.closure(ClosureRef(offset)).env);
                self.mark_run(offset + CLOSURE_UPVALUES, h.b2 as u32);
                bytes += h.b2 as u32 * 8;
            }
            k if k == Kind::Native as u8 => {
                let n: Native = self.get(offset);
                self.mark(n.env);
                self.mark(n.name);
                self.mark_run(offset + NATIVE_UPVALUES, h.b2 as u32);
            }
            k if k == Kind::Cell as u8 => self.mark_run(offset + 8, 1),
            k if k == Kind::Values as u8 => {
                if h.aux > SLICE {
                    self.put_aside(offset);
                } else {
                    self.mark_run(offset + 8, h.aux);
                }
                bytes += h.aux * 8;
            }
            k if k == Kind::Userdata as u8 => {
                self.mark(h.aux);
                self.mark(self.get::<Userdata>(offset).env);
            }
            k if k == Kind::Thread as u8 => {
                let t: Thread = self.get(offset);
                self.mark_owned(t.stack);
                self.mark(t.header.aux);
                self.mark(t.env);
                self.mark_owned(t.tails);
                if t.hook != 0 {
                    self.mark_owned(t.hook);
                    self.mark_value(self.get::<HookState>(t.hook).function);
                }
                if t.slots > SLICE {
                    self.put_aside(offset);
                } else {
                    self.scan_stack(offset, 0, u32::MAX);
                }
                bytes += t.slots * 8;
            }
            k if k == Kind::Proto as u8 => bytes += self.trace_proto(offset),
            k if k == Kind::Shape as u8 => {
                let s: Shape = self.get(offset);
                self.mark(s.lineage);
                self.mark(s.meta);
                // Transitions are weak; pruning marks the map if it is still needed.
            }
            k if k == Kind::Lineage as u8 => {
                let l: Lineage = self.get(offset);
                self.mark_owned(l.keys);
                self.mark_owned(l.map);
                for i in 0..h.aux {
                    self.mark(self.get(l.keys + 8 + i * 4));
                }
                bytes += l.capacity * 4;
            }
            _ => {}
        }
        self.pay(bytes);
    }

    /// The next slice of the object that is traced in slices.
    fn trace_slice(self) {
        // SAFETY: plain fields; marked objects stay while marking goes on.
        unsafe {
            let gc = self.gc();
            let (offset, from) = ((*gc).big, (*gc).big_at);
            let h = self.header(offset);
            let total = match h.kind {
                k if k == Kind::Table as u8 => {
                    let (array_cap, nodes) = self.table_sizes(offset);
                    self.trace_table_run(offset, from, SLICE);
                    array_cap + nodes
                }
                k if k == Kind::Thread as u8 => {
                    self.scan_stack(offset, from, SLICE);
                    self.get::<Thread>(offset).slots
                }
                k if k == Kind::Values as u8 => {
                    let n = h.aux.saturating_sub(from).min(SLICE);
                    self.mark_run(offset + 8 + from * 8, n);
                    h.aux
                }
                _ => 0,
            };
            (*gc).work -= SLICE as i64 * 8;
            (*gc).big_at = from + SLICE;
            if (*gc).big_at >= total {
                (*gc).big = 0;
            }
        }
    }

    /// Slots of the array part and nodes of a table.
    fn table_sizes(self, offset: u32) -> (u32, u32) {
        // SAFETY: a live table.
        let (cap, hash) = unsafe {
            let t: *const Table = self.at(offset);
            ((*t).array_cap, (*t).hash)
        };
        let nodes = if hash == 0 { 0 } else { self.header(hash).aux };
        (cap, nodes)
    }

    fn trace_table(self, offset: u32) -> u32 {
        // SAFETY: a live table.
        unsafe {
            let t: *mut Table = self.at(offset);
            self.mark((*t).shape);
            let mut flags = (*t).flags & !(WEAK_KEYS | WEAK_VALUES);
            if (*t).meta != 0 {
                self.mark((*t).meta);
                flags |= self.weak_mode((*t).meta);
            }
            (*t).flags = flags;
            if flags & (WEAK_KEYS | WEAK_VALUES) != 0 {
                self.note_weak_table(TableRef(offset));
            }
            let mut bytes = (*t).inline_cap as u32 * 8 + (*t).array_cap * 8;
            let strong = flags & WEAK_VALUES == 0;
            if strong {
                self.mark_run(offset + SLOTS, (*t).inline_cap as u32);
            }
            if (*t).props != 0 {
                self.mark_owned((*t).props);
                let n = self.header((*t).props).aux;
                if strong {
                    self.mark_run((*t).props + 8, n);
                }
                bytes += n * 8;
            }
            self.mark_owned((*t).array);
            self.mark_owned((*t).hash);
            let (cap, nodes) = self.table_sizes(offset);
            if cap + nodes > SLICE {
                self.put_aside(offset);
            } else {
                self.trace_table_run(offset, 0, SLICE);
            }
            bytes + nodes * 16
        }
    }

    /// Slots and nodes `from ..` of a table, at most `n`: first the array part, then the nodes.
    #[inline(always)]
    fn trace_table_run(self, offset: u32, from: u32, n: u32) {
        // SAFETY: a live table.
        unsafe {
            let t: *const Table = self.at(offset);
            let (cap, nodes) = self.table_sizes(offset);
            let flags = (*t).flags;
            let end = (from + n).min(cap + nodes);
            if from < cap && flags & WEAK_VALUES == 0 {
                self.mark_run((*t).array + 8 + from * 8, end.min(cap) - from);
            }
            for i in from.max(cap)..end {
                let node: Node = self.get((*t).hash + NODES + (i - cap) * 16);
                // A key without a value may be gone already: nobody looks at it.
                if !node.value.is_nil() {
                    if flags & WEAK_KEYS == 0 {
                        self.mark_soon(node.key);
                    }
                    if flags & WEAK_VALUES == 0 {
                        self.mark_soon(node.value);
                    }
                }
            }
        }
    }

    /// Slots `from ..` of a thread's stack, at most `n`.
    fn scan_stack(self, offset: u32, from: u32, n: u32) {
        let t: Thread = self.get(offset);
        let first = t.stack + 8;
        // The running frame's registers, or the values in flight above them.
        let f = Value(self.get::<u64>(t.base - 16));
        let mut used = t.top.max(t.base);
        if f.has_tag(tag::CLOSURE) {
            let registers = self.header(self.header(f.payload()).aux).aux;
            used = used.max(t.base + (registers + 4) * 8);
        }
        let used = ((used - first) / 8).min(t.slots);
        let end = from.saturating_add(n).min(t.slots);
        for i in from..end.min(used) {
            self.mark_value(self.get(first + i * 8));
        }
        // What is above is dead: it must not look alive later, when its objects are gone.
        for i in from.max(used)..end {
            self.set(first + i * 8, Value::NIL);
        }
    }

    // ---- threads that ran since they were scanned

    /// `t` runs from now on: its stack will have to be scanned again.
    #[inline]
    pub(crate) fn note_thread_runs(self, t: ThreadRef) {
        if self.phase() == super::Phase::Marking {
            // SAFETY: a live thread; plain fields.
            unsafe {
                let thread = self.thread(t);
                if (*thread).ran == 0 {
                    let gc = self.gc();
                    (*thread).ran = (*gc).ran | 1;
                    (*gc).ran = t.0;
                }
            }
        }
    }

    pub(super) fn scan_threads_that_ran(self) {
        // SAFETY: the list holds threads; the running one stays on it.
        unsafe {
            let gc = self.gc();
            let mut t = core::mem::replace(&mut (*gc).ran, 0);
            while t != 0 {
                let thread: *mut Thread = self.at(t);
                let next = (*thread).ran & !1;
                (*thread).ran = 0;
                // One that isn't marked will be traced if it is ever found.
                if self.is_marked(t) {
                    self.mark((*thread).header.aux);
                    self.mark((*thread).env);
                    self.scan_stack(t, 0, u32::MAX);
                    // The running one must be scanned when marking ends, however long it
                    // is: another attempt would find it no shorter.
                    if t != (*self.vm()).thread {
                        (*gc).work -= (*thread).slots as i64 * 8;
                    }
                }
                t = next;
                if (*gc).work <= 0 {
                    // The rest another time.
                    (*gc).ran = t;
                    break;
                }
            }
            self.note_thread_runs(ThreadRef((*self.vm()).thread));
        }
    }

    pub(super) fn forget_threads_that_ran(self) {
        // SAFETY: as above.
        unsafe {
            let gc = self.gc();
            let mut t = core::mem::replace(&mut (*gc).ran, 0);
            while t != 0 {
                let thread: *mut Thread = self.at(t);
                t = (*thread).ran & !1;
                (*thread).ran = 0;
            }
        }
    }

    fn trace_proto(self, offset: u32) -> u32 {
        let p: Proto = self.get(offset);
        self.mark_owned(p.entry - crate::proto::CODE_START);
        for s in [p.lines, p.upvalues, p.locals, p.shapes, p.protos] {
            self.mark_owned(s.offset);
        }
        for d in self.slice::<UpvalueDesc>(p.upvalues) {
            self.mark(d.name.0);
        }
        for d in self.slice::<LocalDesc>(p.locals) {
            self.mark(d.name.0);
        }
        // An object of its own, which may be long.
        self.mark(p.constants.offset);
        for list in [p.shapes, p.protos] {
            for &r in self.slice::<u32>(list) {
                self.mark(r);
            }
        }
        self.mark(p.source);
        p.code_words * 12
    }
}
