//! Many peers with zeromq: PUB, which drops what a slow subscriber does not take (its XPUB waits,
//! but reads subscriptions only inside `recv` and writes to one subscriber after the other), and
//! one future for each of many sockets.

use anyhow::Result;
use ringmq_bench::case::Side;
use zeromq::{DealerSocket, PubSocket, RouterSocket, Socket as _, SubSocket};

use super::awaited::{Dealers, Subscribers};
use super::{MANY, Rounded};
use crate::awaited;
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::zmqrs::{Wire, bound, connected, runtime};

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let runtime = runtime(job.measurement)?;
    let endpoint = job.endpoint.clone();
    let size = job.size;
    Ok(match (job.measurement, side) {
        (Measurement::PubSub, Side::Bind) => {
            let (socket, endpoint) = bound::<PubSocket>(&runtime, &endpoint)?;
            Opening::new(endpoint, move || Ok(awaited::sending(runtime, Wire(socket), size)))
        }
        (_, Side::Bind) => {
            let (socket, endpoint) = bound::<RouterSocket>(&runtime, &endpoint)?;
            let end = Rounded(awaited::answering(runtime, Wire(socket)));
            Opening::new(endpoint, move || Ok(end))
        }
        (Measurement::PubSub, Side::Connect) => Opening::new(endpoint.clone(), move || {
            let wires = runtime.block_on(subscribers(&endpoint))?;
            Ok(Subscribers::new(runtime, wires, size))
        }),
        (_, Side::Connect) => Opening::new(endpoint.clone(), move || {
            let one = |_| Ok(Wire(connected::<DealerSocket>(&runtime, &endpoint)?));
            let wires = (0..MANY).map(one).collect::<Result<Vec<_>>>()?;
            Ok(Dealers::new(runtime, wires, size))
        }),
    })
}

/// Connects many sockets that receive everything.
async fn subscribers(endpoint: &str) -> Result<Vec<Wire<SubSocket>>> {
    let mut wires = Vec::with_capacity(MANY);
    for _ in 0..MANY {
        let mut socket = SubSocket::new();
        socket.connect(endpoint).await?;
        socket.subscribe("").await?;
        wires.push(Wire(socket));
    }
    Ok(wires)
}
