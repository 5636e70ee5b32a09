//! What wakes a thread that waits in the kernel, for descriptors of its own.
//!
//! One per thread. Waking it is cheap while it is awake already, and costs a system call otherwise,
//! so those who wake it ask first whether anybody waits.

use super::Reader;
use crate::backend::wake_fd::WakeFd;
use arrayvec::ArrayVec;
use ringmq_pipe::Sign;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd};
use std::io;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

/// What wakes a thread that waits for descriptors of its own: any thread may
/// use its waker.
pub struct Parker {
    waker: Arc<ParkerWaker>,
}

struct ParkerWaker {
    sign: Sign,
    wake_fd: WakeFd,
}

impl Wake for ParkerWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.sign.raise(|| self.wake_fd.signal());
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
        let (sign, wake_fd) = (Sign::new(), WakeFd::new()?);
        Ok(Self { waker: Arc::new(ParkerWaker { sign, wake_fd }) })
    }

    /// What ends its wait, the one under way or the next.
    pub fn waker(&self) -> Waker {
        Waker::from(self.waker.clone())
    }

    /// Waits until its waker is used, something can be read by one of `readers` or is to be done for
    /// one, or `timeout` has passed (`None`: for ever). Resets it.
    ///
    /// # Errors
    /// Of the system; of the kind [`Interrupted`](io::ErrorKind::Interrupted) if a signal has ended the wait.
    ///
    /// # Panics
    /// With more than [`READERS`](Self::READERS) readers.
    pub fn wait(&self, readers: &[Reader<'_>], timeout: Option<Duration>) -> io::Result<()> {
        assert!(readers.len() <= Self::READERS, "a parker is for few readers");
        let mut fds = ArrayVec::<_, { Self::READERS + 1 }>::new();
        for fd in readers.iter().filter_map(Reader::fd) {
            fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
        }
        fds.push(self.pollable());
        let deadline = readers.iter().filter_map(Reader::deadline).min();
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        self.poll(&mut fds, timeout.into_iter().chain(left).min())
    }

    /// As [`wait`](Self::wait), for `fds` of any number and kind, and what is wanted of them; with
    /// the parker's own [pollable](Self::pollable) among them its waker ends the wait.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn poll(&self, fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
        // A time so long that it does not fit is for ever.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let polled = poll(fds, timeout.as_ref());
        self.reset();
        Ok(polled.map(drop)?)
    }

    /// What can be read from the use of its waker until it is reset.
    pub fn pollable(&self) -> PollFd<'_> {
        PollFd::from_borrowed_fd(self.waker.wake_fd.as_fd(), PollFlags::IN)
    }

    /// Forgets that it was woken. What it was woken for is to be looked at after this.
    pub fn reset(&self) {
        self.waker.sign.lower(|| self.waker.wake_fd.clear());
    }
}

impl AsFd for Parker {
    /// Can be read as [`pollable`](Parker::pollable) says.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.waker.wake_fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    /// Tells those who wake that nobody waits any more, however the test ends.
    struct Waiter<'a>(&'a AtomicBool);

    impl Drop for Waiter<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    /// Each wakes it again and again, as soon as it has been seen to be awake: also while it forgets that
    /// another one has. When all are done no sign is left, or it would never sleep again.
    #[test]
    fn a_wake_while_it_forgets_another_one_is_not_lost() {
        const WAKES: u32 = 20_000;
        const WAKERS: usize = 3;
        const PATIENCE: Duration = Duration::from_secs(20);
        let parker = Parker::new().expect("a parker");
        let (asked, seen) =
            ([const { AtomicU32::new(0) }; WAKERS], [const { AtomicU32::new(0) }; WAKERS]);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _waiter = Waiter(&over);
            for number in 0..WAKERS {
                let (waker, asked, seen) = (parker.waker(), &asked[number], &seen[number]);
                let over = &over;
                scope.spawn(move || {
                    for wake in 1..=WAKES {
                        asked.store(wake, Ordering::SeqCst);
                        waker.wake_by_ref();
                        while seen.load(Ordering::SeqCst) < wake {
                            if over.load(Ordering::SeqCst) {
                                return;
                            }
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
        parker.reset();
        let mut fds = [parker.pollable()];
        assert_eq!(
            poll(&mut fds, Some(&Timespec::default())).expect("a poll"),
            0,
            "a sign is left"
        );
    }
}
