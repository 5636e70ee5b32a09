//! The bytes of messages that the application has not taken: there is a limit to them, as to their number.

use ringmq_pipe::PipeWriter;
use std::collections::VecDeque;

/// See the [module's documentation](self).
pub(super) struct WaitingMessages {
    limit: u64,
    bytes: u64,
    /// What was written last.
    runs: VecDeque<WrittenRun>,
    /// Messages in those.
    messages: usize,
}

/// Messages that were written in one go.
struct WrittenRun {
    messages: u32,
    bytes: u64,
}

impl WaitingMessages {
    pub(super) fn new(limit: Option<u64>) -> Self {
        let limit = limit.unwrap_or(u64::MAX);
        Self { limit, bytes: 0, runs: VecDeque::new(), messages: 0 }
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// So many messages were written, of so many bytes together.
    pub(super) fn wrote(&mut self, messages: u32, bytes: u64) {
        self.bytes += bytes;
        self.messages += messages as usize;
        self.runs.push_back(WrittenRun { messages, bytes });
    }

    /// Whether another message may be written. Those that were written in one go count until all of them are taken.
    pub(super) fn has_room(&mut self, pipe: &PipeWriter) -> bool {
        let left = usize::try_from(pipe.depth()).unwrap_or(usize::MAX);
        while let Some(run) = self.runs.front()
            && self.messages - run.messages as usize >= left
        {
            self.messages -= run.messages as usize;
            self.bytes -= run.bytes;
            self.runs.pop_front();
        }
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
            waiting.wrote(1, len as u64);
        }
        assert!(!waiting.has_room(&near.tx));
        while far.rx.read().is_some() {}
        // Credited at the latest when it goes to sleep.
        far.rx.fall_asleep();
        assert!(waiting.has_room(&near.tx));
        assert_eq!((waiting.bytes, waiting.runs.len()), (0, 0));
    }
}
