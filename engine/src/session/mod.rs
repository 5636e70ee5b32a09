//! The session: one connection, from stream to pipe.
//!
//! A state machine that whoever drives it feeds with completions. Each state is a struct of its
//! own, and what leaves a state is what it leaves with:
//!
//! ```text
//!   Handshaking ----> Traffic ----> HalfClosed
//!        |   \           |  \           |
//!        |    `------>---|-> Draining   |
//!        |---------------|-----|------->|
//!        v               v     v        v
//!        `----------> Leaving <---------'  ----> Over
//! ```
//!
//! * [`Handshaking`]: who the peer is and how the two speak is not settled yet.
//! * [`Traffic`]: messages flow, in both directions.
//! * [`Draining`]: nothing more can be sent. What the peer has said before is still read and
//!   delivered.
//! * [`HalfClosed`]: everything is sent and the writing half shut; the peer's own end is awaited. So does a
//!   peer learn why it is not let in.
//! * [`Leaving`]: it ends as soon as the batch under way, and what is lent, have come back.
//!
//! While it stays in a state, that is changed in place; what it says then is what comes [`Next`].
//! When it is over, its owner is told, and gets the pipe back if it had given it.

mod common;
pub(crate) mod detached_pipe;
mod draining;
mod half_closed;
mod handshaking;
pub(crate) mod inbound;
mod leaving;
pub(crate) mod open_message;
pub(crate) mod outbound;
mod properties;
mod stale;
mod state;
mod traffic;
pub(crate) mod waiting_bytes;

pub use detached_pipe::{DetachedPipe, OutputSource};

use crate::backend::Stream;
use crate::connection_span::ConnectionSpan;
use crate::io_thread::handler::{Completion, Cx, Handler, Notice};
use crate::io_thread::timers::TimerKind;
use crate::io_thread::token::Token;
use crate::monitor::DisconnectReason;
use crate::owner::{Connection, SessionOwner};
use common::Common;
use draining::Draining;
use half_closed::HalfClosed;
use handshaking::Handshaking;
pub use handshaking::random;
use leaving::Leaving;
use ringmq_zmtp::{Carrier, Config};
use state::{Next, State};
use std::sync::Arc;
use std::time::Instant;
use traffic::Traffic;

const HANDSHAKE: TimerKind = 0;
const HEARTBEAT: TimerKind = 1;
const LINGER: TimerKind = 2;
const LAST_READ: TimerKind = 3;
const LEASE: TimerKind = 4;
/// To look at a pipe that is filled fast.
pub(crate) const BURST: TimerKind = 5;

/// To see whether a peer goes that is not read any further.
const HANG_UP: TimerKind = 6;

/// What a session is made of.
pub struct SessionOptions {
    /// The connection.
    pub stream: Stream,
    /// The protocol's settings.
    pub config: Arc<Config>,
    /// What carries its frames.
    pub carrier: Carrier,
    /// The socket.
    pub owner: Arc<dyn SessionOwner>,
    /// The connection, in words and numbers.
    pub connection: Arc<Connection>,
    /// The pipe; `None` to ask the socket for one after the handshake.
    pub pipe: Option<DetachedPipe>,
    /// What the peer sends is not wanted.
    pub discard_inbound: bool,
    /// Bytes the peer may have sent that the application has not taken; then nothing more is read. `None` is no
    /// limit.
    pub max_waiting_bytes: Option<u64>,
    /// Bytes that were received on the connection before the session was there.
    pub early: Vec<u8>,
    /// Who is told when it is over.
    pub parent: Token,
}

/// The end of a session, as told to its owner.
pub struct SessionEnd {
    /// Which session.
    pub session: Token,
    /// The pipe, if the session was given one at the start.
    pub pipe: Option<DetachedPipe>,
    /// Why it is over.
    pub reason: DisconnectReason,
    /// The handshake was done.
    pub established: bool,
}

/// One connection: runs the handshake, then moves messages between a stream and a pipe.
pub struct Session {
    common: Common,
    state: State,
}

impl Session {
    /// Makes a session for a connected stream. Put it on an I/O thread.
    pub fn new(options: SessionOptions) -> Self {
        let SessionOptions {
            stream,
            config,
            carrier,
            owner,
            connection,
            pipe,
            discard_inbound,
            max_waiting_bytes,
            early,
            parent,
        } = options;
        let span = ConnectionSpan::new(connection.clone());
        let mut common = Common {
            stream,
            owner,
            connection,
            span,
            routing_id: Arc::default(),
            parent,
            discard_inbound,
            max_waiting_bytes,
            pipe_is_lent: pipe.is_some(),
            pipe_state: pipe.as_ref().map(|pipe| pipe.state().clone()),
            earlier: 0,
            linger_until: pipe.as_ref().and_then(|pipe| pipe.linger_until),
            established: false,
            receiving: None,
            sending: false,
            bulk: false,
        };
        let now = Instant::now();
        let mut handshaking = Handshaking::new(config, &carrier, pipe, now);
        if !early.is_empty() {
            common.note_volume(early.len());
            handshaking.take_in(now, &early);
        }
        Self { common, state: State::Handshaking(Box::new(handshaking)) }
    }
}

