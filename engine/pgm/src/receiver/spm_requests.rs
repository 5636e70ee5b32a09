//! Asking for an SPM where data have come before one: without it there is no path for NAKs (RFC 3208,
//! section 13.3).

use std::time::{Duration, Instant};

use super::config::PgmReceiverConfig;

/// A wait is not doubled further.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// When to send SPMRs to one source.
#[derive(Debug)]
pub(super) struct SpmRequests {
    /// When the next is due; `None` if none is.
    at: Option<Instant>,
    wait: Duration,
    left: u8,
    /// To be sent now: one to the source, and one to the group.
    unicast: bool,
    multicast: bool,
}

impl SpmRequests {
    /// A source is new.
    pub(super) fn new(config: &PgmReceiverConfig, now: Instant) -> Self {
        let wait = config.spm_wait.clamp(Duration::from_millis(1), WAIT_MAX);
        let left = config.spm_requests;
        let at = (left > 0).then(|| now + wait);
        SpmRequests { at, wait, left, unicast: false, multicast: false }
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        self.at
    }

    /// An SPM has come, or is not needed.
    pub(super) fn settle(&mut self) {
        self.at = None;
        (self.unicast, self.multicast) = (false, false);
    }

    /// Another receiver has asked: the answer goes to all.
    pub(super) fn on_foreign(&mut self, now: Instant) {
        if self.at.is_some() {
            self.at = Some(now + self.wait);
            (self.unicast, self.multicast) = (false, false);
        }
    }

    pub(super) fn on_timeout(&mut self, config: &PgmReceiverConfig, now: Instant) {
        if self.at.is_none_or(|at| now < at) {
            return;
        }
        self.left = self.left.saturating_sub(1);
        (self.unicast, self.multicast) = (true, true);
        self.wait = (self.wait * 2).min(WAIT_MAX.max(config.spm_wait));
        self.at = (self.left > 0).then(|| now + self.wait);
    }

    pub(super) fn wants_transmit(&self) -> bool {
        self.unicast || self.multicast
    }

    /// The next SPMR to be sent: whether it goes to the group.
    pub(super) fn take(&mut self) -> Option<bool> {
        if std::mem::take(&mut self.unicast) {
            return Some(false);
        }
        std::mem::take(&mut self.multicast).then_some(true)
    }
}
