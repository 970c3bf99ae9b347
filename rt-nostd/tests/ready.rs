//! Stencils stamped against the same by the book: random stencils in random order give the
//! same bytes, to the last one in the region, or the same error. Nothing is run, so that Miri
//! can watch.

use rt_nostd::{
    Assembler, CONTINUATIONS_MAX, CodeBlock, CodeRegion, CodeSize, EmitError, Emitter,
    Expectations, Extent, JUMP_LEN, Label, LabelState, LinkedBundle, Measure, PatchSlot,
    ReadyError, Stamper, StencilSlot, Target, fill_tables, link,
};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use stencil_format::{
    Bundle, BundleModel, CpuFeatures, HoleModel, HoleValueModel, OperandForm, Part, RelTargetModel,
    StencilModel,
};

const LEN: usize = 1 << 16;
const EXECUTE: usize = 1 << 20;
const STENCILS: u32 = 40;
const OPERANDS: [&str; 3] = ["A", "B", "C"];

#[repr(align(4096))]
struct Memory([u8; LEN]);

struct Random(u32);

impl Random {
    fn below(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % n
    }
}

/// A hole that isn't longer than `room`, and its length.
fn hole(random: &mut Random, part: Part, offset: u32, room: u32) -> Option<(HoleModel, u32)> {
    let operand = |form, random: &mut Random| HoleValueModel::Operand {
        form,
        name: OPERANDS[random.below(3) as usize].to_owned(),
    };
    let (value, width) = match random.below(12) {
        0 | 1 => (operand(OperandForm::Abs32, random), 4),
        2 => (operand(OperandForm::Abs32S, random), 4),
        3..=6 => (operand(OperandForm::Abs8S, random), 1),
        7 if random.below(8) == 0 => (operand(OperandForm::Abs64, random), 8),
        8 => (HoleValueModel::Rel32(RelTargetModel::OwnHot), 4),
        9 => (
            HoleValueModel::Rel32(RelTargetModel::Function("f".to_owned())),
            4,
        ),
        10 => (HoleValueModel::Rel32(RelTargetModel::Rodata), 4),
        _ => {
            let name = ["hole_next", "hole_taken"][random.below(2) as usize];
            let target = RelTargetModel::Continuation(name.to_owned());
            (HoleValueModel::Rel32(target), 4)
        }
    };
    let addend = match value {
        HoleValueModel::Operand { .. } => i64::from(random.below(9)) - 4,
        _ => -4 - i64::from(random.below(3)),
    };
    (width <= room).then_some((
        HoleModel {
            part,
            offset,
            value,
            addend,
        },
        width,
    ))
}

fn stencil(random: &mut Random, number: u32) -> StencilModel {
    let part = |random: &mut Random, longest: u32| -> Vec<u8> {
        let len = match random.below(8) {
            0 => random.below(longest * 4),
            _ => random.below(longest),
        };
        (0..len).map(|_| random.below(256) as u8).collect()
    };
    let (mut hot, cold) = (part(random, 80), part(random, 50));
    hot.push(0x90);
    let mut holes = Vec::new();
    for (part, bytes) in [(Part::Hot, &hot), (Part::Cold, &cold)] {
        let len = bytes.len() as u32;
        let mut at = random.below(5);
        while at < len {
            let Some((hole, width)) = hole(random, part, at, len - at) else {
                at += 1;
                continue;
            };
            holes.push(hole);
            at += width + random.below(12);
        }
    }
    StencilModel {
        name: format!("s{number:02}"),
        hot,
        cold,
        align: if random.below(10) == 0 { 16 } else { 1 },
        fallthrough: (!number.is_multiple_of(4)).then(|| "hole_next".to_owned()),
        holes,
        register_holes: Vec::new(),
        short: None,
    }
}

fn model(random: &mut Random) -> BundleModel {
    let mut model = BundleModel::new("by chance");
    model.code = vec![0xc3; 16];
    model.functions = vec![stencil_format::AotFunctionModel {
        name: "f".to_owned(),
        offset: 3,
        size: 1,
    }];
    model.rodata = vec![7; 16];
    model.stencils = (0..STENCILS).map(|n| stencil(random, n)).collect();
    model
}

