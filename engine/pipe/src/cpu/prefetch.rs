//! Asking for cache lines before they are needed.
//!
//! A log is written by one core and read by another, and every line of it changes hands. A message
//! takes less time than a line takes to come, so a reader asks for the lines some messages ahead. (A
//! writer that does the same takes them from a reader that is not done with them, and loses.) Only a
//! hint: it reads and changes nothing, and on other processors than x86-64 it is nothing at all.
#![allow(unsafe_code)]

/// How far ahead, in bytes: several lines, which are under way together.
const AHEAD: usize = 512;

/// `bytes` are being read from the start: asks for the line that is to be read soon.
#[inline(always)]
pub(crate) fn ahead(bytes: &[u8]) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
    if let Some(later) = bytes.get(AHEAD) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint that may be given for any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(later).cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri), not(loom))))]
    let _ = bytes.get(AHEAD);
}
