//! Sequence numbers, which wrap (RFC 3208, section 4.2).

use std::fmt;

/// The number of a packet of a session, in arithmetic mod 2^32. Two of them can be compared if they are
/// less than 2^31 apart, so there is no order among all of them, and none is derived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sqn(pub u32);

impl Sqn {
    /// The number `packets` later.
    #[must_use]
    pub fn plus(self, packets: u32) -> Self {
        Sqn(self.0.wrapping_add(packets))
    }

    /// The number `packets` earlier.
    #[must_use]
    pub fn minus(self, packets: u32) -> Self {
        Sqn(self.0.wrapping_sub(packets))
    }

    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus(1)
    }

    /// How many packets this one is later than `other`; negative if it is earlier.
    pub fn since(self, other: Sqn) -> i32 {
        self.0.wrapping_sub(other.0).cast_signed()
    }

    /// Whether this one is earlier than `other`.
    pub fn is_before(self, other: Sqn) -> bool {
        self.since(other) < 0
    }
}

impl fmt::Display for Sqn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_and_compare_across_the_wrap() {
        let last = Sqn(u32::MAX);
        assert_eq!(last.next(), Sqn(0));
        assert_eq!(Sqn(2).since(last), 3);
        assert_eq!(last.since(Sqn(2)), -3);
        assert!(last.is_before(Sqn(0)) && !Sqn(0).is_before(last) && !last.is_before(last));
        assert_eq!(Sqn(3).minus(5).plus(5), Sqn(3));
    }
}
