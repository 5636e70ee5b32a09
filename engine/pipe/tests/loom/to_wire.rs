//! Gathering from a log while it is written: what is counted is what is there.

use crate::{FEW, MANY, Parker, check};
use loom::thread;
use ringmq_pipe::frame::{self, MORE};
use ringmq_pipe::{ATTACH, LogReader, LogWriter, Message, Sleep, WriteError, log};
use std::sync::Arc;

/// A body that is attached.
fn large() -> Message {
    Message::from(vec![7; ATTACH])
}

/// A reader that counts the messages it gathers in two ways.
struct Counting {
    reader: LogReader,
    counted: u64,
    there: u64,
}

impl Counting {
    fn new(reader: LogReader) -> Self {
        Self { reader, counted: 0, there: 0 }
    }

    /// Gathers what there is and returns how many messages it is.
    fn take(&mut self) -> u32 {
        let mut pieces = Vec::new();
        self.reader.gather(usize::MAX, &mut pieces);
        for piece in pieces.iter().filter(|piece| !piece.is_body()) {
            let mut rest = piece.bytes();
            while let Some(header) = frame::parse(rest) {
                self.there += u64::from(header.flags & MORE == 0);
                // The body of an attached one is the next piece.
                let end = header.size + header.body as usize;
                rest = rest.get(end..).unwrap_or_default();
            }
        }
        let counted: u64 = pieces.iter().map(|piece| u64::from(piece.messages)).sum();
        self.counted += counted;
        assert_eq!(self.counted, self.there);
        counted as u32
    }

    /// As [`take`](Self::take), credited already.
    fn gather(&mut self) -> u32 {
        let counted = self.take();
        self.reader.done(counted);
        counted
    }
}

/// Runs `write` beside a reader that gathers twice, and then until the end: there are `messages` in all.
fn beside_a_gather(messages: u64, write: fn(&mut LogWriter)) {
    check(MANY - 1, move || {
        let (mut writer, reader) = log(0);
        let sender = thread::spawn(move || write(&mut writer));
        let mut reader = Counting::new(reader);
        reader.gather();
        reader.gather();
        sender.join().unwrap();
        reader.gather();
        assert_eq!(reader.counted, messages);
        assert!(reader.reader.ended());
    });
}

#[test]
fn an_attached_body_after_a_small_message_is_counted_when_it_is_there() {
    beside_a_gather(2, |writer| {
        writer.write_body(0, b"a").unwrap();
        writer.write_uncounted(0, large());
    });
}

#[test]
fn so_is_one_that_ends_a_message_of_several_frames() {
    beside_a_gather(2, |writer| {
        writer.write_body(0, b"a").unwrap();
        writer.write_body(MORE, b"b").unwrap();
        writer.write_uncounted(MORE, large());
        writer.write_uncounted(0, large());
    });
}

#[test]
fn so_is_one_that_goes_on_where_a_run_of_frames_ended() {
    beside_a_gather(2, |writer| {
        writer.write_span(&[0, 1, b'a', MORE, 1, b'b'], 1, 3);
        writer.write_uncounted(0, large());
    });
}

#[test]
fn so_is_a_body_in_pieces_that_outgrows_the_segment() {
    beside_a_gather(2, |writer| {
        writer.write_body(0, b"a").unwrap();
        writer.write_uncounted(MORE, large());
        writer.begin(0, 20);
        writer.body(&[1; 10]);
        writer.body(&[2; 10]);
        writer.end(0);
    });
}

#[test]
fn what_is_taken_back_is_not_counted() {
    beside_a_gather(2, |writer| {
        writer.write_body(0, b"a").unwrap();
        writer.write_body(MORE, b"b").unwrap();
        writer.write_uncounted(MORE, large());
        writer.rollback();
        writer.write_uncounted(0, large());
    });
}

#[test]
fn gathered_bodies_never_exceed_the_mark() {
    check(FEW, || {
        let (mut writer, reader) = log(2);
        let sender = thread::spawn(move || {
            let parker = Parker::new();
            writer.install(parker.clone(), 0);
            for mut message in [Message::from("a"), large()] {
                while writer.write(&mut message) == Err(WriteError::Full) {
                    parker.park();
                }
                assert!(writer.depth() <= 2);
            }
        });
        let parker = Parker::new();
        let mut reader = Counting::new(reader);
        reader.reader.install(parker.clone(), 0);
        while !reader.reader.ended() {
            assert!(reader.gather() <= 2, "more than the mark");
            if reader.reader.fall_asleep() == Sleep::Asleep {
                parker.park();
            }
        }
        assert_eq!(reader.counted, 2);
        sender.join().unwrap();
    });
}

#[test]
fn a_reader_that_counts_what_is_lost_comes_to_an_end() {
    // What a session does with the pipe of a peer that never comes back.
    check(FEW, || {
        let (mut writer, reader) = log(2);
        let sender = thread::spawn(move || {
            let parker: Arc<Parker> = Parker::new();
            writer.install(parker, 0);
            let messages = [Message::from("a"), large(), large()];
            messages.into_iter().map(|mut m| writer.write(&mut m)).filter(Result::is_ok).count()
        });
        let mut reader = Counting::new(reader);
        reader.reader.set_hwm(1);
        while reader.take() > 0 {}
        let counted = reader.counted;
        drop(reader);
        let written = sender.join().unwrap() as u64;
        assert!(counted <= written && written <= 3, "{counted} of {written}");
    });
}
