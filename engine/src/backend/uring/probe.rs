//! Whether io_uring works here: not by kernel version but by moving bytes through a ring.

use super::{Uring, features, refusal};
use crate::backend::{
    Backend, Ended, Event, Receive, RingSize, UringCause, UringRefusal, UringReport,
};
use crate::io_thread::token::Token;
use socket2::{Domain, Socket, Type};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// How long the trial may take; it takes microseconds where it works.
const PATIENCE: Duration = Duration::from_secs(1);

/// Pauses before trying again when locked memory is short that a ring may have held which was closed just
/// now: the kernel gives it back a little later. Longer each time, since trials hold some themselves.
pub(super) fn pauses() -> impl Iterator<Item = Duration> {
    (0..5).map(|n| Duration::from_millis(10 << n))
}

/// Tries everything that the backend needs.
pub(crate) fn probe() -> Result<(), UringRefusal> {
    apart(usable)?.map(drop)
}

/// The same, and each feature by itself.
pub(crate) fn report() -> UringReport {
    let both = || UringReport { usable: settled(), features: features::survey() };
    apart(both).unwrap_or_else(|refusal| UringReport { usable: Err(refusal), features: Vec::new() })
}

/// Why there is no io_uring, and what to do.
pub(crate) fn explain(error: &io::Error) -> String {
    refusal::diagnose(error).to_string()
}

/// Runs a trial on a thread of its own: when a ring has been closed, the kernel cleans up on the thread
/// that used it, by interrupting whatever system call it is in. That is nothing to do to a thread of the
/// application.
fn apart<T: Send + 'static>(trial: fn() -> T) -> Result<T, UringRefusal> {
    let thread = crate::backend::background::spawn_in_background("ringmq-probe", trial);
    let panicked = |_| Err(io::Error::other("the trial panicked"));
    let result = thread.and_then(|thread| thread.join().map(Ok).unwrap_or_else(panicked));
    result.map_err(|error| refusal::diagnose(&error))
}

/// As [`usable`], when rings that were closed a moment ago have given their locked memory back.
fn settled() -> Result<RingSize, UringRefusal> {
    let short = |result: &Result<RingSize, UringRefusal>| match result {
        Ok(size) => size.reduced,
        Err(refusal) => refusal.cause == UringCause::LockedMemory,
    };
    let mut result = usable();
    for pause in pauses() {
        if !short(&result) {
            break;
        }
        std::thread::sleep(pause);
        result = usable();
    }
    result
}

fn usable() -> Result<RingSize, UringRefusal> {
    proven().map(|uring| uring.ring.size())
}

/// A ring for the calling thread, through which bytes have been moved.
pub(crate) fn proven() -> Result<Uring, UringRefusal> {
    Uring::new().and_then(moves_bytes).map_err(|error| {
        let mut refusal = refusal::diagnose(&error);
        if refusal.cause == UringCause::Feature {
            features::name_missing(&mut refusal);
        }
        refusal
    })
}

fn moves_bytes(mut uring: Uring) -> io::Result<Uring> {
    let (near, mut far) = Socket::pair(Domain::UNIX, Type::STREAM, None)?;
    let (near, token) = (near.into(), Token::unique());
    uring.receive(token, &near, Receive::Stream);
    far.write_all(b"probe")?;
    let deadline = Instant::now() + PATIENCE;
    let mut events = Vec::new();
    while Instant::now() < deadline {
        uring.poll(Some(PATIENCE), &mut events)?;
        for event in events.drain(..) {
            match event {
                Event::Received(_, buffer) if uring.bytes(&buffer) == b"probe" => {
                    uring.release(buffer);
                    // Whoever goes on with the ring hears nothing more of this.
                    uring.close(token);
                    return Ok(uring);
                }
                // As a kernel without multishot receives ends them.
                Event::ReceiveEnded(_, Ended::Failed(error)) => return Err(error),
                Event::ReceiveEnded(_, ended) => {
                    return Err(io::Error::other(format!("multishot receive: {ended:?}")));
                }
                _ => {}
            }
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::uring::ring::{RING_MODES, Ring, SIZES};

    /// What an older kernel or a small limit leaves works too.
    #[test]
    fn every_way_and_size_of_a_ring_moves_bytes() {
        if let Err(refusal) = probe() {
            eprintln!("SKIPPED: no io_uring here: {refusal}");
            return;
        }
        for size in SIZES {
            for way in RING_MODES {
                // Not every kernel has the first one.
                match Ring::build(size, way).and_then(Uring::on).and_then(moves_bytes) {
                    Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
                    result => assert_eq!(
                        result.expect("a ring that works").ring.size().submissions,
                        size.0,
                        "{way:?}"
                    ),
                }
            }
        }
    }
}
