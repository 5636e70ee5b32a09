//! Bodies that a segment refers to instead of holding them, in the order of their frames.
//!
//! The header of such a frame is in the segment as any other, and the next frame right behind it. Which
//! header that is, its slot says: where the body would have to be. The writer fills a slot before the mark
//! that makes its frame visible, and the reader empties it once it has seen that mark.
#![allow(unsafe_code)]

use super::pool::Pool;
use crate::message::Message;
use crate::sync::{AtomicPtr, AtomicU32, Ordering, UnsafeCell};
use std::mem::MaybeUninit;

/// Bodies that one segment refers to at the most. In models few enough that some messages need two.
pub(super) const SLOTS: usize = if cfg!(loom) { 2 } else { 32 };
/// Where no body is.
const NOWHERE: u32 = u32::MAX;

struct Slot {
    /// Bytes of the segment before the body. Relaxed throughout: that of a frame which the reader knows of
    /// is covered by the mark, and any other differs from all that it asks for.
    at: AtomicU32,
    /// Messages that end in the segment before the body.
    messages: AtomicU32,
    body: UnsafeCell<Option<Message>>,
}

type Slots = [Slot; SLOTS];

static POOL: Pool<Slots> = Pool::new();

/// The bodies that one segment refers to.
pub(super) struct Attached(AtomicPtr<Slots>);

/// Where a body belongs.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Bytes of the segment before it.
    pub(super) at: usize,
    /// Messages that end in the segment before it.
    pub(super) messages: u32,
}

impl Attached {
    /// None; takes no memory.
    pub(super) fn none() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    /// The slots, if there has been a body.
    #[inline]
    fn slots(&self) -> Option<&Slots> {
        // Acquire: pairs with the Release in `put`, for a reader that looks without having seen a frame of
        // this kind.
        let slots = self.0.load(Ordering::Acquire);
        // SAFETY: made by `put`, and freed with `self` only.
        unsafe { slots.as_ref() }
    }

    /// Refers to a body, as number `index` of this segment.
    ///
    /// # Safety
    /// Only the segment's writer calls this, before it has made the frame visible, and gives out numbers
    /// below [`SLOTS`] in order.
    pub(super) unsafe fn put(&self, index: usize, place: Place, body: Message) {
        let slots = self.slots().unwrap_or_else(|| {
            let new = POOL.take();
            let new = Box::write(new, std::array::from_fn(|_| Slot::empty()));
            let new = Box::into_raw(new);
            // Release: pairs with the Acquire in `slots`.
            self.0.store(new, Ordering::Release);
            // SAFETY: just made.
            unsafe { &*new }
        });
        let slot = &slots[index];
        // SAFETY: the reader looks at no slot of a frame that it has not seen.
        slot.body.with_mut(|slot| unsafe { *slot = Some(body) });
        slot.messages.store(place.messages, Ordering::Relaxed);
        slot.at.store(place.at as u32, Ordering::Relaxed);
    }

    /// Takes the bodies back that belong behind the first `bytes` bytes; says how many are left.
    ///
    /// # Safety
    /// Only the segment's writer calls this, and their frames were never visible.
    pub(super) unsafe fn take_back(&self, bytes: usize) -> (Vec<Message>, usize) {
        let Some(slots) = self.slots() else { return (Vec::new(), 0) };
        let is_before = |slot: &&Slot| slot.at.load(Ordering::Relaxed) as usize <= bytes;
        let left = slots.iter().take_while(is_before).count();
        let taken_back = slots[left..].iter().filter_map(|slot| {
            slot.at.store(NOWHERE, Ordering::Relaxed);
            // SAFETY: as in `put`.
            slot.body.with_mut(|slot| unsafe { (*slot).take() })
        });
        (taken_back.collect(), left)
    }

    /// Whether body number `index` belongs behind the first `bytes` bytes: those of a header that the reader
    /// has seen.
    #[inline]
    pub(super) fn is_at(&self, index: usize, bytes: usize) -> bool {
        self.slots()
            .and_then(|slots| slots.get(index))
            .is_some_and(|slot| slot.at.load(Ordering::Relaxed) as usize == bytes)
    }

    /// Where body number `index` belongs, if that is within the first `bytes` bytes.
    pub(super) fn within(&self, index: usize, bytes: usize) -> Option<Place> {
        let slot = self.slots()?.get(index)?;
        let at = slot.at.load(Ordering::Relaxed) as usize;
        let messages = slot.messages.load(Ordering::Relaxed);
        (at <= bytes).then_some(Place { at, messages })
    }

    /// Bytes of the body number `index`; zero if that is taken.
    ///
    /// # Safety
    /// Only the segment's reader calls this, and has seen its frame.
    pub(super) unsafe fn body_len(&self, index: usize) -> usize {
        let Some(slot) = self.slots().and_then(|slots| slots.get(index)) else { return 0 };
        // SAFETY: the writer looks at no slot any more whose frame is visible.
        let len = |slot: *mut Option<Message>| unsafe {
            (*slot).as_ref().map(|body| body.as_slice().len())
        };
        slot.body.with_mut(len).unwrap_or(0)
    }

    /// Takes the body number `index`, once.
    ///
    /// # Safety
    /// As [`body_len`](Self::body_len).
    pub(super) unsafe fn take(&self, index: usize) -> Option<Message> {
        let slot = self.slots()?.get(index)?;
        // SAFETY: as in `body_len`.
        slot.body.with_mut(|slot| unsafe { (*slot).take() })
    }
}

impl Slot {
    fn empty() -> Self {
        let (at, messages) = (AtomicU32::new(NOWHERE), AtomicU32::new(0));
        Self { at, messages, body: UnsafeCell::new(None) }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // Relaxed: whoever drops it has it alone.
        let slots = self.0.load(Ordering::Relaxed);
        if slots.is_null() {
            return;
        }
        // SAFETY: from a box, which has it back even if the Drop of a body panics; the others are dropped
        // all the same.
        let mut memory = unsafe { Box::from_raw(slots.cast::<MaybeUninit<Slots>>()) };
        // SAFETY: made by `put`.
        unsafe { memory.assume_init_drop() };
        POOL.give(memory);
    }
}
