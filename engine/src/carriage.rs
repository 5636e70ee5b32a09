//! Between the messages of a pipe and datagrams.

use crate::backend::{Datagram, DatagramBatch};
use crate::monitor::MonitorEvent;
use ringmq_pipe::{Piece, PipeWriter, WriteError, frame};
use std::time::Instant;

/// Puts messages into datagrams, and takes them out. Called by one thread at a time: the I/O thread of its link, or
/// a thread of the application that reads the datagrams itself (see [`DatagramHalf`](crate::DatagramHalf)).
pub trait Carriage: Send {
    /// Whether messages are taken now.
    fn has_room(&self) -> bool {
        true
    }

    /// Puts whole messages, as the socket has written them, into datagrams that go out next. Returns how many were
    /// not, because they cannot be sent.
    fn pack(&mut self, now: Instant, messages: &[Piece], batch: &mut DatagramBatch) -> u64;

    /// Takes messages out of a datagram, or of a run of them.
    fn unpack(&mut self, now: Instant, datagram: &Datagram<'_>, pipe: &mut PipeWriter) -> Unpacked;

    /// Adds what is to be sent though no message asks for it.
    fn next(&mut self, _now: Instant, _batch: &mut DatagramBatch) {}

    /// When there is something to do though nothing happens until then.
    fn timeout(&mut self, _now: Instant) -> Option<Instant> {
        None
    }

    /// That time has come.
    fn on_timeout(&mut self, _now: Instant, _pipe: &mut PipeWriter) -> Unpacked {
        Unpacked::default()
    }

    /// Whether something was received for which the pipe had no room.
    fn is_blocked(&self) -> bool {
        false
    }

    /// Whether what comes while the pipe has no room is kept until it has: else nothing is received meanwhile.
    fn reads_on(&self) -> bool {
        false
    }

    /// The pipe may have room again.
    fn resume(&mut self, _pipe: &mut PipeWriter) -> Unpacked {
        Unpacked::default()
    }

    /// The socket has closed the pipe, and all that was in it is packed: what is left to be done? Nothing, if this is
    /// `true`.
    fn finish(&mut self, _now: Instant) -> bool {
        true
    }

    /// What the application may want to know.
    fn news(&mut self) -> Vec<MonitorEvent> {
        Vec::new()
    }
}

/// What became of the messages in what was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// There was no room for so many.
    pub overrun: u64,
    /// So many were none, or not for this socket.
    pub malformed: u64,
    /// So many packets are lost, and cannot be had again.
    pub lost: u64,
}

impl Unpacked {
    /// Adds what became of others.
    pub fn add(&mut self, more: Self) {
        let Self { overrun, malformed, lost } = more;
        self.overrun += overrun;
        self.malformed += malformed;
        self.lost += lost;
    }

    /// Messages and packets, of whatever became nothing.
    pub fn total(self) -> u64 {
        self.overrun + self.malformed + self.lost
    }

    /// Writes a message of two frames, or counts that there is no room for it.
    pub fn write(&mut self, pipe: &mut PipeWriter, first: &[u8], body: &[u8]) {
        match pipe.write_body(frame::MORE, first).and_then(|()| pipe.write_body(0, body)) {
            Ok(()) | Err(WriteError::Closed) => {}
            Err(WriteError::Full) => self.overrun += 1,
        }
    }
}
