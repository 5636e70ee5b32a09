//! The job of a worker of multicast, its steps, and what they bring.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::args::GroupTransport;
use crate::case::{Backend, Side};

/// Who moves the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    /// ringmq, or bare sockets.
    Backend(Backend),
    /// libzmq.
    Libzmq,
}

/// The two hosts on their cable: that of the sender, and that of the receivers.
const SENDER: Ipv4Addr = Ipv4Addr::new(198, 18, 7, 1);
const RECEIVER: Ipv4Addr = Ipv4Addr::new(198, 18, 7, 2);
/// The group that both send to.
pub(crate) const GROUP: Ipv4Addr = Ipv4Addr::new(239, 192, 18, 7);
/// Where what the sender sends goes to, and what comes back.
const PORTS: [u16; 2] = [17_700, 17_701];

/// The address of one side.
pub(crate) fn host(side: Side) -> Ipv4Addr {
    match side {
        Side::Connect => SENDER,
        Side::Bind => RECEIVER,
    }
}

/// All that a worker has to know to open its sockets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PeerJob {
    /// Who it is.
    pub(crate) subject: Subject,
    /// What carries the messages.
    pub(crate) over: GroupTransport,
    /// Which side: the one that binds receives, or answers.
    pub(crate) side: Side,
    /// Whether what is received is sent back.
    pub(crate) echo: bool,
    /// Where this side sends, if it does.
    pub(crate) outgoing: String,
    /// Where it listens, if it does.
    pub(crate) incoming: String,
    /// Body of each message, in bytes.
    pub(crate) size: usize,
    /// How fast a source may send over epgm.
    pub(crate) kbit_per_s: u32,
    /// Sockets that receive.
    pub(crate) receivers: u16,
    /// Of them, those that read nothing once they have joined.
    pub(crate) stopped: u16,
    /// The core of the application, and that of the I/O thread.
    pub(crate) cores: [Option<usize>; 2],
}

impl PeerJob {
    /// The interface of this side.
    pub(crate) fn host(&self) -> Ipv4Addr {
        host(self.side)
    }

    /// The port to which `side` sends.
    pub(crate) fn port_of(side: Side) -> u16 {
        PORTS[usize::from(side == Side::Bind)]
    }

    /// The side that sends what this one receives.
    pub(crate) fn other(&self) -> Side {
        other(self.side)
    }
}

/// Not `side`.
pub(crate) fn other(side: Side) -> Side {
    match side {
        Side::Bind => Side::Connect,
        Side::Connect => Side::Bind,
    }
}

/// The endpoint of what `sender` sends, as it is called at `side`.
pub(crate) fn endpoint(over: GroupTransport, side: Side, sender: Side) -> String {
    format!("{}://{};{GROUP}:{}", over.name(), host(side), PeerJob::port_of(sender))
}

/// What a worker does next.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PeerStep {
    /// Send greetings, or listen for one.
    Join,
    /// Send so many messages, or receive them; or make so many round trips.
    Measure(u64),
}

/// What a step has brought.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Heard {
    /// Whether every receiver has heard a greeting; true where nobody listens.
    pub(crate) joined: bool,
    /// What each receiver that reads has got.
    pub(crate) tallies: Vec<Tally>,
    /// Round trips as pairs of nanoseconds and how often.
    pub(crate) trips: Vec<(u64, u64)>,
}

/// What one receiver has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Messages, each once and in order.
    pub(crate) received: u64,
    /// From the first to the last, in nanoseconds.
    pub(crate) elapsed_ns: u64,
}

/// The number of a greeting.
pub(crate) const GREETING: u64 = u64::MAX;
/// Fewest bytes of a message: its number.
pub(crate) const NUMBER: usize = size_of::<u64>();
/// So many greetings are sent in a step, so far apart.
pub(crate) const GREETINGS: u32 = 20;
/// See there.
pub(crate) const BETWEEN: Duration = Duration::from_millis(5);
/// How long the first message may take, or a round trip.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// After so long without a message there will be none: what is missing is lost. Longer than any repair that is under
/// way takes.
pub(crate) const QUIET: Duration = Duration::from_millis(1_500);
