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

pub use batch::{DatagramBatch, LONGEST_RUN, MOST_IN_RUN, OutgoingDatagram, SendTally};
pub(super) use system::receive_runs;
pub use system::report_destination;

use super::Buffer;
use crate::io_thread::token::Token;
use socket2::Socket;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

/// Datagrams of one socket that are received in a [`poll`](super::Backend::poll) at the most, and
/// sent of one batch: one busy socket keeps no other waiting for longer. A socket has so many
/// receive buffers.
pub const DATAGRAMS: usize = 32;

/// Bytes of a datagram: the length in the header of UDP has 16 bits, and those of the header count.
pub const LONGEST_DATAGRAM: usize = u16::MAX as usize;

/// How datagrams are received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramReceive {
    /// How many bytes are kept of each, [`LONGEST_DATAGRAM`] at the most.
    pub longest: usize,
    /// Several that came in a row from one source may come as a run, where the system does that. It takes more memory,
    /// and a fraction of the time.
    pub runs: bool,
}

/// A datagram that was received, or a run of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// What is in it, from its beginning; possibly nothing. Of a run all that is in its [parts](Self::parts).
    pub bytes: &'a [u8],
    /// If this is a run of datagrams: how many bytes each has, of which the last may have fewer.
    pub segment: Option<NonZeroU16>,
    /// How many bytes are kept of each.
    pub longest: usize,
    /// Who sent it.
    pub source: SocketAddr,
    /// The address that it was sent to: one of this machine, or a group's. `None` where the system
    /// does not tell: see [`report_destination`].
    pub destination: Option<IpAddr>,
    /// There was more of it than the receive was to keep; that is lost.
    pub truncated: bool,
}

impl<'a> Datagram<'a> {
    /// The datagrams, with whether there was more of each than is kept.
    pub fn parts(&self) -> impl Iterator<Item = (&'a [u8], bool)> + use<'a> {
        let Self { bytes, longest, truncated, .. } = *self;
        let each = self.segment.map_or(bytes.len(), |segment| segment.get().into());
        // One that is empty is one, too.
        let count = if each == 0 { 1 } else { bytes.len().div_ceil(each).max(1) };
        (0..count).map(move |at| {
            let part = &bytes[at * each..((at + 1) * each).min(bytes.len())];
            let kept = &part[..part.len().min(longest)];
            (kept, kept.len() < part.len() || truncated && at + 1 == count)
        })
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
pub(super) struct DatagramSlot {
    /// Bytes that are kept of each datagram.
    longest: usize,
    /// It may be a run.
    runs: bool,
    memory: Box<[u8]>,
    info: Option<DatagramInfo>,
}

/// What the system says of a datagram that has arrived.
struct DatagramInfo {
    len: usize,
    source: SocketAddr,
    destination: Option<IpAddr>,
    truncated: bool,
    segment: Option<NonZeroU16>,
}

impl DatagramSlot {
    /// For datagrams that are received like that.
    pub(super) fn new(DatagramReceive { longest, runs }: DatagramReceive) -> Self {
        let most = if runs { LONGEST_DATAGRAM } else { longest };
        let memory = vec![0; system::memory_for(most)].into();
        Self { longest, runs, memory, info: None }
    }

    /// What was received last, unless that had no source.
    pub(super) fn datagram(&self) -> Option<Datagram<'_>> {
        let DatagramInfo { len, source, destination, truncated, segment } = *self.info.as_ref()?;
        let (longest, most) = (self.longest, if self.runs { len } else { self.longest });
        let kept = len.min(most);
        let truncated = truncated || kept < len;
        let bytes = &self.memory[..kept];
        Some(Datagram { bytes, segment, longest, source, destination, truncated })
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

/// Whether a socket sends runs in one piece.
#[derive(Debug)]
pub(super) struct SendsRuns {
    /// How often the system may refuse to, until it is not asked any more.
    patience: u8,
}

impl SendsRuns {
    /// If this system does.
    pub(super) const fn new() -> Self {
        Self { patience: if system::SENDS_RUNS { 4 } else { 0 } }
    }
}

/// Sends the first [`DATAGRAMS`] of `batch`, each as one datagram, or as a run. One that is refused is counted,
/// and those after it are sent.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when not even the first of them can go out now.
pub(super) fn send(
    socket: &Socket,
    batch: &mut DatagramBatch,
    runs: &mut SendsRuns,
) -> io::Result<SendTally> {
    let mut tally = SendTally::default();
    while tally.tried < DATAGRAMS {
        let left = batch.from(tally.tried, DATAGRAMS - tally.tried, runs.patience > 0);
        let Some(first) = left.first() else { break };
        match system::send(socket, left) {
            Ok(count) => {
                tally.sent += left.iter().take(count).map(OutgoingDatagram::count).sum::<u32>();
                tally.tried += count;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if tally.tried == 0 {
                    return Err(error);
                }
                break;
            }
            Err(error) if first.run().is_some() && system::refuses_run(&error) => {
                // Which of the two it is, the run or what is in it, the datagrams will show.
                runs.patience = runs.patience.saturating_sub(1);
                batch.split(tally.tried);
            }
            Err(error) => {
                // Either it is this one's, or the network's of one before. (One that Linux meets
                // after the first of a call only ends that, and a datagram is tried again.)
                tally.refused += first.count();
                tally.tried += 1;
                tally.refusal.get_or_insert(error);
            }
        }
    }
    Ok(tally)
}
