//! Stage 1, the driver: runs the pinned toolchain on a stencil package and
//! gives back its object file.
//!
//! The only place that sets `RUSTC_BOOTSTRAP`. All that could make the code
//! depend on the machine is fixed here: flags and profile are given in full and
//! those of the user's environment and configuration are kept out, paths are
//! remapped, and the toolchain is checked before it is used. Called by
//! [`crate::build`].

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::error::Error;
use crate::provenance::{self, SourceTree};
use crate::settings::{BuildOptions, Settings};

/// The release that makes bundles; any other gives other code.
pub const RUSTC_RELEASE: &str = "1.95.0";
/// What stencils are compiled for: hard-float, so that doubles live in `xmm`.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Code generation flags: page 2 of the design says why each is there.
const FLAGS: [&str; 18] = [
    "-Copt-level=3",
    "-Cpanic=abort",
    "-Crelocation-model=static",
    "-Cno-redzone=yes",
    "-Ccodegen-units=1",
    "-Cjump-tables=no",
    "-Ctarget-cpu=x86-64",
    "-Cforce-unwind-tables=no",
    "-Cforce-frame-pointers=no",
    "-Clinker-plugin-lto=no",
    "-Cembed-bitcode=no",
    "-Zfunction-sections=yes",
    "-Zmerge-functions=disabled",
    "-Zplt=yes",
    "-Zub-checks=no",
    // A loop stays a loop: turned into `memset`, it would be a stray call.
    "-Cllvm-args=-disable-loop-idiom-all -unroll-runtime=0 -unroll-allow-partial=0",
    // Loops over registers run a few times: vectors only add bytes and constants.
    "-Cno-vectorize-loops",
    "-Cno-vectorize-slp",
];

/// The release profile, given in full for the same reason.
const PROFILE: [&str; 8] = [
    "profile.release.opt-level=3",
    "profile.release.codegen-units=1",
    "profile.release.debug=false",
    "profile.release.debug-assertions=false",
    "profile.release.overflow-checks=false",
    "profile.release.incremental=false",
    "profile.release.lto=\"off\"",
    "profile.release.panic=\"abort\"",
];

/// What the driver gives to the next stage.
#[derive(Debug)]
pub struct Compiled {
    /// The object file's bytes.
    pub object: Vec<u8>,
    /// The package's settings.
    pub settings: Settings,
    /// The compiler, as in `rustc 1.95.0 (59807616e 2026-04-14)`.
    pub compiler: String,
    /// Digest of the sources.
    pub source_digest: [u8; 32],
}

/// Compiles the package in folder `package`, with cargo's output in
/// `target_dir`, or in `target/stencils` of the package's workspace.
///
/// # Errors
/// [`Error::Tool`] with the compiler's messages, [`Error::WrongToolchain`],
/// [`Error::Metadata`], [`Error::Io`].
pub fn compile(
    package: &Path,
    target_dir: Option<&Path>,
    options: &BuildOptions,
) -> Result<Compiled, Error> {
    let package = package.canonicalize().map_err(|source| Error::Io {
        path: package.into(),
        source,
    })?;
    let toolchain = Toolchain::find(&package)?;
    let manifest = package.join("Cargo.toml");
    let metadata = metadata(&toolchain, &package, &manifest)?;
    let packages = Packages::read(&metadata, &manifest)?;
    let mut settings = Settings::from_metadata(&packages.root["metadata"])?;
    settings.restrict(options);
    let root_name = text(&packages.root, "name")?.to_owned();
    let target_dir = match target_dir {
        Some(dir) => std::path::absolute(dir).map_err(|source| Error::Io {
            path: dir.into(),
            source,
        })?,
        None => PathBuf::from(text(&metadata, "workspace_root")?).join("target/stencils"),
    };
    let workspace = PathBuf::from(text(&metadata, "workspace_root")?);
    let source_digest = provenance::digest(&SourceTree {
        package: &package,
        path_packages: &packages.by_path,
        lock: &workspace.join("Cargo.lock"),
        narrowed: settings.sources.as_deref(),
    })?;

    // Cargo runs the compiler only if it thinks it must, and knows nothing of
    // the object file: without what it remembers of this package, it must.
    let mut clean = toolchain.cargo(&package);
    clean.args([
        "clean",
        "--release",
        "--quiet",
        "--target",
        TARGET,
        "--package",
        &root_name,
    ]);
    clean
        .arg("--manifest-path")
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&target_dir);
    run(clean, "cargo clean")?;

    let object = target_dir.join(format!("{root_name}.o"));
    let mut build = toolchain.cargo(&package);
    let mut flags: Vec<String> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
    if !settings.cpu_features.is_empty() {
        let names: Vec<String> = settings
            .cpu_features
            .iter()
            .map(|name| format!("+{name}"))
            .collect();
        flags.push(format!("-Ctarget-feature={}", names.join(",")));
    }
    flags.extend(packages.remaps());
    build
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    build.args([
        "rustc",
        "--release",
        "--lib",
        "--target",
        TARGET,
        "--color",
        "never",
    ]);
    for setting in PROFILE {
        build.args(["--config", setting]);
    }
    if workspace.join("Cargo.lock").exists() {
        build.arg("--locked");
    }
    if !options.features.is_empty() {
        build.arg("--features").arg(options.features.join(","));
    }
    build
        .arg("--manifest-path")
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&target_dir);
    build
        .arg("--")
        .arg(format!("--emit=obj={}", object.display()));
    run(build, "cargo rustc")?;

    let bytes = std::fs::read(&object).map_err(|source| Error::Io {
        path: object,
        source,
    })?;
    Ok(Compiled {
        object: bytes,
        settings,
        compiler: toolchain.version,
        source_digest,
    })
}

