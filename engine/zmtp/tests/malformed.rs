//! What hostile and broken peers send, each with the error that it has to lead to.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use ringmq_zmtp::{
    APART, Config, Decoder, HANDSHAKE_FRAME_MAX, Handshake, ProtocolError, SocketType, Version,
};

/// What the peer sends to a PULL socket, and what is wrong with it.
fn refused(stream: &[u8], expected: ProtocolError) {
    let seen = listen_every_way(Config::new(SocketType::Pull), stream);
    assert_eq!(seen.error, Some(expected), "{stream:x?}");
}

/// The same, after a handshake without fault.
fn refused_later(stream: &[u8], expected: ProtocolError) {
    refused(&[opening(1, SocketType::Push).as_slice(), stream].concat(), expected);
}

fn after_greeting(stream: &[u8]) -> Vec<u8> {
    [greeting(3, 1, "NULL").as_slice(), stream].concat()
}

fn unexpected(name: &str) -> ProtocolError {
    ProtocolError::UnexpectedCommand { name: name.into() }
}

fn invalid(what: &'static str) -> ProtocolError {
    ProtocolError::InvalidMetadata { what }
}

#[test]
fn other_protocols_are_recognised() {
    for (stream, protocol) in [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".as_slice(), "HTTP"),
        (b"POST /", "HTTP"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "TLS"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "TLS"),
        (b"SSH-2.0-client\r\n", "SSH"),
        (b"220 mail.example ESMTP\r\n", "SMTP or FTP"),
        (b"AMQP\x00\x00\x09\x01", "AMQP"),
        (b"-ERR unknown command\r\n", "the protocol of Redis"),
    ] {
        let error = ProtocolError::NotZmtp { began: [stream[0], stream[1]] };
        assert_eq!(error.to_string(), format!("the peer speaks {protocol}, not ZMTP"));
        refused(stream, error);
    }
    let error = ProtocolError::NotZmtp { began: *b"\n\n" };
    assert!(error.to_string().ends_with("began with the bytes 0a 0a"), "{error}");
    refused(b"\n\n\n", error);
}

#[test]
fn broken_zmtp_1_0_openings_are_refused() {
    refused(b"\x00", ProtocolError::ZeroLengthFrame);
    refused(b"\xFF\0\0\0\0\0\0\0\0\0", ProtocolError::ZeroLengthFrame);
    let length = 0x7FFF_FFFF_FFFF_FFFE;
    let huge = b"\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00";
    refused(huge, ProtocolError::FrameTooLarge { length, limit: 255 });
    let impossible = b"\xFF\x90\0\0\0\0\0\0\0\x00";
    refused(impossible, ProtocolError::FrameLengthInvalid { length: 0x8FFF_FFFF_FFFF_FFFF });
    let id = b"\xFF\0\0\0\0\0\0\x01\x01\x00";
    refused(id, ProtocolError::FrameTooLarge { length: 256, limit: 255 });
    // Traffic after a handshake that was right.
    refused(b"\x01\0\x03\0hi\0", ProtocolError::ZeroLengthFrame);
}

#[test]
fn commands_that_are_out_of_place_are_refused() {
    for (frame, name) in [
        (b"\x04\x07\x04PING\0\0".as_slice(), "PING"),
        (b"\x04\x0A\x09SUBSCRIBE", "SUBSCRIBE"),
        (b"\x00\x05hello", "ello"),
        (b"\x04\x06\x05\x00\x1B[m!", "..[m!"),
        (b"\x04\x00", ""),
        (b"\x00\x00", ""),
        (b"\x04\x06\x05ready", "ready"),
    ] {
        refused(&after_greeting(frame), unexpected(name));
    }
    let twice = [opening(1, SocketType::Push), ready(&property("Socket-Type", b"PUSH"))].concat();
    refused(&twice, unexpected("READY"));
    refused_later(b"\x04\x0A\x05ERROR\x03400", unexpected("ERROR"));
    assert_eq!(unexpected("PING").code(), Some(0x1000_0001));
}

