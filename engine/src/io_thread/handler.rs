//! The seam between an I/O thread and what runs on it: sessions, listeners, connecters, and whatever
//! transport comes next.

use crate::backend::{Backend, Datagram, DatagramBatch, Ended, SendTally};
use crate::batch::Batch;
use crate::io_thread::IoHandle;
use crate::io_thread::timers::{TimerKind, Timers};
use crate::io_thread::token::Token;
use crate::monitor::PeerLimit;
use crate::session::SessionEnd;
use ringmq_zmtp::AuthAnswer;
use socket2::Socket;
use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::time::Instant;

/// What a handler asked of its backend, done.
pub enum Completion {
    /// A connection came in.
    Accepted(io::Result<Socket>),
    /// A connect finished.
    Connected(io::Result<()>),
    /// A receive is over.
    ReceiveEnded(Ended),
    /// A send is over: bytes sent, and the batch, not advanced.
    Sent(Batch, io::Result<usize>),
    /// A send of datagrams is over: what became of how many, and the batch, not advanced.
    DatagramsSent(DatagramBatch, io::Result<SendTally>),
}

/// News from another thread, or from another handler of the same.
pub enum Notice {
    /// A log that the handler reads has messages, or was closed.
    Readable,
    /// A log that the handler reads is being filled fast: [`tick`](Handler::tick) is a time to
    /// look.
    Burst,
    /// A log that the handler writes has room, or was closed.
    Writable,
    /// A thread that waits for messages would rather read the connection itself.
    Lend,
    /// That thread has given it up.
    Reclaim,
    /// Stop, and close what was opened.
    Close,
    /// The peer has reached a limit of the socket's: end the connection, and it alone.
    Refuse(PeerLimit),
    /// The linger time of a pipe may have been changed.
    LingerChanged,
    /// The socket is gone: stop unless there is a pipe left to drain.
    Abandon,
    /// The authenticator has answered whether the peer is to be let in.
    Authenticated(Box<AuthAnswer>),
    /// The peer of a session that this handler owns has sent all of its greeting.
    SessionGreeted(Token),
    /// The handshake of a session that this handler owns is done.
    SessionEstablished(Token),
    /// A session that this handler owns is over.
    SessionEnded(Box<SessionEnd>),
    /// Anything else, between those who know what it is.
    Custom(Box<dyn Any + Send>),
}

/// A state machine on an I/O thread. Only ever called by that thread; must not block.
pub trait Handler: Send {
    /// The handler is in its place: ask for the first operations.
    fn start(&mut self, cx: &mut Cx<'_>);

    /// Bytes arrived, borrowed from the backend. Ask for operations in [`drive`](Self::drive).
    fn received(&mut self, _now: Instant, _bytes: &[u8]) {}

    /// A datagram arrived, borrowed from the backend. Ask for operations in [`drive`](Self::drive).
    fn datagram(&mut self, _now: Instant, _datagram: &Datagram<'_>) {}

    /// Follows every run of [`received`](Self::received) and [`datagram`](Self::datagram).
    fn drive(&mut self, _cx: &mut Cx<'_>) {}

    /// An operation is done.
    fn completed(&mut self, cx: &mut Cx<'_>, completion: Completion);

    /// A timer is due.
    fn timer(&mut self, _cx: &mut Cx<'_>, _kind: TimerKind) {}

    /// The handler has [asked for a tick](Cx::request_tick), and some microseconds have passed.
    fn tick(&mut self, _cx: &mut Cx<'_>) {}

    /// News.
    fn notified(&mut self, cx: &mut Cx<'_>, notice: Notice);

    /// One of the others has panicked, and the handler is removed after this. To tell those who would
    /// wait for it for ever; whatever else it holds may be half done.
    fn panicked(&mut self, _cx: &mut Cx<'_>) {}
}

/// What a handler may use while it runs.
pub struct Cx<'a> {
    /// The handler's own name.
    pub token: Token,
    /// The time, read once for a round of events.
    pub now: Instant,
    /// The backend; use the handler's own token with it.
    pub backend: &'a mut dyn Backend,
    /// The thread, for others to reach this handler.
    pub io: &'a IoHandle,
    pub(crate) timers: &'a mut Timers,
    pub(crate) local: &'a mut VecDeque<Local>,
}

/// What a handler asked of the thread itself; done after the handler has returned.
pub(crate) enum Local {
    Add(Token, Box<dyn Handler>),
    Tell(Token, Notice),
    Tick(Token),
    Remove(Token),
}

impl Cx<'_> {
    /// Sets one of the handler's timers, replacing it if it was set.
    pub fn set_timer(&mut self, kind: TimerKind, at: Instant) {
        self.timers.set(self.token, kind, at);
    }

    /// Cancels one of the handler's timers.
    pub fn cancel_timer(&mut self, kind: TimerKind) {
        self.timers.cancel(self.token, kind);
    }

    /// Sets or cancels one of the handler's timers.
    pub fn arrange_timer(&mut self, kind: TimerKind, at: Option<Instant>) {
        match at {
            Some(at) => self.set_timer(kind, at),
            None => self.cancel_timer(kind),
        }
    }

    /// Puts another handler on this thread.
    pub fn add(&mut self, handler: Box<dyn Handler>) -> Token {
        let token = Token::unique();
        self.local.push_back(Local::Add(token, handler));
        token
    }

    /// Tells another handler of this thread.
    pub fn tell(&mut self, token: Token, notice: Notice) {
        self.local.push_back(Local::Tell(token, notice));
    }

    /// Asks for one [`tick`](Handler::tick), soon. The thread stays awake until then.
    pub fn request_tick(&mut self) {
        self.local.push_back(Local::Tick(self.token));
    }

    /// Removes this handler: its operations are cancelled, and it is dropped once it has returned.
    pub fn finish(&mut self) {
        self.local.push_back(Local::Remove(self.token));
    }
}
