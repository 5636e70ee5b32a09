//! How fast a thread sends: one message now and then, each worth a system call of its own, or a
//! burst that is better sent in batches.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Sends that follow each other faster than this belong together: about what a send on a stream
/// socket costs.
const GAP: Duration = Duration::from_micros(4);
/// So many of them make a burst.
const ROW: u32 = 2;

/// The sends of the calling thread.
#[derive(Clone, Copy)]
pub(crate) struct SendRate {
    last: Option<Instant>,
    row: u32,
}

thread_local! {
    static SEND_RATE: Cell<SendRate> = const { Cell::new(SendRate { last: None, row: 0 }) };
}

impl SendRate {
    /// Whether the message just written is one of many.
    pub(crate) fn is_burst() -> bool {
        let mut this = SEND_RATE.get();
        let now = Instant::now();
        let close = this.last.is_some_and(|last| now.duration_since(last) < GAP);
        this.row = if close { this.row.saturating_add(1) } else { 0 };
        this.last = Some(now);
        SEND_RATE.set(this);
        this.row >= ROW
    }

    /// A message was sent: the time that took does not count as a pause.
    pub(crate) fn sent() {
        let this = SEND_RATE.get();
        SEND_RATE.set(SendRate { last: Some(Instant::now()), ..this });
    }

    /// Many messages were sent at once: what follows without a pause is more of the same burst.
    pub(crate) fn sent_many() {
        SEND_RATE.set(SendRate { last: Some(Instant::now()), row: ROW });
    }

    /// The thread has waited for a message: what it sends next is an answer, not part of a burst.
    pub(crate) fn waited() {
        SEND_RATE.set(SendRate { last: None, row: 0 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_sends_is_a_burst_until_the_thread_waits() {
        SendRate::waited();
        assert!(!SendRate::is_burst());
        SendRate::sent();
        // On a busy machine the thread may be interrupted between two of them.
        let rows = std::iter::repeat_with(|| {
            SendRate::sent();
            SendRate::is_burst()
        });
        assert!(rows.take(1000).any(|burst| burst));
        SendRate::waited();
        assert!(!SendRate::is_burst());
    }

    #[test]
    fn what_follows_many_sent_at_once_is_more_of_the_burst() {
        // As above.
        let tries = std::iter::repeat_with(|| {
            SendRate::waited();
            SendRate::sent_many();
            SendRate::is_burst()
        });
        assert!(tries.take(1000).any(|burst| burst));
    }
}
