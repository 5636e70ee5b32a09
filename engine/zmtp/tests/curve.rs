//! CURVE against bytes that were computed with libsodium, and against whoever alters, forges, repeats or
//! cuts off what goes over the wire.
#![cfg(feature = "curve")]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::Instant;

use common::*;
use ringmq_pipe::frame;
use ringmq_zmtp::{
    AuthAnswer, Config, CurveClient, CurveKeyPair, CurvePublicKey, CurveSecretKey, CurveServer,
    Denial, Established, Handshake, KeyError, MechanismConfig, NoRandomness, ProtocolError,
    SocketType, subscribe_frame,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    keys: Keys,
    random: Randoms,
    hello: String,
    welcome: String,
    initiate: String,
    ready: String,
    messages: Messages,
}

#[derive(Deserialize)]
struct Keys {
    server_secret: String,
    server_public: String,
    server_public_z85: String,
    server_secret_z85: String,
    client_secret: String,
    client_public: String,
    client_public_z85: String,
}

/// What is made of random bytes at each end, in order.
#[derive(Deserialize)]
struct Randoms {
    client: Vec<String>,
    server: Vec<String>,
}

#[derive(Deserialize)]
struct Messages {
    client_hello: String,
    server_x_more: String,
    client_ping: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("vectors/curve.json")).unwrap()
}

fn keys(secret: &str) -> CurveKeyPair {
    CurveKeyPair::from(CurveSecretKey::try_from(&bytes(secret)[..]).unwrap())
}

fn allow() -> AuthAnswer {
    AuthAnswer::Allow { user_id: b"bob".to_vec(), properties: Vec::new() }
}

/// Gives out bytes in order, and nothing more.
fn fixed(values: &[String]) -> impl FnMut(&mut [u8]) -> Result<(), NoRandomness> {
    let mut values: Vec<Vec<u8>> = values.iter().rev().map(|value| bytes(value)).collect();
    move |out| {
        out.copy_from_slice(&values.pop().ok_or(NoRandomness)?);
        Ok(())
    }
}

/// Other bytes each time, the same in every run.
fn counting() -> impl FnMut(&mut [u8]) -> Result<(), NoRandomness> {
    let mut next = 0u8;
    move |out| {
        out.fill_with(|| {
            next = next.wrapping_mul(5).wrapping_add(113);
            next
        });
        Ok(())
    }
}

fn client_config(kind: SocketType) -> Config {
    let vectors = vectors();
    let mut config = Config::new(kind);
    let server = CurvePublicKey::try_from(&bytes(&vectors.keys.server_public)[..]).unwrap();
    let client = CurveClient::new(server, keys(&vectors.keys.client_secret));
    config.mechanism = MechanismConfig::Other(Arc::new(client));
    config
}

fn server_config(kind: SocketType) -> Config {
    let mut config = Config::new(kind);
    let server = CurveServer::new(keys(&vectors().keys.server_secret).secret);
    config.mechanism = MechanismConfig::Other(Arc::new(server));
    config
}

fn output(handshake: &mut Handshake) -> Vec<u8> {
    let mut out = Vec::new();
    handshake.take_output(&mut out);
    out
}

/// A frame of the handshake, in libzmq's form.
fn command(body: &str) -> Vec<u8> {
    let body = bytes(body);
    match u8::try_from(body.len()) {
        Ok(size) => [&[frame::COMMAND, size], &body[..]].concat(),
        Err(_) => [&[frame::COMMAND | frame::LONG], &(body.len() as u64).to_be_bytes()[..], &body]
            .concat(),
    }
}

