//! Questions on a schedule: an open loop.
//!
//! A program that asks one question at a time waits while the other side stalls, and so takes one bad
//! time where a stream of requests would have had hundreds (coordinated omission). Here every question
//! has a time at which it is due, whatever became of those before it, and its latency counts from that
//! time: a stall shows in every question that it held up, sent or not.
//!
//! One thread does both: it sends what is due, and looks for answers without waiting for any. A second
//! thread would have to be woken, and would take a core from the library where there are few; and a
//! receive that sleeps until the next question is due would be late by the kernel's timer. So what is
//! seen of the library is its sending and its non-blocking receiving on this side, and its blocking
//! ones on the side that answers.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::stats::RoundTrips;

/// Most questions that may be without an answer: half of a default high-water mark, so that no queue
/// on the way ever refuses one. What is due beyond that waits, and its time counts.
const MOST_OPEN: u64 = 500;
/// Most bytes that may be on their way: less than the buffers of any bare socket, where two sides that
/// both wait to write would wait for ever.
const MOST_BYTES: u64 = 64 << 10;

/// When questions are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    per_s: u32,
    count: u64,
    window: u64,
}

impl Schedule {
    /// `count` questions of `size` bytes, `per_s` of them a second; the first one is due at once.
    pub(crate) fn new(per_s: u32, count: u64, size: usize) -> Self {
        let window = (MOST_BYTES / size.max(1) as u64).clamp(1, MOST_OPEN);
        Self { per_s: per_s.max(1), count, window }
    }

    /// When question `number` is due, from the start.
    #[inline]
    fn due(&self, number: u64) -> Duration {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.per_s);
        Duration::from_nanos(nanos as u64)
    }
}

/// Who asks: a socket, and a clock.
pub(crate) trait Client {
    /// Time since the start.
    fn now(&mut self) -> Duration;
    /// Sends the next question.
    fn send(&mut self) -> Result<()>;
    /// Receives an answer, if one is there.
    fn try_recv(&mut self) -> Result<bool>;
    /// Called where there was neither anything to send nor anything to receive; fails once that has
    /// gone on for too long.
    fn idle(&mut self) -> Result<()>;
}

/// Asks every question when it is due and times each from then to its answer.
pub(crate) fn drive<C: Client>(client: &mut C, schedule: Schedule) -> Result<RoundTrips> {
    let mut trips = RoundTrips::default();
    let (mut sent, mut answered) = (0, 0);
    while answered < schedule.count {
        // One question and one answer in turn: after a stall neither side waits for a whole burst.
        let may_send = sent < schedule.count && sent - answered < schedule.window;
        let sends = may_send && client.now() >= schedule.due(sent);
        if sends {
            client.send().with_context(|| format!("sending question {sent} of this phase"))?;
            sent += 1;
        }
        if answered < sent && client.try_recv()? {
            trips.record(client.now().saturating_sub(schedule.due(answered)));
            answered += 1;
        } else if !sends {
            client.idle().with_context(|| {
                format!("{answered} answers came to {sent} questions of this phase")
            })?;
        }
    }
    Ok(trips)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::VecDeque;

    const US: u64 = 1_000;
    const MS: u64 = 1_000 * US;
    /// How long an answer takes if nothing is wrong.
    const TRIP: u64 = 20 * US;

    /// A client on a clock that moves on by a little with every look, at it or for an answer.
    #[derive(Default)]
    struct Model {
        now: u64,
        /// When each answer that is under way arrives.
        arrivals: VecDeque<u64>,
        most_open: usize,
        sent: u64,
        /// From when to when nothing arrives.
        stall: Option<(u64, u64)>,
        /// The question whose sending takes so long.
        slow_send: Option<(u64, u64)>,
        gives_up: bool,
    }

    impl Client for Model {
        fn now(&mut self) -> Duration {
            self.now += US / 4;
            Duration::from_nanos(self.now)
        }
        fn send(&mut self) -> Result<()> {
            if let Some((number, takes)) = self.slow_send
                && number == self.sent
            {
                self.now += takes;
            }
            self.sent += 1;
            let arrival = self.now + TRIP;
            let arrival = match self.stall {
                Some((from, to)) if (from..to).contains(&arrival) => to,
                _ => arrival,
            };
            self.arrivals.push_back(arrival);
            self.most_open = self.most_open.max(self.arrivals.len());
            Ok(())
        }
        fn try_recv(&mut self) -> Result<bool> {
            self.now += US / 4;
            let there = self.arrivals.front().is_some_and(|&at| at <= self.now);
            if there {
                self.arrivals.pop_front();
            }
            Ok(there)
        }
        fn idle(&mut self) -> Result<()> {
            anyhow::ensure!(!self.gives_up, "the other side did nothing");
            Ok(())
        }
    }

    /// A second of 10,000 questions a second.
    fn second() -> Schedule {
        Schedule::new(10_000, 10_000, 64)
    }

    #[test]
    fn without_a_stall_every_question_takes_its_trip() {
        let mut model = Model::default();
        let summary = drive(&mut model, second()).unwrap().summary();
        assert_eq!(summary.trips, 10_000);
        assert!((TRIP..TRIP + 2 * US).contains(&summary.p50_ns), "{summary:?}");
        assert!(summary.max_ns < TRIP + 3 * US, "{summary:?}");
        assert_eq!(model.most_open, 1);
        assert!(model.now >= 999_900 * US, "it kept to the schedule: {}", model.now);
    }

    #[test]
    fn a_stall_shows_in_every_question_that_it_held_up() {
        // 50 ms of 1 s: one question in twenty, and none of the answers that come one by one.
        let mut model = Model { stall: Some((300 * MS, 350 * MS)), ..Model::default() };
        let summary = drive(&mut model, second()).unwrap().summary();
        assert!((49 * MS..51 * MS).contains(&summary.max_ns), "{summary:?}");
        // The slowest hundredth of all are a fifth of those held up, at 40 to 50 ms.
        assert!((39 * MS..41 * MS).contains(&summary.p99_ns), "{summary:?}");
        assert!(summary.p90_ns < TRIP + 2 * US, "{summary:?}");
        assert_eq!(model.most_open as u64, MOST_OPEN, "it went on sending while nothing came");
    }

    #[test]
    fn a_send_that_blocks_counts_against_all_that_were_due_meanwhile() {
        let mut model = Model { slow_send: Some((5_000, 50 * MS)), ..Model::default() };
        let summary = drive(&mut model, second()).unwrap().summary();
        assert!((49 * MS..51 * MS).contains(&summary.max_ns), "{summary:?}");
        assert!((38 * MS..41 * MS).contains(&summary.p99_ns), "{summary:?}");
    }

    #[test]
    fn a_window_bounds_what_is_under_way() {
        let large = Schedule::new(10_000, 1_000, 16 << 10);
        let mut model = Model { stall: Some((10 * MS, 30 * MS)), ..Model::default() };
        let summary = drive(&mut model, large).unwrap().summary();
        assert_eq!(model.most_open, 4);
        // Those that had to wait for room are not counted from when they could be sent.
        assert!(summary.p90_ns > 5 * MS, "{summary:?}");
    }

    #[test]
    fn a_peer_that_is_gone_ends_it() {
        let stall = Some((0, u64::MAX));
        let mut model = Model { stall, gives_up: true, ..Model::default() };
        let error = format!("{:#}", drive(&mut model, second()).err().unwrap());
        assert!(error.contains("0 answers came to 1 questions"), "{error}");
    }
}
