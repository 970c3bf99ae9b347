//! Random models: what is written parses, says the same, and has one encoding.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use stencil_format::testing::exercise;
use stencil_format::{
    AotFunctionModel, AotRelocationModel, Bundle, BundleModel, CpuFeatures, HoleModel,
    HoleValueModel, OperandForm, Part, RegisterClass, RegisterHole, RelTargetModel, StencilModel,
};

fn align() -> impl Strategy<Value = u32> {
    (0..13_u32).prop_map(|log2| 1 << log2)
}

fn name() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-z_\\.é漢]{1,12}").expect("a valid pattern")
}

fn names(most: usize) -> impl Strategy<Value = Vec<String>> {
    btree_set(name(), 0..most).prop_map(|names| names.into_iter().collect())
}

/// What the parts of a model may refer to.
#[derive(Clone, Debug)]
struct Symbols {
    operands: Vec<String>,
    continuations: Vec<String>,
    imports: Vec<String>,
    functions: Vec<String>,
    rodata_len: usize,
}

/// Any of the names, or `None` if there are none.
fn pick(names: &[String], choice: usize) -> Option<String> {
    names.get(choice % names.len().max(1)).cloned()
}

/// A hole's value, width and addend out of random numbers; falls back to the next kind when
/// there is nothing to refer to.
fn hole_value(
    symbols: &Symbols,
    kind: u8,
    choice: usize,
    addend: i64,
    lens: [usize; 2],
) -> (HoleValueModel, u32, i64) {
    let form = [OperandForm::Abs32, OperandForm::Abs32S, OperandForm::Abs64][kind as usize % 3];
    if kind < 3
        && let Some(name) = pick(&symbols.operands, choice)
    {
        let width = if form == OperandForm::Abs64 { 8 } else { 4 };
        return (HoleValueModel::Operand { form, name }, width, addend);
    }
    let within = |len: usize| -8 + addend.rem_euclid(len as i64 + 5);
    let (target, addend) = match kind {
        0..=3 => (
            pick(&symbols.continuations, choice).map(RelTargetModel::Continuation),
            addend as i32 as i64,
        ),
        4 => (
            pick(&symbols.imports, choice).map(RelTargetModel::Import),
            addend as i32 as i64,
        ),
        5 => (
            pick(&symbols.functions, choice).map(RelTargetModel::Function),
            addend as i32 as i64,
        ),
        6 => (Some(RelTargetModel::Rodata), within(symbols.rodata_len)),
        7 => (Some(RelTargetModel::OwnCold), within(lens[1])),
        _ => (None, 0),
    };
    match target {
        Some(target) => (HoleValueModel::Rel32(target), 4, addend),
        None => (
            HoleValueModel::Rel32(RelTargetModel::OwnHot),
            4,
            within(lens[0]),
        ),
    }
}

/// Gap before it, kind, choice of symbol, addend.
type RawHole = (u32, u8, usize, i64);
/// Gap before it, class, bit, width, argument.
type RawRegisterHole = (u32, bool, u8, u8, u8);

fn stencil(symbols: Symbols, name: String) -> impl Strategy<Value = StencilModel> {
    let code = || vec(any::<u8>(), 0..90);
    let hole = || (0..20_u32, 0..9_u8, any::<usize>(), any::<i64>());
    let register = || (0..6_u32, any::<bool>(), 0..8_u8, 1..5_u8, 0..8_u8);
    let holes = || vec((hole(), register()), 0..6);
    (
        code(),
        code(),
        align(),
        any::<Option<usize>>(),
        [holes(), holes()],
    )
        .prop_map(move |(hot, cold, align, fallthrough, raw)| {
            let lens = [hot.len(), cold.len()];
            let mut stencil = StencilModel {
                name: name.clone(),
                hot,
                cold,
                align,
                fallthrough: fallthrough.and_then(|choice| pick(&symbols.continuations, choice)),
                holes: Vec::new(),
                register_holes: Vec::new(),
                short: None,
            };
            for ((part, len), raw) in [Part::Hot, Part::Cold].into_iter().zip(lens).zip(raw) {
                place_holes(&mut stencil, &symbols, part, len, lens, raw);
            }
            // The writer sorts: any order will do.
            stencil.holes.reverse();
            stencil
        })
}

