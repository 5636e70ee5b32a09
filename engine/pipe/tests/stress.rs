//! Two threads on one log, each asleep whenever it has nothing to do: every message arrives, in order,
//! and nobody sleeps for ever. The number of messages is fixed; only the threads' timing varies.
//!
//! Sanitizers run these tests too, with the toolchain's own runtimes:
//! ```text
//! RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" \
//!     cargo test -p ringmq-pipe --target x86_64-unknown-linux-gnu --tests
//! TSAN_OPTIONS=suppressions=tests/tsan.supp RUSTC_BOOTSTRAP=1 \
//!     RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer" \
//!     cargo test -p ringmq-pipe --target x86_64-unknown-linux-gnu \
//!     --test stress --test log --test model --test mailbox
//! ```
//! The second leaves the unit tests out: those of the biased lock contend for a lock of the standard
//! library, which is not built for ThreadSanitizer. The models of `tests/loom` check that lock.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Foreign, body};
use ringmq_pipe::frame::{self, MORE};
use ringmq_pipe::{ATTACH, LogReader, LogWriter, Message, Notify, Sleep, WriteError, log};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

/// Messages per run: enough for thousands of sleeps on either side.
const COUNT: u32 = if cfg!(miri) { 100 } else { 20_000 };

/// A thread that waits for news of its end. Of atomics, because ThreadSanitizer does not see into the
/// standard library's locks.
struct Parker {
    token: AtomicBool,
    thread: OnceLock<Thread>,
    notices: AtomicU64,
}

impl Parker {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            token: AtomicBool::new(false),
            thread: OnceLock::new(),
            notices: AtomicU64::new(0),
        })
    }

    /// Makes the calling thread the one that parks.
    fn adopt(&self) {
        self.thread.set(std::thread::current()).unwrap();
    }

    fn unpark(&self) {
        self.notices.fetch_add(1, Ordering::Relaxed);
        self.token.store(true, Ordering::Release);
        self.thread.get().unwrap().unpark();
    }

    fn park(&self) {
        while !self.token.swap(false, Ordering::Acquire) {
            std::thread::park();
        }
    }
}

impl Notify for Parker {
    fn readable(&self, _: usize) {
        self.unpark();
    }

    fn writable(&self, _: usize) {
        self.unpark();
    }
}

fn length(n: u32) -> usize {
    match n % 1000 {
        13 => ATTACH + n as usize % 100,
        17 => ATTACH - 1,
        k if k % 50 == 0 => 300,
        k => k as usize % 80,
    }
}

/// Message `n` has up to three frames.
fn frames(n: u32) -> impl Iterator<Item = (u8, usize)> {
    let last = if n.is_multiple_of(7) { n % 3 } else { 0 };
    (0..=last).map(move |k| (if k < last { MORE } else { 0 }, length(n + k)))
}

fn write(mut writer: LogWriter, parker: &Arc<Parker>, token: &Arc<()>, in_pieces: bool) {
    parker.adopt();
    writer.install(parker.clone(), 0);
    for n in 0..COUNT {
        for (flags, len) in frames(n) {
            let body = body(len, n);
            while writer.ready().is_err() {
                parker.park();
            }
            if in_pieces && len < ATTACH {
                writer.begin(flags, len);
                body.chunks(50).for_each(|piece| writer.body(piece));
                writer.end(flags);
                continue;
            }
            let mut message = match n % 2 {
                0 => Message::from(body),
                _ => Foreign::message(body, token),
            };
            message.set_flags(flags);
            assert_eq!(writer.write(&mut message), Ok(()));
        }
    }
}

/// Sleeps until there is something; `false` at the end.
fn wait(reader: &mut LogReader, parker: &Parker, dozes: &mut u64) -> bool {
    while !reader.ready() {
        *dozes += 1;
        if reader.fall_asleep() == Sleep::Asleep {
            parker.park();
        }
        if reader.ended() {
            return false;
        }
    }
    true
}

fn read(mut reader: LogReader, parker: &Arc<Parker>, gather: bool) {
    parker.adopt();
    reader.install(parker.clone(), 0);
    let mut dozes = 0;
    let mut expected = (0..COUNT).flat_map(|n| frames(n).map(move |frame| (n, frame)));
    let mut check = |flags: u8, bytes: &[u8]| {
        let (n, (more, len)) = expected.next().expect("no more than was written");
        assert_eq!((flags, bytes), (more, &body(len, n)[..]));
    };
    let mut turn = 0;
    while wait(&mut reader, parker, &mut dozes) {
        turn += 1;
        if gather {
            take_pieces(&mut reader, &mut check);
        } else if turn % 2 == 0 {
            let message = reader.read().unwrap();
            check(message.flags(), &message);
        } else {
            reader.read_with(&mut check).unwrap();
        }
    }
    assert!(expected.next().is_none(), "everything that was written");
    let notices = parker.notices.load(Ordering::Relaxed);
    assert!(notices <= dozes, "{notices} notices for {dozes} sleeps");
}

fn take_pieces(reader: &mut LogReader, check: &mut impl FnMut(u8, &[u8])) {
    let mut pieces = Vec::new();
    assert!(reader.gather(1000, &mut pieces) > 0);
    let mut attached = None;
    for piece in &pieces {
        if let Some(flags) = attached.take() {
            assert!(piece.is_body());
            check(flags, piece.bytes());
            continue;
        }
        let mut rest = piece.bytes();
        while let Some(header) = frame::parse(rest) {
            rest = &rest[header.size..];
            if header.body >= ATTACH as u64 {
                attached = Some(header.flags);
                break;
            }
            let (this, next) = rest.split_at(header.body as usize);
            check(header.flags, this);
            rest = next;
        }
    }
    reader.done(pieces.iter().map(|piece| piece.messages).sum());
}

fn run(hwm: u32, in_pieces: bool, gather: bool) {
    let token = Arc::new(());
    let (writer, reader) = log(hwm);
    let (blocked, asleep) = (Parker::new(), Parker::new());
    std::thread::scope(|scope| {
        scope.spawn(|| write(writer, &blocked, &token, in_pieces));
        scope.spawn(|| read(reader, &asleep, gather));
    });
    assert_eq!(Arc::strong_count(&token), 1, "a body was leaked");
}

#[test]
fn one_message_at_a_time() {
    run(1, false, false);
}

#[test]
fn a_few_messages_at_a_time() {
    run(7, true, false);
}

#[test]
fn a_thousand_messages_read_one_by_one() {
    run(1000, false, false);
}

#[test]
fn a_thousand_messages_gathered() {
    run(1000, true, true);
}

#[test]
fn no_limit() {
    run(0, false, true);
}

#[test]
fn a_reader_that_leaves_frees_a_blocked_writer() {
    for n in 0..if cfg!(miri) { 3 } else { 300 } {
        let (mut writer, mut reader) = log(4);
        let parker = Parker::new();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                parker.adopt();
                writer.install(parker.clone(), 0);
                loop {
                    match writer.write_body(0, &[1; 100]) {
                        Ok(()) => {}
                        Err(WriteError::Full) => parker.park(),
                        Err(WriteError::Closed) => break,
                    }
                }
            });
            (0..n % 10).for_each(|_| drop(reader.read()));
            drop(reader);
        });
    }
}
