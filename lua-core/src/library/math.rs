//! `math`: C's functions on doubles, through `libm`, and a random number
//! generator with its state in the VM.

use super::Functions;
use crate::error::Raise;
use crate::heap::{NoMemory, Rt};
use crate::native::{Call, NativeFn, Results};
use crate::ops::arith::{floor, power, sqrt as square_root};
use crate::random::Random;
use crate::value::{Value, tag};

macro_rules! of_one_number {
    ($($name:ident $x:ident $result:expr;)*) => {$(
        fn $name(call: &mut Call) -> Result<Results, Raise> {
            let $x = call.check_number(0)?;
            call.ret(Value::number($result))
        }
    )*};
}

of_one_number! {
    abs x x.abs();
    // Outside of the domain C's NaN has no sign, which `tostring` shows.
    acos x if x.abs() > 1.0 { f64::NAN } else { libm::acos(x) };
    asin x if x.abs() > 1.0 { f64::NAN } else { libm::asin(x) };
    atan x libm::atan(x);
    // A result of 0 from below is -0, as C has it.
    ceil x -floor(-x);
    cos x libm::cos(x);
    cosh x if x.is_nan() { x } else { libm::cosh(x) };
    deg x x * (180.0 / core::f64::consts::PI);
    exp x libm::exp(x);
    floor_ x floor(x);
    log x libm::log(x);
    log10 x if x < 0.0 { f64::NAN } else { libm::log10(x) };
    rad x x * (core::f64::consts::PI / 180.0);
    sin x libm::sin(x);
    sinh x if x.is_nan() { x } else { libm::sinh(x) };
    sqrt x square_root(x);
    tan x libm::tan(x);
    tanh x libm::tanh(x);
}

const FUNCTIONS: &Functions = &[
    ("abs", abs),
    ("acos", acos),
    ("asin", asin),
    ("atan", atan),
    ("atan2", atan2),
    ("ceil", ceil),
    ("cos", cos),
    ("cosh", cosh),
    ("deg", deg),
    ("exp", exp),
    ("floor", floor_),
    ("fmod", fmod),
    ("frexp", frexp),
    ("ldexp", ldexp),
    ("log", log),
    ("log10", log10),
    ("max", max),
    ("min", min),
    ("modf", modf),
    ("pow", pow),
    ("rad", rad),
    ("sin", sin),
    ("sinh", sinh),
    ("sqrt", sqrt),
    ("tan", tan),
    ("tanh", tanh),
];

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("math", FUNCTIONS)?;
    let math = rt.library_table("math")?;
    rt.set_member(math, "pi", Value::number(core::f64::consts::PI))?;
    rt.set_member(math, "huge", Value::number(f64::INFINITY))?;
    // The name that `fmod` had in Lua 5.0; the same function, as in the reference.
    let fmod = rt.raw_get_str(math, rt.intern(b"fmod")?);
    rt.set_member(math, "mod", fmod)?;

    // Memory without references, shared by the two functions, that lives as long as the VM.
    let state = rt.allocate_manual(8 + size_of::<Random>() as u32)?;
    // SAFETY: plain field.
    rt.set(state + 8, Random::new(unsafe { (*rt.vm()).seed }));
    let functions: [(&str, NativeFn); 2] = [("random", random), ("randomseed", randomseed)];
    for (name, f) in functions {
        let key = rt.intern(name.as_bytes())?;
        let upvalue = Value::tagged(tag::LIGHT, state + 8);
        let n = rt.new_native(f, 0, key.0, rt.globals().0, &[upvalue])?;
        rt.raw_set_str(math, key, n.value())?;
    }
    Ok(())
}

fn atan2(call: &mut Call) -> Result<Results, Raise> {
    let (y, x) = (call.check_number(0)?, call.check_number(1)?);
    call.ret(Value::number(libm::atan2(y, x)))
}

fn pow(call: &mut Call) -> Result<Results, Raise> {
    let (x, y) = (call.check_number(0)?, call.check_number(1)?);
    call.ret(Value::number(power(x, y)))
}

fn fmod(call: &mut Call) -> Result<Results, Raise> {
    let (x, y) = (call.check_number(0)?, call.check_number(1)?);
    // Whole numbers are the common case, and `libm` goes bit by bit.
    const EXACT: f64 = 9007199254740992.0;
    if x.abs() < EXACT && y.abs() < EXACT && y != 0.0 {
        let (i, j) = (x as i64, y as i64);
        if i as f64 == x && j as f64 == y {
            let r = (i % j) as f64;
            return call.ret(Value::number(r.copysign(x)));
        }
    }
    call.ret(Value::number(libm::fmod(x, y)))
}

fn frexp(call: &mut Call) -> Result<Results, Raise> {
    let x = call.check_number(0)?;
    // `libm` leaves the exponent of these open.
    let (m, e) = if x == 0.0 || !x.is_finite() {
        (x, 0)
    } else {
        libm::frexp(x)
    };
    call.ret_many(&[Value::number(m), Value::number(e as f64)])
}

fn ldexp(call: &mut Call) -> Result<Results, Raise> {
    let x = call.check_number(0)?;
    let e = call.check_int(1)?;
    call.ret(Value::number(libm::ldexp(x, e)))
}

fn modf(call: &mut Call) -> Result<Results, Raise> {
    let x = call.check_number(0)?;
    let whole = if x < 0.0 { -floor(-x) } else { floor(x) };
    let fraction = if x.is_infinite() { 0.0 } else { x - whole };
    call.ret_many(&[Value::number(whole), Value::number(fraction.copysign(x))])
}

fn max(call: &mut Call) -> Result<Results, Raise> {
    let mut best = call.check_number(0)?;
    for i in 1..call.count() {
        let x = call.check_number(i)?;
        if x > best {
            best = x;
        }
    }
    call.ret(Value::number(best))
}

fn min(call: &mut Call) -> Result<Results, Raise> {
    let mut best = call.check_number(0)?;
    for i in 1..call.count() {
        let x = call.check_number(i)?;
        if x < best {
            best = x;
        }
    }
    call.ret(Value::number(best))
}

// ---- random numbers

fn random(call: &mut Call) -> Result<Results, Raise> {
    // All checks come first: a failing call takes no number from the sequence.
    let (low, high) = match call.count() {
        0 => (0, 0),
        1 => {
            let high = call.check_int(0)?;
            if high < 1 {
                return Err(call.bad_argument(0, b"interval is empty"));
            }
            (1, high)
        }
        2 => {
            let (low, high) = (call.check_int(0)?, call.check_int(1)?);
            if low > high {
                return Err(call.bad_argument(1, b"interval is empty"));
            }
            (low, high)
        }
        _ => return Err(call.rt().raise_text(b"wrong number of arguments")),
    };
    let rt = call.rt();
    let state = call.upvalue(0).payload();
    let mut generator: Random = rt.get(state);
    let r = generator.unit();
    rt.set(state, generator);
    if call.count() == 0 {
        return call.ret(Value::number(r));
    }
    call.ret(Value::number(Random::within(r, low, high)))
}

fn randomseed(call: &mut Call) -> Result<Results, Raise> {
    let seed = call.check_number(0)?;
    let state = call.upvalue(0).payload();
    call.rt().set(state, Random::new(seed.to_bits()));
    call.ret0()
}
