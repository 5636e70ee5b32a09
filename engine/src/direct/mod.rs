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
//!
//! A link of datagrams has one lease, for what it receives ([`DatagramHalf`]): to threads that wait, not to tasks and
//! pollers. Whoever has it also does what is to be done at a time, as the protocol demands.

mod attendant;
mod burst;
mod datagram_grant;
mod datagram_half;
mod grant;
mod parker;
#[cfg(all(unix, feature = "tokio"))]
mod reactors;
mod read_half;
mod reader;
mod send_rate;
mod watch;
mod write_half;

pub use attendant::Attendant;
pub(crate) use attendant::Attended;
pub(crate) use burst::Burst;
pub use datagram_grant::DatagramGrant;
pub use datagram_half::{DatagramHalf, DatagramReport};
pub(crate) use grant::{ReadGrant, WriteGrant};
pub use parker::Parker;
pub(crate) use read_half::{ReadEnd, ReadHalf};
pub use reader::{Fetch, Reader};
pub(crate) use write_half::{Finish, Flush, WriteHalf};

use attendant::AttendantSlot;
#[cfg(all(unix, feature = "tokio"))]
use reactors::Reactors;
use watch::Watchers;
use write_half::PATIENCE;

#[cfg(all(unix, feature = "tokio"))]
use crate::backend::Stream;
use crate::io_thread::IoHandle;
use crate::io_thread::handler::Notice;
use crate::io_thread::token::Token;
use crate::monitor::PeerLimit;
use crate::owner::SessionOwner;
use crate::session::inbound::{COMMANDS, PeerSign};
use ringmq_pipe::{InlineReader, Lease, LeaseGuard, Section};
use send_rate::SendRate;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A connection as threads of the application reach it: they send on it when it is idle, and read
/// it while they wait.
pub struct Direct {
    io: IoHandle,
    token: Token,
    owner: Arc<dyn SessionOwner>,
    read: ReadLease,
    /// Of a stream.
    write: Option<Arc<Lease<WriteHalf>>>,
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

/// The reading half, of whatever it is one.
enum ReadLease {
    Stream(Arc<Lease<ReadHalf>>),
    Datagrams(Arc<Lease<DatagramHalf>>),
}

impl ReadLease {
    fn is_with_owner(&self) -> bool {
        match self {
            Self::Stream(lease) => lease.is_with_owner(),
            Self::Datagrams(lease) => lease.is_with_owner(),
        }
    }
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
        Self::with(
            (io, token, owner),
            ReadLease::Stream(read),
            Some(write),
            #[cfg(all(unix, feature = "tokio"))]
            Some(stream),
        )
    }

    /// Of a link of datagrams: it is read by threads, and the I/O thread sends.
    fn of_datagrams(
        io: IoHandle,
        token: Token,
        owner: Arc<dyn SessionOwner>,
        read: Arc<Lease<DatagramHalf>>,
    ) -> Self {
        Self::with(
            (io, token, owner),
            ReadLease::Datagrams(read),
            None,
            #[cfg(all(unix, feature = "tokio"))]
            None,
        )
    }

    fn with(
        (io, token, owner): (IoHandle, Token, Arc<dyn SessionOwner>),
        read: ReadLease,
        write: Option<Arc<Lease<WriteHalf>>>,
        #[cfg(all(unix, feature = "tokio"))] stream: Option<Stream>,
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

    /// Whether tasks and pollers may read it as well as threads that wait: a stream. For all others the I/O thread
    /// reads datagrams.
    pub fn is_stream(&self) -> bool {
        matches!(self.read, ReadLease::Stream(_))
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
        let Some(mut held) = self.take_write() else { return };
        match held.finish_burst() {
            Finish::Done => {}
            Finish::Watched => self.note_burst(),
            Finish::Blocked => held.release_to_owner(),
        }
    }

    fn take_write(&self) -> Option<LeaseGuard<'_, WriteHalf>> {
        self.write.as_ref()?.take()
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
        while self.write.as_ref().is_some_and(|write| write.is_with_owner()) {
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
        let Some(mut held) = self.take_write() else { return self.readable(key) };
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
        let Some(mut held) = self.take_write() else {
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
