//! Many peers of monocoque's PUB: coalescing on, as its documents advise for many subscribers, and
//! one worker, since the publisher's side has one core. It drops what a slow subscriber does not
//! take.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use monocoque::SocketOptions;
use monocoque::rt::{LocalRuntime, TcpStream};
use monocoque::zmq::{PubSocket, SubSocket};
use ringmq_bench::case::Side;

use super::MANY;
use super::awaited::Subscribers;
use crate::awaited::{self, Sends};
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::address;
use crate::rival::monocoque::{Wire, options};

/// Threads of the publisher that write.
const WORKERS: usize = 1;

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    if job.measurement != Measurement::PubSub {
        bail!("a ROUTER of monocoque serves the one connection it was made from");
    }
    let runtime = LocalRuntime::new().context("making a runtime of monocoque")?;
    let size = job.size;
    let endpoint = job.endpoint.clone();
    if side == Side::Connect {
        return Ok(Opening::new(endpoint.clone(), move || {
            let wires = runtime.block_on(subscribers(address(&endpoint)?))?;
            Ok(Subscribers::new(runtime, wires, size))
        }));
    }
    let mut publisher = runtime.block_on(PubSocket::bind_with_workers_opts(
        address(&endpoint)?,
        WORKERS,
        options(job.measurement),
    ))?;
    let endpoint = format!("tcp://{}", publisher.local_addr()?);
    Ok(Opening::new(endpoint, move || {
        for _ in 0..MANY {
            runtime.block_on(publisher.accept_subscriber())?;
        }
        Ok(awaited::sending(runtime, Publisher(publisher), size))
    }))
}

/// Connects many sockets that receive everything.
async fn subscribers(address: &str) -> Result<Vec<Wire<SubSocket<TcpStream>>>> {
    let mut wires = Vec::with_capacity(MANY);
    for _ in 0..MANY {
        let mut socket = SubSocket::connect_with_options(address, SocketOptions::default()).await?;
        socket.subscribe(b"").await?;
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
