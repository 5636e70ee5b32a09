//! ringmq itself, where the harness of ringmq does not open its sockets.

use std::sync::Mutex;

use anyhow::{Context as _, Result};
use ringmq::{BackendChoice, Context};
use ringmq_bench::case::{Side, Transport};

use crate::contender::Contender;
use crate::job::Job;

/// A context on the backend of the job; over inproc the one that both ends share.
pub(crate) fn context(job: &Job, side: Side) -> Result<Context> {
    static SHARED: Mutex<Option<Context>> = Mutex::new(None);
    if job.transport != Transport::Inproc {
        return build(job, side);
    }
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match &*shared {
        Some(context) => Ok(context.clone()),
        None => Ok(shared.insert(build(job, side)?).clone()),
    }
}

fn build(job: &Job, side: Side) -> Result<Context> {
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
