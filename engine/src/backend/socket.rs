//! Calls on sockets that do not block: the same on every system, and cheaper than any ring for one
//! connection. Of a connection's they are made by whoever has its half to itself at the moment.

#![allow(unsafe_code)]

use super::CALL;
use crate::batch::Batch;
use socket2::{MaybeUninitSlice, Socket};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;

/// Stretches of memory in one vectored write: more hardly save anything, and no system takes fewer.
const SLICES: usize = 64;

/// Sends as much of `batch` as the kernel takes; returns how many bytes that was.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when it takes none now, or why it never will.
pub(super) fn send(socket: &Socket, batch: &Batch) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let mut count = 0;
    for (slot, slice) in slices.iter_mut().zip(batch.io_slices(SLICES)) {
        *slot = slice;
        count += 1;
    }
    loop {
        match send_vectored(socket, &slices[..count]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Accepts a connection that waits, as a descriptor that does not block and is closed on exec.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when none does, or why it cannot be had.
pub(super) fn accept(listener: &Socket) -> io::Result<Socket> {
    loop {
        match accept_once(listener) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(target_os = "linux")]
fn accept_once(listener: &Socket) -> io::Result<Socket> {
    use std::os::fd::{AsRawFd, FromRawFd};
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let (address, length) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the peer's address is not asked for, so that no memory is written.
    match unsafe { libc::accept4(listener.as_raw_fd(), address, length, flags) } {
        // SAFETY: a descriptor that the kernel has just made for us, owned by nobody else.
        fd @ 0.. => Ok(unsafe { Socket::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
fn accept_once(listener: &Socket) -> io::Result<Socket> {
    let (socket, _) = listener.accept()?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Receives into the spare room of `body`, at most `most` bytes and no more than a `piece` at once, and what
/// comes after those `most` into `rest`; returns how many bytes went where. `body` has room.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when there is nothing now, or why there never will be.
pub(super) fn receive_body(
    socket: &Socket,
    body: &mut Vec<u8>,
    most: usize,
    piece: usize,
    rest: &mut [u8],
) -> io::Result<(usize, usize)> {
    receive_body_within(CALL.min(piece), socket, body, most, rest)
}

/// The same with at most `call` bytes for `body`.
fn receive_body_within(
    call: usize,
    socket: &Socket,
    body: &mut Vec<u8>,
    most: usize,
    rest: &mut [u8],
) -> io::Result<(usize, usize)> {
    let have = body.len();
    let spare = body.spare_capacity_mut();
    let room = spare.len().min(call);
    // What is of the body and does not go there yet must not go to `rest`.
    let whole = room >= most;
    let most = most.min(room);
    let mut buffers =
        [MaybeUninitSlice::new(&mut spare[..most]), MaybeUninitSlice::new(as_uninit(rest))];
    let count = if whole { 2 } else { 1 };
    let bytes = loop {
        match socket.recv_vectored(&mut buffers[..count]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => break result?.0,
        }
    };
    let first = bytes.min(most);
    // SAFETY: the system has filled so many bytes of the spare room.
    unsafe { body.set_len(have + first) };
    Ok((first, bytes - first))
}

/// Initialised memory as memory to be filled.
pub(super) fn as_uninit(buffer: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    // SAFETY: the same layout; the system writes bytes there, or nothing.
    unsafe { &mut *(std::ptr::from_mut(buffer) as *mut [MaybeUninit<u8>]) }
}

/// A peer that is gone is an error value, never a signal.
#[cfg(all(unix, not(target_vendor = "apple")))]
fn send_vectored(socket: &Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match slices {
        [one] => socket.send_with_flags(one, libc::MSG_NOSIGNAL),
        slices => socket.send_vectored_with_flags(slices, libc::MSG_NOSIGNAL),
    }
}

/// On Apple's systems the sockets themselves are set so, by socket2; Windows has no such signal.
#[cfg(any(not(unix), target_vendor = "apple"))]
fn send_vectored(socket: &Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    socket.send_vectored(slices)
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use socket2::{Domain, Type};
    use std::io::Write;

    #[test]
    fn a_body_longer_than_a_call_may_be_comes_in_several() {
        let (near, mut far) = Socket::pair(Domain::UNIX, Type::STREAM, None).unwrap();
        far.write_all(b"a body and more").unwrap();
        let (mut body, mut rest) = (Vec::with_capacity(6), [0; 9]);
        let mut receive = || {
            let missing = 6 - body.len();
            receive_body_within(4, &near, &mut body, missing, &mut rest).unwrap()
        };
        assert_eq!(receive(), (4, 0), "nothing of the body goes to the rest");
        assert_eq!(receive(), (2, 9));
        assert_eq!((&body[..], &rest), (&b"a body"[..], b" and more"));
    }
}
