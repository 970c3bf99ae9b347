//! Bundles written by earlier builds: they parse for as long as their version is read, and
//! say what they said then. A committed file is never written again; a new version of the
//! format gets a new file beside it.

mod sample;

use stencil_format::testing::exercise;
use stencil_format::{
    Bundle, BundleError, BundleModel, Expected, Field, HoleKind, OperandForm, Part, RelTarget,
    Section, StencilModel, WriteError,
};

const V1_SAMPLE: &[u8] = include_bytes!("data/v1-sample.stencils");
const V2_SAMPLE: &[u8] = include_bytes!("data/v2-sample.stencils");
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
fn v1_sample_is_written_as_version_2() {
    // That adds what the sample doesn't have, so the number is all.
    let bundle = Bundle::parse(V1_SAMPLE).expect("version 1 is read");
    for model in [sample::model(), BundleModel::from(&bundle)] {
        let mut bytes = model.write().expect("valid");
        assert_eq!(bytes[8], 2);
        bytes[8] = 1;
        stencil_format::repair_checksum(&mut bytes);
        assert_eq!(bytes, V1_SAMPLE);
    }
}

#[test]
fn v1_has_no_short_variants() {
    let mut bytes = V2_SAMPLE.to_vec();
    bytes[8] = 1;
    stencil_format::repair_checksum(&mut bytes);
    assert!(matches!(
        Bundle::parse(&bytes),
        Err(BundleError::Record {
            section: Section::Stencils,
            index: 0,
            field: Field::Short,
            expected: Expected::AtMost(0),
            found: 1,
        })
    ));
    // Nor holes of one byte.
    let mut model = sample::model_with_short();
    model.stencils[0].short = None;
    let mut bytes = model.write().expect("valid");
    bytes[8] = 1;
    stencil_format::repair_checksum(&mut bytes);
    assert!(matches!(
        Bundle::parse(&bytes),
        Err(BundleError::Record {
            section: Section::Holes,
            field: Field::Kind,
            expected: Expected::AtMost(8),
            found: 9,
            ..
        })
    ));
}

#[test]
fn v2_sample_says_what_it_said() {
    exercise(V2_SAMPLE).expect("version 2 is read");
    assert_eq!(
        sample::model_with_short().write().expect("valid"),
        V2_SAMPLE
    );
    let bundle = Bundle::parse(V2_SAMPLE).expect("version 2 is read");
    assert_eq!((bundle.version(), bundle.checksum()), (2, 0xa4a8_f504));
    let add = bundle.stencil_by_name("add").expect("there");
    let short = bundle.stencil(add.short().expect("there")).expect("there");
    assert_eq!((short.name(), short.short()), ("add.short", None));
    let hole = short.holes().next().expect("a hole");
    let operand = |form| HoleKind::Operand { form, ordinal: 0 };
    assert_eq!(
        (hole.offset, hole.kind, hole.addend),
        (3, operand(OperandForm::Abs8S), 8)
    );
    // HOLE_A + 8 in one byte.
    for (value, fits) in [(-137, false), (-136, true), (119, true), (120, false)] {
        assert_eq!(short.fits(0, value), fits, "{value}");
        assert!(add.fits(0, value) && short.fits(1, value));
    }
    assert!(!short.fits(0, i64::MAX) && !add.fits(0, i64::MAX));
}

#[test]
fn short_variants_must_be_right() {
    let model = sample::model_with_short();
    let written = |change: &dyn Fn(&mut [StencilModel])| {
        let mut model = model.clone();
        change(&mut model.stencils);
        model.write().expect_err("refused")
    };
    let refused = |short: &str| WriteError::ShortVariant {
        stencil: "jump".to_owned(),
        short: short.to_owned(),
    };
    // Not there, itself, and before it.
    for name in ["nothing", "jump", "add"] {
        let result = written(&|stencils| stencils[2].short = Some(name.to_owned()));
        assert_eq!(result, refused(name));
    }
    let record = |field, expected, found| {
        WriteError::Invalid(BundleError::Record {
            section: Section::Stencils,
            index: 0,
            field,
            expected,
            found,
        })
    };
    // It has one itself; it goes on elsewhere.
    let chain = written(&|stencils| stencils[3].short = Some("jump".to_owned()));
    assert_eq!(chain, record(Field::Short, Expected::Exactly(0), 2));
    let elsewhere = written(&|stencils| stencils[3].fallthrough = Some("hole_exit".to_owned()));
    assert_eq!(
        elsewhere,
        record(Field::Fallthrough, Expected::Exactly(1), 0)
    );
    // Behind the last record.
    let mut bytes = model.write().expect("valid");
    let table = bytes[112 + 7 * 8..].first_chunk().expect("an entry");
    let add = u32::from_le_bytes(*table) as usize;
    bytes[add + 42] = 4;
    stencil_format::repair_checksum(&mut bytes);
    assert_eq!(
        Bundle::parse(&bytes).map_err(WriteError::Invalid).err(),
        Some(record(Field::Short, Expected::AtMost(3), 4))
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
