//! Memory ahead of its use.

/// Octets that come at once.
#[cfg(target_arch = "x86_64")]
const LINE_BYTES: usize = 64;

/// Has the processor bring octets near that are about to be read. It waits for nothing.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn prefetch(octets: &[u8]) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    for line in octets.chunks(LINE_BYTES) {
        // SAFETY: it is a hint, which reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

/// Other processors are left to find out.
#[cfg(not(target_arch = "x86_64"))]
pub fn prefetch(_: &[u8]) {}
