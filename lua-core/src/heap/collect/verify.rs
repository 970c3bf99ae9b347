//! Checks the heap's invariants after every step of the collector: every reference in a
//! live object names a live object of its kind, parts have the sizes that their owners
//! say, frames are linked, caches name what is there.
//!
//! While marking goes on, the objects checked are the black ones (marked, not waiting to
//! be traced), and what they refer to must be marked: no black object refers to a white
//! one. Stacks, which have no barrier, are left out then.
//!
//! Only with the feature `extra-checks`: a broken invariant is a bug here, so it
//! panics, which a build for use must never do. Called by `collect.rs`.

use super::{GRAY, Phase};
use crate::frame::{DISTANCE_MASK, FrameKind};
use crate::heap::userdata::Userdata;
use crate::heap::{Kind, MARK_MANUAL, Rt, ShapeRef};
use crate::isa::{Extra, Insn, OPS, Op};
use crate::proto::{CLOSURE_UPVALUES, Closure, NATIVE_UPVALUES, Native, Proto};
use crate::shape::{DICTIONARY, Lineage, Shape, outline_capacity};
use crate::table::{HashPart, NODES, Node, SLOTS, Table, WEAK_KEYS, WEAK_VALUES};
use crate::thread::{Status, Thread};
use crate::value::{Value, tag};

impl Rt {
    /// Panics if an invariant doesn't hold.
    pub(super) fn verify(self) {
        // SAFETY: plain field.
        let live = unsafe { (*self.vm()).live };
        self.flag_gray(true);
        let check = |offset: u32| {
            let mark = self.header(offset).mark;
            if mark == live {
                self.verify_object(offset);
            } else {
                assert!(
                    matches!(mark, 1 | 2 | MARK_MANUAL) || mark == live | GRAY,
                    "mark {mark}"
                );
            }
        };
        self.for_each_cell(check);
        self.for_each_span(check);
        self.flag_gray(false);
        self.verify_strings();
    }

    /// Lets the marks of objects that wait to be traced tell so, or ends that.
    fn flag_gray(self, on: bool) {
        // SAFETY: plain fields; both lists hold marked objects.
        unsafe {
            let (gc, live) = (self.gc(), (*self.vm()).live);
            let mark = if on { live | GRAY } else { live };
            for list in [&(*gc).mark_stack, &(*gc).bigs] {
                for &offset in list.iter() {
                    self.set_mark(offset, mark);
                }
            }
            if (*gc).big != 0 {
                self.set_mark((*gc).big, mark);
            }
            // Those that didn't fit on the stack keep their flag.
            assert!(on || (*gc).phase == Phase::Marking || !(*gc).mark_overflow);
        }
    }

    fn is_marking(self) -> bool {
        self.phase() == Phase::Marking
    }

    /// A live object of this kind must be at `offset`.
    fn verify_reference(self, offset: u32, kind: Kind) {
        // SAFETY: plain fields.
        let (live, bytes) = unsafe { ((*self.vm()).live, (*self.vm()).region_bytes) };
        assert!(
            offset != 0 && offset.is_multiple_of(16) && (offset as u64) < bytes,
            "{kind:?} at {offset:#x}"
        );
        let h = self.header(offset);
        assert_eq!(h.kind, kind as u8, "{kind:?} at {offset:#x}");
        assert_eq!(h.mark & !GRAY, live, "dead {kind:?} at {offset:#x}");
    }

    fn verify_optional(self, offset: u32, kind: Kind) {
        if offset != 0 {
            self.verify_reference(offset, kind);
        }
    }

    fn verify_value(self, v: Value) {
        let kind = match v.tag() {
            tag::STRING => Kind::String,
            tag::TABLE => Kind::Table,
            tag::CLOSURE => Kind::Closure,
            tag::NATIVE => Kind::Native,
            tag::USERDATA => Kind::Userdata,
            tag::THREAD => Kind::Thread,
            tag::CELL => Kind::Cell,
            _ => {
                assert!(!v.is_reference());
                return;
            }
        };
        self.verify_reference(v.payload(), kind);
    }

    /// The weak side of a weak table.
    fn verify_weak(self, v: Value) {
        // White objects may be there while marking goes on.
        if !self.is_marking() {
            self.verify_value(v);
        }
    }

