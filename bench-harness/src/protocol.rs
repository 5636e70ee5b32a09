//! What the parent and its workers say to each other: one JSON value a line, over stdin and stdout.
//!
//! The parent opens a worker, then lets it run phases of a known number of messages. Sequence numbers
//! go on from phase to phase, so a phase that warms up and one that measures share the connection.
//! A worker answers every command with exactly one reply and ends when its stdin closes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::case::{Case, Side};

/// All that a worker has to know before the first message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// What is measured.
    pub(crate) case: Case,
    /// Which end to play; `None` is both ends, two threads of one process.
    pub(crate) side: Option<Side>,
    /// Where to bind or connect.
    pub(crate) endpoint: String,
    /// Cores to stay on.
    pub(crate) cores: Cores,
    /// Longest wait for any one message, in milliseconds.
    pub(crate) patience_ms: u64,
}

impl Job {
    /// Longest wait for any one message.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms)
    }
}

/// Cores (as the operating system numbers them) for the threads of one job; `None` leaves a thread
/// wherever the scheduler puts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cores {
    /// The thread that connects.
    pub(crate) connect: Option<usize>,
    /// The thread that binds.
    pub(crate) bind: Option<usize>,
    /// The I/O thread of the side that connects.
    pub(crate) connect_io: Option<usize>,
    /// The I/O thread of the side that binds.
    pub(crate) bind_io: Option<usize>,
}

impl Cores {
    /// The application's core of one side.
    pub(crate) fn of(&self, side: Side) -> Option<usize> {
        match side {
            Side::Bind => self.bind,
            Side::Connect => self.connect,
        }
    }

    /// The I/O thread's core of one side.
    pub(crate) fn io_of(&self, side: Side) -> Option<usize> {
        match side {
            Side::Bind => self.bind_io,
            Side::Connect => self.connect_io,
        }
    }
}

/// From the parent to a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Make the sockets.
    Open(Box<Job>),
    /// Move this many messages.
    Run(u64),
}

/// From a worker to the parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// The sockets are there.
    Opened(Opened),
    /// The messages were moved, all of them, in order and intact.
    Ran(Outcome),
    /// Something went wrong; the worker is of no more use.
    Failed(String),
}

/// What a worker knows once its sockets exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    /// The resolved endpoint, where this side binds.
    pub(crate) endpoint: String,
    /// What moves the messages, in words: the backend and why it was chosen.
    pub(crate) subject: String,
}

/// What one phase brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Messages moved, or round trips made.
    pub(crate) messages: u64,
    /// From the first message to the last one, in nanoseconds; 0 where this side measures nothing.
    pub(crate) elapsed_ns: u64,
    /// Round trips as pairs of nanoseconds and how often; empty where nothing was timed one by one.
    pub(crate) histogram: Vec<(u64, u64)>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_command_is_one_line_and_reads_back() {
        let line = serde_json::to_string(&Command::Run(7)).unwrap();
        assert_eq!(line, "{\"run\":7}");
        assert!(matches!(serde_json::from_str(&line).unwrap(), Command::Run(7)));
    }
}
