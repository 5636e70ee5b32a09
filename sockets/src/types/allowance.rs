//! What a socket may spend on what peers send to it while the application is after something else.
//!
//! A publisher heeds subscriptions while it sends. Those of a peer that sends them without end would take all
//! of its time: so they get a share of it, and what they do not need of that is saved up, within bounds. Nor are
//! the savings spent in one go: however many subscriptions come at once, an application that sends one message
//! after the other keeps its part. They are for those that send seldom.

use std::time::{Duration, Instant};

/// Of all time that passes, one part in so many is for peers.
const SHARE: u32 = 4;
/// What is saved up at the most, and there from the start. A hundred thousand subscriptions take less.
const MOST_SAVED: Duration = Duration::from_millis(100);
/// What may be spent in one go, out of the blue; from then on what the application's own time allows.
const IN_ONE_GO: Duration = Duration::from_millis(5);
/// What one piece of work is thought to cost at the most: who was away for longer has not worked meanwhile.
const MOST_CHARGED: Duration = Duration::from_millis(20);

/// See the [module's documentation](self). The clock is the caller's, who reads it only if there is work.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// The share.
    savings: Purse,
    /// What the next go may take of it.
    turn: Purse,
    /// The last go ended because it had to.
    cut_short: bool,
    /// Until when all this has been reckoned.
    at: Option<Instant>,
}

/// Time that may be spent, or that was spent beyond that.
#[derive(Debug)]
struct Purse {
    left: Duration,
    owed: Duration,
}

impl Purse {
    const fn with(left: Duration) -> Self {
        Self { left, owed: Duration::ZERO }
    }

    fn put(&mut self, time: Duration, most: Duration) {
        let paid = time.min(self.owed);
        self.owed -= paid;
        self.left = (self.left + time - paid).min(most);
    }

    fn take(&mut self, time: Duration) {
        let paid = time.min(self.left);
        self.left -= paid;
        self.owed += time - paid;
    }

    const fn is_empty(&self) -> bool {
        self.left.is_zero() || !self.owed.is_zero()
    }
}

impl Allowance {
    /// All that can be saved up.
    pub(crate) const FULL: Self = Self {
        savings: Purse::with(MOST_SAVED),
        turn: Purse::with(IN_ONE_GO),
        cut_short: false,
        at: None,
    };

    /// One with which `time` was spent that there was not.
    #[cfg(test)]
    pub(crate) const fn owing(time: Duration) -> Self {
        Self { savings: Purse { left: Duration::ZERO, owed: time }, ..Self::FULL }
    }

    /// Whether there is as much as there can be.
    #[cfg(test)]
    pub(crate) fn is_full(&self) -> bool {
        self.savings.left == MOST_SAVED
    }

    /// It is `now`, and nothing was spent since the last time. Whether something may be.
    pub(crate) fn pass(&mut self, now: Instant) -> bool {
        let passed = self.since(now);
        // Who leaves much time between two goes that were not enough may have all that is saved.
        let most = if self.cut_short { MOST_SAVED } else { IN_ONE_GO };
        self.turn.put(passed / (SHARE - 1), most);
        self.reckon(passed, now)
    }

    /// It is `now`, and work was done since the last time. Whether more may be.
    pub(crate) fn spend(&mut self, now: Instant) -> bool {
        let passed = self.since(now);
        let charged = passed.min(MOST_CHARGED);
        self.savings.take(charged);
        self.turn.take(charged);
        self.reckon(passed, now)
    }