/// A handshake over two ends with their own random bytes; `alter` may change what goes over the wire:
/// it is told which flight of the client (0, 2, 4) or of the server (1, 3, 5) it is.
fn talk(
    client: Config,
    server: Config,
    mut alter: impl FnMut(usize, &mut Vec<u8>),
) -> Result<(Established, Established), ProtocolError> {
    let now = Instant::now();
    let mut client = Handshake::new(Arc::new(client), now);
    let mut server = Handshake::new(Arc::new(server), now);
    let (mut client_random, mut server_random) = (counting(), counting());
    let mut silent = false;
    for flight in 0.. {
        let from_client = flight % 2 == 0;
        let mut wire = if from_client { output(&mut client) } else { output(&mut server) };
        if wire.is_empty() && client.is_done() && server.is_done() {
            break;
        }
        if wire.is_empty() && silent {
            return Err(ProtocolError::HandshakeTimeout);
        }
        silent = wire.is_empty();
        alter(flight, &mut wire);
        if from_client {
            server.input(now, &mut server_random, &wire)?;
            if let Some(request) = server.poll_request() {
                assert_eq!(request.credentials, [bytes(&vectors().keys.client_public)]);
                assert_eq!(request.mechanism, "CURVE");
                server.answer(now, &mut server_random, allow())?;
            }
        } else {
            client.input(now, &mut client_random, &wire)?;
        }
    }
    Ok((client.established().unwrap(), server.established().unwrap()))
}

fn pair() -> (Established, Established) {
    talk(client_config(SocketType::Dealer), server_config(SocketType::Router), |_, _| {}).unwrap()
}

/// The events of one end when the other has sent `frames`, and what was on the wire.
fn send(from: &mut Established, frames: &[(u8, &[u8])]) -> Vec<u8> {
    let mut wire = Vec::new();
    for (flags, body) in frames {
        from.encoder.translate(*flags, body, &mut wire);
    }
    wire
}

fn receive(at: &mut Established, wire: &[u8]) -> Result<Vec<Event>, ProtocolError> {
    let mut recorder = Recorder::default();
    decode(&mut at.decoder, &[wire], &mut recorder)?;
    Ok(recorder.events)
}

#[test]
fn every_byte_of_a_handshake_is_as_libsodium_computes_it() {
    let vectors = vectors();
    let now = Instant::now();
    let (mut of_client, mut of_server) =
        (fixed(&vectors.random.client), fixed(&vectors.random.server));
    let mut client = Handshake::new(Arc::new(client_config(SocketType::Dealer)), now);
    let mut server = Handshake::new(Arc::new(server_config(SocketType::Router)), now);

    client.input(now, &mut of_client, &greeting(3, 1, "CURVE")).unwrap();
    assert_eq!(output(&mut client)[64..], command(&vectors.hello), "HELLO");
    server.input(now, &mut of_server, &greeting(3, 1, "CURVE")).unwrap();
    server.input(now, &mut of_server, &command(&vectors.hello)).unwrap();
    assert_eq!(output(&mut server)[64..], command(&vectors.welcome), "WELCOME");
    client.input(now, &mut of_client, &command(&vectors.welcome)).unwrap();
    assert_eq!(output(&mut client), command(&vectors.initiate), "INITIATE");
    server.input(now, &mut of_server, &command(&vectors.initiate)).unwrap();
    assert!(server.is_waiting() && output(&mut server).is_empty(), "the authenticator is asked");
    assert_eq!(server.poll_request().unwrap().credentials, [bytes(&vectors.keys.client_public)]);
    server.answer(now, &mut of_server, allow()).unwrap();
    // The vectors' server says nothing of a routing id, and ringmq's does, as libzmq's.
    assert_eq!(output(&mut server)[2..16], command(&vectors.ready)[2..16], "READY and its nonce");
    client.input(now, &mut of_client, &command(&vectors.ready)).unwrap();

    let (mut client, mut server) = (client.established().unwrap(), server.established().unwrap());
    assert_eq!(client.peer.socket_type, Some(SocketType::Router));
    assert_eq!(server.peer.socket_type, Some(SocketType::Dealer));
    assert_eq!(server.peer.metadata[0], ("User-Id".to_owned(), b"bob".to_vec()));
    let sent = send(&mut client, &[(0, b"hello")]);
    assert_eq!(sent, short_frame(0, &bytes(&vectors.messages.client_hello)));
    let sent = send(&mut server, &[(frame::MORE, b"x")]);
    assert_eq!(sent, short_frame(0, &bytes(&vectors.messages.server_x_more)));
    let received = receive(&mut client, &sent).unwrap();
    assert_eq!(received, [Event::Frame(frame::MORE, b"x".to_vec())]);
    let hello = short_frame(0, &bytes(&vectors.messages.client_hello));
    let received = receive(&mut server, &hello).unwrap();
    assert_eq!(received, [Event::Frame(0, b"hello".to_vec())]);
    // Whatever flags the outer frame has.
    let ping = short_frame(frame::COMMAND, &bytes(&vectors.messages.client_ping));
    assert!(matches!(receive(&mut server, &ping).unwrap()[..], [Event::Ping(..)]));
}

