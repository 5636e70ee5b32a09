//! From the first byte of a connection to the point where messages may flow.
//!
//! Three stages, each in its own file: the greeting, then either a mechanism's dialogue (ZMTP 3)
//! or a frame with a routing id (before). On a WebSocket the request for it takes the greeting's place, and
//! frames of ZMTP take the form of its own on their way out. Driven by one thread; nothing is shared before the end.

mod dialogue;
mod introduction;
mod legacy;
mod output;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::codec::{self, Protection};
use crate::greeting::{Greeting, Outcome};
use crate::header::write_v2;
use crate::mechanism::{AuthAnswer, AuthRequest, Random};
use crate::metadata;
use crate::web_socket::Carrier;
use crate::web_socket::frames::WebSocketWriter;
use crate::web_socket::upgrade::{Upgrade, Upgraded};
use crate::{Config, Decoder, Encoder, Heartbeat, ProtocolError, SocketType, Version};
use dialogue::Dialogue;
use introduction::Introduction;
use legacy::Legacy;
use output::Output;

/// What is known about the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The version that both ends speak.
    pub version: Version,
    /// The type of its socket; `None` if it did not say. Before version 3 it is not checked.
    pub socket_type: Option<SocketType>,
    /// The routing id that it chose, at most 255 bytes; empty if none.
    pub routing_id: Vec<u8>,
    /// All properties that it sent, `Socket-Type` and `Identity` included, in its order; before
    /// them what an authenticator knows of it.
    pub metadata: Vec<(String, Vec<u8>)>,
}

/// A finished handshake, in parts that may go to different threads.
#[derive(Debug)]
pub struct Established {
    /// Who is at the other end.
    pub peer: Peer,
    /// The reading half. It comes first in line for whatever [`Handshake::input`] left over.
    pub decoder: Decoder,
    /// The writing half.
    pub encoder: Encoder,
    /// The timers of the connection.
    pub heartbeat: Heartbeat,
    /// The most frames that a message of the peer may have; `None` for no limit.
    pub max_parts: Option<u32>,
    /// The most bytes that the frames of a message of the peer may have together; `None` for no limit.
    pub max_message_bytes: Option<u64>,
}

/// The opening of one connection.
///
/// Feed it with what arrives ([`input`](Self::input)), send what it puts out
/// ([`take_output`](Self::take_output)), after each of the two, and before anything has arrived.
/// After an error the connection is to be closed; sending out what is still left is a courtesy
/// that lets the peer see why.
///
/// ```
/// use ringmq_zmtp::{Config, Handshake, ProtocolError, SocketType};
/// use std::{sync::Arc, time::Instant};
///
/// let now = Instant::now();
/// let mut handshake = Handshake::new(Arc::new(Config::new(SocketType::Rep)), now);
/// let mut out = Vec::new();
/// handshake.take_output(&mut out);
/// assert_eq!(out, b"\xFF\0\0\0\0\0\0\0\x01\x7F");
/// let request = b"GET / HTTP/1.1\r\n";
/// let refused = handshake.input(now, &mut |_| Ok(()), request);
/// assert_eq!(refused, Err(ProtocolError::NotZmtp { began: *b"GE" }));
/// ```
pub struct Handshake {
    config: Arc<Config>,
    deadline: Option<Instant>,
    output: Output,
    state: HandshakeState,
}

#[derive(Debug)]
enum HandshakeState {
    Greeting(Greeting),
    Legacy(Legacy),
    Upgrade(Upgrade),
    Introduction(Introduction),
    Mechanism(Dialogue),
    Done(Box<Established>),
    /// The result has been taken, or there never will be one.
    Over,
}

