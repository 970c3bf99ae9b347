//! Every kind of hole at its edges: 0, equal operands, the largest value, one
//! that is too large. Values are run, not only emitted.
#![allow(unsafe_code)]

use expr_client::{ABI, BUNDLE, memory};
use rt_nostd::{
    Assembler, CodeRegion, EmitError, Emitter, Expectations, Label, LabelState, LinkedBundle,
    Measure, Target,
};
use stencil_format::{Bundle, CpuFeatures, HoleKind, OperandForm};

struct Machine {
    region: CodeRegion<'static>,
    linked: LinkedBundle<'static>,
}

/// A stencil, operands by name, continuations by name.
type Step<'s> = (&'s str, &'s [(&'s str, i64)], &'s [(&'s str, Target)]);

impl Machine {
    fn new() -> Self {
        let bundle = Bundle::parse(BUNDLE).expect("the committed bundle");
        let mut region = memory::reserve(1 << 16).expect("memory");
        let expected = Expectations {
            abi_fingerprint: ABI,
            cpu_features: CpuFeatures::NONE,
        };
        let linked = rt_nostd::link(&bundle, &mut region, &expected, |_| None).expect("link");
        Self { region, linked }
    }

    fn emit(&mut self, steps: &[Step<'_>]) -> Result<usize, EmitError<'static>> {
        let bundle = *self.linked.bundle();
        let mut labels = [LabelState::UNBOUND; 4];
        let mut measure = Measure::new(&bundle, &mut labels);
        feed(&bundle, &mut measure, steps)?;
        let size = measure.finish()?;
        let mut emitter = Emitter::new(&self.linked, &mut self.region, size, &mut labels)?;
        feed(&bundle, &mut emitter, steps)?;
        Ok(emitter.finish()?.entry())
    }

    fn run(&self, entry: usize, stack: *mut f64, variables: *const f64) {
        let enter = self.linked.function_address("enter").expect("enter");
        // SAFETY: the fingerprint says that this is the type of `aot_enter`; the
        // tests' code stays within the arrays that they pass.
        unsafe {
            let enter: extern "sysv64" fn(usize, *mut f64, *const f64) = std::mem::transmute(enter);
            enter(entry, stack, variables);
        }
    }
}

/// Emits the steps; one named `label N` binds label `N`.
fn feed(
    bundle: &Bundle<'static>,
    out: &mut impl Assembler<'static>,
    steps: &[Step<'_>],
) -> Result<(), EmitError<'static>> {
    for (name, operands, continuations) in steps {
        if let Some(label) = name.strip_prefix("label ") {
            out.bind(Label(label.parse().expect("a number")))?;
            continue;
        }
        let mut values = vec![0; bundle.operand_count() as usize];
        for (operand, value) in *operands {
            values[bundle.operand_by_name(operand).expect("an operand") as usize] = *value;
        }
        let targets: Vec<_> = continuations
            .iter()
            .map(|(name, to)| {
                (
                    bundle.continuation_by_name(name).expect("a continuation"),
                    *to,
                )
            })
            .collect();
        out.stencil(
            bundle.stencil_index(name).expect("a stencil"),
            &values,
            &targets,
        )?;
    }
    Ok(())
}

const DONE: Step<'static> = ("done", &[], &[]);

fn too_large(error: EmitError<'_>, operand_name: &str, expected_form: OperandForm) {
    match error {
        EmitError::OperandRange { operand, form, .. } => {
            assert_eq!((operand, form), (operand_name, expected_form));
        }
        other => panic!("{other:?}"),
    }
}

/// The tests below are about all the kinds that there are.
#[test]
fn the_bundle_has_every_operand_form() {
    let bundle = Bundle::parse(BUNDLE).expect("the committed bundle");
    for wanted in [OperandForm::Abs32, OperandForm::Abs32S, OperandForm::Abs64] {
        let found = bundle
            .stencils()
            .flat_map(|stencil| stencil.holes())
            .any(|hole| matches!(hole.kind, HoleKind::Operand { form, .. } if form == wanted));
        assert!(found, "{wanted:?}");
    }
}

#[test]
fn a_zero_extended_hole() {
    let mut machine = Machine::new();
    for whole in [0, 1, 0x7eff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff_i64] {
        let entry = machine
            .emit(&[("whole", &[("HOLE_WHOLE", whole)], &[]), DONE])
            .expect("fits");
        let mut stack = [-1.0];
        machine.run(entry, stack.as_mut_ptr(), std::ptr::null());
        assert_eq!(stack[0], whole as f64);
    }
    for whole in [0x1_0000_0000, -1, i64::MAX, i64::MIN] {
        let error = machine.emit(&[("whole", &[("HOLE_WHOLE", whole)], &[]), DONE]);
        too_large(
            error.expect_err("too large"),
            "HOLE_WHOLE",
            OperandForm::Abs32,
        );
    }
}

#[test]
fn a_hole_of_64_bits() {
    let mut machine = Machine::new();
    for bits in [
        0,
        1,
        -1,
        i64::MAX,
        i64::MIN,
        0x8000_0000,
        0x7ff8_0000_0000_0001,
    ] {
        let entry = machine
            .emit(&[("constant", &[("HOLE_BITS", bits)], &[]), DONE])
            .expect("fits");
        let mut stack = [1.5];
        machine.run(entry, stack.as_mut_ptr(), std::ptr::null());
        assert_eq!(stack[0].to_bits(), bits.cast_unsigned());
    }
}

#[test]
fn a_sign_extended_hole() {
    let mut machine = Machine::new();
    // Far from where the pointer points, so that the whole range is run.
    for offset in [0, 8, i64::from(i32::MAX) - 7, i64::from(i32::MIN)] {
        let operands = [("HOLE_TO", offset), ("HOLE_VARIABLE", offset)];
        let entry = machine
            .emit(&[("variable", &operands, &[]), DONE])
            .expect("fits");
        let (mut to, from) = (0.0_f64, 42.0_f64);
        let back = (offset as isize).wrapping_neg();
        machine.run(
            entry,
            (&raw mut to).wrapping_byte_offset(back),
            (&raw const from).wrapping_byte_offset(back),
        );
        assert_eq!(to, 42.0, "{offset:#x}");
    }
    for offset in [i64::from(i32::MAX) + 1, i64::from(i32::MIN) - 1, i64::MAX] {
        for operand in ["HOLE_TO", "HOLE_VARIABLE"] {
            let error = machine.emit(&[("variable", &[(operand, offset)], &[]), DONE]);
            too_large(error.expect_err("too large"), operand, OperandForm::Abs32S);
        }
    }
}

#[test]
fn equal_operands() {
    let mut machine = Machine::new();
    for (operation, expected) in [
        ("add", 6.0),
        ("sub", 0.0),
        ("mul", 9.0),
        ("div", 1.0),
        ("lt", 0.0),
        ("le", 1.0),
        ("eq", 1.0),
        ("ne", 0.0),
    ] {
        for offset in [0, 8, 16] {
            let operands = [
                ("HOLE_TO", offset),
                ("HOLE_LEFT", offset),
                ("HOLE_RIGHT", offset),
            ];
            let entry = machine
                .emit(&[(operation, &operands, &[]), DONE])
                .expect("fits");
            let mut stack = [3.0; 3];
            machine.run(entry, stack.as_mut_ptr(), std::ptr::null());
            assert_eq!(stack[offset as usize / 8], expected, "{operation}");
        }
    }
}

#[test]
fn continuations() {
    let mut machine = Machine::new();
    let set = |to, value| [("HOLE_TO", to), ("HOLE_WHOLE", value)];
    let (seven, eight) = (set(8, 7), set(8, 8));
    // Forward, to what comes next, and to the own end.
    for (condition, expected) in [(0.0, 8.0), (1.0, 7.0), (f64::NAN, 7.0)] {
        let to_one = [("hole_else", Target::Label(Label(0)))];
        let to_two = [("hole_next", Target::Label(Label(1)))];
        let entry = machine
            .emit(&[
                ("branch", &[("HOLE_LEFT", 0)], &to_one),
                ("whole", &seven, &to_two),
                ("label 0", &[], &[]),
                ("whole", &eight, &[]),
                ("label 1", &[], &[]),
                DONE,
            ])
            .expect("fits");
        let mut stack = [condition, 0.0];
        machine.run(entry, stack.as_mut_ptr(), std::ptr::null());
        assert_eq!(stack[1], expected);
    }
    // Backward: counts the variable down to zero.
    let (less, out) = (
        [("HOLE_TO", 0), ("HOLE_LEFT", 0), ("HOLE_RIGHT", 8)],
        [("hole_else", Target::Label(Label(1)))],
    );
    let again = [("hole_next", Target::Label(Label(0)))];
    let entry = machine
        .emit(&[
            ("label 0", &[], &[]),
            ("branch", &[("HOLE_LEFT", 0)], &out),
            ("sub", &less, &again),
            ("label 1", &[], &[]),
            DONE,
        ])
        .expect("fits");
    let mut stack = [1000.0, 1.0];
    machine.run(entry, stack.as_mut_ptr(), std::ptr::null());
    assert_eq!(stack[0], 0.0);

    let tested: &[(&str, i64)] = &[("HOLE_LEFT", 0)];
    let branch = |to| [("branch", tested, to), DONE];
    assert!(matches!(
        machine.emit(&branch(&[])),
        Err(EmitError::UnboundContinuation {
            stencil: "branch",
            continuation: "hole_else"
        })
    ));
    assert_eq!(
        machine.emit(&branch(&[("hole_else", Target::Label(Label(3)))])),
        Err(EmitError::UnboundLabel { label: Label(3) })
    );
    assert!(matches!(
        machine.emit(&branch(&[("hole_else", Target::Address(usize::MAX))])),
        Err(EmitError::OutOfReach { .. })
    ));
    assert_eq!(
        machine.emit(&[("whole", &[], &[])]),
        Err(EmitError::FallsOffEnd)
    );
}
