//! The floors: what this machine can do with nothing of ours in between.
//!
//! A floor moves the same bodies, checked in the same way, by the cheapest means that the operating
//! system (or, between threads, the memory) offers. Every figure of ringmq stands beside the floor
//! measured in the same run, because on most machines only that ratio is worth anything.

mod cipher;
mod curve;
mod lines;
mod spsc;
mod stream;
mod tcp;
#[cfg(unix)]
mod unix;

use anyhow::{Result, bail, ensure};

use crate::case::{Backend, Kind, Sharing, Side, Transport};
use crate::end::Opening;
use crate::job::Job;
use crate::mechanism::Mechanism;
use crate::patience::Patience;
use crate::worker::Opened;

/// Opens one end of a floor between two processes.
pub(crate) fn open(job: &Job, side: Side) -> Result<Opening> {
    ensure!(job.case.mechanism == Mechanism::Null, "the bare cipher has both ends in one process");
    match job.case.transport {
        Transport::Tcp => tcp::open(job, side),
        #[cfg(unix)]
        Transport::Ipc => unix::open(job, side),
        other => bail!("there is no floor of {other} between two processes on this system"),
    }
}

/// Opens both ends of the floor between two threads (over inproc, or of the bare cipher), the one that
/// connects first.
pub(crate) fn open_both(job: &Job) -> [Opening; 2] {
    let ends = match (job.case.mechanism, job.case.kind) {
        (Mechanism::Curve, _) => cipher::ends(job),
        (Mechanism::Null, Kind::Throughput) => spsc::ends(job),
        (Mechanism::Null, Kind::Latency) => lines::ends(job),
    };
    ends.map(|end| Opening::ready(opened(job, String::new()), end))
}

/// How the asking end of `job` looks for answers to questions on a schedule. A floor has no I/O thread
/// to give way to, only the other side.
fn patience(job: &Job) -> Patience {
    Patience::new(job.patience()).on_a_core(job.case.sharing == Sharing::All)
}

/// Describes what a floor does.
fn opened(job: &Job, endpoint: String) -> Opened {
    let manner = if job.case.backend == Backend::Floor { "spinning" } else { "blocking" };
    if job.case.mechanism == Mechanism::Curve {
        return Opened { endpoint, subject: cipher::subject(job).to_owned() };
    }
    let what = match (job.case.transport, job.case.kind) {
        (Transport::Inproc, Kind::Throughput) => {
            "bare ring of one producer and one consumer (rtrb)"
        }
        (Transport::Inproc, Kind::Latency) => "two bare counters",
        _ => "bare sockets",
    };
    Opened { endpoint, subject: format!("{what}, {manner}") }
}
