//! The session: one connection, from stream to pipe.
//!
//! A state machine of two halves, [`Inbound`] and [`Outbound`], that whoever drives it feeds with
//! completions. It runs the handshake, then moves messages between the stream and its pipe until
//! one of them ends, and reports to its owner, which gets the pipe back if it had given it.

mod advance;
mod closing;
pub(crate) mod detached_pipe;
mod handshake;
pub(crate) mod inbound;
pub(crate) mod outbound;
mod properties;
mod stale;
mod traffic;

pub use detached_pipe::DetachedPipe;

use crate::PipeState;
use crate::backend::{Receive, Stream};
use crate::io_thread::handler::{Completion, Cx, Handler, Notice};
use crate::io_thread::timers::TimerKind;
use crate::io_thread::token::Token;
use crate::monitor::{DisconnectReason, MonitorEvent};
use crate::owner::{Connection, SessionOwner};
use ringmq_zmtp::{Config, Handshake};
use std::sync::Arc;
use std::time::Instant;
use tracing::Span;
use traffic::Traffic;

const HANDSHAKE: TimerKind = 0;
const HEARTBEAT: TimerKind = 1;
const LINGER: TimerKind = 2;
const LAST_READ: TimerKind = 3;
const LEASE: TimerKind = 4;

/// What a session is made of.
pub struct SessionOptions {
    /// The connection.
    pub stream: Stream,
    /// The protocol's settings.
    pub config: Arc<Config>,
    /// The socket.
    pub owner: Arc<dyn SessionOwner>,
    /// The connection, in words and numbers.
    pub connection: Arc<Connection>,
    /// The pipe; `None` to ask the socket for one after the handshake.
    pub carry: Option<DetachedPipe>,
    /// What the peer sends is not wanted.
    pub discard_inbound: bool,
    /// Who is told when it is over.
    pub parent: Token,
}

/// The end of a session, as told to its owner.
pub struct SessionEnd {
    /// Which session.
    pub session: Token,
    /// The pipe, if the session was given one at the start.
    pub carry: Option<DetachedPipe>,
    /// Why it is over.
    pub reason: DisconnectReason,
    /// The handshake was done.
    pub established: bool,
}

/// One connection: runs the handshake, then moves messages between a stream and a pipe.
pub struct Session {
    stream: Stream,
    owner: Arc<dyn SessionOwner>,
    connection: Arc<Connection>,
    /// Within that of the socket: entered when something is told that is logged.
    span: Span,
    /// The routing id that the peer has told; empty before that.
    routing_id: Arc<[u8]>,
    parent: Token,
    discard_inbound: bool,
    /// The pipe was there from the start and goes back to the owner.
    carried: bool,
    /// The pipe, while it is not in traffic; boxed, because it nearly always is.
    carry: Option<Box<DetachedPipe>>,
    /// What both ends of the pipe see, once there is one.
    state: Option<Arc<PipeState>>,
    /// When to give up on sending, once the socket has closed the pipe.
    linger_until: Option<Instant>,
    phase: Phase,
    /// A receive is under way.
    receiving: Option<Receive>,
    /// A send is under way.
    sending: bool,
    /// The last receives brought much at once.
    bulk: bool,
    /// A turn was asked for.
    request_tick: bool,
    heartbeat_at: Option<Instant>,
    /// Found while bytes were taken in; acted on when driven.
    failure: Option<DisconnectReason>,
    /// The connection is of no more use. What it has brought is still delivered.
    gone: Option<DisconnectReason>,
    /// Nothing more comes from the peer.
    input_over: bool,
    /// It is all over as soon as the batch under way, and what is lent, come back.
    ending: Option<Box<DisconnectReason>>,
}

enum Phase {
    Handshake(Box<Handshake>, Vec<u8>),
    Traffic(Box<Traffic>),
    /// Everything is sent, the writing half is shut: the peer's end is awaited.
    HalfClosed,
    Over,
}

