//! Connections on a WebSocket: how they open, with each mechanism and without one, what libzmq has sent on them,
//! and what is refused.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::Instant;

use common::*;
use ringmq_zmtp::{
    AuthAnswer, Carrier, Config, Decoder, Established, Handshake, MechanismConfig,
    MechanismFactory, NoRandomness, PlainClient, PlainServer, ProtocolError, SocketType, Version,
    WebSocketTarget, subscribe_frame,
};

const VECTORS: &str = include_str!("vectors/ws.json");

fn vector(name: &str) -> String {
    let all: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
    all["vectors"][name].as_str().unwrap().to_owned()
}

fn wire(name: &str) -> Vec<u8> {
    let text = vector(name);
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Bytes that are different each time, and the same in each run.
fn bytes(seed: u8) -> impl FnMut(&mut [u8]) -> Result<(), NoRandomness> {
    let mut next = seed;
    move |into| {
        for byte in into {
            next = next.wrapping_mul(5).wrapping_add(113);
            *byte = next;
        }
        Ok(())
    }
}

fn target() -> Carrier {
    Carrier::WebSocketClient(WebSocketTarget::new("127.0.0.1", "/path").unwrap())
}

fn start(config: Config, carrier: &Carrier) -> Handshake {
    Handshake::carried(Arc::new(config), carrier, Instant::now(), &mut bytes(1)).unwrap()
}

fn output(handshake: &mut Handshake) -> Vec<u8> {
    let mut out = Vec::new();
    handshake.take_output(&mut out);
    out
}

fn feed(handshake: &mut Handshake, input: &[u8]) -> Result<usize, ProtocolError> {
    handshake.input(Instant::now(), &mut bytes(2), input)
}

/// Lets both ends talk until nothing is left to be said.
fn settle(client: &mut Handshake, server: &mut Handshake) -> Result<(), ProtocolError> {
    loop {
        let (asked, answered) = (output(client), output(server));
        if asked.is_empty() && answered.is_empty() {
            return Ok(());
        }
        assert_eq!(feed(server, &asked)?, asked.len());
        assert_eq!(feed(client, &answered)?, answered.len());
    }
}

fn pair(client: Config, server: Config) -> (Established, Established) {
    let mut client = start(client, &target());
    let mut server = start(server, &Carrier::WebSocketServer);
    settle(&mut client, &mut server).unwrap();
    (client.established().unwrap(), server.established().unwrap())
}

/// Messages, subscriptions and signs of life from one end to the other.
fn exchange(from: &mut Established, to: &mut Established) {
    let mut sent = Vec::new();
    let long = vec![7; 70_000];
    let middle = vec![8; 300];
    from.encoder.translate(1, b"first", &mut sent);
    from.encoder.translate(1, b"", &mut sent);
    from.encoder.translate(0, &middle, &mut sent);
    let mut subscription = Vec::new();
    subscribe_frame(b"topic", &mut subscription);
    from.encoder.translate(4, &subscription[2..], &mut sent);
    from.encoder.ping(10, &mut sent);
    from.encoder.pong(b"context", &mut sent);
    from.encoder.translate(0, &long, &mut sent);
    let mut recorder = Recorder::default();
    let (head, tail) = sent.split_at(sent.len() / 3);
    decode(&mut to.decoder, &[head, tail], &mut recorder).unwrap();
    let expected = [
        Event::Frame(1, b"first".to_vec()),
        Event::Frame(1, Vec::new()),
        Event::Frame(0, middle),
        Event::Frame(0, b"\x01topic".to_vec()),
        // Nothing is said on a WebSocket of how long to wait.
        Event::Ping(0, Vec::new()),
        Event::Pong(b"context".to_vec()),
        Event::Frame(0, long),
    ];
    assert_eq!(recorder.events, expected);
}

#[test]
fn both_ends_speak_with_null() {
    let (mut client, mut server) =
        pair(Config::new(SocketType::Dealer), Config::new(SocketType::Router));
    assert_eq!(client.peer.socket_type, Some(SocketType::Router));
    assert_eq!(server.peer.version, Version::V3_1);
    exchange(&mut client, &mut server);
    exchange(&mut server, &mut client);
}

/// Lets both ends talk, and the server's authenticator let the client in.
fn talk(client: Config, server: Config) -> (Established, Established) {
    let mut client = start(client, &target());
    let mut server = start(server, &Carrier::WebSocketServer);
    settle(&mut client, &mut server).unwrap();
    if server.poll_request().is_some() {
        let answer = AuthAnswer::Allow { user_id: "user".into(), properties: Vec::new() };
        server.answer(Instant::now(), &mut bytes(3), answer).unwrap();
        settle(&mut client, &mut server).unwrap();
    }
    (client.established().unwrap(), server.established().unwrap())
}

fn with(socket_type: SocketType, mechanism: impl MechanismFactory + 'static) -> Config {
    let mut config = Config::new(socket_type);
    config.mechanism = MechanismConfig::Other(Arc::new(mechanism));
    config
}

#[test]
fn both_ends_speak_with_plain() {
    let client = with(SocketType::Push, PlainClient::new("user", "password").unwrap());
    let (mut client, mut server) = talk(client, with(SocketType::Pull, PlainServer));
    exchange(&mut client, &mut server);
}

#[cfg(feature = "curve")]
#[test]
fn both_ends_speak_with_curve() {
    use ringmq_zmtp::{CurveClient, CurveKeyPair, CurveServer};
    let (ours, theirs) = (
        CurveKeyPair::generate(&mut bytes(5)).unwrap(),
        CurveKeyPair::generate(&mut bytes(6)).unwrap(),
    );
    let client = with(SocketType::Push, CurveClient::new(theirs.public, ours));
    let (mut client, mut server) =
        talk(client, with(SocketType::Pull, CurveServer::new(theirs.secret)));
    exchange(&mut client, &mut server);
    exchange(&mut server, &mut client);
    let mut sent = Vec::new();
    client.encoder.translate(0, b"a secret that nobody on the way reads", &mut sent);
    let last = sent.len() - 1;
    sent[last] ^= 1;
    let result = decode(&mut server.decoder, &[&sent], &mut Recorder::default());
    assert_eq!(result, Err(ProtocolError::BrokenSeal));
}

#[test]
fn without_a_mechanism_there_are_routing_ids_only() {
    let mut config = Config::new(SocketType::Router);
    config.set_routing_id(b"server").unwrap();
    let mut server = start(config, &Carrier::WebSocketServer);
    let request = request("ZWS2.0");
    let id = [&[0x82, 0x80 | 5, 0, 0, 0, 0, 0], b"mine".as_slice()].concat();
    for_every_cut(&[request.as_bytes(), &id].concat(), |pieces| {
        let mut config = Config::new(SocketType::Router);
        config.set_routing_id(b"server").unwrap();
        let mut server = start(config, &Carrier::WebSocketServer);
        for piece in pieces {
            assert_eq!(feed(&mut server, piece), Ok(piece.len()));
        }
        let said = output(&mut server);
        assert!(said.ends_with(b"\r\n\r\n\x82\x07\0server"));
        let peer = server.established().unwrap().peer;
        assert_eq!((peer.socket_type, peer.routing_id.as_slice()), (None, b"mine".as_slice()));
    });
    // Who is to be judged cannot come this way.
    let mut strict = Config::new(SocketType::Router);
    strict.zap_domain = "global".to_owned();
    let mut strict = start(strict, &Carrier::WebSocketServer);
    assert!(matches!(
        feed(&mut strict, request.as_bytes()),
        Err(ProtocolError::NotWebSocket { .. })
    ));
    assert!(output(&mut strict).starts_with(b"HTTP/1.1 400 "));
    // What comes first need not be the first thing that comes.
    feed(&mut server, request.as_bytes()).unwrap();
    assert_eq!(feed(&mut server, b"\x89\x80\0\0\0\0"), Ok(6));
    assert!(!server.is_done());
    assert_eq!(feed(&mut server, &id), Ok(id.len()));
    assert!(server.is_done());
}

#[test]
fn a_client_says_what_libzmq_says() {
    let mut client = start(Config::new(SocketType::Dealer), &target());
    let said = String::from_utf8(output(&mut client)).unwrap();
    let (before, key) = said.split_once("Sec-WebSocket-Key: ").unwrap();
    let (_, after) = key.split_once("\r\n").unwrap();
    let captured = vector("client_request_ascii(key random)");
    let (captured_before, key) = captured.split_once("Sec-WebSocket-Key: ").unwrap();
    assert_eq!((before, after), (captured_before, key.split_once("\r\n").unwrap().1));
}

#[test]
fn a_server_says_what_libzmq_says_and_hears_what_it_said() {
    let mut server = start(Config::new(SocketType::Pull), &Carrier::WebSocketServer);
    let request = request("ZWS2.0/NULL,ZWS2.0").replace(KEY, "IfV/ntyNe/NwGiKiPsgGsA==");
    feed(&mut server, request.as_bytes()).unwrap();
    let said = output(&mut server);
    let captured = vector("server_response_ascii");
    let own_accept = vector("expected_accept");
    // Of another request: only what answers its key is another.
    let (head, ready) = said.split_at(captured.len());
    let head = String::from_utf8(head.to_vec()).unwrap();
    let accept = |text: &str| {
        let (_, value) = text.split_once("Sec-WebSocket-Accept: ").unwrap();
        value.split_once("\r\n").unwrap().0.to_owned()
    };
    assert_eq!(head.replace(&accept(&head), &own_accept), captured);
    assert_eq!(ready, wire("server_READY_ws_frame"));
    feed(&mut server, &wire("client_READY_masked")).unwrap();
    let mut established = server.established().unwrap();
    assert_eq!(established.peer.socket_type, Some(SocketType::Push));
    let mut recorder = Recorder::default();
    let message = wire("client_message_[part1,part2]_masked");
    decode(&mut established.decoder, &[&message], &mut recorder).unwrap();
    let parts = [Event::Frame(1, b"part1".to_vec()), Event::Frame(0, b"part2".to_vec())];
    assert_eq!(recorder.events, parts);
    let mut out = Vec::new();
    established.encoder.pong(b"", &mut out);
    assert_eq!(out, wire("reply_to_ws_ping('hb')"));
    out.clear();
    established.encoder.close(&mut out);
    assert_eq!(out, wire("reply_to_ws_close"));
}

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn request(protocols: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: {protocols}\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    )
}

