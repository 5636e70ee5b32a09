//! The parent's hold on a worker process: start it, talk to it, be rid of it.
//!
//! Every wait has a deadline and every worker is ended by its process id at the latest when its
//! [`Worker`] is dropped, so the parent neither hangs nor leaves anything behind.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command as Process, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::protocol::{Command, Job, Opened, Outcome, Phase, Reply};

/// How long a worker that has nothing left to do may take to end: closing a context is a matter of
/// milliseconds, on a machine that is short of cores perhaps of seconds.
const GRACE: Duration = Duration::from_secs(20);

/// A worker process.
pub(crate) struct Worker {
    child: Child,
    stdin: Option<ChildStdin>,
    replies: Receiver<String>,
}

impl Worker {
    /// Starts this very program as a worker.
    pub(crate) fn start() -> Result<Self> {
        Self::start_as("worker")
    }

    /// Starts this very program with the subcommand of a worker.
    pub(crate) fn start_as(subcommand: &str) -> Result<Self> {
        let program = std::env::current_exe().context("finding this program's own file")?;
        let mut child = Process::new(&program)
            .arg(subcommand)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {} as a worker", program.display()))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("a worker without stdout")?;
        let (sender, replies) = mpsc::channel();
        thread::spawn(move || {
            // Ends with the worker, or with the parent's interest in it.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, stdin, replies })
    }

    /// Has it make its sockets.
    pub(crate) fn open(&mut self, job: &Job, limit: Duration) -> Result<Opened> {
        self.tell(&Command::Open(Box::new(job.clone())))?;
        match self.reply(Instant::now() + limit)? {
            Reply::Opened(opened) => Ok(opened),
            Reply::Failed(why) => bail!(why),
            Reply::Ran(_) => bail!("a worker answered a question that nobody asked"),
        }
    }

    /// Lets it run a phase, without waiting for the outcome.
    pub(crate) fn run(&mut self, phase: Phase) -> Result<()> {
        self.tell(&Command::Run(phase))
    }

    /// Waits for the outcome of the phase.
    pub(crate) fn outcome(&mut self, deadline: Instant) -> Result<Outcome> {
        match self.reply(deadline)? {
            Reply::Ran(outcome) => Ok(outcome),
            Reply::Failed(why) => bail!(why),
            Reply::Opened(_) => bail!("a worker answered a question that nobody asked"),
        }
    }

    /// Lets it end by itself, and complains if it does not.
    pub(crate) fn finish(mut self) -> Result<()> {
        drop(self.stdin.take());
        match self.replies.recv_timeout(GRACE) {
            Err(RecvTimeoutError::Disconnected) => {}
            Err(RecvTimeoutError::Timeout) => {
                bail!(
                    "a worker did not end within {GRACE:?} of its last message: its context hangs"
                )
            }
            Ok(line) => bail!("a worker said one thing too many: {line}"),
        }
        let status = self.child.wait().context("waiting for a worker to end")?;
        ensure!(status.success(), "a worker ended with {status}");
        Ok(())
    }

    /// Tells it something.
    pub(crate) fn tell<C: Serialize>(&mut self, command: &C) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the worker was told to end before")?;
        let mut line = serde_json::to_vec(command)?;
        line.push(b'\n');
        stdin.write_all(&line).context("a worker ended too early")
    }

    /// Waits for what it has to say.
    pub(crate) fn reply<R: DeserializeOwned>(&mut self, deadline: Instant) -> Result<R> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.replies.recv_timeout(left) {
            Ok(line) => serde_json::from_str(&line)
                .with_context(|| format!("a worker said something that is no reply: {line}")),
            Err(RecvTimeoutError::Timeout) => {
                bail!("a worker gave no answer in time; it has been ended")
            }
            Err(RecvTimeoutError::Disconnected) => bail!("a worker died"),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both fail only where the worker has already ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
