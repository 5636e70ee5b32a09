//! Putting two neighbours together without making the next move of both wait.
//!
//! A message is moved on in moves of 16 bytes. A load that takes bytes of two stores which have not
//! left the core yet waits until they have, so the last bytes of a frame and what goes behind them
//! are stored together.
#![allow(unsafe_code)]

/// Bytes of the first part.
pub(crate) const FRONT: usize = 56;
/// Bytes of what is put behind it.
pub(crate) const BEHIND: usize = 8;
/// Bytes of the first part that are moved by themselves.
const WHOLE: usize = 48;

/// Writes `front`, and `behind` behind it.
///
/// # Safety
/// `to` is valid for writes of [`FRONT`] + [`BEHIND`] bytes.
#[inline(always)]
pub(crate) unsafe fn write(to: *mut u8, front: &[u8; FRONT], behind: u64) {
    let from = front.as_ptr();
    // SAFETY: within both; `[u8; N]` has no alignment, and a new message does not overlap a log.
    unsafe { to.cast::<[u8; WHOLE]>().write(from.cast::<[u8; WHOLE]>().read()) };
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{
            _mm_cvtsi64_si128, _mm_loadl_epi64, _mm_storeu_si128, _mm_unpacklo_epi64,
        };
        // SAFETY: the last 8 bytes of `front` and the last 16 of `to`, of any alignment; every
        // x86-64 processor has these instructions.
        unsafe {
            let last = _mm_loadl_epi64(from.add(WHOLE).cast());
            let both = _mm_unpacklo_epi64(last, _mm_cvtsi64_si128(behind.cast_signed()));
            _mm_storeu_si128(to.add(WHOLE).cast(), both);
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    // SAFETY: as above.
    unsafe {
        let last = from.add(WHOLE).cast::<[u8; BEHIND]>().read();
        to.add(WHOLE).cast::<[[u8; BEHIND]; 2]>().write([last, behind.to_ne_bytes()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_written_whole_and_nothing_beside() {
        let front = std::array::from_fn(|at| at as u8 + 1);
        let behind = u64::from_ne_bytes([201, 202, 203, 204, 205, 206, 207, 208]);
        let mut to = [0; FRONT + BEHIND + 1];
        // SAFETY: `to` is longer.
        unsafe { write(to.as_mut_ptr(), &front, behind) };
        assert_eq!(to[..FRONT], front);
        assert_eq!(to[FRONT..FRONT + BEHIND], behind.to_ne_bytes());
        assert_eq!(to[FRONT + BEHIND], 0);
    }
}
