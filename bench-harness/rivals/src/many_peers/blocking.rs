//! The loops of many sockets whose calls block: one thread goes round all sockets and waits only
//! when a whole round found nothing.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ringmq_bench::job::Outcome;
use ringmq_bench::payload::{Checker, Stamper};

use super::{SILENCE, WINDOW, each, outcome};
use crate::consume::{Consume, Subscriber, Tally};
use crate::job::PATIENCE;
use crate::local_end::LocalEnd;
use crate::measurement::MANY;

/// Messages taken from one socket before the next one has its turn.
const TURN: usize = 64;

/// [`MANY`] sockets of one kind.
pub(super) trait Many: 'static {
    /// Receives a message of socket `at`, if there is one.
    fn try_recv(&mut self, at: usize, consumer: &mut impl Consume) -> Result<bool>;

    /// Sends a message on socket `at`.
    fn send(&mut self, at: usize, body: &[u8]) -> Result<()>;

    /// Waits until some socket may have a message, for about as long as `limit` at most.
    fn wait(&mut self, limit: Duration) -> Result<()>;
}

/// The subscribers.
pub(super) struct Subscribers<M> {
    sockets: M,
    consumers: Vec<Subscriber>,
}

impl<M: Many> Subscribers<M> {
    /// Expects messages of `size` bytes.
    pub(super) fn new(sockets: M, size: usize) -> Self {
        Self { sockets, consumers: (0..MANY).map(|_| Subscriber::new(size)).collect() }
    }
}

impl<M: Many> LocalEnd for Subscribers<M> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        let mut tally = Tally::new(count * MANY as u64);
        let mut silent_since = Instant::now();
        while !tally.complete() {
            let before = tally.received;
            for (at, consumer) in self.consumers.iter_mut().enumerate() {
                for _ in 0..TURN {
                    if !self.sockets.try_recv(at, consumer)? {
                        break;
                    }
                    tally.note();
                }
            }
            if tally.received > before {
                silent_since = Instant::now();
                continue;
            }
            self.sockets.wait(SILENCE)?;
            if silent_since.elapsed() > SILENCE {
                break;
            }
        }
        Ok(outcome(tally.received, tally.elapsed_ns()))
    }
}

/// The DEALERs.
pub(super) struct Dealers<M> {
    sockets: M,
    states: Vec<DealerState>,
}

/// What one DEALER remembers.
struct DealerState {
    stamper: Stamper,
    checker: Checker,
    to_send: u64,
    to_come: u64,
}

impl<M: Many> Dealers<M> {
    /// Sends messages of `size` bytes.
    pub(super) fn new(sockets: M, size: usize) -> Self {
        let state = |_| DealerState {
            stamper: Stamper::new(size),
            checker: Checker::new(size),
            to_send: 0,
            to_come: 0,
        };
        Self { sockets, states: (0..MANY).map(state).collect() }
    }

    /// Takes what has come for one DEALER, and sends as much; how much that was.
    fn turn(&mut self, at: usize) -> Result<u64> {
        let state = &mut self.states[at];
        let mut came = 0;
        while state.to_come > 0 && came < WINDOW && self.sockets.try_recv(at, &mut state.checker)? {
            state.to_come -= 1;
            came += 1;
            if state.to_send > 0 {
                state.to_send -= 1;
                self.sockets.send(at, state.stamper.next_body())?;
            }
        }
        Ok(came)
    }
}

impl<M: Many> LocalEnd for Dealers<M> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        let each = each(count);
        let start = Instant::now();
        for (at, state) in self.states.iter_mut().enumerate() {
            (state.to_come, state.to_send) = (each, each - WINDOW.min(each));
            for _ in 0..WINDOW.min(each) {
                self.sockets
                    .send(at, state.stamper.next_body())
                    .context("sending a first message")?;
            }
        }
        let mut left = each * MANY as u64;
        let mut silent_since = Instant::now();
        while left > 0 {
            let mut came = 0;
            for at in 0..MANY {
                came += self.turn(at)?;
            }
            left -= came;
            if came > 0 {
                silent_since = Instant::now();
                continue;
            }
            ensure!(silent_since.elapsed() < PATIENCE, "{left} answers did not come");
            self.sockets.wait(SILENCE)?;
        }
        Ok(outcome(each * MANY as u64, start.elapsed().as_nanos() as u64))
    }
}
