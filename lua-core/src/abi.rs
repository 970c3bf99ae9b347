//! The ABI fingerprint: what a bundle's handlers and this crate must agree on.
//! A bundle with another fingerprint is refused.

use crate::frame::{DISTANCE_MASK, FRAME_SLACK, TAIL, TAILS_COUNTED};
use crate::heap::cells::Block;
use crate::isa::{CALL_BYTES, OPS};
use crate::proto::{
    COMPILED_BEFORE_ENTRY, Closure, FRAME_BYTES_BEFORE_ENTRY, INTERPRETED_BEFORE_ENTRY,
    MAP_BEFORE_ENTRY, NATIVE_UPVALUES, Proto, SIGNATURE_BEFORE_ENTRY, SIGNATURE_COMPILED,
    SIGNATURE_LARGE, SIGNATURE_UNCOMPILED, SIGNATURE_VARIADIC, SMALL_FRAME,
};
use crate::shape::{Lineage, Shape};
use crate::shortcuts::SHORTCUTS;
use crate::state::VmState;
use crate::table::{HashPart, Table};
use crate::thread::Thread;
use core::mem::offset_of;

/// FNV-1a, four lanes with different seeds; not cryptographic: it guards
/// against mistakes, not against forgers.
const fn mix(mut h: [u64; 4], x: u64) -> [u64; 4] {
    let mut i = 0;
    while i < 4 {
        h[i] = (h[i] ^ x.wrapping_add(i as u64)).wrapping_mul(0x0000_0100_0000_01B3);
        h[i] ^= h[i] >> 29;
        i += 1;
    }
    h
}

const fn fingerprint() -> [u8; 32] {
    let mut h = [
        0xcbf2_9ce4_8422_2325,
        0x9E37_79B9_7F4A_7C15,
        0xD6E8_FEB8_6659_FD93,
        0xA076_1D64_78BD_642F,
    ];
    let facts = [
        6, // version of everything that isn't listed here
        offset_of!(VmState, tick) as u64,
        offset_of!(VmState, epoch) as u64,
        offset_of!(VmState, stack_limit) as u64,
        offset_of!(VmState, small_limit) as u64,
        offset_of!(VmState, top) as u64,
        offset_of!(VmState, next_fn) as u64,
        offset_of!(VmState, ipairs_fn) as u64,
        offset_of!(VmState, live) as u64,
        offset_of!(VmState, fresh) as u64,
        offset_of!(VmState, barrier) as u64,
        offset_of!(VmState, forced) as u64,
        offset_of!(VmState, left) as u64,
        offset_of!(VmState, cells) as u64,
        offset_of!(VmState, cells.cycle) as u64,
        offset_of!(Block, swept) as u64,
        offset_of!(VmState, dispatch) as u64,
        offset_of!(VmState, handlers) as u64,
        offset_of!(VmState, shortcuts) as u64,
        offset_of!(VmState, compiled_shortcuts) as u64,
        offset_of!(VmState, code_base) as u64,
        offset_of!(VmState, compiled_entries) as u64,
        offset_of!(VmState, thread) as u64,
        offset_of!(VmState, dict_shape) as u64,
        offset_of!(VmState, library) as u64,
        offset_of!(VmState, stubs) as u64,
        offset_of!(VmState, event_names) as u64,
        offset_of!(VmState, meanings) as u64,
        offset_of!(VmState, type_meta) as u64,
        offset_of!(Table, shape) as u64,
        offset_of!(Table, meta) as u64,
        offset_of!(Table, props) as u64,
        offset_of!(Table, array) as u64,
        offset_of!(Table, array_cap) as u64,
        offset_of!(Table, hash) as u64,
        offset_of!(Shape, lineage) as u64,
        offset_of!(Lineage, keys) as u64,
        size_of::<HashPart>() as u64,
        offset_of!(Thread, stack) as u64,
        offset_of!(Thread, slots) as u64,
        offset_of!(Thread, base) as u64,
        offset_of!(Thread, pc) as u64,
        offset_of!(Thread, top) as u64,
        offset_of!(Thread, entries) as u64,
        offset_of!(Thread, fresh) as u64,
        offset_of!(Thread, depth) as u64,
        offset_of!(Thread, hook) as u64,
        offset_of!(Closure, env) as u64,
        offset_of!(Closure, entry) as u64,
        offset_of!(Proto, entry) as u64,
        offset_of!(Proto, upvalues) as u64,
        NATIVE_UPVALUES as u64,
        crate::value::TAG,
        crate::value::INFINITY_TWICE,
        SIGNATURE_BEFORE_ENTRY as u64,
        SIGNATURE_VARIADIC as u64,
        SIGNATURE_LARGE as u64,
        SIGNATURE_UNCOMPILED as u64,
        SIGNATURE_COMPILED as u64,
        INTERPRETED_BEFORE_ENTRY as u64,
        COMPILED_BEFORE_ENTRY as u64,
        MAP_BEFORE_ENTRY as u64,
        FRAME_BYTES_BEFORE_ENTRY as u64,
        SMALL_FRAME as u64,
        FRAME_SLACK as u64,
        DISTANCE_MASK as u64,
        TAIL as u64,
        TAILS_COUNTED as u64,
        CALL_BYTES as u64,
    ];
    let mut i = 0;
    while i < facts.len() {
        h = mix(h, facts[i]);
        i += 1;
    }
    let mut op = 0;
    while op < OPS.len() {
        let name = OPS[op].name.as_bytes();
        let mut j = 0;
        while j < name.len() {
            h = mix(h, name[j] as u64);
            j += 1;
        }
        h = mix(h, OPS[op].extra.words() as u64);
        op += 1;
    }
    let mut shortcut = 0;
    while shortcut < SHORTCUTS.len() {
        let name = SHORTCUTS[shortcut].0.as_bytes();
        let mut j = 0;
        while j < name.len() {
            h = mix(h, name[j] as u64);
            j += 1;
        }
        shortcut += 1;
    }
    let mut out = [0; 32];
    let mut i = 0;
    while i < 32 {
        out[i] = (h[i / 8] >> (i % 8 * 8)) as u8;
        i += 1;
    }
    out
}

/// The fingerprint of this build.
pub const FINGERPRINT: [u8; 32] = fingerprint();
