//! Waiting for several sockets at once, and for descriptors beside them.

mod set;
mod signal;

use crate::error::Error;
use crate::kind::Kind;
use crate::socket::Socket;
use crate::wait::{Reading, ReadingTurn, thread_waker};
use ringmq_engine::Parker;
pub(crate) use set::settle;
use set::{PollItem, PollSet};
use signal::{PollSignal, Told};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    #[doc(alias = "ZMQ_POLLIN")]
    pub const READABLE: Self = Self { readable: true, writable: false };
    /// Something can be sent.
    #[doc(alias = "ZMQ_POLLOUT")]
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
    /// The descriptor is at fault, or none, or its peer has hung up: told whatever was asked for.
    pub failed: bool,
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
/// let poller = Poller::new();
/// let key = poller.add(&pull, Interest::READABLE);
/// assert!(poller.wait(Some(Duration::ZERO))?.is_empty());
/// push.send("hello")?;
/// let ready = poller.wait(None)?;
/// assert!(ready[0].key == key && ready[0].readable);
/// # Ok::<(), ringmq::Error>(())
/// ```
///
/// The set may be changed at any time, also by other threads while one waits, which goes on with the set as
/// it then is; and [`waker`](Self::waker) gives what ends a wait from anywhere:
/// ```
/// use ringmq::{Context, Interest, Poller};
/// let context = Context::new();
/// let (push, pull) = (context.push()?, context.pull()?);
/// push.connect("inproc://late")?;
/// push.send("hello")?;
/// let poller = Poller::new();
/// std::thread::scope(|scope| {
///     let waiting = scope.spawn(|| poller.wait(None));
///     pull.bind("inproc://late")?;
///     let key = poller.add(&pull, Interest::READABLE);
///     assert_eq!(waiting.join().unwrap()?[0].key, key);
///     pull.recv()?;
///     let waiting = scope.spawn(|| poller.wait(None));
///     poller.waker().wake();
///     assert!(waiting.join().unwrap()?.is_empty());
///     Ok::<(), ringmq::Error>(())
/// })?;
/// # Ok::<(), ringmq::Error>(())
/// ```
#[derive(Default)]
#[doc(alias = "zmq_poll")]
#[doc(alias = "zmq_poller_new")]
pub struct Poller<'fd> {
    /// Exchanged rather than changed: whoever waits has the one that it has begun with.
    set: Mutex<Arc<PollSet<'fd>>>,
    signal: Arc<PollSignal>,
    reading: Arc<Reading>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs with the lock held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        Self::default()
    }

    fn set(&self) -> Arc<PollSet<'fd>> {
        lock(&self.set).clone()
    }

    /// Changes the set, and has those who wait go on with the new one.
    fn change<T>(&self, change: impl FnOnce(&mut PollSet<'fd>) -> T) -> T {
        let mut set = lock(&self.set);
        let result = change(Arc::make_mut(&mut set));
        drop(set);
        self.signal.tell();
        result
    }

    fn insert(&self, interest: Interest, source: PollItem<'fd>) -> usize {
        self.change(|set| set.insert(interest, source))
    }

    /// Adds a socket; returns the key that names it in [`Ready`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Interest, Poller};
    /// let context = Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// let poller = Poller::new();
    /// let keys = [poller.add(&push, Interest::WRITABLE), poller.add(&pull, Interest::READABLE)];
    /// assert_ne!(keys[0], keys[1]);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_poller_add")]
    pub fn add<K: Kind>(&self, socket: &Socket<K>, interest: Interest) -> usize {
        self.insert(interest, PollItem::socket(socket.inner.clone()))
    }

    /// Adds a descriptor, which is borrowed; returns the key that names it in [`Ready`]. One that the poller
    /// is to keep is added with [`add_owned_fd`](Self::add_owned_fd).
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Interest, Poller};
    /// use std::io::Write;
    /// use std::os::unix::net::UnixStream;
    /// let (mut near, far) = UnixStream::pair().unwrap();
    /// let poller = Poller::new();
    /// let key = poller.add_fd(&far, Interest::READABLE);
    /// near.write_all(b"!").unwrap();
    /// assert_eq!(poller.wait(None)?[0].key, key);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[cfg(unix)]
    #[doc(alias = "zmq_poller_add_fd")]
    pub fn add_fd<F: std::os::fd::AsFd>(&self, fd: &'fd F, interest: Interest) -> usize {
        self.insert(interest, PollItem::BorrowedFd(fd.as_fd()))
    }

    /// Adds a descriptor that the poller keeps until it is removed, or the poller dropped; returns the key
    /// that names it in [`Ready`]. In an `Arc` it can be used beside. A poller that borrows none can stand in
    /// a structure, as a `Poller<'static>`.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Interest, Poller};
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use std::sync::Arc;
    /// let (mut near, far) = UnixStream::pair().unwrap();
    /// let far = Arc::new(far);
    /// let poller = Poller::<'static>::new();
    /// let key = poller.add_owned_fd(far.clone(), Interest::READABLE);
    /// near.write_all(b"!").unwrap();
    /// assert_eq!(poller.wait(None)?[0].key, key);
    /// (&*far).read_exact(&mut [0]).unwrap();
    /// assert!(poller.remove(key));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[cfg(unix)]
    #[doc(alias = "zmq_poller_add_fd")]
    pub fn add_owned_fd<F>(&self, fd: F, interest: Interest) -> usize
    where
        F: std::os::fd::AsFd + Send + Sync + 'static,
    {
        self.insert(interest, PollItem::OwnedFd(Arc::new(fd)))
    }

    /// Adds a SOCKET, which is the only kind of handle that Windows can wait for together with others;
    /// returns the key that names it in [`Ready`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Interest, Poller};
    /// use std::net::UdpSocket;
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// let poller = Poller::new();
    /// let key = poller.add_raw_socket(&socket, Interest::READABLE);
    /// socket.send_to(b"!", socket.local_addr().unwrap()).unwrap();
    /// assert_eq!(poller.wait(None)?[0].key, key);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[cfg(windows)]
    #[doc(alias = "zmq_poller_add_fd")]
    pub fn add_raw_socket<S: std::os::windows::io::AsSocket>(
        &self,
        socket: &'fd S,
        interest: Interest,
    ) -> usize {
        self.insert(interest, PollItem::BorrowedFd(socket.as_socket()))
    }

    /// Adds a SOCKET that the poller keeps until it is removed, or the poller dropped; returns the key that
    /// names it in [`Ready`]. In an `Arc` it can be used beside.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Interest, Poller};
    /// use std::net::UdpSocket;
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// let poller = Poller::<'static>::new();
    /// let key = poller.add_owned_raw_socket(socket, Interest::WRITABLE);
    /// assert_eq!(poller.wait(None)?[0].key, key);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[cfg(windows)]
    #[doc(alias = "zmq_poller_add_fd")]
    pub fn add_owned_raw_socket<S>(&self, socket: S, interest: Interest) -> usize
    where
        S: std::os::windows::io::AsSocket + Send + Sync + 'static,
    {
        self.insert(interest, PollItem::OwnedFd(Arc::new(socket)))
    }

    /// Changes what is waited for; `false` if there is no such key.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Interest, Poller};
    /// use std::time::Duration;
    /// let socket = Context::new().push()?;
    /// socket.connect("inproc://room")?;
    /// let poller = Poller::new();
    /// let key = poller.add(&socket, Interest::default());
    /// assert!(poller.wait(Some(Duration::ZERO))?.is_empty());
    /// assert!(poller.modify(key, Interest::WRITABLE));
    /// assert!(poller.wait(None)?[0].writable);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_poller_modify")]
    #[doc(alias = "zmq_poller_modify_fd")]
    pub fn modify(&self, key: usize, interest: Interest) -> bool {
        self.change(|set| set.modify(key, interest))
    }

    /// Removes a socket or descriptor; `false` if there is no such key. A thread that is just about to return
    /// from a [`wait`](Self::wait) may still tell of it.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Interest, Poller};
    /// let socket = Context::new().pull()?;
    /// let poller = Poller::new();
    /// let key = poller.add(&socket, Interest::READABLE);
    /// assert!(poller.remove(key));
    /// assert!(!poller.remove(key));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_poller_remove")]
    #[doc(alias = "zmq_poller_remove_fd")]
    pub fn remove(&self, key: usize) -> bool {
        self.change(|set| set.remove(key))
    }

    /// What ends a [`wait`](Self::wait) from any thread: the one under way, or else the next one, which then
    /// does not wait. However often it is woken before that, it is one wait that ends. The waker may be cloned
    /// and outlive the poller, and a future may be polled with it.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Poller;
    /// let poller = Poller::new();
    /// let waker = poller.waker();
    /// let elsewhere = std::thread::spawn(move || waker.wake());
    /// assert!(poller.wait(None)?.is_empty(), "nothing is ready: it was woken");
    /// # elsewhere.join().unwrap();
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn waker(&self) -> Waker {
        self.signal.clone().into()
    }

    /// Waits until something is ready, `timeout` at most (`None`: for ever); empty when the time has
    /// passed, or when the poller was [woken](Self::waker) and nothing is ready. Several threads may wait at
    /// once; each is told of all that is ready.
    ///
    /// The thread that waits reads the connections of all sockets by itself, so that no other one has to be
    /// woken for a message. Of a poller on which several threads have waited at once, and of sockets with more
    /// than 1,024 connections, the I/O threads read from then on.
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
    /// let poller = Poller::new();
    /// poller.add(&pull, Interest::READABLE);
    /// push.send("hello")?;
    /// for _ in 0..2 {
    ///     assert!(poller.wait(None)?[0].readable, "until it is received");
    /// }
    /// pull.recv()?;
    /// assert!(poller.wait(Some(Duration::ZERO))?.is_empty());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_poller_wait")]
    #[doc(alias = "zmq_poller_wait_all")]
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Vec<Ready>, Error> {
        let set = self.set();
        if set.is_over() {
            return Err(Error::Closed);
        }
        let mut turn = self.reading.turn();
        let ready = set.look(&mut turn, timeout != Some(Duration::ZERO))?;
        drop(set);
        if !ready.is_empty() || timeout == Some(Duration::ZERO) {
            return Ok(ready);
        }
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if let Some(ready) = self.wait_unchanged(deadline, &mut turn)? {
                return Ok(ready);
            }
        }
    }

    /// Waits with the set of this moment; `None` if that is changed meanwhile.
    fn wait_unchanged(
        &self,
        deadline: Option<Instant>,
        turn: &mut ReadingTurn<'_>,
    ) -> Result<Option<Vec<Ready>>, Error> {
        let set = self.set();
        set.begin(turn);
        loop {
            let parker = set.parker(turn)?;
            let parker = parker.as_deref();
            let waker = parker.map_or_else(thread_waker, Parker::waker);
            let _told = Told::of_thread(&self.signal, waker.clone());
            let registrations = set.register(&waker);
            if self.signal.take() {
                return set.look(turn, false).map(Some);
            }
            if !Arc::ptr_eq(&set, &lock(&self.set)) {
                return Ok(None);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let settled = set.settle(turn)?;
            let wait = if settled { left } else { Some(Duration::ZERO) };
            let ready = set.wait(wait, parker, turn, registrations)?;
            if !ready.is_empty() || left == Some(Duration::ZERO) {
                return Ok(Some(ready));
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
