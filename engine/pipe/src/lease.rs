//! Leases: data that has a home thread, and that other threads work on while its home lends it out.
//!
//! At home, the [`Home`] end reaches the data whenever it likes. Once lent, any thread may
//! [`take`](Lease::take) it, one at a time, for as long as it holds the [`Held`] guard. The home end
//! can [`recall`](Home::recall) it: at once if nobody works on it, else the holder brings it back when
//! it lets go, and home is told. Home never waits, and a thread that finds the data taken or at home
//! never waits either.
//!
//! ```text
//!            lend                 take
//!   HOME ----------->  IDLE  ----------->  BUSY
//!    ^ ^---- recall ----'  ^--- let go ------'|
//!    '---------- let go, if recalled ---------'
//! ```
//!
//! Invariants: the data is touched by the home end in `HOME`, by the one holder in `BUSY`, by nobody
//! in `IDLE`. Only the home end leaves `HOME`, only the holder leaves `BUSY`; both may leave `IDLE`,
//! by compare-and-swap.
#![allow(unsafe_code)]

use crate::sync::{Arc, AtomicU32, Ordering, UnsafeCell};
use crate::wake::Notify;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

const HOME: u32 = 0;
const IDLE: u32 = 1;
const BUSY: u32 = 2;
const STATE: u32 = 3;
/// The holder is to bring the data home, and to tell.
const WANTED: u32 = 4;
/// The holder is to tell when it lets go.
const WATCHED: u32 = 8;
/// There is no home any more: the holder drops the data.
const GONE: u32 = 16;

/// How the home end is told that the data is back, or was let go of.
pub type Tell = fn(&dyn Notify, usize);

/// What those who borrow share: they [take](Self::take) the data, one at a time, while its home lends it.
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

/// The home end of a [`Lease`]. Dropping it drops the data, or leaves that to whoever holds it.
pub struct Home<T>(Arc<Lease<T>>);

/// What a [look](Home::look) at data that is lent has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is at home, now or all the time.
    Home,
    /// It was taken since the last look: look again later.
    InUse,
    /// Somebody has held it since before the last look; home is told when that is over.
    Watched,
}

/// Makes a lease, with the data at home. `tell` is called with `notify` and `key` by a holder whom
/// home waits for.
pub fn lease<T>(data: T, notify: std::sync::Arc<dyn Notify>, key: usize, tell: Tell) -> Home<T> {
    Home(Arc::new(Lease {
        word: AtomicU32::new(HOME),
        uses: AtomicU32::new(0),
        data: UnsafeCell::new(Some(data)),
        notify,
        key,
        tell,
    }))
}

impl<T> Home<T> {
    /// The end for those who borrow.
    pub fn share(&self) -> Arc<Lease<T>> {
        self.0.clone()
    }

    /// The data, if it is at home.
    pub fn get(&mut self) -> Option<&mut T> {
        // Acquire: pairs with the Release of a holder that brought it back.
        if self.0.word.load(Ordering::Acquire) != HOME {
            return None;
        }
        // SAFETY: at home, and only this end leaves that state; it is borrowed until the data is not.
        self.0.data.with_mut(|data| unsafe { (*data).as_mut() })
    }

    /// Whether the data is at home.
    pub fn is_home(&self) -> bool {
        self.0.word.load(Ordering::Acquire) == HOME
    }

    /// Lends the data out. Nothing happens if that is so already.
    pub fn lend(&mut self) {
        // Release: what this end did is seen by whoever takes it. Only this end leaves HOME, so a
        // failure means that it is lent.
        let _ = self.0.word.compare_exchange(HOME, IDLE, Ordering::Release, Ordering::Relaxed);
    }

    /// Wants the data back: `true` if it is at home now, else home is told when it is.
    pub fn recall(&mut self) -> bool {
        self.leave(WANTED)
    }

    /// Takes data home that nobody has taken since the last look, for which `uses` stands; if
    /// somebody holds it and did so then, watches for the end of that.
    pub fn look(&mut self, uses: &mut u32) -> Look {
        // Relaxed: a count that is behind makes this end look once more.
        let now = self.0.uses.load(Ordering::Relaxed);
        if std::mem::replace(uses, now) != now {
            return if self.is_home() { Look::Home } else { Look::InUse };
        }
        if self.leave(WATCHED) { Look::Home } else { Look::Watched }
    }

    /// The data, if it is at home; if it is not, it is gone with its holder.
    pub fn into_inner(self) -> Option<T> {
        if !self.is_home() {
            return None;
        }
        // SAFETY: as in `get`.
        self.0.data.with_mut(|data| unsafe { (*data).take() })
    }

    /// Goes from IDLE to HOME, or leaves a `flag` with the holder.
    fn leave(&self, flag: u32) -> bool {
        let mut word = self.0.word.load(Ordering::Relaxed);
        loop {
            let next = match word & STATE {
                // Acquire: pairs with the Release of the holder that brought it back.
                HOME => return self.is_home(),
                IDLE => HOME,
                _ => word | flag,
            };
            // AcqRel: Acquire as above; Release, so that the holder sees what this end did before.
            match self.0.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return next == HOME,
                Err(now) => word = now,
            }
        }
    }
}

