//! Who reads for those who wait for many connections: the one thread that waits, or the I/O threads.

use super::{AttendedWait, Attending};
use crate::inner::Core;
use arrayvec::ArrayVec;
use ringmq_engine::Parker;
use rustix::event::{PollFd, PollFlags};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::Duration;

/// See the [module's documentation](self).
#[derive(Default)]
pub(crate) struct Reading {
    /// What the thread reads by that waits.
    attending: Mutex<Option<Attending>>,
    /// Several threads have waited at once, or the system cannot do it: from then on I/O threads read.
    /// Relaxed throughout: who sees it late reads once more.
    is_left: AtomicBool,
    /// Whoever has the turn waits, or is about to.
    waits: AtomicBool,
}

/// The turn of one who waits, or who looks in between.
pub(crate) struct ReadingTurn<'a> {
    reading: &'a Arc<Reading>,
    attending: Option<MutexGuard<'a, Option<Attending>>>,
    waits: bool,
}

impl Reading {
    /// The turn of the calling thread, which is going to wait, until this is dropped. If another one waits
    /// already the I/O threads read.
    pub(crate) fn turn(self: &Arc<Self>) -> ReadingTurn<'_> {
        loop {
            let mut turn = self.turn_in_between();
            let is_taken = turn.attending.is_none();
            if is_taken && !self.is_left.load(Ordering::Relaxed) {
                if !self.waits.load(Ordering::Relaxed) {
                    // Who looks in between is done soon.
                    std::thread::yield_now();
                    continue;
                }
                self.is_left.store(true, Ordering::Relaxed);
            }
            if !is_taken {
                turn.waits = true;
                self.waits.store(true, Ordering::Relaxed);
            }
            return turn;
        }
    }

    /// The same, for one who does not wait: whoever does goes on reading.
    pub(crate) fn turn_in_between(self: &Arc<Self>) -> ReadingTurn<'_> {
        let is_left = self.is_left.load(Ordering::Relaxed);
        let attending = match self.attending.try_lock() {
            _ if is_left => None,
            Ok(attending) => Some(attending),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        ReadingTurn { reading: self, attending, waits: false }
    }
}

impl Drop for ReadingTurn<'_> {
    fn drop(&mut self) {
        if self.waits {
            self.reading.waits.store(false, Ordering::Relaxed);
        }
    }
}

impl ReadingTurn<'_> {
    /// What this thread reads by, if it does.
    pub(crate) fn attending(&mut self) -> Option<&mut Attending> {
        self.attending.as_deref_mut()?.as_mut()
    }

    /// Whether this thread reads.
    pub(crate) fn attends(&self) -> bool {
        self.attending.as_deref().is_some_and(Option::is_some)
    }

    /// Goes on with the sockets of a set: see [`Attending::follow`].
    pub(crate) fn follow<K>(&mut self, version: u64, keys: impl FnOnce() -> K)
    where
        K: Iterator<Item = (usize, bool)>,
    {
        if let Some(attending) = self.attending() {
            attending.follow(version, keys);
        }
    }

    /// Reads what there is; `true` if that was something.
    pub(crate) fn look(&mut self) -> bool {
        if self.attends() && self.reading.is_left.load(Ordering::Relaxed) {
            self.leave();
        }
        let Some(attending) = self.attending() else { return false };
        attending.look().unwrap_or_else(|_| {
            self.leave();
            false
        })
    }

    /// Waits until there is something to look at, `parker` is woken or `timeout` has passed. Sessions rely on
    /// the wait until what is returned is dropped.
    pub(super) fn wait(
        &mut self,
        parker: &Parker,
        timeout: Option<Duration>,
    ) -> io::Result<Option<AttendedWait>> {
        let attending = self.attending().map(|attending| &*attending);
        let mut fds = ArrayVec::<_, 2>::new();
        fds.extend(attending.map(|it| PollFd::from_borrowed_fd(it.as_fd(), PollFlags::IN)));
        fds.push(parker.pollable());
        let waits = attending.map(Attending::begin_wait);
        parker.poll(&mut fds, timeout)?;
        Ok(waits)
    }

    /// Attends to the connections of the socket at `place`, if it has any; `keys` are those of the set, in
    /// case that this is the first one.
    pub(crate) fn attend<K>(
        &mut self,
        place: usize,
        core: &mut Core,
        version: u64,
        keys: impl FnOnce() -> K,
    ) where
        K: Iterator<Item = (usize, bool)>,
    {
        let Some(attending) = self.attending.as_deref_mut() else { return };
        if attending.is_none() {
            if core.known_connections().is_empty() {
                return;
            }
            *attending = Attending::new().ok();
        }
        match attending {
            Some(attending) => {
                attending.follow(version, keys);
                attending.attend(place, core, self.reading);
            }
            None => self.leave(),
        }
    }

    /// Whether there is more to be read before a wait.
    pub(crate) fn has_more(&mut self) -> bool {
        self.attending().is_some_and(|attending| attending.has_more())
    }

    /// Leaves it to the I/O threads.
    pub(crate) fn leave(&mut self) {
        self.reading.is_left.store(true, Ordering::Relaxed);
        if let Some(mut attending) = self.attending.take() {
            *attending = None;
        }
    }
}
