//! The floor of throughput between two threads: a bare ring of one producer and one consumer.
//!
//! It is an `rtrb` ring of 64-byte slots, published and taken 64 at a time (the knee of the curve).
//! Bodies of up to 64 bytes lie in the slot; of larger ones the slot carries a counted reference, which
//! is the least that handing a buffer over can cost.

use std::hint;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use rtrb::chunks::ChunkError;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::end::{End, receiving};
use crate::job::{Job, Outcome, Phase};
use crate::patience::Patience;
use crate::payload::{Checker, Stamper};
use crate::pool::Pool;

/// Bytes in a slot: one cache line.
const SLOT: usize = 64;
/// Slots in the ring: 256 KiB, which stays in the second-level cache of either core.
const SLOTS: usize = 4096;
/// Slots published, or given back, at once.
const BATCH: usize = 64;

/// Both ends of `job`, the one that sends first.
pub(super) fn ends(job: &Job) -> [Box<dyn End>; 2] {
    let (size, limit) = (job.case.size, job.patience());
    if size <= SLOT {
        let (producer, consumer) = RingBuffer::<[u8; SLOT]>::new(SLOTS);
        ring(producer, consumer, size, limit, InSlot::new(size))
    } else {
        let pool = Pool::new(&Stamper::new(size), 2 * SLOTS);
        // The pool has twice what the ring holds, so that no message ever has to be copied.
        let (producer, consumer) = RingBuffer::<Bytes>::new(pool.len() / 2);
        ring(producer, consumer, size, limit, ByReference(pool))
    }
}

/// How a body travels in a slot.
trait Carrier: Send + 'static {
    type Slot: Send + 'static;
    /// Publishes the next `count` messages at once, where there is room for them.
    fn push(
        &mut self,
        producer: &mut Producer<Self::Slot>,
        stamper: &mut Stamper,
        count: usize,
    ) -> Result<(), ChunkError>;
    fn body(slot: &Self::Slot, size: usize) -> &[u8];
}

/// Bodies of at most a slot, copied: one batch is numbered in place and then copied as a whole.
struct InSlot {
    size: usize,
    batch: Vec<[u8; SLOT]>,
}

impl InSlot {
    fn new(size: usize) -> Self {
        let mut slot = [0; SLOT];
        slot[..size].copy_from_slice(Stamper::new(size).next_body());
        Self { size, batch: vec![slot; BATCH] }
    }
}

impl Carrier for InSlot {
    type Slot = [u8; SLOT];

    #[inline]
    fn push(
        &mut self,
        producer: &mut Producer<Self::Slot>,
        stamper: &mut Stamper,
        count: usize,
    ) -> Result<(), ChunkError> {
        let slots = producer.slots();
        if slots < count {
            return Err(ChunkError::TooFewSlots(slots));
        }
        let batch = &mut self.batch[..count];
        for slot in batch.iter_mut() {
            stamper.renew(&mut slot[..self.size]);
        }
        producer.push_entire_slice(batch)
    }

    #[inline]
    fn body(slot: &Self::Slot, size: usize) -> &[u8] {
        &slot[..size]
    }
}

/// Larger bodies, of which only a counted reference is handed over.
struct ByReference(Pool);

impl Carrier for ByReference {
    type Slot = Bytes;

    #[inline]
    fn push(
        &mut self,
        producer: &mut Producer<Self::Slot>,
        stamper: &mut Stamper,
        count: usize,
    ) -> Result<(), ChunkError> {
        let chunk = producer.write_chunk_uninit(count)?;
        chunk.fill_from_iter((0..count).map(|_| self.0.next(stamper)));
        Ok(())
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
    let batch = BATCH.min(producer.buffer().capacity()) as u64;
    [
        Box::new(Producing { producer, carrier, stamper, batch, patience: Patience::new(limit) }),
        Box::new(Consuming::<C> { consumer, checker, patience: Patience::new(limit) }),
    ]
}

struct Producing<C: Carrier> {
    producer: Producer<C::Slot>,
    carrier: C,
    stamper: Stamper,
    /// Messages published at once; a ring of large ones has room for few.
    batch: u64,
    patience: Patience,
}

impl<C: Carrier> End for Producing<C> {
    fn run(&mut self, Phase { count, .. }: Phase) -> Result<Outcome> {
        let mut left = count;
        while left > 0 {
            let batch = left.min(self.batch);
            if self.carrier.push(&mut self.producer, &mut self.stamper, batch as usize).is_err() {
                hint::spin_loop();
                self.patience.again().context("the ring stays full")?;
                continue;
            }
            self.patience.progress();
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
                hint::spin_loop();
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
    fn run(&mut self, Phase { count, .. }: Phase) -> Result<Outcome> {
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
