//! The options of `ringmq-bench scale`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::scenario::Workload;
use crate::case::Backend;

/// Numbers of peers that make the curve.
const CURVE: [usize; 4] = [10, 100, 1_000, 10_000];
/// The same in a hurry: the ends of it that budgets are about.
const SHORT_CURVE: [usize; 2] = [100, 10_000];
/// Length of each measured window.
const WINDOW: Duration = Duration::from_millis(1_000);
const SHORT_WINDOW: Duration = Duration::from_millis(300);

/// Options of `scale`.
#[derive(Debug, Args)]
pub(crate) struct ScaleArgs {
    /// Numbers of peers [default: 10,100,1000,10000; with --quick: 100,10000]
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) peers: Vec<u32>,
    /// In under 40 seconds: fewer steps of the curve, shorter windows
    #[arg(long)]
    pub(crate) quick: bool,
    /// What to run; several are run in turn [default: everything]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Workload>,
    /// Backends of ringmq [default: all that this machine can run]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) backend: Vec<Backend>,
    /// Folder for scale.html and scale.json [default: ringmq-bench in cargo's target folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

impl ScaleArgs {
    /// The numbers of peers, each once and in order.
    pub(crate) fn curve(&self) -> Vec<usize> {
        let mut curve: Vec<usize> = match (self.peers.is_empty(), self.quick) {
            (false, _) => self.peers.iter().map(|peers| *peers as usize).collect(),
            (true, true) => SHORT_CURVE.to_vec(),
            (true, false) => CURVE.to_vec(),
        };
        curve.sort_unstable();
        curve.dedup();
        curve
    }

    /// The largest number of peers.
    pub(crate) fn largest(&self) -> usize {
        self.curve().last().copied().unwrap_or(1)
    }

    /// How long to measure what goes on for as long as one likes.
    pub(crate) fn window(&self) -> Duration {
        if self.quick { SHORT_WINDOW } else { WINDOW }
    }

    /// What to run.
    pub(crate) fn workloads(&self) -> Vec<Workload> {
        if self.only.is_empty() { Workload::ALL.to_vec() } else { self.only.clone() }
    }
}
