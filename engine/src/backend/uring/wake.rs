//! Waking a ring from another thread: an eventfd under a multishot poll.
#![allow(unsafe_code)]

use super::operation::{Kind, encode};
use crate::backend::Wake;
use crate::token::Token;
use io_uring::types::Fd;
use io_uring::{opcode, squeue};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd};

pub(super) struct EventFd(File);

impl EventFd {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: no memory is involved; the result is checked.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a new descriptor that nobody else owns.
        Ok(Self(unsafe { File::from_raw_fd(fd) }))
    }

    /// Completes once for every write. The poll is edge-triggered, so the counter is never read: it
    /// would take longer than the machine lasts to overflow.
    pub(super) fn request(&self) -> squeue::Entry {
        opcode::PollAdd::new(Fd(self.0.as_raw_fd()), libc::POLLIN as u32)
            .multi(true)
            .build()
            .user_data(encode(Token::from_raw(0), Kind::Wake))
    }
}

impl Wake for EventFd {
    fn wake(&self) {
        if let Err(error) = (&self.0).write(&1u64.to_ne_bytes()) {
            tracing::error!(%error, "cannot wake an I/O thread");
        }
    }
}
