//! What the frame log promises, one test for each promise.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Counter, Foreign, body};
use ringmq_pipe::frame::MORE;
use ringmq_pipe::{APART, ATTACH, LogReader, LogWriter, Message, Notify, Sleep, WriteError, log};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

fn with_counter(hwm: u32) -> (LogWriter, LogReader, Arc<Counter>) {
    let (mut writer, mut reader) = log(hwm);
    let told = Counter::new();
    writer.install(told.clone(), 1);
    reader.install(told.clone(), 2);
    (writer, reader, told)
}

/// Writes one-byte messages until one is refused; returns how many were not.
fn fill(writer: &mut LogWriter) -> u32 {
    (0..).take_while(|_| writer.write_body(0, b"m").is_ok()).count() as u32
}

#[test]
fn the_high_water_mark_is_exact_and_a_refused_writer_resumes_at_half() {
    for hwm in 1..=20 {
        let (mut writer, mut reader, told) = with_counter(hwm);
        assert_eq!(fill(&mut writer), hwm);
        let half = hwm.div_ceil(2);
        for _ in 1..half {
            reader.read().unwrap();
            assert_eq!(writer.ready(), Err(WriteError::Full));
        }
        assert_eq!(told.told(), (0, 0));
        reader.read().unwrap();
        assert_eq!(told.told(), (0, 1), "told once, however often refused");
        assert_eq!(fill(&mut writer), half);
    }
}

/// One that counts bytes knows sooner what is taken, and a refused one is told at the half all the same.
#[test]
fn credit_in_short_steps_tells_a_refused_writer_no_sooner() {
    for (hwm, step) in [(20, 1), (20, 3), (7, 2), (20, 1000)] {
        let (mut writer, mut reader, told) = with_counter(hwm);
        writer.set_credit_step(step);
        assert_eq!(fill(&mut writer), hwm);
        let half = u64::from(hwm.div_ceil(2));
        let step = step.min(half);
        for taken in 1..=u64::from(hwm) {
            assert!(reader.read().is_some());
            assert_eq!(writer.credited(), taken / step * step, "{hwm}, {step}");
            let is_told = taken / step * step >= half;
            assert_eq!(told.told().1, u64::from(is_told), "{hwm}, {step}: {taken}");
        }
        assert!(reader.read().is_none());
        assert_eq!(writer.credited(), u64::from(hwm), "it is drained");
        // A changed mark has the steps of its own.
        writer.set_hwm(10);
        fill(&mut writer);
        (0..4).for_each(|_| drop(reader.read()));
        assert_eq!(writer.credited(), u64::from(hwm));
    }
}

#[test]
fn a_writer_that_waits_for_any_credit_is_told_of_each() {
    let (mut writer, mut reader, told) = with_counter(0);
    (0..10).for_each(|_| writer.write_body(0, b"x").unwrap());
    for taken in 0..5 {
        assert_eq!(writer.await_credit(2), Some(2 * taken));
        assert_eq!(told.told().1, taken);
        assert!(reader.read().is_some());
        assert_eq!(told.told().1, taken);
        assert!(reader.read().is_some());
        assert_eq!(told.told().1, taken + 1);
    }
    // Of what is left when the log is drained, however little.
    writer.write_body(0, b"x").unwrap();
    assert_eq!(writer.await_credit(2), Some(10));
    assert!(reader.read().is_some() && reader.read().is_none());
    assert_eq!((writer.credited(), told.told().1), (11, 6));
    writer.stop_awaiting();
    assert!(writer.await_credit(1).is_some());
    drop(reader);
    assert_eq!((writer.await_credit(1), told.told().1), (None, 7));
}

