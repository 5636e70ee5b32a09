//! The second stage of a wait: blocking until something happens.

use super::direct_connections::{DirectConnections, Readers};
use super::spin::Reads;
use super::{Deadline, Registration, Wants, heed, is_interruptible, thread_waker};
use crate::error::Error;
use crate::inner::Core;
use crate::socket::Inner;
use ringmq_engine::Parker;
use std::cell::OnceCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

thread_local! {
    static PARKER: OnceCell<Rc<Parker>> = const { OnceCell::new() };
}

/// The calling thread's parker; an error if the system has no descriptors left for one. There may
/// be some again the next time.
pub(crate) fn thread_parker() -> io::Result<Rc<Parker>> {
    let known = PARKER.try_with(|parker| parker.get().cloned());
    if let Ok(Some(parker)) = known {
        return Ok(parker);
    }
    let new = Rc::new(Parker::new()?);
    // A thread that is ending cannot keep it.
    let _ = PARKER.try_with(|parker| parker.set(new.clone()));
    Ok(new)
}

/// Sleeps until the thread's waker is called or the time has passed (`None`: until it is called).
pub(crate) fn park(time: Option<Duration>) {
    match time {
        Some(time) => std::thread::park_timeout(time),
        None => std::thread::park(),
    }
}

/// Blocks until `operation` does not want to block any more or the deadline has passed.
pub(super) fn block<T>(
    inner: &Inner,
    wants: Wants,
    deadline: Deadline,
    operation: &mut impl FnMut(&mut Core) -> Result<T, Error>,
) -> Result<T, Error> {
    loop {
        let direct_connections = match wants {
            Wants::Messages => inner.lock()?.direct_connections(),
            Wants::Room => DirectConnections::default(),
        };
        let mut readers = direct_connections.readers();
        // Who is to hear of signals waits on descriptors, if only on one.
        let on_descriptors = !readers.is_empty() || is_interruptible();
        let parker = if on_descriptors { thread_parker().ok() } else { None };
        if parker.is_none() && !readers.is_empty() {
            // No way to wait for descriptors: the I/O thread reads.
            readers = Readers::default();
            direct_connections.give_back();
        }
        let waker = parker.as_ref().map_or_else(thread_waker, |parker| parker.waker());
        let registration = Registration::of_thread(inner, waker);
        match inner.attempt_then_settle(wants, operation) {
            Err(Error::WouldBlock) => {}
            result => return result,
        }
        let now = Instant::now();
        if deadline.has_passed(now) {
            return Err(Error::WouldBlock);
        }
        let connections_changed =
            wants == Wants::Messages && inner.shared.have_connections_changed();
        if connections_changed || inner.shared.mailbox.pending_for_waiter() || readers.any_blocked()
        {
            drop(registration);
            readers.fetch();
            continue;
        }
        match (parker, deadline.left(now)) {
            (None, left) => park(left),
            (Some(parker), left) => {
                heed(parker.wait(readers.as_slice(), left))?;
                // Off the list first: what this thread reads it need not be told of.
                drop(registration);
                readers.fetch();
            }
        }
    }
}
