//! `tcp://host:port`, and to connect `tcp://source:port;host:port`.
//!
//! A parsed host is an address of the right form or a word that can be an interface or a host
//! name; which of the two, only a lookup can say. To bind, port 0 means any free port. To connect,
//! the port is never 0 and the host never `*`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::endpoint::Text;
use crate::error::{EndpointError, EndpointPart};
use crate::options::{HOST_NAME_MAX, ZONE_MAX};

/// A tcp endpoint: an address, and to connect perhaps the local address to do so from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TcpEndpoint {
    source: Option<TcpAddress>,
    address: TcpAddress,
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TcpAddress {
    /// The host.
    pub host: Host,
    /// The port; 0 lets the system choose one.
    pub port: u16,
}

/// What stands before the port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// `*`: every address of this machine.
    Any,
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, and the interface it is meant on, by name or number.
    V6(Ipv6Addr, Option<String>),
    /// The name of an interface of this machine, or of a host.
    Name(String),
}

/// Whose half of an endpoint is being read; decides on the wildcards and on the parts' names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Bind,
    Source,
    Peer,
    /// Not of an address, but of an interface for multicast.
    Interface,
}

impl TcpEndpoint {
    pub(crate) fn read_bind(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Ok(Self::of(TcpAddress::parse(text, address, Side::Bind)?))
    }

    pub(crate) fn read_connect(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        let (source, peer) = match address.split_once(';') {
            Some((source, peer)) => (Some(TcpAddress::parse(text, source, Side::Source)?), peer),
            None => (None, address),
        };
        Ok(Self { source, address: TcpAddress::parse(text, peer, Side::Peer)? })
    }

    /// One without a source.
    pub(crate) fn of(address: TcpAddress) -> Self {
        Self { source: None, address }
    }

    /// The address to bind or connect to.
    #[must_use]
    pub fn address(&self) -> &TcpAddress {
        &self.address
    }

    /// The local address to connect from, where one was given.
    #[must_use]
    pub fn source(&self) -> Option<&TcpAddress> {
        self.source.as_ref()
    }

    /// The same through a proxy, `host:port`: where to connect instead, and what to ask for there. A local
    /// address counts for the way to the proxy.
    ///
    /// # Errors
    /// What is wrong with the proxy's address.
    pub(crate) fn through(self, proxy: &str) -> Result<(Self, TcpAddress), EndpointError> {
        let address = TcpAddress::read_proxy(proxy)?;
        Ok((Self { source: self.source, address }, self.address))
    }

    /// The address, where no lookup of any kind is needed to know it.
    ///
    /// ```
    /// use ringmq_transports::endpoint::Endpoint;
    ///
    /// let Endpoint::Tcp(numeric) = Endpoint::parse_connect("tcp://[::1]:5555")? else { panic!() };
    /// assert_eq!(numeric.as_numeric(), Some("[::1]:5555".parse().unwrap()));
    /// let Endpoint::Tcp(named) = Endpoint::parse_connect("tcp://localhost:5555")? else { panic!() };
    /// assert_eq!(named.as_numeric(), None);
    /// # Ok::<(), ringmq_transports::error::EndpointError>(())
    /// ```
    #[must_use]
    pub fn as_numeric(&self) -> Option<SocketAddr> {
        let port = self.address.port;
        match &self.address.host {
            Host::V4(ip) => Some(SocketAddrV4::new(*ip, port).into()),
            Host::V6(ip, None) => Some(SocketAddrV6::new(*ip, port, 0, 0).into()),
            Host::V6(ip, Some(zone)) => {
                Some(SocketAddrV6::new(*ip, port, 0, zone.parse().ok()?).into())
            }
            Host::Any | Host::Name(_) => None,
        }
    }
}

impl TcpAddress {
    /// A proxy's address, `host:port`.
    ///
    /// ```
    /// use ringmq_transports::endpoint::TcpAddress;
    ///
    /// assert_eq!(TcpAddress::read_proxy("proxy.example.org:1080")?.port, 1080);
    /// assert!(TcpAddress::read_proxy("proxy.example.org").is_err());
    /// # Ok::<(), ringmq_transports::error::EndpointError>(())
    /// ```
    ///
    /// # Errors
    /// Which part is malformed and what may stand there.
    pub fn read_proxy(text: &str) -> Result<Self, EndpointError> {
        Self::parse(Text(text), text, Side::Peer)
    }

    pub(crate) fn parse(text: Text<'_>, address: &str, side: Side) -> Result<Self, EndpointError> {
        let (host, port) = address
            .rsplit_once(':')
            .ok_or_else(|| text.invalid(side.port_part(), "", side.ports()))?;
        let port = parse_port(text, port, side)?;
        Ok(Self { host: parse_host(text, host, side)?, port })
    }
}