#[test]
fn a_message_counts_once_however_many_frames_it_has() {
    let (mut writer, mut reader, _) = with_counter(2);
    for _ in 0..2 {
        for _ in 0..9 {
            writer.write_body(MORE, b"part").unwrap();
        }
        writer.write_body(0, b"last").unwrap();
    }
    assert_eq!(writer.write_body(MORE, b"part"), Err(WriteError::Full));
    assert_eq!((0..).map_while(|_| reader.read()).count(), 20);
    assert_eq!(writer.credit(), 2);
}

#[test]
fn no_limit_refuses_nothing() {
    let (mut writer, mut reader, _) = with_counter(0);
    for n in 0..10_000u32 {
        writer.write_body(0, &n.to_ne_bytes()).unwrap();
    }
    for n in 0..10_000u32 {
        assert_eq!(reader.read().unwrap(), n.to_ne_bytes());
    }
}

#[test]
fn a_sleeping_reader_is_told_once() {
    let (mut writer, mut reader, told) = with_counter(0);
    assert_eq!(reader.fall_asleep(), Sleep::Asleep);
    writer.write_body(MORE, b"half a message").unwrap();
    assert_eq!(told.told(), (0, 0));
    for _ in 0..3 {
        writer.write_body(0, b"the rest").unwrap();
    }
    assert_eq!(told.told(), (1, 0));
    assert_eq!(reader.fall_asleep(), Sleep::Ready);
    assert_eq!((0..).map_while(|_| reader.read()).count(), 4);
}

#[test]
fn a_writer_that_goes_away_wakes_a_sleeping_reader_and_takes_back_half_a_message() {
    let (mut writer, mut reader, told) = with_counter(0);
    writer.write_body(MORE, b"half").unwrap();
    assert_eq!(reader.fall_asleep(), Sleep::Asleep);
    drop(writer);
    assert_eq!(told.told(), (1, 0));
    assert!(reader.read().is_none() && reader.ended());
}

#[test]
fn a_reader_that_goes_away_is_told_from_a_full_log() {
    let (mut writer, reader, told) = with_counter(1);
    assert_eq!(fill(&mut writer), 1);
    drop(reader);
    assert_eq!(told.told(), (0, 1));
    let mut message = Message::from("kept");
    assert_eq!(writer.write(&mut message), Err(WriteError::Closed));
    assert_eq!(message, "kept");
}

#[test]
fn a_drained_log_is_credited_in_full() {
    for reader_lowers in [false, true] {
        let (mut writer, mut reader, told) = with_counter(1000);
        for _ in 0..400 {
            writer.write_body(0, b"m").unwrap();
            reader.read().unwrap();
        }
        assert_eq!(writer.depth(), 400, "less than half of the mark");
        match reader_lowers {
            true => reader.set_hwm(10),
            false => writer.set_hwm(10),
        }
        assert_eq!(writer.ready(), Err(WriteError::Full));
        assert_eq!(reader.fall_asleep(), Sleep::Asleep);
        assert_eq!(told.told(), (0, 1));
        assert_eq!(writer.depth(), 0);
        assert_eq!(fill(&mut writer), 10);
    }
}

#[test]
fn a_raised_mark_wakes_a_refused_writer() {
    let (mut writer, mut reader, told) = with_counter(2);
    assert_eq!(fill(&mut writer), 2);
    reader.set_hwm(1000);
    assert_eq!(told.told(), (0, 1));
    assert_eq!(fill(&mut writer), 998);
    assert!(reader.read().is_some());
}

#[test]
fn publish_shows_what_precedes_a_message_that_outgrew_its_segment() {
    let (mut writer, mut reader, _) = with_counter(0);
    writer.write_body(0, b"whole").unwrap();
    writer.write_body(MORE, &body(2000, 1)).unwrap();
    writer.publish();
    assert!(reader.poll());
    assert_eq!(reader.read().unwrap(), b"whole");
    assert!(!reader.ready());
}

#[test]
fn an_empty_run_of_frames_opens_no_message() {
    let (mut writer, _reader, _) = with_counter(1);
    writer.write_span(&[], 0, 0);
    assert_eq!(fill(&mut writer), 1);
}

