//! The floor between two threads: a bare ring of one producer and one consumer.
//!
//! Throughput goes through an `rtrb` ring of 64-byte slots, published and taken 64 at a time (the knee
//! of the curve). Bodies of up to 64 bytes lie in the slot; of larger ones the slot carries a counted
//! reference, which is the least that handing a buffer over can cost. A round trip is two counters on
//! cache lines of their own, which the threads spin on, or two condition variables that they sleep on;
//! it carries the number of the message and no body.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use crossbeam_utils::CachePadded;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::case::{Backend, Kind};
use crate::end::{Answerer, Answering, Asker, Asking, End, receiving};
use crate::patience::Patience;
use crate::payload::{Checker, Stamper};
use crate::pool::Pool;
use crate::protocol::{Job, Outcome};
use std::time::{Duration, Instant};

/// Bytes in a slot: one cache line.
const SLOT: usize = 64;
/// Slots in the ring: 256 KiB, which stays in the second-level cache of either core.
const SLOTS: usize = 4096;
/// Slots published, or given back, at once.
const BATCH: usize = 64;

/// Both ends of `job`, the one that sends or asks first.
pub(super) fn ends(job: &Job) -> [Box<dyn End>; 2] {
    let (size, limit) = (job.case.size, job.patience());
    match (job.case.kind, job.case.backend) {
        (Kind::Throughput, _) if size <= SLOT => {
            let (producer, consumer) = RingBuffer::<[u8; SLOT]>::new(SLOTS);
            ring(producer, consumer, size, limit, InSlot)
        }
        (Kind::Throughput, _) => {
            let (producer, consumer) = RingBuffer::<Bytes>::new(SLOTS);
            let carrier = ByReference(Pool::new(&Stamper::new(size), SLOTS));
            ring(producer, consumer, size, limit, carrier)
        }
        (Kind::Latency, Backend::FloorBlocking) => round_trip(size, || SleepingLine::new(limit)),
        (Kind::Latency, _) => round_trip(size, || SpinningLine::new(limit)),
    }
}

/// How a body travels in a slot.
trait Carrier: Send + 'static {
    type Slot: Send + 'static;
    fn load(&mut self, stamper: &mut Stamper) -> Self::Slot;
    fn body(slot: &Self::Slot, size: usize) -> &[u8];
}

struct InSlot;

impl Carrier for InSlot {
    type Slot = [u8; SLOT];

    #[inline]
    fn load(&mut self, stamper: &mut Stamper) -> Self::Slot {
        let body = stamper.next();
        // A whole line is cheaper to copy than part of one.
        body.try_into().unwrap_or_else(|_| {
            let mut slot = [0; SLOT];
            slot[..body.len()].copy_from_slice(body);
            slot
        })
    }

    #[inline]
    fn body(slot: &Self::Slot, size: usize) -> &[u8] {
        &slot[..size]
    }
}

struct ByReference(Pool);

impl Carrier for ByReference {
    type Slot = Bytes;

    #[inline]
    fn load(&mut self, stamper: &mut Stamper) -> Self::Slot {
        self.0.next(stamper)
    }

    #[inline]
    fn body(slot: &Self::Slot, _size: usize) -> &[u8] {
        slot
    }
}

fn ring<C: Carrier>(
    producer: Producer<C::Slot>,
    consumer: Consumer<C::Slot>,
    size: usize,
    limit: Duration,
    carrier: C,
) -> [Box<dyn End>; 2] {
    let (stamper, checker) = (Stamper::new(size), Checker::new(size));
    [
        Box::new(Producing { producer, carrier, stamper, patience: Patience::new(limit) }),
        Box::new(Consuming::<C> { consumer, checker, patience: Patience::new(limit) }),
    ]
}

struct Producing<C: Carrier> {
    producer: Producer<C::Slot>,
    carrier: C,
    stamper: Stamper,
    patience: Patience,
}

impl<C: Carrier> End for Producing<C> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        let mut left = count;
        while left > 0 {
            let batch = left.min(BATCH as u64);
            let Ok(chunk) = self.producer.write_chunk_uninit(batch as usize) else {
                self.patience.again().context("the ring stays full")?;
                continue;
            };
            self.patience.progress();
            chunk.fill_from_iter((0..batch).map(|_| self.carrier.load(&mut self.stamper)));
            left -= batch;
        }
        Ok(Outcome { messages: count, ..Outcome::default() })
    }
}

struct Consuming<C: Carrier> {
    consumer: Consumer<C::Slot>,
    checker: Checker,
    patience: Patience,
}

