//! Everybody behind one door: a [`Job`] goes in, an [`Opening`] comes out.
//!
//! Each rival is one module that says in its head which of its documented configurations it runs in,
//! where that is documented, and why. What all have in common: bodies carry a number that is checked,
//! high-water marks are the library's own, and each message is one send and one receive.

#[cfg(feature = "libzmq")]
pub(crate) mod libzmq;
pub(crate) mod monocoque;
pub(crate) mod omq;
pub(crate) mod ringmq;
pub(crate) mod rzmq;
pub(crate) mod zmqrs;

use anyhow::{Context as _, Result, bail};
use ringmq_bench::case::Side;
use ringmq_bench::{end, ends};
use tokio::runtime::{Builder, Runtime};

use crate::contender::Contender;
use crate::job::Job;
use crate::local_end::Opening;
use crate::{many_peers, tasks};

/// Makes the end of `job` on `side`.
pub(crate) fn open(job: &Job, side: Side) -> Result<Opening> {
    if job.measurement.has_many_peers() {
        return many_peers::open(job, side);
    }
    if let Some(flavor) = job.flavor {
        return tasks::open(job, side, flavor);
    }
    match job.contender {
        Contender::Floor | Contender::OneCore | Contender::Uring | Contender::Mio => {
            known(job, side)
        }
        #[cfg(feature = "libzmq")]
        Contender::Libzmq => libzmq::open(job, side),
        Contender::Omq => omq::open(job, side),
        Contender::Monocoque | Contender::MonocoqueTokio => monocoque::open(job, side),
        Contender::Rzmq => rzmq::open(job, side),
        Contender::Zmqrs => zmqrs::open(job, side),
        other => bail!("{other} is not measured so"),
    }
}

/// Ends the context that all sockets of this process had, where a library has one such.
pub(crate) fn end_context(contender: Contender) -> Result<()> {
    match contender {
        #[cfg(feature = "libzmq")]
        Contender::Libzmq => libzmq::CONTEXT.clone().destroy().context("ending libzmq's context"),
        Contender::Omq => {
            omq::CONTEXT.term();
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The floor and ringmq, as the harness of ringmq opens them.
pub(crate) fn known(job: &Job, side: Side) -> Result<Opening> {
    let job = job.to_harness().context("a rival is not known to the harness of ringmq")?;
    let opening = if job.case.is_within_a_process() {
        pair::take(&job, side)?
    } else {
        ends::open(&job, side)?
    };
    let end::Opening { opened, finish } = opening;
    Ok(Opening::new(opened.endpoint, finish))
}

/// A tokio runtime on the caller's thread alone: where a side has one core, a thread of its own for I/O
/// would cost a wake-up a message.
pub(crate) fn current_thread() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("making a tokio runtime")
}

/// A tokio runtime with two workers.
pub(crate) fn two_workers() -> Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().context("making a tokio runtime")
}

/// The address in a tcp endpoint.
pub(crate) fn address(endpoint: &str) -> Result<&str> {
    endpoint.strip_prefix("tcp://").with_context(|| format!("{endpoint} is not a tcp endpoint"))
}

/// The path in an ipc endpoint.
fn path(endpoint: &str) -> Result<&str> {
    endpoint.strip_prefix("ipc://").with_context(|| format!("{endpoint} is not an ipc endpoint"))
}

/// Both ends of a connection within one process are made at once and fetched by two threads.
mod pair {
    use std::sync::Mutex;

    use anyhow::{Context as _, Result};
    use ringmq_bench::case::Side;
    use ringmq_bench::end::Opening;
    use ringmq_bench::ends;
    use ringmq_bench::job::Job as HarnessJob;

    /// The end that connects, waiting for its thread.
    static OTHER: Mutex<Option<Opening>> = Mutex::new(None);

    /// Makes both ends for the one that binds, and hands the other one out after it.
    pub(super) fn take(job: &HarnessJob, side: Side) -> Result<Opening> {
        let mut other = OTHER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if side == Side::Connect {
            return other.take().context("the binding end was not made first");
        }
        let [connect, bind] = ends::open_both(job)?;
        *other = Some(connect);
        Ok(bind)
    }
}