#[test]
fn runs_that_cannot_be_are_refused_and_show_nothing() {
    let cases: [(&[u8], u32, usize); 3] =
        [(&[0, 0], 2, 0), (&[0, 0], 1, 3), (&[0, 0], u32::MAX, usize::MAX)];
    for (frames, messages, tail) in cases {
        let (mut writer, mut reader, _) = with_counter(0);
        let write = AssertUnwindSafe(|| writer.write_span(frames, messages, tail));
        assert!(catch_unwind(write).is_err());
        assert!(reader.read().is_none());
    }
}

#[test]
fn bodies_in_pieces_are_held_to_their_header() {
    let (mut writer, mut reader, _) = with_counter(0);
    writer.begin(0, 3);
    writer.body(b"ab");
    assert!(catch_unwind(AssertUnwindSafe(|| writer.body(b"cd"))).is_err());
    writer.rollback();
    writer.begin(0, 3);
    assert!(catch_unwind(AssertUnwindSafe(|| writer.end(0))).is_err());
    writer.rollback();
    assert!(catch_unwind(AssertUnwindSafe(|| writer.begin(0, APART))).is_err());
    assert!(reader.read().is_none());
}

#[test]
fn bytes_that_are_no_frames_do_not_get_the_reader_beyond_them() {
    // Announces 8191 bytes and brings one, then 8192, as many as an attached body may have.
    let frames: [&[u8]; 2] =
        [&[2, 0, 0, 0, 0, 0, 0, 0x1f, 0xff, 7], &[2, 0, 0, 0, 0, 0, 0, 0x20, 0, 7]];
    for frame in frames {
        let (mut writer, mut reader, _) = with_counter(0);
        writer.write_span(frame, 1, 0);
        assert!(catch_unwind(AssertUnwindSafe(|| reader.read())).is_err());
    }
}

#[test]
fn a_segment_refers_to_many_bodies_in_turn_with_those_that_it_holds() {
    let token = Arc::new(());
    let (mut writer, mut reader, _) = with_counter(0);
    // Attached, copied in as it came off the wire, and small; more of them than one segment refers to.
    let size = |n: usize| [ATTACH + n, ATTACH + n, 300][n % 3];
    let write = |writer: &mut LogWriter, n: usize| match n % 3 {
        0 => writer.write(&mut Foreign::message(vec![n as u8; size(n)], &token)).unwrap(),
        1 => {
            writer.begin(0, size(n));
            writer.body(&vec![n as u8; size(n)]);
            writer.end(0);
        }
        _ => writer.write_body(0, &vec![n as u8; size(n)]).unwrap(),
    };
    for n in 0..200 {
        if n % 5 == 0 {
            writer.write(&mut part(Foreign::message(vec![9; ATTACH], &token))).unwrap();
            writer.write(&mut part(Foreign::message(vec![9; ATTACH], &token))).unwrap();
            writer.rollback();
        }
        write(&mut writer, n);
    }
    let all: usize = (0..200).map(size).sum();
    let pending = reader.pending(usize::MAX);
    assert!(
        (all..all + 201 * 9).contains(&pending),
        "bodies of {all} bytes and headers: {pending}"
    );
    assert_eq!(reader.pending(1000), 1000);
    for n in 0..100 {
        assert_eq!(reader.read().unwrap(), vec![n as u8; size(n)]);
    }
    let mut pieces = Vec::new();
    for n in 100..200 {
        if pieces.is_empty() {
            assert!(reader.gather(2 * ATTACH, &mut pieces) >= 300);
            reader.done(pieces.iter().map(|piece| piece.messages).sum());
        }
        let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes().to_vec()).collect();
        let header = ringmq_pipe::frame::parse(&bytes).unwrap();
        let end = header.size + header.body as usize;
        assert_eq!(&bytes[header.size..end], vec![n as u8; size(n)], "message {n}");
        let mut skip = end;
        pieces.retain_mut(|piece| {
            let some = piece.bytes().len().min(skip);
            skip -= some;
            let left = some < piece.bytes().len();
            if left {
                piece.skip(some, 0);
            }
            left
        });
    }
    assert_eq!(Arc::strong_count(&token), 1, "a body was leaked");
}

