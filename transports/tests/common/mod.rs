//! What the socket tests share: parsed endpoints, and connections between two descriptors.
#![allow(clippy::unwrap_used, dead_code)]

use ringmq_transports::endpoint::{Endpoint, IpcEndpoint, TcpEndpoint};
use socket2::{SockAddr, Socket};

/// Whether what looks like Windows is Wine.
pub(crate) fn under_wine() -> bool {
    cfg!(windows) && std::env::var_os("RINGMQ_TEST_UNDER_WINE").is_some()
}

pub(crate) fn tcp_bind(text: &str) -> TcpEndpoint {
    match Endpoint::parse_bind(text).unwrap() {
        Endpoint::Tcp(endpoint) => endpoint,
        other => panic!("{other} is not tcp"),
    }
}

pub(crate) fn tcp_connect(text: &str) -> TcpEndpoint {
    match Endpoint::parse_connect(text).unwrap() {
        Endpoint::Tcp(endpoint) => endpoint,
        other => panic!("{other} is not tcp"),
    }
}

pub(crate) fn ipc_bind(text: &str) -> IpcEndpoint {
    match Endpoint::parse_bind(text).unwrap() {
        Endpoint::Ipc(endpoint) => endpoint,
        other => panic!("{other} is not ipc"),
    }
}

pub(crate) fn ipc_connect(text: &str) -> IpcEndpoint {
    match Endpoint::parse_connect(text).unwrap() {
        Endpoint::Ipc(endpoint) => endpoint,
        other => panic!("{other} is not ipc"),
    }
}

/// Connects to `listener` and gives the accepted end. Both descriptors came non-blocking; here,
/// waiting is the simplest way not to guess at times.
pub(crate) fn connect_and_accept(
    connecting: &Socket,
    peer: &SockAddr,
    listener: &Socket,
) -> Socket {
    #[cfg(unix)]
    assert!(connecting.nonblocking().unwrap() && listener.nonblocking().unwrap());
    connecting.set_nonblocking(false).unwrap();
    listener.set_nonblocking(false).unwrap();
    connecting.connect(peer).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    accepted
}
