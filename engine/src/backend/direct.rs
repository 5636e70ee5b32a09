//! Non-blocking calls on a descriptor by whoever has it to itself at the moment: the same on every
//! system, and cheaper than any ring for one connection.

use super::Descriptor;
use crate::batch::Batch;
use std::io::{self, IoSlice, Read};

/// Stretches of memory in one vectored write: more hardly save anything, and no system takes fewer.
const SLICES: usize = 64;

/// Sends as much of `batch` as the kernel takes; returns how many octets that was.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when it takes none now, or why it never will.
pub(crate) fn send(socket: &Descriptor, batch: &Batch) -> io::Result<usize> {
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

/// Receives what there is into `buffer`; no octets mean the end.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when there is nothing now, or why there never will be.
pub(crate) fn receive(socket: &Descriptor, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match (&**socket).read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A peer that is gone is an error value, never a signal.
#[cfg(target_os = "linux")]
fn send_vectored(socket: &Descriptor, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match slices {
        [one] => socket.send_with_flags(one, libc::MSG_NOSIGNAL),
        slices => socket.send_vectored_with_flags(slices, libc::MSG_NOSIGNAL),
    }
}

#[cfg(not(target_os = "linux"))]
fn send_vectored(socket: &Descriptor, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    socket.send_vectored(slices)
}
