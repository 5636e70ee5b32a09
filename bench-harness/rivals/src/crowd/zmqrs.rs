//! The crowds of zeromq: PUB, which drops what a slow subscriber does not take (its XPUB waits, but
//! reads subscriptions only inside `recv` and writes to one subscriber after the other), and one future
//! for each socket of a crowd.

use anyhow::Result;
use zeromq::{DealerSocket, PubSocket, RouterSocket, Socket as _, SubSocket};

use super::awaited::{Dealers, Subscribers};
use super::{CROWD, Rounded};
use crate::awaited;
use crate::case::Side;
use crate::errand::Errand;
use crate::game::Game;
use crate::part::Opening;
use crate::rival::zmqrs::{Wire, bound, connected, runtime};

/// Makes one end.
pub(super) fn open(errand: &Errand, side: Side) -> Result<Opening> {
    let runtime = runtime(errand.game)?;
    let endpoint = errand.endpoint.clone();
    let size = errand.size;
    Ok(match (errand.game, side) {
        (Game::PubSub, Side::Bind) => {
            let (socket, endpoint) = bound::<PubSocket>(&runtime, &endpoint)?;
            Opening::new(endpoint, move || Ok(awaited::sending(runtime, Wire(socket), size)))
        }
        (_, Side::Bind) => {
            let (socket, endpoint) = bound::<RouterSocket>(&runtime, &endpoint)?;
            let part = Rounded(awaited::answering(runtime, Wire(socket)));
            Opening::new(endpoint, move || Ok(part))
        }
        (Game::PubSub, Side::Connect) => Opening::new(endpoint.clone(), move || {
            let wires = runtime.block_on(subscribers(&endpoint))?;
            Ok(Subscribers::new(runtime, wires, size))
        }),
        (_, Side::Connect) => Opening::new(endpoint.clone(), move || {
            let one = |_| Ok(Wire(connected::<DealerSocket>(&runtime, &endpoint)?));
            let wires = (0..CROWD).map(one).collect::<Result<Vec<_>>>()?;
            Ok(Dealers::new(runtime, wires, size))
        }),
    })
}

/// Connects a crowd that hears everything.
async fn subscribers(endpoint: &str) -> Result<Vec<Wire<SubSocket>>> {
    let mut wires = Vec::with_capacity(CROWD);
    for _ in 0..CROWD {
        let mut socket = SubSocket::new();
        socket.connect(endpoint).await?;
        socket.subscribe("").await?;
        wires.push(Wire(socket));
    }
    Ok(wires)
}
