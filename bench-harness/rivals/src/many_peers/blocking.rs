//! The loops of many sockets whose calls block: one thread goes round all sockets and waits only
//! when a whole round found nothing.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ringmq_bench::end::Source;
use ringmq_bench::job::Outcome;
use ringmq_bench::payload::{Checker, Stamper};

use super::reception::Reception;
use super::{SILENCE, WINDOW, each, outcome};
use crate::consume::{Consume, Subscriber};
use crate::job::{Job, PATIENCE};
use crate::local_end::LocalEnd;

/// Messages taken from one socket before the next one has its turn.
const TURN: usize = 64;

/// Several sockets of one kind that receive.
pub(super) trait Many: 'static {
    /// Receives a message of socket `at`, if there is one.
    fn try_recv(&mut self, at: usize, consumer: &mut impl Consume) -> Result<bool>;

    /// Waits until some socket may have a message, for about as long as `limit` at most.
    fn wait(&mut self, limit: Duration) -> Result<()>;
}

/// The same that send too.
pub(super) trait ManyThatSend: Many {
    /// Sends a message on socket `at`.
    fn send(&mut self, at: usize, body: &[u8]) -> Result<()>;
}

/// The subscribers, or the PULLs that share what one PUSH sends.
pub(super) struct Receivers<M> {
    sockets: M,
    consumers: Vec<Subscriber>,
    reception: Reception,
}

impl<M: Many> Receivers<M> {
    /// Those of `job`.
    pub(super) fn new(sockets: M, job: &Job) -> Result<Self> {
        let (consumers, reception) = (Reception::consumers(job), Reception::new(job)?);
        Ok(Self { sockets, consumers, reception })
    }

    /// Takes what has come for one socket.
    #[inline]
    fn turn(&mut self, at: usize) -> Result<()> {
        let consumer = &mut self.consumers[at];
        for _ in 0..TURN {
            if !self.sockets.try_recv(at, consumer)? {
                break;
            }
            self.reception.note(at, consumer.last())?;
        }
        Ok(())
    }
}

impl<M: Many> LocalEnd for Receivers<M> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        self.reception.begin(count);
        let mut silent_since = Instant::now();
        while !self.reception.complete() {
            let before = self.reception.received();
            for at in 0..self.consumers.len() {
                self.turn(at)?;
            }
            if self.reception.received() > before {
                silent_since = Instant::now();
                continue;
            }
            self.sockets.wait(SILENCE)?;
            if self.reception.may_miss() && silent_since.elapsed() > SILENCE {
                break;
            }
            ensure!(silent_since.elapsed() < PATIENCE, "messages did not come");
        }
        self.reception.end()
    }
}

/// Several sockets that send, each its share of the numbers, one message each in turn.
pub(super) struct Senders<S>(Vec<(S, Stamper)>);

impl<S: Source> Senders<S> {
    /// Those of `job`.
    pub(super) fn new(sources: Vec<S>, job: &Job) -> Self {
        let all = sources.len() as u64;
        let strand = |strand| Stamper::of_strand(job.size, strand, all);
        Self(sources.into_iter().zip((0..).map(strand)).collect())
    }
}

impl<S: Source> LocalEnd for Senders<S> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        let each = each(count, self.0.len());
        for sent in 0..each {
            for (source, stamper) in &mut self.0 {
                source
                    .send(stamper)
                    .with_context(|| format!("sending message {sent} of {each}"))?;
            }
        }
        for (source, _) in &mut self.0 {
            source.flush()?;
        }
        Ok(outcome(each * self.0.len() as u64, 0))
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

impl<M: ManyThatSend> Dealers<M> {
    /// Those of `job`.
    pub(super) fn new(sockets: M, job: &Job) -> Self {
        let size = job.size;
        let state = |_| DealerState {
            stamper: Stamper::new(size),
            checker: Checker::new(size),
            to_send: 0,
            to_come: 0,
        };
        Self { sockets, states: (0..job.peers()).map(state).collect() }
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

impl<M: ManyThatSend> LocalEnd for Dealers<M> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        let each = each(count, self.states.len());
        let start = Instant::now();
        for (at, state) in self.states.iter_mut().enumerate() {
            (state.to_come, state.to_send) = (each, each - WINDOW.min(each));
            for _ in 0..WINDOW.min(each) {
                self.sockets
                    .send(at, state.stamper.next_body())
                    .context("sending a first message")?;
            }
        }
        let all = each * self.states.len() as u64;
        let mut left = all;
        let mut silent_since = Instant::now();
        while left > 0 {
            let mut came = 0;
            for at in 0..self.states.len() {
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
        Ok(outcome(all, start.elapsed().as_nanos() as u64))
    }
}
