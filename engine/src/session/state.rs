//! Which state a session is in, and how it goes from one to the next.

use super::handshaking::Codecs;
use super::leaving::Held;
use super::open_message::OpenMessage;
use super::{Common, Draining, HalfClosed, Handshaking, Leaving, Session, Traffic};
use crate::backend::Ended;
use crate::batch::Batch;
use crate::io_thread::handler::{Cx, Notice};
use crate::monitor::{DisconnectReason, MonitorEvent};
use crate::owner::Connection;
use ringmq_zmtp::Established;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// See the [session's documentation](super). Boxed, so that a connection takes as much memory as
/// the state it is in needs.
pub(super) enum State {
    Handshaking(Box<Handshaking>),
    Traffic(Box<Traffic>),
    Draining(Box<Draining>),
    HalfClosed(HalfClosed),
    Leaving(Box<Leaving>),
    Over,
}

impl State {
    /// What it holds of the pipe.
    fn into_held(self) -> Held {
        match self {
            Self::Handshaking(handshaking) => Held::Pipe(handshaking.into_pipe()),
            Self::Traffic(traffic) => Held::Traffic(traffic),
            Self::Draining(draining) => Held::Traffic(draining.traffic),
            Self::HalfClosed(half_closed) => Held::Pipe(half_closed.into_pipe()),
            Self::Leaving(leaving) => leaving.held,
            Self::Over => Held::Pipe(None),
        }
    }
}

/// What comes next for a session.
#[must_use]
pub(super) enum Next {
    /// It stays in its state.
    Stay,
    /// The handshake is done; what it still has to say goes before everything else.
    Establish(Box<Established>, Vec<u8>),
    /// Nothing more can be sent.
    Drain(Gone),
    /// Everything is sent.
    HalfClose,
    /// The peer is not let in, and has been told why.
    Part(DisconnectReason),
    /// It is over, whatever is left to be delivered.
    Leave(DisconnectReason),
    /// Everything has come back.
    Finish,
}

/// A connection that is of no more use for sending.
pub(super) struct Gone {
    pub(super) reason: DisconnectReason,
    /// Nothing more comes from the peer.
    pub(super) input_over: bool,
}

impl Gone {
    pub(super) fn send_failed(error: io::Error) -> Self {
        Self { reason: DisconnectReason::Io(Arc::new(error)), input_over: false }
    }

    /// What a receive has ended with, unless it was only stopped.
    pub(super) fn read_ended(ended: Ended) -> Option<Self> {
        let reason = match ended {
            Ended::Stopped => return None,
            Ended::Eof => DisconnectReason::PeerClosed,
            Ended::Failed(error) => DisconnectReason::Io(Arc::new(error)),
        };
        Some(Self { reason, input_over: true })
    }
}

impl Session {
    /// Goes where a state has said, and on from there.
    pub(super) fn go(&mut self, cx: &mut Cx<'_>, mut next: Next) {
        loop {
            next = match next {
                Next::Stay => return,
                Next::Establish(established, out) => self.establish(cx, *established, out),
                Next::Drain(gone) => self.drain(cx, gone),
                Next::HalfClose => self.half_close(cx),
                Next::Part(reason) => self.part(cx, reason),
                Next::Leave(reason) => self.leave(cx, reason),
                Next::Finish => return self.finish(cx),
            };
        }
    }

    /// Sends, receives and arranges timers as the state demands.
    pub(super) fn advance(&mut self, cx: &mut Cx<'_>) {
        let next = self.advance_state(cx);
        self.go(cx, next);
    }

    fn advance_state(&mut self, cx: &mut Cx<'_>) -> Next {
        let common = &mut self.common;
        match &mut self.state {
            State::Handshaking(handshaking) => handshaking.advance(common, cx),
            State::Traffic(traffic) => traffic.advance(common, cx),
            State::Draining(draining) => draining.advance(common, cx),
            State::HalfClosed(half_closed) => half_closed.advance(common, cx),
            State::Leaving(leaving) => leaving.advance(common),
            State::Over => Next::Stay,
        }
    }

    /// Notes that the socket has closed the pipe, and from then on how long it lingers.
    pub(super) fn look_for_close(&mut self, cx: &mut Cx<'_>) {
        let common = &mut self.common;
        let next = match &mut self.state {
            State::Handshaking(handshaking) => common.closing(cx, || handshaking.is_spent()),
            State::Traffic(_) | State::Draining(_) => common.closing(cx, || false),
            State::HalfClosed(_) | State::Leaving(_) | State::Over => Next::Stay,
        };
        self.go(cx, next);
    }

