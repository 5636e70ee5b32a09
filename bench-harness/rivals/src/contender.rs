//! Who is measured: the bare floor, ringmq on its two backends, and the rivals; who of them where.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use ringmq_bench::case::{Backend, Transport};
use serde::{Deserialize, Serialize};

use crate::measurement::Measurement;
use crate::plan::{Form, Item};

/// One of those that are measured side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    /// Bare sockets, or bare memory between two threads; under CURVE the bare cipher.
    Floor,
    /// Under CURVE: the bare cipher on one core, which seals and opens.
    OneCore,
    /// ringmq on io_uring.
    Uring,
    /// ringmq on the portable backend.
    Mio,
    /// ringmq on io_uring by calls that block, beside its futures.
    UringBlocking,
    /// The same on the portable backend.
    MioBlocking,
    /// libzmq through the crate `zmq`.
    Libzmq,
    /// libzmq through the crate `tmq`, which has tokio watch its descriptors.
    Tmq,
    /// The crate `omq-tokio`.
    Omq,
    /// The crate `monocoque-rs` on compio, its default runtime.
    Monocoque,
    /// The same on tokio: another build of this program.
    MonocoqueTokio,
    /// The crate `rzmq`.
    Rzmq,
    /// The crate `zeromq`, also called zmq.rs.
    Zmqrs,
}

/// Everybody, in the order of the table.
pub(crate) const EVERYBODY: [Contender; 13] = [
    Contender::Floor,
    Contender::OneCore,
    Contender::Uring,
    Contender::Mio,
    Contender::UringBlocking,
    Contender::MioBlocking,
    Contender::Libzmq,
    Contender::Tmq,
    Contender::Omq,
    Contender::Monocoque,
    Contender::MonocoqueTokio,
    Contender::Rzmq,
    Contender::Zmqrs,
];

/// Those that are neither the floor nor ringmq.
const RIVALS: [Contender; 6] = [
    Contender::Libzmq,
    Contender::Omq,
    Contender::Monocoque,
    Contender::MonocoqueTokio,
    Contender::Rzmq,
    Contender::Zmqrs,
];

/// Those of them whose sockets can be awaited under tokio.
const RIVALS_IN_TASKS: [Contender; 4] =
    [Contender::Tmq, Contender::Omq, Contender::Rzmq, Contender::Zmqrs];

/// Those whom ringmq is set beside: where each library runs as it is quickest, or `in_tasks` of tokio.
pub(crate) fn rivals(in_tasks: bool) -> &'static [Contender] {
    if in_tasks { &RIVALS_IN_TASKS } else { &RIVALS }
}

/// What those are measured in whom the league leaves out.
const OF_EVERYBODY: [Measurement; 4] =
    [Measurement::Throughput, Measurement::Latency, Measurement::PubSub, Measurement::RouterDealer];
/// The build of this program in which monocoque runs on tokio; it lies beside this one.
const ON_TOKIO: &str = "ringmq-rivals-monocoque-tokio";

/// Bytes of body that fit into a slot of the bare ring.
const SLOT: usize = 64;

impl Contender {
    /// The backend that the harness of ringmq knows this one by; a rival has none.
    pub(crate) fn backend(self) -> Option<Backend> {
        match self {
            Contender::Floor => Some(Backend::Floor),
            Contender::OneCore => Some(Backend::FloorBlocking),
            Contender::Uring | Contender::UringBlocking => Some(Backend::Uring),
            Contender::Mio | Contender::MioBlocking => Some(Backend::Mio),
            _ => None,
        }
    }

    /// Whether this is ringmq, on whichever backend and however called.
    pub(crate) fn is_ringmq(self) -> bool {
        !matches!(self, Contender::Floor | Contender::OneCore) && self.backend().is_some()
    }

    /// Whether nothing carries what this one encrypts.
    pub(crate) fn is_bare_cipher(self, item: &Item) -> bool {
        item.is_under_curve() && matches!(self, Contender::Floor | Contender::OneCore)
    }

    /// ringmq on the same backend by calls that block.
    pub(crate) fn blocking(self) -> Contender {
        match self {
            Contender::Uring => Contender::UringBlocking,
            Contender::Mio => Contender::MioBlocking,
            other => other,
        }
    }

    /// Whether this one is asked at all.
    pub(crate) fn takes_part(self, item: &Item) -> bool {
        let in_tasks = item.flavor.is_some();
        match self {
            Contender::Uring | Contender::Mio => true,
            Contender::Floor => !in_tasks,
            Contender::OneCore => {
                item.is_under_curve() && item.measurement == Measurement::Throughput
            }
            Contender::UringBlocking | Contender::MioBlocking => in_tasks,
            Contender::Rzmq | Contender::Zmqrs if !in_tasks => {
                item.form == Form::Steady && OF_EVERYBODY.contains(&item.measurement)
            }
            rival => rivals(in_tasks).contains(&rival),
        }
    }

    /// The program that is this one's worker.
    pub(crate) fn program(self) -> Result<PathBuf> {
        let this = std::env::current_exe().context("finding this program's own file")?;
        let other = self == Contender::MonocoqueTokio;
        Ok(if other { this.with_file_name(ON_TOKIO) } else { this })
    }

    /// Why this one cannot be measured so, where that is known beforehand.
    pub(crate) fn refuses(self, item: &Item) -> Option<&'static str> {
        let Item { measurement, transport, size, .. } = *item;
        let inproc = transport == Transport::Inproc;
        let monocoque = matches!(self, Contender::Monocoque | Contender::MonocoqueTokio);
        match self {
            Contender::MonocoqueTokio if !self.program().is_ok_and(|path| path.exists()) => {
                Some("its worker is not there: ci/versus builds it")
            }
            _ if monocoque && transport != Transport::Tcp && measurement.has_many_peers() => {
                Some("several peers of one PUSH, PULL or PUB of monocoque 0.4 take tcp")
            }
            Contender::Floor if measurement.has_many_peers() => {
                Some("there is no bare counterpart to measure")
            }
            Contender::Floor if inproc && measurement == Measurement::Throughput && size > SLOT => {
                Some("a slot of the bare ring holds 64 bytes")
            }
            Contender::Libzmq | Contender::Tmq if cfg!(not(feature = "libzmq")) => {
                Some("install the development files of libzmq (Debian: libzmq3-dev pkg-config)")
            }
            Contender::Zmqrs if item.is_under_curve() => Some("zeromq 0.7 has no CURVE"),
            Contender::Zmqrs if inproc => Some("zeromq 0.7 has no inproc transport"),
            _ if monocoque && measurement == Measurement::RouterDealer => {
                Some("a ROUTER of monocoque 0.4 serves the one connection it was made from")
            }
            _ => None,
        }
    }

    /// How a figure is to be read, where it is not plainly what the case says.
    pub(crate) fn remark(self, item: &Item) -> Option<String> {
        let remark = match self {
            Contender::Monocoque | Contender::MonocoqueTokio | Contender::Zmqrs
                if item.measurement == Measurement::PubSub =>
            {
                "its PUB drops what a slow subscriber does not take; dropped is not counted"
            }
            Contender::Libzmq if item.measurement == Measurement::PubSub => {
                "without a high-water mark at the publisher, since the crate cannot set NODROP"
            }
            Contender::Monocoque | Contender::MonocoqueTokio
                if item.transport == Transport::Inproc =>
            {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    #[test]
    fn everybody_takes_part_somewhere() {
        for contender in EVERYBODY {
            assert!(plan::items(false).iter().any(|item| contender.takes_part(item)));
        }
    }
}
