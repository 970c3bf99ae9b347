//! Tests of the front end on its own: messages, limits, code shapes, and the
//! invariants that engines rely on. What the code *does* is tested by the
//! corpus.

use super::*;
use crate::heap::ProtoRef;
use crate::heap::collect::Shortage;
use crate::isa::{Control, Insn, Op, Operand};
use crate::listing::write_listing;
use crate::vm::{Config, Vm};
use core::mem::MaybeUninit;
use std::string::{String, ToString};
use std::vec::Vec;

fn with_vm<R>(megabytes: usize, body: impl FnOnce(Rt) -> R) -> R {
    let mut region = std::vec![MaybeUninit::<u8>::uninit(); megabytes << 20];
    let vm = Vm::new(&mut region, &Config::default()).expect("the region is large enough");
    body(vm.rt())
}

/// The message for a chunk named `x`, or "ok".
fn outcome(rt: Rt, source: &[u8]) -> String {
    match compile(rt, source, b"=x", 0) {
        Ok(proto) => {
            check_code(rt, proto);
            "ok".to_string()
        }
        Err(CompileError::Syntax(message)) => {
            String::from_utf8_lossy(rt.str_bytes(message)).into_owned()
        }
        Err(CompileError::NoMemory) => "no memory".to_string(),
    }
}

/// What every engine takes for granted: whole instructions, known operations in
/// their unquickened form, registers inside the frame, upvalues that exist,
/// jumps onto instructions, and backward only where fuel is charged.
fn check_code(rt: Rt, proto: ProtoRef) {
    let p = rt.proto(proto);
    // SAFETY: the prototype is fresh and nothing runs or collects meanwhile.
    let code = unsafe { core::slice::from_raw_parts(rt.at::<u64>(p.entry), p.code_words as usize) };
    let lines: &[u32] = rt.slice(p.lines);
    let upvalues: &[crate::proto::UpvalueDesc] = rt.slice(p.upvalues);
    assert_eq!(code.len(), lines.len());
    let mut is_start = std::vec![false; code.len() + 1];
    let mut pc = 0;
    while pc < code.len() {
        is_start[pc] = true;
        pc += Op::from_u8(code[pc] as u8)
            .expect("a known operation")
            .words();
    }
    assert_eq!(pc, code.len());
    for pc in (0..code.len()).filter(|&pc| is_start[pc]) {
        let insn = Insn::from_word(code[pc]);
        let op = Op::from_u8(insn.op).expect("a known operation");
        let info = op.info();
        assert_eq!(info.base, op, "the front end emits no quickened form");
        let [a, b, c, d] = info.operands;
        for (kind, field) in [(a, insn.a), (b, insn.b), (c, insn.c)] {
            match kind {
                Operand::No => assert_eq!(field, 0, "{op:?} at {pc}"),
                Operand::Dst | Operand::Src | Operand::Run => {
                    assert!(
                        (field as u32) < p.header.aux,
                        "{op:?} at {pc}: register {field}"
                    )
                }
                Operand::Up => assert!((field as usize) < upvalues.len()),
                _ => {}
            }
        }
        if d == Operand::Jump {
            let target = (pc as i64 + insn.d as i32 as i64) as usize;
            assert!(is_start[target], "{op:?} at {pc} to {target}");
            let back = info.control == Control::Loop;
            assert_eq!(target <= pc, back, "{op:?} at {pc} to {target}");
        }
        match op {
            Op::Call => assert!(insn.a as u32 + 2 <= p.header.aux),
            Op::IterCall => assert!(insn.a as u32 + 7 <= p.header.aux),
            _ => {}
        }
    }
    for &inner in rt.slice::<ProtoRef>(p.protos) {
        check_code(rt, inner);
    }
}

