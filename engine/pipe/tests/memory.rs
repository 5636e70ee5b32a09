//! How much memory logs hold for what is in them, and that they give it back. Every allocation of the
//! process is counted, so the tests take turns.
#![cfg(not(any(loom, miri)))]
#![allow(clippy::unwrap_used)]
#![allow(unsafe_code)]

mod common;

use ringmq_pipe::{LogReader, LogWriter, Message, SharedEncoder, log};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
static HELD: AtomicUsize = AtomicUsize::new(0);
static TURN: Mutex<()> = Mutex::new(());

// SAFETY: the system's allocator, with a count beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// Messages that a reader is behind, or that a user keeps.
const COUNT: usize = 1000;
/// What a process may hold beside: a trimmed pool of blocks, and some in use.
const BESIDE: usize = 2 * MIB;

/// Runs a test alone, and tells it how much memory is held more than before.
fn alone(test: impl FnOnce(&dyn Fn() -> usize)) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = HELD.load(Ordering::Relaxed);
    test(&|| HELD.load(Ordering::Relaxed).saturating_sub(before));
}

#[track_caller]
fn assert_at_most(held: usize, most: usize, what: &str) {
    assert!(held <= most, "{what}: {} KiB, of {} at most", held / KIB, most / KIB);
}

fn drain(reader: &mut LogReader) -> usize {
    std::iter::from_fn(|| reader.read()).count()
}

/// A publisher of two topics: the frequent one goes to the others only, and is read at once.
struct Publisher {
    encoder: SharedEncoder,
    others: (LogWriter, LogReader),
    slow: LogWriter,
}

impl Publisher {
    fn new() -> (Self, LogReader) {
        let (slow, behind) = log(0);
        (Self { encoder: SharedEncoder::new(), others: log(0), slow }, behind)
    }

    fn frequent(&mut self, bytes: usize) {
        for _ in 0..bytes / KIB {
            let frame = self.encoder.encode(0, &[1; KIB]);
            self.others.0.write_shared(&frame).unwrap();
        }
        drain(&mut self.others.1);
    }

    /// A message of `len` bytes for everybody, encoded once.
    fn rare(&mut self, len: usize) {
        let frame = self.encoder.encode(0, &vec![2; len]);
        self.others.0.write_shared(&frame).unwrap();
        self.slow.write_shared(&frame).unwrap();
    }

    /// As [`rare`](Self::rare), copied: as the first after one that others get.
    fn rare_copied(&mut self, len: usize) {
        self.others.0.write_body(0, &vec![2; len]).unwrap();
        self.slow.write_body(0, &vec![2; len]).unwrap();
    }
}

#[test]
fn what_a_slow_subscriber_of_a_rare_topic_has_not_read_keeps_little_more_than_itself() {
    // In bursts of so many, of which the first is copied or not.
    for (burst, copied, len) in
        [(1, false, KIB), (2, true, KIB), (5, true, KIB), (1, true, KIB), (3, false, 100)]
    {
        alone(|held| {
            let (mut publisher, mut behind) = Publisher::new();
            for _ in 0..COUNT / burst {
                publisher.frequent(64 * KIB);
                for at in 0..burst {
                    if copied && at == 0 {
                        publisher.rare_copied(len);
                    } else {
                        publisher.rare(len);
                    }
                }
            }
            let most = 2 * COUNT * len + BESIDE;
            assert_at_most(held(), most, &format!("bursts of {burst}, copied {copied}"));
            assert_eq!(drain(&mut behind), COUNT / burst * burst);
        });
    }
}

#[test]
fn a_subscriber_that_gets_less_and_less_keeps_no_block_for_little() {
    alone(|held| {
        let (mut publisher, mut behind) = Publisher::new();
        // Half of everything, and then one message of each block.
        for _ in 0..COUNT {
            publisher.frequent(KIB);
            publisher.rare(KIB);
        }
        drain(&mut behind);
        for _ in 0..COUNT {
            publisher.frequent(64 * KIB);
            publisher.rare(KIB);
        }
        assert_at_most(held(), 2 * COUNT * KIB + BESIDE, "one of each block");
    });
}

