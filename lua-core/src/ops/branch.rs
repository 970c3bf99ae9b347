//! Jumps and comparisons. A jump is *taken* or control goes to the next
//! instruction; both ways are separate exits, so that the processor predicts
//! them instead of computing an address from the comparison.

use super::{Flow, Machine, Operands, Part};
use crate::value::{Value, tag};
use core::hint::cold_path;

/// pc += d
#[inline(always)]
pub fn jump<O: Operands>(_m: Machine, _o: O) -> Flow {
    Flow::Taken
}

/// tick; pc += d
#[inline(always)]
pub fn jump_back<O: Operands>(m: Machine, _o: O) -> Flow {
    if m.tick() {
        cold_path();
        return Flow::Trap;
    }
    Flow::Taken
}

#[inline(always)]
fn when(condition: bool) -> Flow {
    if condition { Flow::Taken } else { Flow::Next }
}

/// if R[a] then pc += d
#[inline(always)]
pub fn jump_if<O: Operands>(m: Machine, o: O) -> Flow {
    when(m.reg(o.a()) < Value::FALSE.0)
}

/// if not R[a] then pc += d
#[inline(always)]
pub fn jump_if_not<O: Operands>(m: Machine, o: O) -> Flow {
    when(m.reg(o.a()) >= Value::FALSE.0)
}

/// if R[b] then R[a] = R[b]; pc += d
#[inline(always)]
pub fn copy_jump_if<O: Operands>(m: Machine, o: O) -> Flow {
    let v = m.reg(o.b());
    if v < Value::FALSE.0 {
        m.set_reg(o.a(), v);
        return Flow::Taken;
    }
    Flow::Next
}

/// if not R[b] then R[a] = R[b]; pc += d
#[inline(always)]
pub fn copy_jump_if_not<O: Operands>(m: Machine, o: O) -> Flow {
    let v = m.reg(o.b());
    if v >= Value::FALSE.0 {
        m.set_reg(o.a(), v);
        return Flow::Taken;
    }
    Flow::Next
}

/// Equality; `None` when a metamethod may decide.
#[inline(always)]
fn equal(m: Machine, x: u64, y: u64) -> Option<bool> {
    if m.is_number(x) {
        if m.is_number(y) {
            return Some(f64::from_bits(x) == f64::from_bits(y));
        }
        return Some(false);
    }
    if x == y {
        return Some(true);
    }
    let t = (x >> 32) as u32;
    if t == (y >> 32) as u32 && (t == tag::TABLE || t == tag::USERDATA) {
        cold_path();
        // Metatable fields: tables at +8, userdata at +4 (`aux`).
        if t == tag::TABLE && (m.get::<u32>(x as u32, 8) == 0 || m.get::<u32>(y as u32, 8) == 0) {
            return Some(false);
        }
        return None;
    }
    Some(false)
}

/// if R[a] == R[b] then pc += d
#[inline(always)]
pub fn jump_eq<O: Operands>(m: Machine, o: O) -> Flow {
    match equal(m, m.reg(o.a()), m.reg(o.b())) {
        Some(true) => Flow::Taken,
        Some(false) => Flow::Next,
        None => Flow::Rest(Part::Equal),
    }
}

/// if not (R[a] == R[b]) then pc += d
#[inline(always)]
pub fn jump_ne<O: Operands>(m: Machine, o: O) -> Flow {
    match equal(m, m.reg(o.a()), m.reg(o.b())) {
        Some(true) => Flow::Next,
        Some(false) => Flow::Taken,
        None => Flow::Rest(Part::Equal),
    }
}

/// if R[a] == K, a number, then pc += d
#[inline(always)]
pub fn jump_eq_n<O: Operands>(m: Machine, o: O) -> Flow {
    let x = o.number_a(m);
    // A tagged value read as a double is a NaN, which equals nothing.
    when(x == f64::from_bits(o.k()))
}

/// if not (R[a] == K), a number, then pc += d
#[inline(always)]
pub fn jump_ne_n<O: Operands>(m: Machine, o: O) -> Flow {
    let x = o.number_a(m);
    if x == f64::from_bits(o.k()) {
        Flow::Next
    } else {
        Flow::Taken
    }
}

