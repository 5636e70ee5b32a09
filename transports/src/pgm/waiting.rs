//! The bytes of messages that the application has not taken: there is a limit to them, as to their number.

use ringmq_pipe::PipeWriter;
use std::collections::VecDeque;

/// See the [module's documentation](self).
pub(super) struct WaitingMessages {
    limit: u64,
    bytes: u64,
    /// How many each of those has that were written last.
    sizes: VecDeque<u64>,
}

impl WaitingMessages {
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self { limit: limit.unwrap_or(u64::MAX), bytes: 0, sizes: VecDeque::new() }
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// A message of so many bytes was written.
    pub(super) fn wrote(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.sizes.push_back(bytes);
    }

    /// Whether another message may be written.
    pub(super) fn has_room(&mut self, pipe: &PipeWriter) -> bool {
        let left = usize::try_from(pipe.depth()).unwrap_or(usize::MAX);
        let taken = self.sizes.len().saturating_sub(left);
        self.bytes -= self.sizes.drain(..taken).sum::<u64>();
        self.bytes < self.limit
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ringmq_pipe::{Capacity, pipe};

    #[test]
    fn what_is_taken_makes_room() {
        let (mut near, mut far) = pipe::<()>(Capacity::Messages(0), Capacity::Messages(0));
        let mut waiting = WaitingMessages::new(Some(100));
        for len in [60, 30, 20] {
            assert!(waiting.has_room(&near.tx));
            near.tx.write_body(0, &vec![0; len]).unwrap();
            waiting.wrote(len as u64);
        }
        assert!(!waiting.has_room(&near.tx));
        while far.rx.read().is_some() {}
        // Credited at the latest when it goes to sleep.
        far.rx.fall_asleep();
        assert!(waiting.has_room(&near.tx));
        assert_eq!((waiting.bytes, waiting.sizes.len()), (0, 0));
    }
}