#[test]
fn messages_are_those_of_the_reference() {
    // Each was printed by lua5.1.
    let cases: &[(&str, &str)] = &[
        ("x = = 2", "x:1: unexpected symbol near '='"),
        ("x", "x:1: '=' expected near '<eof>'"),
        (
            "if a then\n\nb()",
            "x:3: 'end' expected (to close 'if' at line 1) near '<eof>'",
        ),
        ("if a then b()", "x:1: 'end' expected near '<eof>'"),
        (
            "f(\n1",
            "x:2: ')' expected (to close '(' at line 1) near '<eof>'",
        ),
        ("x = 'abc\n'", "x:1: unfinished string near ''abc'"),
        ("x = \"a\\", "x:1: unfinished string near '<eof>'"),
        ("x = 3x", "x:1: malformed number near '3x'"),
        ("x = 0x1p-4", "x:1: malformed number near '0x1p'"),
        ("x = 'a\\300'", "x:1: escape sequence too large near ''a'"),
        ("x = [==[ ]=]", "x:1: unfinished long string near '<eof>'"),
        ("--[[ \n", "x:2: unfinished long comment near '<eof>'"),
        ("x = [=a", "x:1: invalid long string delimiter near '[='"),
        (
            "x = [[ [[ ]]",
            "x:1: nesting of [[...]] is deprecated near '['",
        ),
        (
            "f\n(g)",
            "x:2: ambiguous syntax (function call x new statement) near '('",
        ),
        ("break", "x:1: no loop to break near '<eof>'"),
        ("break x", "x:1: no loop to break near 'x'"),
        (
            "function f() return ... end",
            "x:1: cannot use '...' outside a vararg function near '...'",
        ),
        (
            "function f(a,) end",
            "x:1: <name> or '...' expected near ')'",
        ),
        ("local 1", "x:1: '<name>' expected near '1'"),
        ("for a do end", "x:1: '=' or 'in' expected near 'do'"),
        ("for a = 1 do end", "x:1: ',' expected near 'do'"),
        ("a.b:c = 1", "x:1: function arguments expected near '='"),
        ("(a) = 1", "x:1: syntax error near '='"),
        ("f() = 1", "x:1: unexpected symbol near '='"),
        ("x = }", "x:1: unexpected symbol near '}'"),
        ("x = \u{1}", "x:1: unexpected symbol near 'char(1)'"),
        ("x = \0", "x:1: unexpected symbol"),
        ("return 1 x", "x:1: '<eof>' expected near 'x'"),
        ("\x1bLua", "x: unexpected end in precompiled chunk"),
        ("# line", "x:1: unexpected symbol near '#'"),
    ];
    with_vm(4, |rt| {
        for &(source, message) in cases {
            assert_eq!(outcome(rt, source.as_bytes()), message, "{source}");
        }
    });
}

#[test]
fn files_may_start_with_a_line_for_the_shell() {
    with_vm(4, |rt| {
        assert!(compile(rt, b"#!/bin/lua\nx = 1", b"@file", 0).is_ok());
        let Err(CompileError::Syntax(message)) = compile(rt, b"#!\nx = ", b"@file", 0) else {
            panic!("a syntax error was expected");
        };
        assert_eq!(
            rt.str_bytes(message),
            b"file:2: unexpected symbol near '<eof>'"
        );
    });
}

#[test]
fn chunk_ids_are_cut_as_in_the_reference() {
    let long = [b'a'; 100];
    let id = |source: &[u8]| {
        let mut out = [0u8; 60];
        let len = chunk_id(source, &mut out);
        String::from_utf8_lossy(&out[..len]).into_owned()
    };
    assert_eq!(id(b"=stdin"), "stdin");
    assert_eq!(id(b"@dir/file.lua"), "dir/file.lua");
    assert_eq!(id(b"x = 1"), "[string \"x = 1\"]");
    assert_eq!(id(b"x = 1\ny = 2"), "[string \"x = 1...\"]");
    assert_eq!(id(b""), "[string \"\"]");
    assert_eq!(id(b"a\0b"), "[string \"a\"]");
    assert_eq!(id(&[b"=", &long[..]].concat()), "a".repeat(59));
    assert_eq!(
        id(&[b"@", &long[..]].concat()),
        std::format!("...{}", "a".repeat(52))
    );
    assert_eq!(
        id(&long),
        std::format!("[string \"{}...\"]", "a".repeat(43))
    );
}

