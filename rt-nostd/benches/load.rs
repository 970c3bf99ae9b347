//! How long it takes from a bundle's bytes to code that can run: parse, link, emit.
//!
//! The bundle has the size of an interpreter's: 150 AOT functions, 60 kB of code, 60
//! imports, 600 calls of them; and 200 stencils. The promise is under 1 ms for parse and
//! link together.

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fixture::{Aliases, expectations, imports, model};
use rt_nostd::{
    Assembler, CodeRegion, EmitError, Emitter, Extent, LabelState, Measure, link, resolve_from,
};
use std::hint::black_box;
use stencil_format::{AotFunctionModel, AotRelocationModel, Bundle, BundleModel, StencilModel};

const FUNCTIONS: u32 = 150;
const FUNCTION_LEN: u32 = 400;
const IMPORTS: u32 = 60;
const CALLS: u32 = 600;

/// The fixture's bundle, blown up to an interpreter's size.
fn large_model() -> BundleModel {
    let mut model = model();
    let base = model.code.len().next_multiple_of(16) as u32;
    model
        .code
        .resize((base + FUNCTIONS * FUNCTION_LEN) as usize, 0x90);
    model
        .functions
        .extend((0..FUNCTIONS).map(|i| AotFunctionModel {
            name: format!("operation_{i:03}"),
            offset: base + i * FUNCTION_LEN,
            size: FUNCTION_LEN,
        }));
    model
        .relocations
        .extend((0..CALLS).map(|i| AotRelocationModel {
            offset: base + i * (FUNCTIONS * FUNCTION_LEN / CALLS) + 1,
            import: format!("lua_runtime_{:02}", i % IMPORTS),
            addend: -4,
        }));
    let copies = model.stencils.clone();
    for i in 0..200 {
        let copy = &copies[i % copies.len()];
        model.stencils.push(StencilModel {
            name: format!("{}_{i:03}", copy.name),
            ..copy.clone()
        });
    }
    model
}

/// A function of 100 stencils.
fn emission<'a>(
    bundle: &Bundle<'a>,
    assembler: &mut impl Assembler<'a>,
) -> Result<(), EmitError<'a>> {
    let index = |name| bundle.stencil_index(name).unwrap_or(u32::MAX);
    let (add, back) = (index("add_two"), index("move"));
    for i in 0..49 {
        assembler.stencil(back, &[], &[])?;
        assembler.stencil(add, &[i, i], &[])?;
    }
    assembler.stencil(index("absolute"), &[], &[])?;
    assembler.stencil(index("ret"), &[], &[])
}

fn load(criterion: &mut Criterion) {
    let bytes = large_model().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let mut group = criterion.benchmark_group("load");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| Bundle::parse(black_box(&bytes)).expect("valid"));
    });

    let memory = Aliases::new(1 << 20);
    let mut slots = [Extent::EMPTY; 8];
    // SAFETY: a fresh pair of mappings, kept longer than the region.
    let mut region =
        unsafe { CodeRegion::aliased(memory.write, memory.execute, memory.len, &mut slots) }
            .expect("a region");
    let names: Vec<String> = (0..IMPORTS)
        .map(|i| format!("lua_runtime_{i:02}"))
        .collect();
    let mut table = imports().to_vec();
    table.extend(
        names
            .iter()
            .map(|name| (name.as_str(), table[0].1))
            .collect::<Vec<_>>(),
    );
    group.bench_function("link", |bencher| {
        bencher.iter(|| {
            let linked =
                link(&bundle, &mut region, &expectations(), resolve_from(&table)).expect("links");
            // SAFETY: none of it has been run.
            unsafe { region.free(linked.into_block()) };
        });
    });
    group.finish();

    let linked = link(&bundle, &mut region, &expectations(), resolve_from(&table)).expect("links");
    let mut group = criterion.benchmark_group("emit");
    group.throughput(Throughput::Elements(100));
    group.bench_function("100 stencils", |bencher| {
        bencher.iter(|| {
            let mut measure = Measure::new(&bundle, &mut [] as &mut [LabelState]);
            emission(&bundle, &mut measure).expect("measures");
            let size = measure.finish().expect("measures");
            let mut emitter =
                Emitter::new(&linked, &mut region, size, &mut [] as &mut [LabelState])
                    .expect("space");
            emission(&bundle, &mut emitter).expect("emits");
            let block = emitter.finish().expect("emits");
            // SAFETY: none of it has been run.
            unsafe { region.free(block) };
        });
    });
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