    fn verify_run(self, first: u32, n: u32) {
        for i in 0..n {
            self.verify_value(self.get(first + i * 8));
        }
    }

    fn verify_object(self, offset: u32) {
        let h = self.header(offset);
        match h.kind {
            k if k == Kind::Table as u8 => self.verify_table(offset),
            k if k == Kind::Closure as u8 => {
                let c: Closure = self.get(offset);
                self.verify_reference(h.aux, Kind::Proto);
                self.verify_reference(c.env, Kind::Table);
                assert_eq!(c.entry, self.get::<Proto>(h.aux).entry);
                self.verify_run(offset + CLOSURE_UPVALUES, h.b2 as u32);
            }
            k if k == Kind::Native as u8 => {
                let n: Native = self.get(offset);
                self.verify_optional(n.env, Kind::Table);
                self.verify_optional(n.name, Kind::String);
                self.verify_run(offset + NATIVE_UPVALUES, h.b2 as u32);
            }
            k if k == Kind::Cell as u8 => self.verify_run(offset + 8, 1),
            k if k == Kind::Thread as u8 => self.verify_thread(offset),
            k if k == Kind::Proto as u8 => self.verify_proto(offset),
            k if k == Kind::Shape as u8 => {
                let s: Shape = self.get(offset);
                self.verify_reference(s.lineage, Kind::Lineage);
                self.verify_optional(s.meta, Kind::Table);
                // Pruning marks the transitions that are still needed.
                if matches!(
                    self.phase(),
                    Phase::Idle | Phase::Sweeping | Phase::Finishing
                ) {
                    self.verify_optional(s.transitions, Kind::Raw);
                }
                assert!(h.aux <= self.header(s.lineage).aux);
            }
            k if k == Kind::Lineage as u8 => {
                let l: Lineage = self.get(offset);
                self.verify_reference(l.keys, Kind::Raw);
                self.verify_optional(l.map, Kind::Raw);
                assert!(h.aux <= l.capacity);
                for i in 0..h.aux {
                    self.verify_reference(self.get(l.keys + 8 + i * 4), Kind::String);
                }
            }
            k if k == Kind::Userdata as u8 => {
                self.verify_optional(h.aux, Kind::Table);
                self.verify_optional(self.get::<Userdata>(offset).env, Kind::Table);
            }
            k => assert!(k != Kind::Free as u8 && k <= Kind::Code as u8, "kind {k}"),
        }
    }

    fn verify_table(self, offset: u32) {
        // SAFETY: a live table.
        let t = unsafe { &*self.at::<Table>(offset) };
        self.verify_reference(t.shape, Kind::Shape);
        self.verify_optional(t.meta, Kind::Table);
        let shape: Shape = self.get(t.shape);
        if shape.header.b2 & DICTIONARY == 0 {
            assert_eq!(shape.meta, t.meta, "shape and table disagree");
            assert_eq!(shape.header.b3, t.inline_cap);
            let outline = outline_capacity(shape.header.aux, t.inline_cap as u32);
            let have = match t.props {
                0 => 0,
                p => self.header(p).aux,
            };
            assert!(have >= outline, "{have} slots for {outline} properties");
        }
        let (weak_keys, weak_values) = (t.flags & WEAK_KEYS != 0, t.flags & WEAK_VALUES != 0);
        let run = |first: u32, n: u32| {
            for i in 0..n {
                let v = self.get(first + i * 8);
                if weak_values {
                    self.verify_weak(v);
                } else {
                    self.verify_value(v);
                }
            }
        };
        run(offset + SLOTS, t.inline_cap as u32);
        for part in [t.props, t.array] {
            if part != 0 {
                self.verify_reference(part, Kind::Values);
                run(part + 8, self.header(part).aux);
            }
        }
        let slots = match t.array {
            0 => 0,
            a => self.header(a).aux,
        };
        assert_eq!(slots, t.array_cap);
        assert!(t.hint <= t.array_cap);
        if t.hash != 0 {
            self.verify_reference(t.hash, Kind::Nodes);
            let part: HashPart = self.get(t.hash);
            assert!(part.header.aux.is_power_of_two() && part.used < part.header.aux);
            let mut used = 0;
            for i in 0..part.header.aux {
                let node: Node = self.get(t.hash + NODES + i * 16);
                used += !node.key.is_nil() as u32;
                if node.value.is_nil() {
                    continue;
                }
                match weak_keys {
                    true => self.verify_weak(node.key),
                    false => self.verify_value(node.key),
                }
                match weak_values {
                    true => self.verify_weak(node.value),
                    false => self.verify_value(node.value),
                }
            }
            assert_eq!(used, part.used, "nodes in use");
        }
    }