#[test]
fn a_request_may_look_like_a_browsers_and_the_key_is_answered_as_rfc_6455_says() {
    let mut server = start(Config::new(SocketType::Rep), &Carrier::WebSocketServer);
    let browser = request("chat, ZWS2.0/PLAIN, ZWS2.0/NULL")
        .replace("Connection: Upgrade", "connection: keep-alive, upgrade")
        .replace("Upgrade: websocket", "UPGRADE: WebSocket")
        .replace("\r\n\r\n", "\r\nOrigin: http://localhost\r\nCookie: a=b\r\n\r\n");
    feed(&mut server, browser.as_bytes()).unwrap();
    let said = String::from_utf8_lossy(&output(&mut server)).into_owned();
    // The example of section 1.3.
    assert!(said.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert!(said.contains("\r\nSec-WebSocket-Protocol: ZWS2.0/NULL\r\n"));
}

#[test]
fn what_is_no_request_for_this_is_answered_and_refused() {
    let good = request("ZWS2.0/NULL");
    let long = format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(9000));
    let bad = [
        ("POST / HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 426),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), 400),
        (good.replace("websocket", "h2c"), 426),
        (good.replace("Version: 13", "Version: 8"), 426),
        (good.replace(KEY, "short"), 400),
        (good.replace(KEY, "AAAA"), 400),
        (good.replace("ZWS2.0/NULL", "ZWS1.0"), 400),
        (good.replace("\r\n\r\n", &format!("{}\r\n\r\n", "\r\nA: b".repeat(70))), 400),
        (good.replace("Host", "Ho st"), 400),
        (long, 400),
    ];
    for (request, status) in bad {
        let mut server = start(Config::new(SocketType::Rep), &Carrier::WebSocketServer);
        let refused = feed(&mut server, request.as_bytes());
        assert!(
            matches!(refused, Err(ProtocolError::NotWebSocket { .. })),
            "{request}: {refused:?}"
        );
        let said = String::from_utf8(output(&mut server)).unwrap();
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {said}");
        assert!(said.contains("ZeroMQ"));
    }
}

#[test]
fn who_has_another_mechanism_is_told_and_refused() {
    let mut server = start(Config::new(SocketType::Rep), &Carrier::WebSocketServer);
    let refused = feed(&mut server, request("ZWS2.0/CURVE, chat").as_bytes());
    let mismatch = ProtocolError::MechanismMismatch { own: "NULL", peer: "CURVE".into() };
    assert_eq!(refused, Err(mismatch));
    assert!(output(&mut server).starts_with(b"HTTP/1.1 400 "));
}

#[test]
fn what_is_no_answer_to_a_request_is_refused() {
    let mut server = start(Config::new(SocketType::Router), &Carrier::WebSocketServer);
    let mut client = start(Config::new(SocketType::Dealer), &target());
    feed(&mut server, &output(&mut client)).unwrap();
    let said = output(&mut server);
    let end = said.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let good = String::from_utf8(said[..end].to_vec()).unwrap();
    let answered = |answer: &str| {
        let mut client = start(Config::new(SocketType::Dealer), &target());
        feed(&mut client, answer.as_bytes()).map(|used| assert_eq!(used, answer.len()))
    };
    assert_eq!(answered(&good), Ok(()));
    let refused = ProtocolError::WebSocketRefused { status: 404 };
    assert_eq!(answered("HTTP/1.1 404 Not Found\r\n\r\n"), Err(refused));
    let no_mechanism = good.replace("ZWS2.0/NULL", "ZWS2.0");
    assert_eq!(answered(&no_mechanism), Ok(()));
    for bad in [
        good.replace("websocket", "h2c"),
        good.replace("Accept: ", "Accept: A"),
        good.replace("ZWS2.0/NULL", "ZWS2.0/CURVE"),
        good.replace("Sec-WebSocket-Protocol: ZWS2.0/NULL\r\n", ""),
        "220 mail.example.org ESMTP\r\n".to_owned(),
        "HTTP/1.0 101 Switching Protocols\r\n\r\n".to_owned(),
        format!("HTTP/1.1 101 {}", "a".repeat(9000)),
    ] {
        let refused = answered(&bad);
        assert!(matches!(refused, Err(ProtocolError::NotWebSocket { .. })), "{bad}: {refused:?}");
    }
}

#[test]
fn frames_that_have_no_place_here_are_refused() {
    let unmasked: &[&[u8]] = &[
        b"\xc2\x02\0a",                   // compressed
        b"\x81\x02\0a",                   // text
        b"\x80\x02\0a",                   // goes on with nothing
        b"\x02\x02\0a\x82\x02\0b",        // begins in the midst of another
        b"\x02\x02\0a\x80\x01b\x80\x01c", // goes on behind the end
        b"\x09\x00",                      // a ping in fragments
        b"\x83\x02\0a",                   // reserved
        b"\x82\x00",                      // no flags
        b"\x82\x7e\0\0",                  // no flags, in a long form
        b"\x82\x7f\0\0\0\0\0\0\0\0",
        b"\x89\x7e\0\x80",      // a ping that is too long
        b"\x82\x82\0\0\0\0\0a", // masked, from a server
    ];
    let (client, _) = pair(Config::new(SocketType::Dealer), Config::new(SocketType::Router));
    let mut client = Some(client);
    for frame in unmasked {
        let mut end = client.take().unwrap_or_else(|| {
            pair(Config::new(SocketType::Dealer), Config::new(SocketType::Router)).0
        });
        let result = decode(&mut end.decoder, &[frame], &mut Recorder::default());
        assert!(
            matches!(result, Err(ProtocolError::WebSocketFrame { .. })),
            "{frame:?}: {result:?}"
        );
    }
    let (_, mut server) = pair(Config::new(SocketType::Dealer), Config::new(SocketType::Router));
    let result = decode(&mut server.decoder, &[b"\x82\x02\0a"], &mut Recorder::default());
    assert!(matches!(result, Err(ProtocolError::WebSocketFrame { .. })), "not masked: {result:?}");
}

#[test]
fn a_frame_is_as_long_as_it_may_be_and_memory_comes_with_its_bytes() {
    let limited = || {
        let mut config = Config::new(SocketType::Router);
        config.max_body = Some(10);
        pair(config, Config::new(SocketType::Dealer)).0
    };
    let whole = |mut end: Established, frame: &[u8]| {
        decode(&mut end.decoder, &[frame], &mut Recorder::default())
    };
    assert_eq!(whole(limited(), b"\x82\x0b\x000123456789"), Ok(()));
    let too_long = ProtocolError::FrameTooLarge { length: 11, limit: 10 };
    assert_eq!(whole(limited(), b"\x82\x0c\x00"), Err(too_long));
    // Of 2^62 bytes that are announced three have come, and no more memory than for some of them is taken.
    let (mut client, _) = pair(Config::new(SocketType::Dealer), Config::new(SocketType::Router));
    let begin = b"\x82\x7f\x40\0\0\0\0\0\0\0\0abc";
    assert_eq!(decode(&mut client.decoder, &[begin], &mut Recorder::default()), Ok(()));
    assert!(client.decoder.is_midway());
}

/// A fragment, as a client sends it with that mask.
fn fragment(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [&[first, 0x80 | payload.len() as u8], &mask[..]].concat().into_iter().chain(masked).collect()
}

#[test]
fn content_in_fragments_is_put_together_and_signs_of_life_may_come_between() {
    let stream = [
        fragment(0x02, [1, 2, 3, 4], b"\x01fir"),
        fragment(0x89, [5, 6, 7, 8], b"ping"),
        fragment(0x00, [9, 10, 11, 12], b""),
        fragment(0x00, [13, 14, 15, 16], b"st p"),
        fragment(0x8a, [0; 4], &[7; 125]),
        fragment(0x80, [17, 18, 19, 20], b"art"),
        fragment(0x82, [21, 22, 23, 24], b"\0second"),
        fragment(0x02, [25, 26, 27, 28], b"\0"),
        fragment(0x80, [29, 30, 31, 32], b""),
    ]
    .concat();
    let expected = [
        Event::Ping(0, b"ping".to_vec()),
        Event::Pong(vec![7; 125]),
        Event::Frame(1, b"first part".to_vec()),
        Event::Frame(0, b"second".to_vec()),
        Event::Frame(0, Vec::new()),
    ];
    for_every_cut(&stream, |pieces| {
        let (_, mut server) = pair(Config::new(SocketType::Push), Config::new(SocketType::Pull));
        let mut recorder = Recorder::default();
        decode(&mut server.decoder, pieces, &mut recorder).unwrap();
        assert_eq!(recorder.events, expected);
        assert!(!server.decoder.is_midway());
    });
}

#[test]
fn fragments_together_are_no_longer_than_a_frame_may_be() {
    let limited = |max_body, max_message_bytes| {
        let mut config = Config::new(SocketType::Pull);
        (config.max_body, config.max_message_bytes) = (max_body, max_message_bytes);
        pair(Config::new(SocketType::Push), config).1
    };
    let stream = [fragment(0x02, [1; 4], b"\x0012345"), fragment(0x80, [2; 4], b"678901")].concat();
    let decoded =
        |mut end: Established| decode(&mut end.decoder, &[&stream], &mut Recorder::default());
    assert_eq!(decoded(limited(Some(11), Some(11))), Ok(()));
    let frame = ProtocolError::FrameTooLarge { length: 11, limit: 10 };
    assert_eq!(decoded(limited(Some(10), Some(11))), Err(frame));
    // Before all of it is there.
    assert_eq!(
        decoded(limited(Some(11), Some(10))),
        Err(ProtocolError::MessageTooLarge { limit: 10 })
    );
}

#[test]
fn a_long_message_in_small_fragments_takes_little_time() {
    let (_, mut server) = pair(Config::new(SocketType::Push), Config::new(SocketType::Pull));
    let mut stream = fragment(0x02, [0; 4], b"\0");
    // Copied once for each of them, they would be 200 GB.
    const COUNT: usize = 200_000;
    (0..COUNT).for_each(|_| stream.extend(fragment(0x00, [0; 4], b"0123456789")));
    stream.extend(fragment(0x80, [0; 4], b""));
    let mut recorder = Recorder::default();
    decode(&mut server.decoder, &[&stream], &mut recorder).unwrap();
    assert!(matches!(&recorder.events[..], [Event::Frame(0, body)] if body.len() == 10 * COUNT));
}

#[test]
fn what_is_no_routing_id_is_none() {
    let mut server = start(Config::new(SocketType::Router), &Carrier::WebSocketServer);
    feed(&mut server, request("ZWS2.0").as_bytes()).unwrap();
    let refused = feed(&mut server, &fragment(0x82, [0; 4], b"\x01first of two"));
    assert!(matches!(refused, Err(ProtocolError::WebSocketFrame { .. })), "{refused:?}");
}

#[test]
fn a_close_ends_the_connection_behind_what_came_before() {
    let (mut client, _) = pair(Config::new(SocketType::Dealer), Config::new(SocketType::Router));
    let mut recorder = Recorder::default();
    let stream = [b"\x82\x02\0a".as_slice(), &wire("reply_to_ws_close")].concat();
    let mut decoded = |decoder: &mut Decoder| decoder.decode(&stream, 9, &mut recorder);
    assert_eq!(decoded(&mut client.decoder), Err(ProtocolError::WebSocketClosed));
    assert_eq!(recorder.events, [Event::Frame(0, b"a".to_vec())]);
}
