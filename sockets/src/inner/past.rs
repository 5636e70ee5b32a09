//! The figures of pipes that are gone: a socket's totals outlive its connections.

use super::pipes::Pipe;
use ringmq_engine::PipeState;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// See the [module's documentation](self).
#[derive(Default)]
pub(crate) struct Past {
    sent: u64,
    received: u64,
    dropped: u64,
    /// Of pipes whose far ends are still at work, or have not counted yet what they leave unsent.
    departing: Vec<Arc<PipeState>>,
}

impl Past {
    /// A pipe is about to be closed.
    pub(crate) fn add(&mut self, pipe: &Pipe) {
        self.sent += pipe.sent();
        self.received += pipe.received();
        self.dropped += pipe.dropped_here();
        if self.departing.len() == self.departing.capacity() {
            // Only before it grows, so that thousands are not looked at for each one that goes.
            self.settle();
        }
        self.departing.push(pipe.end.state.clone());
    }

    /// Takes the counts of those that nobody else has any more.
    fn settle(&mut self) {
        let dropped = &mut self.dropped;
        self.departing.retain(|state| {
            let stays = Arc::strong_count(state) > 1;
            if !stays {
                // Relaxed: a figure. Whoever has counted last may be so near that it is not seen yet.
                *dropped += state.dropped.load(Ordering::Relaxed);
            }
            stays
        });
    }

    pub(crate) const fn sent(&self) -> u64 {
        self.sent
    }

    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    /// Messages that were dropped, as far as that is known by now.
    pub(crate) fn dropped(&mut self) -> u64 {
        self.settle();
        let departing = self.departing.iter().map(|state| state.dropped.load(Ordering::Relaxed));
        self.dropped + departing.sum::<u64>()
    }
}
