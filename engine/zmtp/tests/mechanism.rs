//! A mechanism that asks an authenticator and then seals each frame, from greeting to messages:
//! with answers that come, come late, never come, or make no sense, and streams that are cut
//! anywhere.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/xor.rs"]
mod xor;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use ringmq_pipe::frame;
use ringmq_zmtp::{
    AuthAnswer, AuthRequest, Denial, Established, Handshake, NoRandomness, ProtocolError,
    SocketType, cancel_frame, subscribe_frame,
};
use xor::Xor;

/// Random bytes that are the same each time.
fn predictable(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    bytes.iter_mut().zip(17..).for_each(|(byte, value)| *byte = value);
    Ok(())
}

fn allow() -> AuthAnswer {
    AuthAnswer::Allow { user_id: Vec::new(), properties: Vec::new() }
}

fn server(now: Instant) -> Handshake {
    let mut config = xor::config(SocketType::Pub, Xor::Server);
    config.set_routing_id(b"server").unwrap();
    Handshake::new(Arc::new(config), now)
}

fn client(now: Instant) -> Handshake {
    Handshake::new(Arc::new(xor::config(SocketType::Sub, Xor::Client("alice"))), now)
}

fn output(handshake: &mut Handshake) -> Vec<u8> {
    let mut out = Vec::new();
    handshake.take_output(&mut out);
    out
}

/// Lets two ends talk until they have nothing more to say to each other, in pieces of that many
/// bytes.
fn talk(ends: [&mut Handshake; 2], now: Instant, piece: usize) -> Result<(), ProtocolError> {
    let [a, b] = ends;
    loop {
        let (from_a, from_b) = (output(a), output(b));
        if from_a.is_empty() && from_b.is_empty() {
            return Ok(());
        }
        for bytes in from_a.chunks(piece) {
            assert_eq!(b.input(now, &mut predictable, bytes)?, bytes.len());
        }
        for bytes in from_b.chunks(piece) {
            assert_eq!(a.input(now, &mut predictable, bytes)?, bytes.len());
        }
    }
}

/// A server that waits for its authenticator, and its client.
fn asking(now: Instant) -> (Handshake, Handshake, AuthRequest) {
    let (mut server, mut client) = (server(now), client(now));
    talk([&mut server, &mut client], now, usize::MAX).unwrap();
    assert!(server.is_waiting() && !client.is_waiting());
    let request = server.poll_request().expect("a question");
    (server, client, request)
}

/// Both ends of a connection, sealed.
fn sealed() -> (Established, Established) {
    let now = Instant::now();
    let (mut server, mut client, _) = asking(now);
    server.answer(now, &mut predictable, allow()).unwrap();
    talk([&mut server, &mut client], now, usize::MAX).unwrap();
    (server.established().unwrap(), client.established().unwrap())
}

#[test]
fn an_authenticator_is_asked_once_and_lets_the_peer_in() {
    let now = Instant::now();
    for piece in [1, 7, usize::MAX] {
        let (mut server, mut client) = (server(now), client(now));
        talk([&mut server, &mut client], now, piece).unwrap();
        let expected = AuthRequest {
            domain: "global".to_owned(),
            routing_id: b"server".to_vec(),
            mechanism: "XOR",
            credentials: vec![b"alice".to_vec()],
        };
        assert!(!format!("{expected:?}").contains("credentials"), "{expected:?}");
        assert_eq!(server.poll_request(), Some(expected));
        assert_eq!(server.poll_request(), None, "once");
        assert!(server.is_waiting());

        let properties = vec![
            ("X-role".to_owned(), b"reader".to_vec()),
            ("socket-type".to_owned(), b"what an authenticator has no say in".to_vec()),
        ];
        let answer = AuthAnswer::Allow { user_id: b"Alice".to_vec(), properties };
        server.answer(now, &mut predictable, answer).unwrap();
        assert!(!server.is_waiting());
        talk([&mut server, &mut client], now, piece).unwrap();
        let peer = server.established().unwrap().peer;
        assert_eq!(peer.socket_type, Some(SocketType::Sub));
        let names: Vec<&str> = peer.metadata.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["User-Id", "X-role", "socket-type"]);
        let peer = client.established().unwrap().peer;
        assert_eq!(peer.socket_type, Some(SocketType::Pub));
        assert_eq!(peer.metadata.len(), 1);
    }
}

