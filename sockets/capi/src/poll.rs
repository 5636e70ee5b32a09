//! `zmq_poll`: sockets and descriptors, whichever is ready.

use std::ffi::{c_int, c_long, c_short, c_void};
use std::time::Duration;

use ringmq::{Error, Interest, Poller, Ready};

use crate::boundary::enter;
use crate::errors::system::{EBADF, EFAULT, EINVAL};
use crate::errors::{Errno, Result};
use crate::socket::{get, with};

pub(crate) const POLLIN: c_short = 1;
pub(crate) const POLLOUT: c_short = 2;
pub(crate) const POLLERR: c_short = 4;
pub(crate) const POLLPRI: c_short = 8;

/// A descriptor as zmq.h has it.
#[cfg(unix)]
pub(crate) type Fd = c_int;
#[cfg(windows)]
pub(crate) type Fd = usize;

/// `zmq_pollitem_t`.
#[repr(C)]
pub struct PollItem {
    socket: *mut c_void,
    fd: Fd,
    events: c_short,
    revents: c_short,
}

/// A time of C's in milliseconds: negative is for ever.
pub(crate) fn time(milliseconds: c_long) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

/// What is waited for.
pub(crate) const fn interest(events: c_short) -> Interest {
    Interest { readable: events & POLLIN != 0, writable: events & POLLOUT != 0 }
}

/// What has become of it.
pub(crate) const fn revents(ready: &Ready, events: c_short) -> c_short {
    let readable = if ready.readable { POLLIN } else { 0 };
    let writable = if ready.writable { POLLOUT } else { 0 };
    let failed = if ready.failed { POLLERR } else { 0 };
    events & (readable | writable) | failed
}

/// What is ready at this moment, if there are only sockets and one of them is, or nobody waits.
fn look(items: &mut [PollItem], waits: bool) -> Result<Option<c_int>> {
    let others = |item: &PollItem| item.socket.is_null() && !is_none(item.fd);
    if items.iter().any(others) {
        return Ok(None);
    }
    let mut ready = 0;
    for item in items {
        item.revents = 0;
        if !item.socket.is_null() {
            let found = with(item.socket, |socket| Ok(socket.socket.events()?))?;
            let flag = |on: bool, flag: c_short| if on { flag } else { 0 };
            item.revents =
                item.events & (flag(found.readable, POLLIN) | flag(found.writable, POLLOUT));
        }
        ready += c_int::from(item.revents != 0);
    }
    Ok((ready > 0 || !waits).then_some(ready))
}

fn wait(items: &mut [PollItem], timeout: Option<Duration>) -> Result<c_int> {
    // A poller has to be told of all that it waits for: not for those who find something at once.
    if let Some(ready) = look(items, timeout != Some(Duration::ZERO))? {
        return Ok(ready);
    }
    let poller = Poller::new();
    let mut keys = Vec::with_capacity(items.len());
    for item in items.iter_mut() {
        item.revents = 0;
        let interest = interest(item.events);
        keys.push(match item.socket.is_null() {
            false => Some(poller.add(&get(item.socket)?.socket, interest)),
            // As poll(2) does, which passes over what is none.
            true if is_none(item.fd) => None,
            true => Some(add_fd(&poller, item.fd, interest)?),
        });
    }
    let ready = match ringmq::interruptible(|| poller.wait(timeout)) {
        Err(Error::Closed) => return Err(Errno(crate::errors::system::ENOTSOCK)),
        ready => ready?,
    };
    for told in ready {
        let Some(at) = keys.iter().position(|key| *key == Some(told.key)) else { continue };
        let item = &mut items[at];
        item.revents = revents(&told, item.events);
    }
    let count = items.iter().filter(|item| item.revents != 0).count();
    Ok(c_int::try_from(count).unwrap_or(c_int::MAX))
}

/// Whether it stands for no descriptor.
#[cfg(unix)]
const fn is_none(fd: Fd) -> bool {
    fd < 0
}

/// Whether it stands for no socket of the system's.
#[cfg(windows)]
const fn is_none(socket: Fd) -> bool {
    socket == usize::MAX
}

#[cfg(unix)]
pub(crate) fn add_fd(poller: &Poller<'_>, fd: Fd, interest: Interest) -> Result<usize> {
    use std::os::fd::{AsFd, BorrowedFd};
    /// One of the program's, which has to be open while it is polled.
    struct Lent(Fd);
    impl AsFd for Lent {
        fn as_fd(&self) -> BorrowedFd<'_> {
            // SAFETY: it is not -1, and the program promises that it is open until the poll is over.
            unsafe { BorrowedFd::borrow_raw(self.0) }
        }
    }
    if is_none(fd) {
        return Err(Errno(EBADF));
    }
    Ok(poller.add_owned_fd(Lent(fd), interest))
}

#[cfg(windows)]
pub(crate) fn add_fd(poller: &Poller<'_>, socket: Fd, interest: Interest) -> Result<usize> {
    use std::os::windows::io::{AsSocket, BorrowedSocket};
    /// One of the program's, which has to be open while it is polled.
    struct Lent(Fd);
    impl AsSocket for Lent {
        fn as_socket(&self) -> BorrowedSocket<'_> {
            // SAFETY: it is no invalid one, and the program promises that it is open until the poll is over.
            unsafe { BorrowedSocket::borrow_raw(self.0 as _) }
        }
    }
    if is_none(socket) {
        return Err(Errno(EBADF));
    }
    Ok(poller.add_owned_raw_socket(Lent(socket), interest))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poll(items: *mut PollItem, count: c_int, timeout: c_long) -> c_int {
    enter(|| {
        let count = usize::try_from(count).map_err(|_| Errno(EINVAL))?;
        if count == 0 {
            match time(timeout) {
                Some(time) => std::thread::sleep(time),
                None => return Err(Errno(EFAULT)),
            }
            return Ok(0);
        }
        if items.is_null() {
            return Err(Errno(EFAULT));
        }
        // SAFETY: the program promises so many.
        wait(unsafe { std::slice::from_raw_parts_mut(items, count) }, time(timeout))
    })
}

/// As [`zmq_poll`], with the signals of `mask` kept from this thread meanwhile. They are let through when it is over.
#[cfg(unix)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ppoll(
    items: *mut PollItem,
    count: c_int,
    timeout: c_long,
    mask: *const libc::sigset_t,
) -> c_int {
    /// Puts back the mask that there was.
    struct Masked(libc::sigset_t);
    impl Drop for Masked {
        fn drop(&mut self) {
            // SAFETY: it is the mask that the system has told.
            unsafe {
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut())
            };
        }
    }
    let mut before = std::mem::MaybeUninit::uninit();
    // SAFETY: the program promises a mask, or NULL; there is room for the one before.
    let masked = (!mask.is_null()
        && unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, before.as_mut_ptr()) } == 0)
        // SAFETY: the call has written it.
        .then(|| Masked(unsafe { before.assume_init() }));
    // SAFETY: the program promises what it promises there.
    let result = unsafe { zmq_poll(items, count, timeout) };
    let error = errno::errno();
    drop(masked);
    errno::set_errno(error);
    result
}
