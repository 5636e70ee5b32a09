//! The timers of one I/O thread.
//!
//! A timer is named by its handler and a kind of the handler's choosing; setting it again replaces
//! it. Replaced and cancelled timers stay in the heap, where they are passed over, but never more
//! of them than there are timers in force: a peer that makes us set one anew with every byte costs
//! time, not memory. Nor does what thousands of handshakes need for a moment stay when they are
//! over.

use crate::io_thread::token::Token;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

/// Which of its timers a handler means.
pub type TimerKind = u8;

/// Timers in the heap below which tidying up is not worth the trouble.
const TIDY: usize = 64;

/// Empty lists kept: handlers that set a timer for a moment are few at a time.
const SPARE: usize = 16;

#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u64, Token, TimerKind)>>,
    live: Live,
    next: u64,
}

/// The sequence numbers of the timers in force.
#[derive(Default)]
struct Live {
    by_handler: HashMap<Token, Vec<(TimerKind, u64)>>,
    /// Empty lists, to be used again.
    spare: Vec<Vec<(TimerKind, u64)>>,
    count: usize,
}

impl Live {
    fn set(&mut self, token: Token, kind: TimerKind, sequence: u64) {
        let spare = &mut self.spare;
        let timers =
            self.by_handler.entry(token).or_insert_with(|| spare.pop().unwrap_or_default());
        match timers.iter_mut().find(|timer| timer.0 == kind) {
            Some(timer) => timer.1 = sequence,
            None => {
                timers.push((kind, sequence));
                self.count += 1;
            }
        }
    }

    fn remove(&mut self, token: Token, kind: TimerKind) {
        let Some(timers) = self.by_handler.get_mut(&token) else { return };
        if let Some(at) = timers.iter().position(|timer| timer.0 == kind) {
            timers.swap_remove(at);
            self.count -= 1;
        }
        if timers.is_empty() {
            // An idle connection holds nothing here, and one with a timer now and then takes no memory
            // for each.
            let empty = self.by_handler.remove(&token);
            self.spare.extend(empty.filter(|_| self.spare.len() < SPARE));
        }
    }

    /// Keeps memory for so many handlers, or for those that there are.
    fn shrink_to(&mut self, handlers: usize) {
        self.by_handler.shrink_to(handlers);
    }

    fn remove_all(&mut self, token: Token) {
        self.count -= self.by_handler.remove(&token).map_or(0, |timers| timers.len());
    }

    fn has(&self, token: Token, kind: TimerKind, sequence: u64) -> bool {
        self.by_handler.get(&token).is_some_and(|timers| timers.contains(&(kind, sequence)))
    }
}

impl Timers {
    pub(crate) fn set(&mut self, token: Token, kind: TimerKind, at: Instant) {
        self.next += 1;
        self.live.set(token, kind, self.next);
        self.heap.push(Reverse((at, self.next, token, kind)));
        self.tidy();
    }

    pub(crate) fn cancel(&mut self, token: Token, kind: TimerKind) {
        self.live.remove(token, kind);
        self.tidy();
    }

    /// Cancels every timer of a handler that is no more.
    pub(crate) fn forget(&mut self, token: Token) {
        self.live.remove_all(token);
        self.tidy();
    }

    /// Removes the timers that are not in force, if they are most, and gives up memory that has become far
    /// too much.
    fn tidy(&mut self) {
        let few = TIDY + 2 * self.live.count;
        if self.heap.len() > few {
            let live = &self.live;
            self.heap
                .retain(|Reverse((_, sequence, token, kind))| live.has(*token, *kind, *sequence));
        }
        if self.heap.capacity() > 4 * few {
            self.heap.shrink_to(2 * few);
            self.live.shrink_to(2 * few);
        }
    }

    /// Timers in force.
    pub(crate) fn len(&self) -> usize {
        self.live.count
    }

    /// The time of the first timer in force.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, sequence, token, kind))) = self.heap.peek().copied() {
            if self.live.has(token, kind, sequence) {
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
        self.live.remove(token, kind);
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
    #[test]
    fn a_handler_that_is_no_more_has_no_timers() {
        let now = Instant::now();
        let (a, b) = (Token::unique(), Token::unique());
        let mut timers = Timers::default();
        [(a, 1), (b, 1), (a, 2)].into_iter().for_each(|(token, kind)| timers.set(token, kind, now));
        timers.forget(a);
        assert_eq!(timers.len(), 1);
        assert_eq!(timers.pop_due(now), Some((b, 1)));
        assert_eq!(timers.pop_due(now), None);
        assert_eq!(timers.len(), 0);
    }

    #[test]
    fn what_many_timers_have_taken_is_given_back_when_they_are_cancelled() {
        let later = Instant::now() + Duration::from_secs(30);
        let tokens: Vec<_> = (0..10_000).map(|_| Token::unique()).collect();
        let mut timers = Timers::default();
        tokens.iter().for_each(|token| timers.set(*token, 1, later));
        for token in &tokens {
            timers.cancel(*token, 1);
            // Looked at meanwhile, the heap loses those at its top.
            assert!(timers.next().is_none_or(|at| at == later));
        }
        assert_eq!(timers.len(), 0);
        let room = (timers.heap.capacity(), timers.live.by_handler.capacity());
        assert!(room.0 <= 8 * TIDY && room.1 <= 8 * TIDY, "{room:?}");
    }

    #[test]
    fn a_timer_set_over_and_over_takes_no_more_room() {
        let now = Instant::now();
        let token = Token::unique();
        let mut timers = Timers::default();
        for _ in 0..10_000 {
            timers.set(token, 1, now + Duration::from_secs(3600));
        }
        assert!(timers.heap.len() <= TIDY + 2);
        assert_eq!(timers.len(), 1);
    }
}
