//! A stream from its first byte on, to either end of a WebSocket: requests and answers of HTTP, frames, and what
//! is in them.
//!
//! Input: type, end, settings, cut, a byte each; the stream.

use std::sync::Arc;

use ringmq_zmtp::{
    AuthAnswer, Carrier, Config, MechanismConfig, PlainClient, PlainServer, SocketType,
    WebSocketTarget,
};

use crate::cuts::cut;
use crate::duel::SEEDS;
use crate::end::{End, listen_on};
use crate::input::Input;
use crate::memory::{FIXED, LISTED, bounded};

/// Settings, by their number.
const PLAIN: u8 = 0;
const JUDGED: u8 = 1;
const SHORT: u8 = 2;
const SETTINGS: u8 = 4;

/// Panics if the stream leads to something else in pieces, or takes more memory than is in proportion.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let socket_type = input.choose(&SocketType::ALL);
    if socket_type == SocketType::Stream {
        // It has no frames.
        return;
    }
    let is_server = input.byte() & 1 != 0;
    let config = config(socket_type, is_server, input.byte() % SETTINGS);
    let (seed, carrier) = (input.byte(), carrier(is_server));
    let stream = input.rest();
    let limit = FIXED + LISTED * stream.len();
    let listen = |pieces: &[&[u8]]| listen_on(&config, &carrier, SEEDS[0], Some(&allow()), pieces);
    let whole = bounded(limit, || listen(&[stream]));
    assert_eq!(listen(&cut(stream, seed)), whole, "in pieces");
}

fn config(socket_type: SocketType, is_server: bool, settings: u8) -> Arc<Config> {
    let mut config = Config::new(socket_type);
    match settings {
        PLAIN if is_server => config.mechanism = MechanismConfig::Other(Arc::new(PlainServer)),
        PLAIN => {
            let client = PlainClient::new("user", "password").expect("both are short");
            config.mechanism = MechanismConfig::Other(Arc::new(client));
        }
        JUDGED => config.zap_domain = "global".to_owned(),
        SHORT => config.max_body = Some(64),
        _ => {}
    }
    Arc::new(config)
}

fn carrier(is_server: bool) -> Carrier {
    if is_server {
        return Carrier::WebSocketServer;
    }
    let target = WebSocketTarget::new("localhost", "/").expect("a host and a path");
    Carrier::WebSocketClient(target)
}

fn allow() -> AuthAnswer {
    AuthAnswer::Allow { user_id: b"user".to_vec(), properties: Vec::new() }
}

/// What two honest ends say to each other, with all settings; and requests of others.
pub fn seeds() -> Vec<Vec<u8>> {
    let dealer = SocketType::ALL.iter().position(|kind| *kind == SocketType::Dealer);
    let dealer = dealer.and_then(|at| u8::try_from(at).ok()).unwrap_or_default();
    let mut seeds = Vec::new();
    for settings in 0..SETTINGS {
        let [said, heard] = talk(settings);
        seeds.push([&[dealer, 1, settings, 1], said.as_slice()].concat());
        seeds.push([&[dealer, 0, settings, 1], heard.as_slice()].concat());
    }
    let bare = "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Protocol: ZWS2.0\r\n\r\n\x02";
    let frames =
        b"\x82\x81\0\0\0\0\0\x02\x82\0\0\0\0\x01a\x89\x81\0\0\0\0b\x80\x81\x01\x02\x03\x04c\x82\x86\x01\x02\x03\x04\x01hello\x89\x80\0\0\0\0\x88\x80\0\0\0\0";
    seeds.push([&[dealer, 1, 3, 0], &bare.as_bytes()[..bare.len() - 1], frames].concat());
    seeds
}

/// What a client says to a server of the same kind, and what it hears.
fn talk(settings: u8) -> [Vec<u8>; 2] {
    let end = |is_server| {
        let config = config(SocketType::Dealer, is_server, settings);
        End::carried(&config, &carrier(is_server), SEEDS[0], Some(allow()))
    };
    let (mut client, mut server) = (end(false), end(true));
    let mut streams = [Vec::new(), Vec::new()];
    for round in 0..6 {
        if round == 4 {
            for end in [&mut client, &mut server] {
                end.send(1, b"first");
                end.send(0, &[7; 200]);
            }
        }
        let said = std::mem::take(&mut client.seen.output);
        server.feed(&said);
        let heard = std::mem::take(&mut server.seen.output);
        client.feed(&heard);
        streams[0].extend(said);
        streams[1].extend(heard);
    }
    streams
}
