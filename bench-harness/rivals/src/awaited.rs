//! The loops of `end` once more, for rivals whose calls are awaited.
//!
//! The same stamping, checking and timing, inside one `block_on` a phase: entering a runtime for every
//! message would be measured instead of the message.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures::StreamExt as _;
use ringmq_bench::end::receiving;
use ringmq_bench::job::Outcome;
use ringmq_bench::payload::{Checker, Stamper};
use ringmq_bench::pool::Pool;
use ringmq_bench::stats::RoundTrips;

use crate::consume::Consume;
use crate::job::Job;
use crate::local_end::{LocalEnd, Orders};

/// Most buffers that go round: twice the usual high-water mark, and some.
const POOL: usize = 2_100;

/// What drives the futures of a rival.
pub(crate) trait Runtime {
    /// Runs one future, and whatever else is due, until that one is done.
    fn block_on<F: Future>(&self, future: F) -> F::Output;

    /// Waits, inside [`block_on`](Self::block_on).
    async fn sleep(time: Duration);
}

impl Runtime for tokio::runtime::Runtime {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.block_on(future)
    }

    async fn sleep(time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// Sends messages one way.
pub(crate) trait Sends {
    /// Sends one message.
    async fn send(&mut self, body: Bytes) -> Result<()>;

    /// Sends the next message of `sending`.
    #[inline]
    async fn send_next(&mut self, sending: &mut Sending) -> Result<()> {
        self.send(sending.next()).await
    }

    /// Lets go of whatever is still held back.
    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Receives messages one way.
pub(crate) trait Receives {
    /// Receives one message and has `consumer` look at its body.
    async fn recv(&mut self, consumer: &mut impl Consume) -> Result<()>;
}

/// Sends every message back.
pub(crate) trait Answers {
    /// Waits for one message and answers it.
    async fn answer(&mut self) -> Result<()>;
}

/// A wire with the runtime that drives it, and what one end does with it. The fields are dropped in
/// this order.
pub(crate) struct Driven<W, R, D> {
    wire: W,
    duty: D,
    runtime: R,
}

/// The duty to send, or the sending half of the duty to ask.
pub(crate) struct Sending {
    size: usize,
    stamper: Stamper,
    pool: Pool,
}

impl Sending {
    /// Sends messages of `size` bytes.
    pub(crate) fn new(size: usize) -> Self {
        Self::of(Stamper::new(size))
    }

    /// Sends the messages of `stamper`.
    pub(crate) fn of(stamper: Stamper) -> Self {
        let pool = Pool::new(&stamper, POOL);
        Self { size: stamper.size(), stamper, pool }
    }

    #[inline]
    pub(crate) fn next(&mut self) -> Bytes {
        self.pool.next(&mut self.stamper)
    }

    /// Bytes of each message.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The body of the next message, for who copies it anyway.
    #[inline]
    pub(crate) fn next_body(&mut self) -> &[u8] {
        self.stamper.next_body()
    }
}

/// The duty to receive.
pub(crate) struct Receiving(Checker);

impl Receiving {
    /// Expects messages of `size` bytes.
    pub(crate) fn new(size: usize) -> Self {
        Self(Checker::new(size))
    }
}

/// The duty to ask.
pub(crate) struct Asking(Sending, Checker);

impl Asking {
    /// Sends messages of `size` bytes round.
    pub(crate) fn new(size: usize) -> Self {
        Self(Sending::new(size), Checker::new(size))
    }
}

/// The duty to answer.
pub(crate) struct Answering;

/// Sends what the one sender of `job` sends.
pub(crate) fn sending<W, R>(runtime: R, wire: W, job: &Job) -> Driven<W, R, Sending> {
    Driven { wire, duty: Sending::of(job.stamper()), runtime }
}

/// Receives what the one receiver of `job` expects.
pub(crate) fn receiver<W, R>(runtime: R, wire: W, job: &Job) -> Driven<W, R, Receiving> {
    Driven { wire, duty: Receiving(job.checker()), runtime }
}

/// Sends messages of `size` bytes round.
pub(crate) fn asking<W, R>(runtime: R, wire: W, size: usize) -> Driven<W, R, Asking> {
    Driven { wire, duty: Asking::new(size), runtime }
}

/// Sends every message back.
pub(crate) fn answering<W, R>(runtime: R, wire: W) -> Driven<W, R, Answering> {
    Driven { wire, duty: Answering, runtime }
}

impl<W, R: Runtime, D: Duty<W>> LocalEnd for Driven<W, R, D> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        let Self { wire, duty, runtime } = self;
        runtime.block_on(duty.run(wire, count))
    }

    fn order(&mut self, orders: &mut Orders) -> Option<u64> {
        self.runtime.block_on(orders.next())
    }
}

/// What one end does with its wire.
pub(crate) trait Duty<W> {
    /// Moves `count` messages, or makes `count` round trips.
    async fn run(&mut self, wire: &mut W, count: u64) -> Result<Outcome>;
}

impl<W: Sends> Duty<W> for Sending {
    async fn run(&mut self, wire: &mut W, count: u64) -> Result<Outcome> {
        for sent in 0..count {
            wire.send_next(self)
                .await
                .with_context(|| format!("sending message {sent} of {count} of this phase"))?;
        }
        wire.flush().await.context("sending the last messages")?;
        Ok(Outcome { messages: count, ..Outcome::default() })
    }
}

impl<W: Receives> Duty<W> for Receiving {
    async fn run(&mut self, wire: &mut W, count: u64) -> Result<Outcome> {
        if count == 0 {
            return Ok(Outcome::default());
        }
        let Self(checker) = self;
        recv(wire, checker).await?;
        let first = Instant::now();
        for _ in 1..count {
            recv(wire, checker).await?;
        }
        let elapsed_ns = first.elapsed().as_nanos() as u64;
        Ok(Outcome { messages: count, elapsed_ns, histogram: Vec::new() })
    }
}

impl<W: Sends + Receives> Duty<W> for Asking {
    async fn run(&mut self, wire: &mut W, count: u64) -> Result<Outcome> {
        let Self(sending, checker) = self;
        let mut trips = RoundTrips::default();
        let start = Instant::now();
        for _ in 0..count {
            let sent = Instant::now();
            wire.send_next(sending).await?;
            recv(wire, checker).await?;
            trips.record(sent.elapsed());
        }
        let elapsed_ns = start.elapsed().as_nanos() as u64;
        Ok(Outcome { messages: count, elapsed_ns, histogram: trips.pairs() })
    }
}

impl<W: Answers> Duty<W> for Answering {
    async fn run(&mut self, wire: &mut W, count: u64) -> Result<Outcome> {
        for done in 0..count {
            wire.answer()
                .await
                .with_context(|| format!("answering message {done} of this phase"))?;
        }
        Ok(Outcome { messages: count, ..Outcome::default() })
    }
}

#[inline]
async fn recv(wire: &mut impl Receives, checker: &mut Checker) -> Result<()> {
    wire.recv(checker).await.with_context(|| receiving(checker))
}
