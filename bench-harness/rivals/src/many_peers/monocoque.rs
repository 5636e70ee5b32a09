//! Several peers of monocoque's PUB, PUSH and PULL, over tcp, which is all that these take.
//!
//! PUB with coalescing on, as its documents advise for many subscribers, and one worker, since the
//! publisher's side has one core; it drops what a slow subscriber does not take. PUSH is `PushFanOut`,
//! which goes round its peers, and PULL is `PullFanIn`, each as its documents set it up, with write
//! coalescing at the sender and one flush at the end of a phase, as between two sockets.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use monocoque::SocketOptions;
use monocoque::rt::{LocalRuntime, TcpListener, TcpStream};
use monocoque::zmq::{PubSocket, PullFanIn, PullSocket, PushFanOut, PushSocket, SubSocket};
use ringmq_bench::case::Side;

use super::Rounded;
use super::awaited::{Receivers, Senders};
use super::credit::Bank;
use crate::awaited::{self, Receives, Sends};
use crate::consume::Consume;
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::address;
use crate::rival::monocoque::{Wire, options};

/// Threads of the publisher that write.
const WORKERS: usize = 1;

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let runtime = LocalRuntime::new().context("making a runtime of monocoque")?;
    let job = job.clone();
    match (job.measurement, side) {
        (Measurement::Publish | Measurement::PubSub, Side::Bind) => publisher(runtime, job),
        (Measurement::FanOut | Measurement::FanIn, Side::Bind) => one_of_several(runtime, job),
        (_, Side::Bind) => {
            bail!("a ROUTER of monocoque serves the one connection it was made from")
        }
        (_, Side::Connect) => Ok(several(runtime, job)),
    }
}

/// The publisher.
fn publisher(runtime: LocalRuntime, job: Job) -> Result<Opening> {
    let mut publisher = runtime.block_on(PubSocket::bind_with_workers_opts(
        address(&job.endpoint)?,
        WORKERS,
        options(job.measurement),
    ))?;
    let endpoint = format!("tcp://{}", publisher.local_addr()?);
    let paced = job.measurement == Measurement::Publish;
    let bank = paced.then(|| Bank::open(&job.credit, job.size)).transpose()?;
    let finish = move || {
        for _ in 0..job.peers() {
            runtime.block_on(publisher.accept_subscriber())?;
        }
        let wire = Publisher(publisher);
        let end: Box<dyn crate::local_end::LocalEnd> = match bank {
            Some(bank) => Box::new(awaited::sending(runtime, bank.pace_awaited(wire)?, &job)),
            None => Box::new(awaited::sending(runtime, wire, &job)),
        };
        Ok(end)
    };
    Ok(Opening { endpoint, finish: Box::new(finish) })
}

/// The one PUSH, or the one PULL.
fn one_of_several(runtime: LocalRuntime, job: Job) -> Result<Opening> {
    let listener = runtime.block_on(TcpListener::bind(address(&job.endpoint)?))?;
    let endpoint = format!("tcp://{}", listener.local_addr()?);
    let finish = move || {
        let (peers, options) = (job.peers(), options(job.measurement));
        let end: Box<dyn crate::local_end::LocalEnd> = if job.measurement == Measurement::FanOut {
            let accepted = PushFanOut::accept_workers(&listener, peers, options);
            let wire = FanOut(runtime.block_on(accepted)?);
            Box::new(awaited::sending(runtime, wire, &job))
        } else {
            let accepted = PullFanIn::accept_workers(&listener, peers, options);
            let wire = FanIn(runtime.block_on(accepted)?);
            Box::new(Rounded(awaited::receiver(runtime, wire, &job), peers))
        };
        Ok(end)
    };
    Ok(Opening { endpoint, finish: Box::new(finish) })
}

/// The many.
fn several(runtime: LocalRuntime, job: Job) -> Opening {
    let finish = move || {
        let end: Box<dyn crate::local_end::LocalEnd> = match job.measurement {
            Measurement::FanOut => {
                let wires = runtime.block_on(pulls(&job))?;
                Box::new(Receivers::new(runtime, wires, &job)?)
            }
            Measurement::FanIn => {
                let wires = runtime.block_on(pushes(&job))?;
                Box::new(Senders::new(runtime, wires, &job))
            }
            _ => {
                let wires = runtime.block_on(subscribers(&job))?;
                Box::new(Receivers::new(runtime, wires, &job)?)
            }
        };
        Ok(end)
    };
    let endpoint = String::new();
    Opening { endpoint, finish: Box::new(finish) }
}

/// Connects many sockets that receive everything.
async fn subscribers(job: &Job) -> Result<Vec<Wire<SubSocket<TcpStream>>>> {
    let address = address(&job.endpoint)?;
    let mut wires = Vec::with_capacity(job.peers());
    for _ in 0..job.peers() {
        let mut socket = SubSocket::connect_with_options(address, SocketOptions::default()).await?;
        socket.subscribe(b"").await?;
        wires.push(Wire::new(socket));
    }
    Ok(wires)
}

/// Connects several that receive a part.
async fn pulls(job: &Job) -> Result<Vec<Wire<PullSocket<TcpStream>>>> {
    let address = address(&job.endpoint)?;
    let mut wires = Vec::with_capacity(job.peers());
    for _ in 0..job.peers() {
        let socket = PullSocket::connect_with_options(address, options(job.measurement)).await?;
        wires.push(Wire::new(socket));
    }
    Ok(wires)
}

/// Connects several that send.
async fn pushes(job: &Job) -> Result<Vec<Wire<PushSocket<TcpStream>>>> {
    let address = address(&job.endpoint)?;
    let mut wires = Vec::with_capacity(job.peers());
    for _ in 0..job.peers() {
        let socket = PushSocket::connect_with_options(address, options(job.measurement)).await?;
        wires.push(Wire::new(socket));
    }
    Ok(wires)
}

struct Publisher(PubSocket);

impl Sends for Publisher {
    #[inline]
    async fn send(&mut self, body: Bytes) -> Result<()> {
        Ok(self.0.send(vec![body]).await?)
    }
}

struct FanOut(PushFanOut);

impl Sends for FanOut {
    #[inline]
    async fn send(&mut self, body: Bytes) -> Result<()> {
        Ok(self.0.send_one(body).await?)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.0.flush().await?)
    }
}

struct FanIn(PullFanIn);

impl Receives for FanIn {
    #[inline]
    async fn recv(&mut self, consumer: &mut impl Consume) -> Result<()> {
        let frames = self.0.recv().await?.context("every connection ended")?;
        consumer.consume(frames.last().context("a message without a frame came")?)
    }
}
