//! `zmq_poller_*`: a set of sockets and descriptors that is kept from one wait to the next.

use std::ffi::{c_int, c_long, c_short, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringmq::{Error, Poller};

use crate::boundary::enter;
use crate::errors::system::{EAGAIN, EBADF, EFAULT, EINVAL, EMFILE, ENOTSOCK};
use crate::errors::{Errno, Result};
use crate::handles::Handles;
use crate::poll::{Fd, POLLERR, POLLIN, POLLOUT, POLLPRI, add_fd, interest, revents, time};
use crate::socket;

static POLLERS: Handles<CPoller> = Handles::new();

/// No descriptor.
#[cfg(unix)]
const NO_FD: Fd = -1;
#[cfg(windows)]
const NO_FD: Fd = usize::MAX;

/// `zmq_poller_event_t`.
#[repr(C)]
pub struct PollerEvent {
    socket: *mut c_void,
    fd: Fd,
    user_data: *mut c_void,
    events: c_short,
}

impl PollerEvent {
    const NONE: Self =
        Self { socket: ptr::null_mut(), fd: NO_FD, user_data: ptr::null_mut(), events: 0 };
}

struct CPoller {
    poller: Poller<'static>,
    entries: Mutex<Vec<PolledEntry>>,
}

#[derive(Clone, Copy)]
struct PolledEntry {
    key: usize,
    what: Polled,
    user_data: *mut c_void,
    events: c_short,
}

/// What an entry is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Polled {
    Socket(*mut c_void),
    Fd(Fd),
}

// SAFETY: handles are never followed, and what the program gave with an entry is only handed back.
unsafe impl Send for PolledEntry {}

impl CPoller {
    fn entries(&self) -> MutexGuard<'_, Vec<PolledEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(
        &self,
        what: Polled,
        user_data: *mut c_void,
        events: c_short,
        insert: impl FnOnce() -> Result<usize>,
    ) -> Result<c_int> {
        check(events)?;
        let mut entries = self.entries();
        if entries.iter().any(|entry| entry.what == what) {
            return Err(Errno(EINVAL));
        }
        let key = insert()?;
        entries.push(PolledEntry { key, what, user_data, events });
        Ok(0)
    }

    fn modify(&self, what: Polled, events: c_short) -> Result<c_int> {
        check(events)?;
        let mut entries = self.entries();
        let entry = entries.iter_mut().find(|entry| entry.what == what).ok_or(Errno(EINVAL))?;
        entry.events = events;
        self.poller.modify(entry.key, interest(events));
        Ok(0)
    }

    fn remove(&self, what: Polled) -> Result<c_int> {
        let mut entries = self.entries();
        let at = entries.iter().position(|entry| entry.what == what).ok_or(Errno(EINVAL))?;
        self.poller.remove(entries.remove(at).key);
        Ok(0)
    }

    /// What is ready, into as many places as there are; how many were filled.
    fn wait(&self, into: &mut [PollerEvent], timeout: c_long) -> Result<usize> {
        if self.entries().is_empty() && timeout < 0 {
            return Err(Errno(EFAULT));
        }
        let ready = match ringmq::interruptible(|| self.poller.wait(time(timeout))) {
            Err(Error::Closed) => return Err(Errno(ENOTSOCK)),
            ready => ready?,
        };
        let entries = self.entries();
        let mut filled = 0;
        for told in ready {
            if told.closed {
                return Err(Errno(ENOTSOCK));
            }
            let Some(entry) = entries.iter().find(|entry| entry.key == told.key) else { continue };
            let events = revents(&told, entry.events);
            let Some(place) = into.get_mut(filled) else { break };
            if events == 0 {
                continue;
            }
            let (socket, fd) = match entry.what {
                Polled::Socket(socket) => (socket, NO_FD),
                Polled::Fd(fd) => (ptr::null_mut(), fd),
            };
            *place = PollerEvent { socket, fd, user_data: entry.user_data, events };
            filled += 1;
        }
        into[filled..].iter_mut().for_each(|place| *place = PollerEvent::NONE);
        if filled == 0 { Err(Errno(EAGAIN)) } else { Ok(filled) }
    }
}