impl Handler for Session {
    fn start(&mut self, cx: &mut Cx<'_>) {
        if let State::Handshaking(handshaking) = &mut self.state {
            handshaking.start(cx);
            // Where nothing is said before messages flow, or what is said is here already.
            let next = handshaking.drive(&self.common, cx);
            self.go(cx, next);
        }
        self.look_for_close(cx);
        self.advance(cx);
    }

    fn received(&mut self, now: Instant, bytes: &[u8]) {
        self.common.note_volume(bytes.len());
        match &mut self.state {
            State::Handshaking(handshaking) => handshaking.take_in(now, bytes),
            State::Traffic(traffic) => traffic.take_in(now, bytes),
            State::Draining(draining) => draining.take_in(now, bytes),
            State::HalfClosed(_) | State::Leaving(_) | State::Over => {}
        }
    }

    fn drive(&mut self, cx: &mut Cx<'_>) {
        if let State::Handshaking(handshaking) = &mut self.state {
            let next = handshaking.drive(&self.common, cx);
            self.go(cx, next);
        }
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
        let common = &mut self.common;
        let next = match (kind, &mut self.state) {
            (LINGER, State::HalfClosed(half_closed)) => half_closed.leave(),
            (LINGER, _) => Next::Leave(DisconnectReason::Local),
            (HANDSHAKE, State::Handshaking(handshaking)) => handshaking.time_out(common, cx),
            (HANG_UP, State::Handshaking(handshaking)) => handshaking.look_for_end(common, cx),
            (LAST_READ, State::Handshaking(handshaking)) => handshaking.last_read(common),
            (LAST_READ, State::Draining(draining)) => draining.last_read(common, cx),
            (HEARTBEAT, State::Traffic(traffic)) => traffic.heartbeat_due(common, cx),
            (BURST, State::Traffic(traffic)) => traffic.watch_burst(common, cx),
            (LEASE, State::Traffic(traffic)) => traffic.check_lease(common, cx),
            _ => Next::Stay,
        };
        self.go(cx, next);
    }

    fn tick(&mut self, cx: &mut Cx<'_>) {
        if let State::Traffic(traffic) = &mut self.state {
            traffic.write.ticked();
            let next = traffic.watch_burst(&mut self.common, cx);
            self.go(cx, next);
        }
    }

    fn notified(&mut self, cx: &mut Cx<'_>, notice: Notice) {
        let common = &mut self.common;
        let next = match (notice, &mut self.state) {
            (Notice::Readable, state) => {
                if let State::Traffic(traffic) = state {
                    traffic.write.want();
                    traffic.credit();
                }
                self.look_for_close(cx);
                return self.advance(cx);
            }
            (Notice::Close, _) => Next::Leave(DisconnectReason::Local),
            (Notice::Refuse(limit), _) => Next::Leave(DisconnectReason::Refused(limit)),
            (Notice::Abandon, _) if common.pipe_state.is_none() => {
                Next::Leave(DisconnectReason::Local)
            }
            // The pipe's own end says when, and how long to linger until then.
            (Notice::Abandon | Notice::LingerChanged, _) => return self.look_for_close(cx),
            (Notice::Authenticated(answer), State::Handshaking(handshaking)) => {
                handshaking.answered(common, cx, *answer)
            }
            (Notice::Burst, State::Traffic(traffic)) => traffic.watch_burst(common, cx),
            (Notice::Writable, State::Traffic(traffic)) => traffic.look_at_reading(common, cx),
            (Notice::Lend, State::Traffic(traffic)) => {
                traffic.lend_reading(common, cx);
                Next::Stay
            }
            (Notice::Reclaim, State::Traffic(traffic)) => traffic.reclaim_reading(common, cx),
            (Notice::Lend, State::Draining(draining)) => {
                draining.refuse();
                Next::Stay
            }
            (Notice::Writable | Notice::Reclaim, _) => return self.advance(cx),
            _ => Next::Stay,
        };
        self.go(cx, next);
    }

    fn panicked(&mut self, cx: &mut Cx<'_>) {
        self.give_up(cx);
    }
}
