//! A connection as threads of the application reach it: whoever waits does the I/O.
//!
//! A connection in traffic is two [leases](ringmq_pipe::Lease), one for each half, with the session
//! on the I/O thread as their owner.
//!
//! * The writing half is lent whenever the pipe is empty. A message that is then written goes to the
//!   kernel at once, on the thread that wrote it. What the kernel does not take, and messages that come
//!   faster than that is worth it ([`SendRate`]), are the I/O thread's.
//! * The reading half is lent when a thread or a task that waits for messages [asks](Direct::ask) for it,
//!   and taken back when it is left alone. A thread holds it while it waits; tasks [watch](Direct::watch), and
//!   pollers [attend](Direct::attend).
//!
//! A half is given back with everything that was found out in it; the session then does what
//! follows.

mod attendant;
mod burst;
mod grant;
mod parker;
#[cfg(all(unix, feature = "tokio"))]
mod reactors;
mod read_half;
mod send_rate;
mod watch;
mod write_half;

pub use attendant::Attendant;
pub(crate) use attendant::Attended;
pub(crate) use burst::Burst;
pub(crate) use grant::{ReadGrant, WriteGrant};
pub use parker::Parker;
pub(crate) use read_half::{ReadEnd, ReadHalf};
pub(crate) use write_half::{Finish, Flush, WriteHalf};

use attendant::AttendantSlot;
#[cfg(all(unix, feature = "tokio"))]
use reactors::Reactors;
use watch::Watchers;
use write_half::PATIENCE;

use crate::backend::{Ended, RECEIVE_BUFFER, Stream};
use crate::io_thread::IoHandle;
use crate::io_thread::handler::Notice;
use crate::io_thread::token::Token;
use crate::monitor::PeerLimit;
use crate::owner::SessionOwner;
use crate::session::inbound::{COMMANDS, PeerSign};
use ringmq_pipe::{InlineReader, Lease, LeaseGuard, Section};
use send_rate::SendRate;
use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A connection as threads of the application reach it: they send on it when it is idle, and read
/// it while they wait.
pub struct Direct {
    io: IoHandle,
    token: Token,
    owner: Arc<dyn SessionOwner>,
    read: Arc<Lease<ReadHalf>>,
    write: Arc<Lease<WriteHalf>>,
    /// The reading half was asked for and is not lent yet.
    asked: AtomicBool,
    /// What is in the pipe is a burst, which may be finished.
    bursting: AtomicBool,
    /// Something has come in that the session does not know of.
    heard: AtomicBool,
    /// It has ended. A figure to go by: relaxed throughout.
    closed: AtomicBool,
    /// Commands of the peer that the session has to heed.
    signs: Mutex<Vec<PeerSign>>,
    /// Bytes that the I/O thread has sent, and how many those were when a writer last waited for
    /// more in vain. Figures to go by: relaxed throughout; both wrap.
    moved: AtomicUsize,
    stuck_at: AtomicUsize,
    watchers: Watchers,
    attendant: AttendantSlot,
    #[cfg(all(unix, feature = "tokio"))]
    reactors: Reactors,
}

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

impl Direct {
    pub(crate) fn new(
        io: IoHandle,
        token: Token,
        owner: Arc<dyn SessionOwner>,
        read: Arc<Lease<ReadHalf>>,
        write: Arc<Lease<WriteHalf>>,
        #[cfg(all(unix, feature = "tokio"))] stream: Stream,
    ) -> Self {
        Self {
            io,
            token,
            owner,
            read,
            write,
            asked: AtomicBool::new(false),
            bursting: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            signs: Mutex::new(Vec::new()),
            moved: AtomicUsize::new(0),
            stuck_at: AtomicUsize::new(usize::MAX),
            watchers: Watchers::default(),
            attendant: AttendantSlot::default(),
            #[cfg(all(unix, feature = "tokio"))]
            reactors: Reactors::new(stream),
        }
    }