#[test]
fn frames_of_all_kinds_and_sizes_arrive_however_they_are_cut() {
    let large = vec![7; 100_000];
    let topic = {
        let mut frame = Vec::new();
        subscribe_frame(b"topic", &mut frame);
        frame.split_off(2)
    };
    let frames: [(u8, &[u8]); 6] = [
        (frame::MORE, b""),
        (0, b""),
        (0, &large),
        (frame::COMMAND, &topic),
        (0, b"x"),
        (0, &large[..255]),
    ];
    let (mut client, mut server) = pair();
    let wire = send(&mut client, &frames);
    let expected = frames.map(|(flags, body)| Event::Frame(flags, body.to_vec()));
    assert_eq!(receive(&mut server, &wire).unwrap(), expected);
    let (mut client, mut server) = pair();
    let wire = send(&mut client, &frames);
    let mut recorder = Recorder::default();
    let pieces: Vec<&[u8]> = wire.chunks(7).collect();
    decode(&mut server.decoder, &pieces, &mut recorder).unwrap();
    assert_eq!(recorder.events, expected);
}

#[test]
fn nothing_of_what_is_sent_can_be_read_or_is_the_same_twice() {
    let secret = b"attack at dawn, bring the long ladder";
    let (mut client, _) = pair();
    let (first, second) = (send(&mut client, &[(0, secret)]), send(&mut client, &[(0, secret)]));
    assert!(!first.windows(4).any(|part| secret.windows(4).any(|of| of == part)));
    assert_ne!(first[18..], second[18..], "the box, after name and number");
}

#[test]
fn a_message_that_is_altered_anywhere_is_refused() {
    let sent = {
        let (mut client, _) = pair();
        send(&mut client, &[(0, b"pay 100")])
    };
    // The flags of the outer frame are nobody's, and its size is what it is.
    for at in 2..sent.len() {
        for bit in 0..8 {
            let (_, mut server) = pair();
            let mut altered = sent.clone();
            altered[at] ^= 1 << bit;
            let error = receive(&mut server, &altered).unwrap_err();
            assert!(
                matches!(
                    error,
                    ProtocolError::BrokenSeal
                        | ProtocolError::RepeatedNonce
                        | ProtocolError::UnexpectedCommand { .. }
                ),
                "byte {at}, bit {bit}: {error:?}"
            );
        }
    }
    let (_, mut server) = pair();
    assert_eq!(receive(&mut server, &sent).unwrap(), [Event::Frame(0, b"pay 100".to_vec())]);
}

