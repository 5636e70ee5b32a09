//! The options of `throughput` and `latency` that only multicast has.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::case::Transport;

/// What carries datagrams to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GroupTransport {
    /// PGM in UDP to a multicast group, between two network namespaces; what gets lost is sent again
    Epgm,
    /// UDP to a multicast group, between two network namespaces; what gets lost is lost
    Udp,
}

impl GroupTransport {
    /// As in an endpoint.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Epgm => "epgm",
            Self::Udp => "udp",
        }
    }
}

/// What `--transport` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Road {
    /// Both ends are connected to one another.
    Connected(Transport),
    /// One end sends to a group.
    Group(GroupTransport),
}

impl ValueEnum for Road {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Connected(Transport::Tcp),
            Self::Connected(Transport::Ipc),
            Self::Connected(Transport::Inproc),
            Self::Group(GroupTransport::Epgm),
            Self::Group(GroupTransport::Udp),
        ]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        match self {
            Self::Connected(transport) => transport.to_possible_value(),
            Self::Group(transport) => transport.to_possible_value(),
        }
    }
}

impl std::fmt::Display for Road {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connected(transport) => transport.fmt(f),
            Self::Group(transport) => f.write_str(transport.name()),
        }
    }
}

/// Options of multicast.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --transport epgm or udp")]
pub(crate) struct MulticastArgs {
    /// Lose so many percent of the packets, at random and both ways, each by itself; beside 0 percent [needs nft]
    #[arg(long, value_name = "PERCENT", value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) loss: Vec<u32>,
    /// Receivers in the group, each a socket and a thread
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) receivers: u16,
    /// Once more with so many of the receivers stopped, who are in the group and read nothing
    #[arg(long, value_name = "N")]
    pub(crate) stopped: Option<u16>,
    /// Begin with so many Mbit/s that the source is told over epgm, instead of searching for the highest [example: 4000]
    #[arg(long, value_name = "MBIT", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) mbit: Option<u32>,
    /// libzmq to be set beside [default: libzmq.so.5, where the system has it]
    #[arg(long, value_name = "FILE")]
    pub(crate) libzmq: Option<PathBuf>,
}

impl MulticastArgs {
    /// Whether any of it was asked for.
    pub(crate) fn asked(&self) -> bool {
        !self.loss.is_empty()
            || self.receivers != 1
            || self.stopped.is_some()
            || self.libzmq.is_some()
            || self.mbit.is_some()
    }
}
