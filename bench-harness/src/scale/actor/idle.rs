//! Connections that say one word when they stand, so that the other side can count them, and nothing
//! more.

use std::time::Instant;

use anyhow::{Context as _, Result};
use ringmq::{Pull, Push};

use super::{Actor, Ground, bound, patient, until_alone};
use crate::scale::figure::Metric;
use crate::scale::wire::{Amount, Found};

/// The word.
const HELLO: &str = "hello";

/// One PULL.
pub(super) struct Sink {
    pull: Pull,
    ground: Ground,
}

impl Sink {
    pub(super) fn new(ground: Ground) -> Result<(Self, String)> {
        let (pull, endpoint) = bound(&ground, ground.context.pull()?)?;
        Ok((Self { pull, ground }, endpoint))
    }
}

impl Actor for Sink {
    fn join(&mut self) -> Result<Found> {
        let start = Instant::now();
        for peer in 0..self.ground.scene.size {
            self.pull.recv().with_context(|| format!("waiting for peer {peer}"))?;
        }
        Ok(vec![(Metric::JoinTime, start.elapsed().as_secs_f64())])
    }

    fn measure(&mut self, _: Amount) -> Result<Found> {
        Ok(vec![(Metric::BoundMemory, self.ground.memory_each())])
    }

    fn leave(&mut self) -> Result<Found> {
        Ok(vec![(Metric::LeaveTime, until_alone(&self.pull)?)])
    }
}

/// One PUSH with all connections.
pub(super) struct OneSocket {
    push: Option<Push>,
    ground: Ground,
}

impl OneSocket {
    pub(super) fn new(ground: Ground) -> Result<Self> {
        Ok(Self { push: Some(patient(ground.context.push()?)?), ground })
    }
}

impl Actor for OneSocket {
    fn join(&mut self) -> Result<Found> {
        let push = self.push.as_ref().context("it has left")?;
        for _ in 0..self.ground.scene.size {
            push.connect(&self.ground.endpoint)?;
        }
        // To each in turn: one word for every connection.
        for _ in 0..self.ground.scene.size {
            push.send(HELLO)?;
        }
        Ok(Found::new())
    }

    fn measure(&mut self, _: Amount) -> Result<Found> {
        Ok(vec![(Metric::ConnectedMemory, self.ground.memory_each())])
    }

    fn leave(&mut self) -> Result<Found> {
        self.push = None;
        Ok(Found::new())
    }
}

/// A PUSH for each connection.
pub(super) struct ManySockets {
    sockets: Vec<Push>,
    ground: Ground,
}

impl ManySockets {
    pub(super) fn new(ground: Ground) -> Self {
        Self { sockets: Vec::new(), ground }
    }
}

impl Actor for ManySockets {
    fn join(&mut self) -> Result<Found> {
        for _ in 0..self.ground.scene.size {
            let push = patient(self.ground.context.push()?)?;
            push.connect(&self.ground.endpoint)?;
            push.send(HELLO)?;
            self.sockets.push(push);
        }
        Ok(Found::new())
    }

    fn measure(&mut self, _: Amount) -> Result<Found> {
        Ok(vec![(Metric::ConnectedMemory, self.ground.memory_each())])
    }

    fn leave(&mut self) -> Result<Found> {
        self.sockets.clear();
        Ok(Found::new())
    }
}
