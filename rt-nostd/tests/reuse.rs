//! Blocks come and go for a long time; code stays right and no byte is lost.

mod fixture;

use fixture::{Aliases, expectations, imports, model, run};
use rt_nostd::{
    Assembler, CodeBlock, CodeRegion, EmitError, Emitter, Extent, Label, LabelState, LinkedBundle,
    Measure, SpaceError, Target, link, resolve_from,
};
use stencil_format::Bundle;

/// A function that adds `terms` numbers to its argument's absolute value, with a join label
/// in the middle.
fn emission<'a>(
    bundle: &Bundle<'a>,
    terms: &[i32],
    assembler: &mut impl Assembler<'a>,
) -> Result<(), EmitError<'a>> {
    let index = |name| bundle.stencil_index(name).expect(name);
    let next = bundle.continuation_by_name("hole_next").expect("there");
    assembler.stencil(index("absolute"), &[], &[(next, Target::Label(Label(0)))])?;
    assembler.bind(Label(0))?;
    for &term in terms {
        assembler.stencil(index("move"), &[], &[])?;
        assembler.stencil(index("add_two"), &[term.into(), 0, 0], &[])?;
    }
    assembler.stencil(index("ret"), &[], &[])
}

fn emit<'a>(
    linked: &LinkedBundle<'a>,
    region: &mut CodeRegion<'_>,
    terms: &[i32],
) -> Result<CodeBlock, EmitError<'a>> {
    let mut labels = [LabelState::UNBOUND];
    let mut measure = Measure::new(linked.bundle(), &mut labels);
    emission(linked.bundle(), terms, &mut measure)?;
    let size = measure.finish()?;
    let mut emitter = Emitter::new(linked, region, size, &mut labels)?;
    emission(linked.bundle(), terms, &mut emitter)?;
    emitter.finish()
}

#[test]
fn blocks_come_and_go() {
    let memory = Aliases::new(1 << 15);
    let bytes = model().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    assert_eq!(bundle.operand_by_name("A"), Some(0));
    let mut slots = [Extent::EMPTY; 60];
    // SAFETY: a fresh pair of mappings, kept longer than the region.
    let mut region =
        unsafe { CodeRegion::aliased(memory.write, memory.execute, memory.len, &mut slots) }
            .expect("a region");
    let linked = link(
        &bundle,
        &mut region,
        &expectations(),
        resolve_from(&imports()),
    )
    .expect("links");
    let free = region.free_bytes();

    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 33) % below
    };
    let mut live: Vec<(CodeBlock, u64)> = Vec::new();
    let (mut full, mut too_many) = (0, 0);
    for round in 0..20_000 {
        // Long functions early, short ones late: to be refused for either reason.
        let longest = if round < 10_000 { 150 } else { 15 };
        if random(9) < 5 {
            let terms: Vec<i32> = (0..random(longest))
                .map(|_| random(1 << 30) as i32)
                .collect();
            match emit(&linked, &mut region, &terms) {
                Ok(block) => {
                    let sum = terms.iter().map(|&term| term as u64).sum();
                    live.push((block, sum));
                }
                Err(EmitError::Space(SpaceError::RegionFull { .. })) => full += 1,
                Err(EmitError::Space(SpaceError::TooManyBlocks { .. })) => too_many += 1,
                Err(error) => panic!("{error}"),
            }
        } else if !live.is_empty() {
            let (block, _) = live.swap_remove(random(live.len() as u64) as usize);
            // SAFETY: it has returned, and nothing leads into it.
            unsafe { region.free(block) };
        }
        if round % 16 == 0 {
            for (block, sum) in &live {
                assert_eq!(run(block.entry(), 7), 7 + sum);
                assert_eq!(run(block.entry(), (-9_i64).cast_unsigned()), 9 + sum);
            }
            let used: usize = live.iter().map(|(block, _)| block.len()).sum();
            assert_eq!(region.free_bytes() + used, free);
        }
    }
    assert!(
        full > 100 && too_many > 100,
        "both refusals were met: {full}, {too_many}"
    );
    for (block, _) in live {
        // SAFETY: it has returned, and nothing leads into it.
        unsafe { region.free(block) };
    }
    assert_eq!(region.free_bytes(), free);
}
