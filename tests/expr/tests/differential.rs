//! Random expressions: what the compiled code computes is what evaluating the
//! tree gives, bit for bit, and text and tree say the same.

use expr_client::syntax::{Expr, parse};
use expr_client::{Engine, Error};
use proptest::prelude::*;

/// The meaning of the language, stated a second time on purpose: the oracle.
fn evaluate(expr: &Expr, values: &[f64]) -> f64 {
    match expr {
        Expr::Number(value) => *value,
        Expr::Variable(index) => values[*index],
        Expr::Binary(operation, sides) => {
            let (left, right) = (evaluate(&sides[0], values), evaluate(&sides[1], values));
            let truth = |holds| if holds { 1.0 } else { 0.0 };
            match *operation {
                "add" => left + right,
                "sub" => left - right,
                "mul" => left * right,
                "div" => left / right,
                "lt" => truth(left < right),
                "le" => truth(left <= right),
                "eq" => truth(left == right),
                "ne" => truth(left != right),
                other => panic!("no operation {other}"),
            }
        }
        Expr::Choice(parts) => {
            let condition = evaluate(&parts[0], values);
            // NaN isn't zero.
            evaluate(&parts[if condition == 0.0 { 2 } else { 1 }], values)
        }
    }
}

/// The expression as text, with `v0`, `v1`, .. for its variables. `turned`:
/// write `a < b` as `b > a`.
fn print(expr: &Expr, turned: bool) -> String {
    match expr {
        Expr::Number(value) => format!("{value:?}"),
        Expr::Variable(index) => format!("v{index}"),
        Expr::Binary(operation, sides) => {
            let (left, right) = (print(&sides[0], turned), print(&sides[1], turned));
            let sign = match *operation {
                "add" => "+",
                "sub" => "-",
                "mul" => "*",
                "div" => "/",
                "lt" if turned => return format!("({right}>{left})"),
                "le" if turned => return format!("({right} >= {left})"),
                "lt" => "<",
                "le" => "<=",
                "eq" => "==",
                "ne" => "!=",
                other => panic!("no operation {other}"),
            };
            format!("({left} {sign}{right})")
        }
        Expr::Choice(parts) => {
            let [a, b, c] = [0, 1, 2].map(|part: usize| print(&parts[part], turned));
            format!("({a}?{b} : {c})")
        }
    }
}

fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(1.0),
        Just(f64::from(i32::MAX)),
        Just(2_147_483_648.0),
        Just(f64::from(u32::MAX)),
        Just(4_294_967_296.0),
        Just(f64::MIN_POSITIVE),
        Just(f64::MAX),
        (0..10_u32).prop_map(f64::from),
        any::<f64>()
            .prop_filter("can be written", |value| value.is_finite())
            .prop_map(f64::abs),
    ]
}

fn expressions() -> impl Strategy<Value = Expr> {
    const OPERATIONS: [&str; 8] = ["add", "sub", "mul", "div", "lt", "le", "eq", "ne"];
    let leaf = prop_oneof![
        numbers().prop_map(Expr::Number),
        (0..4_usize).prop_map(Expr::Variable),
    ];
    leaf.prop_recursive(6, 64, 3, |inner| {
        let binary = (
            prop::sample::select(&OPERATIONS),
            inner.clone(),
            inner.clone(),
        )
            .prop_map(|(operation, a, b)| Expr::Binary(operation, Box::new([a, b])));
        let choice = (inner.clone(), inner.clone(), inner)
            .prop_map(|(a, b, c)| Expr::Choice(Box::new([a, b, c])));
        prop_oneof![3 => binary, 1 => choice]
    })
}

/// The values of a program's variables, given those of `v0`, `v1`, ..
fn by_name(names: &[String], values: &[f64; 4]) -> Vec<f64> {
    names
        .iter()
        .map(|name| values[name[1..].parse::<usize>().expect("v and a digit")])
        .collect()
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn compiled_is_evaluated(
        expr in expressions(),
        values in prop::array::uniform4(prop_oneof![numbers(), any::<f64>()]),
        turned in any::<bool>(),
    ) {
        thread_local! {
            static ENGINE: std::cell::RefCell<Engine> =
                std::cell::RefCell::new(Engine::new(1 << 16).expect("memory"));
        }
        let text = print(&expr, turned);
        let expected = evaluate(&expr, &values);
        let (parsed, names) = parse(&text).expect("what was printed");
        let read = evaluate(&parsed, &by_name(&names, &values));
        prop_assert!(same(read, expected), "{text}: read as {parsed:?}");
        ENGINE.with_borrow_mut(|engine| {
            let program = engine.compile(&text).expect("code");
            let found = engine.run(&program, &by_name(&program.variables, &values));
            engine.free(program);
            let found = found.expect("all values");
            prop_assert!(same(found, expected), "{text}: {found} instead of {expected}");
            Ok(())
        })?;
    }

    #[test]
    fn any_text_is_an_answer(text in "[ -~]{0,40}|[-+*/<>=!?:()0-9.ex ]{0,40}|\\PC{0,20}") {
        // What it is doesn't matter; a panic would.
        let _ = parse(&text);
    }
}

