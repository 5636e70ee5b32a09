//! The kinds of measurement.

use serde::{Deserialize, Serialize};

/// A kind of measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Measurement {
    /// PUSH sends as fast as it can, PULL receives.
    Throughput,
    /// REQ asks, REP answers, one at a time.
    Latency,
    /// One PUSH, four PULLs that share its messages.
    FanOut,
    /// Four PUSHes, one PULL.
    FanIn,
    /// One publisher and 32 subscribers, none of whom misses anything: the publisher waits for credit.
    Publish,
    /// One publisher, 100 subscribers, at the publisher's own high-water mark.
    PubSub,
    /// 100 DEALERs ask, one ROUTER answers.
    RouterDealer,
    /// PUSH sends one body by reference again and again, PULL receives: how the rate goes with the size.
    Curve,
    /// A context, PUSH and PULL, one message, and the end of them, in fresh processes.
    StartStop,
}

impl Measurement {
    /// Sockets of the side that has several.
    pub(crate) fn peers(self) -> usize {
        match self {
            Measurement::FanOut | Measurement::FanIn => 4,
            Measurement::Publish => 32,
            Measurement::PubSub | Measurement::RouterDealer => 100,
            _ => 1,
        }
    }

    /// Whether one side has several sockets.
    pub(crate) fn has_many_peers(self) -> bool {
        self.peers() > 1
    }

    /// Whether one side publishes.
    pub(crate) fn publishes(self) -> bool {
        matches!(self, Measurement::Publish | Measurement::PubSub)
    }

    /// Messages that arrive for each one that is sent.
    pub(crate) fn copies(self) -> u64 {
        if self.publishes() { self.peers() as u64 } else { 1 }
    }

    /// The one whose sockets do what this one asks for.
    pub(crate) fn of_sockets(self) -> Self {
        match self {
            Measurement::Curve | Measurement::StartStop => Measurement::Throughput,
            other => other,
        }
    }

    /// The middle part of a case's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Measurement::Throughput => "throughput",
            Measurement::Latency => "latency",
            Measurement::FanOut => "fan-out",
            Measurement::FanIn => "fan-in",
            Measurement::Publish => "pub-32-subs",
            Measurement::PubSub => "pub-100-subs",
            Measurement::RouterDealer => "router-100-dealers",
            Measurement::Curve => "curve",
            Measurement::StartStop => "start-stop",
        }
    }
}
