//! The contract between an I/O thread and the operating system, and the choice of who fulfils it.
//!
//! A backend is driven by one thread. It is told what to do by token and by socket or [`Stream`],
//! and answers with [`Event`]s from [`Backend::poll`]. What holds for each of them:
//!
//! * Calls never block, and never answer in themselves: every answer is an event of a later `poll`.
//! * A token has one socket or stream, and one operation of a kind is under way for it at a time:
//!   one accept, one connect, one receive, one send. Sends of a token are thereby in order. What is
//!   asked for beyond that fails (a connect, a send), or is what is under way already.
//! * Everybody gets a turn: a `poll` accepts no more than one or two times `ACCEPTS` connections of
//!   a listener, however many come and go; those accepted before are served, and let go of, in
//!   between. It receives no more than [`DATAGRAMS`] datagrams of a socket, however fast they come.
//! * The kernel owns what is in flight. A batch that is given away stays alive until its `Sent`, or
//!   its `DatagramsSent`; a socket stays open until nothing refers to it.
//! * After [`close`](Backend::close) no event names the token again, except that a send under way is
//!   still answered, soon, so that nobody has to guess how much of its batch went out. Closing again
//!   does nothing.
//! * Dropping a backend gives up on everything, and frees only what the kernel has let go of.
//!
//! # Datagrams
//! A token that receives or sends datagrams has a socket of IP that does not block, and does
//! nothing else. What is said above holds for it, with this beside it:
//!
//! * Each datagram is an event and a buffer by itself: its borders are kept, an empty one is one
//!   too. It comes with its source, with its destination if that was [asked
//!   for](report_destination) and the system tells, and with a note if it was longer than what the
//!   receive keeps.
//! * A receive that can take [runs](DatagramReceive::runs) gets what the system has put together in
//!   one event and one buffer: datagrams from one source to one destination, of the same length but
//!   for the last. Whoever cannot gets each by itself, and so does everybody where the system does
//!   not do that.
//! * A socket has [`DATAGRAMS`] buffers of its own. Whoever holds all of them receives nothing
//!   until one is given back, and keeps nobody else from anything; what the kernel has no room for
//!   meanwhile is lost, as datagrams are. A buffer that outlives its token is empty, and giving it
//!   back does nothing.
//! * A receive goes on until it is paused. What the network says of datagrams that were sent before
//!   (nobody listens there) may end it as `Failed`: asking again goes on.
//! * A send tries up to [`DATAGRAMS`] of its batch, in order, and waits while the kernel has no
//!   room for the first. One that is refused does not stop those after it. The answer tells how
//!   many went out, how many were refused, and why the first of those was: these are what the batch
//!   advances by before what is left of it is sent. An error in place of that means that none was
//!   tried.
//! * A batch may have [runs](OutgoingDatagram::segment). The system takes one in one call, which
//!   then counts as one of those that are tried, if it can, and if it lets this socket; else each
//!   datagram of it is sent by itself, and nobody has to know. A socket of which the system has
//!   refused a run whose datagrams then went out tries no other, or none of so long ones, where
//!   that is what was wrong. A run that is too long for one call takes several. Answers count
//!   datagrams, and a batch that has advanced into a run has its rest left.
//! * Sending does not wait for receiving, and the other way round.

pub mod mio;
#[cfg(target_os = "linux")]
pub mod uring;

pub(crate) mod background;
mod choice;
mod datagram;
pub(crate) mod memory;
#[cfg(unix)]
mod ready_set;
mod socket;
mod stream;
#[cfg(all(unix, feature = "tokio"))]
mod stream_watch;
mod survey;
mod tcp_info;
pub(crate) mod thread;
pub(crate) mod wake_fd;

pub(crate) use choice::Chosen;
pub use choice::{
    BackendChoice, BackendKind, BackendReport, BackendUnavailable, open, uring_available,
};
pub use datagram::{
    DATAGRAMS, Datagram, DatagramBatch, DatagramBuffer, DatagramPart, DatagramReceive,
    LONGEST_DATAGRAM, LONGEST_RUN, MOST_IN_RUN, OutgoingDatagram, SendTally, report_destination,
};
pub(crate) use datagram::{DatagramSlot, Segmentation, receive, send, set_runs};
#[cfg(unix)]
pub use ready_set::ReadySet;
pub use stream::Stream;
#[cfg(all(unix, feature = "tokio"))]
pub use stream_watch::{Readable, StreamWatch};
pub use survey::{
    Found, RingSize, UringCause, UringFeature, UringRefusal, UringReport, uring_report,
};