#[test]
fn who_is_denied_is_told_why_unless_it_may_pass() {
    let now = Instant::now();
    for (denial, status) in
        [(Denial::Temporary, 300), (Denial::Credentials, 400), (Denial::Internal, 500)]
    {
        let (mut server, mut client, _) = asking(now);
        let denied = server.answer(now, &mut predictable, AuthAnswer::Deny(denial));
        let error = denied.unwrap_err();
        assert_eq!(error, ProtocolError::Denied { denial });
        assert_eq!((error.auth_status(), error.code()), (Some(status), None));
        assert_eq!(server.poll_timeout(), None, "over is over");
        // Nothing that comes later changes that.
        assert_eq!(server.answer(now, &mut predictable, allow()), Ok(()));
        assert!(!server.is_done() && !server.is_waiting());
        let told = output(&mut server);
        if denial == Denial::Temporary {
            assert!(told.is_empty());
            continue;
        }
        let refused = client.input(now, &mut predictable, &told).unwrap_err();
        assert_eq!(refused.auth_status(), Some(status));
    }
}

#[test]
fn time_goes_on_while_the_answer_is_awaited() {
    let start = Instant::now();
    let (mut server, ..) = asking(start);
    let deadline = start + Duration::from_secs(30);
    assert_eq!(server.poll_timeout(), Some(deadline));
    assert_eq!(server.handle_timeout(deadline - Duration::from_millis(1)), Ok(()));
    assert!(server.is_waiting());
    assert_eq!(server.handle_timeout(deadline), Err(ProtocolError::HandshakeTimeout));
    assert!(!server.is_waiting());
    assert_eq!(server.answer(deadline, &mut predictable, allow()), Ok(()), "too late to matter");
    assert!(!server.is_done() && output(&mut server).is_empty());
}

#[test]
fn a_late_answer_is_as_good_and_a_mechanism_is_told_the_time() {
    let start = Instant::now();
    for (late, fresh) in [(xor::FRESH, true), (xor::FRESH + Duration::from_millis(1), false)] {
        let (mut server, mut client, _) = asking(start);
        server.answer(start + late, &mut predictable, allow()).unwrap();
        let result = talk([&mut server, &mut client], start + late, usize::MAX);
        assert_eq!((result.is_ok(), server.is_done()), (fresh, fresh));
    }
}

#[test]
fn answers_that_nobody_asked_for_change_nothing() {
    let now = Instant::now();
    let (mut server, mut client) = (server(now), client(now));
    let answers = || [allow(), AuthAnswer::Deny(Denial::Internal)];
    for answer in answers() {
        // Before the greeting, and to an end that never asks.
        assert_eq!(server.answer(now, &mut predictable, answer.clone()), Ok(()));
        assert_eq!(client.answer(now, &mut predictable, answer), Ok(()));
    }
    talk([&mut server, &mut client], now, usize::MAX).unwrap();
    server.answer(now, &mut predictable, allow()).unwrap();
    for answer in answers() {
        assert_eq!(server.answer(now, &mut predictable, answer.clone()), Ok(()), "a second one");
        assert_eq!(client.answer(now, &mut predictable, answer), Ok(()));
    }
    talk([&mut server, &mut client], now, usize::MAX).unwrap();
    for answer in answers() {
        assert_eq!(server.answer(now, &mut predictable, answer), Ok(()), "after the end");
    }
    assert!(server.is_done() && client.is_done());
}

#[test]
fn an_answer_may_hold_anything() {
    let now = Instant::now();
    for (name, length) in [("", 0), ("User-Id", 1), ("\0\u{fffd}", 70_000), ("Identity", 300)] {
        let (mut server, mut client, _) = asking(now);
        let properties = vec![(name.to_owned(), vec![0; length]); 3];
        let user_id = vec![0xff; length];
        let answer = AuthAnswer::Allow { user_id, properties };
        server.answer(now, &mut predictable, answer).unwrap();
        talk([&mut server, &mut client], now, usize::MAX).unwrap();
        let peer = server.established().unwrap().peer;
        assert_eq!((peer.socket_type, peer.routing_id), (Some(SocketType::Sub), Vec::new()));
    }
}