/// Where a continuation leads.
#[derive(Clone, Copy)]
enum To {
    Behind,
    Step(u32),
    Address(usize),
}

/// A stencil of a function, and what it is told.
struct Step {
    index: u32,
    operands: Vec<u32>,
    targets: Vec<(u32, To)>,
}

/// A function of so many stencils, which may start anywhere.
fn function(linked: &LinkedBundle<'_>, seed: u32, count: u32) -> Vec<Step> {
    let mut random = Random(seed);
    let bundle = linked.bundle();
    let next = bundle.continuation_by_name("hole_next");
    let taken = bundle.continuation_by_name("hole_taken");
    let mut steps = Vec::new();
    while steps.len() < count as usize {
        let operands = (0..bundle.operand_count())
            .map(|_| match random.below(60) {
                0 => random.below(u32::MAX),
                _ => random.below(120),
            })
            .collect();
        let number = random.below(STENCILS);
        let falls = !number.is_multiple_of(4);
        let mut targets = Vec::new();
        if let Some(taken) = taken
            && random.below(60) != 0
        {
            let to = match random.below(40) {
                0 => To::Address(usize::MAX - 5),
                1 | 2 => To::Address(EXECUTE + LEN + 5),
                _ => To::Step(random.below(count)),
            };
            targets.push((taken, to));
        }
        if let Some(next) = next
            && (!falls || random.below(3) == 0)
        {
            targets.push((next, To::Behind));
        }
        let index = bundle.stencil_index(&format!("s{number:02}"));
        let index = index.expect("in the model");
        // Aligned ones are for those who can pad.
        if bundle.stencil(index).expect("in the model").align() == 1 {
            steps.push(Step {
                index,
                operands,
                targets,
            });
        }
    }
    steps
}

fn assemble<'a>(steps: &[Step], out: &mut impl Assembler<'a>) -> Result<(), EmitError<'a>> {
    for (at, step) in (0..).zip(steps) {
        out.bind(Label(at))?;
        let operands: Vec<i64> = step.operands.iter().map(|&value| value.into()).collect();
        let target = |to| match to {
            To::Behind => Target::Next,
            To::Step(step) => Target::Label(Label(step)),
            To::Address(address) => Target::Address(address),
        };
        let targets = step.targets.iter().map(|&(of, to)| (of, target(to)));
        out.stencil(step.index, &operands, &targets.collect::<Vec<_>>())?;
    }
    out.jump(Target::Label(Label(0)))
}

fn emit<'a>(
    linked: &LinkedBundle<'a>,
    region: &mut CodeRegion<'_>,
    steps: &[Step],
) -> Result<CodeBlock, EmitError<'a>> {
    let mut labels = vec![LabelState::UNBOUND; steps.len()];
    let mut measure = Measure::new(linked.bundle(), &mut labels);
    assemble(steps, &mut measure)?;
    let size = measure.finish()?;
    let mut emitter = Emitter::new(linked, region, size, &mut labels)?;
    assemble(steps, &mut emitter)?;
    emitter.finish()
}

fn stamp<'a>(
    linked: &LinkedBundle<'a>,
    region: &mut CodeRegion<'_>,
    steps: &[Step],
) -> Result<CodeBlock, EmitError<'a>> {
    let (mut hot, mut cold) = (0, 0);
    let mut places = Vec::new();
    for step in steps {
        let outline = linked.outline(step.index).expect("made ready");
        places.push([hot, cold]);
        (hot, cold) = (hot + outline.hot, cold + outline.cold);
    }
    let size = CodeSize {
        hot: hot + JUMP_LEN,
        cold,
        align: 1,
    };
    let mut stamper = Stamper::new(linked, region, size)?;
    for (step, &place) in steps.iter().zip(&places) {
        for (ordinal, &value) in step.operands.iter().enumerate() {
            stamper.set(ordinal, value);
        }
        let mut spot = stamper.begin(step.index, place)?;
        for &(ordinal, to) in &step.targets {
            let behind = spot.end();
            match to {
                To::Behind => spot.lead(ordinal, behind),
                To::Step(step) => spot.lead(ordinal, places[step as usize][0]),
                To::Address(address) => spot.lead_out(ordinal, address),
            }
        }
        spot.stamp()?;
    }
    stamper.jump(hot, places[0][0])?;
    stamper.finish()
}

