//! The worker: a process that plays one end of a connection, or both on two threads.
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
use crate::errand::{Command, Errand, Reply};
use crate::part::{Opening, Orders};
use crate::protocol::Outcome;
use crate::{pin, rival};

/// Serves the parent until it has had enough.
pub(crate) fn serve() -> Result<()> {
    let mut ends = Vec::new();
    for line in io::stdin().lock().lines() {
        let command = serde_json::from_str(&line.context("reading from the parent")?)
            .context("the parent sent something else than a command")?;
        let reply = match command {
            Command::Open(errand) => open(&errand, &mut ends).map(Reply::Opened),
            Command::Run(count) => run(&ends, count).map(Reply::Ran),
        };
        let reply = reply.unwrap_or_else(|error| Reply::Failed(format!("{error:#}")));
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &reply).context("answering the parent")?;
        out.write_all(b"\n").and_then(|()| out.flush()).context("answering the parent")?;
    }
    std::process::exit(0)
}

/// The parent's side of a thread that plays an end.
struct Stage {
    orders: UnboundedSender<u64>,
    news: Receiver<Result<News>>,
}

/// What an end reports.
enum News {
    Opened(String),
    Ran(Outcome),
}

/// Opens the ends one after the other, the one that binds first.
fn open(errand: &Errand, stages: &mut Vec<Stage>) -> Result<String> {
    let sides = match errand.side {
        Some(side) => vec![side],
        None => vec![Side::Bind, Side::Connect],
    };
    let mut endpoint = errand.endpoint.clone();
    for side in sides {
        let stage = Stage::raise(errand.clone(), side);
        match stage.hear()? {
            News::Opened(at) => endpoint = at,
            News::Ran(_) => bail!("an end ran before it was told to"),
        }
        stages.push(stage);
    }
    Ok(endpoint)
}

/// Runs a phase on all ends at once; the outcome is that of the end that took the time.
fn run(stages: &[Stage], count: u64) -> Result<Outcome> {
    for stage in stages {
        stage.orders.unbounded_send(count).map_err(|_| anyhow!("an end is gone"))?;
    }
    let mut timed = Outcome::default();
    for stage in stages {
        match stage.hear()? {
            News::Ran(outcome) if outcome.elapsed_ns > 0 || timed.messages == 0 => timed = outcome,
            News::Ran(_) => {}
            News::Opened(_) => bail!("an end opened twice"),
        }
    }
    Ok(timed)
}

impl Stage {
    /// Starts the thread of one end.
    fn raise(errand: Errand, side: Side) -> Self {
        let (orders, inbox) = unbounded();
        let (reports, news) = channel();
        thread::spawn(move || {
            let played = catch_unwind(AssertUnwindSafe(|| play(&errand, side, inbox, &reports)));
            let last_words = match played {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(panic) => anyhow!("panicked: {}", message_of(&*panic)),
            };
            // Nobody hears it only where the worker ends anyway.
            let _ = reports.send(Err(last_words));
        });
        Self { orders, news }
    }

    fn hear(&self) -> Result<News> {
        self.news.recv().context("a thread of the worker died")?
    }
}

/// Plays one end: the threads that it starts while it opens go to the core for I/O, and the thread
/// itself then to the application's core.
fn play(
    errand: &Errand,
    side: Side,
    mut orders: Orders,
    news: &Sender<Result<News>>,
) -> Result<()> {
    pin::pin_current(errand.cores.io_of(side));
    let Opening { endpoint, finish } = rival::open(errand, side)?;
    if news.send(Ok(News::Opened(endpoint))).is_err() {
        return Ok(());
    }
    let Some(mut count) = futures::executor::block_on(futures::StreamExt::next(&mut orders)) else {
        return Ok(());
    };
    let mut part = finish()?;
    pin::pin_current(errand.cores.of(side));
    loop {
        let outcome = part.run(count)?;
        if news.send(Ok(News::Ran(outcome))).is_err() {
            return Ok(());
        }
        match part.order(&mut orders) {
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