impl<T> Drop for Home<T> {
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
    pub fn take(&self) -> Option<Held<'_, T>> {
        // Acquire: pairs with the Release of who lent it or held it last.
        self.word.compare_exchange(IDLE, BUSY, Ordering::Acquire, Ordering::Relaxed).ok()?;
        // Relaxed, and no read-modify-write: only holders change it, one at a time.
        self.uses.store(self.uses.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        Some(Held { lease: self, home: false, data: PhantomData })
    }

    /// Whether somebody might take the data now.
    #[inline]
    pub fn is_lent(&self) -> bool {
        self.word.load(Ordering::Relaxed) & STATE == IDLE
    }

    /// Whether the data is at home, where only a request gets it from.
    #[inline]
    pub fn is_home(&self) -> bool {
        self.word.load(Ordering::Relaxed) & STATE == HOME
    }

    fn let_go(&self, home: bool) {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & GONE != 0 {
                // SAFETY: held by the caller, who does not touch it any more.
                drop(self.data.with_mut(|data| unsafe { (*data).take() }));
            }
            let next = if home || word & (WANTED | GONE) != 0 { HOME } else { IDLE };
            // AcqRel: Release of what the holder did; Acquire of what home did before it left a flag.
            let swapped =
                self.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed);
            match swapped {
                Ok(_) if word & GONE == 0 && (home || word & (WANTED | WATCHED) != 0) => {
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
/// shared::<ringmq_pipe::Held<'_, std::cell::Cell<u8>>>();
/// ```
pub struct Held<'a, T> {
    lease: &'a Lease<T>,
    home: bool,
    /// Without this it would be shared as a lease is, which lets nobody at the data.
    data: PhantomData<&'a mut T>,
}

impl<T> Held<'_, T> {
    /// Lets go of the data and brings it home, where it is told.
    pub fn bring_home(mut self) {
        self.home = true;
    }

    /// Whether home wants it back.
    pub fn is_wanted(&self) -> bool {
        self.lease.word.load(Ordering::Relaxed) & (WANTED | GONE) != 0
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard stands for BUSY. The data is only taken out with it at an end.
        self.lease.data.with_mut(|data| unsafe { (*data).as_ref() }).expect("data that is held")
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; the guard is borrowed mutably.
        self.lease.data.with_mut(|data| unsafe { (*data).as_mut() }).expect("data that is held")
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        self.lease.let_go(self.home);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Notify for Bell {
        fn readable(&self, key: usize) {
            self.0.fetch_add(key, Ordering::Relaxed);
        }

        fn writable(&self, _: usize) {}
    }

    fn made() -> (std::sync::Arc<Bell>, Home<Vec<u8>>) {
        let bell = std::sync::Arc::<Bell>::default();
        let home = lease(vec![1], bell.clone(), 1, |notify, key| notify.readable(key));
        (bell, home)
    }

    /// Compiles only if `Held` is not shared between threads for data that may only be sent: for a type that
    /// is `Sync` it would not be clear which of the two implementations is meant.
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

        <Held<'_, std::cell::Cell<u8>> as Ambiguous<_>>::unambiguous();
        shared::<Held<'_, u8>>();
        sent::<Held<'_, std::cell::Cell<u8>>>();
    }

    #[test]
    fn data_is_at_home_or_lent_or_held_and_never_two_of_these() {
        let (bell, mut home) = made();
        let lease = home.share();
        assert!(lease.take().is_none() && home.get().is_some());
        home.lend();
        assert!(home.get().is_none() && lease.is_lent());
        let mut held = lease.take().expect("lent");
        held.push(2);
        assert!(lease.take().is_none() && home.get().is_none());
        drop(held);
        assert!(lease.is_lent() && home.recall());
        assert_eq!(home.get().map(|data| data.len()), Some(2));
        assert_eq!(bell.0.load(Ordering::Relaxed), 0, "nobody waited");
    }

    #[test]
    fn a_recalled_holder_brings_it_home_and_tells() {
        let (bell, mut home) = made();
        let lease = home.share();
        home.lend();
        let held = lease.take().expect("lent");
        assert!(!home.recall() && held.is_wanted());
        drop(held);
        assert!(home.is_home() && lease.take().is_none());
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
        home.lend();
        lease.take().expect("lent").bring_home();
        assert!(home.is_home());
        assert_eq!(bell.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_look_takes_home_what_is_left_alone() {
        let (bell, mut home) = made();
        let (lease, mut uses) = (home.share(), 0);
        home.lend();
        drop(lease.take());
        assert_eq!(home.look(&mut uses), Look::InUse);
        let held = lease.take();
        assert_eq!(home.look(&mut uses), Look::InUse);
        assert_eq!(home.look(&mut uses), Look::Watched);
        drop(held);
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
        assert!(lease.is_lent(), "watched, not wanted");
        assert_eq!(home.look(&mut uses), Look::Home);
        assert!(lease.take().is_none());
    }

    #[test]
    fn the_last_to_know_drops_the_data() {
        let data = Arc::new(());
        let bell = std::sync::Arc::<Bell>::default();
        let home = lease(data.clone(), bell.clone(), 1, |notify, key| notify.readable(key));
        let mut home = home;
        let share = home.share();
        home.lend();
        let held = share.take();
        drop(home);
        assert_eq!(Arc::strong_count(&data), 2, "held");
        drop(held);
        assert_eq!(Arc::strong_count(&data), 1);
        assert!(share.take().is_none());
        assert_eq!(bell.0.load(Ordering::Relaxed), 0, "nobody is there to be told");
    }
}
