//! Random sequences of everything that both ends of a log can do, against a model of what a log is:
//! a queue of frames that shows whole messages only, and four counts.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Counter, Foreign, body, name, named};
use proptest::prelude::*;
use ringmq_pipe::frame::{self, COMMAND, MORE};
use ringmq_pipe::{APART, ATTACH, LogReader, LogWriter, Message, Piece, Sleep, WriteError, log};
use std::collections::VecDeque;
use std::sync::Arc;

/// How a frame gets into the log.
#[derive(Clone, Copy, Debug)]
enum Way {
    Message,
    Foreign,
    Body,
    Uncounted,
    Pieces,
}

#[derive(Clone, Debug)]
enum Step {
    /// A frame of so many bytes, which ends its message unless more follows.
    Frame {
        len: usize,
        more: bool,
        way: Way,
    },
    /// A run of frames as they came off the wire.
    Span(Vec<(usize, bool)>),
    Rollback,
    Publish,
    Read(usize),
    Borrow(usize),
    Gather(usize),
    Done(u32),
    Sleep,
    WriterHwm(u32),
    ReaderHwm(u32),
    /// Another peer is the sender, or nobody that is known.
    Sender(Option<u32>),
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        4 => 0..300usize,
        2 => prop::sample::select(vec![0, 1, 53, 54, 55, 64, 254, 255, 256, 257]),
        1 => prop::sample::select(vec![8190, 8191, 8192, 8193, 20_000]),
        1 => 0..20_000usize,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let way = prop::sample::select(vec![
        Way::Message,
        Way::Foreign,
        Way::Body,
        Way::Uncounted,
        Way::Pieces,
    ]);
    let more = prop::bool::weighted(0.3);
    prop_oneof![
        20 => (length(), more, way).prop_map(|(len, more, way)| Step::Frame { len, more, way }),
        6 => prop::collection::vec((length(), prop::bool::weighted(0.3)), 0..40).prop_map(Step::Span),
        2 => Just(Step::Rollback),
        1 => Just(Step::Publish),
        8 => (1..30usize).prop_map(Step::Read),
        4 => (1..30usize).prop_map(Step::Borrow),
        5 => prop::sample::select(vec![1, 100, 65_536, usize::MAX]).prop_map(Step::Gather),
        5 => (0..20u32).prop_map(Step::Done),
        3 => Just(Step::Sleep),
        1 => (0..12u32).prop_map(Step::WriterHwm),
        1 => (0..12u32).prop_map(Step::ReaderHwm),
        2 => prop::option::weighted(0.8, 0..100u32).prop_map(Step::Sender),
    ]
}

type Frame = (u8, Vec<u8>);

/// What a log is, in the simplest words.
#[derive(Default)]
struct Model {
    /// Frames of whole messages, not taken yet.
    visible: VecDeque<Frame>,
    /// Who has sent each of them.
    senders: VecDeque<Option<u32>>,
    sender: Option<u32>,
    /// Who has sent the frame taken last.
    from: Option<u32>,
    /// Frames of the message in progress.
    open: Vec<Frame>,
    hwm: u32,
    written: u64,
    taken: u64,
    in_flight: u64,
    credited: u64,
    asleep: bool,
    refused: bool,
    told: (u64, u64),
}

impl Model {
    fn full(&self) -> bool {
        self.open.is_empty() && self.hwm > 0 && self.written - self.credited >= u64::from(self.hwm)
    }

    fn wrote(&mut self, frame: Frame) {
        let ends = frame.0 & MORE == 0;
        self.open.push(frame);
        if ends {
            self.senders.extend(self.open.iter().map(|_| self.sender));
            self.visible.extend(self.open.drain(..));
            self.written += 1;
            self.tell_reader();
        }
    }

    fn took(&mut self) -> Frame {
        let frame = self.visible.pop_front().unwrap();
        self.from = self.senders.pop_front().unwrap();
        self.taken += u64::from(frame.0 & MORE == 0);
        frame
    }

    fn tell_reader(&mut self) {
        self.told.0 += u64::from(std::mem::take(&mut self.asleep));
    }

    fn tell_writer(&mut self) {
        self.told.1 += u64::from(std::mem::take(&mut self.refused));
    }

    fn credit(&mut self) {
        let lwm = if self.hwm == 0 { 1024 } else { self.hwm.div_ceil(2) };
        let done = self.taken - self.in_flight;
        if done - self.credited >= u64::from(lwm) {
            self.credited = done;
            self.tell_writer();
        }
    }

    fn frame_done(&mut self, flags: u8) {
        if flags & MORE == 0 {
            self.credit();
        }
    }

    /// The reader has found nothing to read: everything that it is done with is credited.
    fn dry(&mut self) {
        let done = self.taken - self.in_flight;
        if done != self.credited {
            self.credited = done;
            self.tell_writer();
        }
    }

    fn set_hwm(&mut self, hwm: u32) {
        self.hwm = hwm;
        self.tell_writer();
        self.tell_reader();
    }
}

