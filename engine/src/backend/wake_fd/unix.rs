//! Both ends of a pipe.

use rustix::fd::OwnedFd;
use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
use std::io;

/// Both ends of a pipe.
pub(super) struct Ends {
    pollable: OwnedFd,
    signalled_end: OwnedFd,
}

impl Ends {
    pub(super) fn new() -> io::Result<Self> {
        let (pollable, signalled_end) = rustix::pipe::pipe()?;
        for end in [&pollable, &signalled_end] {
            ioctl_fionbio(end, true)?;
            fcntl_setfd(end, FdFlags::CLOEXEC)?;
        }
        Ok(Self { pollable, signalled_end })
    }

    pub(super) const fn pollable(&self) -> &OwnedFd {
        &self.pollable
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.signalled_end, bytes)?)
    }

    pub(super) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.pollable, bytes)?)
    }
}
