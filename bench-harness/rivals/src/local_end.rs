//! One end of a connection as a worker drives it, whether its calls block or are awaited.
//!
//! An end is made, used and dropped on one thread: some rivals have sockets that cannot leave it.
//! Between two phases an end waits for orders in its own way, so that a rival whose I/O runs on the
//! caller's thread can go on sending what it has only queued.

use anyhow::Result;
use futures::StreamExt as _;
use futures::channel::mpsc::UnboundedReceiver;
use ringmq_bench::case::Side;
use ringmq_bench::end::{
    Answerer, Answering, Asker, Asking, End, Receiving, Sending, Sink, Source,
};
use ringmq_bench::job::{Outcome, Phase};
use ringmq_bench::patience::Patience;

use crate::job::{self, Job};
use crate::measurement::Measurement;

/// The sizes of the phases to come; its end is the end of the worker.
pub(crate) type Orders = UnboundedReceiver<u64>;

/// One end, ready to move messages.
pub(crate) trait LocalEnd {
    /// Moves `count` messages, or makes `count` round trips.
    fn run(&mut self, count: u64) -> Result<Outcome>;

    /// Waits for the next phase.
    fn order(&mut self, orders: &mut Orders) -> Option<u64> {
        futures::executor::block_on(orders.next())
    }
}

/// An end whose socket exists and whose peer may not have come yet.
pub(crate) struct Opening {
    /// Where it is bound, or what it connects to.
    pub(crate) endpoint: String,
    /// Waits for the peer.
    pub(crate) finish: Box<dyn FnOnce() -> Result<Box<dyn LocalEnd>>>,
}

impl Opening {
    /// An end that is finished by `finish`.
    pub(crate) fn new<P: LocalEnd + 'static>(
        endpoint: String,
        finish: impl FnOnce() -> Result<P> + 'static,
    ) -> Self {
        Self { endpoint, finish: Box::new(move || Ok(Box::new(finish()?))) }
    }

    /// An end that is ready.
    pub(crate) fn ready<P: LocalEnd + 'static>(endpoint: String, end: P) -> Self {
        Self::new(endpoint, move || Ok(end))
    }

    /// An end whose loops block; there is nothing to wait for.
    pub(crate) fn blocking<W>(job: &Job, side: Side, endpoint: String, wire: W) -> Self
    where
        W: Source + Sink + Asker + Answerer + 'static,
    {
        let end: Box<dyn End> = match (job.measurement == Measurement::Latency, side) {
            (false, Side::Connect) => Box::new(Sending::of(wire, job.stamper())),
            (false, Side::Bind) => Box::new(Receiving::of(wire, job.checker())),
            (true, Side::Connect) => {
                Box::new(Asking::new(wire, job.size, Patience::new(job::PATIENCE)))
            }
            (true, Side::Bind) => Box::new(Answering(wire)),
        };
        Self::ready(endpoint, end)
    }
}

impl LocalEnd for Box<dyn End> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        (**self).run(Phase::closed(count))
    }
}
