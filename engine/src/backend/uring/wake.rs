//! Waking a ring from another thread: a descriptor under a multishot poll.

use super::operation::{OperationKind, encode};
use crate::backend::Wake;
use crate::backend::wake_fd::WakeFd;
use crate::io_thread::token::Token;
use io_uring::types::Fd;
use io_uring::{opcode, squeue};
use rustix::fd::{AsFd, AsRawFd};
use std::io;

pub(super) struct RingWaker(WakeFd);

impl RingWaker {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(WakeFd::new()?))
    }

    /// Completes once for every signal. The poll is edge-triggered, so the signals are never taken
    /// back: their counter would take longer than the machine lasts to overflow.
    pub(super) fn request(&self) -> squeue::Entry {
        opcode::PollAdd::new(Fd(self.0.as_fd().as_raw_fd()), libc::POLLIN as u32)
            .multi(true)
            .build()
            .user_data(encode(Token::from_raw(0), OperationKind::Wake))
    }
}

impl Wake for RingWaker {
    fn wake(&self) {
        self.0.signal();
    }
}