fn value(text: &str) -> f64 {
    let mut engine = Engine::new(1 << 16).expect("memory");
    let program = engine.compile(text).expect("code");
    engine.run(&program, &[]).expect("no variables")
}

#[test]
fn operators_bind_as_usual() {
    assert_eq!(value("1 + 2 * 3 - 8 / 4"), 5.0);
    assert_eq!(value("8 - 2 - 1"), 5.0);
    assert_eq!(value("-2 * -3"), 6.0);
    assert_eq!(value("1 < 2 ? 10 : 20"), 10.0);
    assert_eq!(value("0 ? 1 : 0 ? 2 : 3"), 3.0);
    assert_eq!(value("1 + 1 >= 2"), 1.0);
    assert_eq!(value("0/0 ? 1 : 2"), 1.0, "NaN isn't zero");
    assert_eq!(value("1e3 + 2.5e-1"), 1000.25);
}

#[test]
fn errors_say_where_and_what() {
    let error = |text: &str| parse(text).expect_err("not an expression");
    assert_eq!(
        error("1 + "),
        Error::Syntax {
            at: 4,
            expected: "a number, a name, `-` or `(`"
        }
    );
    assert_eq!(
        error("1 2"),
        Error::Syntax {
            at: 2,
            expected: "an operator or the end"
        }
    );
    assert_eq!(
        error("(1"),
        Error::Syntax {
            at: 2,
            expected: "`)`"
        }
    );
    assert_eq!(
        error("1 ? 2"),
        Error::Syntax {
            at: 5,
            expected: "`:`"
        }
    );
    assert_eq!(
        error("1.2.3"),
        Error::Syntax {
            at: 0,
            expected: "a number"
        }
    );
    assert_eq!(error(&"(".repeat(100_000)), Error::TooLong);
    assert_eq!(error(&"-".repeat(100_000)), Error::TooLong);
    assert_eq!(error(&"1+".repeat(100_000)), Error::TooLong);
    assert_eq!(error(&"1?".repeat(100_000)), Error::TooLong);
    let mut engine = Engine::new(1 << 16).expect("memory");
    let program = engine.compile("x + y").expect("code");
    assert_eq!(
        engine.run(&program, &[1.0]),
        Err(Error::NoValue("y".into()))
    );
}

#[test]
fn a_full_region_is_an_error_and_freeing_helps() {
    let mut engine = Engine::new(4096).expect("memory");
    let text = ["x"; 20].join(" * ");
    let mut programs = Vec::new();
    let error = loop {
        match engine.compile(&text) {
            Ok(program) => programs.push(program),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, Error::Emit(rt_nostd::EmitError::Space(_))),
        "{error:?}"
    );
    assert!(!programs.is_empty());
    engine.free(programs.swap_remove(0));
    let program = engine.compile(&text).expect("the space of the freed one");
    assert_eq!(engine.run(&program, &[2.0]), Ok(f64::from(1 << 20)));
}

#[test]
fn the_program() {
    let run = |arguments: &[&str]| {
        let program = env!("CARGO_BIN_EXE_expr-client");
        let output = std::process::Command::new(program).args(arguments).output();
        let output = output.expect("it runs");
        (
            output.status.success(),
            String::from_utf8(output.stdout).expect("text"),
        )
    };
    assert_eq!(run(&["x*2+1", "x=3"]), (true, "7\n".into()));
    assert_eq!(
        run(&["x > y ? x : y", "y=4.5", "x=3"]),
        (true, "4.5\n".into())
    );
    assert_eq!(run(&["x*2+1"]), (false, String::new()));
    assert_eq!(run(&["x*", "x=3"]), (false, String::new()));
    assert_eq!(run(&[]), (false, String::new()));
}