#[test]
fn a_panic_in_a_borrowing_read_leaves_the_reader_behind_the_frame() {
    let (mut writer, mut reader, _) = with_counter(0);
    writer.write_body(0, b"first").unwrap();
    writer.write_body(0, b"second").unwrap();
    let read = AssertUnwindSafe(|| reader.read_with(|_, _| panic!("the user's")));
    assert!(catch_unwind(read).is_err());
    assert_eq!(reader.read().unwrap(), b"second");
}

#[test]
fn reading_and_gathering_may_take_turns() {
    let (mut writer, mut reader, _) = with_counter(8);
    fill(&mut writer);
    let mut pieces = Vec::new();
    (0..3).for_each(|_| drop(reader.read().unwrap()));
    reader.gather(1, &mut pieces);
    assert_eq!(pieces.iter().map(|piece| piece.messages).sum::<u32>(), 5);
    assert_eq!(writer.depth(), 8, "three of eight are done with");
    reader.done(1);
    assert_eq!(writer.depth(), 4);
    reader.done(4);
    assert_eq!(writer.depth(), 0);
}

#[test]
fn a_kept_message_outlives_both_ends() {
    let (mut writer, mut reader, _) = with_counter(0);
    let token = Arc::new(());
    let (small, large) = (body(1000, 1), body(ATTACH, 2));
    writer.write_body(0, &small).unwrap();
    writer.write(&mut Foreign::message(large.clone(), &token)).unwrap();
    let kept = (reader.read().unwrap(), reader.read().unwrap());
    drop((writer, reader));
    assert_eq!((&kept.0[..], &kept.1[..]), (&small[..], &large[..]));
    drop(kept);
    assert_eq!(Arc::strong_count(&token), 1);
}

/// A body whose Drop panics, unless a panic is under way already.
struct Bad(Vec<u8>);

impl AsRef<[u8]> for Bad {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Bad {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the user's");
    }
}

#[test]
fn a_body_that_panics_when_it_is_taken_back_leaves_the_log_in_order() {
    // Held by the first segment of the message, and by a later one.
    for before in [0, 1] {
        let (mut writer, mut reader, _) = with_counter(0);
        let token = Arc::new(());
        writer.write_body(0, b"before").unwrap();
        for _ in 0..before {
            writer.write(&mut part(Foreign::message(vec![1; ATTACH], &token))).unwrap();
        }
        writer.write(&mut part(Message::from_owner(Bad(vec![2; ATTACH])))).unwrap();
        writer.write(&mut part(Foreign::message(vec![3; ATTACH], &token))).unwrap();
        // Whether the panic gets out of there is not the log's to say.
        let _ = catch_unwind(AssertUnwindSafe(|| writer.rollback()));
        assert_eq!(Arc::strong_count(&token), 1, "a body was leaked");
        writer.write_body(0, b"after").unwrap();
        assert_eq!(reader.read().unwrap(), b"before");
        assert_eq!(reader.read().unwrap(), b"after");
        assert!(reader.read().is_none());
    }
}

#[test]
fn a_body_that_panics_when_its_writer_goes_away_does_not_keep_the_end_from_the_reader() {
    let (mut writer, mut reader, told) = with_counter(0);
    assert_eq!(reader.fall_asleep(), Sleep::Asleep);
    writer.write(&mut part(Message::from_owner(Bad(vec![1; ATTACH])))).unwrap();
    let _ = catch_unwind(AssertUnwindSafe(|| drop(writer)));
    assert!(reader.ended());
    assert_eq!(told.told(), (1, 0));
}

