//! Subscriptions to topics of 246 to 255 bytes as libzmq 4.3.0 to 4.3.4 sends them to a 3.1 peer: with a
//! size of eight bytes, and without the flag that says so.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use ringmq_pipe::frame;
use ringmq_zmtp::{
    APART, Config, Decoder, ProtocolError, Rest, SocketType, Version, cancel_frame,
    parse_subscription, subscribe_frame,
};

/// A topic of that length.
fn topic(len: usize) -> Vec<u8> {
    (0..len).map(|at| at as u8).collect()
}

/// The frame as it ought to be, and as those versions of libzmq write it.
fn written(write: fn(&[u8], &mut Vec<u8>), len: usize) -> (Vec<u8>, Vec<u8>) {
    let mut right = Vec::new();
    write(&topic(len), &mut right);
    let mut wrong = right.clone();
    if len <= 255 && right[0] & frame::LONG != 0 {
        wrong[0] &= !frame::LONG;
    }
    (right, wrong)
}

/// All that those versions write in a form of its own, each in both forms.
fn all() -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let subscribe = (246..=255).map(|len| written(subscribe_frame, len));
    subscribe.chain((249..=255).map(|len| written(cancel_frame, len)))
}

fn decoder() -> Decoder {
    Decoder::new(Version::V3_1, None, APART)
}

/// What comes of a stream, whole and cut at every byte.
fn every_way(stream: &[u8]) -> Result<Vec<Event>, ProtocolError> {
    let run = |pieces: &[&[u8]]| {
        let mut recorder = Recorder::default();
        decode(&mut decoder(), pieces, &mut recorder).map(|()| recorder.events)
    };
    let whole = run(&[stream]);
    for_every_cut(stream, |pieces| assert_eq!(run(pieces), whole));
    whole
}

#[test]
fn the_bytes_are_those_that_libzmq_sends() {
    let begin = |(_, wrong): (Vec<u8>, Vec<u8>)| wrong[..9].to_vec();
    let of = |low| vec![4, 0, 0, 0, 0, 0, 0, 1, low];
    assert_eq!(begin(written(subscribe_frame, 246)), of(0));
    assert_eq!(begin(written(subscribe_frame, 255)), of(9));
    assert_eq!(begin(written(cancel_frame, 249)), of(0));
    assert_eq!(begin(written(cancel_frame, 255)), of(6));
    assert!(all().all(|(right, wrong)| right != wrong));
    for len in [0, 245, 256, 1000] {
        let (right, wrong) = written(subscribe_frame, len);
        assert_eq!(right, wrong, "{len}");
    }
}

#[test]
fn a_size_without_its_flag_is_understood() {
    for (right, wrong) in all() {
        let around = |frame: &[u8]| [b"\x00\x01a", frame, frame, b"\x01\x01b\x00\x00"].concat();
        let expected = every_way(&around(&right)).unwrap();
        assert_eq!(every_way(&around(&wrong)), Ok(expected.clone()));
        let Event::Frame(flags, body) = &expected[1] else { panic!("{expected:?}") };
        assert!(parse_subscription(*flags, body).unwrap().topic.len() >= 246);
    }
}

#[test]
fn it_counts_as_one_message() {
    for (_, wrong) in all() {
        let stream = [wrong.as_slice(), &wrong].concat();
        let mut recorder = Recorder::default();
        let mut decoder = decoder();
        let done = decoder.decode(&stream, 1, &mut recorder).unwrap();
        assert_eq!((done.consumed, done.messages), (wrong.len(), 1));
        let rest = &stream[done.consumed..];
        assert_eq!(decoder.decode(rest, 0, &mut recorder).unwrap().consumed, 0);
        assert_eq!(decoder.decode(rest, 2, &mut recorder).unwrap().messages, 1);
    }
}

