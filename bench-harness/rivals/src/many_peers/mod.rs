//! The measurements with many peers: one publisher and [`MANY`](crate::measurement::MANY)
//! subscribers, one ROUTER and as many DEALERs.
//!
//! The one socket binds and has a process of its own; the many share the other process and one
//! thread, and takes the time. A publisher waits for its slowest subscriber where the library lets it;
//! where it drops instead, what was dropped is not counted. Every DEALER has [`WINDOW`] messages on
//! their way.

mod awaited;
mod blocking;
#[cfg(feature = "libzmq")]
mod libzmq;
mod monocoque;
mod omq;
mod ringmq;
mod rzmq;
mod zmqrs;

use std::time::Duration;

use anyhow::{Result, bail};
use ringmq_bench::case::Side;
use ringmq_bench::job::Outcome;

use crate::contender::Contender;
use crate::job::Job;
use crate::local_end::{LocalEnd, Opening};
use crate::measurement::MANY;

/// Messages of a DEALER that wait for their answers: enough that nobody is idle, few beside any
/// high-water mark.
const WINDOW: u64 = 10;
/// How long nothing may come before subscribers take the rest for dropped: far above any pause of a
/// library that is still sending.
const SILENCE: Duration = Duration::from_millis(200);

/// Makes one end.
pub(crate) fn open(job: &Job, side: Side) -> Result<Opening> {
    match job.contender {
        Contender::Uring | Contender::Mio => ringmq::open(job, side),
        #[cfg(feature = "libzmq")]
        Contender::Libzmq => libzmq::open(job, side),
        Contender::Omq => omq::open(job, side),
        Contender::Monocoque => monocoque::open(job, side),
        Contender::Rzmq => rzmq::open(job, side),
        Contender::Zmqrs => zmqrs::open(job, side),
        other => bail!("{other} is not measured with many peers"),
    }
}

/// Messages of each DEALER in a phase of `count`.
fn each(count: u64) -> u64 {
    count.div_ceil(MANY as u64)
}

/// What a phase brought.
fn outcome(messages: u64, elapsed_ns: u64) -> Outcome {
    Outcome { messages, elapsed_ns, histogram: Vec::new() }
}

/// A ROUTER's phases are rounded up in the same way as those of its DEALERs.
struct Rounded<P>(P);

impl<P: LocalEnd> LocalEnd for Rounded<P> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        self.0.run(each(count) * MANY as u64)
    }

    fn order(&mut self, orders: &mut crate::local_end::Orders) -> Option<u64> {
        self.0.order(orders)
    }
}
