//! Hosts to addresses: interfaces, zones and the name system.
//!
//! Interfaces and zones are read from the kernel and do not block; names may block for as long as
//! the system's resolver likes. IPv6 addresses come out only where the caller allows them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::sync::Arc;

use if_addrs::Interface;

use crate::endpoint::{Host, TcpAddress, TcpEndpoint};
use crate::error::ResolveError;
use crate::options::RESOLVED_MAX;

/// The addresses to try, in turn, to reach `endpoint`: at least one.
///
/// Blocks for as long as the system's resolver does, so it is not for an I/O thread; an endpoint
/// that [is numeric](TcpEndpoint::as_numeric) needs no call.
///
/// # Errors
/// Says whether the name is unknown or has no address that may be used.
pub fn resolve(endpoint: &TcpEndpoint, ipv6: bool) -> Result<Vec<SocketAddr>, ResolveError> {
    let TcpAddress { host, port } = endpoint.address();
    let any = if ipv6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
    match host {
        Host::Any => Ok(vec![SocketAddr::new(any, *port)]),
        Host::V4(ip) => Ok(vec![SocketAddr::new(IpAddr::V4(*ip), *port)]),
        Host::V6(ip, zone) => Ok(vec![v6(*ip, zone.as_deref(), *port, ipv6)?]),
        Host::Name(name) => by_name(name, *port, ipv6),
    }
}

/// The one address to listen on; for `*` it is that of IPv4.
pub(crate) fn local(address: &TcpAddress, ipv6: bool) -> Result<SocketAddr, ResolveError> {
    let port = address.port;
    let name = match &address.host {
        Host::Any => return Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        Host::V4(ip) => return Ok(SocketAddr::new(IpAddr::V4(*ip), port)),
        Host::V6(ip, zone) => return v6(*ip, zone.as_deref(), port, ipv6),
        Host::Name(name) => name,
    };
    let own = interface(name, port);
    let first = |v6: bool| own.iter().find(|own| own.is_ipv6() == v6).copied();
    if let Some(own) = ipv6.then(|| first(true)).flatten().or_else(|| first(false)) {
        return Ok(own);
    }
    // Interfaces go first: the name system may take its time, and answer for anything.
    match by_name(name, port, ipv6) {
        Ok(found) => Ok(found[0]),
        Err(ResolveError::UnknownHost { host, source }) => {
            Err(ResolveError::UnknownLocal { host, source })
        }
        Err(error) => Err(error),
    }
}

/// The local end of a connection to `peer`. Names are not looked up: this runs on I/O threads.
pub(super) fn source(from: &TcpAddress, peer: SocketAddr) -> Result<SocketAddr, ResolveError> {
    let local = match &from.host {
        Host::Any if peer.is_ipv6() => SocketAddr::from((Ipv6Addr::UNSPECIFIED, from.port)),
        Host::Any => SocketAddr::from((Ipv4Addr::UNSPECIFIED, from.port)),
        Host::V4(ip) => SocketAddr::new(IpAddr::V4(*ip), from.port),
        Host::V6(ip, zone) => v6(*ip, zone.as_deref(), from.port, true)?,
        Host::Name(name) => interface(name, from.port)
            .into_iter()
            .find(|own| own.is_ipv6() == peer.is_ipv6())
            .ok_or_else(|| ResolveError::UnknownInterface { host: name.clone() })?,
    };
    if local.is_ipv6() == peer.is_ipv6() {
        Ok(local)
    } else {
        Err(ResolveError::FamilyMismatch { host: from.host.to_string() })
    }
}

/// An IPv6 address with the number of its zone.
fn v6(
    ip: Ipv6Addr,
    zone: Option<&str>,
    port: u16,
    allowed: bool,
) -> Result<SocketAddr, ResolveError> {
    if !allowed {
        return Err(ResolveError::Ipv6Disabled { host: ip.to_string() });
    }
    let scope = match zone {
        None => 0,
        Some(zone) => zone
            .parse()
            .ok()
            .or_else(|| interfaces(zone).find_map(|interface| interface.index))
            .ok_or_else(|| ResolveError::UnknownZone { zone: zone.to_owned() })?,
    };
    Ok(SocketAddrV6::new(ip, port, 0, scope).into())
}

/// Asks the name system; gives at least one address.
fn by_name(name: &str, port: u16, ipv6: bool) -> Result<Vec<SocketAddr>, ResolveError> {
    let host = || name.to_owned();
    let unknown = |source| ResolveError::UnknownHost { host: host(), source };
    let found: Vec<_> =
        (name, port).to_socket_addrs().map_err(|source| unknown(Arc::new(source)))?.collect();
    let usable = found.iter().filter(|found| ipv6 || found.is_ipv4()).copied();
    let usable: Vec<_> = usable.take(RESOLVED_MAX).collect();
    if !usable.is_empty() {
        return Ok(usable);
    }
    if !found.is_empty() {
        return Err(ResolveError::Ipv6Disabled { host: host() });
    }
    let source = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    Err(unknown(Arc::new(source)))
}

/// The addresses of the interface called `name`, in the kernel's order; none where there is no
/// such interface.
fn interface(name: &str, port: u16) -> Vec<SocketAddr> {
    interfaces(name)
        .map(|interface| match interface.ip() {
            // A link-local address means nothing without its interface.
            IpAddr::V6(ip) if ip.is_unicast_link_local() => {
                SocketAddrV6::new(ip, port, 0, interface.index.unwrap_or(0)).into()
            }
            ip => SocketAddr::new(ip, port),
        })
        .collect()
}

/// An interface list that cannot be read counts as empty: the name is then unknown, which the
/// caller reports.
fn interfaces(name: &str) -> impl Iterator<Item = Interface> + use<'_> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    all.into_iter().filter(move |interface| interface.name == name)
}
