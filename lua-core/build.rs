//! Checks the committed bundle when the crate is built, once for all starts of all programs
//! that have it inside (`engine::interp::PREBUILT`): a bundle that isn't valid doesn't build.
//! Makes the tables with which its stencils are emitted (`baseline/prebuilt.rs`).
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
    use rt_nostd::{PatchSlot, StencilSlot, fill_tables};
    use std::error::Error;
    use std::fmt::Write;
    use std::path::PathBuf;
    use stencil_format::Bundle;

    /// The file that `PREBUILT` includes.
    const NAME: &str = "lua.stencils";

    /// Ends the build unless it is a valid bundle.
    pub fn check() {
        println!("cargo:rerun-if-changed={NAME}");
        if let Err(error) = make() {
            println!("cargo::error={NAME}: {error}; build it again with stencil-compiler");
            std::process::exit(1);
        }
    }

    fn make() -> Result<(), Box<dyn Error>> {
        let folder = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .unwrap_or_default()
        };
        let bytes = std::fs::read(folder("CARGO_MANIFEST_DIR").join(NAME))?;
        let bundle = Bundle::parse(&bytes).map_err(|error| error.to_string())?;
        let mut stencils = vec![StencilSlot::EMPTY; bundle.stencil_count() as usize];
        let mut patches = vec![PatchSlot::EMPTY; bundle.templates().hole_count()];
        fill_tables(&bundle, &mut stencils, &mut patches)?;
        let mut text = String::new();
        let count = stencils.len();
        writeln!(
            text,
            "pub(super) static STENCILS: [StencilSlot; {count}] = ["
        )?;
        for slot in &stencils {
            writeln!(text, "StencilSlot::from_words({:?}),", slot.to_words())?;
        }
        let count = patches.len();
        writeln!(
            text,
            "];\npub(super) static PATCHES: [PatchSlot; {count}] = ["
        )?;
        for slot in &patches {
            writeln!(text, "PatchSlot::from_word({}),", slot.to_word())?;
        }
        writeln!(text, "];")?;
        std::fs::write(folder("OUT_DIR").join("ready.rs"), text)?;
        Ok(())
    }
}
