//! PGM, reliable multicast, as ZeroMQ uses it: RFC 3208 without any I/O, packets in, packets and data out.
//!
//! One process sends to a group, any number of others receive, and ask for what they have missed. What is
//! here sends and receives what libzmq does with OpenPGM, in UDP ("epgm") or on IP ("pgm"): that is the
//! caller's, and so are sockets, threads, clocks and random bytes. Nothing here panics on, loops on, or takes
//! memory by, what a packet says.
//!
//! * [`PgmSource`] is the sending half of a session: the transmit window, the rate, the answers to NAKs.
//! * [`PgmReceiver`] is the receiving half, for all sources of a group: order, repair, and what is lost.
//! * [`Packer`] and [`Joiner`] put ZeroMQ's frames into the data of packets, and find them there.
//! * [`Packet`] is a packet as it goes on the wire.
//!
//! Elements of the network, parity and congestion control are left out; their packets and options are read,
//! and ignored.
#![forbid(unsafe_code)]

mod packet;
mod receiver;
mod source;
mod stream;

pub use packet::{
    Body, DATA_AT, DataBody, Fragment, Gsi, HEADER, NAK_LIST_MAX, NakBody, NakList, Packet,
    PacketError, ParityParameters, PgmOptions, Sqn, Tsi, checksum,
};
pub use receiver::{
    LossReason, PgmReceiver, PgmReceiverConfig, PgmSink, ReceiveCounters, ReceiverTotals,
    SourceEnd, SourceHandle, SourceReport, Upstream, UpstreamTo,
};
pub use source::{
    FRAGMENT_RESERVE, PacketKind, PacketRun, PgmSource, PgmSourceConfig, SourceCounters,
    Transmission, TransmitRoom, UDP_OVERHEAD, window_packets,
};
pub use stream::{Joined, Joiner, OFFSET, Packer};
