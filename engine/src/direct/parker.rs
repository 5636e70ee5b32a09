//! What wakes a thread that waits in the kernel, for descriptors of its own.
//!
//! One per thread. Waking it is cheap while it is awake already, and costs a system call otherwise,
//! so those who wake it ask first whether anybody waits.

use super::Reader;
use crate::backend::wake_fd::WakeFd;
use arrayvec::ArrayVec;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

/// What wakes a thread that waits for descriptors of its own: any thread may
/// use its waker.
pub struct Parker {
    waker: Arc<ParkerWaker>,
}

struct ParkerWaker {
    signalled: AtomicBool,
    wake_fd: WakeFd,
}

impl Wake for ParkerWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // AcqRel: pairs with the swap in `Parker::reset`, so that whoever finds it signalled sees
        // what was done before that.
        if !self.signalled.swap(true, Ordering::AcqRel) {
            self.wake_fd.signal();
        }
    }
}

impl Parker {
    /// How many readers it can be waited with: a few, so that a wait takes no memory.
    pub const READERS: usize = 8;

    /// A parker that nobody has woken.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let (signalled, wake_fd) = (AtomicBool::new(false), WakeFd::new()?);
        Ok(Self { waker: Arc::new(ParkerWaker { signalled, wake_fd }) })
    }

    /// What ends its wait, the one under way or the next.
    pub fn waker(&self) -> Waker {
        Waker::from(self.waker.clone())
    }

    /// Waits until its waker is used, something can be read by one of `readers`, or `timeout` has
    /// passed (`None`: for ever). Resets it.
    ///
    /// # Errors
    /// Of the system.
    ///
    /// # Panics
    /// With more than [`READERS`](Self::READERS) readers.
    pub fn wait(&self, readers: &[Reader<'_>], timeout: Option<Duration>) -> io::Result<()> {
        assert!(readers.len() <= Self::READERS, "a parker is for few readers");
        let mut fds = ArrayVec::<_, { Self::READERS + 1 }>::new();
        for stream in readers.iter().filter_map(Reader::stream) {
            fds.push(PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::IN));
        }
        fds.push(self.pollable());
        self.poll(&mut fds, timeout)
    }

    /// As [`wait`](Self::wait), for `fds` of any number and kind, and what is wanted of them; with
    /// the parker's own [pollable](Self::pollable) among them its waker ends the wait.
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
        self.reset();
        result
    }

    /// What can be read from the use of its waker until it is reset.
    pub fn pollable(&self) -> PollFd<'_> {
        PollFd::from_borrowed_fd(self.waker.wake_fd.as_fd(), PollFlags::IN)
    }

    /// Forgets that it was woken. What it was woken for is to be looked at after this.
    fn reset(&self) {
        // AcqRel: see `wake_by_ref`.
        if self.waker.signalled.swap(false, Ordering::AcqRel) {
            self.waker.wake_fd.clear();
            // Who has woken it in between may have had its sign taken away with the others, and whoever comes
            // later finds it signalled and gives none.
            if self.waker.signalled.load(Ordering::Acquire) {
                self.waker.wake_fd.signal();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;
    use std::time::Instant;

    /// Each wakes it again and again, as soon as it has been seen to be awake: also while it forgets that
    /// another one has.
    #[test]
    fn a_wake_while_it_forgets_another_one_is_not_lost() {
        const WAKES: u32 = 20_000;
        const WAKERS: usize = 3;
        const PATIENCE: Duration = Duration::from_secs(20);
        let parker = Parker::new().expect("a parker");
        let (asked, seen) =
            ([const { AtomicU32::new(0) }; WAKERS], [const { AtomicU32::new(0) }; WAKERS]);
        std::thread::scope(|scope| {
            for number in 0..WAKERS {
                let (waker, asked, seen) = (parker.waker(), &asked[number], &seen[number]);
                scope.spawn(move || {
                    for wake in 1..=WAKES {
                        asked.store(wake, Ordering::SeqCst);
                        waker.wake_by_ref();
                        let start = Instant::now();
                        while seen.load(Ordering::SeqCst) < wake && start.elapsed() < PATIENCE {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            while seen.iter().any(|seen| seen.load(Ordering::SeqCst) < WAKES) {
                let start = Instant::now();
                parker.wait(&[], Some(PATIENCE)).expect("a wait");
                assert!(start.elapsed() < PATIENCE, "a wake was lost");
                for (asked, seen) in asked.iter().zip(&seen) {
                    seen.store(asked.load(Ordering::SeqCst), Ordering::SeqCst);
                }
            }
        });
    }
}
