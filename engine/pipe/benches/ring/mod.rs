//! The floor that the frame log is measured against: a bare ring of 64-byte slots for one producer
//! and one consumer. Indices are cached on both sides and published every [`BATCH`] slots.
//!
//! It carries no lengths, no headers, no high-water mark, and nobody can sleep on it.
#![allow(unsafe_code)]

use crossbeam_utils::CachePadded;
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One message: a cache line.
pub(crate) type Slot = [u8; 64];
/// Slots between two publications: as in the log.
const BATCH: usize = 64;

struct Ring {
    slots: Box<[UnsafeCell<Slot>]>,
    written: CachePadded<AtomicUsize>,
    read: CachePadded<AtomicUsize>,
}

// SAFETY: a slot belongs to the producer from `read + capacity` up to `written`, else to the consumer.
unsafe impl Sync for Ring {}

/// Makes a ring of `capacity` slots, a power of two.
pub(crate) fn ring(capacity: usize) -> (Producer, Consumer) {
    assert!(capacity.is_power_of_two() && capacity >= 2 * BATCH);
    let ring = Arc::new(Ring {
        slots: (0..capacity).map(|_| UnsafeCell::new([0; 64])).collect(),
        written: CachePadded::new(AtomicUsize::new(0)),
        read: CachePadded::new(AtomicUsize::new(0)),
    });
    let producer = Producer { ring: ring.clone(), at: 0, free: capacity };
    (producer, Consumer { ring, at: 0, there: 0 })
}

pub(crate) struct Producer {
    ring: Arc<Ring>,
    at: usize,
    /// The index at which the ring is full, as last seen.
    free: usize,
}

impl Producer {
    /// Writes one slot; `false` when the ring is full, and then everything written is published.
    #[inline]
    pub(crate) fn push(&mut self, fill: impl FnOnce(&mut Slot)) -> bool {
        if self.at == self.free {
            // Acquire: pairs with the consumer's Release: it is done with those slots.
            self.free = self.ring.read.load(Ordering::Acquire) + self.ring.slots.len();
            if self.at == self.free {
                self.publish();
                return false;
            }
        }
        let slot = self.ring.slots[self.at & (self.ring.slots.len() - 1)].get();
        // SAFETY: not full, so the consumer has released this slot and does not look at it.
        fill(unsafe { &mut *slot });
        self.at += 1;
        if self.at.is_multiple_of(BATCH) {
            self.publish();
        }
        true
    }

    pub(crate) fn publish(&mut self) {
        // Release: the slots happen before the consumer's Acquire.
        self.ring.written.store(self.at, Ordering::Release);
    }
}

pub(crate) struct Consumer {
    ring: Arc<Ring>,
    at: usize,
    /// The index up to which there are messages, as last seen.
    there: usize,
}

impl Consumer {
    /// Looks at one slot; `None` when the ring is empty.
    #[inline]
    pub(crate) fn pop<R>(&mut self, look: impl FnOnce(&Slot) -> R) -> Option<R> {
        if self.at == self.there {
            // Acquire: pairs with the producer's Release.
            self.there = self.ring.written.load(Ordering::Acquire);
            if self.at == self.there {
                self.release();
                return None;
            }
        }
        let slot = self.ring.slots[self.at & (self.ring.slots.len() - 1)].get();
        // SAFETY: not empty, so the producer has published this slot and does not touch it.
        let result = look(unsafe { &*slot });
        self.at += 1;
        if self.at.is_multiple_of(BATCH) {
            self.release();
        }
        Some(result)
    }

    fn release(&mut self) {
        // Release: done with the slots before the producer's Acquire.
        self.ring.read.store(self.at, Ordering::Release);
    }
}
