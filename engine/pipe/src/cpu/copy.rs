//! Copying a few bytes without calling `memcpy`.
//!
//! A call with a length that the compiler does not know costs more than all the rest of a small
//! message. Two overlapping moves of a fixed width cover every length from that width to its double.
#![allow(unsafe_code)]

/// The longest body that [`short`] copies by itself.
const SHORT: usize = 64;

/// Copies all of `from` to `to`.
///
/// # Safety
/// `to` is valid for writes of `from.len()` bytes, which do not overlap `from`.
#[inline(always)]
pub(crate) unsafe fn short(to: *mut u8, from: &[u8]) {
    let len = from.len();
    let from = from.as_ptr();
    macro_rules! overlapping {
        ($width:literal) => {{
            // SAFETY: `len` is at least the width, so both moves stay within it; `[u8; N]` has no
            // alignment.
            unsafe {
                let last = len - $width;
                let head = from.cast::<[u8; $width]>().read();
                let tail = from.add(last).cast::<[u8; $width]>().read();
                to.cast::<[u8; $width]>().write(head);
                to.add(last).cast::<[u8; $width]>().write(tail);
            }
        }};
    }
    match len {
        32..=SHORT => overlapping!(32),
        16..=31 => overlapping!(16),
        8..=15 => overlapping!(8),
        4..=7 => overlapping!(4),
        2..=3 => overlapping!(2),
        // SAFETY: promised by the caller.
        _ => unsafe { std::ptr::copy_nonoverlapping(from, to, len) },
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_length_is_copied_whole_and_nothing_beside() {
        let from: Vec<u8> = (1..=200).collect();
        for len in 0..=200 {
            let mut to = [0; 201];
            // SAFETY: `to` is longer than `len` and another array.
            unsafe { super::short(to.as_mut_ptr(), &from[..len]) };
            assert_eq!(to[..len], from[..len]);
            assert!(to[len..].iter().all(|&byte| byte == 0), "length {len}");
        }
    }
}
