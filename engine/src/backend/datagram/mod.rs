//! Datagrams, as backends receive and send them: messages of a socket without a connection, each
//! with the address that it comes from or goes to.
//!
//! The calls to the system are here, and the same for both backends: each receives and sends as
//! many datagrams with a call as the system takes.

mod batch;

#[cfg(unix)]
pub(super) mod address;
#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(all(unix, not(target_os = "linux")), path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

pub use batch::{DatagramBatch, OutgoingDatagram, SendTally};
pub use system::report_destination;

use super::Buffer;
use crate::io_thread::token::Token;
use socket2::Socket;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// Datagrams of one socket that are received in a [`poll`](super::Backend::poll) at the most, and
/// sent of one batch: one busy socket keeps no other waiting for longer. A socket has so many
/// receive buffers.
pub const DATAGRAMS: usize = 32;

/// Bytes of a datagram: the length in the header of UDP has 16 bits, and those of the header count.
pub const LONGEST_DATAGRAM: usize = u16::MAX as usize;

/// A datagram that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// What is in it, from its beginning; possibly nothing.
    pub bytes: &'a [u8],
    /// Who sent it.
    pub source: SocketAddr,
    /// The address that it was sent to: one of this machine, or a group's. `None` where the system
    /// does not tell: see [`report_destination`].
    pub destination: Option<IpAddr>,
    /// There was more of it than the receive was to keep; that is lost.
    pub truncated: bool,
}

/// A received datagram in the backend's memory; looked at with
/// [`Backend::datagram`](super::Backend::datagram), then given back.
#[derive(Debug)]
pub struct DatagramBuffer {
    /// Whose memory it is.
    pub(super) token: Token,
    pub(super) buffer: Buffer,
}

/// Memory for a datagram that the portable backend receives, and what was received into it.
pub(super) struct DatagramSlot {
    /// Bytes that are kept.
    longest: usize,
    memory: Box<[u8]>,
    info: Option<DatagramInfo>,
}

/// What the system says of a datagram that has arrived.
struct DatagramInfo {
    len: usize,
    source: SocketAddr,
    destination: Option<IpAddr>,
    truncated: bool,
}

impl DatagramSlot {
    /// For datagrams of which `longest` bytes are kept.
    pub(super) fn new(longest: usize) -> Self {
        let memory = vec![0; system::memory_for(longest)].into();
        Self { longest, memory, info: None }
    }

    /// What was received last, unless that had no source.
    pub(super) fn datagram(&self) -> Option<Datagram<'_>> {
        let DatagramInfo { len, source, destination, truncated } = *self.info.as_ref()?;
        let kept = len.min(self.longest);
        let truncated = truncated || kept < len;
        Some(Datagram { bytes: &self.memory[..kept], source, destination, truncated })
    }
}

/// Receives into the first of `slots`, as many datagrams as one call of the system brings; returns
/// how many that was, one at least.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when there are none; what the network says of datagrams that were
/// sent before; or why there never will be any.
pub(super) fn receive(socket: &Socket, slots: &mut [DatagramSlot]) -> io::Result<usize> {
    loop {
        match system::receive(socket, slots) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Sends the first [`DATAGRAMS`] of `batch`, each as one datagram. One that is refused is counted,
/// and those after it are sent.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when not even the first of them can go out now.
pub(super) fn send(socket: &Socket, batch: &DatagramBatch) -> io::Result<SendTally> {
    let mut left = batch.front(DATAGRAMS);
    let mut tally = SendTally::default();
    while !left.is_empty() {
        match system::send(socket, left) {
            Ok(count) => {
                tally.sent += count as u32;
                left = left.get(count..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if tally.tried() == 0 {
                    return Err(error);
                }
                break;
            }
            Err(error) => {
                // Either it is this one's, or the network's of one before. (One that Linux meets
                // after the first of a call only ends that, and a datagram is tried again.)
                tally.refused += 1;
                tally.refusal.get_or_insert(error);
                left = &left[1..];
            }
        }
    }
    Ok(tally)
}
