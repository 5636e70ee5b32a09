//! What the parent and its workers say to each other: one JSON value a line, over stdin and stdout.
//!
//! A worker gets one [`Job`] in its life and then phases of a known number of messages. Sequence
//! numbers go on from phase to phase, so phases that warm up share the connection with the one that
//! counts. Every command has exactly one reply.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::case::{Case, Kind, Pattern, Side, Transport};
use crate::contender::Contender;
use crate::measurement::Measurement;
use crate::protocol::{Cores, Job as HarnessJob, Outcome};

/// Longest wait for any one message inside a worker. The parent gives up earlier in most cases; this
/// bounds what a worker does that lost its parent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// All that a worker has to know before the first message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Who is measured.
    pub(crate) contender: Contender,
    /// What is measured.
    pub(crate) measurement: Measurement,
    /// The road the messages take.
    pub(crate) transport: Transport,
    /// Body of each message, in bytes.
    pub(crate) size: usize,
    /// Which end to be; `None` is both ends, two threads of one process.
    pub(crate) side: Option<Side>,
    /// Where to bind or connect. The port of a tcp endpoint to bind is 0: any.
    pub(crate) endpoint: String,
    /// Cores to stay on.
    pub(crate) cores: Cores,
}

impl Job {
    /// The same as the harness of ringmq says it; `None` for a rival.
    pub(crate) fn to_harness(&self) -> Option<HarnessJob> {
        let (kind, pattern) = match self.measurement {
            Measurement::Latency => (Kind::Latency, Pattern::ReqRep),
            _ => (Kind::Throughput, Pattern::PushPull),
        };
        let (transport, backend, size) = (self.transport, self.contender.backend()?, self.size);
        let (load, sharing) = Default::default();
        let case = Case { kind, transport, pattern, backend, size, load, sharing };
        let endpoint = self.endpoint.clone();
        let patience_ms = PATIENCE.as_millis() as u64;
        Some(HarnessJob { case, side: self.side, endpoint, cores: self.cores, patience_ms })
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
    /// The sockets are there; where, if this side binds.
    Opened(String),
    /// The phase is over.
    Ran(Outcome),
    /// Something went wrong; the worker is of no more use.
    Failed(String),
}
