//! A host that sends numbered messages.

use core::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ringmq_pgm::{Gsi, Packer, PgmSource, PgmSourceConfig, TransmitRoom, Tsi};

use crate::plan::Plan;
use crate::world::{GROUP, PORT};

/// A source, and what it still has to say.
pub(crate) struct Publisher {
    pub(crate) id: u8,
    pub(crate) source: PgmSource,
    pub(crate) address: SocketAddr,
    rng: fastrand::Rng,
    longest: usize,
    /// The next message, and how many there are.
    pub(crate) next: u32,
    messages: u32,
    /// When the next are made.
    makes_at: Instant,
    /// The message that is being sent, and how much of it was.
    message: Vec<u8>,
    at: usize,
}

/// The octets after the number of a message.
pub(crate) fn filler(id: u8, number: u32) -> impl Iterator<Item = u8> {
    let begin = number.wrapping_mul(2_654_435_761).wrapping_add(u32::from(id));
    (0_u32..).map(move |at| (begin.wrapping_add(at) >> 3) as u8)
}

impl Publisher {
    pub(crate) fn new(plan: &Plan, id: u8, now: Instant) -> Self {
        let ip = IpAddr::from([10, 0, 0, id]);
        let session = Publisher::session(id);
        let config = PgmSourceConfig {
            max_tpdu: plan.max_tpdu,
            window: plan.source_window,
            first: plan.first(),
            ..PgmSourceConfig::new(session, PORT, ip, GROUP.into()).with_rate(plan.rate)
        };
        let mut rng = fastrand::Rng::with_seed(plan.seed << 8 | u64::from(id));
        Publisher {
            id,
            source: PgmSource::new(config, now),
            address: SocketAddr::new(ip, 40_000 + u16::from(id)),
            makes_at: now + Duration::from_millis(rng.u64(0..500)),
            rng,
            longest: plan.longest,
            next: 0,
            messages: plan.messages,
            message: Vec::new(),
            at: 0,
        }
    }

    pub(crate) fn session(id: u8) -> Tsi {
        Tsi { gsi: Gsi([0, 0, 0, 0, 0, id]), port: 1000 + u16::from(id) }
    }

    /// Whether all was given to the source.
    pub(crate) fn is_done(&self) -> bool {
        self.next == self.messages && self.at == self.message.len()
    }

    /// Fills packets while there is something for them, and room.
    pub(crate) fn pump(&mut self, now: Instant) {
        while !self.is_done() && now >= self.makes_at {
            let Some(slot) = self.source.slot(now) else { return };
            let mut packer = Packer::new(slot);
            while packer.room() > 0 {
                if self.at == self.message.len() {
                    if self.next == self.messages {
                        break;
                    }
                    // Now and then there is nothing to say.
                    if !packer.is_empty() && self.rng.u8(..30) == 0 {
                        self.makes_at = now + Duration::from_millis(self.rng.u64(1..200));
                        break;
                    }
                    let length = self.rng.usize(0..=self.longest);
                    self.message = message(self.id, self.next, length);
                    (self.next, self.at) = (self.next + 1, 0);
                }
                let begins = (self.at == 0).then_some(0);
                self.at += packer.push(&self.message[self.at..], begins);
            }
            let length = packer.finish();
            self.source.commit(length);
        }
        if self.is_done() {
            self.source.close();
        }
    }

    /// When it is to be called again.
    pub(crate) fn timeout(&mut self, now: Instant) -> Instant {
        let mut at = self.source.timeout(now);
        if !self.is_done() {
            let room = match self.source.room(now) {
                TransmitRoom::Open => now,
                TransmitRoom::At(at) => at,
                TransmitRoom::AfterSend | TransmitRoom::Closed => return at,
            };
            at = at.min(room.max(self.makes_at));
        }
        at
    }
}

/// Frames of ZMTP 1.0: source and number, and after it what fills the message.
fn message(id: u8, number: u32, length: usize) -> Vec<u8> {
    let mut message = vec![6, 1, id];
    message.extend_from_slice(&number.to_be_bytes());
    if length < 254 {
        message.extend_from_slice(&[length as u8 + 1, 0]);
    } else {
        message.push(0xFF);
        message.extend_from_slice(&(length as u64 + 1).to_be_bytes());
        message.push(0);
    }
    message.extend(filler(id, number).take(length));
    message
}