#[test]
fn a_body_that_panics_in_a_log_that_both_ends_have_left_does_not_leak_the_others() {
    let token = Arc::new(());
    let (mut writer, reader, _) = with_counter(0);
    writer.write(&mut Message::from_owner(Bad(vec![1; ATTACH]))).unwrap();
    writer.write(&mut Foreign::message(vec![2; ATTACH], &token)).unwrap();
    let _ = catch_unwind(AssertUnwindSafe(|| drop((writer, reader))));
    assert_eq!(Arc::strong_count(&token), 1, "a body was leaked");
}

fn part(mut message: Message) -> Message {
    message.set_more(true);
    message
}

/// Owns the other end of the log that it is told about.
struct Owner {
    _other: Mutex<Option<LogWriter>>,
}

impl Notify for Owner {
    fn readable(&self, _: usize) {}
    fn writable(&self, _: usize) {}
}

#[test]
fn a_notifier_may_own_the_other_end() {
    let (writer, mut reader) = log(0);
    let owner = Owner { _other: Mutex::new(Some(writer)) };
    reader.install(Arc::new(owner), 0);
    reader.install(Counter::new(), 0);
    assert!(reader.ended());
}

#[test]
fn all_that_was_written_is_gathered_published_or_not() {
    for count in [1, 2, 63, 64, 65, 500] {
        for large in [false, true] {
            let (mut writer, mut reader) = log(0);
            let size = |number: u32| if large && number % 7 == 3 { ATTACH } else { 1000 };
            for number in 0..count {
                writer.write_body(MORE, &vec![1; size(number)]).unwrap();
                writer.write_body(0, b"end").unwrap();
            }
            writer.write_body(MORE, b"not whole").unwrap();
            let mut pieces = Vec::new();
            reader.gather_written(&mut pieces);
            assert_eq!(pieces.iter().map(|piece| piece.messages).sum::<u32>(), count);
            assert!(pieces.last().is_some_and(|piece| !piece.open));
            writer.write_body(0, b"whole now").unwrap();
            assert_eq!(reader.read().unwrap(), "not whole");
            reader.done(count);
        }
    }
}

#[test]
fn gathering_what_was_written_comes_to_an_end_while_more_is_written() {
    let (mut writer, mut reader) = log(0);
    let (stop, mut pieces) = (Arc::new(AtomicBool::new(false)), Vec::new());
    let writing = {
        let stop = stop.clone();
        // ThreadSanitizer sees a thread that is joined, and not the end of a scope.
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                writer.write_body(0, b"more").unwrap();
            }
        })
    };
    for _ in 0..100 {
        pieces.clear();
        reader.gather_written(&mut pieces);
    }
    stop.store(true, Ordering::Relaxed);
    writing.join().unwrap();
}

/// How many messages can be read, counted without reading them, wherever they lie: in the first small
/// segments or in full ones, copied in or attached.
#[test]
fn the_end_is_behind_the_last_whole_message() {
    let (mut writer, mut reader) = log(0);
    let bodies = [0, 1, 40, 300, 5_000, ATTACH, 3 * ATTACH];
    let mut written = 0;
    for round in 0..400 {
        let body = vec![0; bodies[round * 5 % bodies.len()]];
        let more = if round % 3 == 1 { MORE } else { 0 };
        writer.write_body(more, &body).unwrap();
        written += u64::from(more == 0);
        assert_eq!((writer.written(), reader.end()), (written, written));
        if round % 7 == 0 {
            // Also from the midst of a message.
            drop(reader.read());
            assert_eq!(reader.end(), written);
        }
    }
    assert!(!reader.is_closed());
    drop(writer);
    assert!(reader.is_closed());
    while reader.taken() < written {
        assert_eq!(reader.end(), written);
        reader.read().unwrap();
    }
    assert!(reader.read().is_none(), "what was begun and not ended is nothing");
}
