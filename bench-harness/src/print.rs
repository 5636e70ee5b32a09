//! Talking to the user without dying of it: a closed pipe is no reason to panic.

use std::io::{self, ErrorKind, Write};

use anyhow::{Context as _, Result};

/// Prints a result to stdout. Someone who stopped reading (`| head`) has read enough.
pub(crate) fn result(text: &str) -> Result<()> {
    match writeln!(io::stdout(), "{text}").and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.context("writing to stdout"),
    }
}

/// Prints a remark to stderr; where that cannot be written to, there is nobody to tell.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
