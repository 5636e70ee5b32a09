//! What the transports of datagrams have in common: udp, and multicast on top of it.
//!
//! There are no connections: a bind or a connect has one socket of the system and one pipe from the start, and a
//! [link](DatagramLink) between them. What goes into a datagram is a [`Carriage`](ringmq_engine::Carriage)'s business; how it leaves, how
//! a group is joined and what happens when an interface goes is the same for all.

mod begin;
mod drops;
mod interface;
mod link;
mod multicast;
mod open;
mod open_link;
mod pgm_sockets;
mod runs;

pub use begin::{BoundDatagrams, bind_datagrams, connect_datagrams};
pub(crate) use interface::InBrackets;
pub(crate) use open::{OpenedDatagrams, receiver, sender};
pub(crate) use pgm_sockets::{PgmHow, open_member, open_source};
pub(crate) use runs::DatagramRuns;

use crate::endpoint::TcpEndpoint;
use crate::error::BindError;
use crate::owner::LinkOptions;
use std::fmt;
use std::net::SocketAddr;

/// What a socket uses datagrams for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatagramRole {
    /// It sends messages to groups: RADIO.
    SendGroups,
    /// It receives them: DISH.
    ReceiveGroups,
    /// It publishes to a group: PUB and XPUB.
    Publish,
    /// It subscribes to one: SUB and XSUB.
    Subscribe,
    /// Its messages say where they go to, and where they come from: DGRAM.
    Addressed,
}

impl DatagramRole {
    /// Whether messages are only received: what the socket writes into the pipe is for nobody.
    pub(crate) fn is_read_only(self) -> bool {
        matches!(self, Self::ReceiveGroups | Self::Subscribe)
    }
}

/// What a transport of datagrams does for a [`DatagramLink`]. Implemented by its form of endpoint.
pub(crate) trait DatagramTransport: fmt::Display {
    /// The name that has to be looked up before it can be opened for that.
    fn unresolved(&self, role: DatagramRole) -> Option<&TcpEndpoint>;

    /// Opens it; at `address`, where that was looked up.
    fn open(
        &self,
        role: DatagramRole,
        address: Option<SocketAddr>,
        options: &LinkOptions,
    ) -> Result<OpenedDatagrams, BindError>;
}
