//! Leases: data that has an owner on one thread, and that other threads work on while the owner
//! lends it.
//!
//! While it is not lent, the [`LeaseOwner`] reaches the data whenever it likes. Once lent, any
//! thread may [`take`](Lease::take) it, one at a time, for as long as it holds the [`LeaseGuard`]
//! guard. The owner can [`revoke`](LeaseOwner::revoke) it: at once if nobody works on it, else the
//! holder returns it when it lets go, and the owner is told. The owner never waits, and a thread
//! that finds the data taken or not lent never waits either.
//!
//! ```text
//!            lend                 take
//!   OWNED ----------->  IDLE  ----------->  BUSY
//!    ^ ^---- revoke ----'  ^--- let go ------'|
//!    '---------- let go, if revoked ----------'
//! ```
//!
//! Invariants: the data is touched by the owner in `OWNED`, by the one holder in `BUSY`, by nobody
//! in `IDLE`. Only the owner leaves `OWNED`, only the holder leaves `BUSY`; both may leave `IDLE`,
//! by compare-and-swap.
#![allow(unsafe_code)]

use crate::sync::notify::Notify;
use crate::sync::{Arc, AtomicU32, Ordering, UnsafeCell};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

const OWNED: u32 = 0;
const IDLE: u32 = 1;
const BUSY: u32 = 2;
const STATE: u32 = 3;
/// The holder is to return the data, and to tell.
const WANTED: u32 = 4;
/// The holder is to tell when it lets go.
const WATCHED: u32 = 8;
/// There is no owner any more: the holder drops the data.
const GONE: u32 = 16;

/// How the owner is told that the data is back, or was let go of.
pub type Tell = fn(&dyn Notify, usize);

/// What those who borrow share: they [take](Self::take) the data, one at a time, while its owner
/// lends it.
pub struct Lease<T> {
    word: AtomicU32,
    /// How often it was taken; wraps. Changed by holders only.
    uses: AtomicU32,
    data: UnsafeCell<Option<T>>,
    notify: std::sync::Arc<dyn Notify>,
    key: usize,
    tell: Tell,
}

// SAFETY: one thread at a time reaches the data (see the module's invariants).
unsafe impl<T: Send> Sync for Lease<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Lease<T> {}

/// The owner of a [`Lease`]. Dropping it drops the data, or leaves that to whoever holds it.
pub struct LeaseOwner<T>(Arc<Lease<T>>);

/// What a [look](LeaseOwner::check) at data that is lent has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseCheck {
    /// It is with the owner, now or all the time.
    Owned,
    /// It was taken since the last look: look again later.
    InUse,
    /// Somebody has held it since before the last look; the owner is told when that is over.
    Watched,
}

/// Makes a lease that is not lent. `tell` is called with `notify` and `key` by a holder whom
/// the owner waits for.
pub fn lease<T>(
    data: T,
    notify: std::sync::Arc<dyn Notify>,
    key: usize,
    tell: Tell,
) -> LeaseOwner<T> {
    LeaseOwner(Arc::new(Lease {
        word: AtomicU32::new(OWNED),
        uses: AtomicU32::new(0),
        data: UnsafeCell::new(Some(data)),
        notify,
        key,
        tell,
    }))
}

impl<T> LeaseOwner<T> {
    /// The end for those who borrow.
    pub fn share(&self) -> Arc<Lease<T>> {
        self.0.clone()
    }

    /// The data, if it is with the owner.
    pub fn get(&mut self) -> Option<&mut T> {
        // Acquire: pairs with the Release of a holder that brought it back.
        if self.0.word.load(Ordering::Acquire) != OWNED {
            return None;
        }
        // SAFETY: with the owner, and only the owner leaves that state; it is borrowed until the
        // data is not.
        self.0.data.with_mut(|data| unsafe { (*data).as_mut() })
    }

    /// Whether the data is with the owner.
    pub fn is_with_owner(&self) -> bool {
        self.0.word.load(Ordering::Acquire) == OWNED
    }

    /// Lends the data out. Nothing happens if that is so already.
    pub fn lend(&mut self) {
        // Release: what this end did is seen by whoever takes it. Only this end leaves OWNED, so a
        // failure means that it is lent.
        let _ = self.0.word.compare_exchange(OWNED, IDLE, Ordering::Release, Ordering::Relaxed);
    }

    /// Wants the data back: `true` if it is with the owner now, else the owner is told when it is.
    pub fn revoke(&mut self) -> bool {
        self.leave(WANTED)
    }

