//! A session before messages flow.

use super::inbound::Inbound;
use super::outbound::Outbound;
use super::traffic::Traffic;
use super::{DetachedPipe, HANDSHAKE, Phase, Session, properties};
use crate::backend::life;
use crate::batch::{Batch, BatchPart};
use crate::direct::{ReadHalf, WriteHalf};
use crate::io_thread::handler::Cx;
use crate::monitor::{DisconnectReason, MonitorEvent};
use crate::owner::Attach;
use crate::owner::Connection;
use bytes::Bytes;
use ringmq_zmtp::{Established, Handshake, Peer, ProtocolError};
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
    let used = if handshake.is_done() { 0 } else { handshake.input(now, bytes)? };
    rest.extend_from_slice(&bytes[used..]);
    Ok(())
}

impl Session {
    /// Goes on to traffic if the handshake is done.
    pub(super) fn finish_handshake(&mut self, cx: &mut Cx<'_>) {
        let Phase::Handshake(handshake, rest) = &mut self.phase else { return };
        if self.failure.is_some() || !handshake.is_done() {
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
        let Connection { endpoint, peer: address, .. } = self.connection.clone();
        let identity = peer.clone();
        self.owner.event(MonitorEvent::HandshakeSucceeded { endpoint, peer: address, identity });
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
            life::limit_back_off(&self.descriptor, longest);
        }
        let inbound = Inbound::new(established.decoder, self.discard_inbound);
        let descriptor = self.descriptor.clone();
        let reading = ReadHalf::new(descriptor, inbound, tx);
        let writing = WriteHalf::new(self.descriptor.clone(), outbound, source);
        let traffic = Traffic::new(cx, reading, writing, established.heartbeat);
        self.phase = Phase::Traffic(Box::new(traffic));
        self.owner.look_again();
        self.look_for_close(cx);
    }

    pub(super) fn handshake_due(&mut self, cx: &mut Cx<'_>) {
        let Phase::Handshake(handshake, _) = &mut self.phase else { return };
        match handshake.handle_timeout(cx.now) {
            Ok(()) => cx.arrange_timer(HANDSHAKE, handshake.poll_timeout()),
            Err(error) => self.fail(cx, DisconnectReason::Protocol(error)),
        }
    }
}
