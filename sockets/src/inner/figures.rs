//! The figures of a socket: what it has done, and how its pipes are doing.

use super::Core;
use crate::socket::stats::{PipeStats, SocketTotals};
use crate::types::Traits;
use ringmq_pipe::Notify;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Whoever reads what a pipe within the process is written, and under which key.
pub(crate) type FarEnd = (Arc<dyn Notify>, usize);

impl Core {
    /// Counts a message that was dropped before it came to any pipe.
    pub(crate) fn count_drop(&mut self) {
        self.dropped += 1;
    }

    /// All messages that were dropped.
    pub(crate) fn dropped(&mut self) -> u64 {
        let pipes = self.pipes.iter().map(|(_, pipe)| pipe.dropped()).sum::<u64>();
        self.dropped + self.past.dropped() + pipes
    }

    /// All figures of the socket.
    pub(crate) fn totals(&mut self) -> SocketTotals {
        let Traits { sends, receives, .. } = self.shared.traits;
        let of = |counts: bool, messages: u64| if counts { messages } else { 0 };
        let mut totals = SocketTotals {
            sent: of(sends, self.past.sent()),
            received: of(receives, self.past.received()),
            dropped: self.dropped(),
            to_nobody: self.pipes.to_nobody,
            waiting: of(receives, self.routing.pattern().kept()),
            refused: self.shared.refused.load(Ordering::Relaxed),
        };
        for (_, pipe) in self.pipes.iter() {
            totals.sent += of(sends, pipe.sent());
            totals.received += of(receives, pipe.received());
            totals.waiting += of(receives, pipe.end.rx.waiting());
        }
        totals
    }

    /// The figures of each connection, and whom to ask for what only the other end knows.
    pub(crate) fn pipe_stats(&self) -> Vec<(PipeStats, Option<FarEnd>)> {
        let traits = &self.shared.traits;
        let all = self.pipes.iter().map(|(_, pipe)| {
            let endpoint = self.endpoints.name(pipe.endpoint_id);
            let far = if pipe.direct { pipe.end.tx.reader() } else { None };
            (PipeStats::new(pipe, traits, endpoint), far)
        });
        all.collect()
    }
}
