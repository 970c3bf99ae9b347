//! The digest of the sources that goes into a bundle.
//!
//! Covers the libraries of the package and its path dependencies, and its lock
//! file, as (package, relative name, contents) in a fixed order: the same in any
//! folder, and different when any byte that could matter differs. It says where
//! a bundle came from; that the code is right is the checksum's and the
//! rebuild's business. Called by [`crate::driver`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// What the digest covers.
#[derive(Debug)]
pub struct SourceTree<'a> {
    /// The stencil package's folder.
    pub package: &'a Path,
    /// Name to folder, of the package and its path dependencies.
    pub path_packages: &'a BTreeMap<String, PathBuf>,
    /// The lock file; may be absent.
    pub lock: &'a Path,
    /// Files and folders relative to `package` to cover instead of the whole
    /// of `path_packages`.
    pub narrowed: Option<&'a [String]>,
}

/// The digest of `tree`.
///
/// # Errors
/// [`Error::Io`] for what can't be read, including a narrowed name that isn't there.
pub fn digest(tree: &SourceTree<'_>) -> Result<[u8; 32], Error> {
    let mut files: BTreeMap<(String, String), PathBuf> = BTreeMap::new();
    match tree.narrowed {
        Some(names) => {
            for name in names {
                collect(&tree.package.join(name), name, "", true, &mut files)?;
            }
        }
        None => {
            for (name, folder) in tree.path_packages {
                collect(folder, name, "", true, &mut files)?;
            }
        }
    }
    if tree.lock.exists() {
        files.insert((String::new(), "Cargo.lock".into()), tree.lock.into());
    }
    let mut hash = Sha256::new();
    for ((package, name), path) in &files {
        let contents = std::fs::read(path).map_err(|source| io(path, source))?;
        for field in [package.as_bytes(), name.as_bytes(), &contents] {
            // Lengths first, so that no two lists of fields look alike.
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field);
        }
    }
    Ok(hash.finalize().into())
}

fn io(path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        path: path.into(),
        source,
    }
}

/// Adds `path`, which is `name` in `package`, and what is under it: Rust
/// sources and manifests. `root`: it was asked for, so it counts whatever it is.
fn collect(
    path: &Path,
    package: &str,
    name: &str,
    root: bool,
    files: &mut BTreeMap<(String, String), PathBuf>,
) -> Result<(), Error> {
    let kind = std::fs::metadata(path).map_err(|source| io(path, source))?;
    if kind.is_file() {
        let counts = root || name.ends_with(".rs") || name.ends_with("Cargo.toml");
        if counts {
            files.insert((package.into(), name.into()), path.into());
        }
        return Ok(());
    }
    // A package inside the package is its own business.
    if !kind.is_dir() || !root && path.join("Cargo.toml").exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(|source| io(path, source))? {
        let entry = entry.map_err(|source| io(path, source))?;
        let Ok(file) = entry.file_name().into_string() else {
            continue;
        };
        // What isn't compiled into a library doesn't count.
        let beside = ["tests", "benches", "examples"].contains(&file.as_str()) && root;
        if file.starts_with('.') || file == "target" || beside {
            continue;
        }
        let name = if name.is_empty() {
            file
        } else {
            format!("{name}/{file}")
        };
        collect(&entry.path(), package, &name, false, files)?;
    }
    Ok(())
}
