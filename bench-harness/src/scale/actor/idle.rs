//! Connections that say one word when they stand, so that the other side can count them, and then
//! nothing; and later, when that has been measured, a burst of words.

use std::time::Instant;

use anyhow::{Context as _, Result};
use ringmq::{Pull, Push};

use super::{Actor, BODY, Ground, bound, patient, until_alone};
use crate::scale::figure::Metric;
use crate::scale::wire::{Amount, Found};

/// The first word.
const HELLO: &str = "hello";
/// A word of the burst.
const WORD: [u8; BODY] = [7; BODY];

/// One PULL.
pub(super) struct Sink {
    pull: Pull,
    ground: Ground,
    /// There was a burst.
    burst: bool,
}

impl Sink {
    pub(super) fn new(ground: Ground) -> Result<(Self, String)> {
        let (pull, endpoint) = bound(&ground, ground.context.pull()?)?;
        Ok((Self { pull, ground, burst: false }, endpoint))
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

    fn measure(&mut self, amount: Amount) -> Result<Found> {
        if amount.messages > 0 {
            self.burst = true;
            for _ in 0..amount.messages * self.ground.scene.size as u64 {
                self.pull.recv().context("waiting for a word of the burst")?;
            }
            return Ok(Found::new());
        }
        let metric = if self.burst { Metric::BoundMemoryLater } else { Metric::BoundMemory };
        Ok(vec![(metric, self.ground.memory_each())])
    }

    fn leave(&mut self) -> Result<Found> {
        Ok(vec![(Metric::LeaveTime, until_alone(&self.pull)?)])
    }
}

/// What the memory of a connecting side is called, before and after the burst.
fn connected(burst: bool) -> Metric {
    if burst { Metric::ConnectedMemoryLater } else { Metric::ConnectedMemory }
}

/// One PUSH with all connections.
pub(super) struct OneSocket {
    push: Option<Push>,
    ground: Ground,
    burst: bool,
}

impl OneSocket {
    pub(super) fn new(ground: Ground) -> Result<Self> {
        Ok(Self { push: Some(patient(ground.context.push()?)?), ground, burst: false })
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

    fn measure(&mut self, amount: Amount) -> Result<Found> {
        if amount.messages > 0 {
            self.burst = true;
            let push = self.push.as_ref().context("it has left")?;
            for _ in 0..amount.messages * self.ground.scene.size as u64 {
                push.send(WORD)?;
            }
            return Ok(Found::new());
        }
        Ok(vec![(connected(self.burst), self.ground.memory_each())])
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
    burst: bool,
}

impl ManySockets {
    pub(super) fn new(ground: Ground) -> Self {
        Self { sockets: Vec::new(), ground, burst: false }
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

    fn measure(&mut self, amount: Amount) -> Result<Found> {
        if amount.messages > 0 {
            self.burst = true;
            for push in &self.sockets {
                for _ in 0..amount.messages {
                    push.send(WORD)?;
                }
            }
            return Ok(Found::new());
        }
        Ok(vec![(connected(self.burst), self.ground.memory_each())])
    }

    fn leave(&mut self) -> Result<Found> {
        self.sockets.clear();
        Ok(Found::new())
    }
}
