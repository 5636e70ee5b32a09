//! rzmq on the caller's runtime alone: its backend on io_uring, which has a thread of its own, is slower
//! here and costs more CPU time, for round trips and for throughput. Otherwise as
//! [elsewhere](crate::rival::rzmq).

use anyhow::{Result, bail};
use ringmq_bench::case::Side;
use rzmq::{Context, SocketType};

use super::{Flavor, Task, serve};
use crate::awaited::{Answering, Asking, Receiving, Sending};
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::rzmq::{Wire, attach, context, socket};

/// Makes one end.
pub(super) fn open(job: &Job, side: Side, flavor: Flavor) -> Result<Opening> {
    let runtime = flavor.runtime()?;
    let context = context(&runtime, false)?;
    let size = job.size;
    let wire = |kind| {
        runtime.block_on(async {
            let socket = socket(&context, kind).await?;
            let endpoint = attach(&socket, job, side).await?;
            anyhow::Ok((Wire(socket), endpoint))
        })
    };
    Ok(match (job.measurement, side) {
        (Measurement::Throughput, Side::Connect) => {
            let (wire, endpoint) = wire(SocketType::Push)?;
            let task = |phases| with(context, serve(wire, Sending::new(size), phases));
            Opening::ready(endpoint, Task::spawn(runtime, task))
        }
        (Measurement::Throughput, Side::Bind) => {
            let (wire, endpoint) = wire(SocketType::Pull)?;
            let task = |phases| with(context, serve(wire, Receiving::new(size), phases));
            Opening::ready(endpoint, Task::spawn(runtime, task))
        }
        (Measurement::Latency, Side::Connect) => {
            let (wire, endpoint) = wire(SocketType::Req)?;
            let task = |phases| with(context, serve(wire, Asking::new(size), phases));
            Opening::ready(endpoint, Task::spawn(runtime, task))
        }
        (Measurement::Latency, Side::Bind) => {
            let (wire, endpoint) = wire(SocketType::Rep)?;
            let task = |phases| with(context, serve(wire, Answering, phases));
            Opening::ready(endpoint, Task::spawn(runtime, task))
        }
        _ => bail!("sockets with many peers are not measured under tokio"),
    })
}

/// Keeps the context for as long as its socket's task lives.
async fn with(_context: Context, task: impl Future<Output = ()>) {
    task.await;
}
