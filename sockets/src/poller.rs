//! Waiting for several sockets at once, and for descriptors beside them.

use crate::error::Error;
use crate::kind::Kind;
use crate::socket::{Inner, Socket};
use crate::wait::{Registration, fetch, thread_waker};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

/// What to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Something can be received.
    pub readable: bool,
    /// Something can be sent.
    pub writable: bool,
}

impl Interest {
    /// Something can be received.
    pub const READABLE: Self = Self { readable: true, writable: false };
    /// Something can be sent.
    pub const WRITABLE: Self = Self { readable: false, writable: true };
    /// Either.
    pub const BOTH: Self = Self { readable: true, writable: true };
}

/// Something that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// What [`Poller::add`] returned for it.
    pub key: usize,
    /// A whole message can be received, or octets can be read.
    pub readable: bool,
    /// A message can be sent, or octets can be written.
    pub writable: bool,
}

/// A set of sockets and descriptors to wait for. Level-triggered: what is ready stays ready until it is
/// dealt with.
///
/// # Examples
/// ```
/// use ringmq::{Context, Interest, Poller};
/// use std::time::Duration;
/// let context = Context::new();
/// let (push, pull) = (context.push()?, context.pull()?);
/// pull.bind("inproc://poll")?;
/// push.connect("inproc://poll")?;
/// let mut poller = Poller::new();
/// let key = poller.add(&pull, Interest::READABLE);
/// assert!(poller.wait(Some(Duration::ZERO))?.is_empty());
/// push.send("hello")?;
/// let ready = poller.wait(None)?;
/// assert!(ready[0].key == key && ready[0].readable);
/// # Ok::<(), ringmq::Error>(())
/// ```
#[derive(Default)]
pub struct Poller<'fd> {
    entries: Vec<(usize, Interest, Source<'fd>)>,
    next: usize,
}

enum Source<'fd> {
    Socket(Arc<Inner>),
    #[cfg(unix)]
    Fd(std::os::fd::BorrowedFd<'fd>),
    #[cfg(not(unix))]
    #[allow(dead_code)]
    None(std::marker::PhantomData<&'fd ()>),
}

impl<'fd> Poller<'fd> {
    /// An empty set.
    pub fn new() -> Self {
        Self { entries: Vec::new(), next: 0 }
    }

    fn insert(&mut self, interest: Interest, source: Source<'fd>) -> usize {
        let key = self.next;
        self.next += 1;
        self.entries.push((key, interest, source));
        key
    }

    /// Adds a socket; returns the key that names it in [`Ready`].
    pub fn add<K: Kind>(&mut self, socket: &Socket<K>, interest: Interest) -> usize {
        self.insert(interest, Source::Socket(socket.inner.clone()))
    }

    /// Adds a descriptor; returns the key that names it in [`Ready`].
    #[cfg(unix)]
    pub fn add_fd<F: std::os::fd::AsFd>(&mut self, fd: &'fd F, interest: Interest) -> usize {
        self.insert(interest, Source::Fd(fd.as_fd()))
    }

    /// Changes what is waited for; `false` if there is no such key.
    pub fn modify(&mut self, key: usize, interest: Interest) -> bool {
        let entry = self.entries.iter_mut().find(|entry| entry.0 == key);
        entry.map(|entry| entry.1 = interest).is_some()
    }

    /// Removes a socket or descriptor; `false` if there is no such key.
    pub fn remove(&mut self, key: usize) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.0 != key);
        self.entries.len() < before
    }

    /// Waits until something is ready, `timeout` at most (`None`: for ever); empty when the time has
    /// passed.
    ///
    /// # Errors
    /// [`Error::Terminated`] if a socket's context has ended, [`Error::Io`] if the system refuses.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Vec<Ready>, Error> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let ready = self.look(Some(Duration::ZERO), None)?;
        if !ready.is_empty() || timeout == Some(Duration::ZERO) {
            return Ok(ready);
        }
        let bell = bell::Bell::new(self.has_fds())?;
        let _registrations: Vec<_> = self
            .entries
            .iter()
            .filter_map(|(_, _, source)| match source {
                Source::Socket(inner) => Some(Registration::new(inner, bell.waker())),
                _ => None,
            })
            .collect();
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let settled = self.settle()?;
            let wait = if settled { left } else { Some(Duration::ZERO) };
            let ready = self.look(wait, Some(&bell))?;
            if !ready.is_empty() || left == Some(Duration::ZERO) {
                return Ok(ready);
            }
        }
    }

    fn has_fds(&self) -> bool {
        self.entries.iter().any(|(_, _, source)| !matches!(source, Source::Socket(_)))
    }

    /// Puts the sockets' pipes to sleep; `false` if one of them has something to look at.
    fn settle(&self) -> Result<bool, Error> {
        let mut quiet = true;
        for (_, interest, source) in &self.entries {
            let Source::Socket(inner) = source else { continue };
            let mut core = inner.lock();
            core.enter()?;
            // Messages that nobody asks about must not end the wait.
            quiet &= !(interest.readable && core.settle());
            core.lines().give_back();
            drop(core);
            quiet &= !inner.shared.mailbox.pending_for_waiter();
        }
        Ok(quiet)
    }

    /// What is ready. Waits on `bell` and the descriptors if no socket is.
    fn look(&self, wait: Option<Duration>, bell: Option<&bell::Bell>) -> Result<Vec<Ready>, Error> {
        let mut ready = self.sockets()?;
        let wait = if ready.is_empty() { wait } else { Some(Duration::ZERO) };
        self.fds(wait, bell, &mut ready)?;
        if ready.is_empty() && bell.is_some() {
            ready = self.sockets()?;
        }
        Ok(ready)
    }

    fn sockets(&self) -> Result<Vec<Ready>, Error> {
        let mut ready = Vec::new();
        for (key, interest, source) in &self.entries {
            let Source::Socket(inner) = source else { continue };
            let mut core = inner.lock();
            core.enter()?;
            let mut readable = interest.readable && core.can_recv();
            if interest.readable && !readable {
                drop(core);
                let fetched = fetch(inner);
                core = inner.lock();
                readable = fetched && core.can_recv();
            }
            let writable = interest.writable && core.can_send();
            if readable || writable {
                ready.push(Ready { key: *key, readable, writable });
            }
        }
        Ok(ready)
    }

    #[cfg(unix)]
    fn fds(
        &self,
        wait: Option<Duration>,
        bell: Option<&bell::Bell>,
        ready: &mut Vec<Ready>,
    ) -> Result<(), Error> {
        use rustix::event::{PollFd, PollFlags};
        if !self.has_fds() {
            if let Some(bell) = bell {
                bell.park(wait);
            }
            return Ok(());
        }
        let mut keys = Vec::new();
        let mut fds = Vec::new();
        for (key, interest, source) in &self.entries {
            let Source::Fd(fd) = source else { continue };
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, interest.readable);
            flags.set(PollFlags::OUT, interest.writable);
            keys.push(*key);
            fds.push(PollFd::from_borrowed_fd(*fd, flags));
        }
        if let Some(fd) = bell.and_then(bell::Bell::fd) {
            fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
        }
        poll_fds(&mut fds, wait)?;
        for (key, fd) in keys.into_iter().zip(&fds) {
            let flags = fd.revents();
            let trouble = flags.intersects(PollFlags::ERR | PollFlags::HUP);
            let readable = flags.contains(PollFlags::IN) || trouble;
            let writable = flags.contains(PollFlags::OUT);
            if readable || writable {
                ready.push(Ready { key, readable, writable });
            }
        }
        if let Some(bell) = bell {
            bell.clear();
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn fds(
        &self,
        wait: Option<Duration>,
        bell: Option<&bell::Bell>,
        _: &mut Vec<Ready>,
    ) -> Result<(), Error> {
        if let Some(bell) = bell {
            bell.park(wait);
        }
        Ok(())
    }
}