use crate::batch::Batch;
use crate::io_thread::token::Token;
use socket2::{SockAddr, Socket};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a receive buffer: the batch size at which throughput is best (64 KiB: 9.5 GB/s on
/// loopback TCP where 8 KiB gave 1.5).
pub const RECEIVE_BUFFER: usize = 64 * 1024;

/// Connections that a listener accepts in a row before others get their turn. Whoever connects and leaves
/// holds a descriptor until its turn has come, so this also bounds how many those are.
pub(crate) const ACCEPTS: usize = 16;

/// Bytes that one call to the system is asked to move at the most; the next call goes on. A message
/// may be longer than any system takes at once: io_uring refuses 2 GiB and more, Linux's calls move
/// less than 2 GiB of it, macOS refuses to move 2 GiB and more in all stretches of a call together,
/// and Windows counts the bytes of a stretch in 32 bits. (What is received into a buffer of the
/// backend's is shorter anyway.)
pub(crate) const CALL: usize = 1 << 30;

/// How a receive goes on after the first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receive {
    /// One event, then nothing until asked again: at most one buffer is read ahead.
    Once,
    /// Events until [`Backend::pause`]: cheapest for connections that say little.
    Stream,
}

/// A receive buffer that belongs to the backend; read with [`Backend::bytes`], then given back.
#[derive(Debug)]
pub struct Buffer {
    pub(crate) index: u16,
    pub(crate) len: usize,
}

/// Why no more bytes come.
#[derive(Debug)]
pub enum Ended {
    /// It was a [`Receive::Once`] or was paused: ask again when there is room.
    Stopped,
    /// The peer closed its writing half.
    Eof,
    /// The connection failed.
    Failed(io::Error),
}

/// What happened.
pub enum Event {
    /// A connection came in. More follow until the token is closed.
    Accepted(Token, io::Result<Socket>),
    /// A connect finished.
    Connected(Token, io::Result<()>),
    /// Bytes arrived. Give the buffer back with [`Backend::release`].
    Received(Token, Buffer),
    /// A receive is over.
    ReceiveEnded(Token, Ended),
    /// A send is over: how many bytes went out, and the batch, not advanced.
    Sent(Token, Batch, io::Result<usize>),
    /// A datagram arrived. Give the buffer back with [`Backend::release_datagram`].
    Datagram(Token, DatagramBuffer),
    /// A send of datagrams is over: what became of how many, and the batch, not advanced.
    DatagramsSent(Token, DatagramBatch, io::Result<SendTally>),
}

/// Ends a [`Backend::poll`] from another thread.
pub trait Wake: Send + Sync {
    /// Makes the poll under way, or the next one, return soon.
    fn wake(&self);
}

/// The answer to an operation that is under way already.
fn refused() -> io::Error {
    io::ErrorKind::ResourceBusy.into()
}

/// See the [module's documentation](self).
pub trait Backend {
    /// The handle that interrupts [`poll`](Self::poll).
    fn waker(&self) -> Arc<dyn Wake>;

    /// Polls network devices for so long before a [`poll`](Self::poll) sleeps.
    ///
    /// # Errors
    /// Where neither the backend nor the kernel does that.
    fn busy_poll(&mut self, time: Duration) -> io::Result<()> {
        let _ = time;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Accepts connections from `listener`, which does not block, until the token is closed.
    fn accept(&mut self, token: Token, listener: &Arc<Socket>);

    /// Connects `socket`, which does not block, to `address`.
    fn connect(&mut self, token: Token, socket: &Arc<Socket>, address: &SockAddr);

    /// Receives from `stream`.
    fn receive(&mut self, token: Token, stream: &Stream, how: Receive);

    /// Ends a receive; what the backend has read already is still delivered before `Stopped`.
    fn pause(&mut self, token: Token);

    /// Sends what is left of `batch`.
    fn send(&mut self, token: Token, stream: &Stream, batch: Batch);

    /// Ends everything under way for `token` and forgets it.
    fn close(&mut self, token: Token);

    /// Submits what was asked for and appends what happened to `events`: at once if something has,
    /// else within `timeout` (`None`: when something does). An interrupted wait is no error.
    fn poll(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()>;

    /// The bytes in a receive buffer.
    fn bytes(&self, buffer: &Buffer) -> &[u8];

    /// Gives a receive buffer back.
    fn release(&mut self, buffer: Buffer);

    /// Receives datagrams from `socket`, which is bound, until [`pause`](Self::pause). The token's
    /// first receive decides `how`, and whether the system puts together what the socket receives
    /// from then on.
    fn receive_datagrams(&mut self, token: Token, socket: &Arc<Socket>, how: DatagramReceive);

    /// Sends datagrams of `batch` on `socket`.
    fn send_datagrams(&mut self, token: Token, socket: &Arc<Socket>, batch: DatagramBatch);

    /// The datagram in a buffer; `None` if its token is closed.
    fn datagram(&self, buffer: &DatagramBuffer) -> Option<Datagram<'_>>;

    /// Gives a datagram's buffer back.
    fn release_datagram(&mut self, buffer: DatagramBuffer);
}
