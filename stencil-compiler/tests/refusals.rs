//! Every reason for refusing a function, each by a small package that earns it.

use std::path::Path;

use stencil_compiler::build;
use stencil_compiler::error::{Error, Reason, Refusal};

const PRELUDE: &str = r#"
#![no_std]
#![feature(explicit_tail_calls, rust_preserve_none_cc, thread_local)]
#![allow(incomplete_features, unused, improper_ctypes, improper_ctypes_definitions)]
use core::arch::{asm, global_asm};
unsafe extern "rust-preserve-none" {
    fn hole_next(base: *mut u64, tag: u64);
    fn hole_other(base: *mut u64, tag: u64);
}
unsafe extern "sysv64" { fn helper(value: u64) -> u64; }
unsafe extern "C" { static HOLE_A: u8; static OUTSIDE: u64; }
macro_rules! code {
    ($name:ident, |$base:ident, $tag:ident| $body:block) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "rust-preserve-none" fn $name($base: *mut u64, $tag: u64) {
            unsafe { $body }
        }
    };
}
"#;
const ABI: &str = "#[unsafe(no_mangle)] pub static STENCIL_ABI: [u8; 32] = [7; 32];\n";

fn compile(manifest: &str, source: &str) -> Result<Vec<u8>, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    write_package(folder.path(), manifest, source);
    build(folder.path(), None)
}

fn write_package(folder: &Path, manifest: &str, source: &str) {
    let cargo = format!(
        "[package]\nname = \"refused\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [workspace]\n{manifest}"
    );
    std::fs::create_dir_all(folder.join("src")).expect("a folder");
    std::fs::write(folder.join("Cargo.toml"), cargo).expect("written");
    std::fs::write(folder.join("src/lib.rs"), source).expect("written");
}

/// The refusals of a package whose source is `body`.
fn refusals(body: &str) -> Vec<Refusal> {
    match compile("", &format!("{PRELUDE}{ABI}{body}")) {
        Err(Error::Refused(list)) => list,
        other => panic!("{other:?}"),
    }
}

/// The only refusal of a package whose source is `body`.
fn refusal(body: &str) -> (String, Reason) {
    let mut list = refusals(body);
    assert_eq!(list.len(), 1, "{list:?}");
    let refusal = list.remove(0);
    // Every refusal can be told to a person.
    assert!(
        refusal
            .to_string()
            .starts_with(&format!("`{}`: ", refusal.name))
    );
    (refusal.name, refusal.reason)
}

fn naked(name: &str, code: &str) -> String {
    format!(
        "#[unsafe(naked)] #[unsafe(no_mangle)] \
         pub unsafe extern \"sysv64\" fn {name}() {{ core::arch::naked_asm!({code}) }}\n"
    )
}

#[test]
fn unknown_relocation() {
    let (name, reason) = refusal(&naked(
        "stencil_got",
        r#""mov rax, [rip + HOLE_A@GOTPCREL]", "jmp hole_next""#,
    ));
    assert_eq!(name, "stencil_got");
    // R_X86_64_GOTPCREL
    assert!(
        matches!(&reason, Reason::UnknownRelocation { offset: 3, r_type: 9, symbol } if symbol == "HOLE_A"),
        "{reason:?}"
    );
}