#[test]
fn a_refusal_of_the_peer_is_passed_on() {
    let cases: [(&[u8], &str, Option<u16>); 5] = [
        (b"\x04\x0A\x05ERROR\x03400", "400", Some(400)),
        (b"\x04\x0A\x05ERROR\x03300", "300", Some(300)),
        (b"\x04\x09\x05ERROR\x0240", "40", None),
        (b"\x04\x07\x05ERROR\x00", "", None),
        (b"\x04\x0E\x05ERROR\x05no\n\xFF!??", "no..!", None),
    ];
    for (frame, reason, status) in cases {
        let expected = ProtocolError::PeerError { reason: reason.into() };
        assert_eq!(expected.auth_status(), status);
        refused(&after_greeting(frame), expected);
    }
    refused(&after_greeting(b"\x04\x06\x05ERROR"), ProtocolError::MalformedError);
    refused(&after_greeting(b"\x04\x09\x05ERROR\x0340"), ProtocolError::MalformedError);
}

#[test]
fn metadata_is_refused_wherever_it_is_cut_off() {
    let whole = property("Socket-Type", b"PUSH");
    for cut in 1..whole.len() {
        let what = match cut {
            1..12 => "a name is cut off",
            12..16 => "the length of a value is cut off",
            _ => "a value is cut off",
        };
        refused(&after_greeting(&ready(&whole[..cut])), invalid(what));
    }
    refused(&after_greeting(&ready(b"\0\0\0\0\0")), invalid("a name is empty"));
    refused(&after_greeting(&ready(b"\x01\xFF\0\0\0\0")), invalid("a name is not text"));
    let long = invalid("a value is longer than 2^31-1 bytes");
    refused(&after_greeting(&ready(b"\x01x\x80\0\0\0")), long);
}

#[test]
fn sockets_that_do_not_go_together_part_without_a_word() {
    for (name, quoted) in [("PULL", "PULL"), ("push", "push"), ("", ""), ("\x07?", ".?")] {
        for key in ["Socket-Type", "SOCKET-TYPE"] {
            let stream = after_greeting(&ready(&property(key, name.as_bytes())));
            let own = SocketType::Pull;
            let expected = ProtocolError::IncompatibleSocketType { own, peer: quoted.into() };
            let seen = listen_every_way(Config::new(own), &stream);
            assert_eq!(seen.error, Some(expected));
            assert_eq!(seen.output, opening(1, own), "nothing after READY");
        }
    }
}

#[test]
fn routing_ids_that_are_too_long_are_refused() {
    let metadata = property("Identity", &[b'x'; 256]);
    let body = [b"\x05READY".as_slice(), &metadata].concat();
    let frame = [&[6], (body.len() as u64).to_be_bytes().as_slice(), &body].concat();
    refused(&after_greeting(&frame), ProtocolError::RoutingIdTooLong { length: 256 });
    // Of older peers, a frame of its own: after a greeting of ZMTP 2.0, and after none.
    let too_large = ProtocolError::FrameTooLarge { length: 256, limit: 255 };
    let version_2 = b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x08\x02\0\0\0\0\0\0\x01\0";
    refused(version_2, too_large.clone());
    refused(b"\xFF\0\0\0\0\0\0\x01\x01\0", too_large);
}

#[test]
fn broken_commands_are_refused() {
    refused_later(b"\x04\x00", ProtocolError::EmptyCommand);
    refused_later(b"\x06\0\0\0\0\0\0\0\0", ProtocolError::EmptyCommand);
    refused_later(b"\x04\x01\x00", ProtocolError::MalformedCommand);
    refused_later(b"\x04\x04\x04PIN", ProtocolError::MalformedCommand);
    refused_later(b"\x04\x05\x09SUBS", ProtocolError::MalformedCommand);
    refused_later(b"\x04\x05\x04PING", ProtocolError::MalformedPing { length: 5 });
    refused_later(b"\x04\x06\x04PING\0", ProtocolError::MalformedPing { length: 6 });
    refused_later(b"\x05\x07\x04PING\0\0", ProtocolError::CommandWithMore);
    let inside = b"\x01\x01a\x04\x0A\x09SUBSCRIBE";
    refused_later(inside, ProtocolError::CommandInsideMessage);
    refused_later(b"\x01\x01a\x04\x07\x06CANCEL", ProtocolError::CommandInsideMessage);
}

#[test]
fn impossible_sizes_are_refused() {
    for flags in [2, 3, 6] {
        let header = [flags, 0x80, 0, 0, 0, 0, 0, 0, 0];
        refused_later(&header, ProtocolError::FrameLengthInvalid { length: 1 << 63 });
        refused(&after_greeting(&header), ProtocolError::FrameLengthInvalid { length: 1 << 63 });
    }
}

