//! `packages/golden`, which has one tiny stencil per hole kind and per shape
//! that the passes must handle: exact bytes, exact holes, exact disassembly.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use stencil_compiler::{build, diff, disasm, emit_obj, inspect};
use stencil_format::{Bundle, Hole, HoleKind, OperandForm, Part, RelTarget};

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packages/golden")
}

fn golden() -> Bundle<'static> {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = BYTES.get_or_init(|| {
        let target = tempfile::tempdir().expect("a folder");
        build(&package(), Some(target.path())).expect("a bundle")
    });
    Bundle::parse(bytes).expect("a valid bundle")
}

/// What a hole is, with names.
#[derive(Debug, PartialEq)]
enum Kind {
    Operand(OperandForm, &'static str),
    Continuation(&'static str),
    Import(&'static str),
    Function(&'static str),
    Rodata,
    OwnHot,
    OwnCold,
}

/// Parts, offsets, kinds and addends of the holes of the stencil `name`.
fn holes(name: &str) -> Vec<(Part, u32, Kind, i64)> {
    let bundle = golden();
    let named = |hole: Hole| {
        let kind = match hole.kind {
            HoleKind::Operand { form, ordinal } => {
                Kind::Operand(form, bundle.operand(ordinal).expect("an operand"))
            }
            HoleKind::Rel32(RelTarget::Continuation(at)) => {
                Kind::Continuation(bundle.continuation(at).expect("a continuation"))
            }
            HoleKind::Rel32(RelTarget::Import(at)) => {
                Kind::Import(bundle.import(at).expect("an import"))
            }
            HoleKind::Rel32(RelTarget::Function(at)) => {
                Kind::Function(bundle.function(at).expect("a function").name)
            }
            HoleKind::Rel32(RelTarget::Rodata) => Kind::Rodata,
            HoleKind::Rel32(RelTarget::OwnHot) => Kind::OwnHot,
            HoleKind::Rel32(RelTarget::OwnCold) => Kind::OwnCold,
        };
        (hole.part, hole.offset, kind, hole.addend)
    };
    bundle
        .stencil_by_name(name)
        .expect("a stencil")
        .holes()
        .map(named)
        .collect()
}

fn hot(name: &str) -> &'static [u8] {
    golden().stencil_by_name(name).expect("a stencil").hot()
}

fn cold(name: &str) -> &'static [u8] {
    golden().stencil_by_name(name).expect("a stencil").cold()
}

fn falls_through(name: &str) -> Option<&'static str> {
    let bundle = golden();
    let stencil = bundle.stencil_by_name(name).expect("a stencil");
    stencil
        .fallthrough()
        .and_then(|ordinal| bundle.continuation(ordinal))
}

const NEXT: Option<&str> = Some("hole_next");

#[test]
fn zero_extended_operand() {
    // mov eax, HOLE_A; mov r14d, eax
    assert_eq!(hot("abs32"), [0xb8, 0, 0, 0, 0, 0x41, 0x89, 0xc6]);
    assert_eq!(
        holes("abs32"),
        [(Part::Hot, 1, Kind::Operand(OperandForm::Abs32, "HOLE_A"), 0)]
    );
    assert_eq!(falls_through("abs32"), NEXT);
}

#[test]
fn sign_extended_operand() {
    // mov [r13+HOLE_A], r14
    assert_eq!(hot("abs32s"), [0x4d, 0x89, 0xb5, 0, 0, 0, 0]);
    let hole = |addend| {
        [(
            Part::Hot,
            3,
            Kind::Operand(OperandForm::Abs32S, "HOLE_A"),
            addend,
        )]
    };
    assert_eq!(holes("abs32s"), hole(0));
    assert_eq!(hot("abs32s_addend"), hot("abs32s"));
    assert_eq!(holes("abs32s_addend"), hole(8));
}

#[test]
fn short_variants() {
    let bundle = golden();
    let short_of = |name| {
        let stencil = bundle.stencil_by_name(name).expect("a stencil");
        let short = stencil.short().and_then(|index| bundle.stencil(index));
        short.map(|short| short.name())
    };
    // mov [r13+HOLE_A], r14
    assert_eq!(short_of("abs32s"), Some("abs32s.short"));
    assert_eq!(hot("abs32s.short"), [0x4d, 0x89, 0x75, 0]);
    let byte = |at, addend| {
        let kind = Kind::Operand(OperandForm::Abs8S, "HOLE_A");
        (Part::Hot, at, kind, addend)
    };
    assert_eq!(holes("abs32s.short"), [byte(3, 0)]);
    assert_eq!(holes("abs32s_addend.short"), [byte(3, 8)]);
    assert_eq!(falls_through("abs32s.short"), NEXT);
    // mov [r12+HOLE_A], r14, with a byte between ModRM and displacement; HOLE_B stays.
    assert_eq!(hot("heap.short")[..5], [0x4d, 0x89, 0x74, 0x24, 0]);
    let four = |at, form| (Part::Hot, at, Kind::Operand(form, "HOLE_B"), 0);
    let other = (Part::Hot, 16, Kind::Continuation("hole_other"), -4);
    let compared = four(9, OperandForm::Abs32S);
    assert_eq!(holes("heap.short"), [byte(4, 0), compared, other]);
    // An immediate behind the displacement moves up.
    assert_eq!(
        holes("store_opaque.short"),
        [
            byte(4, 0),
            four(5, OperandForm::Abs32),
            byte(12, 0),
            four(13, OperandForm::Abs32S)
        ]
    );
    // In both parts; the branch between them is a hole, those inside move.
    let bytes = |part| {
        let holes = holes("cold_call.short").into_iter();
        let byte = Kind::Operand(OperandForm::Abs8S, "HOLE_A");
        holes
            .filter(|hole| hole.0 == part && hole.2 == byte)
            .count()
    };
    assert_eq!((bytes(Part::Hot), bytes(Part::Cold)), (1, 1));
    // Immediates are no displacements, and other operands aren't listed.
    for name in ["abs32", "abs64", "opaque", "nothing", "abs32s.short"] {
        assert_eq!(short_of(name), None, "{name}");
    }
}

#[test]
fn operand_of_64_bits() {
    // movabs r14, HOLE_A
    assert_eq!(hot("abs64"), [0x49, 0xbe, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        holes("abs64"),
        [(Part::Hot, 2, Kind::Operand(OperandForm::Abs64, "HOLE_A"), 0)]
    );
}

#[test]
fn immediates_that_the_compiler_knows_nothing_of() {
    let hole = |at, form, name| (Part::Hot, at, Kind::Operand(form, name), 0);
    // mov r14d, HOLE_A
    assert_eq!(hot("opaque"), [0x41, 0xbe, 0, 0, 0, 0]);
    assert_eq!(holes("opaque"), [hole(2, OperandForm::Abs32, "HOLE_A")]);
    // mov dword ptr [r12+HOLE_A], HOLE_B; mov qword ptr [r13+HOLE_A], HOLE_B
    let dword = [0x41, 0xc7, 0x84, 0x24, 0, 0, 0, 0, 0, 0, 0, 0];
    let qword = [0x49, 0xc7, 0x85, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(hot("store_opaque"), [&dword[..], &qword].concat());
    assert_eq!(
        holes("store_opaque"),
        [
            hole(4, OperandForm::Abs32S, "HOLE_A"),
            // 32 bits are stored: either sign will do.
            hole(8, OperandForm::Abs32, "HOLE_B"),
            hole(15, OperandForm::Abs32S, "HOLE_A"),
            hole(19, OperandForm::Abs32S, "HOLE_B"),
        ]
    );
}

#[test]
fn operand_behind_a_register_with_an_index_byte() {
    // mov [r12+HOLE_A], r14; cmp dword ptr [r12+HOLE_B], 7; jne hole_other
    let store = [0x4d, 0x89, 0xb4, 0x24, 0, 0, 0, 0];
    let compare = [0x41, 0x83, 0xbc, 0x24, 0, 0, 0, 0, 7];
    let branch = [0x0f, 0x85, 0, 0, 0, 0];
    assert_eq!(hot("heap"), [&store[..], &compare, &branch].concat());
    let hole = |at, name| (Part::Hot, at, Kind::Operand(OperandForm::Abs32S, name), 0);
    assert_eq!(
        holes("heap"),
        [
            hole(4, "HOLE_A"),
            hole(12, "HOLE_B"),
            (Part::Hot, 19, Kind::Continuation("hole_other"), -4),
        ]
    );
}

#[test]
fn address_of_a_continuation() {
    // lea rax, [rip+hole_next]; mov [r13], rax
    let code = [0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x49, 0x89, 0x45, 0];
    let next = (Part::Hot, 3, Kind::Continuation("hole_next"), -4);
    assert_eq!(hot("next_address"), code);
    assert_eq!(holes("next_address"), [next]);
    assert_eq!(falls_through("next_address"), NEXT);
    // The same, and jmp hole_other.
    let jump = [0xe9, 0, 0, 0, 0];
    assert_eq!(hot("return_address"), [&code[..], &jump].concat());
    let next = (Part::Hot, 3, Kind::Continuation("hole_next"), -4);
    let other = (Part::Hot, 12, Kind::Continuation("hole_other"), -4);
    assert_eq!(holes("return_address"), [next, other]);
    assert_eq!(falls_through("return_address"), None);
}

#[test]
fn continuation() {
    // jmp hole_other
    assert_eq!(hot("continuation"), [0xe9, 0, 0, 0, 0]);
    assert_eq!(
        holes("continuation"),
        [(Part::Hot, 1, Kind::Continuation("hole_other"), -4)]
    );
    assert_eq!(falls_through("continuation"), None);
}

#[test]
fn fallthrough_alone_is_no_code() {
    assert!(hot("nothing").is_empty());
    assert_eq!(holes("nothing"), []);
    assert_eq!(falls_through("nothing"), NEXT);
}

#[test]
fn aot_function() {
    assert_eq!(hot("function"), [0xe9, 0, 0, 0, 0]);
    assert_eq!(
        holes("function"),
        [(Part::Hot, 1, Kind::Function("slow"), -4)]
    );
    assert_eq!(
        holes("private_call")[0].2,
        Kind::Function("golden_stencils::outlined")
    );
}

#[test]
fn import() {
    // mov rsi, r14; mov rdi, r12; jmp helper
    assert_eq!(
        hot("tail_import"),
        [0x4c, 0x89, 0xf6, 0x4c, 0x89, 0xe7, 0xe9, 0, 0, 0, 0]
    );
    assert_eq!(
        holes("tail_import"),
        [(Part::Hot, 7, Kind::Import("helper"), -4)]
    );
}

#[test]
fn constant() {
    let bundle = golden();
    let [(Part::Hot, 10, Kind::Rodata, addend)] = holes("rodata")[..] else {
        panic!("{:?}", holes("rodata"));
    };
    // addsd xmm0, [rip+..]: the field is the instruction's last.
    assert_eq!(hot("rodata")[6..10], [0xf2, 0x0f, 0x58, 0x05]);
    let place = usize::try_from(addend + 4).expect("inside of the rodata");
    assert_eq!(bundle.rodata()[place..place + 8], 1.5_f64.to_le_bytes());
    // Shared with the AOT function that adds it too.
    let copies = bundle
        .rodata()
        .windows(8)
        .filter(|bytes| *bytes == 1.5_f64.to_le_bytes());
    assert_eq!(copies.count(), 1);
}

#[test]
fn conditional_jump_to_the_continuation_is_inverted() {
    // The compiler's code is `cmp; jb hole_next; jmp hole_other`.
    for name in ["branch", "inverted"] {
        // cmp [r13], r14; jae hole_other
        assert_eq!(
            hot(name),
            [0x4d, 0x39, 0x75, 0, 0x0f, 0x83, 0, 0, 0, 0],
            "{name}"
        );
        assert_eq!(
            holes(name),
            [(Part::Hot, 6, Kind::Continuation("hole_other"), -4)]
        );
        assert_eq!(falls_through(name), NEXT);
        assert!(cold(name).is_empty());
    }
}

#[test]
fn cold_blocks_go_to_the_cold_part() {
    // jae cold
    assert_eq!(hot("cold_call")[7..13], [0x0f, 0x83, 0, 0, 0, 0]);
    assert_eq!(
        holes("cold_call"),
        [
            (Part::Hot, 9, Kind::OwnCold, -4),
            (
                Part::Hot,
                16,
                Kind::Operand(OperandForm::Abs32S, "HOLE_A"),
                0
            ),
            (Part::Cold, 8, Kind::Import("helper"), -4),
            (
                Part::Cold,
                19,
                Kind::Operand(OperandForm::Abs32S, "HOLE_A"),
                0
            ),
            (Part::Cold, 24, Kind::Continuation("hole_next"), -4),
        ]
    );
    assert_eq!(falls_through("cold_call"), NEXT);
    // The second of two ways that are equally likely.
    assert_eq!(cold("diamond").last_chunk::<5>(), Some(&[0xe9, 0, 0, 0, 0]));
    assert_eq!(falls_through("diamond"), NEXT);
}

#[test]
fn branches_inside_a_part_have_distances() {
    // jae -10
    assert_eq!(hot("loop").last_chunk::<2>(), Some(&[0x73, 0xf6]));
    assert_eq!(holes("loop"), []);
    // The same over 130 bytes more: too far for one byte.
    let long = hot("long_loop");
    let at = long.len() - 6;
    assert_eq!(long[at..at + 2], [0x0f, 0x83]);
    let distance = i32::from_le_bytes(*long.last_chunk().expect("four bytes"));
    assert!((-148..-130).contains(&distance), "{distance}");
}

#[test]
fn stencils_without_a_fallthrough() {
    assert_eq!(hot("done"), [0xc3]);
    assert_eq!(falls_through("done"), None);
    // mov rax, [r13]; jmp rax
    assert_eq!(hot("dynamic"), [0x49, 0x8b, 0x45, 0, 0xff, 0xe0]);
    assert_eq!(falls_through("dynamic"), None);
}

#[test]
fn disassembly_is_as_committed() {
    let bundle = golden();
    let mut text = String::new();
    for function in bundle.functions() {
        text += &disasm::function(&bundle, &function);
    }
    for stencil in bundle.stencils() {
        text += &disasm::stencil(&bundle, &stencil);
    }
    let committed = include_str!("packages/golden/disassembly.txt");
    assert_eq!(text, committed, "the new text:\n{text}");
}

#[test]
fn provenance_and_fingerprint() {
    let bundle = golden();
    assert_eq!(
        &bundle.abi_fingerprint(),
        b"golden stencils of the compiler!"
    );
    assert_eq!(bundle.compiler(), "rustc 1.95.0 (59807616e 2026-04-14)");
    assert_ne!(bundle.source_digest(), [0; 32]);
    let summary = inspect::summary(&bundle);
    for fact in [
        "hole_next hole_other",
        "HOLE_A HOLE_B",
        "rustc 1.95.0",
        "helper",
    ] {
        assert!(summary.contains(fact), "{summary}");
    }
}

#[test]
fn a_bundle_differs_from_itself_in_nothing_and_from_another_by_name() {
    use diff::Difference;
    use stencil_format::BundleModel;
    let bundle = golden();
    assert_eq!(diff::differences(&bundle, &bundle), []);

    let mut model = BundleModel::from(&bundle);
    model.stencils.retain(|stencil| stencil.name != "loop");
    let changed = model
        .stencils
        .iter_mut()
        .find(|stencil| stencil.name == "done");
    changed.expect("a stencil").hot = vec![0xf4];
    let mut added = model.stencils[0].clone();
    added.name = "zero".into();
    model.stencils.push(added);
    model.compiler = "another".into();
    let other = model.write().expect("a bundle");
    let other = Bundle::parse(&other).expect("a valid bundle");
    let (kind, a) = ("stencil", "rustc 1.95.0 (59807616e 2026-04-14)".into());
    assert_eq!(
        diff::differences(&bundle, &other),
        [
            Difference::Fact {
                name: "compiler",
                a,
                b: "another".into()
            },
            Difference::Changed {
                kind,
                name: "done".into(),
                sizes: (1, 1)
            },
            Difference::Removed {
                kind,
                name: "loop".into()
            },
            Difference::Added {
                kind,
                name: "zero".into()
            },
        ]
    );
}

/// Links the AOT part into a program and runs it, with no code region at all.
#[test]
fn the_aot_object_links_and_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let object = folder.path().join("aot.o");
    std::fs::write(&object, emit_obj::object(&golden()).expect("an object")).expect("written");
    let source = folder.path().join("main.rs");
    let program = r#"
        unsafe extern "sysv64" { fn aot_scaled(vm: *mut u8, bits: u64) -> u64; }
        unsafe extern "C" { static STENCIL_ABI: [u8; 32]; }
        #[unsafe(no_mangle)]
        extern "sysv64" fn helper(_vm: *mut u8, bits: u64) -> u64 {
            (f64::from_bits(bits) + 1.0).to_bits()
        }
        fn main() {
            assert_eq!(unsafe { &STENCIL_ABI }, b"golden stencils of the compiler!");
            let found = unsafe { aot_scaled(std::ptr::null_mut(), 3.0_f64.to_bits()) };
            let expected = (4.0_f64 * 2.25 + 1.5).to_bits().rotate_left(5) ^ 0x1234_5678_9abc;
            assert_eq!(found, expected);
        }
    "#;
    std::fs::write(&source, program).expect("written");
    let executable = folder.path().join("main");
    let status = std::process::Command::new("rustc")
        .args(["--edition", "2024"])
        .arg(format!("-Clink-arg={}", object.display()))
        .args([Path::new("-o"), &executable, &source])
        .status();
    assert!(status.expect("rustc").success());
    assert!(
        std::process::Command::new(executable)
            .status()
            .expect("it runs")
            .success()
    );
}