    /// Whether it was taken since the look for which `uses` stands.
    pub fn was_taken_since(&self, uses: u32) -> bool {
        // Relaxed: as in `check`.
        self.0.uses.load(Ordering::Relaxed) != uses
    }

    /// Takes data back that nobody has taken since the last look, for which `uses` stands; if
    /// somebody holds it and did so then, watches for the end of that.
    pub fn check(&mut self, uses: &mut u32) -> LeaseCheck {
        // Relaxed: a count that is behind makes this end look once more.
        let now = self.0.uses.load(Ordering::Relaxed);
        if std::mem::replace(uses, now) != now {
            return if self.is_with_owner() { LeaseCheck::Owned } else { LeaseCheck::InUse };
        }
        if self.leave(WATCHED) { LeaseCheck::Owned } else { LeaseCheck::Watched }
    }

    /// The data, if it is with the owner; if it is not, it is gone with its holder.
    pub fn into_inner(self) -> Option<T> {
        if !self.is_with_owner() {
            return None;
        }
        // SAFETY: as in `get`.
        self.0.data.with_mut(|data| unsafe { (*data).take() })
    }

    /// Goes from IDLE to OWNED, or leaves a `flag` with the holder.
    fn leave(&self, flag: u32) -> bool {
        let mut word = self.0.word.load(Ordering::Relaxed);
        loop {
            let next = match word & STATE {
                // Acquire: pairs with the Release of the holder that brought it back.
                OWNED => return self.is_with_owner(),
                IDLE => OWNED,
                _ => word | flag,
            };
            // AcqRel: Acquire as above; Release, so that the holder sees what this end did before.
            match self.0.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return next == OWNED,
                Err(now) => word = now,
            }
        }
    }
}

impl<T> Drop for LeaseOwner<T> {
    fn drop(&mut self) {
        if self.leave(GONE) {
            // SAFETY: as in `get`.
            drop(self.0.data.with_mut(|data| unsafe { (*data).take() }));
        }
    }
}

impl<T> Lease<T> {
    /// Takes the data, if it is lent and nobody else has it.
    #[inline]
    pub fn take(&self) -> Option<LeaseGuard<'_, T>> {
        // Acquire: pairs with the Release of who lent it or held it last.
        self.word.compare_exchange(IDLE, BUSY, Ordering::Acquire, Ordering::Relaxed).ok()?;
        // Relaxed, and no read-modify-write: only holders change it, one at a time.
        self.uses.store(self.uses.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        Some(LeaseGuard { lease: self, returned: false, data: PhantomData })
    }

    /// Whether somebody might take the data now.
    #[inline]
    pub fn is_lent(&self) -> bool {
        self.word.load(Ordering::Relaxed) & STATE == IDLE
    }

    /// Whether the data is with the owner, where only a request gets it from.
    #[inline]
    pub fn is_with_owner(&self) -> bool {
        self.word.load(Ordering::Relaxed) & STATE == OWNED
    }

    fn let_go(&self, returned: bool) {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & GONE != 0 {
                // SAFETY: held by the caller, who does not touch it any more.
                drop(self.data.with_mut(|data| unsafe { (*data).take() }));
            }
            let next = if returned || word & (WANTED | GONE) != 0 { OWNED } else { IDLE };
            // AcqRel: Release of what the holder did; Acquire of what the owner did before it left
            // a flag.
            let swapped =
                self.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed);
            match swapped {
                Ok(_) if word & GONE == 0 && (returned || word & (WANTED | WATCHED) != 0) => {
                    return (self.tell)(&*self.notify, self.key);
                }
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }
}

/// The data, lent to one thread until this is dropped.
///
/// It may be sent to another thread if the data may, and shared between threads only if the data may be,
/// as whoever has a reference to this has one to the data:
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<ringmq_pipe::LeaseGuard<'_, std::cell::Cell<u8>>>();
/// ```
pub struct LeaseGuard<'a, T> {
    lease: &'a Lease<T>,
    returned: bool,
    /// Without this it would be shared as a lease is, which lets nobody at the data.
    data: PhantomData<&'a mut T>,
}

impl<T> LeaseGuard<'_, T> {
    /// Lets go of the data and returns it to the owner, which is told.
    pub fn release_to_owner(mut self) {
        self.returned = true;
    }

    /// Whether the owner wants it back.
    pub fn is_wanted(&self) -> bool {
        self.lease.word.load(Ordering::Relaxed) & (WANTED | GONE) != 0
    }
}

