//! `ringmq-bench doctor`: what ringmq finds on this machine, which backend that makes and why, and what
//! to change.
//!
//! Looking ([`system`], [`limits`], [`uring`], [`backend`]) is apart from printing ([`text`]), and what is
//! read is apart from what is thought of it, so that the thinking can be tested with made-up machines.

mod args;
mod backend;
mod gain;
mod limits;
mod problem;
mod system;
mod text;
mod uring;

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

pub(crate) use args::{DOCTOR_EXAMPLES, DoctorArgs};

use crate::print;
use backend::{Chosen, Other};
use limits::{Limit, Readings};
use problem::Problem;
use system::System;
use uring::Uring;

/// Everything that is reported.
#[derive(Debug, Serialize)]
struct Diagnosis {
    /// Changes when a reader of the JSON would have to.
    schema: u32,
    /// Version of this program, which is that of ringmq.
    version: &'static str,
    /// Revision of the source that it was built from; empty where there was no repository.
    revision: &'static str,
    system: System,
    backend: Chosen,
    io_uring: Uring,
    limits: Vec<Limit>,
    other: Other,
    problems: Vec<Problem>,
}

impl Diagnosis {
    /// Looks at this machine.
    fn look() -> Self {
        let system = System::look();
        // First: the rings that are tried later hold locked memory for a while after their end.
        let backend = Chosen::look();
        let io_uring = Uring::look();
        let (limits, mut worse) = limits::judge(&Readings::look());
        let mut problems = backend.problems();
        // Whoever has asked for mio misses nothing.
        if backend.requested.as_deref() != Some("mio") {
            problems.extend(io_uring.problems());
        }
        problems.append(&mut worse);
        Self {
            schema: 1,
            version: env!("CARGO_PKG_VERSION"),
            revision: env!("RINGMQ_BENCH_REVISION"),
            other: Other::than(&backend, &io_uring),
            system,
            backend,
            io_uring,
            limits,
            problems,
        }
    }

    fn json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).context("writing JSON")
    }
}

/// Looks and prints.
pub(crate) fn run(args: &DoctorArgs) -> Result<()> {
    let diagnosis = Diagnosis::look();
    let text = text::render(&diagnosis);
    match args.json.as_deref() {
        None => print::result(text.trim_end()),
        Some(path) if path == Path::new("-") => {
            print::remark(text.trim_end());
            print::result(&diagnosis.json()?)
        }
        Some(path) => {
            print::result(text.trim_end())?;
            std::fs::write(path, diagnosis.json()?)
                .with_context(|| format!("writing {}", path.display()))
        }
    }
}
