//! What a poller waits for at some moment. Whoever waits keeps the set that it has begun with, and takes the
//! next one when it is told that there is one.

use super::{Interest, Ready};
use crate::error::Error;
use crate::socket::Inner;
use crate::wait::{
    AttendedWait, Attending, ReadingTurn, Registration, fetch, heed, is_interruptible, park,
    thread_parker,
};
use ringmq_engine::Parker;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::{AsFd, BorrowedFd};
use smallvec::SmallVec;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

#[derive(Clone, Default)]
pub(super) struct PollSet<'fd> {
    entries: Vec<(usize, Interest, PollItem<'fd>)>,
    next: usize,
    /// How often it was changed which sockets are to be read.
    version: u64,
}

/// Of Windows, descriptors are SOCKETs.
#[derive(Clone)]
pub(super) enum PollItem<'fd> {
    Socket(Arc<PolledSocket>),
    BorrowedFd(BorrowedFd<'fd>),
    OwnedFd(Arc<dyn AsFd + Send + Sync>),
}

pub(super) struct PolledSocket {
    inner: Arc<Inner>,
    /// That it is closed was told. Relaxed throughout: who tells it twice does no harm.
    told_closed: AtomicBool,
}

impl PolledSocket {
    fn is_over(&self) -> bool {
        self.told_closed.load(Ordering::Relaxed)
    }
}

impl PollItem<'_> {
    pub(super) fn socket(inner: Arc<Inner>) -> Self {
        Self::Socket(Arc::new(PolledSocket { inner, told_closed: AtomicBool::new(false) }))
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Socket(_) => None,
            Self::BorrowedFd(fd) => Some(*fd),
            Self::OwnedFd(owner) => Some((**owner).as_fd()),
        }
    }
}

impl<'fd> PollSet<'fd> {
    pub(super) fn insert(&mut self, interest: Interest, source: PollItem<'fd>) -> usize {
        let key = self.next;
        self.next += 1;
        self.version += 1;
        self.entries.push((key, interest, source));
        key
    }

