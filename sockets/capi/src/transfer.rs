//! Messages sent and received, a frame at a time as C programs do.

use std::ffi::{c_int, c_void};
use std::sync::atomic::Ordering;

use ringmq::{Error, Message, Payload, SendError};

use crate::boundary::{bytes, enter};
use crate::errors::system::{EFAULT, EINVAL};
use crate::errors::{Errno, Result};
use crate::message::{self, ZmqMsg};
use crate::socket::{CSocket, with};

const DONTWAIT: c_int = 1;
const SNDMORE: c_int = 2;

/// What a function of C does with a socket.
#[inline(always)]
fn enter_with(socket: *mut c_void, run: impl FnOnce(&CSocket) -> Result<c_int>) -> c_int {
    enter(|| with(socket, run))
}

/// A length as C functions return it.
fn length(size: usize) -> c_int {
    c_int::try_from(size).unwrap_or(c_int::MAX)
}

/// Sends a frame; if that fails, it comes back.
#[inline(never)]
fn send(
    socket: &CSocket,
    mut frame: Message,
    flags: c_int,
) -> std::result::Result<(), (Errno, Message)> {
    frame.set_more(flags & SNDMORE != 0);
    let sent = match flags & DONTWAIT {
        0 => socket.socket.send(frame),
        _ => socket.socket.try_send(frame),
    };
    sent.map_err(|mut failed| (failed.error.into(), failed.message.pop_front().unwrap_or_default()))
}

/// Sends a frame of this body.
#[inline(always)]
fn send_body(socket: &CSocket, body: &[u8], flags: c_int) -> Result<()> {
    if flags & (DONTWAIT | SNDMORE) != 0 {
        return send_body_so(socket, body, flags);
    }
    socket.socket.send(body).map_err(why)
}

/// As these flags tell. Apart from what is done most, which needs fewer registers.
#[inline(never)]
fn send_body_so(socket: &CSocket, body: &[u8], flags: c_int) -> Result<()> {
    match flags & SNDMORE {
        0 => socket.socket.try_send(body).map_err(why),
        _ => send(socket, Message::copy_from(body), flags).map_err(|(error, _)| error),
    }
}

