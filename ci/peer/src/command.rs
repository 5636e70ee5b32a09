//! What the driver may say: one JSON object a line, named by its `op`.

use serde::Deserialize;

/// How long a command may take unless it says otherwise, ms.
const DEFAULT_TIMEOUT_MS: u64 = 30_000;

/// One line from the driver.
#[derive(Debug, Deserialize)]
pub(crate) struct Command {
    #[serde(flatten)]
    pub(crate) op: Op,
    #[serde(default = "default_timeout_ms")]
    pub(crate) timeout_ms: u64,
    /// Frames (hex) put before each message sent and taken from each one received.
    #[serde(default)]
    pub(crate) envelope: Vec<String>,
}

fn default_timeout_ms() -> u64 {
    DEFAULT_TIMEOUT_MS
}

/// What to do.
#[derive(Debug, Deserialize)]
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
    /// Connect to one more endpoint.
    Connect { endpoint: String },
    /// Send one message given in hex.
    SendRaw { frames: Vec<String> },
    /// Receive one message and answer it in hex.
    RecvRaw,
    /// Close, wait for everything that was accepted to be sent, and leave.
    Close,
}
