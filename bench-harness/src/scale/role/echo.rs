//! DEALERs that ask, and one ROUTER that sends every message back.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use ringmq::{Dealer, Error, Router as RouterSocket};

use super::{BODY, Role, Setup, until};
use crate::scale::figure::Metric;
use crate::scale::job::{Amount, Found};

/// Messages of each DEALER that are on their way at a time.
const WINDOW: u64 = 16;

/// One ROUTER.
pub(super) struct Router {
    router: RouterSocket,
    setup: Setup,
}

impl Router {
    pub(super) fn new(setup: Setup) -> Result<(Self, String)> {
        let (router, endpoint) = setup.bound(setup.context.router()?)?;
        Ok((Self { router, setup }, endpoint))
    }

    fn echo(&self) -> Result<()> {
        let address = self.router.recv()?;
        let body = self.router.recv()?;
        self.router.send(address).map_err(Error::from)?;
        Ok(self.router.send(body).map_err(Error::from)?)
    }
}

impl Role for Router {
    fn join(&mut self) -> Result<Found> {
        for peer in 0..self.setup.scenario.size {
            self.echo().with_context(|| format!("waiting for peer {peer}"))?;
        }
        Ok(Found::new())
    }

    fn measure(&mut self, amount: Amount) -> Result<Found> {
        for _ in 0..amount.messages * self.setup.scenario.size as u64 {
            self.echo()?;
        }
        Ok(Found::new())
    }
}

/// Many DEALER sockets, looked at in turn.
pub(super) struct Dealers {
    sockets: Vec<Dealer>,
    setup: Setup,
}

impl Dealers {
    pub(super) fn new(setup: Setup) -> Self {
        Self { sockets: Vec::new(), setup }
    }
}

/// What one DEALER has sent and received.
#[derive(Clone, Copy, Default)]
struct Count {
    sent: u64,
    received: u64,
}

impl Count {
    /// Sends what the window allows.
    fn send(&mut self, socket: &Dealer, all: u64) -> Result<()> {
        while self.sent < all.min(self.received + WINDOW) {
            let mut body = [0; BODY];
            body[..8].copy_from_slice(&self.sent.to_le_bytes());
            socket.send(body)?;
            self.sent += 1;
        }
        Ok(())
    }

    /// Receives all that there is.
    fn receive(&mut self, socket: &Dealer) -> Result<()> {
        loop {
            match socket.try_recv() {
                Ok(message) => {
                    let number = self.received.to_le_bytes();
                    let intact = message.len() == BODY && message[..8] == number;
                    ensure!(intact, "another message than number {}", self.received);
                    self.received += 1;
                }
                Err(Error::WouldBlock) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Role for Dealers {
    fn join(&mut self) -> Result<Found> {
        let setup = &self.setup;
        self.sockets = setup.for_each_peer(|| {
            let socket = setup.connected(setup.context.dealer()?)?;
            socket.send("hello")?;
            Ok(socket)
        })?;
        for (number, socket) in self.sockets.iter().enumerate() {
            socket.recv().with_context(|| format!("no answer to dealer {number}"))?;
        }
        Ok(Found::new())
    }

    fn measure(&mut self, amount: Amount) -> Result<Found> {
        let all = amount.messages;
        let mut counts = vec![Count::default(); self.sockets.len()];
        let start = Instant::now();
        until("every answer", || {
            for (socket, count) in self.sockets.iter().zip(&mut counts) {
                count.receive(socket)?;
                count.send(socket, all)?;
            }
            Ok(counts.iter().all(|count| count.received == all))
        })?;
        let answered = all as f64 * self.sockets.len() as f64;
        let rate = answered / start.elapsed().as_secs_f64();
        Ok(vec![(Metric::Rate, rate), (Metric::Messages, answered)])
    }

    fn leave(&mut self) -> Result<Found> {
        self.sockets.clear();
        Ok(Found::new())
    }
}