    pub(super) fn modify(&mut self, key: usize, interest: Interest) -> bool {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.0 == key) else {
            return false;
        };
        if entry.1.readable != interest.readable {
            self.version += 1;
        }
        entry.1 = interest;
        true
    }

    pub(super) fn remove(&mut self, key: usize) -> bool {
        self.version += 1;
        let before = self.entries.len();
        self.entries.retain(|entry| entry.0 != key);
        self.entries.len() < before
    }

    /// The keys of what is waited for, and whether it is a socket to be read. One that is there twice is read
    /// once.
    fn keys(&self) -> impl Iterator<Item = (usize, bool)> {
        let mut known = HashSet::new();
        self.entries.iter().map(move |(key, interest, item)| match item {
            PollItem::Socket(socket) if interest.readable => {
                (*key, known.insert(Arc::as_ptr(&socket.inner)))
            }
            _ => (*key, false),
        })
    }

    /// Has this set's sockets be read, and no others.
    pub(super) fn begin(&self, turn: &mut ReadingTurn<'_>) {
        turn.follow(self.version, || self.keys());
    }

    /// What to wait on, if there are descriptors.
    pub(super) fn parker(&self, turn: &mut ReadingTurn<'_>) -> Result<Option<Rc<Parker>>, Error> {
        let only_sockets =
            self.entries.iter().all(|(_, _, item)| matches!(item, PollItem::Socket(_)));
        if only_sockets && !turn.attends() && !is_interruptible() {
            return Ok(None);
        }
        match thread_parker() {
            Ok(parker) => Ok(Some(parker)),
            Err(_) if only_sockets => {
                turn.leave();
                Ok(None)
            }
            Err(error) => Err(Error::io("making a parker", error)),
        }
    }

    /// Has the sockets wake the calling thread.
    pub(super) fn register(&self, waker: &Waker) -> Vec<Registration<'_>> {
        let mut registrations = Vec::new();
        for (_, _, source) in &self.entries {
            let PollItem::Socket(socket) = source else { continue };
            registrations.push(Registration::of_thread(&socket.inner, waker.clone()));
        }
        registrations
    }

    /// Whether there is nothing to wait for but sockets that were told to be closed.
    pub(super) fn is_over(&self) -> bool {
        let mut items = self.entries.iter().map(|(_, _, item)| item);
        !self.entries.is_empty()
            && items.all(|item| matches!(item, PollItem::Socket(socket) if socket.is_over()))
    }

    /// Puts the sockets' pipes to sleep; `false` if one of them has something to look at, [`Error::Closed`] if
    /// there is nothing that could end a wait.
    pub(super) fn settle(&self, turn: &ReadingTurn<'_>) -> Result<bool, Error> {
        let mut quiet = true;
        for (_, interest, source) in &self.entries {
            let PollItem::Socket(socket) = source else { continue };
            quiet &= match settle(&socket.inner, interest.readable, turn.attends()) {
                Err(Error::Closed) => socket.is_over(),
                result => result?,
            };
        }
        // Not before: another thread may be told of the last one as long as it was not looked at here.
        if self.is_over() { Err(Error::Closed) } else { Ok(quiet) }
    }

    /// What is ready now. Who `waits` else finishes his bursts first.
    pub(super) fn look(
        &self,
        turn: &mut ReadingTurn<'_>,
        waits: bool,
    ) -> Result<Vec<Ready>, Error> {
        self.begin(turn);
        turn.look();
        let mut ready = self.sockets(turn, waits)?;
        let parker = self.parker(turn)?;
        drop(self.wait_for_fds(Some(Duration::ZERO), parker.as_deref(), turn, &mut ready)?);
        self.note_told(&ready);
        Ok(ready)
    }

    /// Waits on `parker` and the descriptors if no socket is ready, and looks again. `registrations` are given
    /// up before that: what this thread reads it need not be told of.
    pub(super) fn wait(
        &self,
        wait: Option<Duration>,
        parker: Option<&Parker>,
        turn: &mut ReadingTurn<'_>,
        registrations: Vec<Registration<'_>>,
    ) -> Result<Vec<Ready>, Error> {
        let mut ready = self.sockets(turn, false)?;
        let is_ready = !ready.is_empty();
        let wait = if is_ready || turn.has_more() { Some(Duration::ZERO) } else { wait };
        let waited = self.wait_for_fds(wait, parker, turn, &mut ready)?;
        drop(registrations);
        if !is_ready {
            turn.look();
            ready.append(&mut self.sockets(turn, false)?);
        }
        // That it is over is told when what it was for has been read.
        drop(waited);
        self.note_told(&ready);
        Ok(ready)
    }

    /// What is ready is told: of what is closed for the last time. Of what an error has come in the way of
    /// the next wait tells.
    fn note_told(&self, ready: &[Ready]) {
        for told in ready.iter().filter(|told| told.closed) {
            let entry = self.entries.iter().find(|(key, ..)| *key == told.key);
            if let Some((_, _, PollItem::Socket(socket))) = entry {
                socket.told_closed.store(true, Ordering::Relaxed);
            }
        }
    }

    fn sockets(&self, turn: &mut ReadingTurn<'_>, waits: bool) -> Result<Vec<Ready>, Error> {
        let mut ready = Vec::new();
        for (place, (key, interest, source)) in self.entries.iter().enumerate() {
            let PollItem::Socket(socket) = source else { continue };
            let inner = &socket.inner;
            let mut core = inner.lock()?;
            match core.enter() {
                Err(Error::Closed) if socket.is_over() => continue,
                Err(Error::Closed) => {
                    ready.push(Ready { key: *key, closed: true, ..Ready::default() });
                    continue;
                }
                result => result?,
            }
            if waits {
                core.finish_bursts();
            }
            let mut readable = interest.readable && core.can_recv();
            if interest.readable {
                turn.attend(place, &mut core, self.version, || self.keys());
            }
            if interest.readable && !readable && !turn.attends() {
                drop(core);
                let fetched = fetch(inner);
                core = inner.lock()?;
                readable = fetched && core.can_recv();
            }
            let writable = interest.writable && core.can_send();
            if readable || writable {
                ready.push(Ready { key: *key, readable, writable, ..Ready::default() });
            }
        }
        Ok(ready)
    }

    /// Waits until a descriptor is ready, or the parker is woken. Sessions rely on the wait until what is
    /// returned is dropped.
    fn wait_for_fds(
        &self,
        wait: Option<Duration>,
        parker: Option<&Parker>,
        turn: &mut ReadingTurn<'_>,
        ready: &mut Vec<Ready>,
    ) -> Result<Option<AttendedWait>, Error> {
        let Some(parker) = parker else {
            if wait != Some(Duration::ZERO) {
                park(wait);
            }
            return Ok(None);
        };
        let mut keys = Vec::new();
        // Nothing but sockets is the usual case: without memory of its own.
        let mut fds = SmallVec::<[PollFd<'_>; 4]>::new();
        for (key, interest, source) in &self.entries {
            let Some(fd) = source.fd() else { continue };
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, interest.readable);
            flags.set(PollFlags::OUT, interest.writable);
            keys.push(*key);
            fds.push(PollFd::from_borrowed_fd(fd, flags));
        }
        if fds.is_empty() && wait == Some(Duration::ZERO) {
            return Ok(None);
        }
        let attending = turn.attending().map(|attending| &*attending);
        if let Some(attending) = attending {
            fds.push(PollFd::from_borrowed_fd(attending.as_fd(), PollFlags::IN));
        }
        fds.push(parker.pollable());
        let waits = attending.filter(|_| wait != Some(Duration::ZERO)).map(Attending::begin_wait);
        heed(parker.poll(&mut fds, wait))?;
        for (key, fd) in keys.into_iter().zip(&fds) {
            let flags = fd.revents();
            let trouble = flags.intersects(PollFlags::ERR | PollFlags::HUP);
            // On Windows these are several bits, of which one is set.
            let readable = flags.intersects(PollFlags::IN) || trouble;
            let writable = flags.intersects(PollFlags::OUT);
            // What is no descriptor would end every wait at once, and nobody would know why.
            let failed = trouble || flags.intersects(PollFlags::NVAL);
            if readable || writable || failed {
                ready.push(Ready { key, readable, writable, closed: false, failed });
            }
        }
        Ok(waits)
    }
}

/// Somebody who is registered is about to wait for a socket: puts its pipes to sleep if messages are
/// waited for. `false` if there is something to look at.
///
/// Its connections are the I/O threads' to read, unless whoever waits `attends` to them.
pub(crate) fn settle(inner: &Inner, readable: bool, attends: bool) -> Result<bool, Error> {
    #[cfg(test)]
    super::tests::ROUNDS.set(super::tests::ROUNDS.get() + 1);
    let mut core = inner.lock()?;
    core.enter()?;
    // Messages that nobody asks about must not end the wait.
    let quiet = !(readable && core.settle());
    core.finish_bursts();
    if readable && !attends {
        core.leave_reading();
    }
    drop(core);
    Ok(quiet && !inner.shared.mailbox.pending_for_waiter())
}
