//! The job of a worker of `throughput` and `latency`, its phases, and what they bring.
//!
//! A worker gets one job, then phases of a known number of messages. Sequence numbers go on from
//! phase to phase, so a phase that warms up and one that measures share the connection.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::case::{Bodies, Case, Handling, Load, Sharing, Side};
use crate::cpu::CpuTime;
use crate::mechanism::Keys;
use crate::payload::{Checker, Look, Stamper};

/// All that a worker has to know before the first message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// What is measured.
    pub case: Case,
    /// Which end to be; `None` is both ends, two threads of one process.
    pub side: Option<Side>,
    /// Where to bind or connect.
    pub endpoint: String,
    /// Cores to stay on.
    pub cores: Cores,
    /// Longest wait for any one message, in milliseconds.
    pub patience_ms: u64,
    /// What this end has to know where the case is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Keys>,
}

impl Job {
    /// Longest wait for any one message.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms)
    }

    /// What the sender of this job sends.
    pub(crate) fn stamper(&self) -> Stamper {
        match self.case.bodies {
            Bodies::Clone => Stamper::of_one_body(self.case.size),
            Bodies::Usual | Bodies::Fresh | Bodies::Same => Stamper::new(self.case.size),
        }
    }

    /// What the receiver of this job expects, and how it looks at it.
    pub(crate) fn checker(&self) -> Checker {
        let checker = match self.case.bodies {
            Bodies::Clone => Checker::of_one_body(self.case.size),
            Bodies::Usual | Bodies::Fresh | Bodies::Same => Checker::new(self.case.size),
        };
        checker.looking(match self.case.handling {
            Handling::Drop | Handling::Keep => Look::Ends,
            Handling::Lines => Look::Lines,
            Handling::Bytes => Look::Bytes,
        })
    }
}

/// Cores (as the operating system numbers them) for the threads of one job; `None` leaves a thread
/// wherever the scheduler puts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cores {
    /// The thread that connects.
    pub connect: Option<usize>,
    /// The thread that binds.
    pub bind: Option<usize>,
    /// The I/O thread of the side that connects.
    pub connect_io: Option<usize>,
    /// The I/O thread of the side that binds.
    pub bind_io: Option<usize>,
}

impl Cores {
    /// The application's core of one side.
    pub fn of(&self, side: Side) -> Option<usize> {
        match side {
            Side::Bind => self.bind,
            Side::Connect => self.connect,
        }
    }

    /// The I/O thread's core of one side.
    pub fn io_of(&self, side: Side) -> Option<usize> {
        match side {
            Side::Bind => self.bind_io,
            Side::Connect => self.connect_io,
        }
    }

    /// These cores as `sharing` has them used; `None` where threads that are to share one are not
    /// kept on any.
    pub(crate) fn shared(self, sharing: Sharing) -> Option<Self> {
        let (connect, bind) = match sharing {
            Sharing::AsPinned => return Some(self),
            Sharing::Side => (self.connect?, self.bind?),
            Sharing::All => (self.connect?, self.connect?),
        };
        let (connect, bind) = (Some(connect), Some(bind));
        Some(Self { connect, bind, connect_io: connect, bind_io: bind })
    }

    /// Whether the I/O thread of `side` has to share the core of the application.
    pub(crate) fn shares_core(&self, side: Side) -> bool {
        self.of(side).is_some() && self.of(side) == self.io_of(side)
    }
}

/// A number of messages on an open connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// How many.
    pub count: u64,
    /// When each is sent, where they are questions.
    pub load: Load,
}

impl Phase {
    /// A phase without any waiting.
    pub fn closed(count: u64) -> Self {
        Self { count, load: Load::Closed }
    }
}

/// What one phase brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Messages moved, or round trips made.
    pub messages: u64,
    /// From the first message to the last one, in nanoseconds; 0 where this side measures nothing.
    pub elapsed_ns: u64,
    /// Round trips as pairs of nanoseconds and how often; empty where nothing was timed one by one.
    pub histogram: Vec<(u64, u64)>,
}

impl Outcome {
    /// Of the outcomes of one phase on its two ends, the one that was timed. `connect` is none
    /// where one process was both ends.
    pub fn timed(bind: Self, connect: Option<Self>) -> Self {
        connect.filter(|connect| connect.elapsed_ns > 0).unwrap_or(bind)
    }
}

/// What a phase brought, and what the process has taken for all that it did so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What the phase brought.
    pub outcome: Outcome,
    /// CPU time since the process began, where the system tells.
    pub cpu: Option<CpuTime>,
}

impl Account {
    /// The account of this process as it is now.
    pub fn now(outcome: Outcome) -> Self {
        Self { outcome, cpu: CpuTime::of_this_process() }
    }

    /// That of both ends of one phase. `connect` is none where one process was both ends.
    pub fn of_both(bind: Self, connect: Option<Self>) -> Self {
        let Some(connect) = connect else { return bind };
        let cpu = bind.cpu.zip(connect.cpu).map(|(bind, connect)| bind + connect);
        Self { outcome: Outcome::timed(bind.outcome, Some(connect.outcome)), cpu }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn threads_share_the_cores_that_they_are_kept_on() {
        let cores =
            Cores { connect: Some(4), bind: Some(5), connect_io: Some(6), bind_io: Some(7) };
        assert_eq!(cores.shared(Sharing::AsPinned), Some(cores));
        assert!(!cores.shares_core(Side::Bind));
        let side = cores.shared(Sharing::Side).unwrap();
        assert_eq!((side.connect_io, side.bind, side.bind_io), (Some(4), Some(5), Some(5)));
        assert!(side.shares_core(Side::Bind) && side.shares_core(Side::Connect));
        let all = cores.shared(Sharing::All).unwrap();
        assert_eq!((all.bind, all.bind_io, all.connect_io), (Some(4), Some(4), Some(4)));
        assert_eq!(Cores::default().shared(Sharing::Side), None);
        assert!(!Cores::default().shares_core(Side::Bind));
    }
}
