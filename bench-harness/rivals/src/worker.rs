//! The worker: a process that is one end of a connection, or both on two threads.
//!
//! It reads commands from stdin, writes replies to stdout, and is gone when stdin closes: what a rival
//! does while it shuts down is not measured, and nothing of it may keep the run waiting. Each end
//! lives on a thread of its own, which stays on its core.

use std::any::Any;
use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use futures::channel::mpsc::{UnboundedSender, unbounded};

use crate::case::Side;
use crate::job::{Command, Job, Reply};
use crate::local_end::{Opening, Orders};
use crate::protocol::Outcome;
use crate::{pin, rival};

/// Serves the parent until it has had enough.
pub(crate) fn serve() -> Result<()> {
    let mut ends = Vec::new();
    for line in io::stdin().lock().lines() {
        let command = serde_json::from_str(&line.context("reading from the parent")?)
            .context("the parent sent something else than a command")?;
        let reply = match command {
            Command::Open(job) => open(&job, &mut ends).map(Reply::Opened),
            Command::Run(count) => run(&ends, count).map(Reply::Ran),
        };
        let reply = reply.unwrap_or_else(|error| Reply::Failed(format!("{error:#}")));
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &reply).context("answering the parent")?;
        out.write_all(b"\n").and_then(|()| out.flush()).context("answering the parent")?;
    }
    std::process::exit(0)
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

/// Opens the ends one after the other, the one that binds first.
fn open(job: &Job, threads: &mut Vec<EndThread>) -> Result<String> {
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
        threads.push(thread);
    }
    Ok(endpoint)
}

/// Runs a phase on all ends at once; the outcome is that of the end that took the time.
fn run(threads: &[EndThread], count: u64) -> Result<Outcome> {
    for thread in threads {
        thread.orders.unbounded_send(count).map_err(|_| anyhow!("an end is gone"))?;
    }
    let mut timed = Outcome::default();
    for thread in threads {
        match thread.report()? {
            Report::Ran(outcome) if outcome.elapsed_ns > 0 || timed.messages == 0 => {
                timed = outcome
            }
            Report::Ran(_) => {}
            Report::Opened(_) => bail!("an end opened twice"),
        }
    }
    Ok(timed)
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
