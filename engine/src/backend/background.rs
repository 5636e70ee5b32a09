//! Threads of the library's own, which leave the application's signals to the application's threads.

#![allow(unsafe_code)]

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread to which the system hands no signal that is meant for the process: the application's own
/// threads get those, and their waits may end by them. Linux shows 15 characters of a name.
///
/// # Errors
/// When the system has no thread to give.
///
/// # Examples
/// ```
/// let thread = ringmq_engine::spawn_in_background("helper", || 7)?;
/// assert_eq!(thread.join().unwrap(), 7);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn spawn_in_background<T: Send + 'static>(
    name: impl Into<String>,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    // A new thread begins with the mask of the one that starts it: so there is no moment at which it has none.
    let _blocked = block_signals();
    Builder::new().name(name.into()).spawn(run)
}

#[cfg(not(unix))]
fn block_signals() {}

/// Keeps signals from the calling thread until what is returned is dropped: all but those that tell of a fault of
/// the thread itself, and what profilers count with.
#[cfg(unix)]
fn block_signals() -> Option<BlockedSignals> {
    const LET_THROUGH: [libc::c_int; 8] = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGSYS,
        libc::SIGABRT,
        libc::SIGPROF,
    ];
    let (mut blocked, mut before) =
        (std::mem::MaybeUninit::uninit(), std::mem::MaybeUninit::uninit());
    // SAFETY: `sigfillset` makes a set of the memory, to which the others are applied; the masks live as long as
    // the calls.
    let masked = unsafe {
        libc::sigfillset(blocked.as_mut_ptr());
        for signal in LET_THROUGH {
            libc::sigdelset(blocked.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, blocked.as_ptr(), before.as_mut_ptr())
    };
    // SAFETY: the call has written it, as it succeeded.
    (masked == 0).then(|| BlockedSignals(unsafe { before.assume_init() }))
}

/// The mask that the thread had before.
#[cfg(unix)]
struct BlockedSignals(libc::sigset_t);

#[cfg(unix)]
impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: a mask that the system has told of this thread.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut())
        };
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Whether the calling thread is kept from a signal.
    fn is_blocked(signal: libc::c_int) -> bool {
        let mut mask = std::mem::MaybeUninit::uninit();
        // SAFETY: no new mask is given, and there is room for the present one, which is read if it was written.
        unsafe {
            let told = libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), mask.as_mut_ptr());
            assert_eq!(told, 0);
            libc::sigismember(mask.as_ptr(), signal) == 1
        }
    }

    #[test]
    fn signals_are_kept_from_the_new_thread_and_from_no_other() {
        let seen = || [libc::SIGINT, libc::SIGALRM, libc::SIGUSR1, libc::SIGSEGV].map(is_blocked);
        let before = seen();
        let thread = spawn_in_background("test", seen).expect("a thread");
        assert_eq!(thread.join().expect("no panic"), [true, true, true, false]);
        assert_eq!(seen(), before);
    }
}
