//! The worker: a process that is one end of a connection, or both on two threads.
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
use crate::protocol::{Command, Job, Outcome, Phase, Reply};
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
    One(Half),
    /// The end that connects, and the one that binds.
    Both(Box<Job>, [Half; 2]),
}

/// One end; its peer is awaited when the first phase begins, on the thread of that phase.
enum Half {
    Opening(Opening),
    Open(Box<dyn End>),
}

impl Half {
    fn run(self, phase: Phase) -> Result<(Self, Outcome)> {
        let mut end = match self {
            Half::Opening(opening) => (opening.finish)()?,
            Half::Open(end) => end,
        };
        let outcome = end.run(phase)?;
        Ok((Half::Open(end), outcome))
    }
}

fn step(stage: Stage, command: Command) -> Result<(Stage, Reply)> {
    match (stage, command) {
        (Stage::Idle, Command::Open(job)) => {
            let (stage, opened) = match job.side {
                Some(side) => {
                    let opening = open(&job, side)?;
                    let opened = opening.opened.clone();
                    (Stage::One(Half::Opening(opening)), opened)
                }
                None => {
                    let halves = open_both(&job)?;
                    let opened = halves[0].opened.clone();
                    (Stage::Both(job, halves.map(Half::Opening)), opened)
                }
            };
            Ok((stage, Reply::Opened(opened)))
        }
        (Stage::One(half), Command::Run(phase)) => {
            let (half, outcome) = half.run(phase)?;
            Ok((Stage::One(half), Reply::Ran(outcome)))
        }
        (Stage::Both(job, halves), Command::Run(phase)) => {
            let (halves, outcome) = run_both(&job, halves, phase)?;
            Ok((Stage::Both(job, halves), Reply::Ran(outcome)))
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

fn open_both(job: &Job) -> Result<[Opening; 2]> {
    if job.case.backend.is_floor() { Ok(floor::open_both(job)) } else { subject::open_both(job) }
}

/// Runs both ends on a thread each; the outcome is that of the end that took the time.
fn run_both(job: &Job, halves: [Half; 2], phase: Phase) -> Result<([Half; 2], Outcome)> {
    let run = |half: Half, core| {
        thread::spawn(move || {
            pin::pin_current(core);
            half.run(phase)
        })
    };
    let [connect, bind] = halves;
    let bind = run(bind, job.cores.bind);
    let connect = run(connect, job.cores.connect);
    let panicked = |_| Err(anyhow!("a thread of the worker panicked"));
    let bind = bind.join().unwrap_or_else(panicked);
    let connect = connect.join().unwrap_or_else(panicked);
    let ((bind, timed_by_bind), (connect, timed_by_connect)) = both(bind, connect)?;
    Ok(([connect, bind], timed(timed_by_bind, timed_by_connect)))
}

/// What both sides brought; or everything that went wrong.
pub(crate) fn both<A, B>(bind: Result<A>, connect: Result<B>) -> Result<(A, B)> {
    match (bind, connect) {
        (Ok(bind), Ok(connect)) => Ok((bind, connect)),
        (Err(bind), Ok(_)) => Err(bind),
        (Ok(_), Err(connect)) => Err(connect),
        (Err(bind), Err(connect)) => bail!("{bind:#}; and the connecting side: {connect:#}"),
    }
}

/// Of the two outcomes of a phase, the one that was timed.
pub(crate) fn timed(bind: Outcome, connect: Outcome) -> Outcome {
    if connect.elapsed_ns > 0 { connect } else { bind }
}
