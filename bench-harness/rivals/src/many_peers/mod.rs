//! The measurements with many peers: one publisher and its subscribers, one ROUTER and its DEALERs, one
//! PUSH and several PULLs, one PULL and several PUSHes.
//!
//! The one socket binds and has a process of its own; the many share the other process and one
//! thread. Whoever receives takes the time (of DEALERs and their ROUTER, the DEALERs). A publisher waits
//! for [credit] where nothing is to be dropped; else for its slowest subscriber where the library lets
//! it, and where it drops instead, what was dropped is not counted. Every DEALER has [`WINDOW`] messages
//! on their way.

mod awaited;
mod blocking;
mod credit;
#[cfg(feature = "libzmq")]
mod libzmq;
mod monocoque;
mod omq;
mod reception;
mod ringmq;
mod rzmq;
mod zmqrs;

use std::time::Duration;

use anyhow::{Result, bail};
use ringmq_bench::case::Side;
use ringmq_bench::end::{End, Receiving, Sending, Sink, Source};
use ringmq_bench::job::Outcome;

use crate::contender::Contender;
use crate::job::Job;
use crate::local_end::{LocalEnd, Opening, Orders};
use crate::measurement::Measurement;

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
        Contender::Monocoque | Contender::MonocoqueTokio => monocoque::open(job, side),
        Contender::Rzmq => rzmq::open(job, side),
        Contender::Zmqrs => zmqrs::open(job, side),
        other => bail!("{other} is not measured with many peers"),
    }
}

/// Messages of each of `peers` sockets in a phase of `count`.
fn each(count: u64, peers: usize) -> u64 {
    count.div_ceil(peers as u64)
}

/// What a phase brought.
fn outcome(messages: u64, elapsed_ns: u64) -> Outcome {
    Outcome { messages, elapsed_ns, histogram: Vec::new() }
}

/// A publisher whose calls block, paced where that is asked for.
fn publisher<S: Source + 'static>(job: &Job, endpoint: String, source: S) -> Result<Opening> {
    let stamper = job.stamper();
    if job.measurement != Measurement::Publish {
        let end: Box<dyn End> = Box::new(Sending::of(source, stamper));
        return Ok(Opening::ready(endpoint, end));
    }
    let bank = credit::Bank::open(&job.credit, job.size)?;
    Ok(Opening::new(endpoint, move || {
        let end: Box<dyn End> = Box::new(Sending::of(bank.pace(source)?, stamper));
        Ok(end)
    }))
}

/// One socket that sends to several, by calls that block.
fn distributor<S: Source + 'static>(job: &Job, endpoint: String, source: S) -> Opening {
    let end: Box<dyn End> = Box::new(Sending::of(source, job.stamper()));
    Opening::ready(endpoint, end)
}

/// One socket that receives from several, by calls that block.
fn collector<S: Sink + 'static>(job: &Job, endpoint: String, sink: S) -> Opening {
    let end: Box<dyn End> = Box::new(Receiving::of(sink, job.checker()));
    Opening::ready(endpoint, Rounded(end, job.peers()))
}

/// The phases of the one socket are rounded up in the same way as those of its many peers.
struct Rounded<P>(P, usize);

impl<P: LocalEnd> LocalEnd for Rounded<P> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        self.0.run(each(count, self.1) * self.1 as u64)
    }

    fn order(&mut self, orders: &mut Orders) -> Option<u64> {
        self.0.order(orders)
    }
}
