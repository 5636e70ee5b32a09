//! Threads as libzmq starts them.

use std::ffi::c_void;
use std::thread::JoinHandle;

use crate::boundary::enter;
use crate::errors::Errno;
use crate::errors::system::{EAGAIN, EFAULT};

/// What the program gave for the thread to run.
struct Task {
    run: unsafe extern "C" fn(*mut c_void),
    argument: *mut c_void,
}

// SAFETY: the program gives the argument to the thread.
unsafe impl Send for Task {}

impl Task {
    fn run(self) {
        // SAFETY: the program gave both for a thread of their own.
        unsafe { (self.run)(self.argument) };
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_threadstart(
    run: Option<unsafe extern "C" fn(*mut c_void)>,
    argument: *mut c_void,
) -> *mut c_void {
    enter(|| {
        let task = Task { run: run.ok_or(Errno(EFAULT))?, argument };
        let thread = std::thread::Builder::new().spawn(move || task.run());
        Ok(Box::into_raw(Box::new(thread.map_err(|_| Errno(EAGAIN))?)).cast())
    })
}

/// Waits for its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_threadclose(thread: *mut c_void) {
    if thread.is_null() {
        return;
    }
    // SAFETY: it was made by `zmq_threadstart`, and the program closes it once.
    let thread = unsafe { Box::from_raw(thread.cast::<JoinHandle<()>>()) };
    // It cannot have panicked: what is called is C's.
    let _ = thread.join();
}
