//! Received bytes on their way to the pipe: what is kept of them, and what is not.
#![allow(clippy::unwrap_used)]

use super::*;
use ringmq_pipe::Capacity;
use ringmq_zmtp::Version;

/// A read is asked for whole messages of the size of the last ones. If that were more than a block holds, it
/// would be asked for none, and no bytes are taken for the end of the connection.
#[test]
fn a_message_of_many_frames_says_nothing_of_what_fits_a_block() {
    let mut inbound =
        Inbound::new(Decoder::new(Version::V3_1, None, APART), OpenMessage::new(None, None), false);
    let mut signs = Vec::new();
    let frame = |flags: u8, len: usize| {
        let mut bytes = vec![0; frame::LONG_HEADER];
        let size = frame::write(&mut bytes, flags, len);
        bytes.truncate(size);
        bytes.resize(size + len, 7);
        bytes
    };
    assert!(inbound.take(&frame(0, 20_000), None, &mut signs).is_ok());
    assert_eq!(inbound.message(), 20_000 + frame::LONG_HEADER);
    let many = [frame(frame::MORE, 30_000), frame(frame::MORE, 30_000), frame(0, 30_000)];
    assert!(inbound.take(&many.concat(), None, &mut signs).is_ok());
    assert_eq!(inbound.message(), 0);
}

/// What was received where it belongs, and what was not, is a message if it was whole before one that has too
/// much.
#[test]
fn whole_messages_before_one_that_has_too_much_are_taken() {
    let good = [0, 1, 7].repeat(3);
    let received = [&good[..], &[1, 1, 7], &[1, 1, 7], &[0, 1, 7], &[0, 1, 7]].concat();
    for in_place in [true, false] {
        let open = OpenMessage::new(Some(2), None);
        let mut inbound = Inbound::new(Decoder::new(Version::V3_1, None, APART), open, false);
        let (mut near, mut far) =
            ringmq_pipe::pipe::<()>(Capacity::Messages(0), Capacity::Messages(0));
        let mut signs = Vec::new();
        let rest = if in_place {
            let log = near.tx.as_log_mut().unwrap();
            log.spare_mut(received.len())[..received.len()].copy_from_slice(&received);
            log.advance(received.len());
            assert!(inbound.commit(log) == Committed::Other);
            &[]
        } else {
            &received[..]
        };
        let result = inbound.take(rest, Some(&mut near.tx), &mut signs);
        assert_eq!(result, Err(ProtocolError::TooManyParts { limit: 2 }));
        near.tx.rollback();
        near.tx.as_log_mut().unwrap().publish();
        let messages: Vec<_> = std::iter::from_fn(|| far.rx.read()).collect();
        assert_eq!(messages.len(), 3, "in place: {in_place}");
        assert!(messages.iter().all(|message| *message == [7] && !message.more()));
    }
}

/// Those that are heeded are those that came first, and each keeps what its answer is to repeat.
#[test]
fn of_pings_without_end_no_more_are_kept_than_are_answered() {
    let open = OpenMessage::new(None, None);
    let mut inbound = Inbound::new(Decoder::new(Version::V3_1, None, APART), open, false);
    let mut signs = Vec::new();
    let flood: Vec<u8> = (0..10_000_u16)
        .flat_map(|number| [b"\x04\x09\x04PING\0\x03", &number.to_be_bytes()[..]].concat())
        .collect();
    for part in [&flood[..7], &flood[7..]] {
        assert!(inbound.take(part, None, &mut signs).is_ok());
    }
    assert_eq!(signs.len(), COMMANDS);
    for (number, sign) in (0..10_000_u16).zip(&signs) {
        let PeerSign::Ping { ttl: 3, context } = sign else { panic!("{sign:?}") };
        assert_eq!(context.as_slice(), number.to_be_bytes());
    }
    assert!(!inbound.is_midway(false) && !inbound.is_blocked());
}

#[test]
fn a_context_is_as_long_as_it_came_and_no_longer_than_one_may_be() {
    for length in 0..=2 * LONGEST_CONTEXT {
        let context = vec![7; length];
        assert_eq!(PingContext::new(&context).as_slice(), &context[..length.min(LONGEST_CONTEXT)]);
    }
}