/// if R[a] == K, nil, boolean or string, then pc += d
#[inline(always)]
pub fn jump_eq_c<O: Operands>(m: Machine, o: O) -> Flow {
    when(m.reg(o.a()) == o.k())
}

/// if not (R[a] == K), nil, boolean or string, then pc += d
#[inline(always)]
pub fn jump_ne_c<O: Operands>(m: Machine, o: O) -> Flow {
    when(m.reg(o.a()) != o.k())
}

/// Ordered unless one is a NaN, which what isn't a number reads as: one test for both
/// operands. A comparison with a number that is a NaN takes the slow path.
macro_rules! order {
    ($($name:ident $m:ident $o:ident ($x:expr, $y:expr) $cmp:tt $yes:ident $no:ident $doc:literal;)*) => {$(
        #[doc = $doc]
        #[inline(always)]
        pub fn $name<O: Operands>($m: Machine, $o: O) -> Flow {
            let (x, y) = ($x, $o.other($y));
            if y.is_nan() | x.is_nan() {
                cold_path();
                return Flow::Rest(Part::Order);
            }
            if x $cmp y { Flow::$yes } else { Flow::$no }
        }
    )*};
}

order! {
    jump_lt m o (o.number_a(m), o.number_b(m)) < Taken Next "if R[a] < R[b] then pc += d";
    jump_not_lt m o (o.number_a(m), o.number_b(m)) < Next Taken "if not (R[a] < R[b]) then pc += d";
    jump_le m o (o.number_a(m), o.number_b(m)) <= Taken Next "if R[a] <= R[b] then pc += d";
    jump_not_le m o (o.number_a(m), o.number_b(m)) <= Next Taken "if not (R[a] <= R[b]) then pc += d";
    jump_lt_vk m o (o.number_a(m), f64::from_bits(o.k())) < Taken Next "if R[a] < K then pc += d";
    jump_not_lt_vk m o (o.number_a(m), f64::from_bits(o.k())) < Next Taken "if not (R[a] < K) then pc += d";
    jump_le_vk m o (o.number_a(m), f64::from_bits(o.k())) <= Taken Next "if R[a] <= K then pc += d";
    jump_not_le_vk m o (o.number_a(m), f64::from_bits(o.k())) <= Next Taken "if not (R[a] <= K) then pc += d";
    jump_lt_kv m o (f64::from_bits(o.k()), o.number_a(m)) < Taken Next "if K < R[a] then pc += d";
    jump_not_lt_kv m o (f64::from_bits(o.k()), o.number_a(m)) < Next Taken "if not (K < R[a]) then pc += d";
    jump_le_kv m o (f64::from_bits(o.k()), o.number_a(m)) <= Taken Next "if K <= R[a] then pc += d";
    jump_not_le_kv m o (f64::from_bits(o.k()), o.number_a(m)) <= Next Taken "if not (K <= R[a]) then pc += d";
}

macro_rules! at_loop_end {
    ($($name:ident $condition:ident;)*) => {$(
        #[doc = concat!("A tick; then [`", stringify!($condition), "`], which goes back.")]
        #[inline(always)]
        pub fn $name<O: Operands>(m: Machine, o: O) -> Flow {
            if m.tick() {
                cold_path();
                return Flow::Trap;
            }
            $condition(m, o)
        }
    )*};
}

at_loop_end! {
    loop_if jump_if;
    loop_if_not jump_if_not;
    loop_eq jump_eq;
    loop_ne jump_ne;
    loop_eq_n jump_eq_n;
    loop_ne_n jump_ne_n;
    loop_eq_c jump_eq_c;
    loop_ne_c jump_ne_c;
    loop_lt jump_lt;
    loop_not_lt jump_not_lt;
    loop_le jump_le;
    loop_not_le jump_not_le;
    loop_lt_vk jump_lt_vk;
    loop_not_lt_vk jump_not_lt_vk;
    loop_le_vk jump_le_vk;
    loop_not_le_vk jump_not_le_vk;
    loop_lt_kv jump_lt_kv;
    loop_not_lt_kv jump_not_lt_kv;
    loop_le_kv jump_le_kv;
    loop_not_le_kv jump_not_le_kv;
}
