//! Consuming: what is done with the body of a message where it was received.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use ringmq_bench::payload::Checker;

/// Whoever looks at bodies.
pub(crate) trait Consume {
    /// Looks at the next body.
    fn consume(&mut self, body: &[u8]) -> Result<()>;
}

impl Consume for Checker {
    #[inline]
    fn consume(&mut self, body: &[u8]) -> Result<()> {
        Ok(self.check(body)?)
    }
}

/// What consumes for one of several receivers: it may miss messages, and must not get any twice, torn
/// or in disorder.
pub(crate) struct Subscriber {
    size: usize,
    /// The least number that the next message may have.
    next: u64,
    /// Whether any may be missed once there was one.
    may_miss: bool,
}

impl Subscriber {
    /// Expects messages of `size` bytes, at least the eight of the number.
    pub(crate) fn new(size: usize) -> Self {
        Self { size, next: 0, may_miss: true }
    }

    /// The same that may miss none after its first.
    pub(crate) fn of_everything(size: usize) -> Self {
        Self { may_miss: false, ..Self::new(size) }
    }

    /// The number of the message that came last.
    #[inline]
    pub(crate) fn last(&self) -> u64 {
        self.next.saturating_sub(1)
    }
}

impl Consume for Subscriber {
    #[inline]
    fn consume(&mut self, body: &[u8]) -> Result<()> {
        ensure!(body.len() == self.size, "{} bytes came where {} were sent", body.len(), self.size);
        let number = body.first_chunk().context("a message without a number came")?;
        let number = u64::from_le_bytes(*number);
        let due = number == self.next || self.next == 0 || (self.may_miss && number > self.next);
        ensure!(due, "message {number} came after message {}", self.last());
        self.next = number + 1;
        Ok(())
    }
}

/// How much of a phase has come in, and when.
pub(crate) struct Tally {
    /// Messages received.
    pub(crate) received: u64,
    target: u64,
    first: Instant,
    last: Instant,
}

/// Messages between two looks at the clock, which costs as much as a small message.
const LOOK_EVERY: u64 = 16;

impl Tally {
    /// None of `target` messages.
    pub(crate) fn new(target: u64) -> Self {
        let now = Instant::now();
        Self { received: 0, target, first: now, last: now }
    }

    /// One more.
    #[inline]
    pub(crate) fn note(&mut self) {
        if self.received == 0 {
            self.first = Instant::now();
        }
        self.received += 1;
        if self.received.is_multiple_of(LOOK_EVERY) || self.received == self.target {
            self.last = Instant::now();
        }
    }

    /// Whether all are there.
    pub(crate) fn complete(&self) -> bool {
        self.received >= self.target
    }

    /// From the first message to the last one, in nanoseconds; never 0.
    pub(crate) fn elapsed_ns(&self) -> u64 {
        (self.last.saturating_duration_since(self.first).as_nanos() as u64).max(1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_subscriber_may_miss_messages_but_not_get_one_twice() {
        let mut consumer = Subscriber::new(8);
        for number in [0u64, 1, 5] {
            consumer.consume(&number.to_le_bytes()).unwrap();
        }
        assert!(consumer.consume(&5u64.to_le_bytes()).is_err());
        assert_eq!(consumer.last(), 5);
        let mut consumer = Subscriber::of_everything(8);
        for number in [3u64, 4, 5] {
            consumer.consume(&number.to_le_bytes()).unwrap();
        }
        assert!(consumer.consume(&7u64.to_le_bytes()).is_err());
        assert!(consumer.consume(&[0; 7]).is_err());
    }

    #[test]
    fn a_tally_is_complete_when_all_are_there() {
        let mut tally = Tally::new(2);
        tally.note();
        assert!(!tally.complete());
        tally.note();
        assert!(tally.complete() && tally.elapsed_ns() >= 1);
    }
}
