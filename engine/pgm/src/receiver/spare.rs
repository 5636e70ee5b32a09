//! Buffers of packets that have waited, for those that will.

/// How much longer a buffer may be than what it is used for.
const SLACK: usize = 16;

/// Buffers that are used again: where packets get lost all the time, each one that comes waits for a moment, and the
/// allocator would give memory back to the system and take it again.
#[derive(Debug)]
pub(super) struct SpareBuffers {
    buffers: Vec<Vec<u8>>,
    octets: usize,
    /// Octets that are kept.
    most: usize,
}

impl SpareBuffers {
    /// None yet; as many as have `most` octets.
    pub(super) fn new(most: usize) -> Self {
        SpareBuffers { buffers: Vec::new(), octets: 0, most }
    }

    /// What is to wait, in memory of its own.
    pub(super) fn copy(&mut self, octets: &[u8]) -> Vec<u8> {
        let Some(mut buffer) = self.buffers.pop() else { return octets.to_vec() };
        self.octets -= buffer.capacity();
        // One that is not as long as packets are now goes: others will come.
        if !(octets.len()..=octets.len() + SLACK).contains(&buffer.capacity()) {
            return octets.to_vec();
        }
        buffer.clear();
        buffer.extend_from_slice(octets);
        buffer
    }

    /// It is not needed any more.
    pub(super) fn keep(&mut self, buffer: Vec<u8>) {
        if self.octets + buffer.capacity() <= self.most {
            self.octets += buffer.capacity();
            self.buffers.push(buffer);
        }
    }

    /// Gives all back.
    pub(super) fn clear(&mut self) {
        *self = SpareBuffers::new(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_for_what_is_as_long() {
        let mut spare = SpareBuffers::new(250);
        let first = spare.copy(&[1; 100]);
        let place = first.as_ptr();
        spare.keep(first);
        let again = spare.copy(&[2; 90]);
        assert_eq!((again.as_ptr(), &*again), (place, &[2; 90][..]));
        spare.keep(again);
        assert_eq!(spare.copy(&[3; 101]), [3; 101], "too short");
        assert_eq!(spare.octets, 0);
        spare.keep(vec![0; 100]);
        assert_eq!(spare.copy(&[4; 1]).capacity(), 1, "too long");
    }

    #[test]
    fn no_more_is_kept_than_was_said() {
        let mut spare = SpareBuffers::new(250);
        (0..3).for_each(|_| spare.keep(vec![0; 100]));
        assert_eq!((spare.buffers.len(), spare.octets), (2, 200));
        spare.clear();
        assert_eq!((spare.buffers.len(), spare.octets, spare.most), (0, 0, 250));
    }
}
