//! The ends of connections: what opens them, and what a worker of `throughput` and `latency` does.
//! It is one end, or both on two threads. Inside a phase every wait is bounded by the job's
//! patience.

use std::mem;
use std::thread;

use anyhow::{Result, anyhow, bail, ensure};

use crate::case::{Sharing, Side};
use crate::end::{End, Opening};
use crate::job::{Account, Job, Outcome, Phase};
use crate::pin;
use crate::worker::{Opened, Work, both};
use crate::{floor, subject};

/// The ends of a worker. One that failed has none any more.
#[derive(Default)]
pub(crate) enum Ends {
    #[default]
    None,
    One(Half),
    /// The end that connects, and the one that binds.
    Both(Box<Job>, [Half; 2]),
}

impl Work for Ends {
    type Job = Job;
    type Step = Phase;
    type Outcome = Account;

    fn open(&mut self, job: Job) -> Result<Opened> {
        ensure!(matches!(mem::take(self), Self::None), "a worker opens one job in its life");
        let opened;
        match job.side {
            Some(side) => {
                let opening = open_on_its_core(&job, side)?;
                opened = opening.opened.clone();
                *self = Self::One(Half::Opening(opening));
            }
            None => {
                if job.case.sharing == Sharing::All {
                    // As in a container of one core: what is made here sees no other.
                    pin::pin_current(job.cores.of(Side::Connect));
                }
                let openings = open_both(&job)?;
                opened = openings[0].opened.clone();
                *self = Self::Both(Box::new(job), openings.map(Half::Opening));
            }
        }
        Ok(opened)
    }

    fn run(&mut self, phase: Phase) -> Result<Account> {
        let (ends, outcome) = match mem::take(self) {
            Self::None => bail!("nothing is open"),
            Self::One(half) => {
                let (half, outcome) = half.run(phase)?;
                (Self::One(half), outcome)
            }
            Self::Both(job, halves) => {
                let (halves, outcome) = run_both(&job, halves, phase)?;
                (Self::Both(job, halves), outcome)
            }
        };
        *self = ends;
        Ok(Account::now(outcome))
    }
}

/// One end; its peer is awaited when the first phase begins, on the thread of that phase.
pub(crate) enum Half {
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

/// Opens one end, on the core that the job gives it.
pub(crate) fn open_on_its_core(job: &Job, side: Side) -> Result<Opening> {
    pin::pin_current(job.cores.of(side));
    open(job, side)
}

/// Opens one end of a connection between two processes: of a floor, or of ringmq.
///
/// # Errors
///
/// If its sockets cannot be made, bound or connected.
pub fn open(job: &Job, side: Side) -> Result<Opening> {
    if job.case.backend.is_floor() { floor::open(job, side) } else { subject::open(job, side) }
}

/// Opens both ends of a connection between two threads, the one that connects first.
///
/// # Errors
///
/// As those of [`open`].
pub fn open_both(job: &Job) -> Result<[Opening; 2]> {
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
    Ok(([connect, bind], Outcome::timed(timed_by_bind, Some(timed_by_connect))))
}
