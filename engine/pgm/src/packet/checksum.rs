//! The Internet checksum over a packet (RFC 3208, section 8; RFC 1071, RFC 1624).
//!
//! Sums are kept in the order of bytes of the machine, and turned once at the end: a one's complement sum
//! does not mind.

/// Octets that are summed at a time, in lanes that do not wait for each other.
const STRIDE: usize = 32;

/// The one's complement sum of `bytes` as 16-bit words, folded. An odd last octet counts as the first of a
/// word. A packet with a right checksum in it has the sum FFFF.
pub(super) fn sum(bytes: &[u8]) -> u16 {
    let mut lanes = [0_u64; 4];
    let (strides, rest) = bytes.as_chunks::<STRIDE>();
    for stride in strides {
        let (words, _) = stride.as_chunks::<8>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            let word = u64::from_ne_bytes(*word);
            // Halves of 32 bits: a lane cannot overflow before 2^31 of them.
            *lane += (word & 0xFFFF_FFFF) + (word >> 32);
        }
    }
    let mut total: u64 = lanes.iter().map(|lane| u64::from(fold(*lane))).sum();
    let (pairs, odd) = rest.as_chunks::<2>();
    total += pairs.iter().map(|pair| u64::from(u16::from_ne_bytes(*pair))).sum::<u64>();
    if let [last] = odd {
        total += u64::from(u16::from_ne_bytes([*last, 0]));
    }
    u16::from_be(fold(total))
}

/// The checksum of a packet whose checksum field is 0. Never 0, which would mean "none".
pub fn checksum(bytes: &[u8]) -> u16 {
    never_zero(!sum(bytes))
}

/// The checksum after a 16-bit word of the packet became another one (RFC 1624).
pub(super) fn replaced(checksum: u16, old: u16, new: u16) -> u16 {
    let total = u64::from(!checksum) + u64::from(!old) + u64::from(new);
    never_zero(!fold(total))
}

fn never_zero(checksum: u16) -> u16 {
    if checksum == 0 { 0xFFFF } else { checksum }
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    // Not more than 16 bits are left.
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            sum = (sum & 0xFFFF) + (sum >> 16);
        }
        sum as u16
    }

    #[test]
    fn the_sum_is_that_of_sixteen_bit_words_at_every_length() {
        let mut rng = fastrand::Rng::with_seed(1);
        let bytes: Vec<u8> = (0..300).map(|_| rng.u8(..)).collect();
        for length in 0..bytes.len() {
            assert_eq!(sum(&bytes[..length]), slow(&bytes[..length]), "{length}");
        }
        assert_eq!(sum(&[0xFF; 65_536]), 0xFFFF);
        assert_eq!(sum(&[0; 100]), 0);
    }

    #[test]
    fn a_replaced_word_gives_the_checksum_of_the_whole() {
        let mut rng = fastrand::Rng::with_seed(2);
        let mut bytes: Vec<u8> = (0..64).map(|_| rng.u8(..)).collect();
        let mut kept = checksum(&bytes);
        for _ in 0..10_000 {
            let at = rng.usize(..32) * 2;
            let old = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
            let new = if rng.bool() { rng.u16(..) } else { rng.u16(0..2) };
            bytes[at..at + 2].copy_from_slice(&new.to_be_bytes());
            kept = replaced(kept, old, new);
            assert_eq!(kept, checksum(&bytes));
        }
    }

    #[test]
    fn a_checksum_is_never_zero() {
        assert_eq!(checksum(&[0xFF, 0xFF]), 0xFFFF);
        assert_eq!(checksum(&[]), 0xFFFF);
    }
}
