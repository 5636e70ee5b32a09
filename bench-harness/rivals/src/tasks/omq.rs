//! omq-tokio by its own sockets, on the caller's runtime.
//!
//! Configuration: `Socket::new`, which its README has "on the caller's active tokio runtime", as its
//! benchmarks of throughput do (`benches/push_pull.rs`), small bodies built inline by
//! `Message::from_slice`. Round trips go through REQ and REP of `omq_tokio::exclusive`, "direct-I/O
//! sockets for latency-sensitive callers", which are quicker than `Socket` with or without the latency
//! profile. Sockets of a `Context` with an I/O thread of its own are slower in both.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use omq_tokio::message::MAX_INLINE_MESSAGE;
use omq_tokio::{Endpoint, Message, Options, Socket, SocketType};
use ringmq_bench::case::Side;

use super::{Flavor, Task, serve};
use crate::awaited::{Answering, Asking, Receives, Receiving, Sending, Sends};
use crate::consume::Consume;
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::omq::{consume, exclusive};

/// Makes one end.
pub(super) fn open(job: &Job, side: Side, flavor: Flavor) -> Result<Opening> {
    let runtime = flavor.runtime()?;
    let size = job.size;
    match (job.measurement, side) {
        (Measurement::Throughput, Side::Connect) => {
            let (wire, endpoint) = runtime.block_on(attach(SocketType::Push, job, side))?;
            let task = |phases| serve(wire, Sending::new(size), phases);
            Ok(Opening::ready(endpoint, Task::spawn(runtime, task)))
        }
        (Measurement::Throughput, Side::Bind) => {
            let (wire, endpoint) = runtime.block_on(attach(SocketType::Pull, job, side))?;
            let task = |phases| serve(wire, Receiving::new(size), phases);
            Ok(Opening::ready(endpoint, Task::spawn(runtime, task)))
        }
        (Measurement::Latency, Side::Connect) => {
            let job = job.clone();
            Ok(Opening::new(job.endpoint.clone(), move || {
                let wire = runtime.block_on(exclusive::connected(&job))?;
                Ok(Task::spawn(runtime, |phases| serve(wire, Asking::new(size), phases)))
            }))
        }
        (Measurement::Latency, Side::Bind) => {
            let (wire, endpoint) = runtime.block_on(exclusive::bound(job))?;
            let task = |phases| serve(wire, Answering, phases);
            Ok(Opening::ready(endpoint, Task::spawn(runtime, task)))
        }
        _ => bail!("sockets with many peers are not measured under tokio"),
    }
}

/// A socket that is bound or connected; the endpoint with its port.
async fn attach(kind: SocketType, job: &Job, side: Side) -> Result<(Wire, String)> {
    let socket = Socket::new(kind, Options::default());
    let endpoint: Endpoint = job.endpoint.parse().context("an endpoint of omq")?;
    let endpoint = match side {
        Side::Bind => socket.bind(endpoint).await.context("binding")?.to_string(),
        Side::Connect => {
            socket.connect(endpoint).await.context("connecting")?;
            job.endpoint.clone()
        }
    };
    Ok((Wire(socket), endpoint))
}

struct Wire(Socket);

impl Sends for Wire {
    #[inline]
    async fn send(&mut self, body: Bytes) -> Result<()> {
        let message = if body.len() > MAX_INLINE_MESSAGE {
            Message::single(body)
        } else {
            Message::from_slice(&body)
        };
        Ok(self.0.send(message).await?)
    }
}

impl Receives for Wire {
    #[inline]
    async fn recv(&mut self, consumer: &mut impl Consume) -> Result<()> {
        consume(&self.0.recv().await?, consumer)
    }
}
