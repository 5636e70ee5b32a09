//! What a socket is ready for, and a descriptor by which the event loops of others learn that it may have
//! changed.

use crate::error::Error;
use crate::kind::Kind;
use crate::poller::settle;
use crate::socket::{Inner, Socket};
use ringmq_engine::Parker;

/// How often a socket is looked at again whose peers send nothing but what it throws away.
const LOOKS: usize = 16;

/// What can be done with a socket without waiting: see [`Socket::events`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "ZMQ_EVENTS")]
pub struct SocketEvents {
    /// A whole message can be received.
    pub readable: bool,
    /// A message can be sent.
    pub writable: bool,
}

impl Inner {
    /// What tells of changes; made for the first who asks.
    fn event(&self) -> Result<&Parker, Error> {
        if let Some(event) = self.event.get() {
            return Ok(event);
        }
        let made = Parker::new().map_err(|error| Error::io("making an event descriptor", error))?;
        // Of two threads that make one at once, one has its own thrown away, which nobody has seen.
        let event = self.event.get_or_init(|| {
            self.shared.waiters.add_thread(made.waker());
            made
        });
        // What has come before is to be looked at.
        event.waker().wake();
        Ok(event)
    }

    /// What it is ready for. From then on what changes that is told to those who wait.
    fn events(&self) -> Result<SocketEvents, Error> {
        let event = self.event.get();
        // Before the look: what comes after it is told again.
        event.iter().for_each(|event| event.reset());
        for _ in 0..LOOKS {
            let quiet = settle(self, true, false)?;
            let mut core = self.lock()?;
            core.enter()?;
            let (readable, writable) = (core.can_recv(), core.can_send());
            if readable || quiet {
                return Ok(SocketEvents { readable, writable });
            }
        }
        // There is always something, and none of it a message: whoever waits is to look again.
        event.iter().for_each(|event| event.waker().wake());
        Ok(SocketEvents { readable: false, writable: self.lock()?.can_send() })
    }
}

impl<K: Kind> Socket<K> {
    /// What can be done with the socket at this moment without waiting. What it cannot do, by its type, it is
    /// never ready for.
    ///
    /// To wait for it there are a [`Poller`](crate::Poller), futures, and, for event loops that know
    /// descriptors only, [`event_fd`](Self::event_fd).
    ///
    /// # Errors
    /// [`Error::Terminated`], [`Error::Closed`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://ready")?;
    /// push.connect("inproc://ready")?;
    /// assert!(push.events()?.writable && !pull.events()?.readable);
    /// push.send("hello")?;
    /// assert!(pull.events()?.readable);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_EVENTS")]
    pub fn events(&self) -> Result<SocketEvents, Error> {
        self.inner.events()
    }

    /// A descriptor that can be read when the socket's [`events`](Self::events) may have changed, for the
    /// event loops of others. It is open for as long as the socket is there, and is not to be read from or
    /// written to.
    ///
    /// It tells of changes and not of states: `events` takes the sign away, and whoever has received or sent
    /// as much as he wanted asks that again before he waits for the descriptor. Otherwise what came meanwhile is
    /// not told.
    ///
    /// # Errors
    /// [`Error::Io`] when there are no descriptors left.
    ///
    /// # Examples
    /// ```
    /// use rustix::event::{PollFd, PollFlags, poll};
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// push.connect(&pull.bind("tcp://127.0.0.1:*")?)?;
    /// let fd = pull.event_fd()?;
    /// push.send("hello")?;
    /// while !pull.events()?.readable {
    ///     poll(&mut [PollFd::new(&fd, PollFlags::IN)], None).unwrap();
    /// }
    /// assert_eq!(pull.try_recv()?, "hello");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[cfg(unix)]
    #[doc(alias = "ZMQ_FD")]
    pub fn event_fd(&self) -> Result<std::os::fd::BorrowedFd<'_>, Error> {
        use std::os::fd::AsFd;
        Ok(self.inner.event()?.as_fd())
    }

    /// A SOCKET that can be read when the socket's [`events`](Self::events) may have changed, for the
    /// event loops of others. It is open for as long as the socket is there, and is not to be read from or
    /// written to.
    ///
    /// It tells of changes and not of states: `events` takes the sign away, and whoever has received or sent
    /// as much as he wanted asks that again before he waits for it. Otherwise what came meanwhile is not told.
    ///
    /// # Errors
    /// [`Error::Io`] when the system has none left.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// let _event = socket.event_socket()?;
    /// assert!(!socket.events()?.readable);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[cfg(windows)]
    #[doc(alias = "ZMQ_FD")]
    pub fn event_socket(&self) -> Result<std::os::windows::io::BorrowedSocket<'_>, Error> {
        use rustix::fd::AsFd;
        Ok(self.inner.event()?.as_fd())
    }
}