/// A log, its model, and what has been taken out of it and is still held.
struct Bench {
    writer: LogWriter,
    reader: LogReader,
    told: Arc<Counter>,
    model: Model,
    token: Arc<()>,
    seed: u32,
    kept: Vec<(Message, Vec<u8>)>,
    pieces: Vec<Piece>,
}

impl Bench {
    fn new(hwm: u32) -> Self {
        let (mut writer, mut reader) = log(hwm);
        let told = Counter::new();
        writer.install(told.clone(), 0);
        reader.install(told.clone(), 0);
        Self {
            writer,
            reader,
            told,
            model: Model { hwm, ..Model::default() },
            token: Arc::new(()),
            seed: 0,
            kept: Vec::new(),
            pieces: Vec::new(),
        }
    }

    fn next_body(&mut self, len: usize) -> Vec<u8> {
        self.seed += 1;
        body(len, self.seed)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Frame { len, more, way } => self.frame(len, more, way),
            Step::Span(frames) => self.span(&frames),
            Step::Rollback => {
                self.writer.rollback();
                self.model.open.clear();
            }
            Step::Publish => {
                self.writer.publish();
                assert_eq!(self.reader.poll(), !self.model.visible.is_empty());
            }
            Step::Read(count) => (0..count).for_each(|_| self.read()),
            Step::Borrow(count) => (0..count).for_each(|_| self.borrow()),
            Step::Gather(most) => self.gather(most),
            Step::Done(count) => {
                let count = u64::from(count).min(self.model.in_flight);
                self.reader.done(count as u32);
                self.model.in_flight -= count;
                self.model.credit();
            }
            Step::Sleep => {
                let expected = if self.model.visible.is_empty() {
                    self.model.dry();
                    Sleep::Asleep
                } else {
                    Sleep::Ready
                };
                assert_eq!(self.reader.fall_asleep(), expected);
                self.model.asleep = expected == Sleep::Asleep;
            }
            Step::WriterHwm(hwm) => {
                self.writer.set_hwm(hwm);
                self.model.set_hwm(hwm);
            }
            Step::ReaderHwm(hwm) => {
                self.reader.set_hwm(hwm);
                self.model.set_hwm(hwm);
            }
            Step::Sender(sender) => {
                self.writer.set_peer(sender.map(named));
                self.model.open.clear();
                self.model.sender = sender;
            }
        }
        let outstanding = self.model.written - self.model.credited;
        assert_eq!(self.writer.depth(), outstanding);
        assert_eq!(self.told.told(), self.model.told);
    }

    fn frame(&mut self, len: usize, more: bool, way: Way) {
        let len = match way {
            Way::Pieces => len.min(APART - 1),
            _ => len,
        };
        let body = self.next_body(len);
        let flags = if more { MORE } else { 0 } | if len == 7 { COMMAND } else { 0 };
        let full = self.model.full();
        let result = match way {
            Way::Message | Way::Foreign => self.write_message(flags, &body, way),
            Way::Body => self.writer.write_body(flags, &body),
            Way::Uncounted => {
                let mut message = Foreign::message(body.clone(), &self.token);
                if len.is_multiple_of(2) {
                    message.set_lent();
                }
                self.writer.write_uncounted(flags, message);
                self.model.wrote((flags, body));
                return;
            }
            Way::Pieces => self.writer.ready().map(|()| {
                self.writer.begin(flags, len);
                body.chunks(100).for_each(|piece| self.writer.body(piece));
                self.writer.end(flags);
            }),
        };
        if full {
            assert_eq!(result, Err(WriteError::Full));
            self.model.refused = true;
        } else {
            assert_eq!(result, Ok(()));
            self.model.wrote((flags, body));
        }
    }

    fn write_message(&mut self, flags: u8, body: &[u8], way: Way) -> Result<(), WriteError> {
        let mut message = match way {
            Way::Foreign => Foreign::message(body.to_vec(), &self.token),
            _ => Message::from(body),
        };
        if body.len().is_multiple_of(2) {
            message.set_lent();
        }
        message.set_flags(flags);
        message.set_routing_id(7);
        if body.len().is_multiple_of(3) {
            message.set_group(b"not for the log").unwrap();
        }
        let result = self.writer.write(&mut message);
        match result {
            Ok(()) => {
                assert_eq!((message.len(), message.flags(), message.routing_id()), (0, 0, 0));
                assert!(message.group().is_empty());
            }
            Err(_) => {
                assert_eq!((&message[..], message.flags()), (body, flags));
                assert_eq!(message.routing_id(), 7);
            }
        }
        result
    }

    fn span(&mut self, frames: &[(usize, bool)]) {
        let (mut bytes, mut messages, mut tail) = (Vec::new(), 0, 0);
        for &(len, more) in frames {
            let body = self.next_body(len.min(APART - 1));
            let flags = if more { MORE } else { 0 };
            let mut header = [0; frame::LONG_HEADER];
            let size = frame::write(&mut header, flags, body.len());
            bytes.extend_from_slice(&header[..size]);
            bytes.extend_from_slice(&body);
            tail += size + body.len();
            if !more {
                (messages, tail) = (messages + 1, 0);
            }
            self.model.wrote((flags, body));
        }
        self.writer.write_span(&bytes, messages, tail);
    }

    fn read(&mut self) {
        let message = self.reader.read();
        assert_eq!(message.is_some(), !self.model.visible.is_empty());
        let Some(message) = message else {
            return self.model.dry();
        };
        let (flags, body) = self.model.took();
        assert_eq!((message.flags(), &message[..]), (flags, &body[..]));
        assert_eq!((message.routing_id(), message.group()), (0, &b""[..]));
        assert_eq!(name(&message), self.model.from.map(|sender| sender.to_string()));
        self.kept.push((message, body));
        self.model.frame_done(flags);
    }

    fn borrow(&mut self) {
        let model = &mut self.model;
        let expected = !model.visible.is_empty();
        let there = self.reader.read_with(|flags, body| {
            assert_eq!((flags, body.to_vec()), model.took());
            flags
        });
        assert_eq!(there.is_some(), expected);
        match there {
            Some(flags) => self.model.frame_done(flags),
            None => self.model.dry(),
        }
    }

    fn gather(&mut self, most: usize) {
        let bytes = |frames: &VecDeque<Frame>| -> usize {
            let size = |body: &[u8]| frame::header_size(body.len()) + body.len();
            frames.iter().map(|(_, body)| size(body)).sum()
        };
        let before = bytes(&self.model.visible);
        let mut pieces = Vec::new();
        let total = self.reader.gather(most, &mut pieces);
        assert!(total >= most.min(before), "as much as asked for");
        assert_eq!(total, pieces.iter().map(|piece| piece.bytes().len()).sum::<usize>());
        let mut at = 0;
        while at < pieces.len() {
            at += self.check_piece(&pieces[at], pieces.get(at + 1));
        }
        assert_eq!(bytes(&self.model.visible), before - total);
        if let Some(last) = pieces.last() {
            assert!(!last.open, "whole messages only");
        }
        if self.model.visible.is_empty() && total < most {
            self.model.dry();
        }
        self.pieces.append(&mut pieces);
    }

    /// Checks a piece of frames and the body behind it, if there is one; returns how many that is.
    fn check_piece(&mut self, piece: &Piece, next: Option<&Piece>) -> usize {
        assert!(!piece.is_body());
        let (mut rest, mut ended, mut more) = (piece.bytes(), 0, false);
        while let Some(header) = frame::parse(rest) {
            let (flags, body) = self.model.took();
            assert_eq!((header.flags, header.body as usize), (flags, body.len()));
            more = flags & MORE != 0;
            self.model.in_flight += u64::from(!more);
            // A body as large as that may also have come in pieces, or in a run of frames.
            let next = next.filter(|piece| rest.len() == header.size && piece.is_body());
            assert!(next.is_none() || body.len() >= ATTACH);
            if let Some(next) = next {
                assert!(next.is_body() && piece.open);
                assert_eq!((next.bytes(), next.open), (&body[..], more));
                assert_eq!((piece.messages, next.messages), (ended, u32::from(!more)));
                return 2;
            }
            ended += u32::from(!more);
            assert_eq!(rest[header.size..][..body.len()], body);
            rest = &rest[header.size + body.len()..];
        }
        assert!(rest.is_empty());
        assert_eq!((piece.messages, piece.open), (ended, more));
        1
    }

    /// Drops one end, lets the other find out, and drops that; nothing may be left.
    fn finish(self, writer_first: bool) {
        let Self { mut writer, mut reader, mut model, .. } = self;
        if writer_first {
            drop(writer);
            while !model.visible.is_empty() {
                assert!(!reader.ended());
                let (_, body) = model.took();
                assert_eq!(reader.read().unwrap(), body[..]);
            }
            // Of the end, also an awake reader is told.
            model.told.0 += 1;
            assert!(reader.ended());
            assert_eq!(reader.fall_asleep(), Sleep::Ready);
            assert_eq!(self.told.told().0, model.told.0);
            drop(reader);
        } else {
            drop(reader);
            model.tell_writer();
            assert_eq!(writer.ready(), Err(WriteError::Closed));
            assert_eq!(writer.write_body(0, b"x"), Err(WriteError::Closed));
            assert_eq!(self.told.told(), model.told);
            writer.write_uncounted(0, Foreign::message(vec![1; ATTACH], &self.token));
            drop(writer);
        }
        for (message, body) in self.kept {
            assert_eq!(message, body[..], "what a user keeps stays as it was");
        }
        drop(self.pieces);
        assert_eq!(Arc::strong_count(&self.token), 1, "a body was leaked");
        assert_eq!(Arc::strong_count(&self.told), 1, "a notifier was leaked");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { ProptestConfig::default().cases },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_log_is_a_queue_of_whole_messages(
        hwm in prop_oneof![Just(0), 1..12u32, Just(1000)],
        steps in prop::collection::vec(step(), 0..120),
        writer_first: bool,
    ) {
        let mut bench = Bench::new(hwm);
        steps.into_iter().for_each(|step| bench.step(step));
        bench.finish(writer_first);
    }
}
