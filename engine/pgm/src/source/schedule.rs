//! When a source sends SPMs (RFC 3208, section 5.1.2).

use std::time::Instant;

use super::config::PgmSourceConfig;

/// SPMs in a row when a session begins, and when it ends: one may get lost.
const IN_A_ROW: u8 = 3;

/// The times of SPMs, and how many are to be sent now.
#[derive(Debug)]
pub(crate) struct SpmSchedule {
    /// To be sent as soon as possible.
    due: u8,
    /// SPMs since the last data.
    since_data: usize,
    heartbeat: Option<Instant>,
    ambient: Instant,
    /// A receiver asks for one.
    requested: Option<Instant>,
    last: Option<Instant>,
}

impl SpmSchedule {
    /// A session begins.
    pub(crate) fn new(config: &PgmSourceConfig, now: Instant) -> Self {
        SpmSchedule {
            due: IN_A_ROW,
            since_data: 0,
            heartbeat: None,
            ambient: now + config.ambient(),
            requested: None,
            last: None,
        }
    }

    /// Data were sent, for the first time or again.
    pub(crate) fn on_data(&mut self, config: &PgmSourceConfig, now: Instant) {
        self.since_data = 0;
        self.heartbeat = config.heartbeat(0).map(|interval| now + interval);
    }

    /// A receiver asks for an SPM. It gets one at once, unless the last one is too fresh.
    pub(crate) fn on_request(&mut self, config: &PgmSourceConfig, now: Instant) {
        let earliest = self.last.map_or(now, |last| last + config.requested());
        self.requested.get_or_insert(earliest.max(now));
    }

    /// The session ends. What tells of it is repeated as long as somebody calls: all of the first SPMs may get
    /// lost.
    pub(crate) fn end(&mut self, config: &PgmSourceConfig, now: Instant) {
        self.due = IN_A_ROW;
        self.requested = None;
        self.on_data(config, now);
    }

    /// Whether SPMs of [`new`](Self::new) or [`end`](Self::end) are still to be sent.
    pub(crate) fn in_a_row(&self) -> bool {
        self.due > 0
    }

    /// Whether an SPM is to be sent now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.in_a_row() || self.next() <= now
    }

    /// When the next SPM is to be sent, of those that wait for a time.
    pub(crate) fn next(&self) -> Instant {
        let others = [self.heartbeat, self.requested];
        others.into_iter().flatten().fold(self.ambient, Instant::min)
    }

    /// An SPM was sent. It stands for all that were due.
    pub(crate) fn on_sent(&mut self, config: &PgmSourceConfig, now: Instant) {
        self.due = self.due.saturating_sub(1);
        self.last = Some(now);
        self.ambient = now + config.ambient();
        self.requested = None;
        if self.heartbeat.is_some_and(|at| at <= now) {
            self.since_data += 1;
            self.heartbeat = config.heartbeat(self.since_data).map(|interval| now + interval);
        }
    }
}
