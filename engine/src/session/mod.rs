//! The session: one connection, from descriptor to pipe.
//!
//! A state machine of two halves, [`Inbound`] and [`Outbound`], that whoever drives it feeds with
//! completions. It runs the handshake, then moves messages between the descriptor and its pipe until
//! one of them ends, and reports to its owner, which gets the pipe back if it had given it.

mod closing;
mod handshake;
mod inbound;
mod outbound;

use crate::backend::{Descriptor, Ended, Receive};
use crate::batch::Batch;
use crate::event::{DisconnectReason, Link};
use crate::handler::{Completion, Cx, Handler, Notice};
use crate::timers::TimerKind;
use crate::token::Token;
use inbound::{Control, Inbound};
use outbound::Outbound;
use ringmq_pipe::{Inlet, Outlet, Piece, PipeEnd, Sleep};
use ringmq_zmtp::{Action, Config, Handshake, Heartbeat};
use std::io;
use std::sync::Arc;
use std::time::Instant;

const HANDSHAKE: TimerKind = 0;
const HEARTBEAT: TimerKind = 1;
const LINGER: TimerKind = 2;

/// A receive that brings so much is part of a stream: read on only when that is dealt with, so that
/// no more than one buffer is read ahead.
const BULK: usize = 32 * 1024;
/// Credit below which a connection is read one buffer at a time, for the same reason.
const SCARCE: u64 = 64;

/// A pipe on its way from one connection to the next.
pub struct Carry {
    /// The pipe.
    pub pipe: PipeEnd,
    /// What the last connection had taken from the pipe and not sent.
    pub unsent: Vec<Piece>,
    /// When to give up on sending, once the socket has closed the pipe.
    pub linger_until: Option<Instant>,
}

impl Carry {
    /// A pipe that has not been used.
    pub fn new(pipe: PipeEnd) -> Self {
        Self { pipe, unsent: Vec::new(), linger_until: None }
    }

    /// Whether everything that the socket wrote, before it closed the pipe, has been sent.
    pub fn is_spent(&mut self) -> bool {
        self.unsent.is_empty() && self.pipe.rx.ended()
    }
}

/// What a session is made of.
pub struct SessionOptions {
    /// The connection.
    pub descriptor: Descriptor,
    /// The protocol's settings.
    pub config: Arc<Config>,
    /// The socket.
    pub link: Arc<dyn Link>,
    /// The pipe; `None` to ask the socket for one after the handshake.
    pub carry: Option<Carry>,
    /// What the peer sends is not wanted.
    pub discard_inbound: bool,
    /// Who is told when it is over.
    pub owner: Token,
}

/// The end of a session, as told to its owner.
pub struct SessionEnd {
    /// Which session.
    pub session: Token,
    /// The pipe, if the session was given one at the start.
    pub carry: Option<Carry>,
    /// Why it is over.
    pub reason: DisconnectReason,
    /// The handshake was done.
    pub established: bool,
}

/// See the [module's documentation](self).
pub struct Session {
    descriptor: Descriptor,
    link: Arc<dyn Link>,
    owner: Token,
    discard_inbound: bool,
    /// The pipe was there from the start and goes back to the owner.
    lent: bool,
    carry: Option<Carry>,
    phase: Phase,
    /// A receive is under way.
    receiving: Option<Receive>,
    /// A send is under way.
    sending: bool,
    /// The last receives brought much at once.
    bulk: bool,
    /// The pipe's log is asleep: its writer tells when there is more.
    asleep: bool,
    heartbeat_at: Option<Instant>,
    /// Found while octets were taken in; acted on when driven.
    failure: Option<DisconnectReason>,
}

enum Phase {
    Handshake(Box<Handshake>, Vec<u8>),
    Traffic(Box<Traffic>),
    /// Everything is sent, the writing half is shut: the peer's end is awaited.
    Farewell,
    Over,
}

struct Traffic {
    inbound: Inbound,
    outbound: Outbound,
    heartbeat: Heartbeat,
}

