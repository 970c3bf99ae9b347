//! How fast stencils become code: functions of stencils that look like a baseline
//! compiler's, one per bytecode, in an order that no processor can predict.
//!
//! A label is bound before each stencil, as for entries in the middle of a function. Hot
//! parts have 24 to 72 bytes with two or three operands and a branch to the cold part,
//! cold parts load an operand and jump to a function; one in eight is a conditional
//! branch to a label. The goal is 20 ns per stencil for both passes together.

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fixture::{Aliases, continuation, expectations, hole, imports, model, operand};
use rt_nostd::{
    Assembler, CodeRegion, EmitError, Emitter, Extent, Label, LabelState, LinkedBundle, Measure,
    Target, link, resolve_from,
};
use stencil_format::{
    Bundle, BundleModel, HoleValueModel, OperandForm, Part, RelTargetModel, StencilModel,
};

/// Different stencils.
const KINDS: usize = 48;
/// Stencils in the longest function: its code is larger than most caches.
const LEN: u32 = 100_000;

/// A stencil of a bytecode: `number` chooses its size and its holes.
fn bytecode(number: usize) -> StencilModel {
    let (hot, cold) = (Part::Hot, Part::Cold);
    let branches = number % 8 == 7;
    let len = 24 + (number * 13) as u32 % 49;
    let mut holes = vec![
        hole(hot, 3, operand(OperandForm::Abs32S, "A"), 0),
        hole(hot, 10, operand(OperandForm::Abs32S, "B"), 0),
        hole(hot, 16, HoleValueModel::Rel32(RelTargetModel::OwnCold), -4),
    ];
    if branches {
        holes.push(hole(hot, len - 4, continuation("hole_taken"), -4));
    } else if !number.is_multiple_of(3) {
        holes.push(hole(hot, len - 4, operand(OperandForm::Abs32S, "C"), 4));
    }
    let slow = HoleValueModel::Rel32(RelTargetModel::Function("triple".to_owned()));
    holes.push(hole(cold, 2, operand(OperandForm::Abs64, "PC"), 0));
    holes.push(hole(cold, 11, slow, -4));
    StencilModel {
        name: format!("bytecode_{number:02}"),
        hot: vec![0x90; len as usize],
        cold: vec![0x90; 15],
        align: 1,
        fallthrough: Some("hole_next".to_owned()),
        holes,
        register_holes: Vec::new(),
        short: None,
    }
}

fn bytecodes() -> BundleModel {
    let mut model = model();
    model.stencils.extend((0..KINDS).map(bytecode));
    model
}

/// What the client's compiler would have looked up once.
struct Client {
    stencils: Vec<u32>,
    end: u32,
    next: u32,
    taken: u32,
    /// Ordinals of A, B, C and PC.
    operands: [usize; 4],
}

impl Client {
    fn new(bundle: &Bundle<'_>) -> Client {
        let stencil = |name: &str| bundle.stencil_index(name).expect("in the model");
        let operand = |name| bundle.operand_by_name(name).expect("in the model") as usize;
        Client {
            stencils: (0..KINDS)
                .map(|number| stencil(&format!("bytecode_{number:02}")))
                .collect(),
            end: stencil("ret"),
            next: bundle.continuation_by_name("hole_next").expect("there"),
            taken: bundle.continuation_by_name("hole_taken").expect("there"),
            operands: ["A", "B", "C", "PC"].map(operand),
        }
    }

    /// The function's stencils, from a generator of random numbers.
    fn emit<'a>(&self, len: u32, assembler: &mut impl Assembler<'a>) -> Result<(), EmitError<'a>> {
        let mut seed = 0x9e37_79b9_u32;
        let mut values = [0; 16];
        let [a, b, c, pc] = self.operands;
        for at in 0..len {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            assembler.bind(Label(at))?;
            values[a] = i64::from(seed & 0x3f8);
            values[b] = i64::from(seed >> 6 & 0x3f8);
            values[c] = i64::from(seed >> 12 & 0x3f8);
            values[pc] = i64::from(at) * 8;
            // Not far, forward twice as often as backward.
            let to = (at + (seed >> 20 & 31)).saturating_sub(10).min(len);
            let targets = [(self.taken, Target::Label(Label(to)))];
            let number = seed as usize % KINDS;
            let given = if number % 8 == 7 { &targets[..] } else { &[] };
            assembler.stencil(self.stencils[number], &values, given)?;
        }
        assembler.bind(Label(len))?;
        assembler.stencil(self.end, &values, &[])
    }
}

