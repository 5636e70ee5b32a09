//! Groups: what a DISH joins, and whom a RADIO's messages are for.

use std::ffi::{c_char, c_int, c_void};

use ringmq::{Error, SocketType};

use crate::boundary::{enter, raw_text};
use crate::errors::system::{EINVAL, ENOTSUP};
use crate::errors::{Errno, Result};
use crate::message::{self, ZmqMsg};
use crate::socket::{CSocket, get};

fn dish(
    socket: *mut c_void,
    act: impl FnOnce(&CSocket) -> std::result::Result<(), Error>,
) -> Result<c_int> {
    let socket = get(socket)?;
    if socket.socket.socket_type() != SocketType::Dish {
        return Err(Errno(ENOTSUP));
    }
    act(&socket)?;
    Ok(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_join(socket: *mut c_void, group: *const c_char) -> c_int {
    enter(|| {
        // SAFETY: the program promises text that ends with a zero.
        let group = unsafe { raw_text(group) }?;
        dish(socket, |socket| socket.socket.join(group))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_leave(socket: *mut c_void, group: *const c_char) -> c_int {
    enter(|| {
        // SAFETY: the program promises text that ends with a zero.
        let group = unsafe { raw_text(group) }?;
        dish(socket, |socket| socket.socket.leave(group))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_set_group(msg: *mut ZmqMsg, group: *const c_char) -> c_int {
    enter(|| {
        // SAFETY: the program promises a message of its own, and text that ends with a zero.
        let (message, group) = unsafe { (message::get(msg)?, raw_text(group)?) };
        message.set_group_apart(group).map_err(|_| Errno(EINVAL))?;
        Ok(0)
    })
}

/// The text is good until the message is closed, sent or given another group.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_group(msg: *mut ZmqMsg) -> *const c_char {
    // SAFETY: the program promises a message of its own.
    enter(|| Ok(unsafe { message::get(msg) }?.group_text().as_ptr()))
}
