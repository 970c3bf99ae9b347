//! A small bundle with at least one of everything, for all test files.

use stencil_format::{
    AotFunctionModel, AotRelocationModel, BundleModel, CpuFeatures, HoleModel, HoleValueModel,
    OperandForm, Part, RegisterClass, RegisterHole, RelTargetModel, StencilModel,
};

/// A hole in the hot part.
fn hot(offset: u32, value: HoleValueModel, addend: i64) -> HoleModel {
    HoleModel {
        part: Part::Hot,
        offset,
        value,
        addend,
    }
}

fn operand(form: OperandForm, name: &str) -> HoleValueModel {
    HoleValueModel::Operand {
        form,
        name: name.to_owned(),
    }
}

fn continuation(name: &str) -> HoleValueModel {
    HoleValueModel::Rel32(RelTargetModel::Continuation(name.to_owned()))
}

/// The sample: three stencils, two functions, every kind of hole.
pub fn model() -> BundleModel {
    let mut model = BundleModel::new("rustc 1.95.0 (sample)");
    model.cpu_features = CpuFeatures::SSE4_1.union(CpuFeatures::POPCNT);
    model.abi_fingerprint = core::array::from_fn(|i| i as u8);
    model.source_digest = core::array::from_fn(|i| 0xff - i as u8);
    model.code_align = 16;
    // entry: call [import]; ret. helper: lea rax, [rip + rodata]; ret.
    model.code = vec![
        0xe8, 0, 0, 0, 0, 0xc3, 0xcc, 0xcc, 0x48, 0x8d, 0x05, 1, 0, 0, 0, 0xc3,
    ];
    model.functions = vec![
        AotFunctionModel {
            name: "helper".to_owned(),
            offset: 8,
            size: 8,
        },
        AotFunctionModel {
            name: "entry".to_owned(),
            offset: 0,
            size: 6,
        },
    ];
    model.relocations = vec![AotRelocationModel {
        offset: 1,
        import: "rt_grow".to_owned(),
        addend: -4,
    }];
    model.rodata_align = 8;
    model.rodata = 1.5f64.to_le_bytes().to_vec();
    model.stencils = vec![
        // add: mov rax, [r13 + A]; jo cold. cold: call rt_grow; jmp hot; jmp exit.
        StencilModel {
            name: "add".to_owned(),
            hot: vec![0x49, 0x8b, 0x85, 0, 0, 0, 0, 0x0f, 0x80, 0, 0, 0, 0],
            cold: vec![0xe8, 0, 0, 0, 0, 0xe9, 0, 0, 0, 0, 0xe9, 0, 0, 0, 0],
            align: 1,
            fallthrough: Some("hole_next".to_owned()),
            holes: vec![
                hot(3, operand(OperandForm::Abs32S, "HOLE_A"), 8),
                hot(9, HoleValueModel::Rel32(RelTargetModel::OwnCold), -4),
                HoleModel {
                    part: Part::Cold,
                    offset: 1,
                    value: HoleValueModel::Rel32(RelTargetModel::Import("rt_grow".to_owned())),
                    addend: -4,
                },
                HoleModel {
                    part: Part::Cold,
                    offset: 6,
                    value: HoleValueModel::Rel32(RelTargetModel::OwnHot),
                    addend: -4,
                },
                HoleModel {
                    part: Part::Cold,
                    offset: 11,
                    value: continuation("hole_exit"),
                    addend: -4,
                },
            ],
            register_holes: vec![
                RegisterHole {
                    part: Part::Hot,
                    class: RegisterClass::General,
                    offset: 0,
                    bit: 2,
                    width: 1,
                    argument: 5,
                },
                RegisterHole {
                    part: Part::Hot,
                    class: RegisterClass::General,
                    offset: 2,
                    bit: 3,
                    width: 3,
                    argument: 5,
                },
            ],
            short: None,
        },
        // constant: movabs rax, K; mov ecx, A; movsd xmm0, [rip + rodata]; call helper.
        StencilModel {
            name: "constant".to_owned(),
            hot: vec![
                0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xb9, 0, 0, 0, 0, 0xf2, 0x0f, 0x10, 0x05, 0, 0,
                0, 0, 0xe8, 0, 0, 0, 0,
            ],
            cold: Vec::new(),
            align: 16,
            fallthrough: Some("hole_next".to_owned()),
            holes: vec![
                hot(2, operand(OperandForm::Abs64, "HOLE_K"), 0),
                hot(11, operand(OperandForm::Abs32, "HOLE_A"), -1),
                hot(19, HoleValueModel::Rel32(RelTargetModel::Rodata), -4),
                hot(
                    24,
                    HoleValueModel::Rel32(RelTargetModel::Function("helper".to_owned())),
                    -4,
                ),
            ],
            register_holes: vec![RegisterHole {
                part: Part::Hot,
                class: RegisterClass::Float,
                offset: 18,
                bit: 3,
                width: 3,
                argument: 7,
            }],
            short: None,
        },
        // jump: jmp target.
        StencilModel {
            name: "jump".to_owned(),
            hot: vec![0xe9, 0, 0, 0, 0],
            cold: Vec::new(),
            align: 1,
            fallthrough: None,
            holes: vec![hot(1, continuation("hole_target"), -4)],
            register_holes: Vec::new(),
            short: None,
        },
    ];
    model
}

/// What version 2 has in addition: a short variant of `add`.
#[allow(dead_code)] // Each test file uses its part.
pub fn model_with_short() -> BundleModel {
    let mut model = model();
    model.stencils[0].short = Some("add.short".to_owned());
    let mut short = model.stencils[0].clone();
    // mov rax, [r13 + A]; jo cold.
    short.name = "add.short".to_owned();
    short.short = None;
    short.hot = vec![0x49, 0x8b, 0x45, 0, 0x0f, 0x80, 0, 0, 0, 0];
    short.holes[0].value = operand(OperandForm::Abs8S, "HOLE_A");
    short.holes[1].offset = 6;
    model.stencils.push(short);
    model
}
