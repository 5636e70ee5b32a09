//! One datagram with a call, and where it comes from.

use super::batch::SendPiece;
use super::{DatagramInfo, DatagramSlot, LONGEST_DATAGRAM};
use crate::backend::socket::as_uninit;
use socket2::{SockAddr, Socket};
use std::io;

/// Bytes that it takes to receive datagrams, however few are kept of each: one that is longer than
/// the memory is an error here, which tells nothing of it. So all of it is received, and cut
/// afterwards.
pub(super) const fn memory_for(_: usize) -> usize {
    LONGEST_DATAGRAM
}

pub(super) fn receive(socket: &Socket, slots: &mut [DatagramSlot]) -> io::Result<usize> {
    let Some(slot) = slots.first_mut() else { return Ok(0) };
    let (len, source) = socket.recv_from(as_uninit(&mut slot.memory))?;
    slot.info = source.as_socket().map(|source| DatagramInfo {
        len,
        source,
        destination: None,
        truncated: false,
        segment: None,
    });
    Ok(1)
}

/// Whether `socket` sends a run in one: here there are no runs.
pub(super) fn takes_runs(_: &Socket) -> bool {
    false
}

/// Has what `socket` receives come in runs or not: here it never does.
pub(crate) fn set_runs(_: &Socket, _: bool) {}

pub(super) fn send(socket: &Socket, pieces: &[SendPiece<'_>]) -> io::Result<usize> {
    let Some(SendPiece { bytes, to, .. }) = pieces.first() else { return Ok(0) };
    match to {
        Some(to) => socket.send_to(bytes, &SockAddr::from(*to))?,
        None => socket.send(bytes)?,
    };
    Ok(1)
}

/// Has the system tell, with each datagram that `socket` receives, which address it was sent to. It
/// does not here.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`]: a datagram's destination stays `None`.
pub fn report_destination(_: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
