//! Socket addresses as text: for events and errors, and for the metadata of messages.

use socket2::{SockAddr, Socket};

use crate::ipc;

/// An address in endpoint form: `tcp://192.0.2.1:5555`, `ipc:///tmp/name`, `ipc://@name`.
///
/// ```
/// use ringmq_transports::address::describe;
///
/// let address: std::net::SocketAddr = "[::1]:5555".parse()?;
/// assert_eq!(describe(&address.into()), "tcp://[::1]:5555");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn describe(address: &SockAddr) -> String {
    if let Some(address) = address.as_socket() {
        return format!("tcp://{address}");
    }
    ipc::describe(address)
        .unwrap_or_else(|| format!("(address of family {})", i32::from(address.domain())))
}

/// The property `Peer-Address` of what arrives on a connected stream: the numeric IP address
/// without a port; for ipc on Linux `localhost:uid:gid:pid`.
///
/// Nothing where the peer has gone already, or where the system does not tell.
#[must_use]
pub fn peer_address(stream: &Socket) -> Option<String> {
    let peer = stream.peer_addr().ok()?;
    match peer.as_socket() {
        Some(peer) => Some(peer.ip().to_string()),
        None if peer.is_unix() => ipc::peer_address(stream),
        None => None,
    }
}
