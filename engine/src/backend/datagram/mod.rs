//! Datagrams, as backends receive and send them: messages of a socket without a connection, each
//! with the address that it comes from or goes to.
//!
//! The calls to the system are here, and the same for both backends: each receives and sends as
//! many datagrams with a call as the system takes, and runs of them in one where it can.

mod batch;
mod parts;
#[cfg(target_os = "linux")]
pub(super) mod segment;
mod send;

#[cfg(unix)]
pub(super) mod address;
#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(all(unix, not(target_os = "linux")), path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

pub use batch::{DatagramBatch, OutgoingDatagram, SendTally};
pub use parts::{Datagram, DatagramPart};
pub(crate) use send::{Segmentation, send};
pub use system::report_destination;
pub(crate) use system::set_runs;

use super::Buffer;
use crate::io_thread::token::Token;
use socket2::Socket;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

/// Datagrams of one socket that are received in a [`poll`](super::Backend::poll) at the most, and
/// sent of one batch: one busy socket keeps no other waiting for longer. A socket has so many
/// receive buffers. A run counts as one of them, if the system takes it or brings it in one.
pub const DATAGRAMS: usize = 32;

/// Bytes of a datagram: the length in the header of UDP has 16 bits, and those of the header count.
pub const LONGEST_DATAGRAM: usize = u16::MAX as usize;

/// Datagrams of a run that go with one call at the most: no kernel that knows of runs takes fewer.
pub const MOST_IN_RUN: usize = 64;

/// Bytes of a run that go with one call at the most. Linux takes a few more; but those it makes into
/// datagrams before they come to the network's device, so that on loopback they arrive one by one:
/// with headers of IP and of the device they must be less than 64 KiB.
pub const LONGEST_RUN: usize = 65_000;

/// What a receive of datagrams is to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramReceive {
    /// Bytes that are kept of each, from its beginning: [`LONGEST_DATAGRAM`] at the most.
    pub longest: usize,
    /// Whoever receives can take runs: datagrams of one source that the system has put together
    /// come as one [`Datagram`] with a [`segment`](Datagram::segment), if the system does that. Each
    /// buffer of the socket is as long as a run may be.
    pub runs: bool,
}

impl DatagramReceive {
    /// Of which so many bytes are kept, if there are.
    pub(super) fn kept(self) -> usize {
        self.longest.min(LONGEST_DATAGRAM)
    }

    /// Bytes that a buffer has to have for what is in a datagram, or in a run.
    pub(super) fn room(self) -> usize {
        if self.runs { LONGEST_DATAGRAM } else { self.kept() }
    }
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
pub(crate) struct DatagramSlot {
    /// Bytes that are kept.
    longest: usize,
    memory: Box<[u8]>,
    info: Option<DatagramInfo>,
}

/// What the system says of a datagram that has arrived.
pub(super) struct DatagramInfo {
    pub(super) len: usize,
    pub(super) source: SocketAddr,
    pub(super) destination: Option<IpAddr>,
    pub(super) truncated: bool,
    pub(super) segment: Option<NonZeroU16>,
}

impl DatagramInfo {
    /// The datagram, or the run, that lies in `bytes`; `longest` of each datagram are kept.
    pub(super) fn datagram<'a>(&self, bytes: &'a [u8], longest: usize) -> Datagram<'a> {
        let Self { len, source, destination, truncated, segment } = *self;
        // Of a run, each part is cut by itself.
        let kept = if segment.is_some() { len } else { len.min(longest) }.min(bytes.len());
        let truncated = truncated || kept < len;
        Datagram { bytes: &bytes[..kept], source, destination, truncated, segment, longest }
    }
}

impl DatagramSlot {
    /// For what `how` asks for.
    pub(crate) fn new(how: DatagramReceive) -> Self {
        let memory = vec![0; system::memory_for(how.room())].into();
        Self { longest: how.kept(), memory, info: None }
    }

    /// What was received last, unless that had no source.
    pub(crate) fn datagram(&self) -> Option<Datagram<'_>> {
        Some(self.info.as_ref()?.datagram(&self.memory, self.longest))
    }
}

/// Receives into the first of `slots`, as many datagrams as one call of the system brings; returns
/// how many that was, one at least.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when there are none; what the network says of datagrams that were
/// sent before; or why there never will be any.
pub(crate) fn receive(socket: &Socket, slots: &mut [DatagramSlot]) -> io::Result<usize> {
    loop {
        match system::receive(socket, slots) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
