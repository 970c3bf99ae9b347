//! Userdata: objects of the embedder and the library, with a metatable and an
//! environment of their own, and their finalizers (`__gc`).
//!
//! All userdata are on a list, the newest first. When marking finds one with a finalizer
//! dead, it moves to the list of those to be finalized, and lives on until that has
//! happened; so finalizers run in the reverse order of creation. A userdata is finalized
//! once, whatever becomes of it then.
//!
//! Called by: the library, the collector. Who calls finalizers: `calls/`.

use super::{Kind, NoMemory, Rt, UserdataRef};
use crate::heap::Header;
use crate::state::Event;

/// A userdata, followed by its data. Header: `b2` [`FINALIZED`], `b3` what it is (free for
/// the library), `aux` metatable or 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Userdata {
    pub header: Header,
    /// The next one of its list.
    pub next: u32,
    /// Environment.
    pub env: u32,
}

/// Offset of the data.
pub(crate) const USERDATA_DATA: u32 = size_of::<Userdata>() as u32;

/// Flag: its finalizer was called, or is about to be.
pub(crate) const FINALIZED: u8 = 1;

/// The lists of userdata; part of the VM state.
#[derive(Clone, Copy, Default)]
pub(crate) struct Userdatas {
    /// All but those to be finalized, the newest first.
    pub all: u32,
    /// Those to be finalized, in order.
    pub due: u32,
    /// The last one of these.
    pub last_due: u32,
    /// One whose finalizer is about to be called, or 0.
    pub current: u32,
}

impl Rt {
    /// A userdata with `size` bytes of data, which are zero.
    pub(crate) fn new_userdata(
        self,
        what: u8,
        size: u32,
        meta: u32,
        env: u32,
    ) -> Result<UserdataRef, NoMemory> {
        let bytes = size
            .checked_add(USERDATA_DATA + 7)
            .filter(|&b| b < 1 << 30)
            .ok_or(NoMemory)?
            & !7;
        let u = self.allocate(Kind::Userdata, bytes, 0, what, meta)?;
        let mut at = USERDATA_DATA;
        while at < bytes {
            self.set(u + at, 0u64);
            at += 8;
        }
        // SAFETY: plain fields.
        unsafe {
            let lists = &raw mut (*self.vm()).userdata;
            let next = (*lists).all;
            let header = self.header(u);
            self.set(u, Userdata { header, next, env });
            (*lists).all = u;
        }
        Ok(UserdataRef(u))
    }

    /// Changes the metatable (0: none).
    pub(crate) fn set_userdata_meta(self, u: UserdataRef, meta: u32) {
        self.barrier_object(u.0, meta);
        let header = self.header(u.0);
        self.set(
            u.0,
            Header {
                aux: meta,
                ..header
            },
        );
        // Caches may have looked along the old one.
        self.bump_epoch();
    }

    pub(crate) fn is_finalized(self, offset: u32) -> bool {
        self.header(offset).b2 & FINALIZED != 0
    }

    /// Nothing is gray: userdata that marking didn't reach leave the list, those with a
    /// finalizer for the list of those to be finalized; with `all`, the living as well.
    pub(crate) fn separate_userdata(self, all: bool) {
        // SAFETY: plain fields; the lists hold userdata, none swept yet.
        unsafe {
            let lists = &raw mut (*self.vm()).userdata;
            let mut place = &raw mut (*lists).all;
            while *place != 0 {
                let u = *place;
                let h = self.header(u);
                (*self.gc()).work -= 32;
                let next = &raw mut (*self.at::<Userdata>(u)).next;
                if self.is_marked(u) && !(all && h.b2 & FINALIZED == 0) {
                    place = next;
                    continue;
                }
                let finalizes = h.b2 & FINALIZED == 0
                    && h.aux != 0
                    && !self.event_handler(h.aux, Event::Gc).is_nil();
                if !finalizes {
                    if self.is_marked(u) {
                        place = next;
                    } else {
                        *place = *next;
                    }
                    continue;
                }
                *place = *next;
                *next = 0;
                (*self.at::<Userdata>(u)).header.b2 |= FINALIZED;
                if (*lists).due == 0 {
                    (*lists).due = u;
                } else {
                    (*self.at::<Userdata>((*lists).last_due)).next = u;
                }
                (*lists).last_due = u;
                self.mark(u);
            }
        }
    }

    /// The next userdata to be finalized; it goes back to the list of all. It stays alive
    /// until [`Rt::finalizer_has_begun`].
    pub(crate) fn take_due_userdata(self) -> Option<UserdataRef> {
        // SAFETY: plain fields.
        unsafe {
            let lists = &raw mut (*self.vm()).userdata;
            let u = (*lists).due;
            if u == 0 {
                return None;
            }
            let userdata: *mut Userdata = self.at(u);
            (*lists).due = (*userdata).next;
            (*userdata).next = (*lists).all;
            (*lists).all = u;
            (*lists).current = u;
            Some(UserdataRef(u))
        }
    }

    /// The userdata taken last is on the stack now.
    pub(crate) fn finalizer_has_begun(self) {
        // SAFETY: plain field.
        unsafe { (*self.vm()).userdata.current = 0 }
    }

    /// Userdata to be finalized are alive.
    pub(crate) fn mark_due_userdata(self) {
        // SAFETY: plain fields.
        unsafe {
            self.mark((*self.vm()).userdata.current);
            let mut u = (*self.vm()).userdata.due;
            while u != 0 {
                self.mark(u);
                u = self.get::<Userdata>(u).next;
            }
        }
    }
}