fn check(events: c_short) -> Result<()> {
    if events & !(POLLIN | POLLOUT | POLLERR | POLLPRI) == 0 { Ok(()) } else { Err(Errno(EINVAL)) }
}

fn get(handle: *const c_void) -> Result<Arc<CPoller>> {
    POLLERS.get(handle).ok_or(Errno(EFAULT))
}

fn polled_fd(fd: Fd) -> Result<Polled> {
    if fd == NO_FD { Err(Errno(EBADF)) } else { Ok(Polled::Fd(fd)) }
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_poller_new() -> *mut c_void {
    enter(|| {
        let poller = CPoller { poller: Poller::new(), entries: Mutex::default() };
        POLLERS.add(Arc::new(poller)).ok_or(Errno(EMFILE))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_destroy(poller: *mut *mut c_void) -> c_int {
    enter(|| {
        if poller.is_null() {
            return Err(Errno(EFAULT));
        }
        // SAFETY: it is not NULL, and the program promises that there is a handle.
        POLLERS.remove(unsafe { *poller }).ok_or(Errno(EFAULT))?;
        // SAFETY: as above.
        unsafe { *poller = ptr::null_mut() };
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_poller_size(poller: *mut c_void) -> c_int {
    enter(|| Ok(c_int::try_from(get(poller)?.entries().len()).unwrap_or(c_int::MAX)))
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_poller_add(
    poller: *mut c_void,
    handle: *mut c_void,
    user_data: *mut c_void,
    events: c_short,
) -> c_int {
    enter(|| {
        let (poller, socket) = (get(poller)?, socket::get(handle)?);
        poller.add(Polled::Socket(handle), user_data, events, || {
            Ok(poller.poller.add(&socket.socket, interest(events)))
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_poller_modify(
    poller: *mut c_void,
    handle: *mut c_void,
    events: c_short,
) -> c_int {
    enter(|| {
        let poller = get(poller)?;
        socket::get(handle)?;
        poller.modify(Polled::Socket(handle), events)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_poller_remove(poller: *mut c_void, handle: *mut c_void) -> c_int {
    enter(|| {
        let poller = get(poller)?;
        socket::get(handle)?;
        poller.remove(Polled::Socket(handle))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_poller_add_fd(
    poller: *mut c_void,
    fd: Fd,
    user_data: *mut c_void,
    events: c_short,
) -> c_int {
    enter(|| {
        let poller = get(poller)?;
        poller
            .add(polled_fd(fd)?, user_data, events, || add_fd(&poller.poller, fd, interest(events)))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_poller_modify_fd(poller: *mut c_void, fd: Fd, events: c_short) -> c_int {
    enter(|| get(poller)?.modify(polled_fd(fd)?, events))
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_poller_remove_fd(poller: *mut c_void, fd: Fd) -> c_int {
    enter(|| get(poller)?.remove(polled_fd(fd)?))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_wait(
    poller: *mut c_void,
    event: *mut PollerEvent,
    timeout: c_long,
) -> c_int {
    // SAFETY: the program promises one event.
    match unsafe { zmq_poller_wait_all(poller, event, 1, timeout) } {
        1.. => 0,
        _ => -1,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_wait_all(
    poller: *mut c_void,
    events: *mut PollerEvent,
    count: c_int,
    timeout: c_long,
) -> c_int {
    enter(|| {
        let poller = get(poller)?;
        if events.is_null() {
            return Err(Errno(EFAULT));
        }
        let count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(Errno(EINVAL))?;
        // SAFETY: the program promises so many, and that they are its own. What is in them is not read.
        let into = unsafe { std::slice::from_raw_parts_mut(events, count) };
        let filled = poller.wait(into, timeout)?;
        Ok(c_int::try_from(filled).unwrap_or(c_int::MAX))
    })
}

/// Only sockets with a lock of their own would share one descriptor: there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_fd(poller: *mut c_void, fd: *mut Fd) -> c_int {
    enter(|| {
        get(poller)?;
        if fd.is_null() {
            return Err(Errno(EFAULT));
        }
        Err(Errno(EINVAL))
    })
}
