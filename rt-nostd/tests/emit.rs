//! Sequences of stencils: labels, jumps, cold parts, alignment, and every refusal.

mod fixture;

use fixture::steps::Step::{self, Bind, Jump};
use fixture::steps::{
    assemble, check, emit, label, linked, measure, measure_with, refused, stencil, to, with,
};
use fixture::{Aliases, Flipped, Mprotect, expectations, imports, model, run};
use rt_nostd::{
    CodeRegion, CodeSize, EmitError, Emitter, Extent, Label, LabelState, ProtectError, SpaceError,
    Target, link, resolve_from,
};
use stencil_format::Bundle;

#[test]
fn labels_forward_and_backward() {
    linked(&model(), |linked, region| {
        // A loop: a backward label in the same function.
        let count = to("count", "hole_loop", label(0));
        let steps = [with("load_u32", "A", 0), Bind(0), count, stencil("ret")];
        check(
            linked,
            region,
            &steps,
            &[(1, 1), (10, 10), (100_000, 100_000)],
        );
        // A conditional: two forward labels, the join reached by a jump.
        let steps = [
            to("if", "hole_else", label(1)),
            with("load_u32", "A", 11),
            Jump(label(2)),
            Bind(1),
            with("load_u32", "A", 22),
            Bind(2),
            stencil("ret"),
        ];
        check(linked, region, &steps, &[(0, 22), (5, 11)]);
    });
}

#[test]
fn needless_jumps_are_not_made() {
    linked(&model(), |linked, region| {
        let load = 5;
        let ret = 1;
        let jump = 5;
        let next = |target| to("load_u32", "hole_next", target);
        let hot = |steps: &[Step]| measure(linked.bundle(), steps).expect("measures").hot;
        let end = || stencil("ret");
        assert_eq!(hot(&[stencil("load_u32"), end()]), load + ret);
        assert_eq!(hot(&[next(Target::Next), end()]), load + ret);
        assert_eq!(hot(&[next(label(0)), Bind(0), end()]), load + ret);
        assert_eq!(
            hot(&[stencil("load_u32"), Jump(label(0)), Bind(0), end()]),
            load + ret
        );
        assert_eq!(
            hot(&[stencil("load_u32"), Jump(Target::Next), end()]),
            load + ret
        );
        // Another label comes first: it must not see the jump skipped.
        assert_eq!(
            hot(&[next(label(0)), Bind(1), Bind(0), end()]),
            load + jump + ret
        );
        // The jump is needed: backward, and over something.
        let back = [Bind(0), next(label(0))];
        assert_eq!(hot(&back), load + jump);
        let over = [
            with("load_u32", "A", 1),
            Jump(label(0)),
            with("load_u32", "A", 2),
            Bind(0),
            end(),
        ];
        assert_eq!(hot(&over), load + jump + load + ret);
        check(linked, region, &over, &[(0, 1)]);
    });
}

#[test]
fn address_of_a_continuation() {
    linked(&model(), |linked, region| {
        let run_it = |region: &mut CodeRegion<'_>, steps: &[Step]| {
            let block = emit(linked, region, steps).expect("emits");
            let found = run(block.entry(), 0) as usize - block.entry();
            // SAFETY: it has returned, and nothing leads into it.
            unsafe { region.free(block) };
            found
        };
        let end = || stencil("ret");
        // Behind the `lea`; at a label further on, which is reached by a jump.
        assert_eq!(run_it(region, &[stencil("next_address"), end()]), 7);
        let further = to("next_address", "hole_next", label(0));
        let over = [further, stencil("move"), Bind(0), end()];
        assert_eq!(run_it(region, &over), 7 + 5 + 3);
        // Control goes elsewhere, and would come back behind the whole stencil.
        let targets = vec![("hole_next", Target::Next), ("hole_else", label(0))];
        let call = Step::Stencil("return_address", vec![], targets);
        let around = [call, stencil("move"), Bind(0), end()];
        assert_eq!(run_it(region, &around), 12);
    });
}

