//! `ZMQ_USE_FD`: a socket of the system's that the program has bound and listens with, to listen on.
//!
//! The library has it from the bind on and closes it with the endpoint, as libzmq does; if the bind fails it is the
//! program's as before.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use ringmq::Socket;
use ringmq::kind::AnyKind;

use crate::errors::system::{EBADF, EINVAL};
use crate::errors::{Errno, Result};

/// There is none.
const NONE: c_int = -1;

/// What a program has lent to a socket.
pub(crate) struct LentListener {
    number: AtomicI32,
    /// It is bound, and the library's.
    is_taken: AtomicBool,
}

impl Default for LentListener {
    fn default() -> Self {
        Self { number: AtomicI32::new(NONE), is_taken: AtomicBool::new(false) }
    }
}

impl LentListener {
    /// The option, as it is read.
    pub(crate) fn number(&self) -> c_int {
        self.number.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, number: c_int) -> Result<()> {
        if number < NONE {
            return Err(Errno(EINVAL));
        }
        self.number.store(number, Ordering::SeqCst);
        self.is_taken.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// What to bind an endpoint with, if it is one that the system knows of.
    pub(crate) fn get(&self, endpoint: &str) -> Option<c_int> {
        Some(self.number()).filter(|number| *number != NONE && !endpoint.starts_with("inproc://"))
    }

    /// Binds with it; says where.
    pub(crate) fn bind(
        &self,
        socket: &Socket<AnyKind>,
        endpoint: &str,
        number: c_int,
    ) -> Result<String> {
        if self.is_taken.swap(true, Ordering::SeqCst) {
            return Err(Errno(EINVAL));
        }
        let bound =
            duplicate(number).and_then(|listener| Ok(socket.bind_listener(endpoint, listener)?));
        match bound {
            Ok(_) => close(number),
            Err(_) => self.is_taken.store(false, Ordering::SeqCst),
        }
        bound
    }
}

#[cfg(unix)]
fn duplicate(number: c_int) -> Result<ringmq::OwnedListener> {
    // SAFETY: no number but -1, which is none of them, is wrong to ask about: the system says if nothing is open
    // there, and what is there stays so for the call, as the program promises.
    let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
    borrowed.try_clone_to_owned().map_err(|_| Errno(EBADF))
}

#[cfg(unix)]
fn close(number: c_int) {
    use std::os::fd::FromRawFd;
    // SAFETY: it is open, or could not have been bound, and the program has given it away.
    drop(unsafe { std::os::fd::OwnedFd::from_raw_fd(number) });
}

#[cfg(windows)]
fn duplicate(number: c_int) -> Result<ringmq::OwnedListener> {
    // SAFETY: as above; INVALID_SOCKET is no number that can be set.
    let borrowed = unsafe { std::os::windows::io::BorrowedSocket::borrow_raw(number as u64) };
    borrowed.try_clone_to_owned().map_err(|_| Errno(EBADF))
}

#[cfg(windows)]
fn close(number: c_int) {
    use std::os::windows::io::FromRawSocket;
    // SAFETY: as above.
    drop(unsafe { std::os::windows::io::OwnedSocket::from_raw_socket(number as u64) });
}
