//! Hunts. For miscounts: one thread writes messages of every kind into a log, another gathers what there
//! is over and over, and what is counted must be what is there. For memory that is let go too early: what
//! is encoded once is read by several threads, which keep some of it and hand some of it on.
//!
//! A round takes a fixed number of messages, and a few rounds are the test. For a real hunt say for how
//! many seconds:
//! ```text
//! RINGMQ_HUNT_SECONDS=600 cargo test -p ringmq-pipe --test hunt
//! ```
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Foreign, body};
use ringmq_pipe::frame::{self, MORE};
use ringmq_pipe::{ATTACH, LogReader, LogWriter, Message, SharedEncoder, log};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Messages of a round.
const COUNT: u32 = if cfg!(miri) { 50 } else { 4_000 };
/// Rounds, if nobody says for how long.
const ROUNDS: u32 = if cfg!(miri) { 1 } else { 10 };

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Sets a flag when it is dropped, also by a panic, so that the other thread comes to an end.
struct Flag<'a>(&'a AtomicBool);

impl Drop for Flag<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

struct Writing<'a> {
    writer: LogWriter,
    encoder: SharedEncoder,
    dice: Dice,
    token: &'a Arc<()>,
}

impl Writing<'_> {
    /// A frame; most are small, so that those which are not follow something that is not shown yet.
    fn frame(&mut self, flags: u8, number: u32) {
        let len = self.dice.roll(60) as usize;
        match self.dice.roll(8) {
            0 | 1 => {
                let mut large = Foreign::message(vec![number as u8; ATTACH + len], self.token);
                large.set_flags(flags);
                self.writer.write_uncounted(flags, large);
            }
            2 => {
                let len = len * 20;
                self.writer.begin(flags, len);
                body(len, number).chunks(300).for_each(|piece| self.writer.body(piece));
                self.writer.end(flags);
            }
            3 => {
                let frame = self.encoder.encode(flags, &body(len * 30, number));
                // Only a closed log refuses, as there is credit.
                let _ = self.writer.write_shared(&frame);
            }
            4 => {
                let mut run = vec![0; frame::LONG_HEADER];
                let size = frame::write(&mut run, flags, len);
                run.truncate(size);
                run.resize(size + len, number as u8);
                let ends = flags & MORE == 0;
                self.writer.write_span(&run, u32::from(ends), if ends { 0 } else { run.len() });
            }
            _ => {
                let mut small = Message::from(body(len, number));
                small.set_flags(flags);
                let _ = self.writer.write(&mut small);
            }
        }
    }

    fn message(&mut self, number: u32) {
        let parts = self.dice.roll(8).saturating_sub(5);
        (0..parts).for_each(|_| self.frame(MORE, number));
        if self.dice.roll(16) == 0 {
            self.frame(MORE, number);
            self.writer.rollback();
        }
        self.frame(0, number);
    }
}

/// What a reader has gathered: messages that were counted, and those that are there.
fn gather(reader: &mut LogReader) -> (u64, u64) {
    let mut pieces = Vec::new();
    reader.gather(100_000, &mut pieces);
    let mut there = 0;
    for (at, piece) in pieces.iter().enumerate() {
        let mut rest = piece.bytes();
        while !piece.is_body() && !rest.is_empty() {
            let header = frame::parse(rest).unwrap();
            there += u64::from(header.flags & MORE == 0);
            rest = &rest[header.size..];
            if header.body < ATTACH as u64 {
                rest = &rest[header.body as usize..];
            } else {
                assert!(rest.is_empty() && pieces[at + 1].is_body());
                assert_eq!(pieces[at + 1].bytes().len() as u64, header.body);
            }
        }
    }
    let counted = pieces.iter().map(|piece| u64::from(piece.messages)).sum();
    assert_eq!(counted, there, "messages of {} pieces", pieces.len());
    reader.done(counted as u32);
    (counted, there)
}

