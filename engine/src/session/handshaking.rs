//! A session before messages flow.

use super::inbound::Inbound;
use super::open_message::OpenMessage;
use super::outbound::Outbound;
use super::state::{Gone, Next};
use super::waiting_bytes::WaitingBytes;
use super::{Common, DetachedPipe, HANDSHAKE, HANG_UP, Traffic, properties};
use crate::batch::{Batch, BatchPart};
use crate::direct::{ReadHalf, WriteHalf};
use crate::io_thread::handler::{Cx, Notice};
use crate::monitor::{DisconnectReason, MonitorEvent};
use crate::owner::{Applicant, Attach, Connection};
use bytes::Bytes;
use ringmq_pipe::Section;
use ringmq_zmtp::{
    AuthAnswer, Carrier, Config, Decoder, Encoder, HANDSHAKE_FRAME_MAX, Handshake, Heartbeat,
    NoRandomness, Peer, ProtocolError,
};
use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

thread_local! {
    /// Whom the last handshake on this thread was with.
    static LAST: RefCell<Weak<Peer>> = const { RefCell::new(Weak::new()) };
}

/// A peer, in the memory of the one before if both have said the same: most peers of a socket tell
/// only what they are, and thousands of them need to be remembered once only.
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

/// How long the last words to a peer may wait for what is being sent.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often it is looked for whether a peer goes that is not read any further: soon enough to let others have
/// its place, and seldom enough for thousands of such peers.
const LOOK_FOR_END: Duration = Duration::from_millis(250);

/// Random bytes of the system, fit for keys.
///
/// # Errors
/// [`NoRandomness`], if it has none.
///
/// # Examples
/// ```
/// let mut key = [0; 32];
/// ringmq_engine::random(&mut key)?;
/// assert_ne!(key, [0; 32]);
/// # Ok::<(), ringmq_zmtp::NoRandomness>(())
/// ```
pub fn random(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(bytes).map_err(|error| {
        Section::run_after(move || tracing::error!(%error, "the system has no random bytes"));
        NoRandomness
    })
}

/// How the two ends of a connection speak from now on.
pub(super) struct Codecs {
    pub(super) encoder: Encoder,
    pub(super) decoder: Decoder,
    pub(super) heartbeat: Heartbeat,
    pub(super) open: OpenMessage,
    /// What the handshake still has to say, before everything else.
    pub(super) out: Vec<u8>,
}

/// See the [module's documentation](self).
pub(super) struct Handshaking {
    handshake: Handshake,
    /// Kept while an authenticator is asked, who can see by it whether that is still so.
    asking: Option<Arc<()>>,
    /// What the peer has sent that the handshake has no use for, or not yet.
    rest: Vec<u8>,
    /// The pipe, if there is one already.
    pipe: Option<Box<DetachedPipe>>,
    /// Found while bytes were taken in, or when the socket was asked for a pipe; acted on when
    /// driven.
    failure: Option<DisconnectReason>,
    /// The last words wait for what is being sent.
    parting: bool,
    /// Nothing more can be sent. What the peer has said before is still read.
    gone: Option<Gone>,
    /// It is going to be looked for whether the peer goes.
    watched: bool,
    /// Whoever owns the session knows that the peer has sent all of its greeting.
    greeted: bool,
}

impl Handshaking {
    pub(super) fn new(
        config: Arc<Config>,
        carrier: &Carrier,
        pipe: Option<DetachedPipe>,
        now: Instant,
    ) -> Self {
        let (handshake, failure) =
            match Handshake::carried(config.clone(), carrier, now, &mut random) {
                Ok(handshake) => (handshake, None),
                Err(error) => {
                    // Of which nothing is to be heard.
                    let mut unheard = Handshake::new(config, now);
                    unheard.take_output(&mut Vec::new());
                    (unheard, Some(error.into()))
                }
            };
        Self {
            handshake,
            asking: None,
            rest: Vec::new(),
            pipe: pipe.map(Box::new),
            failure,
            parting: false,
            gone: None,
            watched: false,
            greeted: false,
        }
    }

    pub(super) fn start(&mut self, cx: &mut Cx<'_>) {
        if let Some(pipe) = &mut self.pipe {
            pipe.install(&cx.io.notifier(), cx.token.key());
        }
        cx.arrange_timer(HANDSHAKE, self.handshake.poll_timeout());
    }

    /// What the handshake wants to be sent. It may be a password: it is wiped when it is sent.
    fn output(&mut self) -> Batch {
        let mut out = Zeroizing::new(Vec::new());
        self.handshake.take_output(&mut out);
        let mut batch = Batch::default();
        batch.expect(usize::from(!out.is_empty()));
        batch.push(BatchPart::Bytes { bytes: Bytes::from_owner(out), messages: 0 });
        batch
    }

    /// Feeds the handshake; what it does not take is kept for the decoder.
    pub(super) fn take_in(&mut self, now: Instant, bytes: &[u8]) {
        if self.failure.is_some() {
            // It is over, but for the last words.
            return;
        }
        if let Err(error) = self.feed(now, bytes) {
            self.failure = Some(DisconnectReason::Protocol(error));
        }
    }