impl<C: Carrier> Consuming<C> {
    /// Takes what is there, up to `most`, and says how many that were.
    #[inline]
    fn take(&mut self, most: u64) -> Result<u64> {
        loop {
            let ready = self.consumer.slots().min(BATCH).min(most as usize);
            if ready == 0 {
                self.patience.again().context("the ring stays empty")?;
                continue;
            }
            self.patience.progress();
            let chunk = self.consumer.read_chunk(ready)?;
            let (front, back) = chunk.as_slices();
            for slot in front.iter().chain(back) {
                let body = C::body(slot, self.checker.size());
                if let Err(error) = self.checker.check(body) {
                    return Err(error).with_context(|| receiving(&self.checker));
                }
            }
            chunk.commit_all();
            return Ok(ready as u64);
        }
    }
}

impl<C: Carrier> End for Consuming<C> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        if count == 0 {
            return Ok(Outcome::default());
        }
        let mut left = count - self.take(1)?;
        let first = Instant::now();
        while left > 0 {
            left -= self.take(left)?;
        }
        let elapsed_ns = first.elapsed().as_nanos() as u64;
        Ok(Outcome { messages: count, elapsed_ns, histogram: Vec::new() })
    }
}

/// A counter that one thread raises and the other one waits for.
trait Line: Send + Sync + 'static {
    fn raise(&self, to: u64) -> Result<()>;
    fn wait_for(&self, at: u64, patience: &mut Patience) -> Result<()>;
    fn patience(&self) -> Patience;
}

fn round_trip<L: Line>(size: usize, line: impl Fn() -> L) -> [Box<dyn End>; 2] {
    let (there, back) = (Arc::new(line()), Arc::new(line()));
    let end = |mine: &Arc<L>, theirs: &Arc<L>| Bounce {
        mine: Arc::clone(mine),
        theirs: Arc::clone(theirs),
        at: 0,
        patience: mine.patience(),
    };
    [Box::new(Asking::new(end(&there, &back), size)), Box::new(Answering(end(&back, &there)))]
}

/// One end of a round trip: the line it raises and the line it waits for.
struct Bounce<L> {
    mine: Arc<L>,
    theirs: Arc<L>,
    at: u64,
    patience: Patience,
}

impl<L: Line> Asker for Bounce<L> {
    #[inline]
    fn ask(&mut self, _stamper: &mut Stamper, _checker: &mut Checker) -> Result<()> {
        self.at += 1;
        self.mine.raise(self.at)?;
        self.theirs.wait_for(self.at, &mut self.patience)
    }
}

impl<L: Line> Answerer for Bounce<L> {
    #[inline]
    fn answer(&mut self) -> Result<()> {
        self.at += 1;
        self.theirs.wait_for(self.at, &mut self.patience)?;
        self.mine.raise(self.at)
    }
}

struct SpinningLine {
    at: CachePadded<AtomicU64>,
    limit: Duration,
}

impl SpinningLine {
    fn new(limit: Duration) -> Self {
        Self { at: CachePadded::default(), limit }
    }
}

impl Line for SpinningLine {
    #[inline]
    fn raise(&self, to: u64) -> Result<()> {
        // Release, with the acquire below: what the message stands for is visible with it.
        self.at.store(to, Ordering::Release);
        Ok(())
    }

    #[inline]
    fn wait_for(&self, at: u64, patience: &mut Patience) -> Result<()> {
        loop {
            // Acquire, with the release above.
            let found = self.at.load(Ordering::Acquire);
            if found == at {
                patience.progress();
                return Ok(());
            }
            ensure!(found < at, "message {found} came where {at} was expected");
            patience.again()?;
        }
    }

    fn patience(&self) -> Patience {
        Patience::new(self.limit)
    }
}

struct SleepingLine {
    at: Mutex<u64>,
    raised: Condvar,
    limit: Duration,
}

impl SleepingLine {
    fn new(limit: Duration) -> Self {
        Self { at: Mutex::new(0), raised: Condvar::new(), limit }
    }
}

impl Line for SleepingLine {
    fn raise(&self, to: u64) -> Result<()> {
        let Ok(mut at) = self.at.lock() else { bail!("the other thread panicked") };
        *at = to;
        drop(at);
        self.raised.notify_one();
        Ok(())
    }

    fn wait_for(&self, at: u64, _patience: &mut Patience) -> Result<()> {
        let Ok(found) = self.at.lock() else { bail!("the other thread panicked") };
        match self.raised.wait_timeout_while(found, self.limit, |found| *found < at) {
            Ok((found, _)) if *found == at => Ok(()),
            Ok((found, _)) => bail!("message {at} was expected, the last one to come was {found}"),
            Err(_) => bail!("the other thread panicked"),
        }
    }

    fn patience(&self) -> Patience {
        Patience::new(self.limit)
    }
}