#[test]
fn nesting_is_bounded_as_in_the_reference() {
    with_vm(16, |rt| {
        let too_deep = "x:1: chunk has too many syntax levels";
        let nest = |open: &str, close: &str, n: usize| {
            outcome(rt, [open.repeat(n), close.repeat(n)].concat().as_bytes())
        };
        for (open, close, most) in [
            ("do ", " end", 197),
            ("return function() ", " end", 98),
            ("if a then ", " end", 197),
        ] {
            assert_eq!(nest(open, close, most), "ok", "{open}");
            assert_eq!(nest(open, close, most + 1), too_deep, "{open}");
            assert_eq!(nest(open, close, 100_000), too_deep, "{open}");
        }
        for (open, close, most) in [("(", ")", 196), ("{", "}", 196), ("not ", "", 196)] {
            let source = |n: usize| ["return ", &open.repeat(n), "1", &close.repeat(n)].concat();
            assert_eq!(outcome(rt, source(most).as_bytes()), "ok", "{open}");
            assert_eq!(outcome(rt, source(most + 1).as_bytes()), too_deep, "{open}");
            assert_eq!(outcome(rt, source(100_000).as_bytes()), too_deep, "{open}");
        }
    });
}

#[test]
fn a_low_native_stack_is_a_syntax_error() {
    with_vm(4, |rt| {
        let source = ["return ", &"(".repeat(150), "1", &")".repeat(150)].concat();
        let here = 0u8;
        let address = (&raw const here).addr();
        assert!(compile(rt, source.as_bytes(), b"=x", address - (1 << 20)).is_ok());
        assert!(matches!(
            compile(rt, source.as_bytes(), b"=x", address - 8192),
            Err(CompileError::Syntax(_))
        ));
        assert!(matches!(
            compile(rt, b"x = 1", b"=x", address),
            Err(CompileError::Syntax(_))
        ));
    });
}

#[test]
fn long_chains_need_neither_depth_nor_quadratic_time() {
    with_vm(256, |rt| {
        let n = if cfg!(miri) { 300 } else { 100_000 };
        for source in [
            ["return a", &" + a".repeat(n)].concat(),
            ["return a", &" or a".repeat(n)].concat(),
            ["return a", &" and a < b".repeat(n)].concat(),
            ["f", &"()".repeat(n)].concat(),
            ["x = f", &".y".repeat(n)].concat(),
            ["if a then b() ", &"elseif c < 3 then d() ".repeat(n), "end"].concat(),
            ["x = {", &"a, ".repeat(n), "}"].concat(),
            ["x = {", &"a = 1, ".repeat(n), "}"].concat(),
            ["while a do ", &"if b then break end ".repeat(n), "end"].concat(),
            "a = 1; ".repeat(n),
        ] {
            assert_eq!(outcome(rt, source.as_bytes()), "ok", "{}", &source[..20]);
        }
    });
}

#[test]
fn limits_are_those_of_the_reference() {
    with_vm(16, |rt| {
        let names = |n: usize| (0..n).map(|i| std::format!("a{i}")).collect::<Vec<_>>();
        let locals = |n: usize| std::format!("local {}", names(n).join(", "));
        assert_eq!(outcome(rt, locals(200).as_bytes()), "ok");
        assert_eq!(
            outcome(rt, locals(201).as_bytes()),
            "x:1: main function has more than 200 local variables"
        );
        let upvalues = |n: usize| {
            std::format!(
                "{}\nfunction f() return {} end",
                locals(n),
                names(n).join(" + ")
            )
        };
        assert_eq!(outcome(rt, upvalues(60).as_bytes()), "ok");
        assert_eq!(
            outcome(rt, upvalues(61).as_bytes()),
            "x:2: function at line 2 has more than 60 upvalues"
        );
        let targets = |n: usize| std::format!("{} = 1", names(n).join(", "));
        assert_eq!(outcome(rt, targets(198).as_bytes()), "ok");
        assert_eq!(
            outcome(rt, targets(199).as_bytes()),
            "x:1: main function has more than 197 variables in assignment"
        );
        let call = std::format!("f({})", names(260).join(", "));
        assert!(
            outcome(rt, call.as_bytes()).starts_with("x:1: function or expression too complex")
        );
    });
}