#[test]
fn nothing_more_is_taken_before_the_answer() {
    let now = Instant::now();
    let (mut server, _, _) = asking(now);
    let behind = short_frame(frame::COMMAND, xor::INITIATE);
    for _ in 0..100_000 {
        assert_eq!(server.input(now, &mut predictable, &behind), Ok(0));
    }
    server.answer(now, &mut predictable, allow()).unwrap();
    // Its metadata is empty: no type, which nobody checks.
    assert_eq!(server.input(now, &mut predictable, &behind), Ok(behind.len()));
    assert!(server.is_done());
}

#[test]
fn without_randomness_there_is_no_handshake() {
    let now = Instant::now();
    let mut stream = greeting(3, 1, "XOR");
    let mut client = client(now);
    let refused = client.input(now, &mut no_random, &stream);
    assert_eq!(refused, Err(ProtocolError::NoRandomness(NoRandomness)));
    assert!(!refused.unwrap_err().is_protocol_violation());
    // The other end needs it only to say WELCOME.
    let mut server = server(now);
    stream.extend(short_frame(frame::COMMAND, b"\x05HELLO12345678bob"));
    server.input(now, &mut no_random, &stream).unwrap();
    let refused = server.answer(now, &mut no_random, allow());
    assert_eq!(refused, Err(ProtocolError::NoRandomness(NoRandomness)));
    assert_eq!(server.poll_timeout(), None);
}

#[test]
fn every_cut_of_a_dialogue_leads_to_the_same() {
    let now = Instant::now();
    let (mut whole_server, mut whole_client) = (server(now), client(now));
    // What the client says in all.
    let mut said = Vec::new();
    loop {
        let (a, b) = (output(&mut whole_client), output(&mut whole_server));
        if a.is_empty() && b.is_empty() {
            if !whole_server.is_waiting() {
                break;
            }
            whole_server.answer(now, &mut predictable, allow()).unwrap();
            continue;
        }
        said.extend_from_slice(&a);
        whole_server.input(now, &mut predictable, &a).unwrap();
        whole_client.input(now, &mut predictable, &b).unwrap();
    }
    let mut encoder = whole_client.established().unwrap().encoder;
    encoder.translate(0, b"behind", &mut said);

    for_every_cut(&said, |pieces| {
        let mut server = server(now);
        let (mut rest, mut questions) = (Vec::new(), 0);
        let mut established = None;
        let mut recorder = Recorder::default();
        for piece in pieces {
            rest.extend_from_slice(piece);
            while established.is_none() {
                let used = server.input(now, &mut predictable, &rest).unwrap();
                rest.drain(..used);
                if server.poll_request().is_none() {
                    break;
                }
                questions += 1;
                server.answer(now, &mut predictable, allow()).unwrap();
            }
            established = established.or_else(|| server.established());
            if let Some(Established { decoder, .. }) = &mut established {
                decode(decoder, &[&rest], &mut recorder).unwrap();
                rest.clear();
            }
        }
        assert_eq!(questions, 1);
        assert_eq!(recorder.events, [Event::Frame(0, b"behind".to_vec())]);
    });
    // Cut short anywhere before its end, there is no connection, and no harm.
    for cut in 0..said.len() - 30 {
        let mut server = server(now);
        server.input(now, &mut predictable, &said[..cut]).unwrap();
        let asks = server.poll_request().is_some();
        server.answer(now, &mut predictable, allow()).unwrap();
        assert!(!server.is_done(), "{cut} {asks}");
    }
}

#[test]
fn garbage_in_a_dialogue_is_refused() {
    let now = Instant::now();
    for body in [b"".as_slice(), b"\x05HELLO1234567", b"\x05READY", b"\x08INITIATE", &[0xff; 300]] {
        let mut handshake = server(now);
        handshake.input(now, &mut predictable, &greeting(3, 1, "XOR")).unwrap();
        let mut header = [0; frame::LONG_HEADER];
        let size = frame::write(&mut header, frame::COMMAND, body.len());
        let stream = [&header[..size], body].concat();
        assert!(handshake.input(now, &mut predictable, &stream).is_err(), "{body:?}");
        assert_eq!(handshake.poll_request(), None);
    }
    // A mechanism of another name is none of its business.
    let mut handshake = server(now);
    let refused = handshake.input(now, &mut predictable, &greeting(3, 1, "NULL"));
    assert!(matches!(refused, Err(ProtocolError::MechanismMismatch { own: "XOR", .. })));
    let old = server(now).input(now, &mut predictable, b"\x01\0");
    assert!(matches!(old, Err(ProtocolError::VersionTooOld { .. })));
}

