//! What is exercised: one long-lived socket and its short-lived peers, for each combination.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::pattern::Pattern;
use crate::socket::{Backend, Kind};
use crate::tracker::Tracker;

/// The largest body of the soak, in bytes: throughput is not what it is about.
pub(crate) const MAX_BODY: usize = 4096;

/// What the long-lived socket of a scenario does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Send,
    Receive,
    Ask,
    Answer,
}

/// The kinds of the long-lived socket and of its peers, and the former's role.
pub(crate) const PAIRINGS: [(Kind, Kind, Role); 8] = [
    (Kind::Push, Kind::Pull, Role::Send),
    (Kind::Pull, Kind::Push, Role::Receive),
    (Kind::Pub, Kind::Sub, Role::Send),
    (Kind::Sub, Kind::Pub, Role::Receive),
    (Kind::Dealer, Kind::Router, Role::Ask),
    (Kind::Router, Kind::Dealer, Role::Answer),
    (Kind::Req, Kind::Rep, Role::Ask),
    (Kind::Rep, Kind::Req, Role::Answer),
];

/// What the two threads of a scenario share.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) peer_kind: Kind,
    pub(crate) role: Role,
    /// Whether the long-lived socket binds.
    pub(crate) binds: bool,
    pub(crate) endpoint: String,
    pub(crate) pattern: Pattern,
    pub(crate) seed: u64,
    /// What the long-lived socket has received.
    pub(crate) tracker: Mutex<Tracker>,
    /// How many messages of its own stream it has sent, and how many it may.
    pub(crate) sent: AtomicU64,
    pub(crate) limit: AtomicU64,
    /// How many peers there have been; what was asked of an earlier one may go unanswered.
    pub(crate) generation: AtomicU64,
    /// The long-lived socket is to start nothing new.
    pub(crate) over: AtomicBool,
    /// It has started its last.
    pub(crate) finished: AtomicBool,
    pub(crate) counts: Counts,
    faults: Mutex<Vec<String>>,
}

/// What a scenario counted.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) killed: AtomicU64,
    pub(crate) closed: AtomicU64,
    /// Messages that reached the other side, in whichever direction counts.
    pub(crate) delivered: AtomicU64,
    /// Messages in flight at a kill.
    pub(crate) lost: AtomicU64,
}

impl Scenario {
    pub(crate) fn new(
        (kind, peer_kind, role): (Kind, Kind, Role),
        backend: Backend,
        binds: bool,
        endpoint: String,
        seed: u64,
    ) -> Self {
        let transport = endpoint.split(':').next().unwrap_or_default();
        let side = if binds { "bind" } else { "connect" };
        Self {
            name: format!("{}/{transport}/{kind:?} {side}", backend.name()),
            kind,
            peer_kind,
            role,
            binds,
            endpoint,
            pattern: Pattern::new(seed, 0, MAX_BODY),
            seed,
            tracker: Mutex::default(),
            sent: AtomicU64::new(0),
            limit: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            over: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            counts: Counts::default(),
            faults: Mutex::default(),
        }
    }

    pub(crate) fn tracker(&self) -> MutexGuard<'_, Tracker> {
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Notes something that must not happen.
    pub(crate) fn fault(&self, text: String) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// What each killed or polite sender sent arrived as one unbroken run; a PULL misses nothing
    /// of its beginning, a SUB may have come later.
    pub(crate) fn judge_received(&self) {
        let report = self.tracker().report().clone();
        if report.fault_count + report.foreign > 0 {
            self.fault(format!("{} foreign messages, faults {:?}", report.foreign, report.faults));
        }
        if self.role == Role::Receive {
            for (stream, runs) in &report.runs {
                if runs.len() > 1 || (self.kind == Kind::Pull && runs[0].0 != 0) {
                    self.fault(format!("of peer {stream} came {runs:?}, not its beginning"));
                }
            }
        }
        if matches!(self.role, Role::Ask | Role::Receive) {
            Counts::add(&self.counts.delivered, report.received);
        }
        if self.role == Role::Ask {
            let lost = self.sent.load(Ordering::Acquire) - report.received;
            Counts::add(&self.counts.lost, lost);
        }
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Counts {
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }

    /// Killed, closed, delivered and lost.
    pub(crate) fn all(&self) -> [u64; 4] {
        [&self.killed, &self.closed, &self.delivered, &self.lost]
            .map(|counter| counter.load(Ordering::Relaxed))
    }
}
