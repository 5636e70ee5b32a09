//! The job of a worker: one end of a connection, or both, of one contender.

use std::path::PathBuf;
use std::time::Duration;

use ringmq_bench::case::{Bodies, Case, Kind, Pattern, Side, Transport};
use ringmq_bench::job::{Cores, Job as HarnessJob};
use ringmq_bench::mechanism::{Keys, Mechanism};
use ringmq_bench::payload::{Checker, Stamper};
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
    /// What the sockets do.
    pub(crate) measurement: Measurement,
    /// The road the messages take.
    pub(crate) transport: Transport,
    /// Body of each message, in bytes.
    pub(crate) size: usize,
    /// Whether one body is sent by reference again and again, rather than numbered ones.
    pub(crate) one_body: bool,
    /// The tokio runtime whose tasks the ends are; without one each library runs as it is quickest.
    pub(crate) flavor: Option<Flavor>,
    /// Which end to be; `None` is both ends, two threads of one process.
    pub(crate) side: Option<Side>,
    /// Where to bind or connect. The port of a tcp endpoint to bind is 0: any.
    pub(crate) endpoint: String,
    /// The socket over which subscribers give their publisher credit.
    pub(crate) credit: PathBuf,
    /// Cores to stay on.
    pub(crate) cores: Cores,
    /// Whether what goes over the wire is encrypted.
    pub(crate) mechanism: Mechanism,
    /// What this end has to know for that.
    pub(crate) keys: Option<Keys>,
}

impl Job {
    /// Sockets of the side that has several.
    pub(crate) fn peers(&self) -> usize {
        self.measurement.peers()
    }

    /// What the one sender of a job sends.
    pub(crate) fn stamper(&self) -> Stamper {
        if self.one_body { Stamper::of_one_body(self.size) } else { Stamper::new(self.size) }
    }

    /// What the one receiver of a job expects.
    pub(crate) fn checker(&self) -> Checker {
        match self.measurement {
            Measurement::FanIn => Checker::of_strands(self.size, self.peers() as u64),
            _ if self.one_body => Checker::of_one_body(self.size),
            _ => Checker::new(self.size),
        }
    }

    /// The same as the harness of ringmq says it; `None` for a rival.
    pub(crate) fn to_harness(&self) -> Option<HarnessJob> {
        let (kind, pattern) = match self.measurement {
            Measurement::Latency => (Kind::Latency, Pattern::ReqRep),
            _ => (Kind::Throughput, Pattern::PushPull),
        };
        let (transport, backend, size) = (self.transport, self.contender.backend()?, self.size);
        let bodies = if self.one_body { Bodies::Clone } else { Bodies::Usual };
        let case = Case::usual(kind, transport, pattern, backend, size);
        let case = Case { bodies, mechanism: self.mechanism, ..case };
        let (endpoint, keys) = (self.endpoint.clone(), self.keys.clone());
        let patience_ms = PATIENCE.as_millis() as u64;
        Some(HarnessJob { case, side: self.side, endpoint, cores: self.cores, patience_ms, keys })
    }
}