/// The `cargo` and `rustc` to use.
struct Toolchain {
    /// Chosen through rustup, when the default is another one.
    rustup: Option<&'static str>,
    version: String,
}

impl Toolchain {
    /// The toolchain in effect in `folder` if it is the pinned one, else the
    /// pinned one through rustup.
    fn find(folder: &Path) -> Result<Self, Error> {
        let mut found = None;
        for rustup in [None, Some(RUSTC_RELEASE)] {
            let mut toolchain = Self {
                rustup,
                version: String::new(),
            };
            let mut command = toolchain.command("rustc", folder);
            command.arg("-vV");
            let Ok(output) = run(command, "rustc") else {
                continue;
            };
            let output = String::from_utf8_lossy(&output.stdout);
            let version = output.lines().next().unwrap_or_default();
            let release = output
                .lines()
                .find_map(|line| line.strip_prefix("release: "));
            if release == Some(RUSTC_RELEASE) {
                version.clone_into(&mut toolchain.version);
                return Ok(toolchain);
            }
            found.get_or_insert(Error::WrongToolchain {
                expected: RUSTC_RELEASE,
                found: version.to_owned(),
            });
        }
        Err(found.unwrap_or_else(|| Error::Internal("no toolchain was tried".into())))
    }

    fn cargo(&self, folder: &Path) -> Command {
        self.command("cargo", folder)
    }

    /// A command without any of the variables that steer cargo or rustc.
    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder);
        for (name, _) in std::env::vars_os() {
            let Some(name) = name.to_str() else { continue };
            let cargo = name.starts_with("CARGO_")
                && !["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR"]
                    .iter()
                    .any(|kept| name.starts_with(kept));
            if cargo || name.starts_with("RUSTC") || name.starts_with("RUSTFLAGS") {
                command.env_remove(name);
            }
        }
        if let Some(toolchain) = self.rustup {
            command.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        command
    }
}

/// Runs `command`; its output if it succeeds.
fn run(mut command: Command, name: &str) -> Result<Output, Error> {
    let failed = |detail: String| Error::Tool {
        command: name.into(),
        detail,
    };
    let output = command
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(output);
    }
    let messages = String::from_utf8_lossy(&output.stderr);
    Err(failed(format!(
        "{}\n{}",
        output.status,
        messages.trim_end()
    )))
}

fn metadata(toolchain: &Toolchain, package: &Path, manifest: &Path) -> Result<Value, Error> {
    let mut command = toolchain.cargo(package);
    command.args([
        "metadata",
        "--format-version",
        "1",
        "--filter-platform",
        TARGET,
    ]);
    command.arg("--manifest-path").arg(manifest);
    let output = run(command, "cargo metadata")?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Metadata(format!("cargo metadata: {error}")))
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, Error> {
    value[key]
        .as_str()
        .ok_or_else(|| Error::Metadata(format!("cargo metadata gives no `{key}`")))
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a [Value], Error> {
    value[key]
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| Error::Metadata(format!("cargo metadata gives no `{key}`")))
}

/// The package and what it is built from.
struct Packages {
    root: Value,
    /// Name to folder, of the package and its path dependencies.
    by_path: BTreeMap<String, PathBuf>,
    /// Folder to what it is called in messages and data, of all packages.
    names: BTreeMap<PathBuf, String>,
}

impl Packages {
    fn read(metadata: &Value, manifest: &Path) -> Result<Self, Error> {
        let mut packages = HashMap::new();
        for package in list(metadata, "packages")? {
            packages.insert(text(package, "id")?, package);
        }
        let root = packages
            .values()
            .find(|package| package["manifest_path"].as_str().map(Path::new) == Some(manifest))
            .ok_or_else(|| Error::Metadata(format!("{} is no package", manifest.display())))?;
        let mut needs = HashMap::new();
        for node in list(&metadata["resolve"], "nodes")? {
            needs.insert(text(node, "id")?, list(node, "deps")?);
        }

        let mut by_path = BTreeMap::new();
        let mut names = BTreeMap::new();
        let mut seen = std::collections::HashSet::new();
        let mut work = vec![text(root, "id")?];
        while let Some(id) = work.pop() {
            if !seen.insert(id) {
                continue;
            }
            let package = packages
                .get(id)
                .ok_or_else(|| Error::Metadata(format!("cargo metadata gives no `{id}`")))?;
            let name = text(package, "name")?;
            let folder = Path::new(text(package, "manifest_path")?).parent();
            let folder = folder.unwrap_or(Path::new("/")).to_path_buf();
            names.insert(
                folder.clone(),
                format!("/{name}-{}", text(package, "version")?),
            );
            if package["source"].is_null() {
                by_path.insert(name.to_owned(), folder);
            }
            for dependency in needs.get(id).copied().unwrap_or_default() {
                // Dependencies for tests don't get into the code.
                let used = list(dependency, "dep_kinds")?
                    .iter()
                    .any(|kind| kind["kind"].as_str() != Some("dev"));
                if used {
                    work.push(text(dependency, "pkg")?);
                }
            }
        }
        Ok(Self {
            root: (*root).clone(),
            by_path,
            names,
        })
    }

    /// Flags that take the packages' folders out of messages and data. The
    /// compiler takes the last that fits, so inner folders come later.
    fn remaps(&self) -> impl Iterator<Item = String> + '_ {
        self.names
            .iter()
            .map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()))
    }
}
