//! What libzmq has beside sockets: its version, what it can do, time, counters.

use std::ffi::{c_char, c_int, c_ulong, c_void};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use crate::boundary::text;

/// The version of libzmq whose interface this is.
const VERSION: [c_int; 3] = [4, 3, 5];

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int) {
    for (place, number) in [major, minor, patch].into_iter().zip(VERSION) {
        if !place.is_null() {
            // SAFETY: it is not NULL, and the program promises a number.
            unsafe { place.write(number) };
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_has(capability: *const c_char) -> c_int {
    // SAFETY: the program promises text.
    match unsafe { text(capability) } {
        Ok("ipc") => cfg!(unix).into(),
        Ok("ws" | "pgm") => 1,
        Ok("curve") => cfg!(feature = "curve").into(),
        _ => 0,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_sleep(seconds: c_int) {
    std::thread::sleep(Duration::from_secs(seconds.try_into().unwrap_or(0)));
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_stopwatch_start() -> *mut c_void {
    Box::into_raw(Box::new(Instant::now())).cast()
}

/// Microseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_stopwatch_intermediate(watch: *mut c_void) -> c_ulong {
    if watch.is_null() {
        return 0;
    }
    // SAFETY: the program promises that it was started and is not stopped.
    let started = unsafe { *watch.cast::<Instant>() };
    c_ulong::try_from(started.elapsed().as_micros()).unwrap_or(c_ulong::MAX)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_stopwatch_stop(watch: *mut c_void) -> c_ulong {
    // SAFETY: the program promises that it was started and is not stopped.
    let elapsed = unsafe { zmq_stopwatch_intermediate(watch) };
    if !watch.is_null() {
        // SAFETY: it was made by `zmq_stopwatch_start`, and is not used any more.
        drop(unsafe { Box::from_raw(watch.cast::<Instant>()) });
    }
    elapsed
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_atomic_counter_new() -> *mut c_void {
    Box::into_raw(Box::new(AtomicI32::new(0))).cast()
}

/// The counter of a handle; none of NULL.
///
/// # Safety
/// `counter` is NULL or was made by `zmq_atomic_counter_new` and not destroyed.
unsafe fn counter<'a>(counter: *mut c_void) -> Option<&'a AtomicI32> {
    // SAFETY: the caller promises that.
    unsafe { counter.cast::<AtomicI32>().as_ref() }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_set(of: *mut c_void, value: c_int) {
    // SAFETY: the program promises that.
    if let Some(counter) = unsafe { counter(of) } {
        counter.store(value, Ordering::SeqCst);
    }
}

/// What it was before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_inc(of: *mut c_void) -> c_int {
    // SAFETY: the program promises that.
    unsafe { counter(of) }.map_or(0, |counter| counter.fetch_add(1, Ordering::SeqCst))
}

/// Whether it is something else than 0 now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_dec(of: *mut c_void) -> c_int {
    // SAFETY: the program promises that.
    unsafe { counter(of) }.map_or(0, |counter| (counter.fetch_sub(1, Ordering::SeqCst) != 1).into())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_value(of: *mut c_void) -> c_int {
    // SAFETY: the program promises that.
    unsafe { counter(of) }.map_or(0, |counter| counter.load(Ordering::SeqCst))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_destroy(of: *mut *mut c_void) {
    if of.is_null() {
        return;
    }
    // SAFETY: it is not NULL, and the program promises a counter that nobody uses any more, or NULL, in it.
    unsafe {
        if !(*of).is_null() {
            drop(Box::from_raw((*of).cast::<AtomicI32>()));
            *of = std::ptr::null_mut();
        }
    }
}
