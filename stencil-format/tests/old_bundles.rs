//! Bundles written by earlier builds: they parse for as long as their version is read, and
//! say what they said then. A committed file is never written again; a new version of the
//! format gets a new file beside it.

mod sample;

use stencil_format::testing::exercise;
use stencil_format::{Bundle, BundleModel, HoleKind, OperandForm, Part, RelTarget};

const V1_SAMPLE: &[u8] = include_bytes!("data/v1-sample.stencils");
const V1_EMPTY: &[u8] = include_bytes!("data/v1-empty.stencils");

#[test]
fn v1_sample_says_what_it_said() {
    exercise(V1_SAMPLE).expect("version 1 is read");
    let bundle = Bundle::parse(V1_SAMPLE).expect("version 1 is read");
    assert_eq!(bundle.version(), 1);
    assert_eq!(bundle.checksum(), 0x3eec_df0c);
    assert_eq!(bundle.compiler(), "rustc 1.95.0 (sample)");
    assert_eq!(bundle.cpu_features().to_string(), "sse4.1,popcnt");
    assert_eq!(bundle.abi_fingerprint()[..4], [0, 1, 2, 3]);
    assert_eq!(bundle.source_digest()[..4], [255, 254, 253, 252]);
    assert_eq!(bundle.imports().collect::<Vec<_>>(), ["rt_grow"]);
    let functions: Vec<_> = bundle
        .functions()
        .map(|f| (f.name, f.offset, f.size))
        .collect();
    assert_eq!(functions, [("entry", 0, 6), ("helper", 8, 8)]);
    let relocations: Vec<_> = bundle
        .relocations()
        .map(|r| (r.offset, r.import, r.addend))
        .collect();
    assert_eq!(relocations, [(1, 0, -4)]);
    assert_eq!(
        (
            bundle.code_align(),
            bundle.rodata_align(),
            bundle.image_len()
        ),
        (16, 8, 24)
    );
    let stencils: Vec<_> = bundle
        .stencils()
        .map(|s| {
            (
                s.name(),
                s.hot().len(),
                s.cold().len(),
                s.align(),
                s.fallthrough(),
            )
        })
        .collect();
    assert_eq!(
        stencils,
        [
            ("add", 13, 15, 1, Some(1)),
            ("constant", 28, 0, 16, Some(1)),
            ("jump", 5, 0, 1, None)
        ]
    );
    let holes: Vec<_> = bundle
        .stencils()
        .flat_map(|s| s.holes().collect::<Vec<_>>())
        .map(|h| (h.part, h.offset, h.kind, h.addend))
        .collect();
    let operand = |form, ordinal| HoleKind::Operand { form, ordinal };
    assert_eq!(
        holes,
        [
            (Part::Hot, 3, operand(OperandForm::Abs32S, 0), 8),
            (Part::Hot, 9, HoleKind::Rel32(RelTarget::OwnCold), -4),
            (Part::Cold, 1, HoleKind::Rel32(RelTarget::Import(0)), -4),
            (Part::Cold, 6, HoleKind::Rel32(RelTarget::OwnHot), -4),
            (
                Part::Cold,
                11,
                HoleKind::Rel32(RelTarget::Continuation(0)),
                -4
            ),
            (Part::Hot, 2, operand(OperandForm::Abs64, 1), 0),
            (Part::Hot, 11, operand(OperandForm::Abs32, 0), -1),
            (Part::Hot, 19, HoleKind::Rel32(RelTarget::Rodata), -4),
            (Part::Hot, 24, HoleKind::Rel32(RelTarget::Function(1)), -4),
            (
                Part::Hot,
                1,
                HoleKind::Rel32(RelTarget::Continuation(2)),
                -4
            ),
        ]
    );
    let registers: Vec<_> = bundle
        .stencils()
        .flat_map(|s| s.register_holes().collect::<Vec<_>>())
        .map(|h| (h.offset, h.bit, h.width, h.argument))
        .collect();
    assert_eq!(registers, [(0, 2, 1, 5), (2, 3, 3, 5), (18, 3, 3, 7)]);
}

#[test]
fn v1_sample_is_written_the_same_today() {
    // As long as version 1 is the one that is written.
    assert_eq!(sample::model().write().expect("valid"), V1_SAMPLE);
    let bundle = Bundle::parse(V1_SAMPLE).expect("version 1 is read");
    assert_eq!(
        BundleModel::from(&bundle).write().expect("valid"),
        V1_SAMPLE
    );
}

#[test]
fn v1_empty_is_empty() {
    exercise(V1_EMPTY).expect("version 1 is read");
    let bundle = Bundle::parse(V1_EMPTY).expect("version 1 is read");
    assert_eq!(V1_EMPTY.len(), stencil_format::HEADER_LEN);
    assert_eq!(
        (
            bundle.compiler(),
            bundle.image_len(),
            bundle.stencil_count()
        ),
        ("", 0, 0)
    );
}
