//! Many peers with zeromq: PUB, which drops what a slow subscriber does not take (its XPUB waits,
//! but reads subscriptions only inside `recv` and writes to one subscriber after the other), and
//! one future for each of many sockets.

use anyhow::Result;
use ringmq_bench::case::Side;
use zeromq::{DealerSocket, PubSocket, RouterSocket, Socket as _, SubSocket};

use super::Rounded;
use super::awaited::{Dealers, Receivers};
use crate::awaited;
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::zmqrs::{Wire, bound, connected, runtime};

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let runtime = runtime(job.measurement)?;
    let endpoint = job.endpoint.clone();
    let job = job.clone();
    Ok(match (job.measurement, side) {
        (Measurement::PubSub, Side::Bind) => {
            let (socket, endpoint) = bound::<PubSocket>(&runtime, &endpoint)?;
            Opening::new(endpoint, move || Ok(awaited::sending(runtime, Wire(socket), &job)))
        }
        (_, Side::Bind) => {
            let (socket, endpoint) = bound::<RouterSocket>(&runtime, &endpoint)?;
            let answering = awaited::answering(runtime, Wire(socket));
            Opening::ready(endpoint, Rounded(answering, job.peers()))
        }
        (Measurement::PubSub, Side::Connect) => Opening::new(endpoint.clone(), move || {
            let wires = runtime.block_on(subscribers(&job))?;
            Receivers::new(runtime, wires, &job)
        }),
        (_, Side::Connect) => Opening::new(endpoint.clone(), move || {
            let one = |_| Ok(Wire(connected::<DealerSocket>(&runtime, &endpoint)?));
            let wires = (0..job.peers()).map(one).collect::<Result<Vec<_>>>()?;
            Ok(Dealers::new(runtime, wires, &job))
        }),
    })
}

/// Connects many sockets that receive everything.
async fn subscribers(job: &Job) -> Result<Vec<Wire<SubSocket>>> {
    let mut wires = Vec::with_capacity(job.peers());
    for _ in 0..job.peers() {
        let mut socket = SubSocket::new();
        socket.connect(&job.endpoint).await?;
        socket.subscribe("").await?;
        wires.push(Wire(socket));
    }
    Ok(wires)
}
