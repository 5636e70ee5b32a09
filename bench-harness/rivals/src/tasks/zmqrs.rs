//! zeromq (zmq.rs), with its defaults: its sockets are made for this.

use anyhow::{Result, bail};
use ringmq_bench::case::Side;
use zeromq::{PullSocket, PushSocket, RepSocket, ReqSocket};

use super::{Flavor, Task, serve};
use crate::awaited::{Answering, Asking, Receiving, Sending};
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::zmqrs::{Wire, bound, connected};

/// Makes one end.
pub(super) fn open(job: &Job, side: Side, flavor: Flavor) -> Result<Opening> {
    let runtime = flavor.runtime()?;
    let endpoint = job.endpoint.clone();
    let size = job.size;
    Ok(match (job.measurement, side) {
        (Measurement::Throughput, Side::Connect) => Opening::new(endpoint.clone(), move || {
            let wire = Wire(connected::<PushSocket>(&runtime, &endpoint)?);
            Ok(Task::spawn(runtime, |phases| serve(wire, Sending::new(size), phases)))
        }),
        (Measurement::Latency, Side::Connect) => Opening::new(endpoint.clone(), move || {
            let wire = Wire(connected::<ReqSocket>(&runtime, &endpoint)?);
            Ok(Task::spawn(runtime, |phases| serve(wire, Asking::new(size), phases)))
        }),
        (Measurement::Throughput, Side::Bind) => {
            let (socket, endpoint) = bound::<PullSocket>(&runtime, &endpoint)?;
            let task = |phases| serve(Wire(socket), Receiving::new(size), phases);
            Opening::ready(endpoint, Task::spawn(runtime, task))
        }
        (Measurement::Latency, Side::Bind) => {
            let (socket, endpoint) = bound::<RepSocket>(&runtime, &endpoint)?;
            let task = |phases| serve(Wire(socket), Answering, phases);
            Opening::ready(endpoint, Task::spawn(runtime, task))
        }
        _ => bail!("sockets with many peers are not measured under tokio"),
    })
}