/// Waits for descriptors; an interruption counts as nothing ready.
#[cfg(unix)]
fn poll_fds(fds: &mut [rustix::event::PollFd<'_>], wait: Option<Duration>) -> Result<(), Error> {
    let wait = match wait.map(rustix::event::Timespec::try_from) {
        None => None,
        Some(Ok(wait)) => Some(wait),
        // So long that it does not fit is for ever.
        Some(Err(_)) => None,
    };
    match rustix::event::poll(fds, wait.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(Error::io("waiting for descriptors", error.into())),
    }
}

/// What sockets ring to end a wait: the thread itself, or a pipe if it waits for descriptors.
mod bell {
    use super::{Duration, Error, Waker, thread_waker};

    pub(super) struct Bell {
        #[cfg(unix)]
        pipe: Option<(std::os::fd::OwnedFd, std::sync::Arc<Ringer>)>,
    }

    #[cfg(unix)]
    struct Ringer(std::os::fd::OwnedFd);

    #[cfg(unix)]
    impl std::task::Wake for Ringer {
        fn wake(self: std::sync::Arc<Self>) {
            // A full pipe rings already.
            let _ = rustix::io::write(&self.0, &[1]);
        }
    }

    impl Bell {
        #[cfg(unix)]
        pub(super) fn new(with_fds: bool) -> Result<Self, Error> {
            use rustix::pipe::{PipeFlags, pipe_with};
            if !with_fds {
                return Ok(Self { pipe: None });
            }
            let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
                .map_err(|error| Error::io("making a pipe", error.into()))?;
            Ok(Self { pipe: Some((reader, std::sync::Arc::new(Ringer(writer)))) })
        }

        #[cfg(not(unix))]
        pub(super) fn new(_: bool) -> Result<Self, Error> {
            Ok(Self {})
        }

        pub(super) fn waker(&self) -> Waker {
            #[cfg(unix)]
            if let Some((_, ringer)) = &self.pipe {
                return Waker::from(ringer.clone());
            }
            thread_waker()
        }

        #[cfg(unix)]
        pub(super) fn fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
            use std::os::fd::AsFd;
            self.pipe.as_ref().map(|(reader, _)| reader.as_fd())
        }

        #[cfg(unix)]
        pub(super) fn clear(&self) {
            if let Some((reader, _)) = &self.pipe {
                let mut octets = [0; 64];
                while rustix::io::read(reader, &mut octets).is_ok_and(|read| read > 0) {}
            }
        }

        pub(super) fn park(&self, wait: Option<Duration>) {
            match wait {
                Some(Duration::ZERO) => {}
                Some(wait) => std::thread::park_timeout(wait),
                None => std::thread::park(),
            }
        }
    }
}
