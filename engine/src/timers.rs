//! The timers of one I/O thread.
//!
//! A timer is named by its handler and a kind of the handler's choosing; setting it again replaces it.
//! Replaced and cancelled timers stay in the heap until their time, where they are passed over.

use crate::token::Token;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

/// Which of its timers a handler means.
pub type TimerKind = u8;

#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u64, Token, TimerKind)>>,
    /// The sequence number of the timer in force.
    live: HashMap<(Token, TimerKind), u64>,
    next: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, token: Token, kind: TimerKind, at: Instant) {
        self.next += 1;
        self.live.insert((token, kind), self.next);
        self.heap.push(Reverse((at, self.next, token, kind)));
    }

    pub(crate) fn cancel(&mut self, token: Token, kind: TimerKind) {
        self.live.remove(&(token, kind));
    }

    /// The time of the first timer in force.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, sequence, token, kind))) = self.heap.peek().copied() {
            if self.live.get(&(token, kind)) == Some(&sequence) {
                return Some(at);
            }
            self.heap.pop();
        }
        None
    }

    /// Takes a timer that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Token, TimerKind)> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, _, token, kind)) = self.heap.pop()?;
        self.live.remove(&(token, kind));
        Some((token, kind))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    #[test]
    fn timers_fire_in_order_once_and_not_when_replaced_or_cancelled() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let (a, b) = (Token::unique(), Token::unique());
        let mut timers = Timers::default();
        timers.set(a, 1, at(30));
        timers.set(b, 1, at(20));
        timers.set(a, 2, at(10));
        timers.set(a, 1, at(5));
        timers.cancel(b, 1);
        assert_eq!(timers.next(), Some(at(5)));
        assert_eq!(timers.pop_due(at(4)), None);
        assert_eq!(timers.pop_due(at(100)), Some((a, 1)));
        assert_eq!(timers.pop_due(at(100)), Some((a, 2)));
        assert_eq!(timers.pop_due(at(100)), None);
        assert_eq!(timers.next(), None);
    }
}
