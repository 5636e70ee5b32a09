//! Subscribers that all come at once.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use ringmq::{Sub, XPub};

use super::{Role, Setup, until_alone};
use crate::scale::figure::Metric;
use crate::scale::job::Found;

/// One XPUB, which sends a single message once everybody is there.
pub(super) struct Publisher {
    publisher: XPub,
    setup: Setup,
}

impl Publisher {
    pub(super) fn new(setup: Setup) -> Result<(Self, String)> {
        let socket = setup.context.xpub()?;
        socket.set_verbose(true)?;
        let (publisher, endpoint) = setup.bound(socket)?;
        Ok((Self { publisher, setup }, endpoint))
    }
}

/// Waits for so many subscriptions.
pub(super) fn subscriptions(publisher: &XPub, wanted: usize) -> Result<()> {
    for have in 0..wanted {
        let news = publisher.recv();
        let news = news.with_context(|| format!("{have} of {wanted} have subscribed"))?;
        ensure!(news.first() == Some(&1), "a subscriber sent something else");
    }
    Ok(())
}

impl Role for Publisher {
    fn join(&mut self) -> Result<Found> {
        subscriptions(&self.publisher, self.setup.scenario.size)?;
        self.publisher.send("welcome")?;
        Ok(Found::new())
    }

    fn leave(&mut self) -> Result<Found> {
        Ok(vec![(Metric::LeaveTime, until_alone(&self.publisher)?)])
    }
}

/// Many SUB sockets, with one connection each.
pub(super) struct Subscribers {
    sockets: Vec<Sub>,
    setup: Setup,
}

impl Subscribers {
    pub(super) fn new(setup: Setup) -> Self {
        Self { sockets: Vec::new(), setup }
    }
}

/// Makes the SUB sockets, which subscribe to everything and connect.
pub(super) fn subscribers(setup: &Setup) -> Result<Vec<Sub>> {
    setup.for_each_peer(|| {
        let socket = setup.context.subscriber()?;
        socket.subscribe("")?;
        setup.connected(socket)
    })
}

impl Role for Subscribers {
    fn join(&mut self) -> Result<Found> {
        let start = Instant::now();
        self.sockets = subscribers(&self.setup)?;
        for (number, socket) in self.sockets.iter().enumerate() {
            socket.recv().with_context(|| format!("subscriber {number} has no message"))?;
        }
        Ok(vec![(Metric::JoinTime, start.elapsed().as_secs_f64())])
    }

    fn leave(&mut self) -> Result<Found> {
        self.sockets.clear();
        Ok(Found::new())
    }
}
