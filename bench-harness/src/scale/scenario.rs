//! What is run: a workload, with so many peers, on a backend.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::args::ScaleArgs;
use crate::case::Backend;

/// Most peers that send or receive all the time: the number that the budget is about.
const BUSY_MOST: usize = 1_000;
/// Most that connect at once: the number that the budget is about.
const STORM_MOST: usize = 5_000;
/// Topics for each peer of the curve, so that 10,000 make a million.
const TOPICS_A_PEER: usize = 100;

/// A workload: which sockets, and what they do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// One PUSH with many connections to one PULL, all of them idle
    Idle,
    /// Many PUSH sockets with a connection each to one PULL, all of them idle
    IdleSockets,
    /// Many PUSH sockets that all send to one PULL
    Busy,
    /// Many SUB sockets that connect to one XPUB at once
    Storm,
    /// Many subscriptions on one PUB
    Topics,
    /// One XPUB, many SUB sockets, everything to everybody
    Fanout,
    /// Many DEALER sockets, one ROUTER that sends everything back
    Echo,
}

impl Workload {
    /// Every workload there is.
    pub(crate) const ALL: [Self; 7] = [
        Self::Idle,
        Self::IdleSockets,
        Self::Busy,
        Self::Storm,
        Self::Topics,
        Self::Fanout,
        Self::Echo,
    ];

    /// What a reader is told.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Idle => "idle connections, one PUSH to one PULL",
            Self::IdleSockets => "idle connections, a PUSH each to one PULL",
            Self::Busy => "busy connections, a PUSH each to one PULL, 64 B",
            Self::Storm => "a storm of SUBs on one XPUB",
            Self::Topics => "subscriptions on one PUB",
            Self::Fanout => "one XPUB to SUBs, 64 B",
            Self::Echo => "DEALERs and one ROUTER, echo, 64 B",
        }
    }

    /// What there are many of.
    pub(crate) fn many(self) -> &'static str {
        match self {
            Self::Topics => "subscriptions",
            _ => "peers",
        }
    }

    /// How many there are at a point of the curve.
    fn size(self, peers: usize) -> usize {
        match self {
            Self::Idle | Self::IdleSockets => peers,
            Self::Busy | Self::Fanout | Self::Echo => peers.min(BUSY_MOST),
            Self::Storm => peers.min(STORM_MOST),
            Self::Topics => peers * TOPICS_A_PEER,
        }
    }
}

/// A workload of one size on one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scenario {
    /// Which sockets, and what they do.
    #[serde(rename = "play")]
    pub(crate) workload: Workload,
    /// Who moves the messages.
    pub(crate) backend: Backend,
    /// How many peers, or subscriptions.
    pub(crate) size: usize,
}

/// All scenarios, those that are compared with one another next to one another; no more peers than
/// `most`.
pub(crate) fn plan(args: &ScaleArgs, backends: &[Backend], most: usize) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for workload in args.workloads() {
        for peers in args.curve() {
            for &backend in backends {
                let scenario = Scenario { workload, backend, size: workload.size(peers.min(most)) };
                if !scenarios.contains(&scenario) {
                    scenarios.push(scenario);
                }
            }
        }
    }
    scenarios
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ends_where_the_budget_is_or_where_the_machine_does() {
        let args = ScaleArgs {
            peers: vec![10_000, 10],
            quick: false,
            only: vec![Workload::Idle, Workload::Busy, Workload::Topics],
            backend: Vec::new(),
            out: None,
        };
        let sizes = |most| {
            let scenarios = plan(&args, &[Backend::Mio], most);
            scenarios.iter().map(|scenario| (scenario.workload, scenario.size)).collect::<Vec<_>>()
        };
        let idle = [(Workload::Idle, 10), (Workload::Idle, 10_000)];
        let rest = [
            (Workload::Busy, 10),
            (Workload::Busy, 1_000),
            (Workload::Topics, 1_000),
            (Workload::Topics, 1_000_000),
        ];
        assert_eq!(sizes(usize::MAX), [&idle[..], &rest].concat());
        assert_eq!(sizes(10).len(), 3, "what became equal is run once");
    }
}