#[test]
fn a_message_that_comes_again_or_from_elsewhere_is_refused() {
    let (mut client, mut server) = pair();
    let first = send(&mut client, &[(0, b"1")]);
    let second = send(&mut client, &[(0, b"2")]);
    let third = send(&mut client, &[(0, b"3")]);
    receive(&mut server, &first).unwrap();
    // One that is missing is the sender's affair, as in libzmq.
    receive(&mut server, &third).unwrap();
    let error = receive(&mut server, &third).unwrap_err();
    assert_eq!(error, ProtocolError::RepeatedNonce);
    assert_eq!(error.code(), Some(0x1000_0002));
    assert_eq!(receive(&mut server, &second), Err(ProtocolError::RepeatedNonce));
    // What the server says is not to be sent back to it.
    let (_, mut server) = pair();
    let own = send(&mut server, &[(0, b"x")]);
    let error = receive(&mut server, &[&own[..17], &[9], &own[18..]].concat()).unwrap_err();
    assert_eq!(error, ProtocolError::BrokenSeal);
}

#[test]
fn a_message_too_short_for_its_form_is_refused() {
    for length in 0..33 {
        let body = [b"\x07MESSAGE".as_slice(), &[0; 30]].concat();
        let (_, mut server) = pair();
        let error = receive(&mut server, &short_frame(0, &body[..length])).unwrap_err();
        let expected = if length < 8 {
            matches!(error, ProtocolError::UnexpectedCommand { .. })
        } else {
            error == ProtocolError::MalformedHandshake { command: "MESSAGE" }
        };
        assert!(expected, "{length}: {error:?}");
    }
}

/// Flips a bit of each byte of each flight, one at a time.
#[test]
fn a_handshake_that_is_altered_anywhere_ends_nowhere() {
    let (client, server) = (client_config(SocketType::Dealer), server_config(SocketType::Router));
    let mut lengths = Vec::new();
    talk(client.clone(), server.clone(), |_, wire| lengths.push(wire.len())).unwrap();
    for (flight, &length) in lengths.iter().enumerate() {
        // Each bit of a byte in its turn.
        for at in 0..length {
            let altered = talk(client.clone(), server.clone(), |number, wire| {
                if number == flight {
                    wire[at] ^= 1 << (at % 8);
                }
            });
            assert!(
                altered.is_err() || is_read_by_nobody(flight, at),
                "byte {at} of {length}, flight {flight}"
            );
        }
    }
}

/// Whether whoever receives that byte of a handshake does not look at it: padding, what comes after the
/// mechanism in a greeting, a version beyond 3, flags of a frame but for the one that tells of its size.
fn is_read_by_nobody(flight: usize, at: usize) -> bool {
    match flight {
        0 => (1..10).contains(&at),
        1 => (1..11).contains(&at),
        2 => !(2..22).contains(&at),
        3 => !(1..21).contains(&at),
        // The zeros of HELLO.
        4 => at == 0 || (10..82).contains(&at),
        _ => at == 0,
    }
}

#[test]
fn a_server_without_the_secret_key_is_not_believed() {
    let mut server = Config::new(SocketType::Router);
    let other = CurveSecretKey::new([9; 32]);
    server.mechanism = MechanismConfig::Other(Arc::new(CurveServer::new(other)));
    let error = talk(client_config(SocketType::Dealer), server, |_, _| {}).unwrap_err();
    assert_eq!(error, ProtocolError::BrokenSeal);
    assert_eq!(error.code(), Some(0x1100_0001));
}

/// A key of low order gives everybody the same secret.
#[test]
fn a_key_that_would_share_its_secret_with_everybody_is_refused() {
    let mut client = Config::new(SocketType::Dealer);
    let weak = CurveClient::new(CurvePublicKey::new([0; 32]), keys(&"43".repeat(32)));
    client.mechanism = MechanismConfig::Other(Arc::new(weak));
    let error = talk(client, server_config(SocketType::Router), |_, _| {}).unwrap_err();
    assert_eq!(error, ProtocolError::BrokenSeal);
}

