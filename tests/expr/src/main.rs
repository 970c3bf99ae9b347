//! `expr-client 'x*2+1' x=3`: compiles an expression and runs it.

use std::process::ExitCode;

use expr_client::{Engine, Error};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(text) = arguments.next() else {
        eprintln!("usage: expr-client EXPRESSION [NAME=NUMBER]...");
        return ExitCode::FAILURE;
    };
    let given: Vec<String> = arguments.collect();
    match evaluate(&text, &given) {
        Ok(value) => {
            println!("{value}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("expr-client: {error:?}");
            ExitCode::FAILURE
        }
    }
}

fn evaluate(text: &str, given: &[String]) -> Result<f64, Error> {
    let mut engine = Engine::new(1 << 20)?;
    let program = engine.compile(text)?;
    let value = |name: &String| {
        let found = given
            .iter()
            .filter_map(|pair| pair.split_once('='))
            .find(|(n, _)| n == name);
        let number = found.and_then(|(_, number)| number.parse().ok());
        number.ok_or_else(|| Error::NoValue(name.clone()))
    };
    let values: Vec<f64> = program
        .variables
        .iter()
        .map(value)
        .collect::<Result<_, _>>()?;
    engine.run(&program, &values)
}
