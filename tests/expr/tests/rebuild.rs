//! The committed bundle is what the stencil compiler makes of `stencils/`, byte
//! for byte.

use std::path::Path;

use stencil_format::Bundle;

#[test]
fn the_committed_bundle_is_reproduced() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("stencils");
    let target = tempfile::tempdir().expect("a folder");
    let built = stencil_compiler::build(&package, Some(target.path())).expect("a bundle");
    let parse = |bytes| Bundle::parse(bytes).expect("a valid bundle");
    let (committed, built) = (parse(expr_client::BUNDLE), parse(&built));
    let differences = stencil_compiler::diff::differences(&committed, &built);
    assert!(
        differences.is_empty(),
        "build tests/expr/stencils again and commit it: {differences:?}"
    );
    assert_eq!(committed.bytes(), built.bytes());
}
