//! What the frame log costs between two pinned threads, beside rings that others use and a bare one.
//!
//! A race is the time that [`COUNT`] messages take from the first to the last; one figure is the best
//! of [`RACES`], because both threads spin and whatever else runs on their two cores only ever adds
//! to it. The throughput printed is messages a second. Every contender is first run with each message
//! checked, then measured. Only the ratios within one run mean anything; the bare ring is the floor.
#![allow(missing_docs)] // What criterion's macro makes has none.

mod ring;

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use crossbeam_queue::ArrayQueue;
use ring::Slot;
use ringmq_pipe::{LogReader, LogWriter, Message, log};
use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Messages in one race: 0.2 to 2 ms, short enough to get a scheduler's time slice to itself.
const COUNT: u64 = 1 << 16;
/// Races in one figure.
const RACES: u32 = 24;
/// Messages in a run that checks every one.
const CHECKED: u64 = 100_000;
/// Slots of the rings, and the high-water mark of the log.
const CAPACITY: usize = 4096;
/// Slots in a chunk of `rtrb`: as many as the log and the bare ring publish at once.
const CHUNK: usize = 64;

/// Tries until it works. Yields now and then: on a busy machine the other side may not be running.
#[inline(always)]
fn until<R>(mut attempt: impl FnMut() -> Option<R>) -> R {
    loop {
        for _ in 0..1024 {
            if let Some(result) = attempt() {
                return result;
            }
            spin_loop();
        }
        std::thread::yield_now();
    }
}

/// Runs `produce` and `consume` on a core each and returns the time until the latter is done.
fn race(produce: impl FnOnce() + Send, consume: impl FnOnce()) -> Duration {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let there = AtomicU32::new(0);
    // Spinning: a thread woken from sleep would start tens of microseconds late.
    let start = || {
        there.fetch_add(1, Ordering::AcqRel);
        until(|| (there.load(Ordering::Acquire) == 2).then_some(()));
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            cores.get(1).copied().map(core_affinity::set_for_current);
            start();
            produce();
        });
        cores.first().copied().map(core_affinity::set_for_current);
        start();
        let begin = Instant::now();
        consume();
        begin.elapsed()
    })
}

/// The body of message `number`, of which only the number differs.
#[inline(always)]
fn stamp(body: &mut [u8], number: u64) {
    body[..8].copy_from_slice(&number.to_ne_bytes());
}

#[inline(always)]
fn number(body: &[u8]) -> u64 {
    u64::from_ne_bytes(body[..8].try_into().expect("eight bytes"))
}

/// What the consumer does with a message: enough that it has to be there.
struct Taker {
    count: u64,
    sum: u64,
    len: usize,
    check: bool,
}

impl Taker {
    fn new(len: usize, check: bool) -> Self {
        Self { count: 0, sum: 0, len, check }
    }

    #[inline(always)]
    fn take(&mut self, body: &[u8]) {
        if self.check {
            assert_eq!((body.len(), number(body)), (self.len, self.count));
            assert!(body[8..].iter().all(|&byte| byte == 7));
        }
        self.sum = self.sum.wrapping_add(number(body));
        self.count += 1;
    }

    fn finish(self, count: u64) {
        assert_eq!(self.sum, count * (count - 1) / 2, "a message is missing");
    }
}

fn write_all(writer: &mut LogWriter, len: usize, count: u64) {
    let mut body = vec![7; len];
    for n in 0..count {
        stamp(&mut body, n);
        until(|| writer.write_body(0, black_box(&body)).ok());
    }
}

fn write_messages(writer: &mut LogWriter, len: usize, count: u64) {
    let mut body = vec![7; len];
    for n in 0..count {
        stamp(&mut body, n);
        let mut message = Message::from(black_box(&body[..]));
        until(|| writer.write(&mut message).ok());
    }
}

/// Spins until there is something to read, as a socket does: asks for a batch, and only now and then
/// for what is written of one, so as to leave the writer's cache line alone.
#[inline(always)]
fn wait(reader: &mut LogReader) {
    /// Looks for a batch between two looks for less.
    const PATIENCE: u32 = 64;
    let mut looks = 0;
    until(|| {
        looks += 1;
        (reader.poll() || looks % PATIENCE == 0 && reader.ready()).then_some(())
    });
}

fn read_owned(reader: &mut LogReader, taker: &mut Taker, count: u64) {
    for _ in 0..count {
        wait(reader);
        let message = reader.read().expect("there is one");
        taker.take(black_box(&message));
    }
}

