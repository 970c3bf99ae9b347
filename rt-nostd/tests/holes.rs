//! What goes into holes: every kind at its edges, run and compared; patches of them later.

mod fixture;

use fixture::steps::Step::{self, Jump};
use fixture::steps::{check, emit, linked, refused, stencil, to, with};
use fixture::{imports, model, run};
use rt_nostd::{Assembler, CodeSize, EmitError, Emitter, PatchError, Target};
use stencil_format::OperandForm;

#[test]
fn operand_edges_run() {
    linked(&model(), |linked, region| {
        let ret = || stencil("ret");
        for (name, operand, value, expected) in [
            ("load_u32", "A", 0, 0),
            ("load_u32", "A", 0x7fff_ffff, 0x7fff_ffff),
            ("load_u32", "A", 0xffff_ffff, 0xffff_ffff),
            ("load_plus_8", "A", -8, 0),
            ("load_plus_8", "A", 0xffff_fff7, 0xffff_ffff),
            ("load_i32", "A", 0, 0),
            ("load_i32", "A", -1, u64::MAX),
            ("load_i32", "A", 0x7fff_ffff, 0x7fff_ffff),
            (
                "load_i32",
                "A",
                -0x8000_0000,
                (-0x8000_0000_i64).cast_unsigned(),
            ),
            ("load_i8", "A", 0, 0),
            ("load_i8", "A", 127, 127),
            ("load_i8", "A", -1, u64::MAX),
            ("load_i8", "A", -128, (-128_i64).cast_unsigned()),
            ("load_64", "K", 0, 0),
            ("load_64", "K", -1, u64::MAX),
            ("load_64", "K", i64::MIN, 1 << 63),
            ("load_64", "K", i64::MAX, i64::MAX as u64),
        ] {
            check(
                linked,
                region,
                &[with(name, operand, value), ret()],
                &[(0, expected)],
            );
        }
        // Two holes with equal values, and with the extremes.
        for (a, b) in [
            (5, 5),
            (0, 0),
            (0x7fff_ffff, 0x7fff_ffff),
            (-0x8000_0000, 0x7fff_ffff),
        ] {
            let add = Step::Stencil("add_two", vec![("A", a), ("B", b)], vec![]);
            check(
                linked,
                region,
                &[add, ret()],
                &[(1, (1 + a + b).cast_unsigned())],
            );
        }
    });
}

#[test]
fn operands_out_of_range_are_refused() {
    linked(&model(), |linked, region| {
        for (stencil_name, form, value, addend) in [
            ("load_u32", OperandForm::Abs32, -1, 0),
            ("load_u32", OperandForm::Abs32, 1 << 32, 0),
            ("load_u32", OperandForm::Abs32, i64::MIN, 0),
            ("load_plus_8", OperandForm::Abs32, 0xffff_fff8, 8),
            ("load_plus_8", OperandForm::Abs32, i64::MAX, 8),
            ("load_i8", OperandForm::Abs8S, 128, 0),
            ("load_i8", OperandForm::Abs8S, -129, 0),
            ("load_i8", OperandForm::Abs8S, 255, 0),
            ("load_i8", OperandForm::Abs8S, i64::MAX, 0),
            ("load_i32", OperandForm::Abs32S, 0x8000_0000, 0),
            ("load_i32", OperandForm::Abs32S, -0x8000_0001, 0),
        ] {
            let error = EmitError::OperandRange {
                stencil: stencil_name,
                operand: "A",
                form,
                value,
                addend,
            };
            refused(
                linked,
                region,
                &[with(stencil_name, "A", value), stencil("ret")],
                error,
            );
        }
    });
}

#[test]
fn missing_operand_is_named() {
    linked(&model(), |linked, region| {
        let bundle = *linked.bundle();
        let index = |name| bundle.stencil_index(name).expect(name);
        let size = CodeSize {
            hot: 64,
            cold: 0,
            align: 1,
        };
        let mut emitter = Emitter::new(linked, region, size, &mut []).expect("space");
        // Operands are A, B, K: the second hole's value is missing.
        assert_eq!(
            emitter.stencil(index("add_two"), &[1], &[]),
            Err(EmitError::MissingOperand {
                stencil: "add_two",
                operand: "B"
            })
        );
        assert_eq!(
            emitter.stencil(9999, &[], &[]),
            Err(EmitError::UnknownStencil { index: 9999 })
        );
    });
}

#[test]
fn calls_and_constants() {
    linked(&model(), |linked, region| {
        let (call, triple, back) = (
            stencil("call_import"),
            stencil("call_triple"),
            stencil("move"),
        );
        // 2 * 3 * x, through an island and to an AOT function.
        check(
            linked,
            region,
            &[call, back, triple, stencil("ret")],
            &[(7, 42), (0, 0)],
        );
        check(
            linked,
            region,
            &[stencil("load_constant"), stencil("ret")],
            &[(0, 42)],
        );
    });
}

#[test]
fn jumps_to_addresses() {
    linked(&model(), |linked, region| {
        let triple = linked.function_address("triple").expect("there");
        let steps = [
            with("load_u32", "A", 14),
            stencil("move"),
            Jump(Target::Address(triple)),
        ];
        check(linked, region, &steps, &[(0, 42)]);
        let far = imports()[0].1;
        let jump = EmitError::OutOfReach {
            stencil: "jump",
            target: "jump",
        };
        refused(linked, region, &[Jump(Target::Address(far))], jump);
        let hole = EmitError::OutOfReach {
            stencil: "if",
            target: "hole_else",
        };
        let steps = [to("if", "hole_else", Target::Address(far)), stencil("ret")];
        refused(linked, region, &steps, hole);
    });
}

#[test]
fn published_code_is_patched() {
    linked(&model(), |linked, region| {
        // Three bytes of `move` put the loads' fields at all places in a word.
        for shift in 0..8 {
            let mut steps = vec![stencil("move"); shift];
            steps.extend([with("load_u32", "A", 1), stencil("ret")]);
            let block = emit(linked, region, &steps).expect("emits");
            let field = block.entry() + 3 * shift + 1;
            assert_eq!(run(block.entry(), 0), 1);
            // SAFETY: the immediate of the load; any value of it is sound.
            let result = unsafe { region.patch(field, &0xdead_beef_u32.to_le_bytes()) };
            if field % 8 <= 4 {
                assert_eq!(result, Ok(()));
                assert_eq!(run(block.entry(), 0), 0xdead_beef);
            } else {
                assert_eq!(
                    result,
                    Err(PatchError::Straddles {
                        address: field,
                        len: 4
                    })
                );
                assert_eq!(run(block.entry(), 0), 1);
            }
        }
        let end = region.base() + region.len();
        for address in [end, region.base() - 8, 0] {
            // SAFETY: refused before anything is written.
            let result = unsafe { region.patch(address, &[0]) };
            assert_eq!(result, Err(PatchError::OutOfRange { address }));
        }
    });
}
