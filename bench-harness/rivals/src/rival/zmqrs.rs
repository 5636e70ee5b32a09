//! zeromq (zmq.rs), on tokio.
//!
//! Configuration: its defaults, which since 0.7 include bounded writer queues, adaptive receive buffers
//! of up to 64 KiB and large TCP buffers (`CHANGELOG.md`); it has no setting for latency or batching.
//! Its own benchmarks run on a tokio runtime with two workers (`benches/bench_runtime.rs`), which is the
//! faster one for throughput here too; round trips are quicker on a current-thread runtime, which has
//! nobody to wake. Bodies are counted references. There is no inproc transport.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use ringmq_bench::case::Side;
use tokio::runtime::Runtime;
use zeromq::{
    PullSocket, PushSocket, RepSocket, ReqSocket, Socket, SocketRecv, SocketSend, ZmqMessage,
};

use super::{current_thread, two_workers};
use crate::awaited::{self, Answers, Receives, Sends};
use crate::consume::Consume;
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;

/// The runtime of one side.
pub(crate) fn runtime(measurement: Measurement) -> Result<Runtime> {
    if measurement == Measurement::Latency { current_thread() } else { two_workers() }
}

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let runtime = runtime(job.measurement)?;
    let endpoint = job.endpoint.clone();
    let job = job.clone();
    match (job.measurement, side) {
        (Measurement::Throughput, Side::Connect) => Ok(Opening::new(endpoint.clone(), move || {
            let socket = connected::<PushSocket>(&runtime, &endpoint)?;
            Ok(awaited::sending(runtime, Wire(socket), &job))
        })),
        (Measurement::Latency, Side::Connect) => Ok(Opening::new(endpoint.clone(), move || {
            let socket = connected::<ReqSocket>(&runtime, &endpoint)?;
            Ok(awaited::asking(runtime, Wire(socket), job.size))
        })),
        (Measurement::Throughput, Side::Bind) => {
            let (socket, endpoint) = bound::<PullSocket>(&runtime, &endpoint)?;
            Ok(Opening::new(endpoint, move || Ok(awaited::receiver(runtime, Wire(socket), &job))))
        }
        (Measurement::Latency, Side::Bind) => {
            let (socket, endpoint) = bound::<RepSocket>(&runtime, &endpoint)?;
            Ok(Opening::new(endpoint, move || Ok(awaited::answering(runtime, Wire(socket)))))
        }
        _ => bail!("sockets with many peers are opened elsewhere"),
    }
}

/// A bound socket, and where.
pub(crate) fn bound<S: Socket>(runtime: &Runtime, endpoint: &str) -> Result<(S, String)> {
    runtime.block_on(async {
        let mut socket = S::new();
        let endpoint = socket.bind(endpoint).await.context("binding")?;
        Ok((socket, endpoint.to_string()))
    })
}

/// A connected socket.
pub(crate) fn connected<S: Socket>(runtime: &Runtime, endpoint: &str) -> Result<S> {
    runtime.block_on(async {
        let mut socket = S::new();
        socket.connect(endpoint).await.context("connecting")?;
        Ok(socket)
    })
}

/// A socket.
pub(crate) struct Wire<S>(pub(crate) S);

impl<S: SocketSend> Sends for Wire<S> {
    #[inline]
    async fn send(&mut self, body: Bytes) -> Result<()> {
        Ok(self.0.send(ZmqMessage::from(body)).await?)
    }
}

impl<S: SocketRecv> Receives for Wire<S> {
    #[inline]
    async fn recv(&mut self, consumer: &mut impl Consume) -> Result<()> {
        let message = self.0.recv().await?;
        consumer.consume(last_frame(&message)?)
    }
}

impl<S: SocketRecv + SocketSend> Answers for Wire<S> {
    #[inline]
    async fn answer(&mut self) -> Result<()> {
        let request = self.0.recv().await?;
        Ok(self.0.send(request).await?)
    }
}

/// The body of a message: what stands before it is an envelope.
fn last_frame(message: &ZmqMessage) -> Result<&Bytes> {
    let last = message.len().checked_sub(1).context("a message without a frame came")?;
    message.get(last).context("a message without a frame came")
}
