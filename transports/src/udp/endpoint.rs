//! `udp://host:port`, and for multicast `udp://interface;group:port`.

use crate::datagram::InBrackets;
use crate::endpoint::{Host, TcpEndpoint, Text};
use crate::error::EndpointError;
use crate::tcp::endpoint::{Side, TcpAddress, parse_host};
use std::fmt;

/// A udp endpoint: an address of a host or a group, and the interface by which a group is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UdpEndpoint {
    interface: Host,
    address: TcpEndpoint,
}

impl UdpEndpoint {
    pub(crate) fn read(text: Text<'_>, address: &str, side: Side) -> Result<Self, EndpointError> {
        let (interface, address) = match address.split_once(';') {
            Some((interface, address)) => (parse_host(text, interface, Side::Interface)?, address),
            None => (Host::Any, address),
        };
        let address = TcpEndpoint::of(TcpAddress::parse(text, address, side)?);
        Ok(Self { interface, address })
    }

    /// By which interface a group is reached; `*` leaves that to the system.
    #[must_use]
    pub fn interface(&self) -> &Host {
        &self.interface
    }

    /// The address of the host or the group, as one of the name system's.
    pub(crate) fn address(&self) -> &TcpEndpoint {
        &self.address
    }

    /// The same at that address.
    pub(crate) fn at(&self, address: impl fmt::Display) -> String {
        match self.interface {
            Host::Any => format!("udp://{address}"),
            ref interface => format!("udp://{};{address}", InBrackets(interface)),
        }
    }
}

/// The canonical text, scheme included.
impl fmt::Display for UdpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.at(self.address.address()))
    }
}
