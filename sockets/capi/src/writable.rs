//! Memory that programs write long bodies into.
//!
//! It is given back by whoever is done with the message, often another thread, and kept for the next one: to have
//! it from the allocator each time, and all zero, costs more than all else that is done for a message.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::LazyLock;

use crossbeam_queue::ArrayQueue;

/// Bodies are longer than this, as a power of two, and those of more than `LONGEST` get memory of their own.
const SHORTEST: u32 = 11;
const LONGEST: u32 = 17;
/// Sizes that memory is kept in between two powers of two: no more than a quarter of it goes unused.
const STEPS: usize = 4;
/// Bytes that are kept of each size: 6 MiB of all of them.
const KEPT: usize = 256 * 1024;

/// What is kept, a queue for each size.
static SIZES: LazyLock<Vec<ArrayQueue<Memory>>> = LazyLock::new(|| {
    let powers = (SHORTEST..LONGEST).flat_map(|power| (1..=STEPS).map(move |step| (power, step)));
    powers
        .map(|(power, step)| ArrayQueue::new(KEPT / ((1 << power) + step * (1 << power) / STEPS)))
        .collect()
});

/// The number of the size that a body of `len` bytes gets, and the bytes of that; `None` if its memory is not kept.
fn size_of_kept(len: usize) -> Option<(usize, usize)> {
    let power = len.checked_sub(1)?.checked_ilog2()?;
    if !(SHORTEST..LONGEST).contains(&power) {
        return None;
    }
    let step = (1 << power) / STEPS;
    let steps = (len - (1 << power)).div_ceil(step);
    let number = (power - SHORTEST) as usize * STEPS + steps - 1;
    Some((number, (1 << power) + steps * step))
}

/// Memory all of which is initialised.
struct Memory {
    start: NonNull<u8>,
    layout: Layout,
}

impl Memory {
    fn new(len: usize) -> Option<Self> {
        let layout = Layout::array::<u8>(len).ok().filter(|_| len > 0)?;
        // SAFETY: the layout is not empty.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Self { start, layout })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was allocated with that layout, and this is its only owner.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

// SAFETY: it is memory and nothing else, and has one owner.
unsafe impl Send for Memory {}

/// A body to be: zeros, or what was in an earlier one.
pub(crate) struct Writable {
    memory: Option<Memory>,
    len: usize,
}

impl Writable {
    /// `None` if there is no memory for it, or nothing is asked for.
    pub(crate) fn new(len: usize) -> Option<Self> {
        let memory = match size_of_kept(len) {
            Some((number, size)) => SIZES[number].pop().or_else(|| Memory::new(size)),
            None => Memory::new(len),
        };
        Some(Self { memory: Some(memory?), len })
    }
}

impl AsRef<[u8]> for Writable {
    fn as_ref(&self) -> &[u8] {
        let Some(memory) = &self.memory else { return &[] };
        // SAFETY: there are as many bytes, or more, all initialised; the program writes to them only while it has
        // the message for itself.
        unsafe { std::slice::from_raw_parts(memory.start.as_ptr(), self.len) }
    }
}

impl Drop for Writable {
    fn drop(&mut self) {
        if let (Some(memory), Some((number, _))) = (self.memory.take(), size_of_kept(self.len)) {
            // What there is no room for is freed.
            drop(SIZES[number].push(memory));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_has_a_size_that_is_enough_and_not_much_too_large() {
        for len in (0..200_000).chain([usize::MAX]) {
            match size_of_kept(len) {
                Some((number, size)) => {
                    assert!(
                        len > 2048 && size >= len && size <= len + len / 4 + 1,
                        "{len}: {size}"
                    );
                    let kept = SIZES[number].capacity();
                    assert!(kept * size <= KEPT && (kept + 1) * size > KEPT, "{len}: {size}");
                }
                None => assert!(len <= 2048 || len > 1 << 17, "{len}"),
            }
        }
    }

    #[test]
    fn memory_is_kept_for_the_next_of_its_size_and_no_more_than_is_to_be() {
        // A size that no other test asks for.
        const LEN: usize = 70_000;
        let (number, size) = size_of_kept(LEN).expect("it is kept");
        let at = |body: &Writable| body.as_ref().as_ptr();
        let first = Writable::new(LEN).expect("there is memory");
        let address = at(&first);
        drop(first);
        let again = Writable::new(LEN + 1).expect("there is memory");
        assert_eq!((at(&again), again.as_ref().len()), (address, LEN + 1));
        let many: Vec<_> = (0..100).filter_map(|_| Writable::new(LEN)).collect();
        drop((again, many));
        assert_eq!(SIZES[number].len(), KEPT / size);
        assert!(Writable::new(0).is_none() && Writable::new(usize::MAX).is_none());
    }
}