/// What the emitter said of each function, and the bytes of those that were emitted.
fn run(bundle: &Bundle<'_>, stamped: bool, functions: u32) -> (Vec<String>, Vec<Vec<u8>>) {
    let mut memory = Box::new(Memory([0; LEN]));
    let write = NonNull::from(&mut memory.0).cast();
    let mut slots = vec![Extent::EMPTY; 100];
    let mut stencils = vec![StencilSlot::EMPTY; 100];
    let mut patches = vec![PatchSlot::EMPTY; 4000];
    // SAFETY: the memory outlives the region, is used through it alone until the region's
    // last use, and what is written is never run.
    let mut region =
        unsafe { CodeRegion::aliased(write, EXECUTE, LEN, &mut slots) }.expect("a region");
    let mut linked = link(bundle, &mut region, &expectations(), |_| None).expect("links");
    // As it is when a program is built: as words.
    fill_tables(bundle, &mut stencils, &mut patches).expect("enough slots");
    let stencils: Vec<_> = stencils[..bundle.stencil_count() as usize]
        .iter()
        .map(|slot| StencilSlot::from_words(slot.to_words()))
        .collect();
    let patches: Vec<_> = patches
        .iter()
        .map(|slot| PatchSlot::from_word(slot.to_word()))
        .collect();
    let used = linked.use_ready(&stencils, &patches);
    used.expect("tables of this bundle");
    let mut said = Vec::new();
    let mut places = Vec::new();
    for i in 0..functions {
        let steps = function(&linked, i * 77 + 1, 1 + i % 23);
        let emitted = match stamped {
            true => stamp(&linked, &mut region, &steps),
            false => emit(&linked, &mut region, &steps),
        };
        if let Ok(block) = &emitted {
            places.extend(region.addresses(block));
        }
        said.push(format!("{emitted:?}"));
    }
    let code = |place: &Range<usize>| memory.0[place.start - EXECUTE..place.end - EXECUTE].to_vec();
    (said, places.iter().map(code).collect())
}

#[test]
fn the_same_as_by_the_book() {
    let (models, functions) = if cfg!(miri) { (2, 12) } else { (60, 40) };
    let (mut emitted, mut refused) = (0, 0);
    for seed in 1..=models {
        let bytes = model(&mut Random(seed * 0x9e37)).write().expect("valid");
        let bundle = Bundle::parse(&bytes).expect("valid");
        let (said_by_book, by_book) = run(&bundle, false, functions);
        let (said, code) = run(&bundle, true, functions);
        assert_eq!(said, said_by_book, "model {seed}");
        assert!(code == by_book, "model {seed}");
        emitted += code.len();
        refused += said.iter().filter(|said| said.starts_with("Err")).count();
    }
    assert!(emitted > (models * functions) as usize / 2, "{emitted}");
    assert!(refused > 0 || cfg!(miri));
}

fn expectations() -> Expectations {
    Expectations {
        abi_fingerprint: [0; 32],
        cpu_features: CpuFeatures::NONE,
    }
}

/// Hands a bundle that was made ready to a test, with its region and where that is written.
fn with_ready(test: impl FnOnce(NonNull<u8>, &LinkedBundle<'_>, &mut CodeRegion<'_>)) {
    let bytes = model(&mut Random(5)).write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let mut memory = Box::new(Memory([0; LEN]));
    let write = NonNull::from(&mut memory.0).cast();
    let mut slots = vec![Extent::EMPTY; 8];
    let mut stencils = vec![StencilSlot::EMPTY; 100];
    let mut patches = vec![PatchSlot::EMPTY; 4000];
    // SAFETY: as above.
    let mut region =
        unsafe { CodeRegion::aliased(write, EXECUTE, LEN, &mut slots) }.expect("a region");
    let mut linked = link(&bundle, &mut region, &expectations(), |_| None).expect("links");
    let made = linked.make_ready(&mut stencils, &mut patches);
    made.expect("enough slots");
    test(write, &linked, &mut region);
}

