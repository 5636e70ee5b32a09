//! Somebody who attends to many connections, as a poller does: it has the kernel watch all of them, waits for
//! all at once, and reads those that have something whenever it comes by.
//!
//! It does not hold the reading halves while it waits, as they may be many. They are lent, and each session
//! looks now and then whether it still comes by. As long as it waits there is nothing to look after: it tells
//! when it has left.

use super::Direct;
use crate::io_thread::IoHandle;
use crate::io_thread::handler::Notice;
use crate::io_thread::token::Token;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Somebody who attends to many connections: it waits for all of them at once, and comes by to read those that
/// have something.
#[derive(Default)]
pub struct Attendant {
    /// How often it has come by; wraps. One thread at a time changes it. A figure to go by: relaxed throughout.
    turns: AtomicU32,
    /// How often it has looked; the same.
    looks: AtomicU32,
    wait: Mutex<Wait>,
}

#[derive(Default)]
struct Wait {
    /// It is under way.
    waits: bool,
    /// Who is to be told when it has left.
    relied_on_by: Vec<(IoHandle, Token)>,
}

/// What a session finds of whoever attends to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attended {
    /// It waits for the connection now, and tells when it has left.
    Now,
    /// It has come by since the last time.
    Lately,
    /// Not since the last time, or there is none.
    No,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs with the lock held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Attendant {
    /// It comes by, and reads what there is.
    pub fn come_by(&self) {
        self.turns.store(self.turns().wrapping_add(1), Ordering::Relaxed);
    }

    /// It has looked at all its connections.
    pub fn note_look(&self) {
        self.looks.store(self.looks().wrapping_add(1), Ordering::Relaxed);
    }

    /// How often it has looked at all its connections; wraps.
    pub fn looks(&self) -> u32 {
        self.looks.load(Ordering::Relaxed)
    }

    /// How often it has come by; wraps.
    fn turns(&self) -> u32 {
        self.turns.load(Ordering::Relaxed)
    }

    /// It begins to wait for all its connections.
    pub fn begin_wait(&self) {
        lock(&self.wait).waits = true;
    }

    /// It waits no more.
    pub fn end_wait(&self) {
        let mut wait = lock(&self.wait);
        wait.waits = false;
        let told = std::mem::take(&mut wait.relied_on_by);
        drop(wait);
        self.come_by();
        for (io, token) in told {
            io.tell(token, Notice::Writable);
        }
    }

    /// Whether `line` is attended to, for its session, which has found `turns` the last time.
    fn look(&self, line: &Direct, turns: &mut u32) -> Attended {
        let now = self.turns();
        if std::mem::replace(turns, now) != now {
            return Attended::Lately;
        }
        let mut wait = lock(&self.wait);
        if !wait.waits {
            return Attended::No;
        }
        wait.relied_on_by.push((line.io.clone(), line.token));
        Attended::Now
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        self.end_wait();
    }
}

/// Who attends to a connection.
#[derive(Default)]
pub(super) struct AttendantSlot(Mutex<Weak<Attendant>>);

impl Direct {
    /// `attendant` attends to the connection from now on, until it is dropped or [deserts](Self::desert) it, and
    /// nobody else does: it is told of what comes next, and there is nothing left to read before that.
    pub fn attend(&self, attendant: &Arc<Attendant>) {
        *lock(&self.attendant.0) = Arc::downgrade(attendant);
    }

    /// Nobody attends to it any more, if `attendant` has until now.
    pub fn desert(&self, attendant: &Arc<Attendant>) {
        let mut known = lock(&self.attendant.0);
        if std::ptr::eq(known.as_ptr(), Arc::as_ptr(attendant)) {
            *known = Weak::new();
        }
    }

    /// Whether the reading half can be left to an attendant, for the session.
    pub(crate) fn attended(&self, turns: &mut u32) -> Attended {
        let attendant = lock(&self.attendant.0).upgrade();
        attendant.map_or(Attended::No, |attendant| attendant.look(self, turns))
    }
}