impl Side {
    fn host_part(self) -> EndpointPart {
        match self {
            Self::Source => EndpointPart::SourceHost,
            Self::Interface => EndpointPart::Interface,
            Self::Bind | Self::Peer => EndpointPart::Host,
        }
    }

    fn port_part(self) -> EndpointPart {
        if self == Self::Source { EndpointPart::SourcePort } else { EndpointPart::Port }
    }

    /// What a host may be.
    fn hosts(self) -> &'static str {
        match self {
            Self::Bind => {
                "*, an interface or host name, an IPv4 address, or an IPv6 address in brackets \
                 (a source address with ; is for connecting)"
            }
            Self::Source | Self::Interface => {
                "*, an interface name, an IPv4 address, or an IPv6 address in brackets"
            }
            Self::Peer => {
                "a host name, an IPv4 address, or an IPv6 address in brackets (* is for binding)"
            }
        }
    }

    /// What a port may be.
    fn ports(self) -> &'static str {
        match self {
            Self::Bind | Self::Source => "1 to 65535, or * or 0 for any free port",
            Self::Peer | Self::Interface => "1 to 65535 (any free port, * or 0, is for binding)",
        }
    }
}

fn parse_port(text: Text<'_>, port: &str, side: Side) -> Result<u16, EndpointError> {
    let invalid = || text.invalid(side.port_part(), port, side.ports());
    if matches!(port, "*" | "0") {
        return if side == Side::Peer { Err(invalid()) } else { Ok(0) };
    }
    // A sign and leading zeros would pass the standard parser.
    if !port.starts_with(|c: char| matches!(c, '1'..='9')) {
        return Err(invalid());
    }
    port.parse().map_err(|_| invalid())
}

pub(crate) fn parse_host(text: Text<'_>, host: &str, side: Side) -> Result<Host, EndpointError> {
    if host == "*" && side != Side::Peer {
        return Ok(Host::Any);
    }
    if let Ok(ip) = host.parse() {
        return Ok(Host::V4(ip));
    }
    if let Some(inner) = host.strip_prefix('[') {
        let ip = inner.strip_suffix(']').map(|inner| parse_v6(text, inner)).transpose()?.flatten();
        return ip.ok_or_else(|| text.invalid(side.host_part(), host, side.hosts()));
    }
    if let Some(ip) = parse_v6(text, host)? {
        return Ok(ip);
    }
    if !is_name(host) {
        return Err(text.invalid(side.host_part(), host, side.hosts()));
    }
    Ok(Host::Name(host.to_owned()))
}

/// An IPv6 address with its zone; nothing where this is no IPv6 address.
fn parse_v6(text: Text<'_>, host: &str) -> Result<Option<Host>, EndpointError> {
    let (ip, zone) = match host.split_once('%') {
        Some((ip, zone)) => (ip, Some(zone)),
        None => (host, None),
    };
    let Ok(ip) = ip.parse() else { return Ok(None) };
    match zone {
        Some(zone) if zone.len() > ZONE_MAX || !is_word(zone) => {
            Err(text.invalid(EndpointPart::Zone, zone, "the name or the number of an interface"))
        }
        _ => Ok(Some(Host::V6(ip, zone.map(str::to_owned)))),
    }
}

/// Whether this can be the name of a host or an interface. Names of digits and dots alone are
/// mistyped addresses: the system's resolver would make something unexpected of `1.2.3`.
fn is_name(host: &str) -> bool {
    let absolute = host.strip_suffix('.').unwrap_or(host);
    host.len() <= HOST_NAME_MAX
        && absolute.split('.').all(is_label)
        && !absolute.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// A part of a name, between dots.
fn is_label(label: &str) -> bool {
    // Longer ones do not exist in the domain name system.
    const LABEL_MAX: usize = 63;
    label.len() <= LABEL_MAX && is_word(label)
}

/// The characters of interface and host names; the first is no punctuation, save `_`.
fn is_word(word: &str) -> bool {
    let mut bytes = word.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The canonical text, scheme included.
impl fmt::Display for TcpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tcp://")?;
        if let Some(source) = &self.source {
            write!(f, "{source};")?;
        }
        self.address.fmt(f)
    }
}

/// `host:port`, IPv6 in brackets, any port as `*`.
impl fmt::Display for TcpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::V6(..) => write!(f, "[{}]:", self.host)?,
            Host::Any | Host::V4(_) | Host::Name(_) => write!(f, "{}:", self.host)?,
        }
        match self.port {
            0 => f.write_str("*"),
            port => port.fmt(f),
        }
    }
}

/// The host alone, IPv6 without brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::V4(ip) => ip.fmt(f),
            Self::V6(ip, None) => ip.fmt(f),
            Self::V6(ip, Some(zone)) => write!(f, "{ip}%{zone}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}
