//! What is played: the four kinds of measurement.

use serde::{Deserialize, Serialize};

/// Sockets of the many side in the two games with a crowd.
pub(crate) const CROWD: usize = 100;

/// A kind of measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Game {
    /// PUSH sends as fast as it can, PULL receives.
    Throughput,
    /// REQ asks, REP answers, one at a time.
    Latency,
    /// One publisher, [`CROWD`] subscribers.
    PubSub,
    /// [`CROWD`] DEALERs ask, one ROUTER answers.
    RouterDealer,
}

impl Game {
    /// Whether one side has [`CROWD`] sockets.
    pub(crate) fn is_crowd(self) -> bool {
        matches!(self, Game::PubSub | Game::RouterDealer)
    }

    /// The middle part of a case's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Game::Throughput => "throughput",
            Game::Latency => "latency",
            Game::PubSub => "pub-100-subs",
            Game::RouterDealer => "router-100-dealers",
        }
    }
}
