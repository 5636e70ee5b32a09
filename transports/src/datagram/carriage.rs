//! Between the messages of a pipe and datagrams.

use ringmq_engine::{Datagram, DatagramBatch};
use ringmq_pipe::{Piece, PipeWriter};
use std::time::Instant;

/// Puts messages into datagrams, and takes them out. Called by the I/O thread of its link.
pub(crate) trait Carriage: Send {
    /// Puts whole messages, as the socket has written them, into datagrams that go out next. Returns how many were
    /// not, because they cannot be sent.
    fn pack(&mut self, now: Instant, messages: &[Piece], batch: &mut DatagramBatch) -> u64;

    /// Takes messages out of a datagram, or of a run of them.
    fn unpack(&mut self, now: Instant, datagram: &Datagram<'_>, pipe: &mut PipeWriter) -> Intake;
}

/// What became of the messages in what was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Intake {
    /// There was no room for so many.
    pub(crate) overrun: u64,
    /// So many were none, or not for this socket.
    pub(crate) malformed: u64,
}