impl<T> Deref for LeaseGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard stands for BUSY. The data is only taken out with it at an end.
        self.lease.data.with_mut(|data| unsafe { (*data).as_ref() }).expect("data that is held")
    }
}

impl<T> DerefMut for LeaseGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; the guard is borrowed mutably.
        self.lease.data.with_mut(|data| unsafe { (*data).as_mut() }).expect("data that is held")
    }
}

impl<T> Drop for LeaseGuard<'_, T> {
    fn drop(&mut self) {
        self.lease.let_go(self.returned);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Parker(AtomicUsize);

    impl Notify for Parker {
        fn readable(&self, key: usize) {
            self.0.fetch_add(key, Ordering::Relaxed);
        }

        fn writable(&self, _: usize) {}
    }

    fn made() -> (std::sync::Arc<Parker>, LeaseOwner<Vec<u8>>) {
        let parker = std::sync::Arc::<Parker>::default();
        let owner = lease(vec![1], parker.clone(), 1, |notify, key| notify.readable(key));
        (parker, owner)
    }

    /// Compiles only if `LeaseGuard` is not shared between threads for data that may only be sent:
    /// for a type that is `Sync` it would not be clear which of the two implementations is meant.
    #[test]
    fn a_guard_is_shared_only_if_its_data_may_be() {
        trait Ambiguous<Which> {
            fn unambiguous() {}
        }
        struct IfSync;
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + Sync> Ambiguous<IfSync> for T {}
        fn shared<T: Sync>() {}
        fn sent<T: Send>() {}

        <LeaseGuard<'_, std::cell::Cell<u8>> as Ambiguous<_>>::unambiguous();
        shared::<LeaseGuard<'_, u8>>();
        sent::<LeaseGuard<'_, std::cell::Cell<u8>>>();
    }

    #[test]
    fn data_is_with_its_owner_or_lent_or_held_and_never_two_of_these() {
        let (parker, mut owner) = made();
        let lease = owner.share();
        assert!(lease.take().is_none() && owner.get().is_some());
        owner.lend();
        assert!(owner.get().is_none() && lease.is_lent());
        let mut held = lease.take().expect("lent");
        held.push(2);
        assert!(lease.take().is_none() && owner.get().is_none());
        drop(held);
        assert!(lease.is_lent() && owner.revoke());
        assert_eq!(owner.get().map(|data| data.len()), Some(2));
        assert_eq!(parker.0.load(Ordering::Relaxed), 0, "nobody waited");
    }

    #[test]
    fn a_holder_from_whom_it_is_revoked_returns_it_and_tells() {
        let (parker, mut owner) = made();
        let lease = owner.share();
        owner.lend();
        let held = lease.take().expect("lent");
        assert!(!owner.revoke() && held.is_wanted());
        drop(held);
        assert!(owner.is_with_owner() && lease.take().is_none());
        assert_eq!(parker.0.load(Ordering::Relaxed), 1);
        owner.lend();
        lease.take().expect("lent").release_to_owner();
        assert!(owner.is_with_owner());
        assert_eq!(parker.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_look_takes_back_what_is_left_alone() {
        let (parker, mut owner) = made();
        let (lease, mut uses) = (owner.share(), 0);
        owner.lend();
        drop(lease.take());
        assert_eq!(owner.check(&mut uses), LeaseCheck::InUse);
        let held = lease.take();
        assert_eq!(owner.check(&mut uses), LeaseCheck::InUse);
        assert_eq!(owner.check(&mut uses), LeaseCheck::Watched);
        drop(held);
        assert_eq!(parker.0.load(Ordering::Relaxed), 1);
        assert!(lease.is_lent(), "watched, not wanted");
        assert_eq!(owner.check(&mut uses), LeaseCheck::Owned);
        assert!(lease.take().is_none());
    }

    #[test]
    fn the_last_to_know_drops_the_data() {
        let data = Arc::new(());
        let parker = std::sync::Arc::<Parker>::default();
        let owner = lease(data.clone(), parker.clone(), 1, |notify, key| notify.readable(key));
        let mut owner = owner;
        let share = owner.share();
        owner.lend();
        let held = share.take();
        drop(owner);
        assert_eq!(Arc::strong_count(&data), 2, "held");
        drop(held);
        assert_eq!(Arc::strong_count(&data), 1);
        assert!(share.take().is_none());
        assert_eq!(parker.0.load(Ordering::Relaxed), 0, "nobody is there to be told");
    }
}
