//! Waiting for several sockets at once, and for descriptors beside them.

use crate::error::Error;
use crate::kind::Kind;
use crate::socket::{Inner, Socket};
use crate::wait::{Registration, fetch, park, thread_parker, thread_waker};
use ringmq_engine::Parker;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// What [`Poller::add`] returned for it.
    pub key: usize,
    /// A whole message can be received, or bytes can be read.
    pub readable: bool,
    /// A message can be sent, or bytes can be written.
    pub writable: bool,
    /// The socket was [closed](Socket::close) or dropped. This is told once; from then on the poller passes
    /// over it, as if it had been [removed](Poller::remove).
    pub closed: bool,
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
    entries: Vec<(usize, Interest, PollItem<'fd>)>,
    next: usize,
}

enum PollItem<'fd> {
    Socket(PolledSocket),
    /// Of Windows: a SOCKET.
    Fd(BorrowedFd<'fd>),
}

struct PolledSocket {
    inner: Arc<Inner>,
    /// That it is closed was told. Relaxed throughout: who tells it twice does no harm.
    told_closed: AtomicBool,
}

impl PolledSocket {
    fn is_over(&self) -> bool {
        self.told_closed.load(Ordering::Relaxed)
    }
}

impl<'fd> Poller<'fd> {
    /// An empty set.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// assert!(ringmq::Poller::new().wait(Some(Duration::ZERO))?.is_empty());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn new() -> Self {
        Self { entries: Vec::new(), next: 0 }
    }

    fn insert(&mut self, interest: Interest, source: PollItem<'fd>) -> usize {
        let key = self.next;
        self.next += 1;
        self.entries.push((key, interest, source));
        key
    }

    /// Adds a socket; returns the key that names it in [`Ready`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Interest, Poller};
    /// let context = Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// let mut poller = Poller::new();
    /// let keys = [poller.add(&push, Interest::WRITABLE), poller.add(&pull, Interest::READABLE)];
    /// assert_ne!(keys[0], keys[1]);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn add<K: Kind>(&mut self, socket: &Socket<K>, interest: Interest) -> usize {
        let inner = socket.inner.clone();
        let told_closed = AtomicBool::new(false);
        self.insert(interest, PollItem::Socket(PolledSocket { inner, told_closed }))
    }

    /// Adds a descriptor; returns the key that names it in [`Ready`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Interest, Poller};
    /// use std::io::Write;
    /// use std::os::unix::net::UnixStream;
    /// let (mut near, far) = UnixStream::pair().unwrap();
    /// let mut poller = Poller::new();
    /// let key = poller.add_fd(&far, Interest::READABLE);
    /// near.write_all(b"!").unwrap();
    /// assert_eq!(poller.wait(None)?[0].key, key);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[cfg(unix)]
    pub fn add_fd<F: std::os::fd::AsFd>(&mut self, fd: &'fd F, interest: Interest) -> usize {
        self.insert(interest, PollItem::Fd(fd.as_fd()))
    }

    /// Adds a SOCKET, which is the only kind of handle that Windows can wait for together with others;
    /// returns the key that names it in [`Ready`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Interest, Poller};
    /// use std::net::UdpSocket;
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// let mut poller = Poller::new();
    /// let key = poller.add_raw_socket(&socket, Interest::READABLE);
    /// socket.send_to(b"!", socket.local_addr().unwrap()).unwrap();
    /// assert_eq!(poller.wait(None)?[0].key, key);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[cfg(windows)]
    pub fn add_raw_socket<S: std::os::windows::io::AsSocket>(
        &mut self,
        socket: &'fd S,
        interest: Interest,
    ) -> usize {
        self.insert(interest, PollItem::Fd(socket.as_socket()))
    }

    /// Changes what is waited for; `false` if there is no such key.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Interest, Poller};
    /// use std::time::Duration;
    /// let socket = Context::new().push()?;
    /// socket.connect("inproc://room")?;
    /// let mut poller = Poller::new();
    /// let key = poller.add(&socket, Interest::default());
    /// assert!(poller.wait(Some(Duration::ZERO))?.is_empty());
    /// assert!(poller.modify(key, Interest::WRITABLE));
    /// assert!(poller.wait(None)?[0].writable);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn modify(&mut self, key: usize, interest: Interest) -> bool {
        let entry = self.entries.iter_mut().find(|entry| entry.0 == key);
        entry.map(|entry| entry.1 = interest).is_some()
    }

    /// Removes a socket or descriptor; `false` if there is no such key.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Interest, Poller};
    /// let socket = Context::new().pull()?;
    /// let mut poller = Poller::new();
    /// let key = poller.add(&socket, Interest::READABLE);
    /// assert!(poller.remove(key));
    /// assert!(!poller.remove(key));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn remove(&mut self, key: usize) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.0 != key);
        self.entries.len() < before
    }

    /// Waits until something is ready, `timeout` at most (`None`: for ever); empty when the time has
    /// passed.
    ///
    /// A socket that is closed, also while it is waited for, is told [as such](Ready::closed), once, and
    /// does not hinder the wait for the others.
    ///
    /// # Errors
    /// [`Error::Terminated`] if a socket's context has ended, [`Error::Closed`] if all that there is to
    /// wait for are sockets that were told to be closed, [`Error::Io`] if the system refuses.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Interest, Poller};
    /// use std::time::Duration;
    /// let context = Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://level")?;
    /// push.connect("inproc://level")?;
    /// let mut poller = Poller::new();
    /// poller.add(&pull, Interest::READABLE);
    /// push.send("hello")?;
    /// for _ in 0..2 {
    ///     assert!(poller.wait(None)?[0].readable, "until it is received");
    /// }
    /// pull.recv()?;
    /// assert!(poller.wait(Some(Duration::ZERO))?.is_empty());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Vec<Ready>, Error> {
        if self.is_over() {
            return Err(Error::Closed);
        }
        let ready = self.wait_for_ready(timeout)?;
        self.note_closed(&ready);
        Ok(ready)
    }

    fn wait_for_ready(&self, timeout: Option<Duration>) -> Result<Vec<Ready>, Error> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let parker = match self.has_fds() {
            true => Some(thread_parker().map_err(|error| Error::io("making a parker", error))?),
            false => None,
        };
        let parker = parker.as_deref();
        let ready = self.look(Some(Duration::ZERO), parker)?;
        if !ready.is_empty() || timeout == Some(Duration::ZERO) {
            return Ok(ready);
        }
        let waker = parker.map_or_else(thread_waker, Parker::waker);
        let _registrations: Vec<_> = self
            .entries
            .iter()
            .filter_map(|(_, _, source)| match source {
                PollItem::Socket(socket) => {
                    Some(Registration::of_thread(&socket.inner, waker.clone()))
                }
                PollItem::Fd(_) => None,
            })
            .collect();
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let settled = self.settle()?;
            let wait = if settled { left } else { Some(Duration::ZERO) };
            let ready = self.look(wait, parker)?;
            if !ready.is_empty() || left == Some(Duration::ZERO) {
                return Ok(ready);
            }
        }
    }

    /// Whether there is nothing to wait for but sockets that are known to be closed.
    fn is_over(&self) -> bool {
        let over = |(_, _, source): &(usize, Interest, PollItem<'_>)| matches!(source, PollItem::Socket(socket) if socket.is_over());
        !self.entries.is_empty() && self.entries.iter().all(over)
    }

    /// What is about to be told is not told again.
    fn note_closed(&self, ready: &[Ready]) {
        for told in ready.iter().filter(|ready| ready.closed) {
            let entry = self.entries.iter().find(|entry| entry.0 == told.key);
            if let Some((_, _, PollItem::Socket(socket))) = entry {
                socket.told_closed.store(true, Ordering::Relaxed);
            }
        }
    }

    fn has_fds(&self) -> bool {
        self.entries.iter().any(|(_, _, source)| !matches!(source, PollItem::Socket(_)))
    }

    /// Puts the sockets' pipes to sleep; `false` if one of them has something to look at.
    fn settle(&self) -> Result<bool, Error> {
        let mut quiet = true;
        for (_, interest, source) in &self.entries {
            let PollItem::Socket(socket) = source else { continue };
            quiet &= match settle(&socket.inner, interest.readable) {
                Err(Error::Closed) => socket.is_over(),
                result => result?,
            };
        }
        Ok(quiet)
    }

    /// What is ready. Waits on `parker` and the descriptors if no socket is.
    fn look(&self, wait: Option<Duration>, parker: Option<&Parker>) -> Result<Vec<Ready>, Error> {
        let mut ready = self.sockets()?;
        let wait = if ready.is_empty() { wait } else { Some(Duration::ZERO) };
        self.fds(wait, parker, &mut ready)?;
        if ready.is_empty() && wait != Some(Duration::ZERO) {
            ready = self.sockets()?;
        }
        Ok(ready)
    }

    fn sockets(&self) -> Result<Vec<Ready>, Error> {
        let mut ready = Vec::new();
        for (key, interest, source) in &self.entries {
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
            let mut readable = interest.readable && core.can_recv();
            if interest.readable && !readable {
                drop(core);
                let fetched = fetch(inner);
                core = inner.lock()?;
                readable = fetched && core.can_recv();
            }
            let writable = interest.writable && core.can_send();
            if readable || writable {
                ready.push(Ready { key: *key, readable, writable, closed: false });
            }
        }
        Ok(ready)
    }

    fn fds(
        &self,
        wait: Option<Duration>,
        parker: Option<&Parker>,
        ready: &mut Vec<Ready>,
    ) -> Result<(), Error> {
        let Some(parker) = parker else {
            if wait != Some(Duration::ZERO) {
                park(wait);
            }
            return Ok(());
        };
        let mut keys = Vec::new();
        let mut fds = Vec::new();
        for (key, interest, source) in &self.entries {
            let PollItem::Fd(fd) = source else { continue };
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, interest.readable);
            flags.set(PollFlags::OUT, interest.writable);
            keys.push(*key);
            fds.push(PollFd::from_borrowed_fd(*fd, flags));
        }
        fds.push(parker.pollable());
        parker.poll(&mut fds, wait).map_err(|error| Error::io("waiting for descriptors", error))?;
        for (key, fd) in keys.into_iter().zip(&fds) {
            let flags = fd.revents();
            let trouble = flags.intersects(PollFlags::ERR | PollFlags::HUP);
            // On Windows these are several bits, of which one is set.
            let readable = flags.intersects(PollFlags::IN) || trouble;
            let writable = flags.intersects(PollFlags::OUT);
            if readable || writable {
                ready.push(Ready { key, readable, writable, closed: false });
            }
        }
        Ok(())
    }
}

/// Somebody who is registered is about to wait for a socket: puts its pipes to sleep if messages are
/// waited for. `false` if there is something to look at.
pub(crate) fn settle(inner: &Inner, readable: bool) -> Result<bool, Error> {
    #[cfg(test)]
    tests::ROUNDS.set(tests::ROUNDS.get() + 1);
    let mut core = inner.lock()?;
    core.enter()?;
    // Messages that nobody asks about must not end the wait.
    let quiet = !(readable && core.settle());
    core.direct_connections().give_back();
    drop(core);
    Ok(quiet && !inner.shared.mailbox.pending_for_waiter())
}

#[cfg(test)]
pub(crate) mod tests;