/// Why it was not sent, as C is told.
#[cold]
#[inline(never)]
fn why(failed: SendError) -> Errno {
    failed.into()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_send(
    socket: *mut c_void,
    data: *const c_void,
    size: usize,
    flags: c_int,
) -> c_int {
    enter_with(socket, |socket| {
        // SAFETY: the program promises so many bytes.
        let body = unsafe { bytes(data, size) }?;
        send_body(socket, body, flags)?;
        Ok(length(size))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_send_const(
    socket: *mut c_void,
    data: *const c_void,
    size: usize,
    flags: c_int,
) -> c_int {
    enter_with(socket, |socket| {
        // SAFETY: the program promises so many bytes, for as long as it runs.
        let body: &'static [u8] = unsafe { bytes(data, size) }?;
        send(socket, Message::from(body), flags).map_err(|(error, _)| error)?;
        Ok(length(size))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_send(
    msg: *mut ZmqMsg,
    socket: *mut c_void,
    flags: c_int,
) -> c_int {
    enter_with(socket, |socket| {
        // SAFETY: the program promises that.
        let place = unsafe { message::get(msg) }?;
        let size = place.len();
        let copied = place.as_copied().filter(|_| flags & SNDMORE == 0 && !place.is_addressed());
        if let Some(body) = copied {
            // Where it is, as a message is large to be moved about.
            send_body(socket, body, flags)?;
            message::clear(place);
            return Ok(length(size));
        }
        let more = place.more();
        if let Err((error, mut frame)) = send(socket, message::take(place), flags) {
            // It is the program's still, as it was.
            frame.set_more(more);
            *place = frame;
            return Err(error);
        }
        Ok(length(size))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_sendmsg(socket: *mut c_void, msg: *mut ZmqMsg, flags: c_int) -> c_int {
    // SAFETY: the program promises what it promises there.
    unsafe { zmq_msg_send(msg, socket, flags) }
}

/// Copies as much of a frame as there is room for, and says how long it was.
///
/// # Safety
/// `into` has room for `room` bytes.
unsafe fn copy_out(frame: &[u8], into: *mut c_void, room: usize) -> c_int {
    let count = frame.len().min(room);
    if count > 0 {
        // SAFETY: the caller promises the room; what is received is nowhere in the program's memory.
        unsafe { std::ptr::copy_nonoverlapping(frame.as_ptr(), into.cast(), count) };
    }
    length(frame.len())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_recv(
    socket: *mut c_void,
    into: *mut c_void,
    room: usize,
    flags: c_int,
) -> c_int {
    enter_with(socket, |socket| {
        if into.is_null() && room > 0 {
            return Err(Errno(EFAULT));
        }
        // SAFETY: the program promises the room.
        let copy_out = |frame: &[u8]| unsafe { copy_out(frame, into, room) };
        let (size, more) = match flags & DONTWAIT {
            0 => socket.socket.recv_with(|frame| (copy_out(&frame), frame.more()))?,
            _ => {
                let frame = try_recv(socket)?;
                (copy_out(&frame), frame.more())
            }
        };
        socket.more.store(more, Ordering::Relaxed);
        Ok(size)
    })
}

/// What there is now. If there is nothing, and the program watches the descriptor, what comes next is told
/// there.
fn try_recv(socket: &CSocket) -> std::result::Result<Message, Error> {
    loop {
        match socket.socket.try_recv() {
            Err(Error::WouldBlock) if socket.watched.load(Ordering::Relaxed) => {
                if !socket.socket.events()?.readable {
                    return Err(Error::WouldBlock);
                }
            }
            result => return result,
        }
    }
}

fn recv(socket: &CSocket, flags: c_int) -> Result<Message> {
    let frame = match flags & DONTWAIT {
        0 => socket.socket.recv(),
        _ => try_recv(socket),
    }?;
    socket.more.store(frame.more(), Ordering::Relaxed);
    Ok(frame)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_recv(
    msg: *mut ZmqMsg,
    socket: *mut c_void,
    flags: c_int,
) -> c_int {
    enter_with(socket, |socket| {
        // SAFETY: the program promises that.
        let place = unsafe { message::get(msg) }?;
        if flags & DONTWAIT != 0 {
            return recv_now(socket, place, flags);
        }
        // Whether there is a message or an error, what was there before is gone.
        place.release_properties();
        socket.socket.recv_into(place)?;
        socket.more.store(place.more(), Ordering::Relaxed);
        Ok(length(place.len()))
    })
}

/// Apart from what waits, as of [`send_body_so`].
#[inline(never)]
fn recv_now(socket: &CSocket, place: &mut Message, flags: c_int) -> Result<c_int> {
    message::replace(place, recv(socket, flags)?);
    Ok(length(place.len()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_recvmsg(socket: *mut c_void, msg: *mut ZmqMsg, flags: c_int) -> c_int {
    // SAFETY: the program promises what it promises there.
    unsafe { zmq_msg_recv(msg, socket, flags) }
}

/// `struct iovec`.
#[repr(C)]
pub struct IoVec {
    base: *mut c_void,
    len: usize,
}

/// The frames of a message, one a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_sendiov(
    socket: *mut c_void,
    buffers: *mut IoVec,
    count: usize,
    flags: c_int,
) -> c_int {
    enter_with(socket, |socket| {
        if count == 0 || buffers.is_null() {
            return Err(Errno(EINVAL));
        }
        // SAFETY: the program promises so many.
        let buffers = unsafe { std::slice::from_raw_parts(buffers, count) };
        let mut last = 0;
        for (at, buffer) in buffers.iter().enumerate() {
            // SAFETY: the program promises so many bytes.
            let frame = Message::copy_from(unsafe { bytes(buffer.base, buffer.len) }?);
            let flags = if at + 1 < count { flags | SNDMORE } else { flags & !SNDMORE };
            send(socket, frame, flags).map_err(|(error, _)| error)?;
            last = length(buffer.len);
        }
        Ok(last)
    })
}

/// The frames of a message into buffers that are allocated for them, as many as `count` says, and as many of
/// them as there were.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_recviov(
    socket: *mut c_void,
    buffers: *mut IoVec,
    count: *mut usize,
    flags: c_int,
) -> c_int {
    enter_with(socket, |socket| {
        if count.is_null() || buffers.is_null() {
            return Err(Errno(EINVAL));
        }
        // SAFETY: it is not NULL, and the program promises a number.
        let room = unsafe { count.read() };
        if room == 0 {
            return Err(Errno(EINVAL));
        }
        let mut received = 0;
        let mut result = Ok(0);
        while received < room {
            let frame = match recv(socket, flags).and_then(|frame| Ok((allocated(&frame)?, frame)))
            {
                Ok((base, frame)) => {
                    // SAFETY: the program promises room for so many.
                    unsafe { buffers.add(received).write(IoVec { base, len: frame.len() }) };
                    frame
                }
                Err(error) => {
                    result = Err(error);
                    break;
                }
            };
            received += 1;
            if !frame.more() {
                break;
            }
        }
        // SAFETY: as above.
        unsafe { count.write(received) };
        result.map(|_: c_int| length(received))
    })
}

/// A copy for the program to free.
fn allocated(frame: &[u8]) -> Result<*mut c_void> {
    // SAFETY: any size may be asked for.
    let memory = unsafe { libc::malloc(frame.len().max(1)) };
    if memory.is_null() {
        return Err(Errno(crate::errors::system::ENOMEM));
    }
    // SAFETY: there is room for it, and it is new.
    unsafe { std::ptr::copy_nonoverlapping(frame.as_ptr(), memory.cast(), frame.len()) };
    Ok(memory)
}
