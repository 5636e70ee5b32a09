//! `epgm://interface;group:port`, and `pgm://` for PGM on IP itself.

use crate::datagram::InBrackets;
use crate::endpoint::{Host, Text};
use crate::error::{EndpointError, EndpointPart};
use crate::tcp::endpoint::{Side, TcpAddress, parse_host};
use std::fmt;
use std::net::IpAddr;

/// What packets of PGM are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PgmCarrier {
    /// Datagrams of udp: `epgm`.
    Udp,
    /// Packets of IP, protocol 113: `pgm`. To send and receive those takes a privilege.
    Ip,
}

impl PgmCarrier {
    fn scheme(self) -> &'static str {
        match self {
            Self::Udp => "epgm",
            Self::Ip => "pgm",
        }
    }
}

/// A group, the port of the data in it, and the interface by which it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PgmEndpoint {
    carrier: PgmCarrier,
    interface: Host,
    group: IpAddr,
    port: u16,
}

impl PgmEndpoint {
    /// The same whether it is to be bound or connected: in a group nobody is the server.
    pub(crate) fn read(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        let is_udp = text.0.starts_with(PgmCarrier::Udp.scheme());
        let carrier = if is_udp { PgmCarrier::Udp } else { PgmCarrier::Ip };
        let (interface, address) = match address.split_once(';') {
            Some((interface, address)) => (parse_host(text, interface, Side::Interface)?, address),
            None => (Host::Any, address),
        };
        let TcpAddress { host, port } = TcpAddress::parse(text, address, Side::Peer)?;
        let group = match host {
            Host::V4(ip) => Some(IpAddr::V4(ip)),
            Host::V6(ip, None) => Some(IpAddr::V6(ip)),
            _ => None,
        };
        let group = group.filter(IpAddr::is_multicast).ok_or_else(|| {
            const GROUPS: &str = "a multicast group: 224.0.0.0 to 239.255.255.255, or [ff..]";
            text.invalid(EndpointPart::Host, address, GROUPS)
        })?;
        Ok(Self { carrier, interface, group, port })
    }

    /// What packets are in.
    #[must_use]
    pub fn runs_over(&self) -> PgmCarrier {
        self.carrier
    }

    /// The interface; `*` leaves that to the system.
    #[must_use]
    pub fn interface(&self) -> &Host {
        &self.interface
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> IpAddr {
        self.group
    }

    /// The port of the data, of PGM and of udp.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// The canonical text, scheme included.
impl fmt::Display for PgmEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.carrier.scheme())?;
        if self.interface != Host::Any {
            write!(f, "{};", InBrackets(&self.interface))?;
        }
        match self.group {
            IpAddr::V4(group) => write!(f, "{group}:{}", self.port),
            IpAddr::V6(group) => write!(f, "[{group}]:{}", self.port),
        }
    }
}
