//! The exact bytes of a linked image and of emitted code, in memory that is never run: so
//! that Miri can watch the writes, and a reader can see what is made.

use core::ptr::NonNull;
use rt_nostd::{
    Assembler, CodeRegion, Emitter, Expectations, Extent, Label, LabelState, Measure, PatchError,
    Target, link,
};
use stencil_format::{
    AotRelocationModel, Bundle, BundleModel, CpuFeatures, HoleModel, HoleValueModel, OperandForm,
    Part, RelTargetModel, StencilModel,
};

/// Where the code is made to believe that it will run.
const EXECUTE: usize = 0x7000_0000_0000;
const LEN: usize = 256;

/// Sixteen-byte-aligned memory that stands for the write view.
#[repr(align(16))]
struct Memory([u8; LEN]);

fn model() -> BundleModel {
    let mut model = BundleModel::new("by hand");
    // call near; call far; ret
    model.code = vec![0xe8, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0xc3];
    model.rodata = vec![0xaa, 0xbb];
    model.rodata_align = 4;
    let relocation = |offset, import: &str| AotRelocationModel {
        offset,
        import: import.to_owned(),
        addend: -4,
    };
    model.relocations = vec![relocation(1, "near"), relocation(6, "far")];
    let hole = |part, offset, value| HoleModel {
        part,
        offset,
        value,
        addend: -4,
    };
    let continuation =
        |name: &str| HoleValueModel::Rel32(RelTargetModel::Continuation(name.to_owned()));
    model.stencils = vec![
        // test eax, eax; jz cold. cold: mov eax, A; jmp other
        StencilModel {
            name: "branch".to_owned(),
            hot: vec![0x85, 0xc0, 0x0f, 0x84, 0, 0, 0, 0],
            cold: vec![0xb8, 0, 0, 0, 0, 0xe9, 0, 0, 0, 0],
            align: 8,
            fallthrough: Some("next".to_owned()),
            holes: vec![
                hole(Part::Hot, 4, HoleValueModel::Rel32(RelTargetModel::OwnCold)),
                HoleModel {
                    addend: 0,
                    ..hole(
                        Part::Cold,
                        1,
                        HoleValueModel::Operand {
                            form: OperandForm::Abs32,
                            name: "A".to_owned(),
                        },
                    )
                },
                hole(Part::Cold, 6, continuation("other")),
            ],
            register_holes: Vec::new(),
            short: None,
        },
        StencilModel {
            name: "ret".to_owned(),
            hot: vec![0xc3],
            cold: Vec::new(),
            align: 1,
            fallthrough: None,
            holes: Vec::new(),
            register_holes: Vec::new(),
            short: None,
        },
    ];
    model
}

#[test]
fn image_and_code_are_these_bytes() {
    let bytes = model().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let mut memory = Box::new(Memory([0; LEN]));
    let write = NonNull::from(&mut memory.0).cast();
    let mut slots = [Extent::EMPTY; 2];
    // SAFETY: the memory outlives the region, is used through it alone until the region's
    // last use, and what is written is never run.
    let mut region =
        unsafe { CodeRegion::aliased(write, EXECUTE, LEN, &mut slots) }.expect("a region");
    let expectations = Expectations {
        abi_fingerprint: [0; 32],
        cpu_features: CpuFeatures::NONE,
    };
    let linked = link(&bundle, &mut region, &expectations, |name| match name {
        "near" => Some(EXECUTE + 0x1000),
        _ => Some(0x1122_3344_5566),
    })
    .expect("links");

    // if (branch) ..; ret; other: jmp back to the start
    let index = |name| bundle.stencil_index(name).expect(name);
    let other = bundle.continuation_by_name("other").expect("there");
    let emission = |assembler: &mut dyn Assembler<'_>| {
        assembler.bind(Label(0)).expect("binds");
        let targets = [(other, Target::Label(Label(1)))];
        assembler
            .stencil(index("branch"), &[0x1234_5678], &targets)
            .expect("fits");
        assembler.stencil(index("ret"), &[], &[]).expect("fits");
        assembler.bind(Label(1)).expect("binds");
        assembler
            .stencil(index("branch"), &[7], &targets)
            .expect("fits");
        assembler.jump(Target::Label(Label(0))).expect("fits");
    };
    let mut labels = [LabelState::UNBOUND; 2];
    let mut measure = Measure::new(&bundle, &mut labels);
    emission(&mut measure);
    let size = measure.finish().expect("ends in a jump");
    let mut emitter = Emitter::new(&linked, &mut region, size, &mut labels).expect("space");
    emission(&mut emitter);
    let block = emitter.finish().expect("all bound");
    assert_eq!(block.entry(), EXECUTE + 48);
    assert_eq!(block.label_address(labels[1]), Some(EXECUTE + 48 + 9));
    // SAFETY: never run.
    let patched = unsafe { region.patch(EXECUTE + 48, &[0x90, 0x90]) };
    assert_eq!(patched, Ok(()));
    // SAFETY: refused.
    let straddles = unsafe { region.patch(EXECUTE + 55, &[0x90, 0x90]) };
    assert_eq!(
        straddles,
        Err(PatchError::Straddles {
            address: EXECUTE + 55,
            len: 2
        })
    );

    let code = &memory.0;
    assert_eq!(
        code[..16],
        [
            0xe8, 0xfb, 0x0f, 0, 0, // call +0x1000
            0xe8, 6, 0, 0, 0, // call the island of "far", at 16
            0xc3, 0xcc, // padding to the rodata
            0xaa, 0xbb, 0xcc, 0xcc, // padding to the islands
        ]
    );
    assert_eq!(
        code[16..32],
        [
            0xff, 0x25, 2, 0, 0, 0, 0xcc, 0xcc, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0
        ]
    );
    assert_eq!(
        code[32..48],
        [
            0xff, 0x25, 2, 0, 0, 0, 0xcc, 0xcc, 0, 0x10, 0, 0, 0, 0x70, 0, 0
        ]
    );
    // The first branch, patched; its cold code is at 256 - 20 = 236.
    assert_eq!(code[48..56], [0x90, 0x90, 0x0f, 0x84, 180, 0, 0, 0]);
    assert_eq!(
        code[236..246],
        [0xb8, 0x78, 0x56, 0x34, 0x12, 0xe9, 0x43, 0xff, 0xff, 0xff]
    );
    // ret; the label; seven bytes of padding; the second branch; the jump back.
    assert_eq!(code[56..64], [0xc3, 0x0f, 0x1f, 0x80, 0, 0, 0, 0]);
    assert_eq!(
        code[64..77],
        [
            0x85, 0xc0, 0x0f, 0x84, 0xae, 0, 0, 0, 0xe9, 0xe3, 0xff, 0xff, 0xff
        ]
    );
    assert_eq!(
        code[246..256],
        [0xb8, 7, 0, 0, 0, 0xe9, 0x39, 0xff, 0xff, 0xff]
    );
    assert!(
        code[77..236].iter().all(|&byte| byte == 0),
        "written outside the blocks"
    );
}
