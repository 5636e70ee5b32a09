//! The second part of a handshake with a ZMTP 3 peer: the dialogue of a mechanism, frame by frame,
//! and what comes of it.

use std::sync::Arc;
use std::time::Instant;

use zeroize::Zeroizing;

use super::Peer;
use crate::body_collector::BodyCollector;
use crate::codec::{FrameReader, Protection};
use crate::error::quote;
use crate::frame_collector::FrameCollector;
use crate::header::Framing;
use crate::limits::{HANDSHAKE_FRAME_MAX, QUOTE_MAX, ROUTING_ID_MAX};
use crate::mechanism::{AuthRequest, Credentials, Mechanism, MechanismConfig, Random};
use crate::metadata::{self, IDENTITY, PropertyList, SOCKET_TYPE};
use crate::web_socket::frames::WebSocketReader;
use crate::{Config, ProtocolError, SocketType, Version};

#[derive(Debug)]
pub(super) struct Dialogue {
    version: Version,
    mechanism: Box<dyn Mechanism>,
    frames: PeerFrames,
    authentication: Authentication,
    /// What the authenticator knows of the peer.
    known: PropertyList,
}

/// What may be a password.
type SecretBody = Zeroizing<Vec<u8>>;

/// Where the peer's frames come from.
#[derive(Debug)]
enum PeerFrames {
    Stream(FrameCollector),
    WebSocket(WebSocketReader),
}

impl PeerFrames {
    /// Takes bytes of the peer, none beyond a frame; returns how many, and the frame's body once it is whole.
    fn take(&mut self, bytes: &[u8]) -> Result<(usize, Option<SecretBody>), ProtocolError> {
        match self {
            PeerFrames::Stream(frame) => {
                let used = frame.fill(bytes)?;
                Ok((used, frame.is_whole().then(|| Zeroizing::new(frame.take()))))
            }
            PeerFrames::WebSocket(frames) => {
                let (used, frame) = frames.read(bytes)?;
                // Which a WebSocket may send at any time.
                let frame = frame.filter(|frame| !frame.is_beat());
                Ok((used, frame.map(|frame| Zeroizing::new(frame.bytes))))
            }
        }
    }
}

/// How far the question to the authenticator has come.
#[derive(Debug)]
enum Authentication {
    /// There is none, or it is answered.
    None,
    /// It is to be taken by whoever asks the authenticator.
    Wanted(AuthRequest),
    /// The answer is awaited.
    Asked,
}

impl Authentication {
    fn wanted(config: &Config, credentials: Credentials) -> Self {
        Authentication::Wanted(AuthRequest {
            domain: config.zap_domain.clone(),
            routing_id: config.routing_id().to_vec(),
            mechanism: config.mechanism.name(),
            credentials,
        })
    }
}

/// A peer that is accepted, and how the connection to it is protected.
type Accepted = (Peer, Option<Protection>);

impl Dialogue {
    pub(super) fn new(
        config: &Arc<Config>,
        version: Version,
        now: Instant,
        random: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Self, ProtocolError> {
        let mut mechanism = MechanismConfig::start(config);
        let authentication = match mechanism.asks_first() {
            Some(credentials) => Authentication::wanted(config, credentials),
            None => {
                mechanism.produce(now, random, out)?;
                Authentication::None
            }
        };
        let frame = FrameCollector::new(Framing::V3, HANDSHAKE_FRAME_MAX, 0).wiping();
        let frames = PeerFrames::Stream(frame);
        Ok(Dialogue { version, mechanism, frames, authentication, known: Vec::new() })
    }

    /// The peer's frames come in those of a WebSocket, `masked` or not.
    pub(super) fn on_web_socket(mut self, masked: bool) -> Self {
        let body = BodyCollector::new(HANDSHAKE_FRAME_MAX, 0).wiping();
        self.frames = PeerFrames::WebSocket(WebSocketReader::new(masked, body));
        self
    }

    /// Takes bytes of the peer, none while an answer is awaited; returns how many, and the peer
    /// once the mechanism is content.
    pub(super) fn input(
        &mut self,
        now: Instant,
        random: &mut Random<'_>,
        bytes: &[u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Option<Accepted>), ProtocolError> {
        let mut used = 0;
        while used < bytes.len() && !self.is_waiting() {
            let (taken, body) = self.frames.take(&bytes[used..])?;
            used += taken;
            // Whether the COMMAND flag is set does not matter here: libzmq never looks.
            let Some(body) = body else { continue };
            let asks = self.mechanism.process(now, random, &body)?;
            if let Some(credentials) = asks {
                self.authentication = Authentication::wanted(config, credentials);
                break;
            }
            let accepted = self.go_on(now, random, config, out)?;
            if accepted.is_some() {
                return Ok((used, accepted));
            }
        }
        Ok((used, None))
    }

    pub(super) fn poll_request(&mut self) -> Option<AuthRequest> {
        match std::mem::replace(&mut self.authentication, Authentication::Asked) {
            Authentication::Wanted(request) => Some(request),
            other => {
                self.authentication = other;
                None
            }
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        !matches!(self.authentication, Authentication::None)
    }

    /// The authenticator lets the peer in, of which it knows something.
    pub(super) fn allowed(
        &mut self,
        now: Instant,
        random: &mut Random<'_>,
        known: PropertyList,
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<Option<Accepted>, ProtocolError> {
        self.authentication = Authentication::None;
        self.known = known;
        self.mechanism.allowed();
        self.go_on(now, random, config, out)
    }

    fn go_on(
        &mut self,
        now: Instant,
        random: &mut Random<'_>,
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<Option<Accepted>, ProtocolError> {
        self.mechanism.produce(now, random, out)?;
        let Some(agreed) = self.mechanism.finish() else { return Ok(None) };
        let mut peer = accept(config, self.version, metadata::parse(&agreed.metadata)?)?;
        metadata::remove_claims(&mut peer.metadata);
        metadata::put_before(&mut peer.metadata, std::mem::take(&mut self.known));
        Ok(Some((peer, agreed.protection)))
    }
}

/// Checks what the peer says about itself.
///
/// A peer of the wrong type is not told so: our READY, which went out with the greeting, has told
/// it already, and an ERROR after READY is out of order, so that libzmq would ignore it.
fn accept(
    config: &Config,
    version: Version,
    metadata: PropertyList,
) -> Result<Peer, ProtocolError> {
    let own = config.socket_type;
    let mut socket_type = None;
    if let Some(name) = metadata::find(&metadata, SOCKET_TYPE) {
        socket_type = SocketType::from_name(name).filter(|&peer| own.compatible(peer));
        if socket_type.is_none() {
            let peer = quote(name, QUOTE_MAX);
            return Err(ProtocolError::IncompatibleSocketType { own, peer });
        }
    }
    let routing_id = metadata::find(&metadata, IDENTITY).unwrap_or_default().to_vec();
    if routing_id.len() > ROUTING_ID_MAX {
        return Err(ProtocolError::RoutingIdTooLong { length: routing_id.len() as u64 });
    }
    Ok(Peer { version, socket_type, routing_id, metadata })
}