fn listed(source: &str) -> String {
    with_vm(4, |rt| {
        let proto = compile(rt, source.as_bytes(), b"=x", 0).expect("valid source");
        check_code(rt, proto);
        let mut text = String::new();
        write_listing(rt, proto, &mut text).expect("a string takes everything");
        text
    })
}

/// The operations of a listing, in order.
fn operations(listing: &str) -> Vec<&str> {
    listing
        .lines()
        .filter_map(|line| line.split_once("] ").map(|(_, rest)| rest))
        .filter_map(|rest| rest.split_whitespace().next())
        .collect()
}

#[test]
fn variables_are_captured_by_value_or_as_cells() {
    let by_value = listed("local a = 1 return function() return a end");
    assert!(
        by_value.contains("upvalue u0 a = r0 outside\n"),
        "{by_value}"
    );
    assert_eq!(
        operations(&by_value),
        [
            "LoadK", "Closure", "Return1", "Return0", "GetUp", "Return1", "Return0"
        ]
    );
    let cell = listed("local a = 1 a = 2 return function() return a end");
    assert!(cell.contains("upvalue u0 a = r0 outside, cell\n"), "{cell}");
    assert_eq!(
        operations(&cell),
        [
            "LoadK",
            "NewCell",
            "LoadK",
            "SetCell",
            "Closure",
            "Return1",
            "Return0",
            "GetUpCell",
            "Return1",
            "Return0"
        ]
    );
    let recursive = listed("local function f() return f() end");
    assert!(
        recursive.contains("upvalue u0 f = this closure\n"),
        "{recursive}"
    );
    assert!(!recursive.contains("NewCell"));
    let reassigned = listed("local function f() return f() end f = nil");
    assert_eq!(
        &operations(&reassigned)[..4],
        ["LoadNil", "NewCell", "Closure", "SetCell"]
    );
    let parameter = listed("function f(p) return function() p = p + 1 end end");
    assert!(
        parameter.contains("0 [-] NewCell        r0\n"),
        "{parameter}"
    );
    let loop_variable = listed("for i = 1, 2 do f(function() return i end) end");
    assert!(!loop_variable.contains("NewCell"), "{loop_variable}");
}

#[test]
fn constants_are_folded_only_where_it_is_exact() {
    let folds = |source: &str, text: &str| {
        let listing = listed(source);
        let expected = std::format!("LoadK          r0 {text}\n");
        assert!(listing.contains(&expected), "{source}: {listing}");
    };
    folds("return 1 + 2 * 3", "7");
    folds("return 2 ^ 53", "9.007199254741e+15");
    folds("return 2 ^ -1", "0.5");
    folds("return -(1)", "-1");
    folds("return 7 % 4", "3");
    for source in [
        "return 1 / 0",
        "return 0 / 0",
        "return 2 ^ 0.5",
        "return -7 % 4",
        "return 1 % 0",
    ] {
        assert_eq!(operations(&listed(source)).len(), 4, "{source}");
    }
}

