//! What is inside the messages: a sequence number, and bytes that can be checked for next to nothing.
//!
//! Message `n` begins with `n` as eight little-endian bytes and ends with one byte derived from it;
//! between them lies the same pattern in every message. Length, number and last byte are checked on
//! every message, the pattern on every `FULL_CHECK_EVERY`th. Shorter messages carry what fits of
//! the number, and an empty one only its length. The sender and the receiver count on their own, so
//! a message lost, repeated, torn or out of order is seen at once.
//!
//! Where several senders share a receiver, they share the numbers too: of four, each has every fourth.
//! Where one body is sent
//! again and again, all messages are number 0, and only their count tells that none was lost.

mod checker;
mod stamper;

pub use checker::{Checker, Look, Mismatch};
pub use stamper::Stamper;

/// Bytes of sequence number at the front of a message.
const HEAD: usize = 8;

/// The body of message 0 with its number left out.
fn template(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i as u8).wrapping_mul(31).wrapping_add(7)).collect()
}

/// The last byte of message `seq`; never the pattern's own last byte for long.
fn tail(seq: u64) -> u8 {
    (seq as u8) ^ 0x5a
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_size_passes_its_own_check() {
        for size in [0, 1, 2, 7, 8, 9, 10, 16, 64, 1000] {
            let (mut stamper, mut checker) = (Stamper::new(size), Checker::new(size));
            for _ in 0..300 {
                checker.check(stamper.next_body()).unwrap();
            }
            assert_eq!(checker.seen(), 300);
        }
    }

    #[test]
    fn a_renewed_body_is_the_next_message() {
        let (mut stamper, mut checker) = (Stamper::new(32), Checker::new(32));
        let mut body = stamper.next_body().to_vec();
        checker.check(&body).unwrap();
        stamper.renew(&mut body);
        checker.check(&body).unwrap();
    }

    #[test]
    fn a_lost_message_is_seen_at_once() {
        for size in [1, 8, 64] {
            let (mut stamper, mut checker) = (Stamper::new(size), Checker::new(size));
            stamper.next_body();
            assert!(checker.check(stamper.next_body()).is_err(), "size {size}");
        }
        let (mut stamper, mut checker) = (Stamper::new(64), Checker::new(64));
        stamper.next_body();
        let error = checker.check(stamper.next_body()).unwrap_err().to_string();
        assert!(error.contains("message 0") && error.contains("message 1 arrived"), "{error}");
    }

    #[test]
    fn a_changed_byte_and_a_wrong_length_are_named() {
        let (mut stamper, mut checker) = (Stamper::new(64), Checker::new(64));
        let mut body = stamper.next_body().to_vec();
        body[20] ^= 1;
        assert!(checker.check(&body).unwrap_err().to_string().contains("byte 20"));
        assert!(checker.check(&body[..63]).unwrap_err().to_string().contains("63 bytes"));
        body[20] ^= 1;
        body[63] ^= 1;
        assert!(checker.check(&body).unwrap_err().to_string().contains("last"));
    }

    #[test]
    fn strands_are_in_order_each_by_itself() {
        let mut checker = Checker::of_strands(64, 2);
        let (mut even, mut odd) = (Stamper::of_strand(64, 0, 2), Stamper::of_strand(64, 1, 2));
        for _ in 0..100 {
            checker.check(even.next_body()).unwrap();
            checker.check(even.next_body()).unwrap();
            checker.check(odd.next_body()).unwrap();
        }
        let mut renewed = odd.next_body().to_vec();
        checker.check(&renewed).unwrap();
        odd.renew(&mut renewed);
        checker.check(&renewed).unwrap();
        odd.next_body();
        let error = checker.check(odd.next_body()).unwrap_err().to_string();
        assert!(error.contains("message 205 ") && error.contains("message 207 arrived"), "{error}");
    }

    #[test]
    fn one_body_is_the_same_every_time() {
        for size in [0, 4, 9, 5000] {
            let mut stamper = Stamper::of_one_body(size);
            let mut checker = Checker::of_one_body(size).looking(Look::Bytes);
            let first = stamper.next_body().to_vec();
            for _ in 0..200 {
                assert_eq!(stamper.next_body(), first);
                checker.check(&first).unwrap();
            }
            assert!(checker.check(Stamper::of_strand(size.max(1), 1, 2).next_body()).is_err());
        }
    }
}
