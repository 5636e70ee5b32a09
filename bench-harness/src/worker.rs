//! The worker: a process that plays one end of a connection, or both on two threads.
//!
//! It reads commands from stdin and writes replies to stdout, one JSON value a line, and ends when
//! stdin closes, so that it cannot outlive its parent between two phases. Inside a phase every wait is
//! bounded by the job's patience.

use std::io::{self, BufRead, Write};
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::case::Side;
use crate::end::{End, Opening};
use crate::pin;
use crate::protocol::{Command, Job, Opened, Outcome, Reply};
use crate::{floor, subject};

/// Serves the parent until it has had enough.
pub(crate) fn serve() -> Result<()> {
    let mut stage = Stage::Idle;
    for line in io::stdin().lock().lines() {
        let command = serde_json::from_str(&line.context("reading from the parent")?)
            .context("the parent sent something else than a command")?;
        let (next, reply) = match step(stage, command) {
            Ok((next, reply)) => (next, reply),
            Err(error) => (Stage::Idle, Reply::Failed(format!("{error:#}"))),
        };
        stage = next;
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &reply).context("answering the parent")?;
        out.write_all(b"\n").and_then(|()| out.flush()).context("answering the parent")?;
    }
    Ok(())
}

/// How far the worker has come.
enum Stage {
    Idle,
    /// The listener exists; the peer is awaited when the first phase begins.
    Opening(Opening),
    One(Box<dyn End>),
    Both(Job, [Box<dyn End>; 2]),
}

fn step(stage: Stage, command: Command) -> Result<(Stage, Reply)> {
    match (stage, command) {
        (Stage::Idle, Command::Open(job)) => {
            let (stage, opened) = match job.side {
                Some(side) => {
                    let opening = open(&job, side)?;
                    let opened = opening.opened.clone();
                    (Stage::Opening(opening), opened)
                }
                None => {
                    let (opened, ends) = open_both(&job)?;
                    (Stage::Both(*job, ends), opened)
                }
            };
            Ok((stage, Reply::Opened(opened)))
        }
        (Stage::Opening(opening), Command::Run(count)) => {
            let mut end = (opening.finish)()?;
            let outcome = end.run(count)?;
            Ok((Stage::One(end), Reply::Ran(outcome)))
        }
        (Stage::One(mut end), Command::Run(count)) => {
            let outcome = end.run(count)?;
            Ok((Stage::One(end), Reply::Ran(outcome)))
        }
        (Stage::Both(job, mut ends), Command::Run(count)) => {
            let outcome = run_both(&job, &mut ends, count)?;
            Ok((Stage::Both(job, ends), Reply::Ran(outcome)))
        }
        (Stage::Idle, Command::Run(_)) => bail!("nothing is open"),
        (_, Command::Open(_)) => bail!("a worker opens one job in its life"),
    }
}

/// Opens one end, on the core that the job gives it.
pub(crate) fn open(job: &Job, side: Side) -> Result<Opening> {
    pin::pin_current(job.cores.of(side));
    if job.case.backend.is_floor() { floor::open(job, side) } else { subject::open(job, side) }
}

fn open_both(job: &Job) -> Result<(Opened, [Box<dyn End>; 2])> {
    if job.case.backend.is_floor() { floor::open_both(job) } else { subject::open_both(job) }
}

/// Runs both ends on a thread each; the outcome is that of the end that took the time.
fn run_both(job: &Job, ends: &mut [Box<dyn End>; 2], count: u64) -> Result<Outcome> {
    let [connect, bind] = ends;
    thread::scope(|scope| {
        let bind = scope.spawn(move || {
            pin::pin_current(job.cores.bind);
            bind.run(count)
        });
        let connect = scope.spawn(move || {
            pin::pin_current(job.cores.connect);
            connect.run(count)
        });
        let panicked = |_| Err(anyhow!("a thread of the worker panicked"));
        timed(bind.join().unwrap_or_else(panicked), connect.join().unwrap_or_else(panicked))
    })
}

/// Of the two outcomes of a phase the one that was timed; or everything that went wrong.
pub(crate) fn timed(bind: Result<Outcome>, connect: Result<Outcome>) -> Result<Outcome> {
    match (bind, connect) {
        (Ok(bind), Ok(connect)) => Ok(if connect.elapsed_ns > 0 { connect } else { bind }),
        (Err(bind), Ok(_)) => Err(bind),
        (Ok(_), Err(connect)) => Err(connect),
        (Err(bind), Err(connect)) => bail!("{bind:#}; and the connecting side: {connect:#}"),
    }
}
