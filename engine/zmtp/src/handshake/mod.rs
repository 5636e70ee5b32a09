//! From the first byte of a connection to the point where messages may flow.
//!
//! Three stages, each in its own file: the greeting, then either a mechanism's dialogue (ZMTP 3)
//! or a frame with a routing id (before). Driven by one thread; nothing is shared before the end.

mod legacy;

use std::sync::Arc;
use std::time::Instant;

use crate::frame_collector::FrameCollector;
use crate::greeting::{Greeting, Outcome};
use crate::header::Framing;
use crate::limits::{ATTACH_MIN, HANDSHAKE_FRAME_MAX, QUOTE_MAX, ROUTING_ID_MAX};
use crate::mechanism::{Mechanism, MechanismConfig};
use crate::metadata::{self, IDENTITY, SOCKET_TYPE};
use crate::{Config, Decoder, Encoder, Heartbeat, ProtocolError, SocketType, Version};
use legacy::Legacy;

/// What is known about the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The version that both ends speak.
    pub version: Version,
    /// The type of its socket; `None` if it did not say. Before version 3 it is not checked.
    pub socket_type: Option<SocketType>,
    /// The routing id that it chose, at most 255 bytes; empty if none.
    pub routing_id: Vec<u8>,
    /// All properties that it sent, `Socket-Type` and `Identity` included, in its order.
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
/// assert_eq!(handshake.input(now, b"GET / HTTP/1.1\r\n"), Err(ProtocolError::NotZmtp { began: *b"GE" }));
/// ```
#[derive(Debug)]
pub struct Handshake {
    config: Arc<Config>,
    deadline: Option<Instant>,
    /// What has not been taken for sending yet.
    output: Vec<u8>,
    state: HandshakeState,
}

#[derive(Debug)]
enum HandshakeState {
    Greeting(Greeting),
    Legacy(Legacy),
    Mechanism(Dialogue),
    Done(Box<Established>),
    /// The result has been taken, or there never will be one.
    Over,
}

#[derive(Debug)]
struct Dialogue {
    version: Version,
    mechanism: Box<dyn Mechanism>,
    frame: FrameCollector,
}

