//! Linking real code and running it; every refusal leaves the region as it was.

mod fixture;

use fixture::{Aliases, Flipped, Mprotect, expectations, imports, model, run};
use rt_nostd::{
    CodeRegion, Expectations, LinkError, ProtectError, RegionError, SpaceError, link, resolve_from,
};
use stencil_format::{AotRelocationModel, Bundle, CpuFeatures};

/// A region over `memory` with no room for free extents: enough for one image.
fn region(memory: &Aliases) -> CodeRegion<'static> {
    // SAFETY: a fresh pair of mappings that the test keeps until the region is gone, and
    // this processor sees stores through the other mapping when it jumps there.
    unsafe { CodeRegion::aliased(memory.write, memory.execute, memory.len, &mut []) }
        .expect("a region")
}

fn check_functions(linked: &rt_nostd::LinkedBundle<'_>) {
    let entry = |name| linked.function_address(name).expect(name);
    assert_eq!(run(entry("triple"), 14), 42);
    assert_eq!(run(entry("constant"), 0), 0x1122_3344_5566_7788);
    assert_eq!(run(entry("call_double"), 21), 42);
    assert_eq!(linked.function_address("nothing"), None);
    assert!(linked.rodata_address().is_multiple_of(32));
    let (function, distance) = linked.function_at(entry("triple") + 4).expect("inside");
    assert_eq!((function.name, distance), ("triple", 4));
    assert!(
        linked.function_at(entry("triple") - 1).is_none(),
        "padding belongs to no function"
    );
}

#[test]
fn runs_from_an_alias() {
    let memory = Aliases::new(1 << 16);
    let bytes = model().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let mut region = region(&memory);
    let linked = link(
        &bundle,
        &mut region,
        &expectations(),
        resolve_from(&imports()),
    )
    .expect("links");
    check_functions(&linked);
    assert!(region.contains(linked.function_address("triple").expect("there")));
    let all = region.len();
    assert_eq!(region.free_bytes() + linked.len(), all);
    // SAFETY: nothing of it runs any more.
    unsafe { region.free(linked.into_block()) };
    assert_eq!(region.free_bytes(), all);
}

#[test]
fn runs_from_a_flipped_mapping() {
    let memory = Flipped::new(1 << 16);
    let bytes = model().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let mut protect = Mprotect::reliable();
    {
        // SAFETY: a fresh mapping, kept longer than the region; one thread uses it.
        let mut region =
            unsafe { CodeRegion::flipped(memory.base, memory.len, &mut protect, &mut []) }
                .expect("a region");
        let linked = link(
            &bundle,
            &mut region,
            &expectations(),
            resolve_from(&imports()),
        )
        .expect("links");
        check_functions(&linked);
    }
    assert!(!protect.writable);
}

/// The distance in the `call` of `call_double`, as an address.
fn call_target(memory: &Aliases, linked: &rt_nostd::LinkedBundle<'_>) -> usize {
    let field = linked.function_address("call_double").expect("there") + 5;
    // SAFETY: four bytes of the region, read through the executable view.
    let distance = unsafe { core::ptr::with_exposed_provenance::<i32>(field).read_unaligned() };
    assert!((memory.execute..memory.execute + memory.len).contains(&field));
    (field + 4).wrapping_add_signed(distance as isize)
}

#[test]
fn far_imports_go_through_an_island() {
    let memory = Aliases::new(1 << 16);
    let bytes = model().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let far = imports()[0].1;
    assert!(
        far.abs_diff(memory.execute) > 1 << 31,
        "the system maps programs far from mmap"
    );
    let mut region = region(&memory);
    let linked = link(
        &bundle,
        &mut region,
        &expectations(),
        resolve_from(&imports()),
    )
    .expect("links");
    let target = call_target(&memory, &linked);
    assert!(region.contains(target), "an island");
    assert_eq!(run(target, 4), 8);
    assert_eq!(
        run(linked.function_address("call_double").expect("there"), 4),
        8
    );
}

#[test]
fn near_imports_are_called_directly() {
    let memory = Aliases::new(1 << 16);
    let bytes = model().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let mut region = region(&memory);
    // Just in reach, and just out of it, of any place in the image.
    for (distance, direct) in [(0x7fff_0000_usize, true), (0x8001_0000, false)] {
        let near = memory.execute - distance;
        let linked = link(&bundle, &mut region, &expectations(), |_| Some(near)).expect("links");
        assert_eq!(call_target(&memory, &linked) == near, direct);
        // SAFETY: never run.
        unsafe { region.free(linked.into_block()) };
    }
}

