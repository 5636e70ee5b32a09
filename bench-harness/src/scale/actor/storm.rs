//! Subscribers that all come at once.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use ringmq::{Sub, XPub};

use super::{Actor, Ground, bound, patient, until_alone};
use crate::scale::figure::Metric;
use crate::scale::wire::{Amount, Found};

/// One XPUB, which sends a single message once everybody is there.
pub(super) struct Publisher {
    publisher: XPub,
    ground: Ground,
}

impl Publisher {
    pub(super) fn new(ground: Ground) -> Result<(Self, String)> {
        let socket = ground.context.xpub()?;
        socket.set_verbose(true)?;
        let (publisher, endpoint) = bound(&ground, socket)?;
        Ok((Self { publisher, ground }, endpoint))
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

impl Actor for Publisher {
    fn join(&mut self) -> Result<Found> {
        subscriptions(&self.publisher, self.ground.scene.size)?;
        self.publisher.send("welcome")?;
        Ok(Found::new())
    }

    fn measure(&mut self, _: Amount) -> Result<Found> {
        Ok(Found::new())
    }

    fn leave(&mut self) -> Result<Found> {
        Ok(vec![(Metric::LeaveTime, until_alone(&self.publisher)?)])
    }
}

/// Many SUB sockets, with one connection each.
pub(super) struct Subscribers {
    sockets: Vec<Sub>,
    ground: Ground,
}

impl Subscribers {
    pub(super) fn new(ground: Ground) -> Self {
        Self { sockets: Vec::new(), ground }
    }
}

impl Actor for Subscribers {
    fn join(&mut self) -> Result<Found> {
        let start = Instant::now();
        for _ in 0..self.ground.scene.size {
            let socket = patient(self.ground.context.subscriber()?)?;
            socket.subscribe("")?;
            socket.connect(&self.ground.endpoint)?;
            self.sockets.push(socket);
        }
        for (number, socket) in self.sockets.iter().enumerate() {
            socket.recv().with_context(|| format!("subscriber {number} has no message"))?;
        }
        Ok(vec![(Metric::JoinTime, start.elapsed().as_secs_f64())])
    }

    fn measure(&mut self, _: Amount) -> Result<Found> {
        Ok(Found::new())
    }

    fn leave(&mut self) -> Result<Found> {
        self.sockets.clear();
        Ok(Found::new())
    }
}
