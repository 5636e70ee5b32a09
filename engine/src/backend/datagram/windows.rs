//! One datagram with a call, and where it comes from.

use super::{DatagramInfo, DatagramSlot, LONGEST_DATAGRAM, OutgoingDatagram};
use crate::backend::socket::as_uninit;
use socket2::{SockAddr, Socket};
use std::io;

/// Bytes that it takes to receive datagrams, however few are kept of each: one that is longer than
/// the memory is an error here, which tells nothing of it. So all of it is received, and cut
/// afterwards.
pub(super) const fn memory_for(_: usize) -> usize {
    LONGEST_DATAGRAM
}

/// This system takes one datagram at a time.
pub(super) const SENDS_RUNS: bool = false;

/// Whether the system refuses a run: it never gets one.
pub(super) fn refuses_run(_: &io::Error) -> bool {
    false
}

/// Has the system put datagrams together: it does not do that.
pub(in crate::backend) fn receive_runs(_: &Socket) -> bool {
    false
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

pub(super) fn send(socket: &Socket, datagrams: &[OutgoingDatagram]) -> io::Result<usize> {
    let Some(OutgoingDatagram { bytes, to, .. }) = datagrams.first() else { return Ok(0) };
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