/// Everything that goes over a sealed connection.
fn content() -> Vec<(u8, Vec<u8>)> {
    let mut commands = Vec::new();
    subscribe_frame(b"topic", &mut commands);
    cancel_frame(&[7; 300], &mut commands);
    let (first, second) = commands.split_at(2 + 15);
    vec![
        (0, b"".to_vec()),
        (frame::COMMAND, first[frame::SHORT_HEADER..].to_vec()),
        (frame::MORE, b"first".to_vec()),
        (frame::MORE, vec![1; 300]),
        (0, vec![2; 70_000]),
        (frame::COMMAND, second[frame::LONG_HEADER..].to_vec()),
        (0, b"last".to_vec()),
    ]
}

#[test]
fn everything_is_sealed_and_opened_however_it_is_cut() {
    let (mut server, mut client) = sealed();
    assert!(!client.encoder.is_verbatim() && !client.encoder.keeps_body(0));
    let mut wire = Vec::new();
    client.encoder.ping(7, &mut wire);
    for (flags, body) in content() {
        client.encoder.translate(flags, &body, &mut wire);
    }
    client.encoder.pong(b"context", &mut wire);
    assert!(!wire.windows(4).any(|bytes| bytes == b"PING" || bytes == b"topi" || bytes == b"last"));
    // Each outer frame is a message without flags.
    let (mut rest, mut outer) = (wire.as_slice(), 0);
    while let Some(header) = frame::parse(rest) {
        assert_eq!(header.flags, 0);
        rest = &rest[header.size + header.body as usize..];
        outer += 1;
    }
    assert_eq!(outer, content().len() + 2);

    let mut expected = vec![Event::Ping(7, Vec::new())];
    expected.extend(content().into_iter().map(|(flags, body)| Event::Frame(flags, body)));
    expected.push(Event::Pong(b"context".to_vec()));
    let mut recorder = Recorder::default();
    decode(&mut server.decoder, &[&wire], &mut recorder).unwrap();
    assert_eq!(recorder.events, expected);
    assert_eq!(recorder.in_spans, 0);
    for piece in [1, 2, 3, 1000] {
        let mut decoder = sealed().0.decoder;
        let mut recorder = Recorder::default();
        let pieces: Vec<&[u8]> = wire.chunks(piece).collect();
        decode(&mut decoder, &pieces, &mut recorder).unwrap();
        assert_eq!(recorder.events, expected);
    }
}

#[test]
fn what_is_altered_repeated_or_not_sealed_ends_the_connection() {
    let mut wire = Vec::new();
    sealed().1.encoder.translate(0, b"message", &mut wire);
    for at in frame::SHORT_HEADER..wire.len() {
        let mut altered = wire.clone();
        altered[at] ^= 0x80;
        let mut decoder = sealed().0.decoder;
        let result = decode(&mut decoder, &[&altered], &mut Recorder::default());
        assert_eq!(result, Err(ProtocolError::BrokenSeal), "{at}");
    }
    for stream in [b"\0\x05Hello".as_slice(), b"\x04\x07\x04PING\0\0", b"\0\0", &wire.repeat(2)] {
        let mut decoder = sealed().0.decoder;
        let result = decode(&mut decoder, &[stream], &mut Recorder::default());
        assert_eq!(result, Err(ProtocolError::BrokenSeal), "{stream:?}");
        assert_eq!(ProtocolError::BrokenSeal.code(), Some(0x1100_0001));
    }
}

