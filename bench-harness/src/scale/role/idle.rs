//! Connections that say one word when they stand, so that the other side can count them, and then
//! nothing; and later, when that has been measured, a burst of words.

use std::time::Instant;

use anyhow::{Context as _, Result};
use ringmq::{Pull, Push};

use super::{BODY, Role, Setup, patient, until_alone};
use crate::scale::figure::Metric;
use crate::scale::job::{Amount, Found};

/// The first word.
const HELLO: &str = "hello";
/// A word of the burst.
const WORD: [u8; BODY] = [7; BODY];

/// One PULL.
pub(super) struct Receiver {
    pull: Pull,
    setup: Setup,
    /// There was a burst.
    burst: bool,
}

impl Receiver {
    pub(super) fn new(setup: Setup) -> Result<(Self, String)> {
        let (pull, endpoint) = setup.bound(setup.context.pull()?)?;
        Ok((Self { pull, setup, burst: false }, endpoint))
    }
}

impl Role for Receiver {
    fn join(&mut self) -> Result<Found> {
        let start = Instant::now();
        for peer in 0..self.setup.scenario.size {
            self.pull.recv().with_context(|| format!("waiting for peer {peer}"))?;
        }
        Ok(vec![(Metric::JoinTime, start.elapsed().as_secs_f64())])
    }

    fn measure(&mut self, amount: Amount) -> Result<Found> {
        if amount.messages > 0 {
            self.burst = true;
            for _ in 0..amount.messages * self.setup.scenario.size as u64 {
                self.pull.recv().context("waiting for a word of the burst")?;
            }
            return Ok(Found::new());
        }
        let metric = if self.burst { Metric::BoundMemoryLater } else { Metric::BoundMemory };
        Ok(vec![(metric, self.setup.memory_each())])
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
    setup: Setup,
    burst: bool,
}

impl OneSocket {
    pub(super) fn new(setup: Setup) -> Result<Self> {
        Ok(Self { push: Some(patient(setup.context.push()?)?), setup, burst: false })
    }
}

impl Role for OneSocket {
    fn join(&mut self) -> Result<Found> {
        let push = self.push.as_ref().context("it has left")?;
        for _ in 0..self.setup.scenario.size {
            push.connect(&self.setup.endpoint)?;
        }
        // To each in turn: one word for every connection.
        for _ in 0..self.setup.scenario.size {
            push.send(HELLO)?;
        }
        Ok(Found::new())
    }

    fn measure(&mut self, amount: Amount) -> Result<Found> {
        if amount.messages > 0 {
            self.burst = true;
            let push = self.push.as_ref().context("it has left")?;
            for _ in 0..amount.messages * self.setup.scenario.size as u64 {
                push.send(WORD)?;
            }
            return Ok(Found::new());
        }
        Ok(vec![(connected(self.burst), self.setup.memory_each())])
    }

    fn leave(&mut self) -> Result<Found> {
        self.push = None;
        Ok(Found::new())
    }
}

/// A PUSH for each connection.
pub(super) struct ManySockets {
    sockets: Vec<Push>,
    setup: Setup,
    burst: bool,
}

impl ManySockets {
    pub(super) fn new(setup: Setup) -> Self {
        Self { sockets: Vec::new(), setup, burst: false }
    }
}

impl Role for ManySockets {
    fn join(&mut self) -> Result<Found> {
        let setup = &self.setup;
        self.sockets = setup.for_each_peer(|| {
            let push = setup.connected(setup.context.push()?)?;
            push.send(HELLO)?;
            Ok(push)
        })?;
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
        Ok(vec![(connected(self.burst), self.setup.memory_each())])
    }

    fn leave(&mut self) -> Result<Found> {
        self.sockets.clear();
        Ok(Found::new())
    }
}