#[test]
fn short_tables_are_refused() {
    let bytes = model(&mut Random(5)).write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let mut memory = Box::new(Memory([0; LEN]));
    let write = NonNull::from(&mut memory.0).cast();
    let mut slots = [Extent::EMPTY; 2];
    let mut stencils = [StencilSlot::EMPTY; STENCILS as usize];
    let (mut few, mut patches) = (stencils, vec![PatchSlot::EMPTY; 4000]);
    let mut few_patches = patches.clone();
    // SAFETY: as above.
    let mut region =
        unsafe { CodeRegion::aliased(write, EXECUTE, LEN, &mut slots) }.expect("a region");
    let mut linked = link(&bundle, &mut region, &expectations(), |_| None).expect("links");
    let (wanted, wanted_patches) = linked.ready_slots();
    let too_few = ReadyError::TooFewSlots {
        stencils: wanted,
        patches: wanted_patches,
    };
    let made = linked.make_ready(&mut few[1..], &mut few_patches);
    assert_eq!(made, Err(too_few));
    let made = linked.make_ready(&mut stencils, &mut patches[..wanted_patches]);
    assert_eq!(made, Ok(()));
}

#[test]
fn nothing_is_stamped_outside_the_block() {
    with_ready(|write, linked, region| {
        // Neighbours on all sides, and more room than is copied too much.
        let size = CodeSize {
            hot: 208,
            cold: 160,
            align: 1,
        };
        let neighbour = |region: &mut CodeRegion<'_>| {
            let stamper = Stamper::new(linked, region, size).expect("room");
            stamper.finish().expect("nothing to do")
        };
        let [before, own, after] = [0; 3].map(|_| neighbour(region));
        let [hot, cold] = region.addresses(&own).map(|range| {
            let place = range.start - EXECUTE..range.end - EXECUTE;
            assert!(place.start > 0 && place.end < LEN);
            place
        });
        // SAFETY: nothing of it runs.
        unsafe { region.free(own) };
        let free = region.free_bytes();
        for offset in 0..LEN {
            // SAFETY: in the memory, which nothing of runs; the region's only user is this test.
            unsafe { write.add(offset).write(offset as u8 ^ 0x5a) };
        }
        let mut refused = 0;
        // Miri takes a microsecond to look at a byte.
        let stencils = if cfg!(miri) { 2 } else { STENCILS };
        for index in 0..stencils {
            for at in [
                [0, 0],
                [113, 0],
                [0, 97],
                [150, 120],
                [198, 0],
                [207, 159],
                [208, 160],
                [209, 0],
                [u32::MAX, 0],
                [0, 150],
                [0, u32::MAX - 3],
            ] {
                let mut stamper = Stamper::new(linked, region, size).expect("room");
                let mut spot = stamper.begin(index, at).expect("made ready");
                for ordinal in 0..2 {
                    spot.lead(ordinal, 0);
                }
                refused += u32::from(spot.stamp().is_err());
                assert_eq!(stamper.jump(204, 0), Err(EmitError::PassesDiffer));
                drop(stamper);
                assert_eq!(region.free_bytes(), free);
                for offset in 0..LEN {
                    // SAFETY: as above.
                    let byte = unsafe { write.add(offset).read() };
                    let inside = hot.contains(&offset) || cold.contains(&offset);
                    assert!(
                        inside || byte == offset as u8 ^ 0x5a,
                        "stencil {index} at {at:?}: {offset}"
                    );
                }
            }
        }
        assert!(refused > stencils && refused < stencils * 10);
        // SAFETY: nothing of them runs.
        unsafe {
            region.free(before);
            region.free(after);
        }
    });
}

