//! What the processor can do, for [`link`](crate::link): code that uses what isn't there
//! must not run.
//!
//! Bits of `cpuid` as the processors' manuals give them. Extensions with registers of their
//! own count only if the system saves these (`xgetbv`).
#![allow(unsafe_code)] // For one instruction.

use stencil_format::CpuFeatures;

/// The features of this processor that a bundle can ask for.
pub fn cpu_features() -> CpuFeatures {
    cpu_features_among(CpuFeatures::ALL)
}

/// Those of `asked` that this processor has. In a virtual machine each question to it takes
/// some microseconds: what tells of other features only isn't asked.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub fn cpu_features_among(asked: CpuFeatures) -> CpuFeatures {
    use core::arch::x86_64::{__cpuid, __cpuid_count};
    // In the structured features, and in the extended ones.
    const STRUCTURED: CpuFeatures = CpuFeatures::BMI1
        .union(CpuFeatures::BMI2)
        .union(CpuFeatures::AVX2);
    const EXTENDED: CpuFeatures = CpuFeatures::LZCNT;
    let wanted = |some: CpuFeatures| asked.without(some) != asked;
    let highest = |first: u32| __cpuid(first).eax;
    let mut features = CpuFeatures::NONE;
    if asked.is_empty() {
        return features;
    }
    let basic = __cpuid(1);
    let mut add = |word: u32, bit: u32, feature| {
        if word >> bit & 1 == 1 && wanted(feature) {
            features = features.union(feature);
        }
    };
    add(basic.ecx, 0, CpuFeatures::SSE3);
    add(basic.ecx, 9, CpuFeatures::SSSE3);
    add(basic.ecx, 13, CpuFeatures::CMPXCHG16B);
    add(basic.ecx, 19, CpuFeatures::SSE4_1);
    add(basic.ecx, 20, CpuFeatures::SSE4_2);
    add(basic.ecx, 22, CpuFeatures::MOVBE);
    add(basic.ecx, 23, CpuFeatures::POPCNT);
    let structured = match wanted(STRUCTURED) && highest(0) >= 7 {
        true => __cpuid_count(7, 0).ebx,
        false => 0,
    };
    add(structured, 3, CpuFeatures::BMI1);
    add(structured, 8, CpuFeatures::BMI2);
    if wanted(EXTENDED) && highest(0x8000_0000) > 0x8000_0000 {
        add(__cpuid(0x8000_0001).ecx, 5, CpuFeatures::LZCNT);
    }
    // 27: the system has switched `xgetbv` on.
    let saved = match basic.ecx >> 27 & 1 {
        0 => 0,
        _ => saved_state(),
    };
    // The registers of SSE and AVX.
    if saved & 0b110 == 0b110 {
        add(basic.ecx, 12, CpuFeatures::FMA);
        add(basic.ecx, 28, CpuFeatures::AVX);
        add(basic.ecx, 29, CpuFeatures::F16C);
        add(structured, 5, CpuFeatures::AVX2);
    }
    features
}

/// None that is known.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
pub fn cpu_features_among(_: CpuFeatures) -> CpuFeatures {
    CpuFeatures::NONE
}

/// Which registers the system saves, as bits.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn saved_state() -> u32 {
    let low: u32;
    // SAFETY: the caller knows that the instruction is there; it reads a register.
    unsafe {
        core::arch::asm!(
            "xgetbv",
            in("ecx") 0,
            out("eax") low,
            out("edx") _,
            options(nomem, nostack, preserves_flags)
        );
    }
    low
}

#[cfg(all(test, target_arch = "x86_64", not(miri)))]
mod tests {
    use super::*;

    /// The standard library asks on its own.
    #[test]
    fn agrees_with_the_standard_library() {
        extern crate std;
        let features = cpu_features();
        let has = |feature| {
            CpuFeatures::NONE
                .union(feature)
                .without(features)
                .is_empty()
        };
        macro_rules! check {
            ($($name:tt $feature:ident;)*) => {$(
                assert_eq!(
                    has(CpuFeatures::$feature),
                    std::arch::is_x86_feature_detected!($name),
                    $name
                );
            )*};
        }
        for bit in 0..u64::BITS {
            let Some(one) = CpuFeatures::from_bits(1 << bit) else {
                continue;
            };
            let expected = if has(one) { one } else { CpuFeatures::NONE };
            assert_eq!(cpu_features_among(one), expected, "{one}");
        }
        assert_eq!(cpu_features_among(CpuFeatures::NONE), CpuFeatures::NONE);
        check! {
            "sse3" SSE3; "ssse3" SSSE3; "sse4.1" SSE4_1; "sse4.2" SSE4_2; "popcnt" POPCNT;
            "cmpxchg16b" CMPXCHG16B; "lzcnt" LZCNT; "bmi1" BMI1; "bmi2" BMI2; "movbe" MOVBE;
            "avx" AVX; "avx2" AVX2; "fma" FMA; "f16c" F16C;
        }
    }
}
