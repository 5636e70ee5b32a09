//! Who is measured: the bare floor, ringmq on its two backends, and the rivals.

use std::fmt;

use clap::ValueEnum;
use ringmq_bench::case::{Backend, Transport};
use serde::{Deserialize, Serialize};

use crate::measurement::Measurement;
use crate::plan::Item;

/// One of those that are measured side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    /// Bare sockets, or bare memory between two threads.
    Floor,
    /// ringmq on io_uring.
    Uring,
    /// ringmq on the portable backend.
    Mio,
    /// libzmq through the crate `zmq`.
    Libzmq,
    /// The crate `omq-tokio`.
    Omq,
    /// The crate `monocoque-rs`.
    Monocoque,
    /// The crate `rzmq`.
    Rzmq,
    /// The crate `zeromq`, also called zmq.rs.
    Zmqrs,
}

/// Everybody, in the order of the table.
pub(crate) const EVERYBODY: [Contender; 8] = [
    Contender::Floor,
    Contender::Uring,
    Contender::Mio,
    Contender::Libzmq,
    Contender::Omq,
    Contender::Monocoque,
    Contender::Rzmq,
    Contender::Zmqrs,
];

/// Those that are neither the floor nor ringmq.
pub(crate) const RIVALS: [Contender; 5] =
    [Contender::Libzmq, Contender::Omq, Contender::Monocoque, Contender::Rzmq, Contender::Zmqrs];

/// Bytes of body that fit into a slot of the bare ring.
const SLOT: usize = 64;

impl Contender {
    /// The backend that the harness of ringmq knows this one by; a rival has none.
    pub(crate) fn backend(self) -> Option<Backend> {
        match self {
            Contender::Floor => Some(Backend::Floor),
            Contender::Uring => Some(Backend::Uring),
            Contender::Mio => Some(Backend::Mio),
            _ => None,
        }
    }

    /// Why this one cannot be measured so, where that is known beforehand.
    pub(crate) fn refuses(
        self,
        measurement: Measurement,
        transport: Transport,
        size: usize,
    ) -> Option<&'static str> {
        let inproc = transport == Transport::Inproc;
        match self {
            Contender::Floor if measurement.has_many_peers() => {
                Some("there is no bare counterpart to measure")
            }
            Contender::Floor if inproc && measurement == Measurement::Throughput && size > SLOT => {
                Some("a slot of the bare ring holds 64 bytes")
            }
            Contender::Zmqrs if inproc => Some("zeromq 0.7 has no inproc transport"),
            Contender::Monocoque if measurement == Measurement::RouterDealer => {
                Some("a ROUTER of monocoque 0.4 serves the one connection it was made from")
            }
            _ => None,
        }
    }

    /// How a figure is to be read, where it is not plainly what the case says.
    pub(crate) fn remark(self, item: &Item) -> Option<String> {
        let remark = match self {
            Contender::Monocoque | Contender::Zmqrs if item.measurement == Measurement::PubSub => {
                "its PUB drops what a slow subscriber does not take; dropped is not counted"
            }
            Contender::Libzmq if item.measurement == Measurement::PubSub => {
                "without a high-water mark at the publisher, since the crate cannot set NODROP"
            }
            Contender::Monocoque if item.transport == Transport::Inproc => {
                "two DEALERs over a channel without a bound, its only working pair there"
            }
            _ => return None,
        };
        Some(remark.to_owned())
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no value of this enum is hidden");
        f.pad(value.get_name())
    }
}