#[test]
fn refuses_a_far_reference_that_is_no_call() {
    let mut model = model();
    model.relocations = vec![AotRelocationModel {
        offset: 5,
        import: "host_square".to_owned(),
        addend: 4,
    }];
    let bytes = model.write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let memory = Aliases::new(1 << 16);
    let mut region = region(&memory);
    let error = link(
        &bundle,
        &mut region,
        &expectations(),
        resolve_from(&imports()),
    )
    .expect_err("too far");
    assert_eq!(
        error,
        LinkError::OutOfReach {
            name: "host_square",
            offset: 5
        }
    );
    assert_eq!(region.free_bytes(), region.len());
}

#[test]
fn refusals_name_what_is_wrong() {
    let mut model = model();
    model.cpu_features = CpuFeatures::AVX.union(CpuFeatures::POPCNT);
    let bytes = model.write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    let memory = Aliases::new(1 << 16);
    let mut region = region(&memory);
    let has = |abi_fingerprint, cpu_features| Expectations {
        abi_fingerprint,
        cpu_features,
    };
    let mut refused = |expectations: Expectations, imports: &[(&str, usize)]| {
        let error =
            link(&bundle, &mut region, &expectations, resolve_from(imports)).expect_err("refused");
        assert_eq!(region.free_bytes(), region.len());
        error
    };
    let own = fixture::FINGERPRINT;
    let mut other = own;
    other[31] ^= 1;
    assert_eq!(
        refused(has(other, CpuFeatures::ALL), &imports()),
        LinkError::AbiMismatch {
            expected: other,
            found: own
        }
    );
    assert_eq!(
        refused(has(own, CpuFeatures::POPCNT), &imports()),
        LinkError::CpuFeatures {
            missing: CpuFeatures::AVX
        }
    );
    assert_eq!(
        refused(has(own, CpuFeatures::ALL), &imports()[..1]),
        LinkError::MissingImport {
            name: "host_square"
        }
    );
    assert_eq!(
        refused(has(own, CpuFeatures::ALL), &imports()[1..]),
        LinkError::MissingImport {
            name: "host_double"
        }
    );
}

#[test]
fn region_too_small_by_every_amount() {
    let memory = Aliases::new(1 << 16);
    let bytes = model().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    // Code to 32, rodata to 48, two islands.
    let needed = 48 + 2 * 16;
    for len in 1..needed + 20 {
        // SAFETY: as in `region`; a part of the memory.
        let mut region = unsafe { CodeRegion::aliased(memory.write, memory.execute, len, &mut []) }
            .expect("a region");
        let result = link(
            &bundle,
            &mut region,
            &expectations(),
            resolve_from(&imports()),
        );
        if len < needed {
            let full = SpaceError::RegionFull {
                hot: needed as u32,
                cold: 0,
                free: len as u32,
            };
            assert_eq!(result.expect_err("too small"), LinkError::Space(full));
            assert_eq!(region.free_bytes(), len);
        } else {
            check_functions(&result.expect("fits"));
        }
    }
}

#[test]
fn failing_protection_gives_the_space_back() {
    let memory = Flipped::new(1 << 16);
    let bytes = model().write().expect("valid");
    let bundle = Bundle::parse(&bytes).expect("valid");
    for successes in 0..2 {
        let mut protect = Mprotect {
            successes,
            writable: false,
        };
        // SAFETY: one thread uses the mapping, and no code of it runs.
        let mut region =
            unsafe { CodeRegion::flipped(memory.base, memory.len, &mut protect, &mut []) }
                .expect("a region");
        let error = link(
            &bundle,
            &mut region,
            &expectations(),
            resolve_from(&imports()),
        )
        .expect_err("can't flip");
        assert_eq!(
            error,
            LinkError::Space(SpaceError::Protect(ProtectError(12)))
        );
        assert_eq!(region.free_bytes(), region.len());
        // Back to what the next round takes for granted.
        protect = Mprotect {
            successes: 1,
            writable: true,
        };
        rt_nostd::Protect::publish(&mut protect, memory.base.addr().get(), memory.len)
            .expect("flips");
    }
}

#[test]
fn refuses_impossible_regions() {
    let memory = Aliases::new(4096);
    // SAFETY: refused, or dropped without any use.
    let region =
        |write, execute, len| unsafe { CodeRegion::aliased(write, execute, len, &mut []) }.err();
    let (write, execute) = (memory.write, memory.execute);
    assert_eq!(
        region(write, execute, 0),
        Some(RegionError::Length { found: 0 })
    );
    assert_eq!(
        region(write, execute, 1 << 31),
        Some(RegionError::Length { found: 1 << 31 })
    );
    assert_eq!(
        region(write, execute + 8, 64),
        Some(RegionError::Alignment { found: execute + 8 })
    );
    // SAFETY: inside the mapping.
    let odd = unsafe { write.add(1) };
    assert_eq!(
        region(odd, execute, 64),
        Some(RegionError::Alignment {
            found: odd.addr().get()
        })
    );
    let high = usize::MAX - 4095;
    assert_eq!(
        region(write, high, 4097),
        Some(RegionError::Wraps { found: high })
    );
    assert_eq!(region(write, execute, 4096), None);
}