    pub(super) fn sent(&mut self, cx: &mut Cx<'_>, mut batch: Batch, result: io::Result<usize>) {
        let common = &mut self.common;
        common.sending = false;
        let (bytes, failure) = match result {
            Ok(bytes) => (bytes, None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (0, None),
            Err(error) => (0, Some(error)),
        };
        let next = match &mut self.state {
            State::Handshaking(handshaking) => {
                batch.advance(bytes);
                handshaking.sent(common, cx, batch, failure)
            }
            State::Traffic(traffic) => {
                traffic.note_sent(&common.stream, cx.now, &mut batch, bytes);
                traffic.sent(common, cx, batch, failure)
            }
            State::Draining(draining) => {
                draining.traffic.note_sent(&common.stream, cx.now, &mut batch, bytes);
                draining.advance(common, cx)
            }
            State::Leaving(leaving) => {
                if let Held::Traffic(traffic) = &mut leaving.held {
                    traffic.note_sent(&common.stream, cx.now, &mut batch, bytes);
                }
                leaving.advance(common)
            }
            State::HalfClosed(_) | State::Over => Next::Stay,
        };
        self.go(cx, next);
    }

    pub(super) fn receive_ended(&mut self, cx: &mut Cx<'_>, ended: Ended) {
        self.common.receiving = None;
        let Some(gone) = Gone::read_ended(ended) else { return self.advance(cx) };
        let common = &mut self.common;
        let next = match &mut self.state {
            State::Handshaking(handshaking) => handshaking.input_over(common, gone.reason),
            State::Traffic(traffic) => traffic.input_over(gone),
            State::Draining(draining) => draining.last_read(common, cx),
            State::HalfClosed(half_closed) => half_closed.leave(),
            State::Leaving(_) | State::Over => Next::Stay,
        };
        self.go(cx, next);
    }

    fn establish(&mut self, cx: &mut Cx<'_>, established: Established, out: Vec<u8>) -> Next {
        let State::Handshaking(handshaking) = &mut self.state else { return Next::Stay };
        let Established { peer, encoder, decoder, heartbeat, .. } = established;
        let open = OpenMessage::new(established.max_parts, established.max_message_bytes);
        handshaking.introduce(&mut self.common, cx, peer);
        cx.tell(self.common.parent, Notice::SessionEstablished(cx.token));
        let codecs = Codecs { encoder, decoder, heartbeat, open, out };
        let rest;
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Handshaking(handshaking) => {
                let (traffic, behind, gone) =
                    handshaking.into_traffic(&mut self.common, cx, codecs);
                rest = behind;
                match gone {
                    None => State::Traffic(traffic),
                    Some(gone) => State::Draining(Box::new(Draining::new(traffic, gone))),
                }
            }
            other => {
                self.state = other;
                return Next::Stay;
            }
        };
        self.common.owner.look_again();
        self.look_for_close(cx);
        match &mut self.state {
            State::Traffic(traffic) => traffic.take_in(cx.now, &rest),
            State::Draining(draining) => draining.take_in(cx.now, &rest),
            _ => return Next::Stay,
        }
        self.advance_state(cx)
    }

    fn drain(&mut self, cx: &mut Cx<'_>, gone: Gone) -> Next {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Traffic(traffic) => {
                if !gone.input_over {
                    Common::limit_last_read(cx);
                }
                State::Draining(Box::new(Draining::new(traffic, gone)))
            }
            other => other,
        };
        self.advance_state(cx)
    }

    /// Everything is sent: says so to the peer and waits for its end. Both halves are here.
    fn half_close(&mut self, cx: &mut Cx<'_>) -> Next {
        let pipe = match std::mem::replace(&mut self.state, State::Over) {
            State::Traffic(traffic) => traffic.into_pipe(self.common.linger_until),
            other => {
                self.state = other;
                return Next::Stay;
            }
        };
        self.await_end(cx, HalfClosed::new(pipe.map(Box::new), DisconnectReason::Local))
    }

    /// The peer has been told why it is not let in: gives it the time to hear of it.
    fn part(&mut self, cx: &mut Cx<'_>, reason: DisconnectReason) -> Next {
        let pipe = match std::mem::replace(&mut self.state, State::Over) {
            State::Handshaking(handshaking) => handshaking.into_pipe(),
            other => {
                self.state = other;
                return Next::Stay;
            }
        };
        self.await_end(cx, HalfClosed::new(pipe, reason))
    }

    fn await_end(&mut self, cx: &mut Cx<'_>, half_closed: HalfClosed) -> Next {
        let next = half_closed.start(&self.common, cx);
        self.state = State::HalfClosed(half_closed);
        match next {
            Next::Stay => self.advance_state(cx),
            next => next,
        }
    }

    fn leave(&mut self, cx: &mut Cx<'_>, reason: DisconnectReason) -> Next {
        if matches!(self.state, State::Leaving(_) | State::Over) {
            return Next::Stay;
        }
        if let Some(limit) = reason.limit() {
            let Connection { endpoint, peer, .. } = (*self.common.connection).clone();
            self.common.tell(MonitorEvent::Refused { endpoint, peer, limit });
        }
        let held = std::mem::replace(&mut self.state, State::Over).into_held();
        self.state = State::Leaving(Box::new(Leaving::new(reason, held)));
        if self.common.sending {
            // The next connection begins where this one has stopped: the backend knows where that
            // is.
            cx.backend.close(cx.token);
        }
        self.advance_state(cx)
    }

    fn finish(&mut self, cx: &mut Cx<'_>) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Leaving(leaving) => leaving.finish(&self.common, cx),
            other => self.state = other,
        }
    }

    /// Something in here is broken: the pipe with it. Its owner is told before anything is dropped,
    /// which may panic again.
    pub(super) fn give_up(&mut self, cx: &mut Cx<'_>) {
        let held = std::mem::replace(&mut self.state, State::Over).into_held();
        if let Some(state) = &self.common.pipe_state {
            state.connected.store(false, Ordering::SeqCst);
        }
        self.common.report(cx, None, DisconnectReason::Panicked);
        held.lose(&self.common);
    }
}
