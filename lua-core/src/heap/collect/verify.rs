//! Checks the heap's invariants after marking, before anything is swept: every
//! reference in a live object names a live object of its kind, parts have the sizes
//! that their owners say, frames are linked, caches name what is there.
//!
//! Only with the feature `extra-checks`: a broken invariant is a bug here, so it
//! panics, which a build for use must never do. Called by `Rt::collect`.

use crate::frame::{DISTANCE_MASK, FrameKind};
use crate::heap::{Kind, MARK_MANUAL, Rt, ShapeRef};
use crate::isa::{Extra, Insn, OPS, Op};
use crate::proto::{CLOSURE_UPVALUES, Closure, NATIVE_UPVALUES, Native, Proto};
use crate::shape::{DICTIONARY, Lineage, Shape, outline_capacity};
use crate::table::{HashPart, NODES, Node, SLOTS, Table};
use crate::thread::{Status, Thread};
use crate::value::{Value, tag};

impl Rt {
    /// Panics if an invariant doesn't hold.
    pub(super) fn verify(self) {
        // SAFETY: plain field.
        let live = unsafe { (*self.vm()).live };
        let check = |offset: u32| {
            if self.header(offset).mark == live {
                self.verify_object(offset);
            } else {
                let mark = self.header(offset).mark;
                assert!(mark == 3 - live || mark == MARK_MANUAL, "mark {mark}");
            }
        };
        self.for_each_cell(check);
        self.for_each_span(check);
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
        assert_eq!(h.mark, live, "dead {kind:?} at {offset:#x}");
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
                self.verify_optional(s.transitions, Kind::Raw);
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
        self.verify_run(offset + SLOTS, t.inline_cap as u32);
        for part in [t.props, t.array] {
            if part != 0 {
                self.verify_reference(part, Kind::Values);
                self.verify_run(part + 8, self.header(part).aux);
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
                self.verify_value(node.key);
                self.verify_value(node.value);
            }
            assert_eq!(used, part.used, "nodes in use");
        }
    }

    fn verify_thread(self, offset: u32) {
        let t: Thread = self.get(offset);
        self.verify_reference(t.stack, Kind::Values);
        self.verify_optional(t.header.aux, Kind::Thread);
        assert_eq!(self.header(t.stack).aux, t.slots);
        let first = t.stack + 8;
        self.verify_run(first, t.slots);
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

    fn verify_proto(self, offset: u32) {
        let p: Proto = self.get(offset);
        self.verify_reference(p.source, Kind::String);
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
