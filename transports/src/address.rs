//! Socket addresses as text: for events and errors, and for the metadata of messages.

use ringmq_engine::{Descriptor, UnixPeer};
use ringmq_zmtp::Carrier;
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

/// What the system tells of the other end of a connected stream, asked once.
#[derive(Clone, Debug, Default)]
pub struct RemoteEnd {
    /// As [`describe`] writes it; empty if the peer has gone already.
    pub endpoint: String,
    /// The property `Peer-Address`: the numeric IP address without a port; for ipc on Linux
    /// `localhost:uid:gid:pid`.
    pub address: Option<String>,
    /// The process at the other end of an ipc connection.
    pub unix_peer: Option<UnixPeer>,
}

impl RemoteEnd {
    /// Asks the system.
    #[must_use]
    pub fn of(stream: &Socket) -> Self {
        let Ok(peer) = stream.peer_addr() else {
            return Self::default();
        };
        let unix_peer = if peer.is_unix() { ipc::unix_peer(stream) } else { None };
        let address = match (peer.as_socket(), unix_peer) {
            (Some(peer), _) => Some(peer.ip().to_string()),
            (None, Some(peer)) => unix_address(peer),
            (None, None) => None,
        };
        Self { endpoint: describe(&peer), address, unix_peer }
    }
}

impl RemoteEnd {
    /// The same, as the other end of what that carries.
    pub(crate) fn carrying(mut self, carrier: &Carrier) -> Self {
        if *carrier != Carrier::Stream
            && let Some(address) = self.endpoint.strip_prefix("tcp://")
        {
            self.endpoint = format!("ws://{address}");
        }
        self
    }
}

/// The system's number of a socket.
pub(crate) fn descriptor(socket: &Socket) -> Descriptor {
    #[cfg(unix)]
    let number = std::os::fd::AsRawFd::as_raw_fd(socket);
    #[cfg(windows)]
    let number = std::os::windows::io::AsRawSocket::as_raw_socket(socket);
    // No descriptor that is open is negative.
    number as Descriptor
}

/// As libzmq writes it on Linux, where other libraries take it apart.
fn unix_address(peer: UnixPeer) -> Option<String> {
    let UnixPeer { pid, uid, gid, .. } = peer;
    cfg!(target_os = "linux").then(|| format!("localhost:{uid}:{gid}:{}", pid.unwrap_or(0)))
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
