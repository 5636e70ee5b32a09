//! Dropping what code of the application may be part of.
//!
//! The memory that a batch sends may be the application's, and so is what is done as it is given back. A
//! panic of that must not end an I/O thread, nor unwind through a backend whose memory the kernel is using.

use ringmq_pipe::Section;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops `what`; a panic of that is told, and goes no further.
pub(crate) fn discard<T>(what: T) {
    // Unwind safe: it is gone, and nobody sees in what state.
    if catch_unwind(AssertUnwindSafe(|| drop(what))).is_err() {
        Section::run_after(move || tracing::error!("something panicked as it was dropped"));
    }
}