impl Session {
    /// Makes a session for a connected descriptor. Put it on an I/O thread.
    pub fn new(options: SessionOptions) -> Self {
        let now = Instant::now();
        let handshake = Handshake::new(options.config, now);
        Self {
            descriptor: options.descriptor,
            link: options.link,
            owner: options.owner,
            discard_inbound: options.discard_inbound,
            lent: options.carry.is_some(),
            carry: options.carry,
            phase: Phase::Handshake(Box::new(handshake), Vec::new()),
            receiving: None,
            sending: false,
            bulk: false,
            asleep: false,
            heartbeat_at: None,
            failure: None,
        }
    }

    fn pipe(&mut self) -> Option<&mut PipeEnd> {
        self.carry.as_mut().map(|carry| &mut carry.pipe)
    }

    /// Decodes what arrived, and what waited for credit.
    fn take_in(&mut self, now: Instant, octets: &[u8]) {
        let Phase::Traffic(traffic) = &mut self.phase else { return };
        if !octets.is_empty() {
            traffic.heartbeat.on_input();
        }
        let mut control = Control {
            now,
            heartbeat: &mut traffic.heartbeat,
            encoder: &mut traffic.outbound.encoder,
            out: &mut traffic.outbound.control,
        };
        let target = self.carry.as_mut().map(|carry| &mut carry.pipe.tx);
        if let Err(error) = traffic.inbound.take(octets, target, &mut control) {
            self.failure = Some(DisconnectReason::Protocol(error));
        }
        // One publication for all that this read brought.
        if let Some(Outlet::Log(log)) = self.carry.as_mut().map(|carry| &mut carry.pipe.tx) {
            log.publish();
        }
    }

    /// Sends, receives and arranges timers as the state demands.
    fn pump(&mut self, cx: &mut Cx<'_>) {
        if let Some(reason) = self.failure.take() {
            return self.fail(cx, reason);
        }
        self.pump_out(cx);
        if matches!(self.phase, Phase::Over) {
            return;
        }
        self.pump_in(cx);
        self.arrange_heartbeat(cx);
    }

    fn pump_out(&mut self, cx: &mut Cx<'_>) {
        if self.sending {
            return;
        }
        let batch = match &mut self.phase {
            Phase::Handshake(handshake, _) => handshake::output(handshake),
            Phase::Traffic(traffic) => {
                traffic.outbound.batch_done();
                traffic.outbound.next(self.carry.as_mut().map(|carry| &mut carry.pipe.rx))
            }
            Phase::Farewell | Phase::Over => return,
        };
        if !batch.is_empty() {
            self.sending = true;
            cx.backend.send(cx.token, &self.descriptor, batch);
            return;
        }
        if matches!(self.phase, Phase::Traffic(_)) {
            self.rest(cx);
        }
    }

    /// Nothing to send: the log goes to sleep, or has come to its end.
    fn rest(&mut self, cx: &mut Cx<'_>) {
        let Some(pipe) = self.pipe() else { return };
        if pipe.rx.ended() {
            return self.farewell(cx);
        }
        if self.asleep {
            return;
        }
        let Some(pipe) = self.pipe() else { return };
        match pipe.rx.fall_asleep() {
            Sleep::Asleep => self.asleep = true,
            Sleep::Ready => self.pump_out(cx),
        }
    }

    fn pump_in(&mut self, cx: &mut Cx<'_>) {
        let blocked = match &self.phase {
            Phase::Traffic(traffic) => traffic.inbound.is_blocked(),
            _ => false,
        };
        match self.receiving {
            Some(Receive::Stream) if blocked || self.bulk => cx.backend.pause(cx.token),
            Some(_) => {}
            None if blocked => {}
            None => {
                let how = if self.bulk || self.credit_is_scarce() {
                    Receive::Once
                } else {
                    Receive::Stream
                };
                self.receiving = Some(how);
                cx.backend.receive(cx.token, &self.descriptor, how);
            }
        }
    }

    fn credit_is_scarce(&mut self) -> bool {
        let discard = self.discard_inbound;
        match self.pipe().map(|pipe| &mut pipe.tx) {
            Some(Outlet::Log(log)) if !discard => log.credit() < SCARCE,
            _ => false,
        }
    }

