//! Whether io_uring works here: not by kernel version but by moving octets through a ring.

use super::Uring;
use crate::backend::{Backend, Event, Receive};
use crate::token::Token;
use socket2::{Domain, Socket, Type};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the trial may take; it takes microseconds where it works.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tries everything that the backend needs, on a thread of its own: when a ring has been closed, the
/// kernel cleans up on the thread that used it, by interrupting whatever system call it is in. That is
/// nothing to do to a thread of the application.
pub(crate) fn probe() -> Result<(), String> {
    let thread = std::thread::Builder::new().name("ringmq-probe".into()).spawn(trial);
    let panicked = |_| Err(io::Error::other("the trial panicked"));
    let result = thread.and_then(|thread| thread.join().unwrap_or_else(panicked));
    result.map_err(|error| explain(&error))
}

/// Why there is no io_uring, and what to do.
pub(crate) fn explain(error: &io::Error) -> String {
    let remedy = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "io_uring is forbidden here: a seccomp filter (containers have one) or the sysctl \
             kernel.io_uring_disabled; allow io_uring_setup, io_uring_enter and io_uring_register \
             to use it"
        }
        Some(libc::ENOSYS) => "this kernel has no io_uring, or a seccomp filter hides it",
        Some(libc::ENOMEM) => {
            "too little memory may be locked for a ring; raise it with ulimit -l (RLIMIT_MEMLOCK)"
        }
        Some(libc::EMFILE | libc::ENFILE) => {
            "file descriptors are used up; raise the limit with ulimit -n"
        }
        _ => "this kernel lacks a feature that is needed: Linux 6.1 or later has them all",
    };
    format!("{remedy} ({error})")
}

fn trial() -> io::Result<()> {
    let mut uring = Uring::new()?;
    let (near, mut far) = Socket::pair(Domain::UNIX, Type::STREAM, None)?;
    let (near, token) = (Arc::new(near), Token::unique());
    uring.receive(token, &near, Receive::Stream);
    far.write_all(b"probe")?;
    let deadline = Instant::now() + PATIENCE;
    let mut events = Vec::new();
    while Instant::now() < deadline {
        uring.poll(Some(PATIENCE), &mut events)?;
        for event in events.drain(..) {
            match event {
                Event::Received(_, buffer) if uring.bytes(&buffer) == b"probe" => return Ok(()),
                Event::ReceiveEnded(_, ended) => {
                    return Err(io::Error::other(format!("multishot receive: {ended:?}")));
                }
                _ => {}
            }
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}
