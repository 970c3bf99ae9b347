//! What a stencil package may say about itself, in its `Cargo.toml`:
//!
//! ```toml
//! [package.metadata.stencil-compiler]
//! fallthrough = "hole_next"       # the continuation that stencils fall through to
//! returns = ["done"]              # stencils that may return natively
//! imports = ["memcpy"]            # compiler builtins that the embedder supplies
//! sources = ["src", "../lang"]    # what the source digest covers, if not everything
//! short-operands = ["HOLE_A"]     # operands that short variants hold in one byte
//! cpu-features = ["sse4.1"]       # what code may use beyond the x86-64 baseline
//! ```
//!
//! Unknown keys are errors: a misspelt one must not be ignored. Called by [`crate::driver`].

use clap::ValueEnum;
use serde_json::Value;
use stencil_format::CpuFeatures;

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
    /// Instructions beyond the x86-64 baseline.
    CpuFeatures,
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
    /// What code may use beyond the baseline, in the names of `rustc -C target-feature`. The
    /// bundle says what its code does use.
    pub cpu_features: Vec<String>,
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
            cpu_features: Vec::new(),
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
        if !options.has(Technique::CpuFeatures) {
            self.cpu_features.clear();
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
                "cpu-features" => settings.cpu_features = features(key, value)?,
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

/// Names of processor features that the format knows.
fn features(key: &str, value: &Value) -> Result<Vec<String>, Error> {
    let names = strings(key, value)?;
    match names
        .iter()
        .find(|name| CpuFeatures::from_name(name).is_none())
    {
        Some(name) => Err(Error::Metadata(format!(
            "`{key}`: no such feature: `{name}`"
        ))),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn features_must_be_known_and_can_be_left_out() {
        let metadata = |name: &str| json!({ "stencil-compiler": { "cpu-features": [name] } });
        let mut settings = Settings::from_metadata(&metadata("sse4.1")).unwrap();
        assert_eq!(settings.cpu_features, ["sse4.1"]);
        settings.restrict(&BuildOptions {
            without: vec![Technique::CpuFeatures],
            features: Vec::new(),
        });
        assert!(settings.cpu_features.is_empty());
        let error = Settings::from_metadata(&metadata("sse41")).unwrap_err();
        assert!(error.to_string().contains("`sse41`"), "{error}");
    }
}
