//! What is written is what is read: a sample by hand, then random models.

mod sample;

use stencil_format::{Bundle, BundleModel, HoleKind, OperandForm, Part, RelTarget};

#[test]
fn sample_reads_back() {
    let model = sample::model();
    let bytes = model.write().expect("the sample is valid");
    let bundle = Bundle::parse(&bytes).expect("written bundles parse");
    let mut expected = model.clone();
    expected.normalize();
    assert_eq!(BundleModel::from(&bundle), expected);
    assert_eq!(
        BundleModel::from(&bundle).write().expect("still valid"),
        bytes
    );
    assert_eq!(Bundle::declared_len(&bytes), Some(bytes.len()));

    let add = bundle.stencil_by_name("add").expect("in the sample");
    let holes: Vec<_> = add.holes().collect();
    assert_eq!(holes[0].part, Part::Hot);
    let a = bundle.operand_by_name("HOLE_A").expect("in the sample");
    assert_eq!(
        holes[0].kind,
        HoleKind::Operand {
            form: OperandForm::Abs32S,
            ordinal: a
        }
    );
    assert_eq!(holes[1].kind, HoleKind::Rel32(RelTarget::OwnCold));
    assert_eq!(add.fallthrough(), bundle.continuation_by_name("hole_next"));
    assert_eq!(bundle.stencil_by_name("nothing").map(|s| s.index()), None);
}

#[test]
fn reads_at_any_alignment() {
    let bytes = sample::model().write().expect("the sample is valid");
    for shift in 0..8 {
        let mut shifted = vec![0; shift];
        shifted.extend_from_slice(&bytes);
        let bundle = Bundle::parse(&shifted[shift..]).expect("alignment does not matter");
        assert_eq!(bundle.stencil_count(), 3);
    }
}