#[test]
fn the_limit_holds_for_every_frame_at_its_header() {
    let mut config = Config::new(SocketType::Pull);
    config.max_body = Some(64);
    let opening = opening(1, SocketType::Push);
    let too_large = |length| ProtocolError::FrameTooLarge { length, limit: 64 };
    let refused = |stream: &[u8], expected| {
        let seen = listen_every_way(config.clone(), stream);
        assert_eq!(seen.error, Some(expected));
        seen.events
    };
    // What came before has been delivered; that nothing of the body is there does not matter.
    let stream = [opening.as_slice(), b"\x00\x02ok\x00\x41"].concat();
    assert_eq!(refused(&stream, too_large(65)), [Event::Frame(0, b"ok".to_vec())]);
    let commands: [&[u8]; 3] =
        [b"\x04\x41", b"\x06\0\0\0\0\0\0\0\x41", b"\x06\x00\0\0\0\0\0\0\x41"];
    for header in commands {
        refused(&[opening.as_slice(), header].concat(), too_large(65));
    }
    // The handshake has a limit of its own.
    let (limit, length) = (HANDSHAKE_FRAME_MAX, HANDSHAKE_FRAME_MAX + 1);
    let header = [b"\x06", &length.to_be_bytes()[..]].concat();
    refused(&after_greeting(&header), ProtocolError::FrameTooLarge { length, limit });
    // The limit itself is fine.
    let at_limit = [opening.as_slice(), b"\x00\x40", &[7; 64]].concat();
    assert_eq!(listen_every_way(config.clone(), &at_limit).events.len(), 1);
}

#[test]
fn a_handshake_command_has_a_limit_of_its_own() {
    let length = HANDSHAKE_FRAME_MAX + 1;
    let header = [&[6], length.to_be_bytes().as_slice()].concat();
    let limit = HANDSHAKE_FRAME_MAX;
    refused(&after_greeting(&header), ProtocolError::FrameTooLarge { length, limit });
}

#[test]
fn a_limit_of_zero_leaves_empty_frames() {
    let mut decoder = Decoder::new(Version::V3_1, Some(0), APART);
    let mut recorder = Recorder::default();
    decode(&mut decoder, &[b"\x00\x00"], &mut recorder).unwrap();
    let refused = decode(&mut decoder, &[b"\x00\x01"], &mut recorder);
    assert_eq!(refused, Err(ProtocolError::FrameTooLarge { length: 1, limit: 0 }));
    assert_eq!(recorder.events.len(), 1);
}

#[test]
fn a_peer_that_stops_halfway_runs_out_of_time() {
    let opening = opening(1, SocketType::Push);
    let start = Instant::now();
    let second = Duration::from_secs(1);
    let mut config = Config::new(SocketType::Pull);
    config.handshake_timeout = Some(second);
    let config = Arc::new(config);
    for cut in 0..opening.len() {
        let mut handshake = Handshake::new(config.clone(), start);
        // Trickling in does not gain the peer time.
        assert_eq!(handshake.input(start + second / 2, &mut no_random, &opening[..cut]), Ok(cut));
        assert_eq!(handshake.poll_timeout(), Some(start + second));
        assert_eq!(handshake.handle_timeout(start + second * 99 / 100), Ok(()));
        let expired = handshake.handle_timeout(start + second);
        assert_eq!(expired, Err(ProtocolError::HandshakeTimeout));
        assert!(!ProtocolError::HandshakeTimeout.is_protocol_violation());
        // Over is over.
        assert_eq!(handshake.poll_timeout(), None);
        assert_eq!(handshake.handle_timeout(start + second), Ok(()));
        assert_eq!(handshake.input(start + second, &mut no_random, &opening[cut..]), Ok(0));
        assert!(!handshake.is_done());
    }
    let mut handshake = Handshake::new(config, start);
    handshake.input(start, &mut no_random, &opening).unwrap();
    assert_eq!(handshake.poll_timeout(), None, "done in time");
}

#[test]
fn no_time_limit_means_for_ever() {
    for timeout in [None, Some(Duration::MAX)] {
        let mut config = Config::new(SocketType::Pull);
        config.handshake_timeout = timeout;
        let handshake = Handshake::new(Arc::new(config), Instant::now());
        assert_eq!(handshake.poll_timeout(), None);
    }
}

#[test]
fn every_error_says_who_is_wrong() {
    for error in [
        ProtocolError::NotZmtp { began: [0x0a, 0x0a] },
        ProtocolError::HandshakeTimeout,
        unexpected("X"),
        invalid("a name is empty"),
        ProtocolError::EmptyCommand,
    ] {
        assert!(error.to_string().starts_with("the peer"), "{error}");
    }
}
