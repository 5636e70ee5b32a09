//! ringmq by its futures.

use anyhow::{Result, bail};
use bytes::Bytes;
use ringmq::kind::{Kind, Receives as KindReceives, Sends as KindSends};
use ringmq::{Context, Error, REFERENCED_FROM, Socket};
use ringmq_bench::case::Side;

use super::{Flavor, Task, serve};
use crate::awaited::{self, Answering, Asking, Receiving, Sending};
use crate::consume::Consume;
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::ringmq::context;

/// Makes one end.
pub(super) fn open(job: &Job, side: Side, flavor: Flavor) -> Result<Opening> {
    let runtime = flavor.runtime()?;
    let handle = runtime.handle().clone();
    // A socket that looks for a runtime finds the one that will poll its futures.
    let _entered = handle.enter();
    let context = context(job, side)?;
    let size = job.size;
    let (endpoint, task) = match (job.measurement, side) {
        (Measurement::Throughput, Side::Connect) => {
            let (wire, endpoint) = Wire::attach(context.push()?, context, job, side)?;
            (endpoint, Task::spawn(runtime, |phases| serve(wire, Sending::new(size), phases)))
        }
        (Measurement::Throughput, Side::Bind) => {
            let (wire, endpoint) = Wire::attach(context.pull()?, context, job, side)?;
            (endpoint, Task::spawn(runtime, |phases| serve(wire, Receiving::new(size), phases)))
        }
        (Measurement::Latency, Side::Connect) => {
            let (wire, endpoint) = Wire::attach(context.req()?, context, job, side)?;
            (endpoint, Task::spawn(runtime, |phases| serve(wire, Asking::new(size), phases)))
        }
        (Measurement::Latency, Side::Bind) => {
            let (wire, endpoint) = Wire::attach(context.rep()?, context, job, side)?;
            (endpoint, Task::spawn(runtime, |phases| serve(wire, Answering, phases)))
        }
        _ => bail!("sockets with many peers are not measured under tokio"),
    };
    Ok(Opening::ready(endpoint, task))
}

/// A socket and its context, dropped in this order.
struct Wire<K: Kind> {
    socket: Socket<K>,
    _context: Context,
}

impl<K: Kind> Wire<K> {
    /// Binds or connects `socket`; the endpoint with its port.
    fn attach(
        socket: Socket<K>,
        context: Context,
        job: &Job,
        side: Side,
    ) -> Result<(Self, String)> {
        let endpoint = match side {
            Side::Bind => socket.bind(&job.endpoint)?,
            Side::Connect => {
                socket.connect(&job.endpoint)?;
                job.endpoint.clone()
            }
        };
        Ok((Self { socket, _context: context }, endpoint))
    }
}

impl<K: KindSends> awaited::Sends for Wire<K> {
    #[inline]
    async fn send(&mut self, body: Bytes) -> Result<()> {
        Ok(self.socket.send_async(body).await.map_err(Error::from)?)
    }

    /// A short body is copied anyway, and borrowed here as it is where threads block.
    #[inline]
    async fn send_next(&mut self, sending: &mut Sending) -> Result<()> {
        if sending.size() >= REFERENCED_FROM {
            return self.send(sending.next()).await;
        }
        Ok(self.socket.send_async(sending.next_body()).await.map_err(Error::from)?)
    }
}

impl<K: KindReceives> awaited::Receives for Wire<K> {
    #[inline]
    async fn recv(&mut self, consumer: &mut impl Consume) -> Result<()> {
        consumer.consume(&self.socket.recv_async().await?)
    }
}

impl<K: KindSends + KindReceives> awaited::Answers for Wire<K> {
    #[inline]
    async fn answer(&mut self) -> Result<()> {
        loop {
            let frame = self.socket.recv_async().await?;
            let more = frame.more();
            self.socket.send_async(frame).await.map_err(Error::from)?;
            if !more {
                return Ok(());
            }
        }
    }
}
