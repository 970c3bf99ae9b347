//! The collector: complete, precise, non-moving mark and (lazy) sweep.
//!
//! A collection runs at a safepoint only: at a tick, or when an operation or a
//! native call has failed for lack of memory and is about to be repeated. Then
//! everything a program can reach is reachable from the VM state and the stacks.
//!
//! Marks: an object is live when its mark equals `VmState::live`, which flips
//! between 1 and 2 with every collection, so marks need no clearing. `GRAY` is
//! added to objects that are marked but didn't fit on the mark stack; they are
//! found by walking the heap, so marking needs no memory to be complete.
//!
//! What is weak: the string table, transitions of shapes, inline caches.

use super::{ClosureRef, Header, Kind, MARK_MANUAL, Rt};
use crate::calls::hooks::HookState;
use crate::isa::{Extra, Insn, OPS, Op};
use crate::proto::{CLOSURE_UPVALUES, LocalDesc, NATIVE_UPVALUES, Native, Proto, UpvalueDesc};
use crate::shape::{Lineage, Shape};
use crate::table::{HashPart, NODES, Node, SLOTS, Table};
use crate::thread::Thread;
use crate::value::{Value, tag};

#[cfg(feature = "extra-checks")]
mod verify;

const GRAY: u8 = 4;
/// Least number of bytes between collections in a large region. Little more than
/// fits in a second-level cache: with eight times as much, fresh memory is always
/// cold, and programs that make garbage took up to three times as long.
const FRESH: u64 = 2 << 20;

impl Rt {
    /// A full collection. The running frame must be saved.
    pub fn collect(self) {
        // SAFETY: plain fields throughout; objects are live (marking visits only what
        // is reachable), and kinds tell their layout.
        unsafe {
            let vm = self.vm();
            (*vm).stats.collections += 1;
            (*vm).collect_requested = false;
            self.sweep_all();
            (*vm).live = 3 - (*vm).live;
            self.mark_roots();
            self.propagate();
            self.prune_shapes();
            self.prune_code();
            #[cfg(feature = "extra-checks")]
            self.verify();
            let stubs = &mut (*vm).stubs;
            stubs.clear();
            self.sweep_strings();
            self.sweep_spans();
            self.unsweep_all();
            let live = (*vm).reserved;
            (*vm).debt = 0;
            // Pause: collect again when as much was allocated as is in use (200 %).
            (*vm).threshold =
                ((*vm).marked_bytes.max(live / 16) * ((*vm).pause_percent as u64 - 100) / 100)
                    .max(((*vm).region_bytes.min((*vm).cap) / 16).min(FRESH))
                    .clamp(32 << 10, u64::MAX);
            (*vm).live_bytes = (*vm).marked_bytes;
        }
    }

    pub(crate) fn set_mark(self, offset: u32, mark: u8) {
        let h = self.header(offset);
        self.set(offset, Header { mark, ..h });
    }

    fn mark(self, offset: u32) {
        if offset == 0 {
            return;
        }
        let h = self.header(offset);
        // SAFETY: plain fields.
        unsafe {
            let vm = self.vm();
            let live = (*vm).live;
            if h.mark & !GRAY == live || h.mark == MARK_MANUAL {
                return;
            }
            match h.kind {
                k if k == Kind::String as u8 => {
                    self.set_mark(offset, live);
                    (*vm).marked_bytes += self.get::<u32>(offset + 8) as u64 + 16;
                }
                k if k == Kind::Raw as u8 || k == Kind::Code as u8 => self.set_mark(offset, live),
                _ => {
                    let stack = &mut (*vm).mark_stack;
                    if stack.push(self, offset).is_ok() {
                        self.set_mark(offset, live);
                    } else {
                        self.set_mark(offset, live | GRAY);
                        (*vm).mark_overflow = true;
                    }
                }
            }
        }
    }

    #[inline]
    fn mark_value(self, v: Value) {
        if v.is_reference() {
            self.mark(v.payload());
        }
    }

    fn mark_roots(self) {
        // SAFETY: plain fields.
        unsafe {
            let vm = self.vm();
            (*vm).marked_bytes = 0;
            (*self.current()).top = self.offset_of((*vm).top);
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
            let handles = &(*vm).handles;
            for v in handles.iter() {
                self.mark_value(*v);
            }
        }
    }

    fn propagate(self) {
        // SAFETY: plain fields.
        unsafe {
            let vm = self.vm();
            loop {
                while let Some(offset) = {
                    let s = &mut (*vm).mark_stack;
                    s.pop()
                } {
                    self.trace(offset);
                }
                if !(*vm).mark_overflow {
                    break;
                }
                (*vm).mark_overflow = false;
                let live = (*vm).live;
                // Tracing one object at a time keeps the stack shallow here.
                let revisit = |offset: u32| {
                    if self.header(offset).mark == live | GRAY {
                        self.set_mark(offset, live);
                        self.trace(offset);
                    }
                };
                self.for_each_cell(revisit);
                self.for_each_span(revisit);
            }
            let s = &mut (*vm).mark_stack;
            s.truncate(0);
        }
    }

    fn mark_run(self, first: u32, n: u32) {
        for i in 0..n {
            self.mark_value(self.get(first + i * 8));
        }
    }

    /// Memory of one owner: marked without tracing (the owner traces it).
    fn mark_owned(self, offset: u32) {
        if offset != 0 && self.header(offset).mark != MARK_MANUAL {
            // SAFETY: plain field.
            self.set_mark(offset, unsafe { (*self.vm()).live });
        }
    }