fn round(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let hwm = [2, 7, 100, 1000][dice.roll(4) as usize];
    let (writer, mut reader) = log(hwm);
    let token = Arc::new(());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writing =
                Writing { writer, encoder: SharedEncoder::new(), dice, token: &token };
            for number in 0..COUNT {
                while writing.writer.ready().is_err() {
                    if over.load(Ordering::Acquire) {
                        return;
                    }
                    std::thread::yield_now();
                }
                writing.message(number);
                assert!(writing.writer.depth() <= u64::from(hwm), "more than the mark");
            }
        });
        let _over = Flag(&over);
        let mut total = 0;
        while !reader.ended() {
            let (counted, _) = gather(&mut reader);
            total += counted;
            assert!(counted <= u64::from(hwm), "{counted} messages in a log of {hwm}");
            if counted == 0 {
                std::thread::yield_now();
            }
        }
        assert_eq!(total, u64::from(COUNT));
    });
    drop(reader);
    assert_eq!(Arc::strong_count(&token), 1, "a body was leaked");
}

/// A frame of a message that everybody gets: its bytes tell its number.
fn tagged(number: u32, len: u64) -> Vec<u8> {
    vec![number as u8; len as usize]
}

fn assert_intact(message: &Message) {
    let first = message.first().copied().unwrap_or_default();
    assert!(message.iter().all(|byte| *byte == first), "bytes of another message");
}

/// Reads all there is, keeps some, and hands some on.
fn keep(mut reader: LogReader, mut dice: Dice, elsewhere: &mpsc::Sender<Message>) {
    let mut kept: Vec<Message> = Vec::new();
    let mut expected = 0;
    while !reader.ended() {
        let Some(message) = reader.read() else {
            std::thread::yield_now();
            continue;
        };
        assert_eq!(message.first(), Some(&(expected as u8)));
        expected += 1;
        assert_intact(&message);
        match dice.roll(16) {
            0 => kept.push(message),
            1 => elsewhere.send(message).unwrap(),
            2 => elsewhere.send(message.clone()).unwrap(),
            _ => {}
        }
        if kept.len() > 200 {
            kept.drain(..150).for_each(|message| assert_intact(&message));
        }
    }
    assert_eq!(expected, COUNT);
    kept.iter().for_each(assert_intact);
}

fn keeping_round(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let ((mut ours, our_reader), (mut theirs, their_reader)) = (log(0), log(0));
    let (sender, receiver) = mpsc::channel();
    let dices = [Dice(dice.roll(u64::MAX) | 1), Dice(dice.roll(u64::MAX) | 1)];
    std::thread::scope(|scope| {
        scope.spawn(move || receiver.iter().for_each(|message| assert_intact(&message)));
        for (reader, dice) in [our_reader, their_reader].into_iter().zip(dices) {
            let sender = sender.clone();
            scope.spawn(move || keep(reader, dice, &sender));
        }
        drop(sender);
        let mut encoder = SharedEncoder::new();
        for number in 0..COUNT {
            if dice.roll(50) == 0 {
                let mut large = Message::from(tagged(number, ATTACH as u64));
                ours.write(&mut large.clone()).unwrap();
                theirs.write(&mut large).unwrap();
                continue;
            }
            let body = tagged(number, 1 + dice.roll(1_000));
            let frame = encoder.encode(0, &body);
            // One misses runs of the encoder's frames now and then, or most of them.
            let missing = number / 1_000 % 3 * 6;
            for (writer, misses) in [(&mut ours, 0), (&mut theirs, u64::from(missing))] {
                if dice.roll(16) < misses {
                    writer.write_body(0, &body).unwrap();
                } else {
                    writer.write_shared(&frame).unwrap();
                }
            }
        }
        drop((ours, theirs));
    });
}

#[test]
fn what_is_kept_of_what_was_encoded_once_stays_what_it_was() {
    hunt(keeping_round);
}

#[test]
fn what_is_gathered_beside_a_writer_is_counted_when_it_is_there() {
    hunt(round);
}

/// Goes on for a few rounds, or for as long as it is told.
fn hunt(round: fn(u64)) {
    let seconds = std::env::var("RINGMQ_HUNT_SECONDS").ok().and_then(|text| text.parse().ok());
    let (start, long) = (Instant::now(), seconds.map(Duration::from_secs));
    let goes_on = |seed: &u64| match long {
        Some(long) => start.elapsed() < long,
        None => *seed <= u64::from(ROUNDS),
    };
    (1..).take_while(goes_on).for_each(round);
}