/// As bytes that were received where they belong are looked at, wherever they were cut.
#[test]
fn one_that_is_measured_is_left_to_be_decoded() {
    for (right, wrong) in all() {
        let before = b"\x00\x01a";
        let stream = [before.as_slice(), &wrong, b"\x00\x01b"].concat();
        let expected = every_way(&[before.as_slice(), &right, b"\x00\x01b"].concat()).unwrap();
        for cut in before.len() + 1..=stream.len() {
            let mut decoder = decoder();
            let measured = decoder.measure(&stream[..cut], usize::MAX);
            assert_eq!((measured.run.consumed, measured.rest), (before.len(), Rest::Other));
            let mut recorder = Recorder::default();
            let pieces = [&stream[before.len()..cut], &stream[cut..]];
            decode(&mut decoder, &pieces, &mut recorder).unwrap();
            assert_eq!(recorder.events, expected[1..]);
            assert!(decoder.is_between_frames());
        }
    }
}

#[test]
fn nothing_else_may_follow_an_empty_command() {
    let refused = |stream: &[u8]| {
        assert_eq!(every_way(stream), Err(ProtocolError::EmptyCommand), "{stream:x?}");
    };
    let (_, whole) = written(subscribe_frame, 255);
    for at in 2..whole.len().min(19) {
        let mut stream = whole.clone();
        stream[at] ^= 0x20;
        refused(&stream);
    }
    // Lengths that no such topic gives.
    let sized = |low: u8, name: &[u8]| {
        let mut stream = [&[4, 0, 0, 0, 0, 0, 0, 1, low], name].concat();
        stream.resize(9 + 256 + usize::from(low), b'x');
        stream
    };
    refused(&sized(10, b"\x09SUBSCRIBE"));
    refused(&sized(7, b"\x06CANCEL"));
    for name in [b"\x04PING\0\0".as_slice(), b"\x04JOIN", b"\x05LEAVE", b"\x05READY", b"\x04NAME"] {
        refused(&sized(0, name));
    }
    // With its flag, an empty command is just that.
    refused(b"\x06\0\0\0\0\0\0\0\0");
    refused(b"\x04\x00\x00\x05Hello");
}

#[test]
fn what_holds_for_every_command_holds_for_it() {
    for (_, wrong) in all() {
        let inside = [b"\x01\x01a".as_slice(), &wrong].concat();
        assert_eq!(every_way(&inside), Err(ProtocolError::CommandInsideMessage));
        let length = wrong.len() as u64 - 9;
        for (limit, fits) in [(length - 1, false), (length, true)] {
            let mut decoder = Decoder::new(Version::V3_1, Some(limit), APART);
            let result = decode(&mut decoder, &[&wrong], &mut Recorder::default());
            let too_large = ProtocolError::FrameTooLarge { length, limit };
            assert_eq!(result, if fits { Ok(()) } else { Err(too_large) });
        }
    }
}

/// Nobody else may send it, and whoever does hears so at once.
#[test]
fn only_a_publisher_takes_it() {
    let (_, wrong) = written(subscribe_frame, 246);
    for own in [SocketType::XPub, SocketType::Pub, SocketType::Pull, SocketType::Router] {
        let publishes = matches!(own, SocketType::XPub | SocketType::Pub);
        let opening = opening(1, partner(own));
        let seen = listen_every_way(Config::new(own), &[opening.as_slice(), &wrong].concat());
        let refused = (!publishes).then_some(ProtocolError::EmptyCommand);
        assert_eq!((seen.error, seen.events.len()), (refused.clone(), usize::from(publishes)));
        let seen = listen_every_way(Config::new(own), &[opening.as_slice(), b"\x04\x00"].concat());
        assert_eq!(seen.error, refused);
    }
}

/// Where there are no commands the like of that form is three empty messages and more: nobody sends it to
/// a peer that speaks 3.1.
#[test]
fn messages_are_never_taken_for_it() {
    for version in [Version::V2_0, Version::V3_0, Version::V3_1] {
        let mut recorder = Recorder::default();
        let mut decoder = Decoder::new(version, None, APART);
        decode(&mut decoder, &[b"\0\0\0\0\0\0\0\x01\x00"], &mut recorder).unwrap();
        let empty = || Event::Frame(0, Vec::new());
        assert_eq!(recorder.events, [empty(), empty(), empty(), Event::Frame(0, vec![0])]);
    }
}