#[test]
fn cold_parts_go_out_and_come_back() {
    linked(&model(), |linked, region| {
        let minus_five = (-5_i64).cast_unsigned();
        let cases = [(5, 5), (minus_five, 5), (0, 0)];
        let steps = [stencil("absolute"), stencil("ret")];
        check(linked, region, &steps, &cases);
        // Its continuation elsewhere: hot end and cold exit both lead there.
        let steps = [
            to("absolute", "hole_next", label(0)),
            Bind(1),
            stencil("ret"),
            Bind(0),
            Jump(label(1)),
        ];
        check(linked, region, &steps, &cases);
        let block = emit(linked, region, &[stencil("absolute"), stencil("ret")]).expect("emits");
        let end = region.base() + region.len();
        assert!(block.entry() < region.base() + region.len() / 2);
        // SAFETY: the last 14 bytes of the region, read through the executable view.
        let cold = unsafe {
            core::slice::from_raw_parts(core::ptr::with_exposed_provenance::<u8>(end - 14), 3)
        };
        assert_eq!(cold, [0x48, 0xf7, 0xdf], "cold code starts at the high end");
    });
}

#[test]
fn next_of_another_hole_lies_behind_the_jump() {
    linked(&model(), |linked, region| {
        // The loop's exit is a jump, and its back edge leads behind that jump.
        let count = Step::Stencil(
            "count",
            vec![],
            vec![("hole_next", label(0)), ("hole_loop", Target::Next)],
        );
        let steps = [
            with("load_u32", "A", 0),
            count,
            // Here from the back edge: the argument was not 1.
            with("load_u32", "A", 77),
            stencil("ret"),
            Bind(0),
            stencil("ret"),
        ];
        check(linked, region, &steps, &[(1, 1), (2, 77)]);
    });
}

#[test]
fn alignment_is_of_the_address() {
    linked(&model(), |linked, region| {
        for before in 0..40 {
            let mut steps = vec![stencil("move"); before];
            steps.extend([stencil("aligned"), stencil("ret")]);
            let block = emit(linked, region, &steps).expect("emits");
            let address = run(block.entry(), 0);
            assert_eq!(address % 64, 0);
            assert!(region.contains(address as usize));
            if before % 3 == 0 {
                // SAFETY: it has returned. The others stay, to shift what comes.
                unsafe { region.free(block) };
            }
        }
    });
}

#[test]
fn wrong_sequences_are_refused() {
    linked(&model(), |linked, region| {
        let ret = || stencil("ret");
        let unbound = EmitError::UnboundContinuation {
            stencil: "if",
            continuation: "hole_else",
        };
        refused(linked, region, &[stencil("if"), ret()], unbound);
        refused(
            linked,
            region,
            &[Jump(label(3)), ret()],
            EmitError::UnboundLabel { label: Label(3) },
        );
        refused(
            linked,
            region,
            &[Bind(1), Bind(1), ret()],
            EmitError::BoundTwice { label: Label(1) },
        );
        let unknown = EmitError::UnknownLabel {
            label: Label(8),
            labels: 8,
        };
        refused(linked, region, &[Bind(8), ret()], unknown);
        refused(linked, region, &[Jump(label(8)), ret()], unknown);
        refused(linked, region, &[stencil("move")], EmitError::FallsOffEnd);
        refused(linked, region, &[ret(), Bind(0)], EmitError::FallsOffEnd);
    });
}

#[test]
fn passes_that_differ_are_refused() {
    linked(&model(), |linked, region| {
        let free = region.free_bytes();
        let bundle = *linked.bundle();
        let short = [stencil("move"), stencil("ret")];
        let long = [stencil("move"), stencil("absolute"), stencil("ret")];
        for (measured, emitted) in [(&short[..], &long[..]), (&long[..], &short[..])] {
            let size = measure(&bundle, measured).expect("measures");
            let mut emitter = Emitter::new(linked, region, size, &mut []).expect("space");
            let result = assemble(&bundle, emitted, &mut emitter).and_then(|()| emitter.finish());
            assert_eq!(result.expect_err("refused"), EmitError::PassesDiffer);
            assert_eq!(region.free_bytes(), free);
        }
        // The same bytes, but another label, or in another place, or one only.
        let with_labels = |first: u32, second: Option<u32>| {
            let mut steps = vec![stencil("move"), Bind(first), Jump(label(0)), stencil("ret")];
            steps.extend(second.map(Bind));
            steps.extend([Bind(2), stencil("ret")]);
            steps
        };
        let measured = with_labels(0, Some(1));
        for emitted in [
            with_labels(1, Some(0)),
            with_labels(0, Some(3)),
            with_labels(0, None),
        ] {
            let mut labels = [LabelState::UNBOUND; 4];
            let size = measure_with(&bundle, &measured, &mut labels).expect("measures");
            let mut emitter = Emitter::new(linked, region, size, &mut labels).expect("space");
            let result = assemble(&bundle, &emitted, &mut emitter).and_then(|()| emitter.finish());
            assert_eq!(result.expect_err("refused"), EmitError::PassesDiffer);
            assert_eq!(region.free_bytes(), free);
        }
        let odd = CodeSize {
            hot: 1,
            cold: 0,
            align: 3,
        };
        let result = Emitter::new(linked, region, odd, &mut []);
        assert_eq!(result.err(), Some(EmitError::PassesDiffer));
    });
}

