//! Socket addresses as text: for events and errors, and for the metadata of messages.

use socket2::{SockAddr, Socket};
use std::cell::RefCell;
use std::sync::{Arc, Weak};

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

thread_local! {
    /// What was shared last on this thread.
    static LAST: RefCell<Option<Weak<str>>> = const { RefCell::new(None) };
}

/// A text to be kept, in the memory of the one before if that says the same: thousands of connections may
/// have their other ends on one machine.
pub(crate) fn share(text: String) -> Arc<str> {
    LAST.with_borrow_mut(|last| match last.as_ref().and_then(Weak::upgrade) {
        Some(known) if *known == *text => known,
        _ => {
            let text: Arc<str> = text.into();
            *last = Some(Arc::downgrade(&text));
            text
        }
    })
}
