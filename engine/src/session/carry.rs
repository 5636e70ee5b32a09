//! A pipe between two connections, with what the last one left behind.

use ringmq_pipe::{Inlet, Piece, PipeEnd};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A pipe on its way from one connection to the next. Dropping it counts what it still holds as
/// dropped: messages that were accepted for a peer that is gone and that nobody else gets.
pub struct Carry {
    /// The pipe.
    pub pipe: PipeEnd,
    /// What the last connection had taken from the pipe and not sent.
    pub unsent: Vec<Piece>,
    /// When to give up on sending, once the socket has closed the pipe.
    pub linger_until: Option<Instant>,
}

impl Carry {
    /// A pipe that has not been used.
    pub fn new(pipe: PipeEnd) -> Self {
        Self { pipe, unsent: Vec::new(), linger_until: None }
    }

    /// Whether everything that the socket wrote, before it closed the pipe, has been sent.
    pub fn is_spent(&mut self) -> bool {
        self.unsent.is_empty() && self.pipe.rx.ended()
    }
}

impl Drop for Carry {
    fn drop(&mut self) {
        let mut pieces = std::mem::take(&mut self.unsent);
        let mut lost = 0;
        match &mut self.pipe.rx {
            Inlet::Log(log) => {
                // Whoever writes at this moment is refused, so that the counting comes to an end.
                log.set_hwm(1);
                while log.gather(usize::MAX, &mut pieces) > 0 {}
            }
            Inlet::Latest(slot) => lost += u64::from(slot.read().is_some()),
        }
        lost += pieces.iter().map(|piece| u64::from(piece.messages)).sum::<u64>();
        self.pipe.state.dropped.fetch_add(lost, Ordering::Relaxed);
    }
}
