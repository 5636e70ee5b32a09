//! When to try a lost connection again.
//!
//! Sans-clock: the caller brings the random number and keeps the timer, so that a test can play a
//! year of attempts at once. One value belongs to one connecter.

use std::time::Duration;

/// The reconnection policy of one endpoint: how long to wait before each attempt.
///
/// Without a maximum every wait is the interval plus a random part of it, so that the clients of a
/// server that comes back do not arrive together. With a maximum the wait doubles up to it.
///
/// ```
/// use ringmq_transports::backoff::Backoff;
/// use std::time::Duration;
///
/// let mut backoff = Backoff::new(Some(Duration::from_millis(100)), Duration::from_millis(300));
/// assert_eq!(backoff.next_wait(7), Some(Duration::from_millis(100)));
/// assert_eq!(backoff.next_wait(7), Some(Duration::from_millis(200)));
/// assert_eq!(backoff.next_wait(7), Some(Duration::from_millis(300)));
/// backoff.reset();
/// assert_eq!(backoff.next_wait(7), Some(Duration::from_millis(100)));
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    interval: Option<Duration>,
    max: Duration,
    /// The last wait handed out since the last success; unset before the first. Used only when
    /// there is a maximum.
    last: Option<Duration>,
}

impl Backoff {
    /// A policy of `interval` between attempts, doubling up to `max` unless that is zero.
    ///
    /// No interval, or one of zero, means that a lost connection is not made again.
    #[must_use]
    pub fn new(interval: Option<Duration>, max: Duration) -> Self {
        Self { interval: interval.filter(|interval| !interval.is_zero()), max, last: None }
    }

    /// The time to wait before the next attempt, or `None` when there shall be none.
    ///
    /// `random` is any 64 bits, evenly spread.
    #[must_use]
    pub fn next_wait(&mut self, random: u64) -> Option<Duration> {
        let interval = self.interval?;
        if self.max.is_zero() {
            return Some(interval.saturating_add(fraction(interval, random)));
        }
        let wait = self.last.map_or(interval, |last| last.saturating_mul(2)).min(self.max);
        self.last = Some(wait);
        Some(wait)
    }

    /// Whether a connection that has stood for so `long` was worth the wait before it: one that is lost sooner is
    /// lost again soon, and to begin anew with the shortest wait would make a peer that turns this end away be
    /// asked for ever as often as it can be.
    ///
    /// ```
    /// use ringmq_transports::backoff::Backoff;
    /// use std::time::Duration;
    ///
    /// let mut backoff = Backoff::new(Some(Duration::from_millis(100)), Duration::from_secs(10));
    /// assert!(backoff.is_outlasted(Duration::ZERO), "nobody has waited");
    /// backoff.next_wait(7);
    /// assert!(!backoff.is_outlasted(Duration::from_millis(99)));
    /// assert!(backoff.is_outlasted(Duration::from_millis(100)));
    /// ```
    #[must_use]
    pub fn is_outlasted(&self, long: Duration) -> bool {
        self.last.is_none_or(|last| long >= last)
    }

    /// Begins anew with the shortest wait: a connection was made.
    pub fn reset(&mut self) {
        self.last = None;
    }
}

/// `random / 2^64` of `whole`: at least zero, less than `whole`.
fn fraction(whole: Duration, random: u64) -> Duration {
    let nanos = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
    // The high half of the product is below 2^64, so the cast loses nothing.
    Duration::from_nanos(((u128::from(nanos) * u128::from(random)) >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn no_interval_means_no_attempt() {
        assert_eq!(Backoff::new(None, MS).next_wait(0), None);
        assert_eq!(Backoff::new(Some(Duration::ZERO), MS).next_wait(0), None);
    }

    #[test]
    fn without_a_maximum_the_wait_is_the_interval_and_a_random_part_of_it() {
        let mut backoff = Backoff::new(Some(100 * MS), Duration::ZERO);
        assert_eq!(backoff.next_wait(0), Some(100 * MS));
        assert_eq!(backoff.next_wait(1 << 63), Some(150 * MS));
        let longest = backoff.next_wait(u64::MAX).expect("an interval is set");
        assert!(longest < 200 * MS && longest > 199 * MS, "{longest:?}");
        assert_eq!(backoff.next_wait(0), Some(100 * MS), "the wait does not grow");
    }

    #[test]
    fn with_a_maximum_the_wait_doubles_up_to_it_without_jitter() {
        let mut backoff = Backoff::new(Some(100 * MS), 1000 * MS);
        let waits: Vec<_> = (0..6).map(|n| backoff.next_wait(n << 61)).collect();
        let expected = [100, 200, 400, 800, 1000, 1000].map(|n| Some(n * MS));
        assert_eq!(waits, expected);
    }

    #[test]
    fn success_begins_anew() {
        let mut backoff = Backoff::new(Some(100 * MS), 1000 * MS);
        let _ = backoff.next_wait(0);
        let _ = backoff.next_wait(0);
        backoff.reset();
        assert_eq!(backoff.next_wait(0), Some(100 * MS));
    }

    #[test]
    fn a_maximum_below_the_interval_wins() {
        assert_eq!(Backoff::new(Some(100 * MS), 30 * MS).next_wait(0), Some(30 * MS));
    }

    #[test]
    fn the_longest_durations_do_not_overflow() {
        let mut jitter = Backoff::new(Some(Duration::MAX), Duration::ZERO);
        assert_eq!(jitter.next_wait(u64::MAX), Some(Duration::MAX));
        let mut doubling = Backoff::new(Some(Duration::MAX), Duration::MAX);
        assert_eq!(doubling.next_wait(0), Some(Duration::MAX));
        assert_eq!(doubling.next_wait(0), Some(Duration::MAX));
    }
}