    fn since(&self, now: Instant) -> Duration {
        self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at))
    }

    fn reckon(&mut self, passed: Duration, now: Instant) -> bool {
        self.savings.put(passed / SHARE, MOST_SAVED);
        self.at = Some(now);
        self.cut_short = self.savings.is_empty() || self.turn.is_empty();
        !self.cut_short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Works for as long as it may, a millisecond at a time, and then does something else for `pause`; for a
    /// minute. How much of that was work, how much of it at first, before anything else, and how much in the
    /// first second.
    fn minute(pause: Duration) -> [Duration; 3] {
        let start = Instant::now();
        let (mut now, mut allowance) = (start, Allowance::FULL);
        let (mut worked, mut at_first, mut in_a_second) = (Duration::ZERO, None, Duration::ZERO);
        while now < start + Duration::from_secs(60) {
            let mut may = allowance.pass(now);
            while may {
                now += MS;
                worked += MS;
                may = allowance.spend(now);
            }
            at_first.get_or_insert(worked);
            now += pause;
            if now < start + Duration::from_secs(1) {
                in_a_second = worked;
            }
        }
        [worked, at_first.unwrap_or_default(), in_a_second]
    }

    #[test]
    fn work_without_end_gets_its_share_and_no_more() {
        for pause in [MS / 1000, MS / 10, MS, 7 * MS, 100 * MS] {
            let [worked, at_first, in_a_second] = minute(pause);
            let share = worked.as_secs_f64() / 60.0;
            assert!((0.24..0.26).contains(&share), "{share} with pauses of {pause:?}");
            assert_eq!(at_first, IN_ONE_GO);
            // At the most what was saved, and what has grown meanwhile.
            let most = MOST_SAVED + Duration::from_secs(1) / SHARE;
            assert!(
                (most - 3 * MOST_SAVED / 2..=most + 2 * MS).contains(&in_a_second),
                "{in_a_second:?}"
            );
        }
    }

    #[test]
    fn savings_are_not_spent_at_once_by_who_does_something_else_all_the_time() {
        let start = Instant::now();
        let (mut now, mut allowance) = (start, Allowance::FULL);
        let mut worked = Duration::ZERO;
        while worked < MOST_SAVED {
            let mut may = allowance.pass(now);
            while may {
                now += MS / 10;
                worked += MS / 10;
                may = allowance.spend(now);
            }
            now += MS / 1000;
        }
        let other = now - start - worked;
        let expected = (worked - IN_ONE_GO) * (SHARE - 1);
        assert!((expected - MS..expected + MS).contains(&other), "{other:?} for others");
    }

    #[test]
    fn who_sends_seldom_takes_all_that_is_saved_the_second_time() {
        let (mut now, mut allowance) = (Instant::now(), Allowance::FULL);
        let mut goes = Vec::new();
        for _ in 0..2 {
            let start = now;
            let mut may = allowance.pass(now);
            while may {
                now += MS;
                may = allowance.spend(now);
            }
            goes.push(now - start);
            now += Duration::from_secs(1);
        }
        assert_eq!(goes[0], IN_ONE_GO);
        assert!(goes[1] >= MOST_SAVED, "{:?}", goes[1]);
    }

    #[test]
    fn what_is_not_needed_is_saved_within_bounds() {
        let (mut now, mut allowance) = (Instant::now(), Allowance::FULL);
        for idle in [1, 10, 3600, 1_000_000].map(Duration::from_secs) {
            let mut worked = Duration::ZERO;
            assert!(allowance.pass(now));
            while {
                now += MS;
                worked += MS;
                allowance.spend(now)
            } {}
            assert!(worked < 2 * MOST_SAVED, "{worked:?}");
            assert!(!allowance.pass(now), "nothing is left");
            now += idle;
        }
    }

    #[test]
    fn who_was_away_for_long_pays_for_a_little() {
        let (mut now, mut allowance) = (Instant::now(), Allowance::FULL);
        for _ in 0..100 {
            assert!(allowance.pass(now), "an hour in between is paid for");
            now += Duration::from_secs(3600);
            allowance.spend(now);
            now += MOST_CHARGED * SHARE;
        }
        // A piece that takes longer than all that there is puts off the next one, and not for long.
        let mut pieces = 0;
        while {
            now += MOST_CHARGED;
            pieces += 1;
            allowance.spend(now)
        } {}
        assert!(pieces < 10);
        assert!(!allowance.pass(now));
        assert!(allowance.pass(now + MOST_CHARGED * SHARE));
    }

    #[test]
    fn a_clock_that_goes_back_is_one_that_stands() {
        let (now, mut allowance) = (Instant::now(), Allowance::FULL);
        assert!(allowance.spend(now + MS));
        assert!(allowance.spend(now));
        assert!(allowance.pass(now + MS));
    }
}
