//! References that a thread has dropped and that are still counted, all to one block.
#![allow(unsafe_code)]

pub(super) use imp::{drop, flush};

#[cfg(not(any(loom, miri, tsan)))]
mod imp {
    use super::super::{BlockHeader, drop_refs};
    use std::cell::Cell;
    use std::ptr::{NonNull, null_mut};

    struct Stash {
        /// Null while `count` is zero.
        block: Cell<*mut BlockHeader>,
        count: Cell<usize>,
    }

    thread_local! {
        static STASH: Stash = const { Stash { block: Cell::new(null_mut()), count: Cell::new(0) } };
    }

    /// Drops one reference of a message, now or later.
    ///
    /// # Safety
    /// It is the caller's, and used no more.
    #[inline]
    pub(in super::super) unsafe fn drop(block: NonNull<BlockHeader>) {
        let stashed = STASH.try_with(|stash| stash.add(block.as_ptr()));
        if stashed.is_err() {
            // The thread is ending, and its stash is gone.
            // SAFETY: promised by the caller. A message's reference is the last only of a kept block.
            unsafe { drop_refs(block, 1, true) };
        }
    }

    /// Drops what this thread has put aside of a block.
    pub(in super::super) fn flush(block: NonNull<BlockHeader>) {
        // A stash that is gone has been emptied.
        let _ = STASH.try_with(|stash| {
            if stash.block.get() == block.as_ptr() {
                stash.flush();
            }
        });
    }

    impl Stash {
        #[inline]
        fn add(&self, block: *mut BlockHeader) {
            if self.block.get() != block {
                self.flush();
                self.block.set(block);
            }
            self.count.set(self.count.get() + 1);
        }

        #[cold]
        fn flush(&self) {
            let count = self.count.replace(0);
            if let Some(block) = NonNull::new(self.block.replace(null_mut())) {
                // SAFETY: the references that were put aside. As above for what they are the last of.
                unsafe { drop_refs(block, count, true) };
            }
        }
    }

    impl Drop for Stash {
        fn drop(&mut self) {
            self.flush();
        }
    }
}

/// Models and Miri see every reference go at once; so does ThreadSanitizer, which otherwise could not
/// tell that one went with an `Arc` of the standard library, whose fence it does not know.
#[cfg(any(loom, miri, tsan))]
mod imp {
    use super::super::{BlockHeader, drop_refs};
    use std::ptr::NonNull;

    /// # Safety
    /// The reference is the caller's, and used no more.
    pub(in super::super) unsafe fn drop(block: NonNull<BlockHeader>) {
        // SAFETY: promised by the caller. A message's reference is the last only of a kept block.
        unsafe { drop_refs(block, 1, true) };
    }

    pub(in super::super) fn flush(_: NonNull<BlockHeader>) {}
}