    /// The connection has ended: whoever watches it lets go of it.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        #[cfg(all(unix, feature = "tokio"))]
        self.reactors.close();
    }

    /// The peer has reached a limit: the connection ends, and the socket hears of that as of every end.
    pub fn refuse(&self, limit: PeerLimit) {
        self.io.tell(self.token, Notice::Refuse(limit));
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Takes the reading half, if it is lent out and nobody else has it.
    pub fn reader(&self) -> Option<Reader<'_>> {
        let held = self.read.take()?;
        Some(Reader { direct: self, held: Some(held), over: false })
    }

    /// Whether the I/O thread does the reading.
    pub fn is_with_owner(&self) -> bool {
        self.read.is_with_owner()
    }

    /// A thread that is about to wait sends what is left of a burst: what is waited for may be the answer. No
    /// more than one batch, as others may be in the midst of it.
    ///
    /// Nobody may write to the pipe meanwhile: the caller has the socket's lock. Otherwise a message might be
    /// put to sleep on, and wait for the next one.
    pub fn finish_burst(&self) {
        // Relaxed: the hint of the thread that writes, which is this one as a rule.
        if !self.bursting.load(Ordering::Relaxed) {
            return;
        }
        self.bursting.store(false, Ordering::Relaxed);
        // Who is told of room is none of this connection's business while it is in the middle of it.
        let _section = Section::enter();
        let Some(mut held) = self.write.take() else { return };
        match held.finish_burst() {
            Finish::Done => {}
            Finish::Watched => self.note_burst(),
            Finish::Blocked => held.release_to_owner(),
        }
    }

    /// What is in the pipe is a burst, which whoever waits next may finish.
    pub(crate) fn note_burst(&self) {
        self.bursting.store(true, Ordering::Relaxed);
        self.owner.note_burst();
    }

    /// Asks for the reading half. The socket's waiters are woken when it is lent.
    pub fn ask(&self) {
        if !self.asked.swap(true, Ordering::Relaxed) {
            self.io.tell(self.token, Notice::Lend);
        }
    }

    /// Leaves reading to the I/O thread from now on.
    pub fn give_back(&self) {
        if !self.read.is_with_owner() {
            self.io.tell(self.token, Notice::Reclaim);
        }
    }

    /// What was asked for is lent, or cannot be.
    pub(crate) fn answered(&self) {
        self.asked.store(false, Ordering::Relaxed);
    }

    /// Whether anything has come in since the last time.
    pub(crate) fn heard(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed)
    }

    /// What the peer has said meanwhile beside messages.
    pub(crate) fn take_signs(&self) -> Vec<PeerSign> {
        std::mem::take(&mut *self.signs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The I/O thread has sent so many bytes more.
    pub(crate) fn moved(&self, bytes: usize) {
        // One thread writes it.
        let moved = self.moved.load(Ordering::Relaxed).wrapping_add(bytes);
        self.moved.store(moved, Ordering::Relaxed);
    }

    /// Waits a moment while the I/O thread sends: what is written meanwhile only piles up, and has
    /// left the caches when its turn comes. One such wait in which nothing was sent is the last
    /// until something is.
    fn wait_for_turn(&self) {
        let (start, before) = (Instant::now(), self.moved.load(Ordering::Relaxed));
        if before == self.stuck_at.load(Ordering::Relaxed) {
            return;
        }
        while self.write.is_with_owner() {
            if start.elapsed() >= PATIENCE {
                if self.moved.load(Ordering::Relaxed) == before {
                    self.stuck_at.store(before, Ordering::Relaxed);
                }
                return;
            }
            std::thread::yield_now();
        }
    }

    fn note(&self, mut signs: Vec<PeerSign>) {
        self.heard.store(true, Ordering::Relaxed);
        if !signs.is_empty() {
            let mut all = self.signs.lock().unwrap_or_else(PoisonError::into_inner);
            // Then the session has been told, and has not looked yet.
            let was_told = !all.is_empty();
            signs.truncate(COMMANDS - all.len());
            all.append(&mut signs);
            drop(all);
            if !was_told {
                self.io.tell(self.token, Notice::Writable);
            }
        }
    }
}

/// The pipe's writer is a thread of the application, which sends what it has written itself.
impl InlineReader for Direct {
    fn readable(&self, _: usize) {
        self.io.tell(self.token, Notice::Readable);
    }

    fn written(&self, key: usize, yield_when_full: bool) {
        let Some(mut held) = self.write.take() else { return self.readable(key) };
        // Much at once is worth a system call however soon it comes after the last one.
        let much = held.has_much();
        if SendRate::is_burst() && !much {
            drop(held);
            self.note_burst();
            return self.io.tell(self.token, Notice::Burst);
        }
        held.helped = much;
        if held.flush_patiently(yield_when_full && much) == Flush::Blocked {
            held.release_to_owner();
        }
        SendRate::sent();
    }

    fn full(&self, _: usize, yield_when_full: bool) {
        let Some(mut held) = self.write.take() else {
            if yield_when_full {
                self.wait_for_turn();
            }
            return;
        };
        held.helped = true;
        if held.flush_patiently(yield_when_full) == Flush::Blocked {
            held.release_to_owner();
        }
        SendRate::sent_many();
    }
}

/// What came of a look at a stream.
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
    held: Option<LeaseGuard<'a, ReadHalf>>,
    over: bool,
}

impl Reader<'_> {
    /// Moves what has come in into the pipe; never blocks.
    pub fn fetch(&mut self) -> Fetch {
        let Some(reading) = &mut self.held else { return Fetch::Closed };
        if self.over || reading.is_wanted() {
            return Fetch::Closed;
        }
        if reading.over.is_some() {
            // Lent on before the session has seen why it was brought back.
            self.over = true;
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
                self.direct.note(signs);
                Fetch::Received
            }
            Err(ReadEnd::Ended(Ended::Failed(error)))
                if error.kind() == io::ErrorKind::WouldBlock =>
            {
                Fetch::WouldBlock
            }
            Err(over) => {
                self.direct.note(signs);
                reading.over = Some(over);
                self.over = true;
                Fetch::Closed
            }
        }
    }

    /// Whether bytes are here that the pipe had no room for, and now has: the stream says nothing of them.
    pub fn has_room(&mut self) -> bool {
        self.held.as_mut().is_some_and(|reading| reading.has_room())
    }

    /// Whether bytes are here that the pipe had no room for: the stream says nothing of them.
    pub fn is_blocked(&self) -> bool {
        self.held.as_ref().is_none_or(|reading| reading.is_blocked())
    }

    /// Whether the last [`fetch`](Self::fetch) has read all that there was.
    pub fn has_drained(&self) -> bool {
        self.held.as_ref().is_some_and(|reading| reading.has_drained())
    }

    /// What to wait for, unless it was let go.
    pub fn stream(&self) -> Option<&Stream> {
        self.held.as_ref().map(|reading| &reading.stream)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let held = self.held.take();
        if self.over {
            held.into_iter().for_each(LeaseGuard::release_to_owner);
        }
    }
}
