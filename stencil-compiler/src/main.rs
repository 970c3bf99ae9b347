//! The program `stencil-compiler`: builds bundles and looks into them.
//!
//! Only reads arguments, calls the library and prints. Exit status: 0 when all
//! is well, 1 for an error, a bad bundle or bundles that differ, 2 for a
//! command line that isn't understood.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use stencil_compiler::error::Error;
use stencil_compiler::settings::{BuildOptions, Technique};
use stencil_compiler::{build_with, diff, disasm, embedded, emit_obj, inspect, writer};
use stencil_format::Bundle;

/// Compiles stencils written in Rust into a bundle, and looks into bundles
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build a stencil package into a bundle
    Build {
        /// The package's folder
        package: PathBuf,
        /// The bundle to write
        #[arg(short, long)]
        output: PathBuf,
        /// Where cargo puts its output [default: target/stencils of the package's workspace]
        #[arg(long)]
        target_dir: Option<PathBuf>,
        /// Leave something out, to measure what it is worth
        #[arg(long, value_delimiter = ',')]
        without: Vec<Technique>,
        /// Features of the package
        #[arg(long, value_delimiter = ',')]
        features: Vec<String>,
    },
    /// Say what a bundle is; finds bundles inside ELF and PE images too
    Inspect {
        /// A bundle or an image
        file: PathBuf,
    },
    /// Print a bundle's code with the names of holes and functions
    Disasm {
        /// A bundle or an image
        file: PathBuf,
        /// Stencils and AOT functions; all of them if none is named
        names: Vec<String>,
    },
    /// Check a bundle
    Verify {
        /// A bundle or an image
        file: PathBuf,
    },
    /// Say what differs between two bundles
    Diff {
        /// A bundle or an image
        a: PathBuf,
        /// Another
        b: PathBuf,
    },
    /// Write a bundle's AOT functions as an ELF object
    EmitObj {
        /// A bundle or an image
        file: PathBuf,
        /// The object to write
        #[arg(short, long)]
        output: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("stencil-compiler: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output. Whoever reads there may stop in the middle, as `head` does: then
/// nothing is left to be done.
fn say(text: fmt::Arguments<'_>) {
    if let Err(error) = io::stdout().write_fmt(text) {
        if error.kind() != io::ErrorKind::BrokenPipe {
            eprintln!("stencil-compiler: standard output: {error}");
        }
        process::exit(1);
    }
}

fn run(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Build {
            package,
            output,
            target_dir,
            without,
            features,
        } => {
            let options = BuildOptions { without, features };
            let bytes = build_with(&package, target_dir.as_deref(), &options)?;
            writer::write_file(&output, &bytes)?;
        }
        Command::Inspect { file } => {
            let bytes = embedded::read_file(&file)?;
            for found in embedded::find(&bytes, &file)? {
                if let Some(section) = &found.section {
                    let offset = found.offset;
                    say(format_args!(
                        "{:16} {section}, offset {offset:#x}\n",
                        "embedded in"
                    ));
                }
                let bundle = parse(&bytes[found.offset..found.offset + found.len])?;
                say(format_args!("{}", inspect::summary(&bundle)));
            }
        }
        Command::Disasm { file, names } => {
            let bytes = load(&file)?;
            say(format_args!("{}", disassembly(&parse(&bytes)?, &names)?));
        }
        Command::Verify { file } => {
            let bytes = embedded::read_file(&file)?;
            for found in embedded::find(&bytes, &file)? {
                let bundle = parse(&bytes[found.offset..found.offset + found.len])?;
                let (len, checksum) = (found.len, bundle.checksum());
                say(format_args!(
                    "valid, {len} bytes, checksum {checksum:08x}\n"
                ));
            }
        }
        Command::Diff { a, b } => {
            let (a, b) = (load(&a)?, load(&b)?);
            let differences = diff::differences(&parse(&a)?, &parse(&b)?);
            for difference in &differences {
                say(format_args!("{difference}\n"));
            }
            if !differences.is_empty() {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::EmitObj { file, output } => {
            let bytes = load(&file)?;
            writer::write_file(&output, &emit_obj::object(&parse(&bytes)?)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The bytes of the first bundle in `file`.
fn load(file: &Path) -> Result<Vec<u8>, Error> {
    let bytes = embedded::read_file(file)?;
    let found = embedded::find(&bytes, file)?;
    let first = found
        .first()
        .ok_or_else(|| Error::NoBundle { path: file.into() })?;
    Ok(bytes[first.offset..first.offset + first.len].to_vec())
}

fn parse(bytes: &[u8]) -> Result<Bundle<'_>, Error> {
    Bundle::parse(bytes).map_err(|error| Error::Bundle(error.to_string()))
}

/// The code of the named stencils and functions, or of all.
fn disassembly(bundle: &Bundle<'_>, names: &[String]) -> Result<String, Error> {
    let mut pieces = Vec::new();
    if names.is_empty() {
        pieces.extend(
            bundle
                .functions()
                .map(|function| disasm::function(bundle, &function)),
        );
        pieces.extend(
            bundle
                .stencils()
                .map(|stencil| disasm::stencil(bundle, &stencil)),
        );
    }
    for name in names {
        let before = pieces.len();
        // A stencil and a function may have the same name: both are meant.
        let function = bundle.function_by_name(name);
        pieces.extend(function.map(|function| disasm::function(bundle, &function)));
        let stencil = bundle.stencil_by_name(name);
        pieces.extend(stencil.map(|stencil| disasm::stencil(bundle, &stencil)));
        if pieces.len() == before {
            return Err(Error::NoSuchName(name.clone()));
        }
    }
    Ok(pieces.join("\n"))
}
