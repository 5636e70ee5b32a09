//! ringmq itself, where the harness of ringmq does not open its sockets.

use anyhow::{Context as _, Result};
use ringmq::{BackendChoice, Context};
use ringmq_bench::case::Side;

use crate::contender::Contender;
use crate::job::Job;

/// A context on the backend of the job.
pub(crate) fn context(job: &Job, side: Side) -> Result<Context> {
    let choice = match job.contender {
        Contender::Uring => BackendChoice::Uring,
        _ => BackendChoice::Mio,
    };
    let mut builder = Context::builder().backend(choice);
    if let Some(core) = job.cores.io_of(side) {
        builder = builder.pin_io_threads([core]);
    }
    builder.build().context("starting a ringmq context")
}
