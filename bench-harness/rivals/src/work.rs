//! What a worker does: it is one end of a connection, or both on two threads.
//!
//! It is gone as soon as the parent has had enough: what a rival does while it shuts down is not
//! measured, and nothing of it may keep the run waiting. Each end lives on a thread of its own,
//! which stays on its core.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, anyhow, bail};
use futures::channel::mpsc::{UnboundedSender, unbounded};
use ringmq_bench::case::Side;
use ringmq_bench::cpu::CpuTime;
use ringmq_bench::job::{Account, Outcome};
use ringmq_bench::pin;
use ringmq_bench::worker::{self, Opened, Work};
use serde::{Deserialize, Serialize};

use crate::contender::Contender;
use crate::job::Job;
use crate::local_end::{Opening, Orders};
use crate::rival;

/// Serves the parent until it has had enough.
pub(crate) fn serve() -> Result<()> {
    worker::serve(Ends::default())?;
    std::process::exit(0)
}

/// What a worker does next.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Step {
    /// A phase of so many messages.
    Phase(u64),
    /// The end of its sockets and of their context.
    End,
}

/// The ends of a worker.
#[derive(Default)]
pub(crate) struct Ends {
    /// Their threads, the one that binds first.
    threads: Vec<EndThread>,
    contender: Option<Contender>,
    /// CPU time before the sockets were made.
    before: Option<CpuTime>,
}

impl Work for Ends {
    type Job = Job;
    type Step = Step;
    type Outcome = Account;

    /// Opens the ends one after the other.
    fn open(&mut self, job: Job) -> Result<Opened> {
        let sides = match job.side {
            Some(side) => vec![side],
            None => vec![Side::Bind, Side::Connect],
        };
        self.contender = Some(job.contender);
        self.before = CpuTime::of_this_process();
        let mut endpoint = job.endpoint.clone();
        for side in sides {
            let thread = EndThread::spawn(job.clone(), side);
            match thread.report()? {
                Report::Opened(at) => endpoint = at,
                Report::Ran(_) => bail!("an end ran before it was told to"),
            }
            self.threads.push(thread);
        }
        Ok(Opened { endpoint, subject: job.contender.to_string() })
    }

    /// Does a step with all ends at once.
    fn run(&mut self, step: Step) -> Result<Account> {
        let outcome = match step {
            Step::Phase(count) => self.phase(count)?,
            Step::End => self.end()?,
        };
        let cpu = CpuTime::of_this_process().zip(self.before);
        Ok(Account { outcome, cpu: cpu.map(|(now, before)| now.since(before)) })
    }
}

impl Ends {
    /// Runs a phase; the outcome is that of the end that took the time.
    fn phase(&mut self, count: u64) -> Result<Outcome> {
        for thread in &self.threads {
            thread.orders.unbounded_send(count).map_err(|_| anyhow!("an end is gone"))?;
        }
        let mut timed = Outcome::default();
        for thread in &self.threads {
            match thread.report()? {
                Report::Ran(outcome) if outcome.elapsed_ns > 0 || timed.messages == 0 => {
                    timed = outcome;
                }
                Report::Ran(_) => {}
                Report::Opened(_) => bail!("an end opened twice"),
            }
        }
        Ok(timed)
    }

    /// Ends all sockets and the context that they had.
    fn end(&mut self) -> Result<Outcome> {
        for EndThread { orders, thread, .. } in self.threads.drain(..) {
            drop(orders);
            thread.join().map_err(|_| anyhow!("an end panicked when it ended"))?;
        }
        rival::end_context(self.contender.context("nothing is open")?)?;
        Ok(Outcome::default())
    }
}

/// The worker's hold on a thread that is an end.
struct EndThread {
    orders: UnboundedSender<u64>,
    reports: Receiver<Result<Report>>,
    thread: JoinHandle<()>,
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
        let thread = thread::spawn(move || {
            let ended = catch_unwind(AssertUnwindSafe(|| run_end(&job, side, inbox, &sender)));
            let last_words = match ended {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(panic) => anyhow!("panicked: {}", message_of(&*panic)),
            };
            // Nobody listens only where the worker ends anyway.
            let _ = sender.send(Err(last_words));
        });
        Self { orders, reports, thread }
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