    fn trace(self, offset: u32) {
        let h = self.header(offset);
        let mut bytes = 32u32;
        match h.kind {
            k if k == Kind::Table as u8 => {
                // SAFETY: a live table.
                unsafe {
                    let t: *const Table = self.at(offset);
                    self.mark((*t).shape);
                    self.mark((*t).meta);
                    self.mark_run(offset + SLOTS, (*t).inline_cap as u32);
                    bytes += (*t).inline_cap as u32 * 8 + (*t).array_cap * 8;
                    if (*t).props != 0 {
                        self.mark_owned((*t).props);
                        let n = self.header((*t).props).aux;
                        self.mark_run((*t).props + 8, n);
                        bytes += n * 8;
                    }
                    if (*t).array != 0 {
                        self.mark_owned((*t).array);
                        self.mark_run((*t).array + 8, (*t).array_cap);
                    }
                    if (*t).hash != 0 {
                        self.mark_owned((*t).hash);
                        let part: HashPart = self.get((*t).hash);
                        bytes += part.header.aux * 16;
                        for i in 0..part.header.aux {
                            let node: Node = self.get((*t).hash + NODES + i * 16);
                            self.mark_value(node.key);
                            self.mark_value(node.value);
                        }
                    }
                }
            }
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
            k if k == Kind::Values as u8 => self.mark_run(offset + 8, h.aux),
            k if k == Kind::Userdata as u8 => self.mark(h.aux),
            k if k == Kind::Thread as u8 => bytes += self.trace_thread(offset),
            k if k == Kind::Proto as u8 => bytes += self.trace_proto(offset),
            k if k == Kind::Shape as u8 => {
                let s: Shape = self.get(offset);
                self.mark(s.lineage);
                self.mark(s.meta);
                // Transitions are weak; `prune_shapes` marks the map if it is still needed.
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
        // SAFETY: plain field.
        unsafe { (*self.vm()).marked_bytes += bytes as u64 };
    }

    fn trace_thread(self, offset: u32) -> u32 {
        let t: Thread = self.get(offset);
        self.mark_owned(t.stack);
        self.mark(t.header.aux);
        self.mark(t.env);
        self.mark_owned(t.tails);
        if t.hook != 0 {
            self.mark_owned(t.hook);
            self.mark_value(self.get::<HookState>(t.hook).function);
        }
        let first = t.stack + 8;
        let end = first + t.slots * 8;
        // The running frame's registers, or the values in flight above them.
        let f = Value(self.get::<u64>(t.base - 16));
        let mut used = t.top.max(t.base);
        if f.has_tag(tag::CLOSURE) {
            let registers = self.header(self.header(f.payload()).aux).aux;
            used = used.max(t.base + (registers + 4) * 8);
        }
        let used = used.min(end);
        let mut p = first;
        while p < used {
            self.mark_value(self.get(p));
            p += 8;
        }
        // What is above is dead: it must not look alive later, when its objects are gone.
        while p < end {
            self.set(p, Value::NIL);
            p += 8;
        }
        t.slots * 8
    }

    fn trace_proto(self, offset: u32) -> u32 {
        let p: Proto = self.get(offset);
        self.mark_owned(p.entry - crate::proto::CODE_START);
        for s in [
            p.lines,
            p.upvalues,
            p.locals,
            p.constants,
            p.shapes,
            p.protos,
        ] {
            self.mark_owned(s.offset);
        }
        for d in self.slice::<UpvalueDesc>(p.upvalues) {
            self.mark(d.name.0);
        }
        for d in self.slice::<LocalDesc>(p.locals) {
            self.mark(d.name.0);
        }
        for v in self.slice::<Value>(p.constants) {
            self.mark_value(*v);
        }
        for list in [p.shapes, p.protos] {
            for &r in self.slice::<u32>(list) {
                self.mark(r);
            }
        }
        self.mark(p.source);
        p.code_words * 12
    }

    /// After marking: forgets dead prototypes, and clears caches that name a dead
    /// shape, in whose place another could appear.
    fn prune_code(self) {
        // SAFETY: the list holds every prototype; code consists of whole instructions.
        unsafe {
            let live = (*self.vm()).live;
            let mut p = (*self.vm()).protos;
            let mut kept = 0;
            while p != 0 {
                let proto: Proto = self.get(p);
                if proto.header.mark == live {
                    self.prune_caches(&proto);
                    self.set(
                        p,
                        Proto {
                            next: kept,
                            ..proto
                        },
                    );
                    kept = p;
                }
                p = proto.next;
            }
            (*self.vm()).protos = kept;
        }
    }

    fn prune_caches(self, proto: &Proto) {
        // SAFETY: plain field.
        let live = unsafe { (*self.vm()).live };
        let dead = |shape: u32| shape != 0 && self.header(shape).mark != live;
        let mut pc = proto.entry;
        let end = proto.entry + proto.code_words * 8;
        while pc < end {
            let insn = Insn::from_word(self.get(pc));
            let info = &OPS[insn.op as usize];
            match info.extra {
                Extra::Ic1 if dead(self.get(pc + 8)) => {
                    self.set(pc + 8, 0u64);
                }
                Extra::Ic2 => {
                    let new_shape = matches!(info.op, Op::SetFieldIN | Op::SetFieldON);
                    if dead(self.get(pc + 8)) || (new_shape && dead(self.get(pc + 20))) {
                        self.set(pc + 8, 0u64);
                        self.set(pc + 16, 0u64);
                        self.set(
                            pc,
                            Insn {
                                op: info.base as u8,
                                ..insn
                            },
                        );
                    }
                }
                _ => {}
            }
            pc += info.extra.words() as u32 * 8;
        }
    }
}
