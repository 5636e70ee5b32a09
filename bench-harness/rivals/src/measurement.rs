//! The four kinds of measurement.

use serde::{Deserialize, Serialize};

/// Sockets of the many side in the two measurements that have many.
pub(crate) const MANY: usize = 100;

/// A kind of measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Measurement {
    /// PUSH sends as fast as it can, PULL receives.
    Throughput,
    /// REQ asks, REP answers, one at a time.
    Latency,
    /// One publisher, [`MANY`] subscribers.
    PubSub,
    /// [`MANY`] DEALERs ask, one ROUTER answers.
    RouterDealer,
}

impl Measurement {
    /// Whether one side has [`MANY`] sockets.
    pub(crate) fn has_many_peers(self) -> bool {
        matches!(self, Measurement::PubSub | Measurement::RouterDealer)
    }

    /// The middle part of a case's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Measurement::Throughput => "throughput",
            Measurement::Latency => "latency",
            Measurement::PubSub => "pub-100-subs",
            Measurement::RouterDealer => "router-100-dealers",
        }
    }
}
