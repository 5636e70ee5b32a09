//! Sending a batch: runs in one where the system takes them, else datagram by datagram.

use super::batch::{BatchPlace, SendPiece};
use super::{DATAGRAMS, DatagramBatch, SendTally, system};
use arrayvec::ArrayVec;
use socket2::Socket;
use std::io;
use std::num::NonZeroU16;

/// Which runs of a socket's are given to the system in one.
#[derive(Debug, Default)]
pub(crate) struct Segmentation {
    /// Those of datagrams that are shorter than this. Unknown until there is a run: a system that
    /// knows nothing of runs would send one as a single datagram, so it is asked first.
    below: Option<u32>,
}

impl Segmentation {
    fn takes(&mut self, socket: &Socket, segment: NonZeroU16) -> bool {
        let ask = || if system::takes_runs(socket) { u32::MAX } else { 0 };
        u32::from(segment.get()) < *self.below.get_or_insert_with(ask)
    }

    /// A run was refused of which the datagrams go out by themselves.
    fn learn(&mut self, refused: RefusedRun) {
        let below = match refused.fault {
            RunFault::Once => return,
            RunFault::Length => u32::from(refused.segment.get()),
            RunFault::Socket => 0,
        };
        self.below = Some(self.below.unwrap_or(u32::MAX).min(below));
    }
}

/// A run that the system has not taken, and that is being sent datagram by datagram.
#[derive(Clone, Copy)]
struct RefusedRun {
    /// Where in the batch it is.
    index: usize,
    segment: NonZeroU16,
    fault: RunFault,
}

/// What kept a run from being sent in one.
#[derive(Clone, Copy)]
#[cfg_attr(windows, expect(dead_code, reason = "no run is ever given to that system"))]
enum RunFault {
    /// Something about this one, or about how things are now.
    Once,
    /// So long a segment, perhaps: older systems say the same whether it is that (a network on the
    /// way takes no such datagrams in one piece) or an option of the socket's.
    Length,
    /// The socket, or the device that it sends through.
    Socket,
}

#[cfg(unix)]
fn fault(error: &io::Error) -> Option<RunFault> {
    match error.raw_os_error()? {
        libc::EMSGSIZE | libc::ENOBUFS | libc::ENOMEM => Some(RunFault::Once),
        libc::EINVAL => Some(RunFault::Length),
        libc::EIO | libc::ENOPROTOOPT | libc::EOPNOTSUPP => Some(RunFault::Socket),
        _ => None,
    }
}

/// There are no runs.
#[cfg(not(unix))]
fn fault(_: &io::Error) -> Option<RunFault> {
    None
}

/// Sends the first of `batch`, as many as [`DATAGRAMS`] pieces that the system takes one by one: a
/// datagram each, or a run. A datagram that is refused is counted, and those after it are sent.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when not even the first of them can go out now.
pub(crate) fn send(
    socket: &Socket,
    batch: &DatagramBatch,
    runs: &mut Segmentation,
) -> io::Result<SendTally> {
    let (mut tally, mut place) = (SendTally::default(), BatchPlace::default());
    let mut refused: Option<RefusedRun> = None;
    let mut turns = DATAGRAMS;
    while turns > 0 {
        let apart = refused.map(|run| run.index);
        let pieces = pieces(batch, place, turns, |index, segment| {
            Some(index) != apart && runs.takes(socket, segment)
        });
        let Some(first) = pieces.first() else { break };
        match system::send(socket, &pieces) {
            Ok(count) => {
                let sent = &pieces[..count.min(pieces.len())];
                tally.sent += sent.iter().map(|piece| piece.datagrams).sum::<u32>();
                turns -= sent.len();
                place = sent.last().map_or(place, |last| last.next);
                // It was the run, since a datagram of it goes.
                if let Some(run) = refused.filter(|run| run.index == first.place.index) {
                    runs.learn(run);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if tally.tried() == 0 {
                    return Err(error);
                }
                break;
            }
            Err(error) => {
                if let Some((segment, fault)) = first.segment.zip(fault(&error)) {
                    refused = Some(RefusedRun { index: first.place.index, segment, fault });
                    continue;
                }
                // Either it is this one's, or the network's of one before. (One that Linux meets
                // after the first of a call only ends that, and a datagram is tried again.) What is
                // behind the first datagram of a run is none the worse for it.
                tally.refused += 1;
                tally.refusal.get_or_insert(error);
                turns -= 1;
                place = batch.piece(place, |_| false).map_or(place, |one| one.next);
            }
        }
    }
    Ok(tally)
}

/// Up to `most` pieces of `batch` from `place` on; `together` tells which runs go in one.
fn pieces<'a>(
    batch: &'a DatagramBatch,
    mut place: BatchPlace,
    most: usize,
    mut together: impl FnMut(usize, NonZeroU16) -> bool,
) -> ArrayVec<SendPiece<'a>, DATAGRAMS> {
    let mut pieces = ArrayVec::new();
    while pieces.len() < most.min(DATAGRAMS) {
        let Some(piece) = batch.piece(place, |segment| together(place.index, segment)) else {
            break;
        };
        place = piece.next;
        pieces.push(piece);
    }
    pieces
}

#[cfg(all(test, target_os = "linux"))]
#[path = "run_tests.rs"]
mod run_tests;
