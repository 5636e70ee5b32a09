//! Peers of PEER, SERVER and ROUTER, by number and by routing id.

use std::ffi::{c_char, c_int, c_void};

use ringmq::{Error, SocketType};

use crate::boundary::{bytes, enter, text};
use crate::errors::Errno;
use crate::errors::system::{EFAULT, ENOTSUP};
use crate::poll::POLLOUT;
use crate::socket::get;

/// Returns the number of the peer, or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_connect_peer(socket: *mut c_void, endpoint: *const c_char) -> u32 {
    enter(|| {
        let socket = get(socket)?;
        // SAFETY: the program promises text that ends with a zero.
        let endpoint = unsafe { text(endpoint) }?;
        match socket.socket.connect_peer(endpoint) {
            Ok(number) => Ok(number.get()),
            Err(Error::InvalidOption { .. }) => Err(Errno(EFAULT)),
            Err(error) => Err(error.into()),
        }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_disconnect_peer(socket: *mut c_void, number: u32) -> c_int {
    enter(|| {
        let socket = get(socket)?;
        if !matches!(socket.socket.socket_type(), SocketType::Server | SocketType::Peer) {
            return Err(Errno(ENOTSUP));
        }
        socket.socket.disconnect_peer(number)?;
        Ok(0)
    })
}

/// `ZMQ_POLLOUT` if the peer of that routing id has room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_get_peer_state(
    socket: *mut c_void,
    routing_id: *const c_void,
    size: usize,
) -> c_int {
    enter(|| {
        let socket = get(socket)?;
        if socket.socket.socket_type() != SocketType::Router {
            return Err(Errno(ENOTSUP));
        }
        // SAFETY: the program promises so many bytes.
        let routing_id = unsafe { bytes(routing_id, size) }?;
        let has_room = socket.socket.has_room_for(routing_id)?;
        Ok(if has_room { POLLOUT.into() } else { 0 })
    })
}