#[test]
fn snippets_are_written_up_to_the_end_of_the_block_and_no_further() {
    let stencil = |name: &str, hot: &[u8], cold: &[u8], align| StencilModel {
        name: name.to_owned(),
        hot: hot.to_owned(),
        cold: cold.to_owned(),
        align,
        fallthrough: Some("hole_next".to_owned()),
        holes: Vec::new(),
        register_holes: Vec::new(),
        short: None,
    };
    let mut model = model(&mut Random(5));
    let mut ends = stencil("e", &[0xc3], &[], 1);
    ends.fallthrough = None;
    model.stencils = vec![
        stencil("a", &[1, 2, 3], &[], 1),
        stencil("b", &[4, 5, 6, 7, 8], &[], 1),
        stencil("c", &[1], &[2], 1),
        stencil("d", &[1], &[], 16),
        ends,
        stencil("f", &[1; 9], &[], 1),
    ];
    let bytes = model.write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let mut memory = Box::new(Memory([0x5a; LEN]));
    let write = NonNull::from(&mut memory.0).cast::<u8>();
    let mut slots = [Extent::EMPTY; 4];
    // SAFETY: as above.
    let mut region =
        unsafe { CodeRegion::aliased(write.cast(), EXECUTE, LEN, &mut slots) }.expect("a region");
    let linked = link(&bundle, &mut region, &expectations(), |_| None).expect("links");
    for index in 2..7 {
        assert_eq!(linked.snippet(index), None, "{index}");
    }
    let [a, b] = [0, 1].map(|index| linked.snippet(index).expect("a snippet"));
    let both = a.then(b).expect("eight bytes");
    assert_eq!((both.len(), both.then(a)), (8, None));
    let size = CodeSize {
        hot: 16,
        cold: 0,
        align: 1,
    };
    for (snippet, at, fits) in [
        (a, 0, true),
        (both, 8, true),
        (a, 13, true),
        (a, 14, false),
        (b, 11, true),
        (both, 9, false),
        (a, 16, false),
        (a, u32::MAX - 1, false),
    ] {
        let mut stamper = Stamper::new(&linked, &mut region, size).expect("room");
        assert_eq!(stamper.put(at, snippet).is_ok(), fits, "{at}");
        let block = stamper.finish().expect("nothing to do");
        let [hot, _] = region.addresses(&block);
        // SAFETY: in the memory.
        let byte = |place: usize| unsafe { write.add(place - EXECUTE).read() };
        if fits {
            let there = (0..snippet.len() as usize).map(|i| byte(hot.start + at as usize + i));
            let code = [1, 2, 3, 4, 5, 6, 7, 8];
            let from = if snippet == b { 3 } else { 0 };
            assert!(there.eq(code[from..].iter().copied().take(snippet.len() as usize)));
        }
        assert_eq!(byte(hot.end), 0x5a);
        // SAFETY: nothing of it runs.
        unsafe { region.free(block) };
    }
}

#[test]
fn too_many_continuations_are_refused() {
    with_ready(|_, linked, region| {
        let size = CodeSize {
            hot: 1000,
            cold: 1000,
            align: 1,
        };
        let mut stamper = Stamper::new(linked, region, size).expect("room");
        for index in 0..STENCILS {
            let mut spot = stamper.begin(index, [0, 0]).expect("made ready");
            spot.lead(0, 0);
            spot.lead(1, 0);
            spot.lead(CONTINUATIONS_MAX, 0);
            assert_eq!(spot.stamp(), Err(EmitError::PassesDiffer));
        }
    });
}

