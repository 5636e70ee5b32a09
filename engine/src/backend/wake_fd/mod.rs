//! A descriptor that can be read from the moment it is signalled until that is cleared.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(all(unix, not(target_os = "linux")), path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

use rustix::fd::{AsFd, BorrowedFd};
use std::io;

/// What every signal writes: as much as an eventfd takes, and no more than one read takes back.
const SIGNAL: [u8; 8] = 1u64.to_ne_bytes();

/// See the [module's documentation](self).
pub(crate) struct WakeFd(system::Ends);

impl WakeFd {
    /// One that is not signalled.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(system::Ends::new()?))
    }

    /// Makes it readable; `false` if the system refuses. Any thread may.
    pub(crate) fn signal(&self) -> bool {
        match self.0.write(&SIGNAL) {
            Ok(_) => true,
            // It was signalled as often as it can take, and can be read.
            Err(error) => cfg!(unix) && error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    /// Takes one signal back; `false` if there is none.
    pub(crate) fn clear(&self) -> bool {
        self.0.read(&mut [0; SIGNAL.len()]).is_ok_and(|bytes| bytes > 0)
    }
}

impl AsFd for WakeFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.pollable().as_fd()
    }
}
