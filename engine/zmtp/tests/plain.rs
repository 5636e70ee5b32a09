//! PLAIN, and NULL with a domain, against what libzmq does, byte for byte.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::Instant;

use common::*;
use ringmq_zmtp::{
    AuthAnswer, Config, ConfigError, Denial, Handshake, MechanismConfig, PlainClient, PlainServer,
    ProtocolError, SocketType, Z85Error, z85_decode, z85_encode,
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Vectors {
    hello: String,
    initiate: String,
    welcome: String,
    ready: String,
    denied_400: String,
    denied_300: String,
    denied_500: String,
    null_denied_400: String,
    error_rfc: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("vectors/plain.json")).unwrap()
}

fn client() -> Config {
    let mut config = Config::new(SocketType::Dealer);
    let client = PlainClient::new("admin", "secret").unwrap();
    config.mechanism = MechanismConfig::Other(Arc::new(client));
    config
}

fn server() -> Config {
    let mut config = Config::new(SocketType::Router);
    config.set_routing_id(b"srv").unwrap();
    config.zap_domain = "global".to_owned();
    config.mechanism = MechanismConfig::Other(Arc::new(PlainServer));
    config
}

/// An end of which the greetings are over.
fn greeted(config: Config, mechanism: &str) -> Handshake {
    let now = Instant::now();
    let mut handshake = Handshake::new(Arc::new(config), now);
    handshake.input(now, &mut no_random, &greeting(3, 1, mechanism)).unwrap();
    handshake
}

fn output(handshake: &mut Handshake) -> Vec<u8> {
    let mut out = Vec::new();
    handshake.take_output(&mut out);
    out
}

fn feed(handshake: &mut Handshake, wire: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    handshake.input(Instant::now(), &mut no_random, wire)?;
    Ok(output(handshake))
}

fn answer(handshake: &mut Handshake, answer: AuthAnswer) -> Result<Vec<u8>, ProtocolError> {
    let result = handshake.answer(Instant::now(), &mut no_random, answer);
    let sent = output(handshake);
    result.map(|()| sent)
}

fn allow() -> AuthAnswer {
    AuthAnswer::Allow { user_id: b"alice".to_vec(), properties: Vec::new() }
}

/// A HELLO command frame with that data.
fn hello(data: &[u8]) -> Vec<u8> {
    short_frame(4, &[b"\x05HELLO", data].concat())
}

#[test]
fn a_client_says_what_libzmqs_says() {
    let vectors = vectors();
    let mut client = greeted(client(), "PLAIN");
    assert_eq!(output(&mut client)[64..], bytes(&vectors.hello));
    assert_eq!(feed(&mut client, &bytes(&vectors.welcome)).unwrap(), bytes(&vectors.initiate));
    feed(&mut client, &bytes(&vectors.ready)).unwrap();
    let established = client.established().unwrap();
    assert_eq!(established.peer.socket_type, Some(SocketType::Router));
    assert!(established.encoder.is_verbatim(), "what follows is not protected");
}

#[test]
fn a_server_says_what_libzmqs_says() {
    let vectors = vectors();
    let mut server = greeted(server(), "PLAIN");
    output(&mut server);
    assert_eq!(feed(&mut server, &bytes(&vectors.hello)).unwrap(), b"");
    let request = server.poll_request().unwrap();
    assert_eq!(request.credentials, [b"admin".to_vec(), b"secret".to_vec()]);
    assert_eq!((&*request.domain, request.mechanism), ("global", "PLAIN"));
    assert_eq!(request.routing_id, b"srv");
    assert!(!format!("{request:?}").contains("115, 101, 99"), "no secrets in a log");
    assert_eq!(answer(&mut server, allow()).unwrap(), bytes(&vectors.welcome));
    assert_eq!(feed(&mut server, &bytes(&vectors.initiate)).unwrap(), bytes(&vectors.ready));
    let peer = server.established().unwrap().peer;
    assert_eq!(peer.socket_type, Some(SocketType::Dealer));
    assert_eq!(peer.metadata[0], ("User-Id".to_owned(), b"alice".to_vec()));
}