/// Lays holes and register holes out one behind the other as far as the part goes.
fn place_holes(
    stencil: &mut StencilModel,
    symbols: &Symbols,
    part: Part,
    len: usize,
    lens: [usize; 2],
    raw: Vec<(RawHole, RawRegisterHole)>,
) {
    let mut at = 0;
    for ((gap, kind, choice, addend), (register_gap, float, bit, width, argument)) in raw {
        at += gap;
        let (value, hole_width, addend) = hole_value(symbols, kind, choice, addend, lens);
        if (at + hole_width) as usize > len {
            return;
        }
        stencil.holes.push(HoleModel {
            part,
            offset: at,
            value,
            addend,
        });
        at += hole_width + register_gap;
        if at as usize >= len {
            return;
        }
        let class = if float {
            RegisterClass::Float
        } else {
            RegisterClass::General
        };
        let width = width.min(8 - bit);
        stencil.register_holes.push(RegisterHole {
            part,
            class,
            offset: at,
            bit,
            width,
            argument,
        });
        at += 1;
    }
}

fn symbols() -> impl Strategy<Value = (Symbols, Vec<u8>)> {
    (
        names(6),
        names(5),
        names(8),
        names(8),
        vec(any::<u8>(), 0..40),
    )
        .prop_map(|(operands, continuations, imports, functions, rodata)| {
            let rodata_len = rodata.len();
            (
                Symbols {
                    operands,
                    continuations,
                    imports,
                    functions,
                    rodata_len,
                },
                rodata,
            )
        })
}

prop_compose! {
    fn model()((symbols, rodata) in symbols(), stencil_names in names(6))(
        stencils in stencil_names.into_iter().map(|name| stencil(symbols.clone(), name)).collect::<Vec<_>>(),
        symbols in Just(symbols),
        rodata in Just(rodata),
        (abi, sources, compiler) in (any::<[u8; 32]>(), any::<[u8; 32]>(), ".{0,40}"),
        features in 0..1_u64 << 14,
        (code, code_align, rodata_align) in (vec(any::<u8>(), 0..200), align(), align()),
        ranges in vec((any::<u32>(), any::<u32>()), 8),
        relocations in vec((0..30_u32, any::<usize>(), any::<i32>()), 0..6),
    ) -> BundleModel {
        let code_len = code.len() as u32;
        let functions = symbols.functions.iter().zip(&ranges).map(|(name, &(offset, size))| {
            let offset = offset % (code_len + 1);
            AotFunctionModel { name: name.clone(), offset, size: size % (code_len - offset + 1) }
        });
        let mut at = 0;
        let relocations = relocations.into_iter().filter_map(|(gap, choice, addend)| {
            at += gap;
            let import = pick(&symbols.imports, choice)?;
            let offset = at;
            at += 4;
            (at <= code_len).then_some(AotRelocationModel { offset, import, addend })
        });
        BundleModel {
            cpu_features: CpuFeatures::from_bits(features).expect("the known bits"),
            abi_fingerprint: abi,
            source_digest: sources,
            functions: functions.collect(),
            relocations: relocations.collect(),
            operands: symbols.operands.clone(),
            continuations: symbols.continuations.clone(),
            imports: symbols.imports.clone(),
            code_align,
            code,
            rodata_align,
            rodata,
            stencils,
            ..BundleModel::new(&compiler)
        }
    }
}

proptest! {
    // Under Miri there is no directory to keep failures in.
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 1000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn write_parse_same(model in model()) {
        let bytes = model.write().expect("the model keeps the rules");
        exercise(&bytes).expect("what was written parses");
        let bundle = Bundle::parse(&bytes).expect("parsed before");
        let read = BundleModel::from(&bundle);
        let mut expected = model;
        expected.normalize();
        prop_assert_eq!(&read, &expected);
        prop_assert_eq!(read.write().expect("still valid"), bytes);
    }

    #[test]
    fn anything_else_is_refused(bytes in vec(any::<u8>(), 0..600)) {
        prop_assert!(Bundle::parse(&bytes).is_err());
    }
}