    fn feed(&mut self, now: Instant, bytes: &[u8]) -> Result<(), ProtocolError> {
        // Bytes for which there was no use yet go first.
        let is_next = self.rest.is_empty() && !self.handshake.is_done();
        let used = if is_next { self.handshake.input(now, &mut random, bytes)? } else { 0 };
        self.rest.extend_from_slice(&bytes[used..]);
        Ok(())
    }

    /// Asks whether the peer is to be let in, if that is what the handshake wants to know, or goes
    /// on to traffic if it is done.
    pub(super) fn drive(&mut self, common: &Common, cx: &mut Cx<'_>) -> Next {
        if self.failure.is_some() {
            return Next::Stay;
        }
        if let Some(request) = self.handshake.poll_request() {
            let (io, session) = (cx.io.clone(), cx.token);
            let waiting = self.asking.insert(Arc::new(()));
            let applicant = Applicant::new(request, io, session, waiting);
            common.owner.authenticate(&common.connection, applicant);
        }
        if !self.handshake.is_done() {
            if self.handshake.is_greeted() && !std::mem::replace(&mut self.greeted, true) {
                cx.tell(common.parent, Notice::SessionGreeted(cx.token));
            }
            return Next::Stay;
        }
        let mut out = Vec::new();
        self.handshake.take_output(&mut out);
        let Some(established) = self.handshake.established() else { return Next::Stay };
        cx.cancel_timer(HANDSHAKE);
        Next::Establish(Box::new(established), out)
    }

    /// An authenticator has answered. What has come from the peer meanwhile is next.
    pub(super) fn answered(
        &mut self,
        common: &mut Common,
        cx: &mut Cx<'_>,
        answer: AuthAnswer,
    ) -> Next {
        self.asking = None;
        let behind = std::mem::take(&mut self.rest);
        let result = self
            .handshake
            .answer(cx.now, &mut random, answer)
            .and_then(|()| self.feed(cx.now, &behind));
        if let Err(error) = result {
            self.failure = Some(DisconnectReason::Protocol(error));
        }
        match self.drive(common, cx) {
            Next::Stay => self.advance(common, cx),
            next => next,
        }
    }

    pub(super) fn time_out(&mut self, common: &Common, cx: &mut Cx<'_>) -> Next {
        if let Some(reason) = self.failure.take() {
            return self.fail(common, reason);
        }
        match self.handshake.handle_timeout(cx.now) {
            Ok(()) => {
                cx.arrange_timer(HANDSHAKE, self.handshake.poll_timeout());
                Next::Stay
            }
            Err(error) => self.fail(common, DisconnectReason::Protocol(error)),
        }
    }

    pub(super) fn advance(&mut self, common: &mut Common, cx: &mut Cx<'_>) -> Next {
        if let Some(reason) = self.failure.take() {
            if common.sending && self.gone.is_none() {
                // The last words, why the peer is not let in, come after what is being sent.
                self.failure = Some(reason);
                // Once: whatever the peer does meanwhile, it is not waited for any longer.
                if !std::mem::replace(&mut self.parting, true) {
                    cx.arrange_timer(HANDSHAKE, cx.now.checked_add(LAST_WORDS));
                }
                return Next::Stay;
            }
            return self.fail(common, reason);
        }
        if self.gone.is_none() && !common.sending {
            let batch = self.output();
            if !batch.is_empty() {
                common.send(cx, batch);
            }
        }
        // Said before an authenticator has let the peer in: not too much is kept of that, but it is seen if the
        // peer goes.
        let blocked = self.is_full();
        // Once: how much room there is for messages is not known yet, and what is read cannot be
        // unread.
        if common.read_on(cx, blocked, true, || true) && !std::mem::replace(&mut self.watched, true)
        {
            cx.set_timer(HANG_UP, cx.now + LOOK_FOR_END);
        }
        Next::Stay
    }

    pub(super) fn sent(
        &mut self,
        common: &mut Common,
        cx: &mut Cx<'_>,
        batch: Batch,
        failure: Option<io::Error>,
    ) -> Next {
        if let Some(error) = failure {
            Common::limit_last_read(cx);
            self.gone.get_or_insert_with(|| Gone::send_failed(error));
        } else if !batch.is_empty() && self.gone.is_none() {
            common.send(cx, batch);
            return Next::Stay;
        }
        self.advance(common, cx)
    }

    /// The peer has closed the connection before it was known.
    pub(super) fn input_over(&mut self, common: &Common, reason: DisconnectReason) -> Next {
        let reason =
            self.failure.take().or(self.gone.take().map(|gone| gone.reason)).unwrap_or(reason);
        match self.fail(common, reason) {
            // Nothing more comes that would be lost on the peer.
            Next::Part(reason) => Next::Leave(reason),
            next => next,
        }
    }