#[test]
fn who_is_not_let_in_hears_it_in_libzmqs_words() {
    let vectors = vectors();
    for (denial, sent, status) in [
        (Denial::Credentials, &vectors.denied_400, 400),
        (Denial::Internal, &vectors.denied_500, 500),
        (Denial::Temporary, &vectors.denied_300, 300),
    ] {
        let mut server = greeted(server(), "PLAIN");
        output(&mut server);
        feed(&mut server, &bytes(&vectors.hello)).unwrap();
        server.poll_request().unwrap();
        let now = Instant::now();
        let result = server.answer(now, &mut no_random, AuthAnswer::Deny(denial));
        assert_eq!(result, Err(ProtocolError::Denied { denial }));
        assert_eq!(output(&mut server), bytes(sent));
        if !sent.is_empty() {
            let mut client = greeted(client(), "PLAIN");
            let error = feed(&mut client, &bytes(sent)).unwrap_err();
            assert_eq!(error.auth_status(), Some(status));
        }
    }
    // As the specification writes it, too.
    let mut client = greeted(client(), "PLAIN");
    let error = feed(&mut client, &bytes(&vectors.error_rfc)).unwrap_err();
    assert_eq!(error.auth_status(), Some(400));
}

#[test]
fn commands_that_are_too_short_too_long_or_out_of_turn_are_refused() {
    let malformed = |command| Err(ProtocolError::MalformedHandshake { command });
    let at_server = |data: &[u8]| {
        let mut server = greeted(server(), "PLAIN");
        feed(&mut server, &hello(data))
    };
    for data in [&b""[..], b"\x01", b"\x01a", b"\x01a\x02b", b"\x01a\x01bc", b"\xffa\x01b"] {
        assert_eq!(at_server(data), malformed("HELLO"), "{data:?}");
    }
    // No name and no password are some, too.
    assert!(at_server(b"\0\0").is_ok());
    let code = ProtocolError::MalformedHandshake { command: "HELLO" }.code();
    assert_eq!(code, Some(0x1000_0013));

    let mut client = greeted(client(), "PLAIN");
    assert_eq!(feed(&mut client, &short_frame(4, b"\x07WELCOMEx")), malformed("WELCOME"));
    let vectors = vectors();
    for first in [&vectors.initiate, &vectors.ready, &vectors.welcome] {
        let mut server = greeted(server(), "PLAIN");
        let error = feed(&mut server, &bytes(first)).unwrap_err();
        assert!(matches!(error, ProtocolError::UnexpectedCommand { .. }), "{error:?}");
    }
    for first in [&vectors.initiate, &vectors.ready, &vectors.hello] {
        let mut client = greeted(self::client(), "PLAIN");
        let error = feed(&mut client, &bytes(first)).unwrap_err();
        assert!(matches!(error, ProtocolError::UnexpectedCommand { .. }), "{error:?}");
    }
}

#[test]
fn a_client_that_does_not_wait_for_welcome_is_heard_when_it_is_let_in() {
    let vectors = vectors();
    let mut server = greeted(server(), "PLAIN");
    output(&mut server);
    let wire = [bytes(&vectors.hello), bytes(&vectors.initiate)].concat();
    let used = server.input(Instant::now(), &mut no_random, &wire).unwrap();
    assert_eq!(used, bytes(&vectors.hello).len(), "what is left is given again");
    server.poll_request().unwrap();
    answer(&mut server, allow()).unwrap();
    assert_eq!(feed(&mut server, &wire[used..]).unwrap(), bytes(&vectors.ready));
    assert!(server.is_done());
}

