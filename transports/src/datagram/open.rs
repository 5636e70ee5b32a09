//! Sockets of the system for datagrams, bound and configured.

use super::interface::MulticastInterface;
use super::multicast::{Membership, send_by, set_reach};
use crate::endpoint::Host;
use crate::error::BindError;
use crate::owner::LinkOptions;
use crate::tcp;
use ringmq_engine::{Carriage, DatagramReceive};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Bytes of datagrams that the kernel is asked to keep where the options leave that to the system, as what finds no room
/// is lost. It may grant less; that is no error.
const RECEIVE_BUFFER: usize = 8 * 1024 * 1024;

/// A transport of datagrams, ready to be used by a link.
pub(crate) struct OpenedDatagrams {
    pub(crate) socket: Socket,
    /// The endpoint, resolved.
    pub(crate) resolved: String,
    /// The other end, in words.
    pub(crate) peer: String,
    /// The group, if it is one.
    pub(crate) membership: Option<Membership>,
    /// How datagrams are received; `None` if none are.
    pub(crate) receives: Option<DatagramReceive>,
    pub(crate) carriage: Box<dyn Carriage>,
}

/// A socket that receives what is sent to `address`: to this machine's, or to a group's.
///
/// # Errors
/// What the system says to it.
pub(crate) fn receiver(
    address: SocketAddr,
    interface: &Host,
    endpoint: &str,
    options: &LinkOptions,
) -> Result<(Socket, Option<Membership>), BindError> {
    let failed = |action| move |source| BindError::of_system(endpoint, action, source);
    let socket = udp_socket(address, endpoint, options)?;
    if address.ip().is_multicast() {
        let membership = bind_group(&socket, address, interface, endpoint)?;
        return Ok((socket, Some(membership)));
    }
    socket.bind(&address.into()).map_err(failed("bind"))?;
    send_by(&socket, address.ip(), interface).map_err(failed("choosing the interface"))?;
    Ok((socket, None))
}

/// Binds a socket to a group, joins it, and has what is sent to it go by the same interface.
///
/// # Errors
/// What the system says to it.
pub(super) fn bind_group(
    socket: &Socket,
    group: SocketAddr,
    interface: &Host,
    endpoint: &str,
) -> Result<Membership, BindError> {
    let failed = |action| move |source| BindError::of_system(endpoint, action, source);
    share_port(socket).map_err(failed("sharing the port"))?;
    only_own_groups(socket, group.ip());
    let found = MulticastInterface::find(interface)
        .map_err(|source| BindError::Host { endpoint: endpoint.to_owned(), source })?;
    socket.bind(&group_to_bind(group, found.index).into()).map_err(failed("bind"))?;
    let (group, interface) = (group.ip(), interface.clone());
    let mut membership = Membership { group, interface, receives: true, sends: true, found: None };
    membership.renew(socket).map_err(failed("joining the group"))?;
    Ok(membership)
}

/// A socket that sends to `address`.
///
/// # Errors
/// What the system says to it.
pub(crate) fn sender(
    address: SocketAddr,
    interface: &Host,
    endpoint: &str,
    options: &LinkOptions,
) -> Result<(Socket, Option<Membership>), BindError> {
    let failed = |action| move |source| BindError::of_system(endpoint, action, source);
    let socket = udp_socket(address, endpoint, options)?;
    if !address.ip().is_multicast() {
        return Ok((socket, None));
    }
    let (group, interface) = (address.ip(), interface.clone());
    let mut membership = Membership { group, interface, receives: false, sends: true, found: None };
    membership.renew(&socket).map_err(failed("choosing the interface"))?;
    Ok((socket, Some(membership)))
}

fn udp_socket(
    address: SocketAddr,
    endpoint: &str,
    options: &LinkOptions,
) -> Result<Socket, BindError> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))
        .map_err(|source| BindError::of_system(endpoint, "socket", source))?;
    new_socket(socket, address, endpoint, options)
}

/// Sets what every socket for datagrams has.
pub(super) fn new_socket(
    socket: Socket,
    address: SocketAddr,
    endpoint: &str,
    options: &LinkOptions,
) -> Result<Socket, BindError> {
    let option = |source| BindError::Option { endpoint: endpoint.to_owned(), source };
    socket
        .set_nonblocking(true)
        .map_err(|source| BindError::of_system(endpoint, "fcntl", source))?;
    tcp::before_use(&socket, address, &options.tcp).map_err(option)?;
    if options.tcp.recv_buffer.is_none() {
        // A wish.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    }
    // One that is bound to a host's address may send to groups.
    set_reach(&socket, address.is_ipv6(), &options.multicast).map_err(option)?;
    Ok(socket)
}

/// All members of a group on a machine have one port.
pub(super) fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    // Linux has it that the option above is enough, and shares this one among the processes of one user only.
    #[cfg(all(unix, not(target_os = "linux")))]
    socket.set_reuse_port(true)?;
    Ok(())
}

/// Linux gives a socket what is sent to any group that somebody on the machine has joined, unless told otherwise.
fn only_own_groups(socket: &Socket, group: IpAddr) {
    #[cfg(target_os = "linux")]
    let _ = match group {
        IpAddr::V4(_) => socket.set_multicast_all_v4(false),
        IpAddr::V6(_) => socket.set_multicast_all_v6(false),
    };
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, group);
}

/// What a member of a group binds: the group, so that it gets nothing else; on Windows that cannot be.
/// A group of IPv6 that has its place on one link only takes the number of the interface.
fn group_to_bind(address: SocketAddr, interface: u32) -> SocketAddr {
    match address {
        SocketAddr::V4(address) if cfg!(windows) => (Ipv4Addr::UNSPECIFIED, address.port()).into(),
        SocketAddr::V6(address) if cfg!(windows) => (Ipv6Addr::UNSPECIFIED, address.port()).into(),
        SocketAddr::V4(address) => address.into(),
        SocketAddr::V6(address) => {
            let scope = if address.scope_id() == 0 { interface } else { address.scope_id() };
            SocketAddrV6::new(*address.ip(), address.port(), 0, scope).into()
        }
    }
}
