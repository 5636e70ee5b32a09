//! One publisher, and subscribers that get everything.

use std::time::Instant;

use anyhow::{Result, ensure};
use ringmq::{Error, Sub, XPub};

use super::{BODY, Role, Setup, storm, until};
use crate::scale::figure::Metric;
use crate::scale::job::{Amount, Found};

/// One XPUB, which waits for those who are slow, so that a count remains a count.
pub(super) struct Publisher {
    publisher: XPub,
    setup: Setup,
}

impl Publisher {
    pub(super) fn new(setup: Setup) -> Result<(Self, String)> {
        let socket = setup.context.xpub()?;
        socket.set_verbose(true)?;
        socket.set_no_drop(true)?;
        let (publisher, endpoint) = setup.bound(socket)?;
        Ok((Self { publisher, setup }, endpoint))
    }
}

impl Role for Publisher {
    fn join(&mut self) -> Result<Found> {
        storm::subscriptions(&self.publisher, self.setup.scenario.size)?;
        Ok(Found::new())
    }

    fn measure(&mut self, amount: Amount) -> Result<Found> {
        for number in 0..amount.messages {
            let mut body = [0; BODY];
            body[..8].copy_from_slice(&number.to_le_bytes());
            self.publisher.send(body)?;
        }
        Ok(Found::new())
    }
}

/// Many SUB sockets, looked at in turn.
pub(super) struct Subscribers {
    sockets: Vec<Sub>,
    setup: Setup,
}

impl Subscribers {
    pub(super) fn new(setup: Setup) -> Self {
        Self { sockets: Vec::new(), setup }
    }
}

/// Receives all that there is for one subscriber.
fn drain(socket: &Sub, next: &mut u64) -> Result<()> {
    loop {
        match socket.try_recv() {
            Ok(message) => {
                let intact = message.len() == BODY && message[..8] == next.to_le_bytes();
                ensure!(intact, "another message than number {next}");
                *next += 1;
            }
            Err(Error::WouldBlock) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

impl Role for Subscribers {
    fn join(&mut self) -> Result<Found> {
        self.sockets = storm::subscribers(&self.setup)?;
        Ok(Found::new())
    }

    fn measure(&mut self, amount: Amount) -> Result<Found> {
        let mut next = vec![0; self.sockets.len()];
        let mut first = None;
        until("every message", || {
            for (socket, next) in self.sockets.iter().zip(&mut next) {
                drain(socket, next)?;
                if *next > 0 && first.is_none() {
                    first = Some(Instant::now());
                }
            }
            Ok(next.iter().all(|next| *next == amount.messages))
        })?;
        let seconds = first.map_or(f64::INFINITY, |first| first.elapsed().as_secs_f64());
        let delivered = amount.messages as f64 * self.sockets.len() as f64;
        Ok(vec![(Metric::Rate, delivered / seconds), (Metric::Messages, delivered)])
    }

    fn leave(&mut self) -> Result<Found> {
        self.sockets.clear();
        Ok(Found::new())
    }
}
