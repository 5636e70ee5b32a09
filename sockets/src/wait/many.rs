//! A wait for messages of a socket with many connections, by a thread that attends to all of them.

use super::reading::ReadingTurn;
use super::spin::{self, Reads};
use super::{
    Deadline, Registration, Wants, heed, is_interruptible, park, thread_parker, thread_waker,
};
use crate::error::Error;
use crate::inner::Core;
use crate::socket::Inner;
use ringmq_engine::Parker;
use std::time::{Duration, Instant};

impl ReadingTurn<'_> {
    /// Attends to the connections of the one socket that is waited for.
    fn attend_only(&mut self, core: &mut Core) {
        self.attend(0, core, 1, || std::iter::once((0, true)));
        if !self.attends() {
            core.leave_reading();
        }
    }
}

impl Reads for ReadingTurn<'_> {
    fn fetch(&mut self) -> bool {
        self.look()
    }

    fn reads(&self) -> bool {
        self.attends()
    }
}

/// See the [module's documentation](self).
pub(super) fn wait_for<T>(
    inner: &Inner,
    budget: Duration,
    deadline: Deadline,
    operation: &mut impl FnMut(&mut Core) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut turn = inner.reading.turn();
    turn.attend_only(&mut *inner.lock()?);
    let start = Instant::now();
    let result = spin::spin(inner, start, budget, &mut turn, deadline, operation);
    if !matches!(result, Err(Error::WouldBlock)) || deadline.has_passed(Instant::now()) {
        return result;
    }
    let result = block(inner, &mut turn, deadline, operation);
    if result.is_ok() {
        inner.shared.spin_estimate.note_blocked(start.elapsed());
    }
    result
}

/// Blocks until `operation` does not want to block any more or the deadline has passed.
fn block<T>(
    inner: &Inner,
    turn: &mut ReadingTurn<'_>,
    deadline: Deadline,
    operation: &mut impl FnMut(&mut Core) -> Result<T, Error>,
) -> Result<T, Error> {
    loop {
        turn.attend_only(&mut *inner.lock()?);
        let on_descriptors = turn.attends() || is_interruptible();
        let parker = if on_descriptors { thread_parker().ok() } else { None };
        if parker.is_none() && turn.attends() {
            // No way to wait for descriptors: the I/O threads read.
            turn.leave();
            continue;
        }
        let waker = parker.as_deref().map_or_else(thread_waker, Parker::waker);
        let registration = Registration::of_thread(inner, waker);
        // Another thread may have heard of news in between.
        turn.attend_only(&mut *inner.lock()?);
        match inner.attempt_then_settle(Wants::Messages, operation) {
            Err(Error::WouldBlock) => {}
            result => return result,
        }
        let now = Instant::now();
        if deadline.has_passed(now) {
            return Err(Error::WouldBlock);
        }
        let news = inner.shared.have_connections_changed()
            || inner.shared.mailbox.pending_for_waiter()
            || turn.has_more();
        let _waited = match parker {
            _ if news => None,
            None => {
                park(deadline.left(now));
                None
            }
            Some(parker) => heed(turn.wait(&parker, deadline.left(now)))?,
        };
        // Off the list first: what this thread reads it need not be told of.
        drop(registration);
        turn.look();
    }
}
