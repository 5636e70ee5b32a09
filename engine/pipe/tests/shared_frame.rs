//! Frames that are encoded once for several logs.
#![allow(clippy::unwrap_used)]

mod common;

use common::body;
use proptest::prelude::*;
use ringmq_pipe::frame::MORE;
use ringmq_pipe::{ATTACH, LogReader, LogWriter, Message, SharedEncoder, WriteError, log};
use std::collections::VecDeque;

fn logs(count: usize, hwm: u32) -> Vec<(LogWriter, LogReader)> {
    (0..count).map(|_| log(hwm)).collect()
}

#[test]
fn everybody_gets_every_frame() {
    let mut encoder = SharedEncoder::new();
    let mut logs = logs(3, 0);
    for seed in 0..10_000 {
        let body = body((seed as usize * 37) % 1_000, seed);
        let frame = encoder.encode(0, &body);
        logs.iter_mut().for_each(|(writer, _)| writer.write_shared(&frame).unwrap());
    }
    for (_, reader) in &mut logs {
        for seed in 0..10_000 {
            assert_eq!(reader.read().unwrap(), body((seed as usize * 37) % 1_000, seed)[..]);
        }
        assert!(reader.read().is_none());
    }
}

#[test]
fn a_run_is_one_stretch_of_memory_that_all_share() {
    let mut encoder = SharedEncoder::new();
    let mut logs = logs(2, 0);
    // Of an encoder that they get little of they would have copies.
    for _ in 0..100 {
        let frame = encoder.encode(0, &[0; 200]);
        logs.iter_mut().for_each(|(writer, _)| writer.write_shared(&frame).unwrap());
    }
    for (_, reader) in &mut logs {
        assert_eq!(std::iter::from_fn(|| reader.read()).count(), 100);
    }
    for _ in 0..10 {
        let frame = encoder.encode(0, b"sixteen bytes...");
        logs.iter_mut().for_each(|(writer, _)| writer.write_shared(&frame).unwrap());
    }
    let starts: Vec<_> = logs
        .iter_mut()
        .map(|(_, reader)| {
            let mut pieces = Vec::new();
            assert_eq!(reader.gather(usize::MAX, &mut pieces), 180);
            assert_eq!((pieces.len(), pieces[0].messages), (1, 10));
            pieces[0].bytes().as_ptr()
        })
        .collect();
    assert_eq!(starts[0], starts[1]);
}

#[test]
fn a_log_that_gets_little_of_an_encoder_copies_and_one_that_gets_much_refers() {
    let mut encoder = SharedEncoder::new();
    let (mut much, mut little) = (log(0), log(0));
    let mut referred = 0;
    for number in 0..1_000 {
        let frame = encoder.encode(0, &body(1_000, number));
        much.0.write_shared(&frame).unwrap();
        if number % 10 == 0 {
            little.0.write_shared(&frame).unwrap();
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            much.1.gather(usize::MAX, &mut ours);
            little.1.gather(usize::MAX, &mut theirs);
            let (ours, theirs) = (ours.last().unwrap().bytes(), theirs.last().unwrap().bytes());
            assert_eq!(ours[ours.len() - theirs.len()..], *theirs);
            assert_ne!(ours.as_ptr_range().end, theirs.as_ptr_range().end, "copied");
            referred += usize::from(ours.len() > 8 * 1_000);
        }
    }
    // All but the first ones, and those that go on in the encoder's next block.
    assert!(referred > 75, "{referred} of 100 runs are one stretch");
}

#[test]
fn a_log_that_is_full_refuses_and_goes_on_later() {
    let mut encoder = SharedEncoder::new();
    let (mut writer, mut reader) = log(1);
    writer.write_shared(&encoder.encode(0, b"first")).unwrap();
    assert_eq!(writer.write_shared(&encoder.encode(0, b"second")), Err(WriteError::Full));
    assert_eq!(reader.read().unwrap(), *b"first");
    assert!(reader.read().is_none());
    writer.write_shared(&encoder.encode(0, b"third")).unwrap();
    assert_eq!(reader.read().unwrap(), *b"third");
    drop(reader);
    assert_eq!(writer.write_shared(&encoder.encode(0, b"fourth")), Err(WriteError::Closed));
}

