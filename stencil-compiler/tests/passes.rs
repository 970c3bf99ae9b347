//! The block, fallthrough and encoding passes on control flow that compilers
//! seldom write, by hand and at random. The library validates each stencil's
//! code against what it was made from; here it also has to see damage.

use proptest::prelude::*;
use stencil_compiler::blocks::{self, End, Graph, Target};
use stencil_compiler::decode;
use stencil_compiler::encode::{self, Encoded};
use stencil_compiler::fallthrough::{self, Plan};
use stencil_compiler::holes::{Entry, Package};
use stencil_compiler::naming::Role;
use stencil_compiler::object_file::{Function, ObjectModel, Reloc, RelocKind, Symbol};
use stencil_compiler::settings::{BuildOptions, Settings, Technique};
use stencil_compiler::validate;

const NEXT: &str = "hole_next";

/// One piece of a stencil.
#[derive(Debug)]
enum Asm {
    /// An instruction that isn't a branch.
    Bytes(Vec<u8>),
    /// A conditional branch (condition code) to a line, or out.
    If(u8, To),
    /// A jump.
    Go(To),
    /// A call of an import.
    Call,
}

#[derive(Debug)]
enum To {
    /// The line with this number.
    Line(usize),
    /// A symbol.
    Out(&'static str),
}
use Asm::{Bytes, Call, Go, If};
use To::{Line, Out};

fn work() -> Asm {
    Bytes(vec![0x90])
}

/// A function of these lines, every branch long.
fn assemble(lines: &[Asm]) -> Function {
    let len = |line: &Asm| match line {
        Bytes(bytes) => bytes.len(),
        If(..) => 6,
        Go(_) | Call => 5,
    };
    let starts: Vec<usize> = lines
        .iter()
        .scan(0, |at, line| {
            let start = *at;
            *at += len(line);
            Some(start)
        })
        .collect();
    let mut function = Function {
        symbol: "stencil_test".into(),
        exported: true,
        bytes: Vec::new(),
        relocs: Vec::new(),
    };
    for line in lines {
        let to = match line {
            Bytes(bytes) => {
                function.bytes.extend_from_slice(bytes);
                continue;
            }
            If(code, to) => {
                function.bytes.extend([0x0f, 0x80 | code]);
                to
            }
            Go(to) => {
                function.bytes.push(0xe9);
                to
            }
            Call => {
                function.bytes.push(0xe8);
                &Out("helper")
            }
        };
        let field = function.bytes.len();
        let distance = match to {
            Line(line) => starts[*line] as i32 - field as i32 - 4,
            Out(symbol) => {
                function.relocs.push(Reloc {
                    offset: field as u64,
                    kind: RelocKind::Rel32,
                    symbol: Symbol::Undefined((*symbol).into()),
                    addend: -4,
                });
                0
            }
        };
        function.bytes.extend(distance.to_le_bytes());
    }
    function
}

fn graph_of(function: &Function) -> Graph {
    let (model, settings) = (ObjectModel::default(), Settings::default());
    let package = Package {
        model: &model,
        roles: &[Role::Stencil],
        settings: &settings,
    };
    let insns = decode::decode(function).expect("instructions");
    blocks::split(&package, function, &insns).expect("blocks")
}

fn settings() -> Settings {
    Settings {
        fallthrough: NEXT.to_owned(),
        ..Settings::default()
    }
}

/// Takes lines through the passes and the validator.
fn compile(lines: &[Asm]) -> (Graph, Plan, [Encoded; 2]) {
    compile_with(lines, &settings())
}

fn compile_with(lines: &[Asm], settings: &Settings) -> (Graph, Plan, [Encoded; 2]) {
    let before = graph_of(&assemble(lines));
    let mut graph = before.clone();
    let plan = fallthrough::arrange(&mut graph, settings);
    let parts = encode::encode(&graph, &plan, NEXT).expect("code");
    validate::check(&before, &parts, plan.falls_through.then_some(NEXT)).expect("the same");
    (before, plan, parts)
}

fn parts(lines: &[Asm]) -> (bool, Vec<u8>, Vec<u8>) {
    let (_, plan, [hot, cold]) = compile(lines);
    (plan.falls_through, hot.bytes, cold.bytes)
}

#[test]
fn a_jump_over_an_exit_becomes_the_exit() {
    // je over; jmp other; over: nop; jmp next
    let lines = [If(4, Line(2)), Go(Out("hole_other")), work(), Go(Out(NEXT))];
    assert_eq!(
        parts(&lines),
        (true, vec![0x0f, 0x85, 0, 0, 0, 0, 0x90], vec![])
    );
}

#[test]
fn a_cold_block_in_the_way_moves_out() {
    // je over; call helper; jmp other; over: nop; jmp next
    let lines = [
        If(4, Line(3)),
        Call,
        Go(Out("hole_other")),
        work(),
        Go(Out(NEXT)),
    ];
    let (falls_through, hot, cold) = parts(&lines);
    assert!(falls_through);
    assert_eq!(hot, [0x0f, 0x85, 0, 0, 0, 0, 0x90]);
    assert_eq!(cold, [0xe8, 0, 0, 0, 0, 0xe9, 0, 0, 0, 0]);
}

/// For measuring: the jump stays, and unlikely code stays behind the likely.
#[test]
fn techniques_can_be_left_out() {
    // je over; call helper; jmp other; over: nop; jmp next
    let lines = [
        If(4, Line(3)),
        Call,
        Go(Out("hole_other")),
        work(),
        Go(Out(NEXT)),
    ];
    for technique in [Technique::Fallthrough, Technique::ColdParts] {
        let mut settings = settings();
        settings.restrict(&BuildOptions {
            without: vec![technique],
            ..BuildOptions::default()
        });
        let (_, plan, [hot, cold]) = compile_with(&lines, &settings);
        assert!(!plan.falls_through);
        let jumps = hot.bytes.iter().filter(|&&byte| byte == 0xe9).count();
        let apart = technique == Technique::Fallthrough;
        assert_eq!(
            (jumps, cold.bytes.is_empty()),
            if apart { (1, false) } else { (2, true) }
        );
    }
}

#[test]
fn the_exit_with_work_after_the_continuation_goes_to_the_cold_part() {
    // je next; nop; jmp other
    let lines = [If(4, Out(NEXT)), work(), Go(Out("hole_other"))];
    let (falls_through, hot, cold) = parts(&lines);
    assert!(falls_through);
    assert_eq!(hot, [0x0f, 0x85, 0, 0, 0, 0]);
    assert_eq!(cold, [0x90, 0xe9, 0, 0, 0, 0]);
}

#[test]
fn a_call_on_every_path_is_hot() {
    let lines = [Bytes(vec![0x50]), Call, Bytes(vec![0x58]), Go(Out(NEXT))];
    assert_eq!(
        parts(&lines),
        (true, vec![0x50, 0xe8, 0, 0, 0, 0, 0x58], vec![])
    );
}

#[test]
fn padding_and_chains_of_jumps_disappear() {
    let lines = [
        If(2, Line(3)),
        Go(Line(4)),
        Bytes(vec![0xcc]),
        Go(Line(5)),
        Go(Out(NEXT)),
        Go(Out("hole_other")),
    ];
    assert_eq!(parts(&lines), (true, vec![0x0f, 0x82, 0, 0, 0, 0], vec![]));
}

#[test]
fn endless_loops_are_kept() {
    let (falls_through, hot, _) = parts(&[Go(Line(0))]);
    assert_eq!((falls_through, hot), (false, vec![0xeb, 0xfe]));
    let (_, hot, cold) = parts(&[If(4, Line(2)), Go(Out(NEXT)), Go(Line(3)), Go(Line(2))]);
    assert_eq!(hot.len() + cold.len(), 6 + 2);
}

#[test]
fn without_the_continuation_nothing_falls_through() {
    let lines = [If(4, Out("hole_a")), work(), Go(Out("hole_other"))];
    let (falls_through, hot, cold) = parts(&lines);
    assert_eq!((falls_through, cold.len()), (false, 0));
    assert_eq!(hot, [0x0f, 0x84, 0, 0, 0, 0, 0x90, 0xe9, 0, 0, 0, 0]);
}

/// A random function: lines that end in an exit, branches anywhere.
fn functions() -> impl Strategy<Value = Vec<Asm>> {
    const OUTS: [&str; 4] = [NEXT, "hole_other", "hole_third", NEXT];
    let line = (0..7_u8, 0..16_u8, any::<prop::sample::Index>(), 0..4_usize);
    prop::collection::vec(line, 1..40).prop_map(|lines| {
        let count = lines.len() + 1;
        let mut out: Vec<Asm> = lines
            .into_iter()
            .enumerate()
            .map(|(at, (kind, code, line, way))| match kind {
                // mov eax, at; movabs rcx, at: so that no two lines are alike.
                0 | 1 => Bytes(vec![0xb8, at as u8, 0, 0, 0]),
                2 => Bytes(vec![0x48, 0xb9, at as u8, 0, 0, 0, 0, 0, 0, 0]),
                3 => If(code, Line(line.index(count))),
                4 => If(code, Out(OUTS[way])),
                5 if way > 1 => Go(Out(OUTS[way])),
                5 => Go(Line(line.index(count))),
                _ => Call,
            })
            .collect();
        out.push(Go(Out(NEXT)));
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000,
        max_global_rejects: 100_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The passes keep the meaning of any control flow.
    #[test]
    fn random_control_flow_is_kept(lines in functions()) {
        let (before, plan, parts) = compile(&lines);
        let kept = plan.hot.len() + plan.cold.len();
        prop_assert!(kept <= before.blocks.len());
        // The fallthrough is a promise that the last hot block keeps.
        if plan.falls_through {
            let goes_on = before.blocks.iter().any(|block| {
                block.end.targets().any(|target| {
                    *target == Target::Out(Entry::Continuation(NEXT.into()))
                })
            });
            prop_assert!(goes_on);
        }
        prop_assert!(parts[0].holes.is_sorted_by_key(|hole| hole.offset));
    }

    /// The validator sees a condition or a target that isn't the same.
    #[test]
    fn the_validator_sees_damage(lines in functions(), at in any::<prop::sample::Index>()) {
        let (before, plan, parts) = compile(&lines);
        let falls_to = plan.falls_through.then_some(NEXT);
        // Branches of which it is plain that the two ways differ.
        let branches: Vec<usize> = (0..before.blocks.len())
            .filter(|&index| match &before.blocks[index].end {
                End::Branch { taken, other, .. } => {
                    let ways = (leads(&before, taken), leads(&before, other));
                    matches!(ways, (Some(a), Some(b)) if a != b)
                }
                _ => false,
            })
            .collect();
        prop_assume!(!branches.is_empty());
        let mut damaged = before.clone();
        let block = &mut damaged.blocks[branches[at.index(branches.len())]];
        let End::Branch { taken, other, .. } = &mut block.end else { unreachable!() };
        std::mem::swap(taken, other);
        prop_assert!(validate::check(&damaged, &parts, falls_to).is_err());
    }
}

/// What happens first where a target leads, if that is plain to see: an exit,
/// or an instruction that there is only once.
fn leads(graph: &Graph, target: &Target) -> Option<String> {
    let mut target = target.clone();
    for _ in 0..=graph.blocks.len() {
        let Target::Block(index) = target else {
            return Some(format!("{target:?}"));
        };
        let block = &graph.blocks[index];
        match (&block.end, block.body.first()) {
            (End::Jump(further), None) => target = further.clone(),
            (_, Some(piece)) if !blocks::is_call(&piece.instruction) => {
                return Some(format!("{:?}", piece.bytes));
            }
            _ => return None,
        }
    }
    None
}
