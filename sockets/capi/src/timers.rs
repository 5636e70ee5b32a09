//! Timers: functions that the program has called when their time has come, by whoever executes them.

use std::ffi::{c_int, c_long, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::boundary::enter;
use crate::errors::system::{EFAULT, EINVAL, EMFILE};
use crate::errors::{Errno, Result};
use crate::handles::Handles;

static TIMERS: Handles<Timers> = Handles::new();

type Run = unsafe extern "C" fn(c_int, *mut c_void);

struct Timers(Mutex<Inner>);

struct Inner {
    timers: Vec<Timer>,
    last_id: c_int,
}

#[derive(Clone, Copy)]
struct Timer {
    id: c_int,
    interval: Duration,
    due: Instant,
    run: Run,
    argument: *mut c_void,
}

// SAFETY: the argument is only handed back, to a function of the program's, which executes its timers on
// whatever thread it likes.
unsafe impl Send for Timer {}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that are due are due anew from now on; what is to be called.
    fn take_due(&self, now: Instant) -> Vec<Timer> {
        let mut inner = self.lock();
        let due = inner.timers.iter_mut().filter(|timer| timer.due <= now);
        let mut due: Vec<(Instant, Timer)> = due
            .map(|timer| {
                let when = timer.due;
                timer.due = later(now, timer.interval);
                (when, *timer)
            })
            .collect();
        due.sort_by_key(|(when, timer)| (*when, timer.id));
        due.into_iter().map(|(_, timer)| timer).collect()
    }

    fn has(&self, id: c_int) -> bool {
        self.lock().timers.iter().any(|timer| timer.id == id)
    }

    fn change(&self, id: c_int, change: impl FnOnce(&mut Timer)) -> Result<c_int> {
        let mut inner = self.lock();
        let timer = inner.timers.iter_mut().find(|timer| timer.id == id);
        change(timer.ok_or(Errno(EINVAL))?);
        Ok(0)
    }
}

/// A time too far away to be told is as good as a hundred years.
fn later(now: Instant, interval: Duration) -> Instant {
    now.checked_add(interval).unwrap_or(now + Duration::from_secs(100 * 365 * 24 * 3600))
}

fn get(handle: *const c_void) -> Result<Arc<Timers>> {
    TIMERS.get(handle).ok_or(Errno(EFAULT))
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_timers_new() -> *mut c_void {
    enter(|| {
        let inner = Inner { timers: Vec::new(), last_id: 0 };
        TIMERS.add(Arc::new(Timers(Mutex::new(inner)))).ok_or(Errno(EMFILE))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_destroy(timers: *mut *mut c_void) -> c_int {
    enter(|| {
        if timers.is_null() {
            return Err(Errno(EFAULT));
        }
        // SAFETY: it is not NULL, and the program promises that there is a handle.
        TIMERS.remove(unsafe { *timers }).ok_or(Errno(EFAULT))?;
        // SAFETY: as above.
        unsafe { *timers = std::ptr::null_mut() };
        Ok(0)
    })
}

/// The interval is in milliseconds; returns the number by which the others know the timer.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_timers_add(
    timers: *mut c_void,
    interval: usize,
    run: Option<Run>,
    argument: *mut c_void,
) -> c_int {
    enter(|| {
        let timers = get(timers)?;
        let run = run.ok_or(Errno(EFAULT))?;
        let interval = Duration::from_millis(interval as u64);
        let mut inner = timers.lock();
        inner.last_id = inner.last_id.checked_add(1).ok_or(Errno(EINVAL))?;
        let (id, due) = (inner.last_id, later(Instant::now(), interval));
        inner.timers.push(Timer { id, interval, due, run, argument });
        Ok(id)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_timers_cancel(timers: *mut c_void, id: c_int) -> c_int {
    enter(|| {
        let timers = get(timers)?;
        let mut inner = timers.lock();
        let before = inner.timers.len();
        inner.timers.retain(|timer| timer.id != id);
        if inner.timers.len() == before { Err(Errno(EINVAL)) } else { Ok(0) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_timers_set_interval(
    timers: *mut c_void,
    id: c_int,
    interval: usize,
) -> c_int {
    enter(|| {
        get(timers)?.change(id, |timer| {
            timer.interval = Duration::from_millis(interval as u64);
            timer.due = later(Instant::now(), timer.interval);
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_timers_reset(timers: *mut c_void, id: c_int) -> c_int {
    enter(|| get(timers)?.change(id, |timer| timer.due = later(Instant::now(), timer.interval)))
}

/// Milliseconds until the next one is due, rounded up: 0 if one is, -1 if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_timers_timeout(timers: *mut c_void) -> c_long {
    // -1 without a handle, too, with errno.
    match get(timers) {
        Ok(timers) => {
            let next = timers.lock().timers.iter().map(|timer| timer.due).min();
            let Some(next) = next else { return -1 };
            let left = next.saturating_duration_since(Instant::now());
            c_long::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(c_long::MAX)
        }
        Err(error) => c_long::from(enter(|| Err::<c_int, _>(error))),
    }
}

/// Calls what is due, each once. What is called may add, change and cancel timers: one that was cancelled is
/// not called any more.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_timers_execute(timers: *mut c_void) -> c_int {
    enter(|| {
        let timers = get(timers)?;
        for timer in timers.take_due(Instant::now()) {
            if timers.has(timer.id) {
                // SAFETY: the program gave both to be called with each other. No lock is held.
                unsafe { (timer.run)(timer.id, timer.argument) };
            }
        }
        Ok(0)
    })
}
