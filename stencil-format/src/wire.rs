//! Little-endian integers out of byte slices, at any alignment.
//!
//! The only place that turns bytes into numbers. Callers have established that the range
//! lies inside the slice (`validate` for the header and tables, record iteration for
//! records); nothing here interprets a value.

/// The four bytes at `at`, as a `u32`. `at + 4 <= bytes.len()` is the caller's to know.
#[inline]
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

/// The eight bytes at `at`, as a `u64`. `at + 8 <= bytes.len()` is the caller's to know.
#[inline]
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

/// `N` bytes at `at`. `at + N <= bytes.len()` is the caller's to know.
#[inline]
pub(crate) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}
