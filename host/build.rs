//! Links the command statically where that works: a process without a dynamic linker and
//! shared libraries starts in two thirds of the time and keeps a megabyte less in memory.
//!
//! `-C target-feature=+crt-static` would do it, but a package can't ask for it: it would
//! have to come from the user's configuration, with `--target`, since it breaks procedural
//! macros. So the names of the system's libraries lead to their archives here, in a
//! folder of our own that the linker searches first. Whether that works with this linker,
//! libc and compiler is not guessed: a program of a few lines is linked the same way, and
//! run. If it fails, the command is linked as usual.
//!
//! `MOONPATCH_LINK=dynamic` in the environment also gives the usual way (for distributions
//! that want shared libraries).
//!
//! Must never fail: what can't be found out means "as usual".

use std::env::{var, var_os};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What std asks the linker for, and the archives that have it.
const LIBRARIES: [(&str, &[&str]); 7] = [
    ("gcc_s", &["gcc_eh", "gcc"]),
    ("c", &["c", "gcc_eh", "gcc"]),
    ("m", &["m"]),
    ("util", &["util"]),
    ("rt", &["rt"]),
    ("pthread", &["pthread"]),
    ("dl", &["dl"]),
];

/// Which functions lie side by side.
const ORDER: &str = "startup-order.txt";

/// Fails unless it runs without shared libraries.
const PROBE: &str = r#"fn main() {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("maps");
    assert!(!maps.contains(".so"), "{maps}");
    println!("{}", 1.5f64.sin() + maps.len() as f64);
}"#;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={ORDER}");
    println!("cargo:rerun-if-env-changed=MOONPATCH_LINK");
    for argument in static_linking().unwrap_or_default() {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}

/// Arguments for the linker, if they work.
fn static_linking() -> Option<Vec<String>> {
    let is = |name: &str, value: &str| var(name).is_ok_and(|v| v == value);
    let features = var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    if !is("CARGO_CFG_TARGET_OS", "linux")
        || !is("CARGO_CFG_TARGET_ENV", "gnu")
        || var("HOST").ok()? != var("TARGET").ok()?
        || features.split(',').any(|f| f == "crt-static")
        || is("MOONPATCH_LINK", "dynamic")
    {
        return None;
    }
    let out = PathBuf::from(var_os("OUT_DIR")?);
    let folder = out.join("archives");
    std::fs::create_dir_all(&folder).ok()?;
    for (name, archives) in LIBRARIES {
        let archives: Option<Vec<String>> = archives.iter().map(|a| archive(a)).collect();
        // Of newer C libraries some are part of libc.
        if let Some(archives) = archives {
            let script = format!("GROUP({})\n", archives.join(" "));
            std::fs::write(folder.join(format!("lib{name}.a")), script).ok()?;
        }
    }
    let order = PathBuf::from(var_os("CARGO_MANIFEST_DIR")?).join(ORDER);
    let least = vec![
        format!("-L{}", folder.to_str()?),
        // Position-independent all the same: its addresses are random.
        "-static-pie".to_string(),
    ];
    let mut best = least.clone();
    // What only some linkers know.
    best.extend([
        "-Wl,--pack-dyn-relocs=relr".to_string(),
        "-Wl,--no-warn-symbol-ordering".to_string(),
        format!("-Wl,--symbol-ordering-file={}", order.to_str()?),
    ]);
    [best, least]
        .into_iter()
        .find(|arguments| works(&out, arguments))
}

/// Path of the system's archive of that name.
fn archive(name: &str) -> Option<String> {
    let linker = var_os("RUSTC_LINKER").unwrap_or("cc".into());
    let mut command = Command::new(linker);
    command.arg(format!("-print-file-name=lib{name}.a"));
    let path = String::from_utf8(command.output().ok()?.stdout).ok()?;
    let path = path.trim();
    (Path::new(path).is_absolute() && Path::new(path).is_file()).then(|| format!("\"{path}\""))
}

/// Can a program be linked with these arguments, and does it run?
fn works(out: &Path, arguments: &[String]) -> bool {
    let (source, program) = (out.join("probe.rs"), out.join("probe"));
    let Some(compiler) = var_os("RUSTC") else {
        return false;
    };
    let mut compile = Command::new(compiler);
    compile.arg("--edition=2024").arg("-Cpanic=abort").arg("-o");
    compile.arg(&program).arg(&source);
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    compile.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    if let Some(linker) = var_os("RUSTC_LINKER") {
        let mut option = std::ffi::OsString::from("-Clinker=");
        option.push(linker);
        compile.arg(option);
    }
    for argument in arguments {
        compile.arg(format!("-Clink-arg={argument}"));
    }
    std::fs::write(source, PROBE).is_ok() && succeeds(compile) && succeeds(Command::new(program))
}

fn succeeds(mut command: Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    command
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}