    /// The bytes of a peer that wait for the authenticator's answer are all that is read before that: whether it
    /// is still there has to be looked for.
    pub(super) fn look_for_end(&mut self, common: &mut Common, cx: &mut Cx<'_>) -> Next {
        self.watched = false;
        if self.is_full() && common.receiving.is_none() && common.stream.has_ended() {
            return self.input_over(common, DisconnectReason::PeerClosed);
        }
        self.advance(common, cx)
    }

    /// Whether enough has come that an authenticator has to let the peer in before more is read.
    fn is_full(&self) -> bool {
        self.handshake.is_waiting() && self.rest.len() as u64 >= HANDSHAKE_FRAME_MAX
    }

    /// No more is waited for from a peer that nothing can be sent to.
    pub(super) fn last_read(&mut self, common: &Common) -> Next {
        self.input_over(common, DisconnectReason::PeerClosed)
    }

    fn fail(&mut self, common: &Common, reason: DisconnectReason) -> Next {
        let last = self.output();
        let mut parts = false;
        if !common.sending && !last.is_empty() {
            // What this end is, so that the other one knows, too, that they do not go together. As
            // much as goes out at once: nobody waits for such a peer to read.
            parts = common.stream.send(&last).is_ok();
        }
        let Connection { endpoint, peer, .. } = (*common.connection).clone();
        let event = MonitorEvent::HandshakeFailed { endpoint, peer, reason: reason.clone() };
        common.tell(event);
        if parts { Next::Part(reason) } else { Next::Leave(reason) }
    }

    /// Whether the socket has closed the pipe and nothing is left in it.
    pub(super) fn is_spent(&mut self) -> bool {
        self.pipe.as_mut().is_some_and(|pipe| pipe.is_spent())
    }

    /// The peer is known: tells the socket, and gets a pipe for it if there is none.
    pub(super) fn introduce(&mut self, common: &mut Common, cx: &mut Cx<'_>, peer: Peer) {
        let peer = share(peer);
        let Connection { endpoint, peer: address, .. } = (*common.connection).clone();
        let identity = peer.clone();
        if !peer.routing_id.is_empty() {
            common.routing_id = (*peer.routing_id).into();
        }
        if let Some(pipe) = &self.pipe {
            common.earlier = pipe.tx.written();
            common.owner.connected(&common.connection, &peer, common.earlier);
        } else {
            match common.owner.attach(&common.connection, &peer) {
                Attach::Pipe(pipe) => {
                    let mut pipe = DetachedPipe::new(pipe);
                    pipe.install(&cx.io.notifier(), cx.token.key());
                    common.pipe_state = Some(pipe.state().clone());
                    self.pipe = Some(Box::new(pipe));
                }
                Attach::Ignored => {}
                Attach::Closed => self.failure = Some(DisconnectReason::Local),
            }
        }
        // Whoever hears of it finds the peer there.
        common.tell(MonitorEvent::HandshakeSucceeded { endpoint, peer: address, identity });
        if let Some(pipe) = &mut self.pipe {
            // Of a peer that is not listened to no message will ever tell.
            let listens = !common.discard_inbound;
            pipe.tx.set_peer(listens.then(|| properties::known(&common.connection, &peer)));
            if let Some(beginning) = common.owner.beginning() {
                pipe.tx.write_uncounted(0, beginning);
            }
        }
    }

    /// Messages flow from now on. Returned are also the bytes that came behind the handshake, and
    /// whether nothing can be sent any more.
    pub(super) fn into_traffic(
        self,
        common: &mut Common,
        cx: &mut Cx<'_>,
        codecs: Codecs,
    ) -> (Box<Traffic>, Vec<u8>, Option<Gone>) {
        common.established = true;
        let Codecs { encoder, decoder, heartbeat, open, out } = codecs;
        let (tx, mut source, waiting) = match self.pipe.map(|pipe| *pipe) {
            Some(pipe) => (Some(pipe.tx), Some(pipe.source), pipe.waiting),
            None => (None, None, None),
        };
        let limit = common.max_waiting_bytes;
        let waiting = match waiting {
            Some(waiting) => waiting.begin(limit),
            None => WaitingBytes::new(cx.io.waiting_bytes().clone(), limit),
        };
        let mut frames = Vec::new();
        let unsent = source.as_mut().map(|source| source.begin(&*common.owner, &mut frames));
        let mut outbound = Outbound::new(encoder, out, unsent.unwrap_or_default());
        outbound.add_frames(&frames);
        if let Some(longest) = heartbeat.longest_pause() {
            common.stream.limit_back_off(longest);
        }
        let inbound = Inbound::new(decoder, open, common.discard_inbound);
        let reading = ReadHalf::new(common.stream.clone(), inbound, tx, waiting);
        let writing = WriteHalf::new(common.stream.clone(), outbound, source);
        let mut traffic = Traffic::new(cx, common.owner.clone(), reading, writing, heartbeat);
        traffic.failure = self.failure;
        (Box::new(traffic), self.rest, self.gone)
    }

    pub(super) fn into_pipe(self) -> Option<Box<DetachedPipe>> {
        self.pipe
    }
}
