fn main() {
    let a: Vec<_> = std::env::args().collect();
    match stencil_compiler::build(a[2].as_ref(), None) {
        Ok(b) => stencil_compiler::writer::write_file(a[4].as_ref(), &b).unwrap(),
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(1)
        }
    }
}
