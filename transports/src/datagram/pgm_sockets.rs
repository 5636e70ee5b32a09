//! Sockets of the system for PGM: of a source, and of a member of the group.

use super::interface::MulticastInterface;
use super::multicast::Membership;
use super::open::{bind_group, new_socket, share_port};
use crate::endpoint::Host;
use crate::error::BindError;
use crate::owner::LinkOptions;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The number of PGM among the protocols of IP.
const PGM: i32 = 113;

/// Where PGM is spoken, and how.
pub(crate) struct PgmHow<'a> {
    pub(crate) group: SocketAddr,
    pub(crate) interface: &'a Host,
    /// On IP itself.
    pub(crate) raw: bool,
    /// For the errors.
    pub(crate) endpoint: &'a str,
}

/// A socket that sends to the group, and receives what is sent to this host at its port. Also the address of this
/// host that it has: that of the interface.
pub(crate) fn open_source(
    how: &PgmHow<'_>,
    options: &LinkOptions,
) -> Result<(Socket, Membership, IpAddr), BindError> {
    let failed = |action| move |source| BindError::of_system(how.endpoint, action, source);
    let socket = how.socket(options)?;
    let (group, interface) = (how.group.ip(), how.interface.clone());
    let mut membership = Membership { group, interface, receives: false, sends: true, found: None };
    membership.renew(&socket).map_err(failed("choosing the interface"))?;
    let own = own_address(how.group, &membership).map_err(failed("finding the own address"))?;
    share_port(&socket).map_err(failed("sharing the port"))?;
    socket.bind(&SocketAddr::new(own, how.group.port()).into()).map_err(failed("bind"))?;
    Ok((socket, membership, own))
}

/// A socket that receives what is sent to the group.
pub(crate) fn open_member(
    how: &PgmHow<'_>,
    options: &LinkOptions,
) -> Result<(Socket, Membership), BindError> {
    let socket = how.socket(options)?;
    let membership = bind_group(&socket, how.group, how.interface, how.endpoint)?;
    Ok((socket, membership))
}

impl PgmHow<'_> {
    fn socket(&self, options: &LinkOptions) -> Result<Socket, BindError> {
        let kind = match self.raw {
            true => (Type::RAW, Protocol::from(PGM)),
            false => (Type::DGRAM, Protocol::UDP),
        };
        let made = Socket::new(Domain::for_address(self.group), kind.0, Some(kind.1));
        let socket = made.map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => BindError::PermissionDenied {
                endpoint: self.endpoint.to_owned(),
                remedy: "raw sockets take CAP_NET_RAW (setcap cap_net_raw+ep PROGRAM); epgm needs no privilege",
                source,
            },
            _ => BindError::of_system(self.endpoint, "socket", source),
        })?;
        new_socket(socket, self.group, self.endpoint, options)
    }
}

/// The address from which packets for the group go out: what receivers are told to send their NAKs to.
fn own_address(group: SocketAddr, membership: &Membership) -> io::Result<IpAddr> {
    let found = membership.found.unwrap_or(MulticastInterface::ANY);
    match group {
        SocketAddr::V4(_) if found.v4 != Ipv4Addr::UNSPECIFIED => return Ok(found.v4.into()),
        SocketAddr::V6(_) if found.v6.is_some() => {
            return found.v6.map(IpAddr::V6).ok_or_else(|| io::ErrorKind::AddrNotAvailable.into());
        }
        _ => {}
    }
    // As the system would choose it.
    let probe = Socket::new(Domain::for_address(group), Type::DGRAM, Some(Protocol::UDP))?;
    probe.connect(&group.into())?;
    let own = probe.local_addr()?.as_socket().map(|own| own.ip());
    own.filter(|own| !own.is_unspecified()).ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}
