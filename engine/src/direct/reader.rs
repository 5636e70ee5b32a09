//! The right of a thread to read a connection.

use super::{DatagramHalf, Direct, ReadEnd, ReadHalf, ReadLease, SendRate};
use crate::backend::{Ended, RECEIVE_BUFFER, Stream};
use ringmq_pipe::{LeaseGuard, Section};
use rustix::fd::{AsFd as _, BorrowedFd};
use std::cell::RefCell;
use std::io;
use std::time::Instant;

thread_local! {
    /// What a read brings, until it is decoded.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The calling thread's buffer, or a new one where there is none any more: the thread is ending.
fn take_buffer() -> Vec<u8> {
    let mut buffer = BUFFER.try_with(RefCell::take).unwrap_or_default();
    buffer.resize(RECEIVE_BUFFER, 0);
    buffer
}

fn give_buffer(buffer: Vec<u8>) {
    let _ = BUFFER.try_with(|place| place.replace(buffer));
}

/// What came of a look at a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// Something has come in. There may be messages in the pipe now.
    Received,
    /// Nothing has come in.
    WouldBlock,
    /// No more comes, or the I/O thread has to see to it: let go.
    Closed,
}

/// The right to read a connection.
pub struct Reader<'a> {
    direct: &'a Direct,
    held: Option<HeldHalf<'a>>,
    /// It is to be given back to the I/O thread, which has to see to it.
    over: bool,
}

/// The reading half while a thread has it.
enum HeldHalf<'a> {
    Stream(LeaseGuard<'a, ReadHalf>),
    Datagrams(LeaseGuard<'a, DatagramHalf>),
}

impl HeldHalf<'_> {
    fn is_wanted(&self) -> bool {
        match self {
            Self::Stream(half) => half.is_wanted(),
            Self::Datagrams(half) => half.is_wanted(),
        }
    }

    fn release_to_owner(self) {
        match self {
            Self::Stream(half) => half.release_to_owner(),
            Self::Datagrams(half) => half.release_to_owner(),
        }
    }
}

impl Direct {
    /// Takes the reading half, if it is lent out and nobody else has it.
    pub fn reader(&self) -> Option<Reader<'_>> {
        let held = match &self.read {
            ReadLease::Stream(lease) => HeldHalf::Stream(lease.take()?),
            ReadLease::Datagrams(lease) => HeldHalf::Datagrams(lease.take()?),
        };
        Some(Reader { direct: self, held: Some(held), over: false })
    }
}

impl Reader<'_> {
    /// Moves what has come in into the pipe; never blocks.
    pub fn fetch(&mut self) -> Fetch {
        let Some(held) = &mut self.held else { return Fetch::Closed };
        if self.over || held.is_wanted() {
            return Fetch::Closed;
        }
        let fetch = match held {
            HeldHalf::Stream(reading) => fetch_of_stream(self.direct, reading),
            HeldHalf::Datagrams(reading) => {
                let fetch = fetch_of_datagrams(reading);
                // What it has brought is told by the I/O thread.
                self.over = reading.is_report_due();
                return fetch;
            }
        };
        self.over = fetch == Fetch::Closed;
        fetch
    }

    /// Whether bytes of a stream are here that the pipe had no room for, and now has: the system says nothing of them.
    pub fn has_room(&mut self) -> bool {
        match &mut self.held {
            Some(HeldHalf::Stream(reading)) => reading.has_room(),
            _ => false,
        }
    }

    /// Whether bytes are here that the pipe had no room for: the system says nothing of them.
    pub fn is_blocked(&self) -> bool {
        match &self.held {
            Some(HeldHalf::Stream(reading)) => reading.is_blocked(),
            Some(HeldHalf::Datagrams(reading)) => reading.is_blocked(),
            None => true,
        }
    }

    /// Whether the last [`fetch`](Self::fetch) has read all that a stream had.
    pub fn has_drained(&self) -> bool {
        match &self.held {
            Some(HeldHalf::Stream(reading)) => reading.has_drained(),
            _ => false,
        }
    }

    /// The stream, unless it was let go, or is none.
    pub fn stream(&self) -> Option<&Stream> {
        match &self.held {
            Some(HeldHalf::Stream(reading)) => Some(&reading.stream),
            _ => None,
        }
    }

    /// What to wait for, unless it was let go.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self.held.as_ref()? {
            HeldHalf::Stream(reading) => Some(reading.stream.as_fd()),
            HeldHalf::Datagrams(reading) => Some(reading.socket().as_fd()),
        }
    }

    /// When to [`fetch`](Self::fetch) at the latest, whatever comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.held.as_ref()? {
            HeldHalf::Stream(_) => None,
            HeldHalf::Datagrams(reading) => reading.deadline(),
        }
    }
}

fn fetch_of_stream(direct: &Direct, reading: &mut ReadHalf) -> Fetch {
    if reading.over.is_some() {
        // Lent on before the session has seen why it was brought back.
        return Fetch::Closed;
    }
    let mut signs = Vec::new();
    // Whom the messages wake is none of this connection's business while it is in the middle of
    // them.
    let _section = Section::enter();
    let mut buffer = take_buffer();
    let result = reading.receive(&mut buffer, &mut signs);
    give_buffer(buffer);
    match result {
        Ok(()) => {
            SendRate::waited();
            direct.note(signs);
            Fetch::Received
        }
        Err(ReadEnd::Ended(Ended::Failed(error))) if error.kind() == io::ErrorKind::WouldBlock => {
            Fetch::WouldBlock
        }
        Err(over) => {
            direct.note(signs);
            reading.over = Some(over);
            Fetch::Closed
        }
    }
}

fn fetch_of_datagrams(reading: &mut DatagramHalf) -> Fetch {
    // As of a stream.
    let _section = Section::enter();
    match reading.receive() {
        Ok(()) => Fetch::Received,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Fetch::WouldBlock,
        Err(error) => {
            reading.fail(error);
            Fetch::Closed
        }
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let held = self.held.take();
        if self.over {
            held.into_iter().for_each(HeldHalf::release_to_owner);
        }
    }
}
