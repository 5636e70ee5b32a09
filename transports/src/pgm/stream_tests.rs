//! Messages into packets and out of them again: runs of short ones take another way than others, both times.
#![allow(clippy::unwrap_used)]

use super::assembly::Assembly;
use super::octets::OctetStream;
use super::waiting::WaitingMessages;
use proptest::collection::vec;
use proptest::prelude::*;
use ringmq_engine::Unpacked;
use ringmq_pipe::{Capacity, Piece, PipeEnd, PipeReader, frame, pipe};
use ringmq_zmtp::{Config, SocketType};

/// Bytes of the frames of a message.
type Lengths = Vec<usize>;

/// Lengths around those that are short.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..100_usize, 2 => 250..260_usize, 1 => 1_000..9_000_usize]
}

fn message() -> impl Strategy<Value = Lengths> {
    prop_oneof![6 => vec(length(), 1), 1 => vec(length(), 2..4)]
}

/// The frames of messages, each different from others.
fn frames(messages: &[Lengths]) -> Vec<(bool, Vec<u8>)> {
    let mut all = Vec::new();
    for lengths in messages {
        for (at, length) in lengths.iter().enumerate() {
            let body = (0..*length).map(|byte| (byte + 7 * all.len()) as u8).collect();
            all.push((at + 1 < lengths.len(), body));
        }
    }
    all
}

fn unlimited() -> (PipeEnd<()>, PipeEnd<()>) {
    pipe(Capacity::Messages(0), Capacity::Messages(0))
}

/// What a socket has written, on its way to the wire.
fn pieces(frames: &[(bool, Vec<u8>)]) -> Vec<Piece> {
    let (mut near, mut far) = unlimited();
    for (more, body) in frames {
        near.tx.write_body(if *more { frame::MORE } else { 0 }, body).unwrap();
    }
    let mut pieces = Vec::new();
    far.rx.as_log_mut().unwrap().gather(usize::MAX, &mut pieces);
    pieces
}

fn read(reader: &mut PipeReader) -> Vec<(bool, Vec<u8>)> {
    std::iter::from_fn(|| reader.read()).map(|frame| (frame.more(), frame.to_vec())).collect()
}

/// The packets of messages, of as many bytes as `slots` say in turn.
fn packets(frames: &[(bool, Vec<u8>)], slots: &[usize]) -> Vec<Vec<u8>> {
    let mut stream = OctetStream::new();
    stream.add(&pieces(frames));
    let mut packets = Vec::new();
    for slot in slots.iter().cycle() {
        if stream.is_empty() {
            break;
        }
        let mut packet = vec![0; *slot];
        let length = stream.pack(&mut packet);
        packet.truncate(length);
        packets.push(packet);
    }
    packets
}

fn assembly(limit: impl FnOnce(&mut Config)) -> Assembly {
    let mut config = Config::new(SocketType::Sub);
    limit(&mut config);
    Assembly::new(&config)
}

/// What comes of packets.
fn assembled(assembly: &mut Assembly, packets: &[Vec<u8>]) -> (Vec<(bool, Vec<u8>)>, u64) {
    let ((mut near, mut far), mut intake) = (unlimited(), Unpacked::default());
    let mut waiting = WaitingMessages::new(None);
    for packet in packets {
        assembly.take(packet, (&mut near.tx, &mut waiting), &mut intake);
    }
    near.tx.as_log_mut().unwrap().publish();
    (read(&mut far.rx), intake.malformed)
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(messages in vec(message(), 0..80), slots in vec(20..1_500_usize, 1..8)) {
        let frames = frames(&messages);
        let packets = packets(&frames, &slots);
        let (out, malformed) = assembled(&mut assembly(|_| {}), &packets);
        prop_assert_eq!(malformed, 0);
        prop_assert_eq!(out, frames);
    }

    #[test]
    fn after_a_loss_it_goes_on_with_a_whole_message(
        messages in vec(message(), 20..80),
        slots in vec(20..400_usize, 1..8),
        at in 0..1_000_usize,
    ) {
        let frames = frames(&messages);
        let mut packets = packets(&frames, &slots);
        let behind = packets.split_off(at % packets.len());
        let mut assembly = assembly(|_| {});
        let before = assembled(&mut assembly, &packets).0;
        assembly.lost();
        let after = assembled(&mut assembly, &behind[1..]).0;
        prop_assert!(frames.starts_with(&before) && frames.ends_with(&after));
        // What is in front of it is the end of a message.
        let ends = |at: usize| at == 0 || !frames[at - 1].0;
        prop_assert!(after.is_empty() || ends(frames.len() - after.len()));
    }
}

#[test]
fn short_messages_are_held_against_limits_too() {
    let frames = frames(&[vec![10], vec![200], vec![20], vec![30]]);
    let packets = packets(&frames, &[1_000]);
    let (out, malformed) = assembled(&mut assembly(|config| config.max_body = Some(100)), &packets);
    assert_eq!((out, malformed), (frames[..1].to_vec(), 1));
    let limit = |config: &mut Config| config.max_message_bytes = Some(100);
    let (out, malformed) = assembled(&mut assembly(limit), &packets);
    assert_eq!((out, malformed), (frames[..1].to_vec(), 1));
}

#[test]
fn frames_are_those_of_zmtp_1() {
    let messages = [vec![64; 1], vec![64; 1], vec![3, 4], vec![64; 1]];
    let octets = packets(&frames(&messages), &[1_000]).concat();
    assert_eq!(octets.len(), 2 + 3 * 66 + 5 + 6);
    assert_eq!((octets[2], octets[3]), (65, 0), "length and flags, as in ZMTP 1.0");
}

#[test]
fn what_is_behind_a_message_that_is_too_long_goes_with_its_packet() {
    let frames = frames(&[vec![10], vec![200, 200], vec![20], vec![300], vec![30]]);
    let packets = packets(&frames, &[2_000]);
    let limit = |config: &mut Config| config.max_message_bytes = Some(300);
    let (out, malformed) = assembled(&mut assembly(limit), &packets);
    assert_eq!((out, malformed), (frames[..1].to_vec(), 1));
}
