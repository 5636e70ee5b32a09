//! A stream after a handshake, decoded in all the ways there are: they must lead to the same.

use ringmq_pipe::frame;
use ringmq_zmtp::{Decoded, Decoder, ProtocolError};

use crate::common::{Event, Recorder};
use crate::cuts::cut;
use crate::random::Counting;

/// What has come of a stream.
pub(crate) type Outcome = (Vec<Event>, Option<ProtocolError>);

/// Decodes in one piece; in pieces; and in pieces with little credit, with the commands out of turn and the
/// runs measured where they lie.
pub(crate) fn agree(make: impl Fn() -> Decoder, apart: usize, stream: &[u8], seed: u8) -> Outcome {
    let recorder = || Recorder { apart, ..Recorder::default() };
    let whole = in_pieces(make(), recorder(), &[stream]);
    let pieces = cut(stream, seed);
    assert_eq!(in_pieces(make(), recorder(), &pieces), whole, "in pieces");
    let outcome = with_little_credit(make(), recorder(), &pieces, seed);
    assert_eq!(outcome, whole, "with little credit");
    check_order(&whole.0);
    whole
}

/// No command for the log comes between the frames of a message.
fn check_order(events: &[Event]) {
    let flags = events.iter().filter_map(|event| match event {
        Event::Frame(flags, _) => Some(*flags),
        _ => None,
    });
    let mut in_message = false;
    for flags in flags {
        assert!(!in_message || flags & frame::COMMAND == 0, "a command inside a message");
        in_message = flags & frame::MORE != 0;
    }
}

fn in_pieces(mut decoder: Decoder, mut recorder: Recorder, pieces: &[&[u8]]) -> Outcome {
    for piece in pieces {
        let before = recorder.messages;
        match decoder.decode(piece, usize::MAX, &mut recorder) {
            Ok(Decoded { consumed, messages }) => {
                assert_eq!(consumed, piece.len());
                assert_eq!(messages, recorder.messages - before);
            }
            Err(error) => return (recorder.events, Some(error)),
        }
    }
    (recorder.events, None)
}

fn with_little_credit(
    mut decoder: Decoder,
    mut recorder: Recorder,
    pieces: &[&[u8]],
    seed: u8,
) -> Outcome {
    let mut random = Counting::new(seed.into());
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let taken = match random.next() % 3 {
                0 => decoder.decode_commands(rest, &mut recorder),
                1 => Ok(in_place(&mut decoder, &mut recorder, rest)),
                _ => Ok(0),
            };
            let taken = taken.and_then(|taken| {
                assert!(taken <= rest.len());
                let (rest, credit) = (&rest[taken..], (random.next() % 4) as usize);
                let Decoded { consumed, messages } = decoder.decode(rest, credit, &mut recorder)?;
                assert!(messages <= credit, "more than the credit");
                assert!(consumed == rest.len() || messages == credit, "stopped too early");
                Ok(taken + consumed)
            });
            match taken {
                Ok(taken) => rest = &rest[taken..],
                Err(error) => return (recorder.events, Some(error)),
            }
        }
    }
    (recorder.events, None)
}

/// What a session does that has read bytes to where they belong.
fn in_place(decoder: &mut Decoder, recorder: &mut Recorder, rest: &[u8]) -> usize {
    use ringmq_zmtp::Sink;
    let missing = decoder.missing().min(rest.len() as u64);
    if missing > 0 {
        let bytes = &rest[..missing as usize];
        recorder.body(bytes);
        decoder.delivered(missing, recorder);
        return bytes.len();
    }
    let measured = decoder.measure(rest, 3);
    let run = measured.run;
    assert!(run.consumed <= rest.len() && run.messages <= 3 && measured.tail <= run.consumed);
    if run.consumed > 0 {
        recorder.span(&rest[..run.consumed], run.messages, measured.tail);
    }
    run.consumed
}