#[test]
fn who_is_not_let_in_is_told_so_unless_that_may_change() {
    for (denial, sent) in [
        (Denial::Credentials, &b"\x04\x0a\x05ERROR\x03400"[..]),
        (Denial::Internal, b"\x04\x0a\x05ERROR\x03500"),
        (Denial::Temporary, b""),
    ] {
        let now = Instant::now();
        let (mut a, mut b) = (counting(), counting());
        let mut client = Handshake::new(Arc::new(client_config(SocketType::Dealer)), now);
        let mut server = Handshake::new(Arc::new(server_config(SocketType::Router)), now);
        while !server.is_waiting() {
            server.input(now, &mut b, &output(&mut client)).unwrap();
            client.input(now, &mut a, &output(&mut server)).unwrap();
        }
        server.poll_request().unwrap();
        let error = server.answer(now, &mut b, AuthAnswer::Deny(denial)).unwrap_err();
        assert_eq!(error, ProtocolError::Denied { denial });
        let wire = output(&mut server);
        assert_eq!(wire, sent);
        if !wire.is_empty() {
            let error = client.input(now, &mut a, &wire).unwrap_err();
            assert_eq!(error.auth_status(), Some(denial.status()));
        }
    }
}

#[test]
fn there_is_no_way_around_the_mechanism() {
    for config in [client_config(SocketType::Dealer), server_config(SocketType::Router)] {
        for mechanism in ["NULL", "PLAIN", "CURVE\0X", "curve", ""] {
            let seen = listen(&Arc::new(config.clone()), &[&greeting(3, 1, mechanism)]);
            assert!(
                matches!(seen.error, Some(ProtocolError::MechanismMismatch { .. })),
                "{mechanism}: {:?}",
                seen.error
            );
        }
        // ZMTP 2.0, and 1.0 without and with a signature.
        for old in [&b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x05\0\0"[..], b"\x01\0\x02\0x"] {
            let seen = listen(&Arc::new(config.clone()), &[old]);
            assert!(
                matches!(seen.error, Some(ProtocolError::VersionTooOld { .. })),
                "{:?}",
                seen.error
            );
        }
    }
}

#[test]
fn without_random_bytes_nobody_is_spoken_to() {
    let seen = listen(&Arc::new(client_config(SocketType::Dealer)), &[&greeting(3, 1, "CURVE")]);
    assert_eq!(seen.error, Some(ProtocolError::NoRandomness(NoRandomness)));
}

#[test]
fn keys_are_read_in_both_forms_and_secret_ones_are_not_shown() {
    let Keys { server_public, server_public_z85, server_secret, server_secret_z85, .. } =
        vectors().keys;
    let public: CurvePublicKey = server_public_z85.parse().unwrap();
    assert_eq!(public.as_bytes()[..], bytes(&server_public));
    assert_eq!(public.to_string(), server_public_z85);
    assert_eq!(CurvePublicKey::try_from(server_public_z85.as_bytes()).unwrap(), public);
    let secret: CurveSecretKey = server_secret_z85.parse().unwrap();
    assert_eq!(secret.as_bytes()[..], bytes(&server_secret));
    assert_eq!(*secret.to_z85(), server_secret_z85);
    assert_eq!(secret.public_key(), public);
    let client = vectors().keys;
    assert_eq!(keys(&client.client_secret).public.to_string(), client.client_public_z85);
    for length in [0, 5, 31, 33, 39, 41] {
        let error = CurvePublicKey::try_from(&vec![b'0'; length][..]).unwrap_err();
        assert_eq!(error, KeyError::Length { length });
    }
    assert!(matches!("~".repeat(40).parse::<CurveSecretKey>(), Err(KeyError::Z85(_))));

    // Not in hexadecimal, as text, or as a list of numbers.
    let (client, server) = pair();
    let shown = format!(
        "{:?} {:?} {client:?} {server:?} {secret:?}",
        client_config(SocketType::Dealer),
        server_config(SocketType::Router)
    );
    for value in [0x43, 0x53] {
        let listed = format!("{value}, {value}, {value}");
        assert!(!shown.contains(&listed) && !shown.contains(&format!("{value:02x}").repeat(4)));
    }
    assert!(!shown.contains(&server_secret_z85));
}
