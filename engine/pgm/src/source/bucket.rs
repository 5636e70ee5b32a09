//! Token buckets, for rates in octets a second.

use std::time::{Duration, Instant};

/// A bucket that fills with time. What is taken may be more than is in it: then it has to fill up from below
/// nothing.
#[derive(Clone, Debug)]
pub(crate) struct TokenBucket {
    /// Octets a second; `None` for no limit.
    rate: Option<f64>,
    /// What it holds when full, in octets.
    size: f64,
    /// What it held at `at`.
    level: f64,
    at: Instant,
}

impl TokenBucket {
    /// A bucket that is full, and holds `size` octets.
    pub(crate) fn new(rate: Option<u64>, size: u64, now: Instant) -> Self {
        let size = size as f64;
        TokenBucket { rate: rate.map(|rate| rate.max(1) as f64), size, level: size, at: now }
    }

    /// Whether there are `octets`, or it is full.
    pub(crate) fn has(&mut self, octets: usize, now: Instant) -> bool {
        let Some(rate) = self.rate else { return true };
        let wanted = (octets as f64).min(self.size);
        if self.level < wanted {
            self.level += rate * now.saturating_duration_since(self.at).as_secs_f64();
            self.level = self.level.min(self.size);
            self.at = self.at.max(now);
        }
        self.level >= wanted
    }

    pub(crate) fn take(&mut self, octets: usize) {
        if self.rate.is_some() {
            self.level -= octets as f64;
        }
    }

    /// When there will be `octets`, if nothing is taken until then.
    pub(crate) fn ready_at(&self, octets: usize) -> Instant {
        let missing = (octets as f64).min(self.size) - self.level;
        let seconds = self.rate.map_or(0.0, |rate| missing / rate);
        // Up to the next microsecond, so that whoever wakes then finds them.
        let micros = (seconds.clamp(0.0, 86_400.0) * 1e6).ceil() as u64;
        self.at + Duration::from_micros(micros + u64::from(micros > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_in_a_time_is_the_rate_and_once_the_size() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Some(1_000_000), 10_000, start);
        let (mut now, mut passed) = (start, 0);
        while now < start + Duration::from_secs(2) {
            if bucket.has(1500, now) {
                bucket.take(1500);
                passed += 1500;
            } else {
                let at = bucket.ready_at(1500);
                assert!(at > now);
                assert!(bucket.clone().has(1500, at), "awake for nothing");
                now = at;
            }
        }
        assert!((2_000_000..=2_012_000).contains(&passed), "{passed}");
    }

    #[test]
    fn what_is_larger_than_the_bucket_passes_when_it_is_full() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Some(1000), 100, start);
        assert!(bucket.has(5000, start));
        bucket.take(5000);
        assert!(!bucket.has(1, start + Duration::from_millis(4900)));
        assert!(bucket.has(1, start + Duration::from_millis(4902)));
    }

    #[test]
    fn without_a_rate_there_is_always_enough() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(None, 0, start);
        bucket.take(usize::MAX);
        assert!(bucket.has(usize::MAX, start));
        assert_eq!(bucket.ready_at(9), start);
    }

    #[test]
    fn a_clock_that_goes_back_fills_nothing() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Some(1000), 1000, start + Duration::from_secs(5));
        bucket.take(1000);
        assert!(!bucket.has(1, start));
        assert!(!bucket.has(1000, start + Duration::from_millis(5500)));
    }
}
