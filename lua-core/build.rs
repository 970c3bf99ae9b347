//! Checks the committed bundle when the crate is built, once for all starts of all programs
//! that have it inside (`engine::interp::PREBUILT`): a bundle that isn't valid doesn't build.
//!
//! What the bundle was made for is compared at each start nevertheless: the ABI, and what
//! the processor must have.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "prebuilt")]
    prebuilt::check();
}

#[cfg(feature = "prebuilt")]
mod prebuilt {
    use std::path::Path;
    use stencil_format::Bundle;

    /// The file that `PREBUILT` includes.
    const NAME: &str = "lua.stencils";

    /// Ends the build unless it is a valid bundle.
    pub fn check() {
        println!("cargo:rerun-if-changed={NAME}");
        let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
        let error = match std::fs::read(Path::new(&folder).join(NAME)) {
            Ok(bytes) => Bundle::parse(&bytes).err().map(|e| e.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = error {
            println!("cargo::error={NAME}: {error}; build it again with stencil-compiler");
            std::process::exit(1);
        }
    }
}
