//! The far end of a connection whose frames are sealed, driven by hand.
#![allow(clippy::unwrap_used)]

use crate::harness::{App, Harness, Over, Settings, connection};
use crate::peer::Peer;
use crate::xor::{self, Xor};
use ringmq_engine::BackendKind;
use ringmq_pipe::frame;
use ringmq_zmtp::{
    AuthAnswer, Command, Config, Decoder, Encoder, Handshake, NoRandomness, Peer as PeerInfo,
    ProtocolError, Sink, SocketType,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

pub(crate) const ROUTER: SocketType = SocketType::Router;
pub(crate) const DEALER: SocketType = SocketType::Dealer;

pub(crate) fn allow() -> AuthAnswer {
    AuthAnswer::Allow { user_id: b"Alice".to_vec(), properties: Vec::new() }
}

pub(crate) fn server(kind: BackendKind) -> Harness {
    Harness::with(
        kind,
        Settings { config: xor::config(ROUTER, Xor::Server), ..Settings::default() },
    )
}

/// The far end, which shakes hands by the mechanism and then seals and opens.
pub(crate) struct SealedPeer {
    pub(crate) peer: Peer,
    pub(crate) info: PeerInfo,
    encoder: Encoder,
    decoder: Decoder,
    arrived: Arrived,
}

/// Frames that have arrived. Commands for the session as they stand in a frame.
#[derive(Default)]
pub(crate) struct Arrived(VecDeque<(u8, Vec<u8>)>);

impl Sink for Arrived {
    fn span(&mut self, _: &[u8], _: usize, _: usize) {
        panic!("a frame that is not sealed");
    }

    fn begin(&mut self, flags: u8, _: u64) {
        self.0.push_back((flags, Vec::new()));
    }

    fn body(&mut self, bytes: &[u8]) {
        self.0.back_mut().unwrap().1.extend_from_slice(bytes);
    }

    fn end(&mut self) {}

    fn command(&mut self, command: Command<'_>) {
        let body = match command {
            Command::Ping { context, .. } => [b"\x04PING", context].concat(),
            Command::Pong { context } => [b"\x04PONG", context].concat(),
        };
        self.0.push_back((frame::COMMAND, body));
    }
}

/// Random bytes that are good enough for a peer that is played.
pub(crate) fn played(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    bytes.fill(0x2a);
    Ok(())
}

pub(crate) fn client() -> Config {
    xor::config(DEALER, Xor::Client("alice"))
}

impl SealedPeer {
    pub(crate) fn shake_hands(mut peer: Peer, config: Config) -> Result<Self, ProtocolError> {
        let now = Instant::now();
        let mut handshake = Handshake::new(Arc::new(config), now);
        let mut bytes = Vec::new();
        loop {
            let mut out = Vec::new();
            handshake.take_output(&mut out);
            peer.write(&out);
            if let Some(established) = handshake.established() {
                let mut this = Self {
                    peer,
                    info: established.peer,
                    encoder: established.encoder,
                    decoder: established.decoder,
                    arrived: Arrived::default(),
                };
                this.take(&bytes);
                return Ok(this);
            }
            bytes = peer.read_some();
            let used = handshake.input(now, &mut played, &bytes)?;
            bytes.drain(..used);
            if handshake.poll_request().is_some() {
                handshake.answer(now, &mut played, allow())?;
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.decoder.decode(bytes, usize::MAX, &mut self.arrived).unwrap();
    }

    pub(crate) fn send(&mut self, flags: u8, body: &[u8]) {
        let mut wire = Vec::new();
        self.encoder.translate(flags, body, &mut wire);
        self.peer.write(&wire);
    }

    /// The next frame.
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        while self.arrived.0.is_empty() {
            let bytes = self.peer.read_some();
            self.take(&bytes);
        }
        self.arrived.0.pop_front().unwrap()
    }
}

/// A session whose peer was let in, the socket's end of its pipe, and the peer.
pub(crate) fn established(harness: &mut Harness, over: Over) -> (App, SealedPeer) {
    let (descriptor, peer) = connection(over);
    harness.session(descriptor, None);
    let shaking = std::thread::spawn(move || SealedPeer::shake_hands(peer, client()));
    harness.asked().answer(allow());
    let app = harness.attached();
    (app, shaking.join().unwrap().unwrap())
}
