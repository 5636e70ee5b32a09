//! Waiting for the other side to appear.

use std::io::{self, ErrorKind};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Pause between two attempts: short beside the start of a process, long beside a system call.
const PAUSE: Duration = Duration::from_millis(1);

/// Tries until it works, until it fails for good, or until `limit` has passed.
pub(crate) fn until<T>(limit: Duration, mut attempt: impl FnMut() -> io::Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(done) => return Ok(done),
            Err(error) if !not_yet(&error) => return Err(error.into()),
            Err(error) if start.elapsed() > limit => {
                bail!("the other side did not come within {limit:?} ({error})")
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

/// Whether an error means no more than that the peer has not started.
fn not_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock
            | ErrorKind::Interrupted
            | ErrorKind::ConnectionRefused
            | ErrorKind::NotFound
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_retries_what_may_still_come_and_only_that() {
        let mut left = 3;
        let done = until(Duration::from_secs(5), || {
            left -= 1;
            if left == 0 { Ok(7) } else { Err(ErrorKind::ConnectionRefused.into()) }
        });
        assert_eq!(done.unwrap(), 7);
        let denied: Result<()> =
            until(Duration::from_secs(5), || Err(ErrorKind::PermissionDenied.into()));
        assert!(denied.is_err());
        let never: Result<()> = until(Duration::ZERO, || Err(ErrorKind::ConnectionRefused.into()));
        assert!(never.unwrap_err().to_string().contains("did not come"));
    }
}
