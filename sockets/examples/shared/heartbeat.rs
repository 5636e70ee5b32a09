//! Heartbeats between two programs: when to give the next sign of life, and whether the other one still
//! gives any.

use std::time::{Duration, Instant};

/// So many intervals without a sign of life, and a peer is given up.
const LIVENESS: u32 = 3;

/// What one side knows of the other.
pub(crate) struct Heartbeat {
    interval: Duration,
    next: Instant,
    heard: Instant,
}

impl Heartbeat {
    /// For a peer that is heard at this moment.
    pub(crate) fn new(interval: Duration) -> Self {
        let now = Instant::now();
        Self { interval, next: now + interval, heard: now }
    }

    /// The peer has said something, whatever it is.
    pub(crate) fn hear(&mut self) {
        self.heard = Instant::now();
    }

    /// Whether the peer is to be told now that this side lives; the next time then is an interval later.
    pub(crate) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let due = now >= self.next;
        if due {
            self.next = now + self.interval;
        }
        due
    }

    /// Whether the peer has been silent for too long.
    pub(crate) fn is_missed(&self) -> bool {
        self.heard.elapsed() > LIVENESS * self.interval
    }
}
