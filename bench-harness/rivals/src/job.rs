//! The job of a worker (one end of a connection, or both, of one contender) and its account of a phase.

use std::time::Duration;

use ringmq_bench::case::{Case, Kind, Pattern, Side, Transport};
use ringmq_bench::job::{Cores, Job as HarnessJob, Outcome};
use serde::{Deserialize, Serialize};

use crate::contender::Contender;
use crate::flavor::Flavor;
use crate::measurement::Measurement;

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
    /// The tokio runtime whose tasks the ends are; without one each library runs as it is quickest.
    pub(crate) flavor: Option<Flavor>,
    /// Which end to be; `None` is both ends, two threads of one process.
    pub(crate) side: Option<Side>,
    /// Where to bind or connect. The port of a tcp endpoint to bind is 0: any.
    pub(crate) endpoint: String,
    /// Cores to stay on.
    pub(crate) cores: Cores,
}

/// What a phase brought, and what the process has cost so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    /// What the phase brought.
    pub(crate) outcome: Outcome,
    /// CPU time of all threads of the process since it began.
    pub(crate) cpu: Duration,
}

impl Job {
    /// The same as the harness of ringmq says it; `None` for a rival.
    pub(crate) fn to_harness(&self) -> Option<HarnessJob> {
        let (kind, pattern) = match self.measurement {
            Measurement::Latency => (Kind::Latency, Pattern::ReqRep),
            _ => (Kind::Throughput, Pattern::PushPull),
        };
        let (transport, backend, size) = (self.transport, self.contender.backend()?, self.size);
        let (load, sharing, bodies, handling, spin_us) = Default::default();
        let case =
            Case { kind, transport, pattern, backend, size, load, sharing, bodies, handling, spin_us };
        let endpoint = self.endpoint.clone();
        let patience_ms = PATIENCE.as_millis() as u64;
        Some(HarnessJob { case, side: self.side, endpoint, cores: self.cores, patience_ms })
    }
}