#[test]
fn another_region_is_refused() {
    linked(&model(), |linked, _| {
        let memory = Aliases::new(4096);
        // SAFETY: a fresh pair of mappings, kept longer than the region.
        let mut other =
            unsafe { CodeRegion::aliased(memory.write, memory.execute, memory.len, &mut []) }
                .expect("a region");
        let result = emit(linked, &mut other, &[stencil("ret")]);
        assert_eq!(result.expect_err("refused"), EmitError::WrongRegion);
    });
}

#[test]
fn region_too_small_at_each_step() {
    let memory = Aliases::new(1 << 16);
    let bytes = model().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let steps = [stencil("absolute"), stencil("ret")];
    let size = measure(&bundle, &steps).expect("measures");
    assert_eq!(
        size,
        CodeSize {
            hot: 13,
            cold: 14,
            align: 1
        }
    );
    let image = 80;
    for len in image..image + 40 {
        let mut slots = [Extent::EMPTY; 2];
        // SAFETY: part of a fresh pair of mappings, kept longer than the region.
        let mut region =
            unsafe { CodeRegion::aliased(memory.write, memory.execute, len, &mut slots) }
                .expect("a region");
        let linked = link(
            &bundle,
            &mut region,
            &expectations(),
            resolve_from(&imports()),
        )
        .expect("fits");
        let free = region.free_bytes();
        assert_eq!(free, len - image);
        match emit(&linked, &mut region, &steps) {
            Ok(block) => {
                assert!(free >= 27);
                assert_eq!(run(block.entry(), 3), 3);
            }
            Err(error) => {
                assert!(free < 27);
                let full = SpaceError::RegionFull {
                    hot: 13,
                    cold: 14,
                    free: free as u32,
                };
                assert_eq!(error, EmitError::Space(full));
                assert_eq!(region.free_bytes(), free);
            }
        }
    }
}

#[test]
fn flipped_region_and_failing_protection() {
    let memory = Flipped::new(1 << 16);
    let bytes = model().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let steps = [with("load_u32", "A", 42), stencil("ret")];
    // Linking flips twice, the first emission twice, the second fails on either flip.
    for successes in [4, 5] {
        let mut protect = Mprotect {
            successes,
            writable: false,
        };
        let mut slots = [Extent::EMPTY; 2];
        // SAFETY: one thread uses the mapping; its code is not running during any flip.
        let mut region =
            unsafe { CodeRegion::flipped(memory.base, memory.len, &mut protect, &mut slots) }
                .expect("a region");
        let linked = link(
            &bundle,
            &mut region,
            &expectations(),
            resolve_from(&imports()),
        )
        .expect("links");
        let block = emit(&linked, &mut region, &steps).expect("emits");
        assert_eq!(run(block.entry(), 0), 42);
        let free = region.free_bytes();
        let error = emit(&linked, &mut region, &steps).expect_err("can't flip");
        assert_eq!(
            error,
            EmitError::Space(SpaceError::Protect(ProtectError(12)))
        );
        assert_eq!(region.free_bytes(), free);
        if protect.writable {
            protect.successes = 1;
            rt_nostd::Protect::publish(&mut protect, memory.base.addr().get(), memory.len)
                .expect("flips");
        }
    }
}

#[test]
fn label_addresses_can_be_entered() {
    linked(&model(), |linked, region| {
        let bundle = *linked.bundle();
        let steps = [
            with("load_u32", "A", 1),
            stencil("ret"),
            Bind(0),
            with("load_u32", "A", 2),
            stencil("ret"),
        ];
        let mut labels = [LabelState::UNBOUND; 2];
        let size = measure_with(&bundle, &steps, &mut labels).expect("measures");
        let mut emitter = Emitter::new(linked, region, size, &mut labels).expect("space");
        assemble(&bundle, &steps, &mut emitter).expect("emits");
        let block = emitter.finish().expect("finishes");
        assert_eq!(run(block.entry(), 0), 1);
        assert_eq!(run(block.label_address(labels[0]).expect("bound"), 0), 2);
        assert_eq!(block.label_address(labels[1]), None);
    });
}
