//! One datagram with a call, and what the system tells of it: `recvmsg`.
#![allow(unsafe_code)]

use super::address::{CONTROL, Control, NAME, destination, source};
use super::batch::SendPiece;
use super::{DatagramInfo, DatagramSlot};
use socket2::{SockAddr, Socket};
use std::io;
use std::os::fd::AsRawFd;

pub use super::address::report_destination;

/// Bytes that it takes to receive datagrams of which `longest` are kept: the system cuts what is
/// longer, and says so.
pub(super) const fn memory_for(longest: usize) -> usize {
    longest
}

pub(super) fn receive(socket: &Socket, slots: &mut [DatagramSlot]) -> io::Result<usize> {
    let Some(slot) = slots.first_mut() else { return Ok(0) };
    let (mut name, mut control) = ([0; NAME], Control([0; CONTROL]));
    let mut vector =
        libc::iovec { iov_base: slot.memory.as_mut_ptr().cast(), iov_len: slot.memory.len() };
    // SAFETY: a header of zeroes is valid: no name, no vector, no control data.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = name.as_mut_ptr().cast();
    header.msg_namelen = NAME as _;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL as _;
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    // SAFETY: the name, the vector of one and the control data are as long as the header says, and
    // stay where they are until the call is over.
    let result = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) };
    let len = usize::try_from(result).map_err(|_| io::Error::last_os_error())?;
    let name = &name[..NAME.min(header.msg_namelen as usize)];
    let control = &control.0[..CONTROL.min(header.msg_controllen as _)];
    slot.info = source(name).map(|source| DatagramInfo {
        len,
        source,
        destination: destination(control),
        truncated: header.msg_flags & libc::MSG_TRUNC != 0,
        segment: None,
    });
    Ok(1)
}

#[cfg(not(target_vendor = "apple"))]
const FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
/// The sockets themselves are set so that there is no signal, by socket2.
#[cfg(target_vendor = "apple")]
const FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// Whether `socket` sends a run in one: here there are no runs.
pub(super) fn takes_runs(_: &Socket) -> bool {
    false
}

/// Has what `socket` receives come in runs or not: here it never does.
pub(crate) fn set_runs(_: &Socket, _: bool) {}

pub(super) fn send(socket: &Socket, pieces: &[SendPiece<'_>]) -> io::Result<usize> {
    let Some(SendPiece { bytes, to, .. }) = pieces.first() else { return Ok(0) };
    match to {
        Some(to) => socket.send_to_with_flags(bytes, &SockAddr::from(*to), FLAGS)?,
        None => socket.send_with_flags(bytes, FLAGS)?,
    };
    Ok(1)
}
