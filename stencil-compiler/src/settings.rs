//! What a stencil package may say about itself, in its `Cargo.toml`:
//!
//! ```toml
//! [package.metadata.stencil-compiler]
//! fallthrough = "hole_next"       # the continuation that stencils fall through to
//! returns = ["done"]              # stencils that may return natively
//! imports = ["memcpy"]            # compiler builtins that the embedder supplies
//! sources = ["src", "../lang"]    # what the source digest covers, if not everything
//! short-operands = ["HOLE_A"]     # operands that short variants hold in one byte
//! ```
//!
//! Unknown keys are errors: a misspelt one must not be ignored. Called by [`crate::driver`].

use clap::ValueEnum;
use serde_json::Value;

use crate::error::Error;

/// What can be left out of a build, to measure what it is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Technique {
    /// The last jump to the next stencil disappears.
    Fallthrough,
    /// Unlikely code lies apart.
    ColdParts,
    /// Short variants.
    ShortOperands,
}

/// How a bundle is built; by default with everything, and the package's default features.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// What is left out.
    pub without: Vec<Technique>,
    /// Features of the package.
    pub features: Vec<String>,
}

impl BuildOptions {
    /// Isn't this left out?
    pub fn has(&self, technique: Technique) -> bool {
        !self.without.contains(&technique)
    }
}

/// The package's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The continuation whose final jump is dropped.
    pub fallthrough: String,
    /// Bundle names of stencils that may `ret`.
    pub returns: Vec<String>,
    /// Builtins that are honest imports.
    pub imports: Vec<String>,
    /// Files and folders relative to the package that the digest covers; the
    /// package and its path dependencies, whole, when absent.
    pub sources: Option<Vec<String>>,
    /// Operands whose displacements take one byte in short variants; none are made
    /// when empty.
    pub short_operands: Vec<String>,
    /// Drop the final jumps.
    pub drop_jumps: bool,
    /// Put unlikely code apart.
    pub cold_parts: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fallthrough: "hole_next".into(),
            returns: Vec::new(),
            imports: Vec::new(),
            sources: None,
            short_operands: Vec::new(),
            drop_jumps: true,
            cold_parts: true,
        }
    }
}

impl Settings {
    /// Leaves out what the options say.
    pub fn restrict(&mut self, options: &BuildOptions) {
        self.drop_jumps = options.has(Technique::Fallthrough);
        self.cold_parts = options.has(Technique::ColdParts);
        if !options.has(Technique::ShortOperands) {
            self.short_operands.clear();
        }
    }

    /// Reads the package's `metadata` as `cargo metadata` gives it.
    ///
    /// # Errors
    /// [`Error::Metadata`] for an unknown key or a value of the wrong type.
    pub fn from_metadata(metadata: &Value) -> Result<Self, Error> {
        let mut settings = Self::default();
        let Some(table) = metadata.get("stencil-compiler") else {
            return Ok(settings);
        };
        let table = table
            .as_object()
            .ok_or_else(|| Error::Metadata("not a table".into()))?;
        for (key, value) in table {
            match key.as_str() {
                "fallthrough" => settings.fallthrough = string(key, value)?,
                "returns" => settings.returns = strings(key, value)?,
                "imports" => settings.imports = strings(key, value)?,
                "short-operands" => settings.short_operands = strings(key, value)?,
                "sources" => settings.sources = Some(strings(key, value)?),
                _ => return Err(Error::Metadata(format!("unknown key `{key}`"))),
            }
        }
        Ok(settings)
    }
}

fn string(key: &str, value: &Value) -> Result<String, Error> {
    let text = value
        .as_str()
        .ok_or_else(|| Error::Metadata(format!("`{key}` isn't a string")))?;
    Ok(text.into())
}

fn strings(key: &str, value: &Value) -> Result<Vec<String>, Error> {
    let list = value
        .as_array()
        .ok_or_else(|| Error::Metadata(format!("`{key}` isn't a list")))?;
    list.iter().map(|item| string(key, item)).collect()
}