#[test]
fn subscribers_of_everything_share_what_they_have_not_read() {
    const LOGS: usize = 50;
    alone(|held| {
        let mut encoder = SharedEncoder::new();
        let mut logs: Vec<_> = (0..LOGS).map(|_| log(0)).collect();
        for _ in 0..16 * COUNT {
            let frame = encoder.encode(0, &[1; KIB]);
            logs.iter_mut().for_each(|(writer, _)| writer.write_shared(&frame).unwrap());
        }
        // Once for all, and for each the beginning and what links it to the rest.
        let most = 16 * COUNT * (KIB + 16) + LOGS * 200 * KIB + BESIDE;
        assert_at_most(held(), most, "the same for all");
    });
}

#[test]
fn what_waited_for_a_reader_that_leaves_is_given_back() {
    alone(|held| {
        let (mut writer, mut reader) = log(0);
        for _ in 0..64 * COUNT {
            writer.write_body(0, &[1; KIB]).unwrap();
        }
        assert!(held() >= 64 * COUNT * KIB);
        // Some of it goes through the pool, and most goes with the log.
        (0..30 * COUNT).for_each(|_| drop(reader.read().unwrap()));
        drop((writer, reader));
        assert_at_most(held(), BESIDE, "both ends are gone");
    });
}

#[test]
fn messages_that_outlive_their_log_are_given_back() {
    alone(|held| {
        let (mut writer, mut reader) = log(0);
        for _ in 0..64 * COUNT {
            writer.write_body(0, &[1; KIB]).unwrap();
        }
        let kept: Vec<_> = std::iter::from_fn(|| reader.read()).collect();
        drop((writer, reader));
        drop(kept);
        // As many blocks as messages may pin are in the pool beside those that stay there in any case.
        assert_at_most(held(), 3 * BESIDE, "nobody has anything");
    });
}

/// Reads a stream of which one message of each block's worth is kept, by `keep`.
fn keep_one_of_each_block(mut keep: impl FnMut(Message)) {
    let (mut writer, mut reader) = log(0);
    for _ in 0..COUNT {
        for _ in 0..64 {
            writer.write_body(0, &[1; KIB]).unwrap();
        }
        keep(reader.read().unwrap());
        assert_eq!(drain(&mut reader), 63);
    }
}

#[test]
fn messages_kept_of_a_stream_do_not_keep_all_of_it() {
    alone(|held| {
        let mut kept = Vec::new();
        keep_one_of_each_block(|message| kept.push(message));
        assert_at_most(held(), 3 * COUNT * KIB + BESIDE, "kept by the thread that reads");
        assert_eq!(kept.len(), COUNT);
    });
}

#[test]
fn nor_do_messages_kept_by_another_thread() {
    alone(|held| {
        let (sender, receiver) = mpsc::channel();
        let (done, is_done) = mpsc::channel::<Vec<Message>>();
        std::thread::scope(|scope| {
            scope.spawn(move || done.send(receiver.iter().collect()).unwrap());
            keep_one_of_each_block(|message| sender.send(message).unwrap());
            drop(sender);
            let kept = is_done.recv().unwrap();
            assert_at_most(held(), 3 * COUNT * KIB + BESIDE, "kept by another thread");
            assert_eq!(kept.len(), COUNT);
        });
    });
}

#[test]
fn nor_do_messages_kept_of_what_was_encoded_once() {
    alone(|held| {
        let mut encoder = SharedEncoder::new();
        let (mut writer, mut reader) = log(0);
        let mut kept = Vec::new();
        for number in 0..64 * COUNT {
            writer.write_shared(&encoder.encode(0, &[1; KIB])).unwrap();
            let message = reader.read().unwrap();
            if number % 64 == 0 {
                kept.push(message);
            }
        }
        assert_at_most(held(), 3 * COUNT * KIB + BESIDE, "kept of an encoder's blocks");
        assert_eq!(kept.len(), COUNT);
    });
}