impl Handshake {
    /// Begins a handshake; the first bytes of it are ready to be sent. Both ends of a connection
    /// begin in the same way.
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        let deadline = config.handshake_timeout.and_then(|timeout| now.checked_add(timeout));
        let mut output = Vec::new();
        let state = HandshakeState::Greeting(Greeting::new(&config, &mut output));
        Handshake { config, deadline, output, state }
    }

    /// Takes bytes of the peer; returns how many. All of them, unless the handshake is over:
    /// what is left then belongs to the [`Decoder`].
    ///
    /// # Errors
    /// What the peer did wrong. The handshake has failed for good.
    pub fn input(&mut self, now: Instant, bytes: &[u8]) -> Result<usize, ProtocolError> {
        let mut used = 0;
        loop {
            match self.step(now, &bytes[used..]) {
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

    /// Appends to `out` what has to be sent now; returns whether that was anything.
    pub fn take_output(&mut self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&self.output);
        let any = !self.output.is_empty();
        self.output.clear();
        any
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
        bytes: &[u8],
    ) -> Result<(usize, Option<HandshakeState>), ProtocolError> {
        let config = &self.config;
        match &mut self.state {
            HandshakeState::Greeting(greeting) => {
                let (used, outcome) = greeting.input(bytes, config, &mut self.output)?;
                let next = match outcome {
                    None => None,
                    Some(Outcome::Unversioned) => {
                        Some(HandshakeState::Legacy(Legacy::unversioned(config, greeting.seen())?))
                    }
                    Some(Outcome::Legacy { framing, socket_type }) => {
                        Some(HandshakeState::Legacy(Legacy::new(config, framing, socket_type)))
                    }
                    Some(Outcome::Modern { version }) => Some(HandshakeState::Mechanism(
                        Dialogue::new(config, version, &mut self.output),
                    )),
                };
                Ok((used, next))
            }
            HandshakeState::Legacy(legacy) => {
                let used = legacy.input(bytes)?;
                let next = legacy.finish().map(|peer| {
                    // A 2.x subscriber filters by itself and never asks for anything.
                    let wants_all = legacy.is_unversioned() && config.socket_type.publishes();
                    HandshakeState::Done(Box::new(establish(config, now, peer, wants_all)))
                });
                Ok((used, next))
            }
            HandshakeState::Mechanism(dialogue) => {
                let (used, peer) = dialogue.input(bytes, config, &mut self.output)?;
                let done =
                    |peer| HandshakeState::Done(Box::new(establish(config, now, peer, false)));
                Ok((used, peer.map(done)))
            }
            HandshakeState::Done(_) | HandshakeState::Over => Ok((0, None)),
        }
    }
}

impl Dialogue {
    fn new(config: &Arc<Config>, version: Version, out: &mut Vec<u8>) -> Self {
        let limit = config.max_body.unwrap_or(u64::MAX).min(HANDSHAKE_FRAME_MAX);
        let mut mechanism = MechanismConfig::start(config);
        mechanism.produce(out);
        Dialogue { version, mechanism, frame: FrameCollector::new(Framing::V3, limit) }
    }

    /// Takes bytes of the peer; returns how many, and the peer once the mechanism is content.
    fn input(
        &mut self,
        bytes: &[u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Option<Peer>), ProtocolError> {
        let mut used = 0;
        while used < bytes.len() {
            used += self.frame.fill(&bytes[used..])?;
            if !self.frame.is_whole() {
                break;
            }
            // Whether the COMMAND flag is set does not matter here: libzmq never looks.
            self.mechanism.process(&self.frame.take())?;
            self.mechanism.produce(out);
            if let Some(metadata) = self.mechanism.finish() {
                return Ok((used, Some(accept(config, self.version, metadata)?)));
            }
        }
        Ok((used, None))
    }
}

/// Checks what the peer says about itself.
///
/// A peer of the wrong type is not told so: our READY, which went out with the greeting, has told
/// it already, and an ERROR after READY is out of order, so that libzmq would ignore it.
fn accept(
    config: &Config,
    version: Version,
    metadata: Vec<(String, Vec<u8>)>,
) -> Result<Peer, ProtocolError> {
    let own = config.socket_type;
    let mut socket_type = None;
    if let Some(name) = metadata::find(&metadata, SOCKET_TYPE) {
        socket_type = SocketType::from_name(name).filter(|&peer| own.compatible(peer));
        if socket_type.is_none() {
            let peer = crate::error::quote(name, QUOTE_MAX);
            return Err(ProtocolError::IncompatibleSocketType { own, peer });
        }
    }
    let routing_id = metadata::find(&metadata, IDENTITY).unwrap_or_default().to_vec();
    if routing_id.len() > ROUTING_ID_MAX {
        return Err(ProtocolError::RoutingIdTooLong { length: routing_id.len() as u64 });
    }
    Ok(Peer { version, socket_type, routing_id, metadata })
}

fn establish(config: &Config, now: Instant, peer: Peer, wants_all: bool) -> Established {
    let mut decoder = Decoder::new(peer.version, config.max_body, ATTACH_MIN);
    if wants_all {
        decoder.subscribe_to_all();
    }
    if !matches!(config.socket_type, SocketType::Pub | SocketType::XPub) {
        decoder.expect_no_subscriptions();
    }
    // PING came with 3.1, but 3.0 peers know it in practice, and libzmq sends it to them.
    let heartbeat = config.heartbeat.filter(|_| peer.version >= Version::V3_0);
    Established {
        decoder,
        encoder: Encoder::new(peer.version),
        heartbeat: Heartbeat::new(heartbeat, now),
        peer,
    }
}