#[test]
fn sealed_frames_obey_the_rules_of_plain_ones() {
    for (frames, error) in [
        (vec![(5, b"\x04PING\0\0".as_slice())], ProtocolError::CommandWithMore),
        (vec![(4, b"")], ProtocolError::EmptyCommand),
        (vec![(4, b"\x05READ")], ProtocolError::MalformedCommand),
        (vec![(4, b"\x04PING\0")], ProtocolError::MalformedPing { length: 6 }),
        (vec![(1, b"a"), (4, b"\x09SUBSCRIBEa")], ProtocolError::CommandInsideMessage),
    ] {
        let (mut server, mut client) = sealed();
        let mut wire = Vec::new();
        for (flags, body) in frames {
            client.encoder.translate(flags, body, &mut wire);
        }
        let result = decode(&mut server.decoder, &[&wire], &mut Recorder::default());
        assert_eq!(result, Err(error));
    }
    // Flags that mean nothing are no harm, and unknown commands are ignored.
    let (mut server, mut client) = sealed();
    let mut wire = Vec::new();
    client.encoder.translate(0xf8, b"message", &mut wire);
    client.encoder.translate(frame::COMMAND, b"\x05LATERx", &mut wire);
    let mut recorder = Recorder::default();
    decode(&mut server.decoder, &[&wire], &mut recorder).unwrap();
    assert_eq!(recorder.events, [Event::Frame(0, b"message".to_vec())]);
}

#[test]
fn the_limit_of_a_frame_counts_what_the_seal_adds() {
    let now = Instant::now();
    let mut settings = xor::config(SocketType::Pub, Xor::Server);
    let overhead = xor::MESSAGE.len() as u64 + 8 + 1 + 1;
    settings.max_body = Some(100 + overhead);
    let config = Arc::new(settings);
    for (length, fits) in [(100, true), (101, false)] {
        let (mut server, mut client) = (Handshake::new(config.clone(), now), client(now));
        talk([&mut server, &mut client], now, usize::MAX).unwrap();
        server.answer(now, &mut predictable, allow()).unwrap();
        talk([&mut server, &mut client], now, usize::MAX).unwrap();
        let mut wire = Vec::new();
        let mut encoder = client.established().unwrap().encoder;
        encoder.translate(0, &vec![0; length], &mut wire);
        let mut decoder = server.established().unwrap().decoder;
        let result = decode(&mut decoder, &[&wire], &mut Recorder::default());
        assert_eq!(result.is_ok(), fits, "{result:?}");
    }
}

/// A peer whose messages have filled the pipe may ask for a sign of life behind them, sealed as
/// well.
#[test]
fn without_credit_only_commands_are_delivered_and_nothing_is_lost() {
    let mut wire = Vec::new();
    let mut encoder = sealed().1.encoder;
    encoder.ping(1, &mut wire);
    encoder.ping(2, &mut wire);
    let before = wire.len();
    encoder.translate(frame::MORE, b"a", &mut wire);
    encoder.ping(3, &mut wire);
    encoder.translate(0, b"b", &mut wire);
    encoder.ping(4, &mut wire);
    for cut in 0..=wire.len() {
        let mut decoder = sealed().0.decoder;
        let mut recorder = Recorder::default();
        // None: what is not taken comes again, with more behind it.
        let mut at = 0;
        for end in [cut, cut, wire.len(), wire.len()] {
            at += decoder.decode_commands(&wire[at..end], &mut recorder).unwrap();
            assert_eq!(decoder.decode(&wire[at..end], 0, &mut recorder).unwrap().consumed, 0);
        }
        assert_eq!(recorder.events, [Event::Ping(1, vec![]), Event::Ping(2, vec![])]);
        assert!(at >= before);
        let decoded = decoder.decode(&wire[at..], 1, &mut recorder).unwrap();
        at += decoded.consumed;
        assert_eq!(decoded.messages, 1);
        at += decoder.decode_commands(&wire[at..], &mut recorder).unwrap();
        assert_eq!(at, wire.len());
        let expected = [
            Event::Ping(1, vec![]),
            Event::Ping(2, vec![]),
            Event::Frame(frame::MORE, b"a".to_vec()),
            Event::Ping(3, vec![]),
            Event::Frame(0, b"b".to_vec()),
            Event::Ping(4, vec![]),
        ];
        assert_eq!(recorder.events, expected, "{cut}");
    }
}