fn read_borrowed(reader: &mut LogReader, taker: &mut Taker, count: u64) {
    for _ in 0..count {
        wait(reader);
        reader.read_with(|_, body| taker.take(body)).expect("there is one");
    }
}

type Write = fn(&mut LogWriter, usize, u64);
type Read = fn(&mut LogReader, &mut Taker, u64);

fn frame_log(len: usize, count: u64, check: bool, write: Write, read: Read) -> Duration {
    let (mut writer, mut reader) = log(CAPACITY as u32);
    let mut taker = Taker::new(len, check);
    let time =
        race(move || write(&mut writer, len, count), || read(&mut reader, &mut taker, count));
    taker.finish(count);
    time
}

fn bare(count: u64, check: bool) -> Duration {
    let (mut producer, mut consumer) = ring::ring(CAPACITY);
    let mut taker = Taker::new(64, check);
    let time = race(
        move || {
            for n in 0..count {
                until(|| {
                    producer
                        .push(|slot| {
                            *slot = [7; 64];
                            stamp(slot, n);
                        })
                        .then_some(())
                });
            }
            producer.publish();
        },
        || {
            for _ in 0..count {
                until(|| consumer.pop(|slot| taker.take(slot)));
            }
        },
    );
    taker.finish(count);
    time
}

fn slot(n: u64) -> Slot {
    let mut slot = [7; 64];
    stamp(&mut slot, n);
    slot
}

fn array_queue(count: u64, check: bool) -> Duration {
    let queue = Arc::new(ArrayQueue::<Slot>::new(CAPACITY));
    let mut taker = Taker::new(64, check);
    let producer = queue.clone();
    let time = race(
        move || (0..count).for_each(|n| until(|| producer.push(slot(n)).ok())),
        || (0..count).for_each(|_| taker.take(&until(|| queue.pop()))),
    );
    taker.finish(count);
    time
}

fn rtrb_single(count: u64, check: bool) -> Duration {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<Slot>::new(CAPACITY);
    let mut taker = Taker::new(64, check);
    let time = race(
        move || (0..count).for_each(|n| until(|| producer.push(slot(n)).ok())),
        || (0..count).for_each(|_| taker.take(&until(|| consumer.pop().ok()))),
    );
    taker.finish(count);
    time
}

fn rtrb_chunks(count: u64, check: bool) -> Duration {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<Slot>::new(CAPACITY);
    let mut taker = Taker::new(64, check);
    let time = race(
        move || {
            let mut numbers = 0..count;
            while !numbers.is_empty() {
                let len = CHUNK.min((numbers.end - numbers.start) as usize);
                until(|| {
                    let chunk = producer.write_chunk_uninit(len).ok()?;
                    Some(chunk.fill_from_iter(numbers.by_ref().take(len).map(slot)))
                });
            }
        },
        || {
            while taker.count < count {
                let len = CHUNK.min((count - taker.count) as usize);
                until(|| {
                    let chunk = consumer.read_chunk(len).ok()?;
                    let (first, second) = chunk.as_slices();
                    first.iter().chain(second).for_each(|slot| taker.take(slot));
                    chunk.commit_all();
                    Some(())
                });
            }
        },
    );
    taker.finish(count);
    time
}

fn run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(500))
        .throughput(Throughput::Elements(COUNT));
    let mut contender = |id: BenchmarkId, run: &dyn Fn(u64, bool) -> Duration| {
        run(CHECKED, true);
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|rounds| {
                let best = || (0..RACES).map(|_| run(COUNT, false)).min();
                (0..rounds).filter_map(|_| best()).sum()
            });
        });
    };
    contender(BenchmarkId::new("bare ring", 64), &bare);
    contender(BenchmarkId::new("rtrb by 64", 64), &rtrb_chunks);
    contender(BenchmarkId::new("rtrb", 64), &rtrb_single);
    contender(BenchmarkId::new("ArrayQueue", 64), &array_queue);
    let ways: [(&str, Write, Read); 3] = [
        ("borrowed", write_all, read_borrowed),
        ("owned", write_all, read_owned),
        ("messages, owned", write_messages, read_owned),
    ];
    for (name, write, read) in ways {
        for len in [16, 32, 64, 256] {
            contender(BenchmarkId::new(name, len), &|count, check| {
                frame_log(len, count, check, write, read)
            });
        }
    }
    // Once more, so that a change of the machine's speed meanwhile does not go unseen.
    contender(BenchmarkId::new("bare ring, again", 64), &bare);
}

criterion_group!(benches, run);
criterion_main!(benches);
