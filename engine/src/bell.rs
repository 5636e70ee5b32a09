//! What wakes a thread that waits in the kernel, for descriptors of its own.
//!
//! One per thread. Ringing it is cheap while it rings already, and costs a system call otherwise, so
//! those who ring it ask first whether anybody waits.

mod clapper;

use crate::session::Reader;
use arrayvec::ArrayVec;
use clapper::Clapper;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

/// What wakes a thread that waits for descriptors of its own: its waker may be rung from any thread.
pub struct Bell {
    ringer: Arc<Ringer>,
}

struct Ringer {
    rung: AtomicBool,
    clapper: Clapper,
}

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // AcqRel: pairs with the swap in `Bell::still`, so that what was done before the bell was rung
        // is seen by whoever has found it rung.
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.clapper.strike();
        }
    }
}

impl Bell {
    /// How many readers it can be waited with: a few, so that a wait takes no memory.
    pub const READERS: usize = 8;

    /// A bell that does not ring.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let (rung, clapper) = (AtomicBool::new(false), Clapper::new()?);
        Ok(Self { ringer: Arc::new(Ringer { rung, clapper }) })
    }

    /// What rings it.
    pub fn waker(&self) -> Waker {
        Waker::from(self.ringer.clone())
    }

    /// Waits until the bell rings, something can be read by one of `readers`, or `timeout` has passed
    /// (`None`: for ever). Stills the bell.
    ///
    /// # Errors
    /// Of the system.
    ///
    /// # Panics
    /// With more than [`READERS`](Self::READERS) readers.
    pub fn wait(&self, readers: &[Reader<'_>], timeout: Option<Duration>) -> io::Result<()> {
        assert!(readers.len() <= Self::READERS, "a bell is for few readers");
        let mut fds = ArrayVec::<_, { Self::READERS + 1 }>::new();
        for descriptor in readers.iter().filter_map(Reader::descriptor) {
            fds.push(PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN));
        }
        fds.push(self.ear());
        self.poll(&mut fds, timeout)
    }

    /// As [`wait`](Self::wait), for `fds` of any number and kind, and what is wanted of them; with the
    /// bell's own [ear](Self::ear) among them it ends the wait.
    ///
    /// # Errors
    /// Of the system.
    pub fn poll(&self, fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
        // A time so long that it does not fit is for ever.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let result = match poll(fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        };
        self.still();
        result
    }

    /// What can be read while it rings.
    pub fn ear(&self) -> PollFd<'_> {
        PollFd::from_borrowed_fd(self.ringer.clapper.as_fd(), PollFlags::IN)
    }

    /// Makes it quiet again. What it was rung for is to be looked at after this.
    fn still(&self) {
        // AcqRel: see `wake_by_ref`.
        if self.ringer.rung.swap(false, Ordering::AcqRel) {
            self.ringer.clapper.hold();
        }
    }
}
