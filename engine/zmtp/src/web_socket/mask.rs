//! The masks of a WebSocket (RFC 6455, section 5.3): what a client sends looks like nothing that it was asked to
//! send, so that no proxy on the way takes it for a request.

use std::hash::{DefaultHasher, Hasher};

/// Bytes of a mask.
pub(super) const SIZE: usize = 4;

/// A mask that changes nothing, for the frames of a server.
pub(super) const NONE: [u8; SIZE] = [0; SIZE];

/// Masks, each unlike those before: a keyed hash of how many there were. Whoever sees them, as everybody on the
/// way does, cannot tell the next one. They keep nothing secret.
#[derive(Clone)]
pub(crate) struct Masks {
    key: [u8; 16],
    count: u64,
}

/// Without the key.
impl std::fmt::Debug for Masks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Masks").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Masks {
    /// Masks that random bytes decide.
    pub(super) fn new(key: [u8; 16]) -> Self {
        Masks { key, count: 0 }
    }

    pub(super) fn next(&mut self) -> [u8; SIZE] {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.key);
        hasher.write_u64(self.count);
        self.count = self.count.wrapping_add(1);
        (hasher.finish() as u32).to_ne_bytes()
    }
}

/// Masks `bytes`, or takes the mask off: they begin `at` bytes behind the beginning of a frame's payload.
pub(super) fn apply(mask: [u8; SIZE], at: usize, bytes: &mut [u8]) {
    if mask == NONE {
        return;
    }
    let turned: [u8; SIZE] = std::array::from_fn(|index| mask[(at + index) % SIZE]);
    let word = u64::from(u32::from_ne_bytes(turned));
    let word = word << 32 | word;
    let (words, rest) = bytes.as_chunks_mut();
    for eight in words {
        *eight = (u64::from_ne_bytes(*eight) ^ word).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(turned.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_masked_as_rfc_6455_says() {
        // The example of section 5.7: a masked text frame with "Hello".
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let mut hello = *b"Hello";
        apply(mask, 0, &mut hello);
        assert_eq!(hello, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        // In pieces, wherever they begin and however long they are.
        let plain: Vec<u8> = (0..100).collect();
        let mut whole = plain.clone();
        apply(mask, 0, &mut whole);
        for at in 0..=plain.len() {
            let mut pieces = plain.clone();
            let (head, tail) = pieces.split_at_mut(at);
            apply(mask, 0, head);
            apply(mask, at, tail);
            assert_eq!(pieces, whole);
        }
    }

    #[test]
    fn no_mask_is_like_another() {
        let mut masks = Masks::new([7; 16]);
        let all: std::collections::HashSet<_> = (0..1000).map(|_| masks.next()).collect();
        assert!(all.len() > 998, "two of a thousand are alike once in some 8,000 times");
        assert_ne!(Masks::new([7; 16]).next(), Masks::new([8; 16]).next());
    }
}
