//! The job of a worker of `scale`, its steps, and what they bring.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::figure::Metric;
use super::scenario::Scenario;
use crate::case::Side;
use crate::cpu::CpuTime;

/// Longest that a role waits for any one thing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// All that a worker has to know to take a role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RoleJob {
    /// What is run.
    pub(crate) scenario: Scenario,
    /// Which side of it.
    pub(crate) side: Side,
    /// Where to connect, or to bind.
    pub(crate) endpoint: String,
}

/// What a role does next.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Bring all peers together.
    Join,
    /// Do nothing: all that came before has arrived, and the CPU time is that of all of it.
    Rest,
    /// Do what is measured, with so many messages or for so long, whichever the workload is about.
    Measure(Amount),
    /// Take it all down again.
    Leave,
}

/// How much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amount {
    /// Messages of each sender.
    pub(crate) messages: u64,
    /// Milliseconds.
    pub(crate) millis: u64,
}

/// What was found.
pub(crate) type Found = Vec<(Metric, f64)>;

/// What a step has brought, and what the process has taken so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StepAccount {
    /// What was found.
    pub(crate) found: Found,
    /// CPU time since the process began, where the system tells.
    pub(crate) cpu: Option<CpuTime>,
}
