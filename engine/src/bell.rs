//! What wakes a thread that waits in the kernel, for descriptors of its own.
//!
//! One per thread. Ringing it is cheap while it rings already, and costs a system call otherwise, so
//! those who ring it ask first whether anybody waits.

use crate::session::Reader;
use arrayvec::ArrayVec;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
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
    ear: OwnedFd,
    /// The other end, where it takes two.
    hand: Option<OwnedFd>,
}

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // AcqRel: pairs with the swap in `Bell::still`, so that what was done before the bell was rung
        // is seen by whoever has found it rung.
        if !self.rung.swap(true, Ordering::AcqRel) {
            // Fails only if it is rung to the full, and then it rings.
            let _ = rustix::io::write(self.hand.as_ref().unwrap_or(&self.ear), &1u64.to_ne_bytes());
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
        let (ear, hand) = descriptors()?;
        Ok(Self { ringer: Arc::new(Ringer { rung: AtomicBool::new(false), ear, hand }) })
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
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        const FDS: usize = Bell::READERS + 1;
        assert!(readers.len() < FDS, "a bell is for few readers");
        let mut fds = ArrayVec::<_, FDS>::new();
        fds.push(PollFd::from_borrowed_fd(self.ringer.ear.as_fd(), PollFlags::IN));
        for descriptor in readers.iter().filter_map(Reader::descriptor) {
            fds.push(PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN));
        }
        // A time so long that it does not fit is for ever.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let result = match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        };
        self.still();
        result
    }

    /// Makes it quiet again. What it was rung for is to be looked at after this.
    fn still(&self) {
        // AcqRel: see `wake_by_ref`.
        if self.ringer.rung.swap(false, Ordering::AcqRel) {
            let mut octets = [0; 8];
            // Nothing to read yet if the ringer is between its two steps: then it wakes us once more.
            let _ = rustix::io::read(&self.ringer.ear, &mut octets);
        }
    }
}

#[cfg(target_os = "linux")]
fn descriptors() -> io::Result<(OwnedFd, Option<OwnedFd>)> {
    use rustix::event::{EventfdFlags, eventfd};
    let ear = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    Ok((ear, None))
}

#[cfg(all(unix, not(target_os = "linux")))]
fn descriptors() -> io::Result<(OwnedFd, Option<OwnedFd>)> {
    let (ear, hand) = rustix::pipe::pipe()?;
    for fd in [&ear, &hand] {
        rustix::io::ioctl_fionbio(fd, true)?;
    }
    Ok((ear, Some(hand)))
}