    fn verify_thread(self, offset: u32) {
        let t: Thread = self.get(offset);
        self.verify_reference(t.stack, Kind::Values);
        assert_eq!(self.header(t.stack).aux, t.slots);
        let first = t.stack + 8;
        if !self.is_marking() {
            self.verify_optional(t.header.aux, Kind::Thread);
            self.verify_run(first, t.slots);
        }
        if t.fresh != 0 || t.header.b2 == Status::Dead as u8 {
            return;
        }
        // The frames, from the running one to the bottom.
        let mut base = t.base;
        loop {
            assert!(base >= first + 16 && base <= first + t.slots * 8, "base");
            let link = (self.get::<u64>(base - 8) >> 32) as u32;
            let distance = link & DISTANCE_MASK;
            match FrameKind::of(link) {
                FrameKind::Coroutine => break,
                FrameKind::Entry if distance == 0 => break,
                _ => {}
            }
            assert!(distance >= 16 && distance <= base - first, "link {link:#x}");
            base -= distance;
        }
        assert_eq!(base, first + 16, "the last frame lies at the bottom");
    }

    /// The table of strings holds strings, each in its line, and none that was swept.
    fn verify_strings(self) {
        self.for_each_string(|s| assert_eq!(self.header(s).kind, Kind::String as u8));
    }

    fn verify_proto(self, offset: u32) {
        let p: Proto = self.get(offset);
        self.verify_reference(p.source, Kind::String);
        self.verify_optional(p.constants.offset, Kind::Values);
        if matches!(self.phase(), Phase::Marking | Phase::Pruning) {
            // Caches are weak.
            return;
        }
        // SAFETY: plain field.
        let epoch = unsafe { (*self.vm()).epoch };
        let mut pc = p.entry;
        let end = p.entry + p.code_words * 8;
        while pc < end {
            let insn = Insn::from_word(self.get(pc));
            let info = &OPS[insn.op as usize];
            let shape: u32 = match info.extra {
                Extra::Ic1 | Extra::Ic2 => self.get(pc + 8),
                _ => 0,
            };
            self.verify_optional(shape, Kind::Shape);
            match info.op {
                Op::SetFieldIN | Op::SetFieldON => {
                    let (from, to) = (self.get::<Shape>(shape), self.get::<u32>(pc + 20));
                    self.verify_reference(to, Kind::Shape);
                    let to: Shape = self.get(to);
                    assert_eq!((from.meta, from.header.aux + 1), (to.meta, to.header.aux));
                }
                Op::GetFieldP | Op::MethodP if self.get::<u32>(pc + 16) == epoch => {
                    self.verify_chain(ShapeRef(shape), self.get(pc + 12));
                }
                _ => {}
            }
            pc += info.extra.words() as u32 * 8;
        }
        assert_eq!(pc, end, "code consists of whole instructions");
    }

    /// `slot` must be a property's slot in a table that objects of the shape inherit from.
    fn verify_chain(self, shape: ShapeRef, slot: u32) {
        let mut meta = self.get::<Shape>(shape.0).meta;
        for _ in 0..200 {
            let handler = self.event_handler(meta, crate::state::Event::Index);
            assert!(handler.has_tag(tag::TABLE), "a cache outlived its chain");
            // SAFETY: a live table.
            let t = unsafe { &*self.at::<Table>(handler.payload()) };
            let inline = handler.payload() + SLOTS;
            let props = if t.props == 0 {
                0..0
            } else {
                t.props + 8..t.props + 8 + self.header(t.props).aux * 8
            };
            if (inline..inline + t.inline_cap as u32 * 8).contains(&slot) || props.contains(&slot) {
                return;
            }
            meta = t.meta;
        }
        panic!("a cache names a slot outside of the chain");
    }
}
