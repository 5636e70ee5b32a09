//! Waiting for the end of a context: until something is so, or until a signal comes.
//!
//! A thread that waits on a descriptor comes back when a signal has been handled, which one that waits on a lock
//! does not. So whoever has news writes a byte; where no descriptors are left a lock has to do.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use crate::errors::Result;

/// All that wait for the same.
#[derive(Default)]
pub(crate) struct Waiters(Mutex<Vec<Weak<Bell>>>);

impl Waiters {
    /// There is news.
    pub(crate) fn wake(&self) {
        let waiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.iter().filter_map(Weak::upgrade).for_each(|bell| bell.ring());
    }

    fn add(&self, bell: &Arc<Bell>) {
        let mut waiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.retain(|bell| bell.strong_count() > 0);
        waiters.push(Arc::downgrade(bell));
    }
}

/// One thread that waits.
pub(crate) struct Patience {
    bell: Arc<Bell>,
}

impl Patience {
    /// Hears what these are told.
    pub(crate) fn new(waiters: &Waiters) -> Self {
        let bell = Arc::new(Bell::new());
        waiters.add(&bell);
        Self { bell }
    }

    /// Waits until it is so.
    pub(crate) fn until(&self, mut is_so: impl FnMut() -> bool) -> Result<()> {
        while !is_so() {
            self.bell.wait()?;
        }
        Ok(())
    }

    /// Waits for the end of a future.
    pub(crate) fn until_done<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        let waker = Waker::from(self.bell.clone());
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Ok(done);
            }
            self.bell.wait()?;
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

/// What wakes one thread.
enum Bell {
    #[cfg(unix)]
    Descriptors(descriptors::Bell),
    /// Where there are no descriptors, or none left. No signal ends a wait for it.
    Lock(lock::Bell),
}

impl Bell {
    fn new() -> Self {
        #[cfg(unix)]
        if let Ok(bell) = descriptors::Bell::new() {
            return Self::Descriptors(bell);
        }
        Self::Lock(lock::Bell::default())
    }

    fn ring(&self) {
        match self {
            #[cfg(unix)]
            Self::Descriptors(bell) => bell.ring(),
            Self::Lock(bell) => bell.ring(),
        }
    }

    fn wait(&self) -> Result<()> {
        match self {
            #[cfg(unix)]
            Self::Descriptors(bell) => bell.wait(),
            Self::Lock(bell) => {
                bell.wait();
                Ok(())
            }
        }
    }
}

#[cfg(unix)]
mod descriptors {
    use std::io::{self, Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use crate::errors::system::EINTR;
    use crate::errors::{Errno, Result};

    pub(super) struct Bell {
        ring: UnixStream,
        hear: UnixStream,
    }

    impl Bell {
        pub(super) fn new() -> io::Result<Self> {
            let (ring, hear) = UnixStream::pair()?;
            ring.set_nonblocking(true)?;
            hear.set_nonblocking(true)?;
            Ok(Self { ring, hear })
        }

        /// One byte that lies there is as good as two.
        pub(super) fn ring(&self) {
            let _ = (&self.ring).write(&[1]);
        }

        pub(super) fn wait(&self) -> Result<()> {
            let mut poll =
                libc::pollfd { fd: self.hear.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one entry, which lives until the call returns.
            if unsafe { libc::poll(&raw mut poll, 1, -1) } < 0 {
                let error = io::Error::last_os_error();
                return Err(Errno(error.raw_os_error().unwrap_or(EINTR)));
            }
            let _ = (&self.hear).read(&mut [0; 64]);
            Ok(())
        }
    }
}

mod lock {
    use std::sync::{Condvar, Mutex, PoisonError};

    #[derive(Default)]
    pub(super) struct Bell {
        rung: Mutex<bool>,
        changed: Condvar,
    }

    impl Bell {
        pub(super) fn ring(&self) {
            *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.changed.notify_one();
        }

        pub(super) fn wait(&self) {
            let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
            while !*rung {
                rung = self.changed.wait(rung).unwrap_or_else(PoisonError::into_inner);
            }
            *rung = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_hears_of_it_in_either_way() {
        for bell in [Bell::new(), Bell::Lock(lock::Bell::default())] {
            let bell = Arc::new(bell);
            let ringer = bell.clone();
            let ringing = std::thread::spawn(move || ringer.ring());
            assert!(bell.wait().is_ok());
            assert!(ringing.join().is_ok());
            // Of two that come at once one is enough.
            bell.ring();
            bell.ring();
            assert!(bell.wait().is_ok());
        }
    }
}
