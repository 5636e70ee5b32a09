//! Where the system has no list of streams to watch beside that of the I/O threads, these read.

use super::Reading;
use crate::inner::Core;
use rustix::fd::BorrowedFd;
use std::io;
use std::sync::Arc;

/// There is none, and no wait.
pub(crate) enum NoWait {}

/// There is none.
pub(crate) enum NoAttending {}

impl NoAttending {
    pub(super) fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn look(&mut self) -> io::Result<bool> {
        match *self {}
    }

    pub(super) fn has_more(&self) -> bool {
        match *self {}
    }

    pub(super) fn attend(&mut self, _: usize, _: &mut Core, _: &Arc<Reading>) {
        match *self {}
    }

    pub(super) fn follow<K>(&mut self, _: u64, _: impl FnOnce() -> K) {
        match *self {}
    }

    pub(crate) fn begin_wait(&self) -> NoWait {
        match *self {}
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        match *self {}
    }
}