/// Without what is to be sent, which may be a password.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Handshake {
    /// Begins a handshake; the first bytes of it are ready to be sent. Both ends of a connection
    /// begin in the same way. Of a STREAM it is done at once: not a byte of it is sent or expected.
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        let mut output = Output::default();
        if config.socket_type == SocketType::Stream {
            let state = HandshakeState::Done(Box::new(without_words(now)));
            return Handshake { config, deadline: None, output, state };
        }
        let deadline = config.handshake_timeout.and_then(|timeout| now.checked_add(timeout));
        let state = HandshakeState::Greeting(Greeting::new(&config, output.wire()));
        Handshake { config, deadline, output, state }
    }

    /// Begins a handshake on what carries the connection. Of a WebSocket it is the client that begins.
    ///
    /// # Errors
    /// [`ProtocolError::NoRandomness`], for a WebSocket.
    pub fn carried(
        config: Arc<Config>,
        carrier: &Carrier,
        now: Instant,
        random: &mut Random<'_>,
    ) -> Result<Self, ProtocolError> {
        let mut handshake = Handshake::new(config, now);
        if let HandshakeState::Greeting(_) = handshake.state
            && *carrier != Carrier::Stream
        {
            handshake.output = Output::default();
            let out = handshake.output.wire();
            let upgrade = Upgrade::new(carrier, &handshake.config, random, out)?;
            handshake.state = HandshakeState::Upgrade(upgrade);
        }
        Ok(handshake)
    }

    /// Takes bytes of the peer; returns how many. All of them, unless the handshake is over: what
    /// is left then belongs to the [`Decoder`]. Or it [waits](Self::is_waiting) for an answer: what
    /// is left then is to be given again, before what comes later, once that is there.
    ///
    /// # Errors
    /// What the peer did wrong. The handshake has failed for good.
    pub fn input(
        &mut self,
        now: Instant,
        random: &mut Random<'_>,
        bytes: &[u8],
    ) -> Result<usize, ProtocolError> {
        let mut used = 0;
        loop {
            let stepped = self.step(now, random, &bytes[used..]);
            self.output.carry();
            match stepped {
                Ok((taken, next)) => {
                    used += taken;
                    match next {
                        Some(state) => self.state = state,
                        None => return Ok(used),
                    }
                }
                Err(error) => {
                    self.state = HandshakeState::Over;
                    return Err(error);
                }
            }
        }
    }

    /// What an authenticator is to be asked about the peer, once. The handshake then
    /// [waits](Self::is_waiting) for the [answer](Self::answer); its time goes on running.
    pub fn poll_request(&mut self) -> Option<AuthRequest> {
        match &mut self.state {
            HandshakeState::Mechanism(dialogue) => dialogue.poll_request(),
            _ => None,
        }
    }

    /// Whether nothing goes on before an authenticator has answered.
    pub fn is_waiting(&self) -> bool {
        matches!(&self.state, HandshakeState::Mechanism(dialogue) if dialogue.is_waiting())
    }

    /// Takes the answer of the authenticator. Nothing happens if nobody has asked.
    ///
    /// # Errors
    /// [`ProtocolError::Denied`] if the peer is not let in, and whatever the mechanism finds wrong.
    pub fn answer(
        &mut self,
        now: Instant,
        random: &mut Random<'_>,
        answer: AuthAnswer,
    ) -> Result<(), ProtocolError> {
        let HandshakeState::Mechanism(dialogue) = &mut self.state else { return Ok(()) };
        if !dialogue.is_waiting() {
            return Ok(());
        }
        let config = &self.config;
        let result = match answer {
            AuthAnswer::Allow { user_id, properties } => {
                let known = metadata::of_user(user_id, properties);
                dialogue.allowed(now, random, known, config, self.output.frames())
            }
            AuthAnswer::Deny(denial) => {
                config.mechanism.deny(denial, self.output.frames());
                Err(ProtocolError::Denied { denial })
            }
            AuthAnswer::Unusable(fault) => Err(ProtocolError::UnusableAnswer(fault)),
        };
        self.output.carry();
        match result {
            Ok(None) => {}
            Ok(Some((peer, protection))) => {
                let web_socket = self.output.carrier.take();
                let done = establish(config, now, peer, protection, false, web_socket);
                self.state = HandshakeState::Done(Box::new(done));
            }
            Err(error) => {
                self.state = HandshakeState::Over;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Appends to `out` what has to be sent now; returns whether that was anything. It may be a password: nothing
    /// is left of it here.
    pub fn take_output(&mut self, out: &mut Vec<u8>) -> bool {
        self.output.take(out)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest; `None` for never.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            HandshakeState::Done(_) | HandshakeState::Over => None,
            _ => self.deadline,
        }
    }

    /// Tells what time it is. Nothing happens before [`poll_timeout`](Self::poll_timeout).
    ///
    /// # Errors
    /// [`ProtocolError::HandshakeTimeout`], once, when the time is up.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), ProtocolError> {
        if self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.state = HandshakeState::Over;
            return Err(ProtocolError::HandshakeTimeout);
        }
        Ok(())
    }

    /// Whether the peer has sent all of its greeting.
    pub fn is_greeted(&self) -> bool {
        !matches!(
            self.state,
            HandshakeState::Greeting(_) | HandshakeState::Upgrade(_) | HandshakeState::Over
        )
    }

    /// Whether [`established`](Self::established) has a result.
    pub fn is_done(&self) -> bool {
        matches!(self.state, HandshakeState::Done(_))
    }

    /// Takes the result, once there is one. Output may be left all the same, to be sent before
    /// anything else.
    pub fn established(&mut self) -> Option<Established> {
        match std::mem::replace(&mut self.state, HandshakeState::Over) {
            HandshakeState::Done(established) => Some(*established),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Lets the current stage take bytes; returns how many, and the next stage if there is one.
    fn step(
        &mut self,
        now: Instant,
        random: &mut Random<'_>,
        bytes: &[u8],
    ) -> Result<(usize, Option<HandshakeState>), ProtocolError> {
        let config = &self.config;
        match &mut self.state {
            HandshakeState::Greeting(greeting) => {
                let (used, outcome) = greeting.input(bytes, config, self.output.wire())?;
                let next = match outcome {
                    None => None,
                    Some(Outcome::Unversioned) => {
                        Some(HandshakeState::Legacy(Legacy::unversioned(greeting.seen())?))
                    }
                    Some(Outcome::Legacy { framing, socket_type }) => {
                        Some(HandshakeState::Legacy(Legacy::new(framing, socket_type)))
                    }
                    Some(Outcome::Modern { version }) => Some(HandshakeState::Mechanism(
                        Dialogue::new(config, version, now, random, self.output.wire())?,
                    )),
                };
                Ok((used, next))
            }
            HandshakeState::Legacy(legacy) => {
                let used = legacy.input(bytes)?;
                let next = legacy.finish().map(|peer| {
                    // A 2.x subscriber filters by itself and never asks for anything.
                    let wants_all = legacy.is_unversioned() && config.socket_type.publishes();
                    HandshakeState::Done(Box::new(establish(
                        config, now, peer, None, wants_all, None,
                    )))
                });
                Ok((used, next))
            }
            HandshakeState::Upgrade(upgrade) => {
                let (used, upgraded) = upgrade.input(bytes, config, self.output.wire())?;
                let Some(Upgraded { writer, has_mechanism }) = upgraded else {
                    return Ok((used, None));
                };
                let masked = writer.is_server();
                self.output.carrier = Some(writer);
                let next = if has_mechanism {
                    let out = self.output.frames();
                    let dialogue = Dialogue::new(config, Version::V3_1, now, random, out)?;
                    HandshakeState::Mechanism(dialogue.on_web_socket(masked))
                } else {
                    write_frame(self.output.frames(), config.routing_id());
                    HandshakeState::Introduction(Introduction::new(masked))
                };
                Ok((used, Some(next)))
            }
            HandshakeState::Introduction(introduction) => {
                let (used, peer) = introduction.input(bytes)?;
                self.output.carry();
                let next = peer.map(|peer| {
                    let web_socket = self.output.carrier.take();
                    let done = establish(config, now, peer, None, false, web_socket);
                    HandshakeState::Done(Box::new(done))
                });
                Ok((used, next))
            }
            HandshakeState::Mechanism(dialogue) => {
                let (used, agreed) =
                    dialogue.input(now, random, bytes, config, self.output.frames())?;
                let done = agreed.map(|(peer, protection)| {
                    // Before the encoder has what it is written with.
                    self.output.carry();
                    let web_socket = self.output.carrier.take();
                    let done = establish(config, now, peer, protection, false, web_socket);
                    HandshakeState::Done(Box::new(done))
                });
                Ok((used, done))
            }
            HandshakeState::Done(_) | HandshakeState::Over => Ok((0, None)),
        }
    }
}

/// Appends a frame of a message.
fn write_frame(out: &mut Vec<u8>, body: &[u8]) {
    write_v2(out, 0, body.len() as u64);
    out.extend_from_slice(body);
}

/// What there is to know of a peer to whom nothing is said, and who says nothing, before bytes flow.
fn without_words(now: Instant) -> Established {
    let (decoder, encoder) = codec::raw::codec();
    let peer = Peer {
        version: Version::V3_1,
        socket_type: None,
        routing_id: Vec::new(),
        metadata: Vec::new(),
    };
    let heartbeat = Heartbeat::new(None, now);
    Established { peer, decoder, encoder, heartbeat, max_parts: None, max_message_bytes: None }
}

fn establish(
    config: &Config,
    now: Instant,
    peer: Peer,
    protection: Option<Protection>,
    wants_all: bool,
    web_socket: Option<WebSocketWriter>,
) -> Established {
    let (decoder, encoder) = codec::choose(config, &peer, protection, wants_all, web_socket);
    // PING came with 3.1, but 3.0 peers know it in practice, and libzmq sends it to them.
    let heartbeat = config.heartbeat.filter(|_| peer.version >= Version::V3_0);
    let heartbeat = Heartbeat::new(heartbeat, now);
    let Config { max_parts, max_message_bytes, .. } = *config;
    Established { decoder, encoder, heartbeat, max_parts, max_message_bytes, peer }
}