#[test]
fn constructors_know_their_shape() {
    let listing = listed("return { x = 1, 10, y = 2, x = 3, [k] = 4, f() }");
    assert!(
        listing.contains(" 1, 1\n"),
        "one item known, one computed key: {listing}"
    );
    let slots: Vec<_> = listing
        .lines()
        .filter_map(|line| line.split_once("InitField"))
        .collect();
    let slots: Vec<_> = slots.iter().map(|(_, operands)| operands.trim()).collect();
    assert_eq!(slots, ["r0 r1 0", "r0 r2 1", "r0 r2 0"], "{listing}");
    let many: Vec<_> = (0..40).map(|i| std::format!("k{i} = {i}")).collect();
    let listing = listed(&std::format!("return {{ {} }}", many.join(", ")));
    assert_eq!(listing.matches("InitField").count(), 32);
    assert_eq!(listing.matches("SetField").count(), 8);
}

#[test]
fn implicit_arg_is_nil_where_dots_are_used() {
    assert!(listed("function f(...) return arg end").contains("ArgTable"));
    let nil = listed("function f(...) return arg, ... end");
    assert!(
        nil.contains("LoadNil") && !nil.contains("ArgTable"),
        "{nil}"
    );
    // The chunk's own arguments have no such name.
    assert!(!listed("return arg").contains("ArgTable"));
}

#[test]
fn every_allocation_may_fail() {
    let source = b"local a, b = 1, 'x' a = 2
        local t = { x = 1, y = { 1, 2, 3 }, [b] = 'some string' }
        function t.f(...) local n = a for k, v in pairs(t) do n = n + k end return arg end
        for i = 1, 10 do t[i] = function() return a + i, 'another string' end end
        return t";
    with_vm(8, |rt| {
        let mut failures = 0u32;
        for n in 0.. {
            // SAFETY: plain fields of the live state.
            unsafe {
                (*rt.vm()).shortage = Shortage::UntilCollected;
                (*rt.vm()).fail_after = n;
            }
            let result = compile(rt, source, b"=x", 0);
            // SAFETY: as above.
            unsafe { (*rt.vm()).fail_after = u64::MAX };
            match result {
                Ok(proto) => {
                    check_code(rt, proto);
                    break;
                }
                Err(error) => assert_eq!(error, CompileError::NoMemory),
            }
            failures += 1;
        }
        assert!(failures > 20, "only {failures} allocations were seen");
    });
}

#[test]
fn any_bytes_are_an_error_or_a_chunk() {
    let words: &[&[u8]] = &[
        b"local",
        b"function",
        b"end",
        b"(",
        b")",
        b"{",
        b"}",
        b"[",
        b"]",
        b"=",
        b",",
        b"a",
        b"b",
        b"1",
        b"0x",
        b"'s'",
        b"\"",
        b"...",
        b"..",
        b".",
        b":",
        b"for",
        b"in",
        b"do",
        b"if",
        b"then",
        b"else",
        b"while",
        b"repeat",
        b"until",
        b"return",
        b"break",
        b"\n",
        b"--",
        b"[[",
        b"\\",
        b"\0",
        b"\xFF",
        b"not",
        b"-",
        b"#",
        b"and",
        b"or",
        b"==",
        b"<",
        b"..",
        b"%",
        b"^",
    ];
    with_vm(64, |rt| {
        let mut state = 1u64;
        let mut next = |n: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 20) as usize % n
        };
        let rounds = if cfg!(miri) { 50 } else { 20_000 };
        let mut valid = 0;
        for _ in 0..rounds {
            let mut source = Vec::new();
            for _ in 0..next(12) {
                source.extend_from_slice(words[next(words.len())]);
                source.push(b' ');
            }
            valid += (outcome(rt, &source) == "ok") as u32;
        }
        assert!(valid > 0);
    });
}

#[test]
fn the_shells_line_is_passed_over() {
    assert_eq!(
        super::without_first_comment(b"#!/bin/x\nprint(1)"),
        b"\nprint(1)"
    );
    assert_eq!(super::without_first_comment(b"#"), b"");
    assert_eq!(super::without_first_comment(b"x = 1\n#"), b"x = 1\n#");
    assert_eq!(super::without_first_comment(b"#x\n\x1bMPC"), b"\x1bMPC");
}
