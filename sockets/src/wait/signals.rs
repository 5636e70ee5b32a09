//! Waits that end when a signal comes, for those who ask for that: programs whose handlers only note the signal,
//! and who look at that when a call returns.

use crate::error::Error;
use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// All threads heed signals.
static ALL_HEED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static HEEDS: Cell<bool> = const { Cell::new(false) };
}

/// Runs `run`. If the system runs a signal handler on this thread while a call in there waits for messages, for
/// room or with a [`Poller`](crate::Poller), the call ends with [`Error::Interrupted`]. Without this a wait goes
/// on after a signal.
///
/// A signal that comes while a thread is not in the kernel yet, some microseconds after the beginning of a wait,
/// ends nothing.
///
/// # Examples
/// ```
/// use ringmq::{Context, Error};
/// let pull = Context::new().pull()?;
/// pull.set_recv_timeout(Some(std::time::Duration::from_millis(1)))?;
/// match ringmq::interruptible(|| pull.recv()) {
///     Err(Error::Interrupted) => println!("a signal has come"),
///     Err(Error::WouldBlock) => println!("nothing has come"),
///     received => println!("{} bytes have come", received?.len()),
/// }
/// # Ok::<(), ringmq::Error>(())
/// ```
pub fn interruptible<T>(run: impl FnOnce() -> T) -> T {
    /// Puts back what was, also if there is a panic.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = HEEDS.try_with(|heeds| heeds.set(self.0));
        }
    }
    // A thread that is ending heeds no signal.
    let _restore = HEEDS.try_with(|heeds| Restore(heeds.replace(true)));
    run()
}

/// Has all waits of the process end when a signal comes, from now on, as if each call were made with
/// [`interruptible`]: for programs of one kind throughout, such as a library with an interface for C.
///
/// # Examples
/// ```
/// ringmq::always_interruptible();
/// let pull = ringmq::Context::new().pull()?;
/// pull.set_recv_timeout(Some(std::time::Duration::ZERO))?;
/// assert!(pull.recv().is_err());
/// # Ok::<(), ringmq::Error>(())
/// ```
pub fn always_interruptible() {
    // Relaxed: nothing hangs on it but whether a wait ends.
    ALL_HEED.store(true, Ordering::Relaxed);
}

/// Whether a signal is to end the waits of this thread. Then it waits on descriptors.
pub(crate) fn is_interruptible() -> bool {
    ALL_HEED.load(Ordering::Relaxed) || HEEDS.try_with(Cell::get).unwrap_or(false)
}

/// What a wait for descriptors has come to: a signal ends it only where that was asked for.
pub(crate) fn heed<T: Default>(waited: io::Result<T>) -> Result<T, Error> {
    match waited {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            if is_interruptible() {
                Err(Error::Interrupted)
            } else {
                Ok(T::default())
            }
        }
        waited => waited.map_err(|error| Error::io("waiting for descriptors", error)),
    }
}