#[test]
fn misplaced_relocation() {
    let (_, reason) = refusal(&naked("stencil_data", r#"".long HOLE_A", "jmp hole_next""#));
    assert!(
        matches!(
            reason,
            Reason::MisplacedRelocation { .. } | Reason::UndecodableCode { .. }
        ),
        "{reason:?}"
    );
}

#[test]
fn undecodable_code() {
    // Not an instruction in 64-bit mode.
    let (_, reason) = refusal(&naked("stencil_bad", r#"".byte 0x06", "jmp hole_next""#));
    assert_eq!(reason, Reason::UndecodableCode { offset: 0 });
}

#[test]
fn unsupported_instruction() {
    let (_, reason) = refusal(&naked("aot_bad", r#""vaddpd zmm0, zmm1, zmm2", "ret""#));
    let expected = Reason::UnsupportedInstruction {
        offset: 0,
        extensions: "AVX512F".into(),
    };
    assert_eq!(reason, expected);
}

#[test]
fn processor_features() {
    let features = |code: &str| {
        let source = format!("{PRELUDE}{ABI}{}", naked("aot_f", code));
        let bytes = compile("", &source).expect("a bundle");
        stencil_format::Bundle::parse(&bytes)
            .expect("a valid bundle")
            .cpu_features()
            .to_string()
    };
    assert_eq!(features(r#""addsd xmm0, xmm1", "ret""#), "none");
    // `rep bsf`, which the compiler writes for every processor.
    assert_eq!(
        features(r#""mov eax, 64", "tzcnt rax, rdi", "ret""#),
        "none"
    );
    let all = r#""andn rax, rdi, rsi", "popcnt rax, rax", "vaddsd xmm0, xmm0, xmm1", "ret""#;
    assert_eq!(features(all), "popcnt,bmi1,avx");
}

#[test]
fn unsupported_branch() {
    let (_, reason) = refusal(&naked("stencil_loop", r#""2: loop 2b", "jmp hole_next""#));
    assert_eq!(reason, Reason::UnsupportedBranch { offset: 0 });
}

#[test]
fn wild_branch() {
    let (_, reason) = refusal(&naked(
        "stencil_wild",
        r#"".byte 0xeb, 1", "mov eax, 1", "jmp hole_next""#,
    ));
    assert_eq!(reason, Reason::WildBranch { offset: 0 });
    let (_, reason) = refusal(&naked("aot_wild", r#"".byte 0xeb, 100", "ret""#));
    assert_eq!(reason, Reason::WildBranch { offset: 0 });
}

#[test]
fn running_off_the_end() {
    let (_, reason) = refusal(&naked("stencil_end", r#""mov eax, 1""#));
    assert_eq!(reason, Reason::RunsOffTheEnd);
    let (_, reason) = refusal(&naked("stencil_end", r#""je hole_next""#));
    assert_eq!(reason, Reason::RunsOffTheEnd);
}

#[test]
fn frame_alive_at_an_exit() {
    let (_, reason) = refusal(&naked("stencil_frame", r#""push rax", "jmp hole_next""#));
    assert_eq!(
        reason,
        Reason::FrameAliveAtExit {
            offset: 1,
            bytes: 8
        }
    );
    let (_, reason) = refusal(&naked(
        "stencil_frame",
        r#""sub rsp, 24", "cmp rax, rcx", "je hole_other", "lea rsp, [rsp + 24]", "jmp hole_next""#,
    ));
    assert_eq!(
        reason,
        Reason::FrameAliveAtExit {
            offset: 7,
            bytes: 24
        }
    );
    let (_, reason) = refusal(&naked("stencil_frame", r#""push rax", "jmp rcx""#));
    assert_eq!(
        reason,
        Reason::FrameAliveAtExit {
            offset: 1,
            bytes: 8
        }
    );
}

#[test]
fn untrackable_stack() {
    let (_, reason) = refusal(&naked(
        "stencil_stack",
        r#""mov rsp, rax", "jmp hole_next""#,
    ));
    assert_eq!(reason, Reason::UntrackableStack { offset: 0 });
    // Different by path.
    let (_, reason) = refusal(&naked(
        "stencil_stack",
        r#""cmp rax, rcx", "je 2f", "push rax", "2: nop", "jmp hole_next""#,
    ));
    assert!(
        matches!(reason, Reason::UntrackableStack { .. }),
        "{reason:?}"
    );
    // Its caller's frame.
    let (_, reason) = refusal(&naked(
        "stencil_stack",
        r#""pop rax", "push rax", "jmp hole_next""#,
    ));
    assert_eq!(reason, Reason::UntrackableStack { offset: 0 });
}

#[test]
fn returning() {
    let (_, reason) = refusal("code!(stencil_return, |base, tag| {});");
    assert_eq!(reason, Reason::Return { offset: 0 });
    let (_, reason) = refusal("code!(stencil_return, |base, tag| { helper(tag); });");
    assert!(matches!(reason, Reason::Return { .. }), "{reason:?}");
}

#[test]
fn calling_a_continuation() {
    let (_, reason) = refusal(
        "code!(stencil_calls, |base, tag| { hole_other(base, tag); become hole_next(base, tag) });",
    );
    assert!(
        matches!(&reason, Reason::CallsContinuation { continuation, .. } if continuation == "hole_other"),
        "{reason:?}"
    );
}

#[test]
fn stray_call() {
    let body =
        "code!(aot_copies, |base, tag| { core::ptr::copy(base, base.add(9), tag as usize) });";
    let (_, reason) = refusal(body);
    assert_eq!(
        reason,
        Reason::StrayCall {
            callee: "memmove".into()
        }
    );
    // The package may promise that its embedder has it.
    let manifest = "[package.metadata.stencil-compiler]\nimports = [\"memmove\"]\n";
    let bundle = compile(manifest, &format!("{PRELUDE}{ABI}{body}")).expect("a bundle");
    let bundle = stencil_format::Bundle::parse(&bundle).expect("a valid bundle");
    assert_eq!(bundle.imports().collect::<Vec<_>>(), ["memmove"]);

    let body = "code!(aot_modulo, |base, tag| {
        *base = (f64::from_bits(*base) % f64::from_bits(tag)).to_bits() });";
    assert_eq!(
        refusal(body).1,
        Reason::StrayCall {
            callee: "fmod".into()
        }
    );
}

#[test]
fn not_inlined() {
    let (name, reason) = refusal(
        "code!(aot_checks, |base, tag| {
        let bytes = core::slice::from_raw_parts(base as *const u8, tag as usize);
        *base = u64::from(core::str::from_utf8(bytes).is_ok()) });",
    );
    assert_eq!(name, "aot_checks");
    assert!(
        matches!(&reason, Reason::NotInlined { callee } if callee.ends_with("::from_utf8")),
        "{reason:?}"
    );
    // A panic takes a place in the source and a function of `core`.
    let list = refusals("code!(aot_panics, |base, tag| { *base = [1, 2, 3][tag as usize] });");
    assert!(
        list.iter().all(|refusal| refusal.name == "aot_panics"),
        "{list:?}"
    );
}

#[test]
fn referring_to_a_stencil() {
    let body =
        naked("stencil_other", r#""jmp hole_next""#) + &naked("aot_to", r#""jmp stencil_other""#);
    let expected = Reason::RefersToStencil {
        stencil: "other".into(),
    };
    assert_eq!(refusal(&body), ("aot_to".into(), expected));
}

#[test]
fn undefined_symbols() {
    let body = "unsafe extern \"rust-preserve-none\" { fn aot_missing(base: *mut u64, tag: u64); }
        code!(stencil_calls, |base, tag| { become aot_missing(base, tag) });";
    assert_eq!(
        refusal(body).1,
        Reason::Undefined {
            symbol: "aot_missing".into()
        }
    );
    let (_, reason) = refusal(&naked("aot_reads", r#""mov rax, [rip + OUTSIDE]", "ret""#));
    assert_eq!(
        reason,
        Reason::UndefinedData {
            symbol: "OUTSIDE".into()
        }
    );
}

#[test]
fn hole_in_aot_code() {
    let operand =
        "code!(aot_hole, |base, tag| { *base.byte_add((&raw const HOLE_A).addr()) = tag });";
    assert_eq!(
        refusal(operand).1,
        Reason::HoleInAot {
            hole: "HOLE_A".into()
        }
    );
    let continuation = "code!(aot_hole, |base, tag| { become hole_next(base, tag) });";
    assert_eq!(
        refusal(continuation).1,
        Reason::HoleInAot {
            hole: "hole_next".into()
        }
    );
}

#[test]
fn misused_symbols() {
    // An operand relative to the instruction.
    let (_, reason) = refusal(&naked(
        "stencil_a",
        r#""mov rax, [rip + HOLE_A]", "jmp hole_next""#,
    ));
    assert!(
        matches!(reason, Reason::MisusedSymbol { offset: 3, .. }),
        "{reason:?}"
    );
    // The address of a continuation as a number.
    let body = "code!(stencil_b, |base, tag| {
        *base = hole_other as *const () as u64; become hole_next(base, tag) });";
    let (_, reason) = refusal(body);
    assert!(
        matches!(&reason, Reason::MisusedSymbol { symbol, .. } if symbol == "hole_other"),
        "{reason:?}"
    );
    // A place behind a function's entry.
    let (_, reason) = refusal(&naked("stencil_c", r#""jmp hole_next + 3""#));
    assert!(matches!(reason, Reason::MisusedSymbol { .. }), "{reason:?}");
}

#[test]
fn absolute_addresses() {
    let body = "code!(aot_a, |base, tag| { *base = aot_b as *const () as u64 });
        code!(aot_b, |base, tag| { *base = tag });";
    let (name, reason) = refusal(body);
    assert_eq!(name, "aot_a");
    assert!(
        matches!(&reason, Reason::AbsoluteAddress { symbol, .. } if symbol == "aot_b"),
        "{reason:?}"
    );
    // An indexed table is reached by its absolute address.
    let body = "static TABLE: [u64; 7] = [9, 1, 8, 2, 7, 3, 6];
        code!(stencil_b, |base, tag| {
            *base = *TABLE.as_ptr().add(tag as usize); become hole_next(base, tag) });";
    let (_, reason) = refusal(body);
    assert!(
        matches!(reason, Reason::AbsoluteAddress { .. }),
        "{reason:?}"
    );
}

#[test]
fn data_with_addresses() {
    let table = "static A: u64 = 5; #[unsafe(no_mangle)] pub static TABLE: [&u64; 2] = [&A, &A];";
    let body = table.to_owned() + &naked("aot_a", r#""mov rax, [rip + TABLE]", "ret""#);
    let expected = Reason::RelocatedData {
        section: ".rodata.TABLE".into(),
    };
    assert_eq!(refusal(&body), ("aot_a".into(), expected));
    // The fingerprint can't be one of those.
    let abi = format!("{PRELUDE}#[unsafe(no_mangle)] pub static STENCIL_ABI: [&u64; 4] = [&7; 4];");
    match compile("", &abi) {
        Err(Error::Refused(list)) => assert_eq!(list[0].reason, Reason::BadAbi),
        other => panic!("{other:?}"),
    }
}

#[test]
fn writable_data() {
    let writable = "#[unsafe(no_mangle)] pub static mut COUNTER: u64 = 5;
        code!(aot_a, |base, tag| { COUNTER += tag });";
    let (name, reason) = refusal(writable);
    assert_eq!(name, "COUNTER");
    assert_eq!(
        reason,
        Reason::WritableData {
            section: ".data.COUNTER".into()
        }
    );
    let zeroed = "#[unsafe(no_mangle)] pub static mut COUNTER: u64 = 0;
        code!(aot_a, |base, tag| { COUNTER += tag });";
    assert_eq!(
        refusal(zeroed).1,
        Reason::WritableData {
            section: ".bss.COUNTER".into()
        }
    );
    let local = "#[unsafe(no_mangle)] #[thread_local] pub static mut COUNTER: u64 = 1;
        code!(aot_a, |base, tag| { COUNTER += tag });";
    assert_eq!(
        refusal(local).1,
        Reason::WritableData {
            section: ".tdata.COUNTER".into()
        }
    );
}

#[test]
fn data_out_of_bounds() {
    let (_, reason) = refusal(
        &("#[unsafe(no_mangle)] pub static NINE: [u64; 9] = [9; 9];".to_owned()
            + &naked("aot_far", r#""mov rax, [rip + NINE + 72]", "ret""#)),
    );
    assert_eq!(
        reason,
        Reason::DataOutOfBounds {
            section: ".rodata.NINE".into()
        }
    );
}

#[test]
fn shared_section() {
    let list = refusals(
        "global_asm!(\".text\", \".globl aot_a\", \"aot_a: ret\", \".globl aot_b\", \"aot_b: ret\");",
    );
    assert!(
        list.iter().all(|refusal| refusal.reason
            == Reason::SharedSection {
                section: ".text".into()
            }),
        "{list:?}"
    );
}

#[test]
fn names() {
    let (name, reason) =
        refusal("#[unsafe(no_mangle)] pub extern \"sysv64\" fn forgotten(a: u64) -> u64 { a + 1 }");
    assert_eq!(
        (name.as_str(), reason),
        ("forgotten", Reason::UnprefixedFunction)
    );
}

#[test]
fn abi() {
    let body = "code!(stencil_a, |base, tag| { become hole_next(base, tag) });";
    let missing = compile("", &format!("{PRELUDE}{body}"));
    assert!(matches!(missing, Err(Error::MissingAbi)), "{missing:?}");
    let short = "#[unsafe(no_mangle)] pub static STENCIL_ABI: [u8; 31] = [7; 31];\n";
    match compile("", &format!("{PRELUDE}{short}{body}")) {
        Err(Error::Refused(list)) => assert_eq!(list[0].reason, Reason::BadAbi),
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_refusals_are_reported_at_once() {
    let body = naked("stencil_a", r#""push rax", "jmp hole_next""#)
        + &naked("stencil_b", r#""ret""#)
        + &naked("aot_c", r#""jmp hole_next""#);
    let list = refusals(&body);
    let names: Vec<&str> = list.iter().map(|refusal| refusal.name.as_str()).collect();
    assert_eq!(names, ["stencil_a", "stencil_b", "aot_c"]);
}

#[test]
fn settings_are_checked() {
    let body = format!("{PRELUDE}{ABI}");
    for (manifest, expected) in [
        ("fallthru = \"hole_next\"", "unknown key `fallthru`"),
        ("returns = \"done\"", "`returns` isn't a list"),
        ("fallthrough = 1", "`fallthrough` isn't a string"),
    ] {
        let manifest = format!("[package.metadata.stencil-compiler]\n{manifest}\n");
        match compile(&manifest, &body) {
            Err(Error::Metadata(found)) => assert_eq!(found, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn compile_errors_are_shown() {
    match compile("", "fn broken(") {
        Err(Error::Tool { command, detail }) => {
            assert_eq!(command, "cargo rustc");
            assert!(detail.contains("unclosed delimiter"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
    let nowhere = build(Path::new("no such folder"), None);
    assert!(matches!(nowhere, Err(Error::Io { .. })), "{nowhere:?}");
}
