//! What a worker does: it is one end of a connection, or both on two threads.
//!
//! It is gone as soon as the parent has had enough: what a rival does while it shuts down is not
//! measured, and nothing of it may keep the run waiting. Each end lives on a thread of its own,
//! which stays on its core.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use futures::channel::mpsc::{UnboundedSender, unbounded};
use ringmq_bench::case::Side;
use ringmq_bench::job::Outcome;
use ringmq_bench::pin;
use ringmq_bench::worker::{self, Opened, Work};
use rustix::time::{ClockId, clock_gettime};

use crate::job::{Account, Job};
use crate::local_end::{Opening, Orders};
use crate::rival;

/// Serves the parent until it has had enough.
pub(crate) fn serve() -> Result<()> {
    worker::serve(Ends::default())?;
    std::process::exit(0)
}

/// The threads of the ends, the one that binds first.
#[derive(Default)]
pub(crate) struct Ends(Vec<EndThread>);

impl Work for Ends {
    type Job = Job;
    /// Messages of a phase.
    type Step = u64;
    type Outcome = Account;

    /// Opens the ends one after the other.
    fn open(&mut self, job: Job) -> Result<Opened> {
        let sides = match job.side {
            Some(side) => vec![side],
            None => vec![Side::Bind, Side::Connect],
        };
        let mut endpoint = job.endpoint.clone();
        for side in sides {
            let thread = EndThread::spawn(job.clone(), side);
            match thread.report()? {
                Report::Opened(at) => endpoint = at,
                Report::Ran(_) => bail!("an end ran before it was told to"),
            }
            self.0.push(thread);
        }
        Ok(Opened { endpoint, subject: job.contender.to_string() })
    }

    /// Runs a phase on all ends at once; the outcome is that of the end that took the time.
    fn run(&mut self, count: u64) -> Result<Account> {
        for thread in &self.0 {
            thread.orders.unbounded_send(count).map_err(|_| anyhow!("an end is gone"))?;
        }
        let mut timed = Outcome::default();
        for thread in &self.0 {
            match thread.report()? {
                Report::Ran(outcome) if outcome.elapsed_ns > 0 || timed.messages == 0 => {
                    timed = outcome;
                }
                Report::Ran(_) => {}
                Report::Opened(_) => bail!("an end opened twice"),
            }
        }
        Ok(Account { outcome: timed, cpu: cpu_time() })
    }
}

/// CPU time of all threads of this process so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// The worker's hold on a thread that is an end.
struct EndThread {
    orders: UnboundedSender<u64>,
    reports: Receiver<Result<Report>>,
}

/// What an end reports.
enum Report {
    Opened(String),
    Ran(Outcome),
}

impl EndThread {
    /// Starts the thread of one end.
    fn spawn(job: Job, side: Side) -> Self {
        let (orders, inbox) = unbounded();
        let (sender, reports) = channel();
        thread::spawn(move || {
            let ended = catch_unwind(AssertUnwindSafe(|| run_end(&job, side, inbox, &sender)));
            let last_words = match ended {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(panic) => anyhow!("panicked: {}", message_of(&*panic)),
            };
            // Nobody listens only where the worker ends anyway.
            let _ = sender.send(Err(last_words));
        });
        Self { orders, reports }
    }

    fn report(&self) -> Result<Report> {
        self.reports.recv().context("a thread of the worker died")?
    }
}

/// Is one end: the threads that it starts while it opens go to the core for I/O, and the thread
/// itself then to the application's core.
fn run_end(
    job: &Job,
    side: Side,
    mut orders: Orders,
    reports: &Sender<Result<Report>>,
) -> Result<()> {
    pin::pin_current(job.cores.io_of(side));
    let Opening { endpoint, finish } = rival::open(job, side)?;
    if reports.send(Ok(Report::Opened(endpoint))).is_err() {
        return Ok(());
    }
    let Some(mut count) = futures::executor::block_on(futures::StreamExt::next(&mut orders)) else {
        return Ok(());
    };
    let mut end = finish()?;
    pin::pin_current(job.cores.of(side));
    loop {
        let outcome = end.run(count)?;
        if reports.send(Ok(Report::Ran(outcome))).is_err() {
            return Ok(());
        }
        match end.order(&mut orders) {
            Some(next) => count = next,
            None => return Ok(()),
        }
    }
}

/// What a panic said.
fn message_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}
