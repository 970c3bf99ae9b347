//! The bundle of the self test `bundle`: machine code by hand, small enough to
//! check by eye, with every way out that code in a bundle has: an import, the
//! bundle's constants, its own functions, an operand.
//!
//! `src/linking.rs` links it, emits its stencils and calls both.

use stencil_format::{
    AotFunctionModel, AotRelocationModel, BundleModel, HoleModel, HoleValueModel, OperandForm,
    Part, RelTargetModel, StencilModel,
};

/// The bundle, written.
pub fn bytes() -> Vec<u8> {
    model().write().expect("the model is small and complete")
}

fn model() -> BundleModel {
    let mut model = BundleModel::new("by hand");
    model.abi_fingerprint = *b"moonpatch-kernel: bundle by hand";

    // twice_and_more(x) = kernel_twice(x) + x + constant
    let mut code = vec![
        0x53, // push rbx
        0x48, 0x89, 0xfb, // mov rbx, rdi
        0xe8, 0, 0, 0, 0, // call kernel_twice
        0x48, 0x01, 0xd8, // add rax, rbx
        0x48, 0x03, 0x05, 0, 0, 0, 0,    // add rax, [rip + constant]
        0x5b, // pop rbx
        0xc3, // ret
    ];
    model.code_align = 16;
    model.functions = vec![AotFunctionModel {
        name: "twice_and_more".to_owned(),
        offset: 0,
        size: code.len() as u32,
    }];
    model.relocations = vec![AotRelocationModel {
        offset: 5,
        import: "kernel_twice".to_owned(),
        addend: -4,
    }];
    model.rodata_align = 8;
    model.rodata = 0x0123_4567_89ab_cdef_u64.to_le_bytes().to_vec();
    // The constant is behind the code, at the next multiple of its alignment.
    let distance = code.len().next_multiple_of(8) as u32 - 19;
    code[15..19].copy_from_slice(&distance.to_le_bytes());
    model.code = code;

    // movabs rdi, ARGUMENT
    let argument = HoleValueModel::Operand {
        form: OperandForm::Abs64,
        name: "ARGUMENT".to_owned(),
    };
    // call twice_and_more, with the stack aligned
    let callee = RelTargetModel::Function("twice_and_more".to_owned());
    model.stencils = vec![
        stencil(
            "argument",
            &[0x48, 0xbf, 0, 0, 0, 0, 0, 0, 0, 0],
            Some("next"),
            vec![hole(2, argument, 0)],
        ),
        stencil(
            "call",
            &[
                0x48, 0x83, 0xec, 0x08, // sub rsp, 8
                0xe8, 0, 0, 0, 0, // call
                0x48, 0x83, 0xc4, 0x08, // add rsp, 8
            ],
            Some("next"),
            vec![hole(5, HoleValueModel::Rel32(callee), -4)],
        ),
        stencil("return", &[0xc3], None, Vec::new()),
    ];
    model
}

fn stencil(name: &str, hot: &[u8], next: Option<&str>, holes: Vec<HoleModel>) -> StencilModel {
    StencilModel {
        name: name.to_owned(),
        hot: hot.to_vec(),
        cold: Vec::new(),
        align: 1,
        fallthrough: next.map(str::to_owned),
        holes,
        register_holes: Vec::new(),
        short: None,
    }
}

fn hole(offset: u32, value: HoleValueModel, addend: i64) -> HoleModel {
    HoleModel {
        part: Part::Hot,
        offset,
        value,
        addend,
    }
}
