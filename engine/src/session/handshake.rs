//! A session before messages flow.

use super::inbound::Inbound;
use super::outbound::Outbound;
use super::traffic::Traffic;
use super::{DetachedPipe, HANDSHAKE, Phase, Session, properties};
use crate::batch::{Batch, BatchPart};
use crate::direct::{ReadHalf, WriteHalf};
use crate::io_thread::handler::Cx;
use crate::monitor::{DisconnectReason, MonitorEvent};
use crate::owner::{Applicant, Attach, Connection};
use bytes::Bytes;
use ringmq_zmtp::{AuthAnswer, Established, Handshake, NoRandomness, Peer, ProtocolError};
use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::time::Instant;

thread_local! {
    /// Whom the last handshake on this thread was with.
    static LAST: RefCell<Weak<Peer>> = const { RefCell::new(Weak::new()) };
}

/// A peer, in the memory of the one before if they have pings the same: most peers of a socket tell only
/// what they are, and thousands of them need to be remembered once only.
fn share(peer: Peer) -> Arc<Peer> {
    LAST.with_borrow_mut(|last| match last.upgrade() {
        Some(known) if *known == peer => known,
        _ => {
            let peer = Arc::new(peer);
            *last = Arc::downgrade(&peer);
            peer
        }
    })
}

/// What the handshake wants to be sent.
pub(super) fn output(handshake: &mut Handshake) -> Batch {
    let mut out = Vec::new();
    handshake.take_output(&mut out);
    let mut batch = Batch::default();
    batch.expect(usize::from(!out.is_empty()));
    batch.push(BatchPart::Bytes { bytes: Bytes::from(out), messages: 0 });
    batch
}

/// Feeds the handshake; what it does not take is kept in `rest` for the decoder.
pub(super) fn input(
    handshake: &mut Handshake,
    rest: &mut Vec<u8>,
    now: Instant,
    bytes: &[u8],
) -> Result<(), ProtocolError> {
    // Bytes for which there was no use yet go first.
    let is_next = rest.is_empty() && !handshake.is_done();
    let used = if is_next { handshake.input(now, &mut random, bytes)? } else { 0 };
    rest.extend_from_slice(&bytes[used..]);
    Ok(())
}

/// Random bytes of the system, fit for keys.
fn random(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(bytes).map_err(|error| {
        tracing::error!(%error, "the system has no random bytes");
        NoRandomness
    })
}

impl Session {
    /// Asks whether the peer is to be let in, if that is what the handshake wants to know, or goes on to
    /// traffic if it is done.
    pub(super) fn finish_handshake(&mut self, cx: &mut Cx<'_>) {
        let Phase::Handshake(handshake, rest) = &mut self.phase else { return };
        if self.failure.is_some() {
            return;
        }
        if let Some(request) = handshake.poll_request() {
            let (io, session) = (cx.io.clone(), cx.token);
            self.owner.authenticate(&self.connection, Applicant::new(request, io, session));
        }
        if !handshake.is_done() {
            return;
        }
        // What the handshake still has to say goes before everything else.
        let mut out = Vec::new();
        handshake.take_output(&mut out);
        let Some(established) = handshake.established() else { return };
        let rest = std::mem::take(rest);
        cx.cancel_timer(HANDSHAKE);
        self.establish(cx, established, out);
        self.take_in(cx.now, &rest);
    }

    fn establish(&mut self, cx: &mut Cx<'_>, established: Established, out: Vec<u8>) {
        let peer = share(established.peer);
        let Connection { endpoint, peer: address, .. } = (*self.connection).clone();
        let identity = peer.clone();
        if !peer.routing_id.is_empty() {
            self.routing_id = (*peer.routing_id).into();
        }
        self.tell(MonitorEvent::HandshakeSucceeded { endpoint, peer: address, identity });
        if let Some(carry) = &self.carry {
            self.owner.connected(&self.connection, &peer, carry.tx.written());
        } else {
            match self.owner.attach(&self.connection, &peer) {
                Attach::Pipe(pipe) => {
                    let mut carry = DetachedPipe::new(pipe);
                    carry.install(&cx.io.notifier(), cx.token.key());
                    self.state = Some(carry.state().clone());
                    self.carry = Some(Box::new(carry));
                }
                Attach::Ignored => {}
                Attach::Closed => self.failure = Some(DisconnectReason::Local),
            }
        }
        if let Some(carry) = &mut self.carry {
            // Of a peer that is not listened to no message will ever tell.
            let listens = !self.discard_inbound;
            carry.tx.set_peer(listens.then(|| properties::known(&self.connection, &peer)));
        }
        let (tx, mut source) = match self.carry.take().map(|carry| *carry) {
            Some(carry) => (Some(carry.tx), Some(carry.source)),
            None => (None, None),
        };
        let mut frames = Vec::new();
        let unsent = source.as_mut().map(|source| source.begin(&*self.owner, &mut frames));
        let mut outbound = Outbound::new(established.encoder, out, unsent.unwrap_or_default());
        outbound.add_frames(&frames);
        if let Some(longest) = established.heartbeat.longest_pause() {
            self.stream.limit_back_off(longest);
        }
        let inbound = Inbound::new(established.decoder, self.discard_inbound);
        let stream = self.stream.clone();
        let reading = ReadHalf::new(stream, inbound, tx);
        let writing = WriteHalf::new(self.stream.clone(), outbound, source);
        let traffic = Traffic::new(cx, reading, writing, established.heartbeat);
        self.phase = Phase::Traffic(Box::new(traffic));
        self.owner.look_again();
        self.look_for_close(cx);
    }

    /// An authenticator has answered. What has come from the peer meanwhile is next.
    pub(super) fn answered(&mut self, cx: &mut Cx<'_>, answer: AuthAnswer) {
        let Phase::Handshake(handshake, rest) = &mut self.phase else { return };
        let behind = std::mem::take(rest);
        let result = handshake
            .answer(cx.now, &mut random, answer)
            .and_then(|()| input(handshake, rest, cx.now, &behind));
        if let Err(error) = result {
            self.failure = Some(DisconnectReason::Protocol(error));
        }
        self.finish_handshake(cx);
        self.advance(cx);
    }

    pub(super) fn handshake_due(&mut self, cx: &mut Cx<'_>) {
        let Phase::Handshake(handshake, _) = &mut self.phase else { return };
        match handshake.handle_timeout(cx.now) {
            Ok(()) => cx.arrange_timer(HANDSHAKE, handshake.poll_timeout()),
            Err(error) => self.fail(cx, DisconnectReason::Protocol(error)),
        }
    }
}