    fn arrange_heartbeat(&mut self, cx: &mut Cx<'_>) {
        let Phase::Traffic(traffic) = &self.phase else { return };
        let at = traffic.heartbeat.poll_timeout();
        if at != self.heartbeat_at {
            self.heartbeat_at = at;
            cx.arrange_timer(HEARTBEAT, at);
        }
    }

    fn sent(&mut self, cx: &mut Cx<'_>, mut batch: Batch, result: io::Result<usize>) {
        self.sending = false;
        let octets = match result {
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return self.fail(cx, DisconnectReason::Io(Arc::new(error))),
        };
        let messages = batch.advance(octets);
        if let Phase::Traffic(traffic) = &mut self.phase {
            traffic.outbound.sent(octets, messages);
        }
        if messages > 0
            && let Some(Inlet::Log(log)) = self.pipe().map(|pipe| &mut pipe.rx)
        {
            log.done(messages);
        }
        if !batch.is_empty() {
            self.sending = true;
            return cx.backend.send(cx.token, &self.descriptor, batch);
        }
        self.pump(cx);
    }

    fn receive_ended(&mut self, cx: &mut Cx<'_>, ended: Ended) {
        self.receiving = None;
        let reason = match ended {
            Ended::Stopped => return self.pump(cx),
            Ended::Eof => DisconnectReason::PeerClosed,
            Ended::Failed(error) => DisconnectReason::Io(Arc::new(error)),
        };
        self.fail(cx, reason);
    }

    fn heartbeat_due(&mut self, cx: &mut Cx<'_>) {
        self.heartbeat_at = None;
        let Phase::Traffic(traffic) = &mut self.phase else { return };
        match traffic.heartbeat.handle_timeout(cx.now) {
            Action::None => {}
            Action::SendPing { ttl } => {
                traffic.outbound.encoder.ping(ttl, &mut traffic.outbound.control);
            }
            Action::Expired => return self.fail(cx, DisconnectReason::HeartbeatExpired),
        }
        self.pump(cx);
    }
}

impl Handler for Session {
    fn start(&mut self, cx: &mut Cx<'_>) {
        if let Some(pipe) = self.pipe() {
            pipe.install(&cx.io.notifier(), cx.token.key());
        }
        if let Phase::Handshake(handshake, _) = &self.phase {
            cx.arrange_timer(HANDSHAKE, handshake.poll_timeout());
        }
        self.look_for_close(cx);
        self.pump(cx);
    }

    fn received(&mut self, now: Instant, octets: &[u8]) {
        self.bulk = octets.len() >= BULK;
        match &mut self.phase {
            Phase::Handshake(handshake, rest) => {
                if let Err(error) = handshake::input(handshake, rest, now, octets) {
                    self.failure = Some(DisconnectReason::Protocol(error));
                }
            }
            Phase::Traffic(_) => self.take_in(now, octets),
            Phase::Farewell | Phase::Over => {}
        }
    }

    fn drive(&mut self, cx: &mut Cx<'_>) {
        self.finish_handshake(cx);
        self.pump(cx);
    }

    fn completed(&mut self, cx: &mut Cx<'_>, completion: Completion) {
        match completion {
            Completion::Sent(batch, result) => self.sent(cx, batch, result),
            Completion::ReceiveEnded(ended) => self.receive_ended(cx, ended),
            Completion::Accepted(_) | Completion::Connected(_) => {} // Never asked for.
        }
    }

    fn timer(&mut self, cx: &mut Cx<'_>, kind: TimerKind) {
        match kind {
            HANDSHAKE => self.handshake_due(cx),
            HEARTBEAT => self.heartbeat_due(cx),
            _ => self.end(cx, DisconnectReason::Local),
        }
    }

    fn notified(&mut self, cx: &mut Cx<'_>, notice: Notice) {
        match notice {
            Notice::Readable => {
                self.asleep = false;
                self.look_for_close(cx);
                self.pump(cx);
            }
            Notice::Writable => {
                self.take_in(cx.now, &[]);
                self.pump(cx);
            }
            Notice::Close => self.end(cx, DisconnectReason::Local),
            Notice::Abandon if self.carry.is_none() => self.end(cx, DisconnectReason::Local),
            Notice::Abandon => {} // The pipe's own end says when.
            Notice::SessionEnded(_) | Notice::Custom(_) => {}
        }
    }
}