#[test]
fn a_bundle_that_was_damaged_after_its_check_writes_nothing_outside() {
    let model = model(&mut Random(5));
    let bytes = model.write().expect("valid");
    let mut checked = 0;
    for place in (0..bytes.len()).step_by(if cfg!(miri) { 997 } else { 3 }) {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0xc0;
        let Ok(bundle) = Bundle::parse_again(&bytes) else {
            continue;
        };
        let mut memory = Box::new(Memory([0; LEN]));
        let write = NonNull::from(&mut memory.0).cast();
        let mut slots = vec![Extent::EMPTY; 8];
        let mut stencils = vec![StencilSlot::EMPTY; 100];
        let mut patches = vec![PatchSlot::EMPTY; 4000];
        // SAFETY: as above. The region is the middle of the memory.
        let mut region = unsafe {
            CodeRegion::aliased(write.add(LEN / 4), EXECUTE, LEN / 2, &mut slots).expect("a region")
        };
        // Panics are allowed, writing elsewhere isn't.
        let emitted = catch_unwind(AssertUnwindSafe(|| {
            let linked = link(&bundle, &mut region, &expectations(), |_| None);
            let Ok(mut linked) = linked else { return };
            if linked.make_ready(&mut stencils, &mut patches).is_err() {
                return;
            }
            let size = CodeSize {
                hot: 400,
                cold: 200,
                align: 1,
            };
            for index in 0..STENCILS.min(bundle.stencil_count()) {
                let Ok(mut stamper) = Stamper::new(&linked, &mut region, size) else {
                    continue;
                };
                let Ok(mut spot) = stamper.begin(index, [0, 0]) else {
                    continue;
                };
                spot.lead(0, 0);
                spot.lead(1, 0);
                // Whatever it says.
                let _ = spot.stamp();
            }
        }));
        checked += u32::from(emitted.is_ok());
        let outside = memory.0[..LEN / 4].iter().chain(&memory.0[LEN * 3 / 4..]);
        assert!(outside.into_iter().all(|&byte| byte == 0), "{place}");
    }
    assert!(checked > 10 || cfg!(miri), "{checked}");
}

#[test]
fn unsound_tables_are_refused() {
    let bytes = model(&mut Random(5)).write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let mut memory = Box::new(Memory([0; LEN]));
    let write = NonNull::from(&mut memory.0).cast();
    let mut slots = [Extent::EMPTY; 2];
    // SAFETY: as above.
    let mut region =
        unsafe { CodeRegion::aliased(write, EXECUTE, LEN, &mut slots) }.expect("a region");
    let mut linked = link(&bundle, &mut region, &expectations(), |_| None).expect("links");
    let (wanted, wanted_patches) = linked.ready_slots();
    let mut stencils = vec![StencilSlot::EMPTY; wanted];
    let mut patches = vec![PatchSlot::EMPTY; wanted_patches];
    fill_tables(&bundle, &mut stencils, &mut patches).expect("enough slots");
    assert_eq!(linked.use_ready(&stencils, &patches), Ok(()));
    let mut refused = |stencils: &[StencilSlot], patches: &[PatchSlot]| {
        let mut linked = link(&bundle, &mut region, &expectations(), |_| None).expect("links");
        let said = linked.use_ready(stencils, patches);
        // SAFETY: nothing was emitted.
        unsafe { region.free(linked.into_block()) };
        matches!(said, Err(ReadyError::Unsound { .. }))
    };
    assert!(refused(&stencils[1..], &patches));
    assert!(refused(&stencils, &patches[..wanted_patches / 2]));
    // What reads or writes elsewhere: places, rows and slots of patches, code, lengths, spans.
    let ready = |slot: &StencilSlot| slot.to_words()[7] == 0 && slot.to_words()[6] & 255 != 0;
    let i = stencils.iter().position(ready).expect("one that is ready");
    let first = stencils[i].to_words()[4] as usize;
    for word in [0xffff, 0xff << 16, 0xff << 24] {
        let mut patches = patches.clone();
        patches[first] = PatchSlot::from_word(patches[first].to_word() | word);
        assert!(refused(&stencils, &patches), "{word:x}");
    }
    for (word, value) in [
        (0, 1 << 31),
        (1, 1 << 16),
        (2, 1 << 16),
        (4, 1 << 31),
        (5, 0),
    ] {
        let mut stencils = stencils.clone();
        let mut words = stencils[i].to_words();
        words[word] = value;
        stencils[i] = StencilSlot::from_words(words);
        assert!(refused(&stencils, &patches), "{word}");
    }
}