#[test]
fn a_null_end_with_a_domain_asks_before_it_says_anything() {
    let config = || {
        let mut config = Config::new(SocketType::Rep);
        config.zap_domain = "dom".to_owned();
        config
    };
    let mut end = greeted(config(), "NULL");
    assert_eq!(output(&mut end).len(), 64, "no READY yet");
    let request = end.poll_request().unwrap();
    assert_eq!((&*request.domain, request.mechanism), ("dom", "NULL"));
    assert!(request.credentials.is_empty());
    let now = Instant::now();
    let result = end.answer(now, &mut no_random, AuthAnswer::Deny(Denial::Credentials));
    assert!(result.is_err());
    assert_eq!(output(&mut end), bytes(&vectors().null_denied_400));

    // Two such ends do not wait for each other.
    let (mut a, mut b) = (greeted(config(), "NULL"), greeted(client_of(config()), "NULL"));
    output(&mut a);
    output(&mut b);
    a.poll_request().unwrap();
    b.poll_request().unwrap();
    let (from_a, from_b) = (answer(&mut a, allow()).unwrap(), answer(&mut b, allow()).unwrap());
    feed(&mut b, &from_a).unwrap();
    feed(&mut a, &from_b).unwrap();
    assert!(a.is_done() && b.is_done());

    let seen = listen(&Arc::new(config()), &[b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x03\0\0"]);
    assert!(matches!(seen.error, Some(ProtocolError::VersionTooOld { .. })), "{seen:?}");
}

fn client_of(mut config: Config) -> Config {
    config.socket_type = SocketType::Req;
    config
}

#[test]
fn who_a_peer_is_is_not_its_own_to_say() {
    let claim = [property("Socket-Type", b"DEALER"), property("user-ID", b"root")].concat();
    let seen = listen(
        &Arc::new(Config::new(SocketType::Router)),
        &[&greeting(3, 1, "NULL"), &ready(&claim)],
    );
    assert_eq!(seen.peer.unwrap().metadata, [("Socket-Type".to_owned(), b"DEALER".to_vec())]);

    for (user_id, known) in [(&b"alice"[..], Some(&b"alice"[..])), (b"", None)] {
        let mut server = greeted(server(), "PLAIN");
        feed(&mut server, &hello(b"\x01a\x01b")).unwrap();
        server.poll_request().unwrap();
        let allow = AuthAnswer::Allow { user_id: user_id.to_vec(), properties: Vec::new() };
        answer(&mut server, allow).unwrap();
        feed(&mut server, &short_frame(4, &[b"\x08INITIATE", &claim[..]].concat())).unwrap();
        let metadata = server.established().unwrap().peer.metadata;
        let found = metadata.iter().find(|(name, _)| name.eq_ignore_ascii_case("User-Id"));
        assert_eq!(found.map(|(_, value)| &value[..]), known);
    }
}

#[test]
fn credentials_that_no_command_can_hold_are_refused() {
    assert!(PlainClient::new(&"n".repeat(255), "").is_ok());
    let too_long = ConfigError::CredentialTooLong { length: 256 };
    assert_eq!(PlainClient::new("n", "p".repeat(256)).err(), Some(too_long));
    let shown = format!("{:?}", client());
    assert!(shown.contains("admin") && !shown.contains("secret"), "{shown}");
}

#[derive(Deserialize)]
struct Z85 {
    encode: BTreeMap<String, String>,
    decodes: BTreeMap<String, bool>,
}

#[test]
fn z85_is_as_libzmq_writes_and_reads_it() {
    let vectors: Z85 = serde_json::from_str(include_str!("vectors/z85.json")).unwrap();
    for (data, text) in &vectors.encode {
        assert_eq!(z85_encode(&bytes(data)).as_ref(), Ok(text));
        assert_eq!(z85_decode(text), Ok(bytes(data)));
    }
    for (text, decodes) in &vectors.decodes {
        assert_eq!(z85_decode(text).is_ok(), *decodes, "{text:?}");
    }
    assert_eq!(z85_encode(&[0; 3]), Err(Z85Error::BinaryLength { length: 3 }));
    assert_eq!(z85_encode(&[]), Err(Z85Error::BinaryLength { length: 0 }));
    assert_eq!(z85_decode("0000"), Err(Z85Error::TextLength { length: 4 }));
    assert_eq!(z85_decode("00000~0000"), Err(Z85Error::Invalid { at: 5 }));
}