impl Session {
    /// Makes a session for a connected stream. Put it on an I/O thread.
    pub fn new(options: SessionOptions) -> Self {
        let now = Instant::now();
        let handshake = Handshake::new(options.config, now);
        let Connection { endpoint, peer, .. } = &*options.connection;
        let span =
            tracing::info_span!(parent: options.owner.span(), "connection", %endpoint, %peer);
        Self {
            stream: options.stream,
            owner: options.owner,
            connection: options.connection,
            span,
            routing_id: Arc::default(),
            parent: options.parent,
            discard_inbound: options.discard_inbound,
            carried: options.carry.is_some(),
            state: options.carry.as_ref().map(|carry| carry.state().clone()),
            linger_until: options.carry.as_ref().and_then(|carry| carry.linger_until),
            carry: options.carry.map(Box::new),
            phase: Phase::Handshake(Box::new(handshake), Vec::new()),
            receiving: None,
            sending: false,
            bulk: false,
            request_tick: false,
            heartbeat_at: None,
            failure: None,
            gone: None,
            input_over: false,
            ending: None,
        }
    }

    /// Tells the owner of something, in the connection's span.
    fn tell(&self, event: MonitorEvent) {
        self.span.in_scope(|| self.owner.event(event));
    }

    /// Decodes what arrived, and what waited for credit.
    fn take_in(&mut self, now: Instant, bytes: &[u8]) {
        let Phase::Traffic(traffic) = &mut self.phase else { return };
        if let Err(error) = traffic.take_in(now, bytes) {
            self.failure = Some(DisconnectReason::Protocol(error));
        }
    }

    /// Whether nothing is left to be done but to leave.
    fn is_over(&self) -> bool {
        self.ending.is_some() || matches!(self.phase, Phase::Over)
    }
}

impl Handler for Session {
    fn start(&mut self, cx: &mut Cx<'_>) {
        if let Some(carry) = &mut self.carry {
            carry.install(&cx.io.notifier(), cx.token.key());
        }
        if let Phase::Handshake(handshake, _) = &self.phase {
            cx.arrange_timer(HANDSHAKE, handshake.poll_timeout());
        }
        self.look_for_close(cx);
        self.advance(cx);
    }

    fn received(&mut self, now: Instant, bytes: &[u8]) {
        if self.is_over() {
            return;
        }
        self.note_volume(bytes.len());
        match &mut self.phase {
            Phase::Handshake(handshake, rest) => {
                if let Err(error) = handshake::input(handshake, rest, now, bytes) {
                    self.failure = Some(DisconnectReason::Protocol(error));
                }
            }
            Phase::Traffic(_) => self.take_in(now, bytes),
            Phase::HalfClosed | Phase::Over => {}
        }
    }

    fn drive(&mut self, cx: &mut Cx<'_>) {
        self.finish_handshake(cx);
        self.advance(cx);
    }

    fn completed(&mut self, cx: &mut Cx<'_>, completion: Completion) {
        match completion {
            Completion::Sent(batch, result) => self.sent(cx, batch, result),
            Completion::ReceiveEnded(ended) => self.receive_ended(cx, ended),
            // Never asked for.
            Completion::Accepted(_) | Completion::Connected(_) | Completion::DatagramsSent(..) => {}
        }
    }

    fn timer(&mut self, cx: &mut Cx<'_>, kind: TimerKind) {
        match kind {
            HANDSHAKE => self.handshake_due(cx),
            HEARTBEAT => self.heartbeat_due(cx),
            LAST_READ => {
                self.input_over = true;
                self.advance(cx);
            }
            LEASE => self.check_lease(cx),
            _ => self.end(cx, DisconnectReason::Local),
        }
    }

    fn tick(&mut self, cx: &mut Cx<'_>) {
        self.request_tick = false;
        self.watch_burst(cx);
    }

    fn notified(&mut self, cx: &mut Cx<'_>, notice: Notice) {
        if self.ending.is_some() {
            return self.leave_if_returned(cx);
        }
        match notice {
            Notice::Readable => {
                if let Phase::Traffic(traffic) = &mut self.phase {
                    traffic.wants_to_write = true;
                }
                self.look_for_close(cx);
                self.advance(cx);
            }
            Notice::Burst => self.watch_burst(cx),
            Notice::Writable => self.look_at_reading(cx),
            Notice::Lend => self.lend_reading(cx),
            Notice::Reclaim => self.reclaim_reading(cx),
            Notice::Close => self.end(cx, DisconnectReason::Local),
            Notice::Abandon if self.state.is_none() => self.end(cx, DisconnectReason::Local),
            // The pipe's own end says when, and how long to linger until then.
            Notice::Abandon => self.look_for_close(cx),
            Notice::Authenticated(answer) => self.answered(cx, *answer),
            Notice::SessionEnded(_) | Notice::Custom(_) => {}
        }
    }

    fn panicked(&mut self, cx: &mut Cx<'_>) {
        self.give_up(cx);
    }
}
