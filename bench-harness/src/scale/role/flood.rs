//! Senders that always have something to say, and one receiver that counts whom it hears how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use ringmq::{Error, Message, Pull, Push};

use super::{BODY, Role, Setup};
use crate::scale::figure::Metric;
use crate::scale::job::{Amount, Found};

/// Messages that a sender offers in one go before the next one's turn.
const TURN: usize = 64;
/// Messages between two looks at the clock.
const LOOK_EVERY: u64 = 256;
/// Messages of each sender, on average, that a window has at least: twice the default high-water mark,
/// because what is read from one connection at a time may be as many.
const LEAST: u64 = 2_000;

/// One PULL.
pub(super) struct Receiver {
    pull: Pull,
    setup: Setup,
    /// Messages of each sender.
    heard: Vec<u64>,
}

impl Receiver {
    pub(super) fn new(setup: Setup) -> Result<(Self, String)> {
        let (pull, endpoint) = setup.bound(setup.context.pull()?)?;
        let heard = vec![0; setup.scenario.size];
        Ok((Self { pull, setup, heard }, endpoint))
    }

    /// Receives one message; whether it is the first of its sender.
    fn recv(&mut self) -> Result<bool> {
        let message = self.pull.recv()?;
        let sender = sender(&message)?;
        let heard = self.heard.get_mut(sender).context("a sender that does not exist")?;
        *heard += 1;
        Ok(*heard == 1)
    }
}

impl Role for Receiver {
    fn join(&mut self) -> Result<Found> {
        let start = Instant::now();
        let mut missing = self.setup.scenario.size;
        while missing > 0 {
            let new = self.recv().with_context(|| format!("{missing} are still missing"))?;
            missing -= usize::from(new);
        }
        Ok(vec![(Metric::JoinTime, start.elapsed().as_secs_f64())])
    }

    fn measure(&mut self, amount: Amount) -> Result<Found> {
        self.heard.fill(0);
        let window = Duration::from_millis(amount.millis);
        let least = LEAST * self.setup.scenario.size as u64;
        let start = Instant::now();
        let mut count: u64 = 0;
        while !count.is_multiple_of(LOOK_EVERY) || count < least || start.elapsed() < window {
            self.recv()?;
            count += 1;
        }
        let rate = count as f64 / start.elapsed().as_secs_f64();
        let fair = count as f64 / self.heard.len() as f64;
        let slowest = self.heard.iter().min().copied().unwrap_or(0) as f64;
        Ok(vec![
            (Metric::Rate, rate),
            (Metric::Messages, count as f64),
            (Metric::SlowestShare, slowest / fair),
        ])
    }
}

/// Reads who has sent a message.
fn sender(message: &Message) -> Result<usize> {
    ensure!(message.len() == BODY, "a message of {} bytes", message.len());
    let number = message.first_chunk().context("a message without a sender")?;
    Ok(u32::from_le_bytes(*number) as usize)
}

/// Many PUSH sockets, and a thread that serves them in turn.
pub(super) struct Senders {
    setup: Setup,
    enough: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Senders {
    pub(super) fn new(setup: Setup) -> Self {
        Self { setup, enough: Arc::default(), thread: None }
    }
}

impl Role for Senders {
    fn join(&mut self) -> Result<Found> {
        let setup = &self.setup;
        let sockets = setup.for_each_peer(|| setup.connected(setup.context.push()?))?;
        let enough = self.enough.clone();
        self.thread = Some(thread::spawn(move || {
            while !enough.load(Ordering::Relaxed) {
                if !serve_all(&sockets)? {
                    thread::yield_now();
                }
            }
            Ok(())
        }));
        Ok(Found::new())
    }

    fn measure(&mut self, _: Amount) -> Result<Found> {
        let thread = self.thread.as_ref();
        ensure!(thread.is_some_and(|thread| !thread.is_finished()), "the senders have stopped");
        Ok(Found::new())
    }

    fn leave(&mut self) -> Result<Found> {
        self.enough.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("it has left")?;
        thread.join().map_err(|_| anyhow!("the senders' thread panicked"))??;
        Ok(Found::new())
    }
}

/// Offers every socket some messages; whether any took one.
fn serve_all(sockets: &[Push]) -> Result<bool> {
    let mut any = false;
    for (number, socket) in sockets.iter().enumerate() {
        let mut body = [0; BODY];
        body[..4].copy_from_slice(&(number as u32).to_le_bytes());
        for _ in 0..TURN {
            match socket.try_send(body).map_err(Error::from) {
                Ok(()) => any = true,
                Err(Error::WouldBlock) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(any)
}