#[test]
fn what_the_press_writes_later_harms_nobody() {
    let mut encoder = SharedEncoder::new();
    let (mut writer, mut reader) = log(0);
    writer.write_shared(&encoder.encode(0, b"kept")).unwrap();
    let kept = reader.read().unwrap();
    let slice = {
        writer.write_shared(&encoder.encode(0, &[1; 500])).unwrap();
        reader.read().unwrap()
    };
    for _ in 0..1_000 {
        encoder.encode(0, &[2; 500]);
    }
    drop((encoder, writer, reader));
    assert_eq!(kept, *b"kept");
    assert_eq!(slice, [1; 500]);
}

#[derive(Clone, Debug)]
enum Step {
    /// A frame for those logs whose bit is set.
    SharedFrame {
        to: u8,
        more: bool,
        len: usize,
    },
    /// A frame of one log's own.
    Own {
        to: usize,
        more: bool,
        len: usize,
    },
    Rollback(usize),
    Read(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let len = || prop_oneof![0..80_usize, 200..300_usize, Just(ATTACH - 1)];
    prop_oneof![
        6 => (any::<u8>(), any::<bool>(), len())
            .prop_map(|(to, more, len)| Step::SharedFrame { to, more, len }),
        2 => (0..3_usize, any::<bool>(), prop_oneof![len(), Just(ATTACH)])
            .prop_map(|(to, more, len)| Step::Own { to, more, len }),
        1 => (0..3_usize).prop_map(Step::Rollback),
        4 => (0..3_usize).prop_map(Step::Read),
    ]
}

/// A log, and what should be in it: whole messages, and the one that is being written.
struct Model {
    writer: LogWriter,
    reader: LogReader,
    whole: VecDeque<(bool, Vec<u8>)>,
    open: Vec<(bool, Vec<u8>)>,
}

impl Model {
    fn wrote(&mut self, more: bool, body: Vec<u8>) {
        self.open.push((more, body));
        if !more {
            self.whole.extend(self.open.drain(..));
        }
    }
}

proptest! {
    #[test]
    fn each_log_holds_what_was_written_to_it(steps in prop::collection::vec(step(), 0..120)) {
        let mut encoder = SharedEncoder::new();
        let mut models: Vec<Model> = logs(3, 0)
            .into_iter()
            .map(|(writer, reader)| Model {
                writer,
                reader,
                whole: VecDeque::new(),
                open: Vec::new(),
            })
            .collect();
        for (seed, step) in (0..).zip(steps) {
            match step {
                Step::SharedFrame { to, more, len } => {
                    let body = body(len, seed);
                    let frame = encoder.encode(if more { MORE } else { 0 }, &body);
                    for (bit, model) in models.iter_mut().enumerate() {
                        if to >> bit & 1 == 1 {
                            model.writer.write_shared(&frame).unwrap();
                            model.wrote(more, body.clone());
                        }
                    }
                }
                Step::Own { to, more, len } => {
                    let body = body(len, seed);
                    let mut message = Message::from(body.clone());
                    message.set_more(more);
                    models[to].writer.write(&mut message).unwrap();
                    models[to].wrote(more, body);
                }
                Step::Rollback(to) => {
                    models[to].writer.rollback();
                    models[to].open.clear();
                }
                Step::Read(from) => {
                    let model = &mut models[from];
                    let read = model.reader.read();
                    let frame = read.map(|frame| (frame.more(), frame.to_vec()));
                    prop_assert_eq!(frame, model.whole.pop_front());
                }
            }
        }
        for model in &mut models {
            while let Some((more, body)) = model.whole.pop_front() {
                let frame = model.reader.read().unwrap();
                prop_assert_eq!((frame.more(), frame.to_vec()), (more, body));
            }
            prop_assert!(model.reader.read().is_none());
        }
    }
}
