//! What the driver may say, one JSON object a line, named by its `op`; and what the soak, which is
//! a driver too, reads of the answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tracker::Runs;

/// How long a command may take unless it says otherwise, ms.
const DEFAULT_TIMEOUT_MS: u64 = 30_000;

/// One line from the driver.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Command {
    #[serde(flatten)]
    pub(crate) op: Op,
    #[serde(default = "default_timeout_ms")]
    pub(crate) timeout_ms: u64,
    /// Frames (hex) put before each message sent and taken from each one received.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) envelope: Vec<String>,
}

fn default_timeout_ms() -> u64 {
    DEFAULT_TIMEOUT_MS
}

/// What to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Op {
    /// End the commands given before; the only line without an answer.
    Stop,
    /// Send `count` messages of a stream, from `first` on.
    Send { stream: u32, first: u64, count: u64 },
    /// Receive until `count` messages more, or message `last`, or a probe is there.
    Recv { stream: u32, count: Option<u64>, last: Option<u64>, probe: Option<u64> },
    /// Send a probe now and then until stopped.
    Probe { number: u64 },
    /// Send every message back as it came, until `count` of them or a stop.
    Serve { count: Option<u64> },
    /// Send a stream with at most `window` messages unanswered; check every answer.
    Request { stream: u32, first: u64, count: u64, window: u64 },
    /// Send probes until one has come back.
    Sync { number: u64 },
    /// Set an option on the open socket.
    Set { name: String, value: i64 },
    /// Subscribe to a topic (hex).
    Subscribe { topic: String },
    /// The opposite.
    Unsubscribe { topic: String },
    /// Connect to one more endpoint.
    Connect { endpoint: String },
    /// Send one message given in hex.
    SendRaw { frames: Vec<String> },
    /// Receive one message and answer it in hex, with those of its properties that are asked for.
    RecvRaw {
        #[serde(default)]
        properties: Vec<String>,
    },
    /// Wait until a handshake has ended, or a connection, that has not been answered before.
    Outcome,
    /// Close, wait for everything that was accepted to be sent, and leave.
    Close,
}

/// The answer to a command, as far as the soak reads it.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) ok: bool,
    pub(crate) error: Option<String>,
    /// Messages sent.
    #[serde(default)]
    pub(crate) sent: u64,
    /// Messages sent back.
    #[serde(default)]
    pub(crate) served: u64,
    /// What was received, by stream.
    #[serde(default)]
    pub(crate) runs: BTreeMap<u32, Runs>,
    #[serde(default)]
    pub(crate) fault_count: u64,
    #[serde(default)]
    pub(crate) faults: Vec<String>,
    #[serde(default)]
    pub(crate) foreign: u64,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_command_of_the_soak_is_one_that_the_peer_reads() {
        let op = Op::Recv { stream: 7, count: Some(3), last: None, probe: None };
        let command = Command { op, timeout_ms: 5, envelope: Vec::new() };
        let line = serde_json::to_string(&command).unwrap();
        let read: Command = serde_json::from_str(&line).unwrap();
        assert_eq!(read.timeout_ms, 5);
        assert!(matches!(read.op, Op::Recv { stream: 7, count: Some(3), last: None, probe: None }));
    }

    #[test]
    fn an_answer_is_read_whatever_it_answers() {
        let line = r#"{"ok":true,"runs":{"3":[[0,9],[12,15]]},"received":14,"fault_count":0}"#;
        let answer: Answer = serde_json::from_str(line).unwrap();
        assert_eq!(answer.runs[&3], [(0, 9), (12, 15)]);
        let answer: Answer = serde_json::from_str(r#"{"ok":false,"error":"no"}"#).unwrap();
        assert_eq!((answer.ok, answer.error.as_deref(), answer.sent), (false, Some("no"), 0));
    }
}