fn compile(
    linked: &LinkedBundle<'_>,
    region: &mut CodeRegion<'_>,
    client: &Client,
    len: u32,
    labels: &mut [LabelState],
) -> usize {
    let mut measure = Measure::new(linked.bundle(), labels);
    client.emit(len, &mut measure).expect("measures");
    let size = measure.finish().expect("measures");
    let mut emitter = Emitter::new(linked, region, size, labels).expect("space");
    client.emit(len, &mut emitter).expect("emits");
    let block = emitter.finish().expect("emits");
    let len = block.len();
    // SAFETY: none of it has been run.
    unsafe { region.free(block) };
    len
}

fn emit(criterion: &mut Criterion) {
    let bytes = bytecodes().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let memory = Aliases::new(1 << 24);
    let mut slots = [Extent::EMPTY; 8];
    // SAFETY: a fresh pair of mappings, kept longer than the region.
    let mut region =
        unsafe { CodeRegion::aliased(memory.write, memory.execute, memory.len, &mut slots) }
            .expect("a region");
    let table = imports();
    let linked = link(&bundle, &mut region, &expectations(), resolve_from(&table)).expect("links");
    let client = Client::new(&bundle);
    let mut labels = vec![LabelState::UNBOUND; LEN as usize + 1];
    let mut group = criterion.benchmark_group("emit");
    for len in [1000, LEN] {
        let labels = &mut labels[..=len as usize];
        group.throughput(Throughput::Elements(len.into()));
        group.bench_function(format!("measure {len}"), |bencher| {
            bencher.iter(|| {
                let mut measure = Measure::new(&bundle, labels);
                client.emit(len, &mut measure).expect("measures");
                measure.finish().expect("measures")
            });
        });
        group.bench_function(format!("measure and emit {len}"), |bencher| {
            bencher.iter(|| compile(&linked, &mut region, &client, len, labels));
        });
    }
    group.finish();
}

/// Stubs of inline caches come and go among thousands of others.
fn reuse(criterion: &mut Criterion) {
    const LIVE: usize = 4096;
    let bytes = bytecodes().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let memory = Aliases::new(1 << 20);
    // A hot and a cold piece each.
    let mut slots = vec![Extent::EMPTY; 2 * LIVE + 2];
    // SAFETY: a fresh pair of mappings, kept longer than the region.
    let mut region =
        unsafe { CodeRegion::aliased(memory.write, memory.execute, memory.len, &mut slots) }
            .expect("a region");
    let table = imports();
    let linked = link(&bundle, &mut region, &expectations(), resolve_from(&table)).expect("links");
    let client = Client::new(&bundle);
    let mut random = 0x2545_f491_u32;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random as usize
    };
    let stub = |region: &mut CodeRegion<'_>, number: usize| {
        // Not those with a branch.
        let index = client.stencils[(number % KINDS) & !1];
        let leave = [(client.next, Target::Address(linked.rodata_address()))];
        let emission = |assembler: &mut dyn Assembler<'_>| {
            assembler.stencil(index, &[8; 16], &leave).expect("it fits")
        };
        let mut measure = Measure::new(&bundle, &mut []);
        emission(&mut measure);
        let size = measure.finish().expect("it leaves");
        let mut emitter = Emitter::new(&linked, region, size, &mut []).expect("space");
        emission(&mut emitter);
        emitter.finish().expect("as measured")
    };
    let mut live: Vec<_> = (0..LIVE).map(|i| stub(&mut region, i)).collect();
    let mut group = criterion.benchmark_group("reuse");
    group.throughput(Throughput::Elements(1));
    group.bench_function(format!("one of {LIVE} stubs replaced"), |bencher| {
        bencher.iter(|| {
            let at = next() % LIVE;
            let old = live.swap_remove(at);
            // SAFETY: none of it has been run.
            unsafe { region.free(old) };
            live.push(stub(&mut region, next()));
        });
    });
    group.finish();
}

criterion_group!(benches, emit, reuse);
criterion_main!(benches);
