//! tmq: libzmq's sockets, of which tokio watches the descriptor.
//!
//! Configuration: that of its own examples; the receiver of a stream is a buffered one, which it offers
//! for throughput (`Pull::buffered`). A sender awaits each message's flush, since libzmq is who batches.
//! `LINGER` is 0, since nobody waits for the end.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use futures::{SinkExt as _, Stream, StreamExt as _};
use ringmq_bench::case::Side;
use tmq::push::Push;
use tmq::request_reply::{RequestReceiver, RequestSender};
use tmq::{AsZmqSocket, FromZmqSocket, Multipart, SocketBuilder};

use super::{Flavor, Task, serve};
use crate::awaited::{Answering, Answers, Asking, Receives, Receiving, Sending, Sends};
use crate::consume::Consume;
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::libzmq::CONTEXT;

/// Messages that a buffered receiver takes from libzmq at once.
const BUFFER: usize = 256;

/// Makes one end.
pub(super) fn open(job: &Job, side: Side, flavor: Flavor) -> Result<Opening> {
    let runtime = flavor.runtime()?;
    let handle = runtime.handle().clone();
    // Sockets register with the runtime that they are made in.
    let _entered = handle.enter();
    let size = job.size;
    let (endpoint, task) = match (job.measurement, side) {
        (Measurement::Throughput, Side::Connect) => {
            let (socket, endpoint) = attach(tmq::push(&CONTEXT), job, side)?;
            let task = |phases| serve(Pusher(socket), Sending::new(size), phases);
            (endpoint, Task::spawn(runtime, task))
        }
        (Measurement::Throughput, Side::Bind) => {
            let (socket, endpoint) = attach(tmq::pull(&CONTEXT), job, side)?;
            let wire = Puller(socket.buffered(BUFFER));
            (endpoint, Task::spawn(runtime, |phases| serve(wire, Receiving::new(size), phases)))
        }
        (Measurement::Latency, Side::Connect) => {
            let (socket, endpoint) = attach(tmq::request(&CONTEXT), job, side)?;
            let wire = InTurn::Sends(socket);
            (endpoint, Task::spawn(runtime, |phases| serve(wire, Asking::new(size), phases)))
        }
        (Measurement::Latency, Side::Bind) => {
            let (socket, endpoint) = attach(tmq::reply(&CONTEXT), job, side)?;
            let wire = InTurn::Receives(socket);
            (endpoint, Task::spawn(runtime, |phases| serve(wire, Answering, phases)))
        }
        _ => bail!("sockets with many peers are not measured under tokio"),
    };
    Ok(Opening::ready(endpoint, task))
}

/// Makes a socket that is bound or connected; the endpoint with its port.
fn attach<S>(builder: SocketBuilder<S>, job: &Job, side: Side) -> Result<(S, String)>
where
    S: FromZmqSocket<S> + AsZmqSocket,
{
    let builder = builder.set_linger(0);
    match side {
        Side::Bind => {
            let socket = builder.bind(&job.endpoint).context("binding")?;
            let endpoint = socket.get_socket().get_last_endpoint()?;
            Ok((socket, endpoint.ok().context("libzmq's own endpoint is no text")?))
        }
        Side::Connect => {
            Ok((builder.connect(&job.endpoint).context("connecting")?, job.endpoint.clone()))
        }
    }
}

struct Pusher(Push);

impl Sends for Pusher {
    #[inline]
    async fn send(&mut self, body: Bytes) -> Result<()> {
        Ok(self.0.send(one_frame(&body)).await?)
    }
}

/// The buffered receiver, whose type has no name.
struct Puller<S>(S);

impl<S: Stream<Item = tmq::Result<Multipart>> + Unpin> Receives for Puller<S> {
    #[inline]
    async fn recv(&mut self, consumer: &mut impl Consume) -> Result<()> {
        let message = self.0.next().await.context("the stream of messages ended")??;
        consumer.consume(body(&message)?)
    }
}

/// REQ or REP, whose types say what may be done next.
enum InTurn {
    Sends(RequestSender),
    Receives(RequestReceiver),
    /// An operation failed, or was given up in the middle.
    Lost,
}

impl InTurn {
    async fn put(&mut self, message: Multipart) -> Result<()> {
        let Self::Sends(socket) = std::mem::replace(self, Self::Lost) else {
            bail!("sending out of turn");
        };
        *self = Self::Receives(socket.send(message).await?);
        Ok(())
    }

    async fn take(&mut self) -> Result<Multipart> {
        let Self::Receives(socket) = std::mem::replace(self, Self::Lost) else {
            bail!("receiving out of turn");
        };
        let (message, socket) = socket.recv().await?;
        *self = Self::Sends(socket);
        Ok(message)
    }
}

impl Sends for InTurn {
    #[inline]
    async fn send(&mut self, body: Bytes) -> Result<()> {
        self.put(one_frame(&body)).await
    }
}

impl Receives for InTurn {
    #[inline]
    async fn recv(&mut self, consumer: &mut impl Consume) -> Result<()> {
        consumer.consume(body(&self.take().await?)?)
    }
}

impl Answers for InTurn {
    #[inline]
    async fn answer(&mut self) -> Result<()> {
        let request = self.take().await?;
        self.put(request).await
    }
}

#[inline]
fn one_frame(body: &[u8]) -> Multipart {
    Multipart::from(zmq::Message::from(body))
}

#[inline]
fn body(message: &Multipart) -> Result<&[u8]> {
    message.iter().last().map(|frame| &frame[..]).context("a message without a frame came")
}
