//! The parent's hold on one worker process: start it, talk to it, be rid of it.

use std::io::{BufRead, BufReader, Write};
use std::marker::PhantomData;
use std::path::Path;
use std::process::{Child, ChildStdin, Command as Process, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::message::{Command, Reply};
use super::{Opened, Work};

/// How long a worker that has nothing left to do may take to end: closing a context is a matter of
/// milliseconds, on a machine that is short of cores perhaps of seconds.
const GRACE: Duration = Duration::from_secs(20);

/// A worker process that does `W`; killed when dropped.
pub struct Worker<W> {
    child: Child,
    stdin: Option<ChildStdin>,
    replies: Receiver<String>,
    work: PhantomData<fn(W)>,
}

impl<W: Work> Worker<W> {
    /// Starts this very program with the subcommand by which it [serves](super::serve()) `W`;
    /// `stderr` is where its remarks go.
    ///
    /// # Errors
    ///
    /// If the system does not start it.
    pub fn start(subcommand: &str, stderr: Stdio) -> Result<Self> {
        let program = std::env::current_exe().context("finding this program's own file")?;
        Self::start_program(&program, subcommand, stderr)
    }

    /// The same with another program that serves `W`.
    ///
    /// # Errors
    ///
    /// If the system does not start it.
    pub fn start_program(program: &Path, subcommand: &str, stderr: Stdio) -> Result<Self> {
        let mut command = Process::new(program);
        command.arg(subcommand);
        Self::start_command(command, stderr)
    }

    /// The same by a command.
    ///
    /// # Errors
    ///
    /// If the system does not start it.
    pub(crate) fn start_command(mut command: Process, stderr: Stdio) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("starting {} as a worker", command.get_program().display()))?;
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
        Ok(Self { child, stdin, replies, work: PhantomData })
    }

    /// Has it make its sockets.
    ///
    /// # Errors
    ///
    /// What the worker says of it; or that it died, or gave no answer until `deadline`.
    pub(super) fn open(&mut self, job: &W::Job, deadline: Instant) -> Result<Opened> {
        self.tell(&Command::Open(job))?;
        match self.reply(deadline)? {
            Reply::Opened(opened) => Ok(opened),
            Reply::Failed(why) => bail!(why),
            Reply::Ran(_) => bail!("a worker answered a question that nobody asked"),
        }
    }

    /// Lets it do a step, without waiting for the outcome.
    pub(super) fn begin(&mut self, step: &W::Step) -> Result<()> {
        self.tell(&Command::Run(step))
    }

    /// Waits for the outcome of the step.
    ///
    /// # Errors
    ///
    /// As those of [`open`](Self::open).
    pub(super) fn outcome(&mut self, deadline: Instant) -> Result<W::Outcome> {
        match self.reply(deadline)? {
            Reply::Ran(outcome) => Ok(outcome),
            Reply::Failed(why) => bail!(why),
            Reply::Opened(_) => bail!("a worker answered a question that nobody asked"),
        }
    }

    /// Lets it end by itself, and complains if it does not.
    pub(super) fn finish(mut self) -> Result<()> {
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

    fn tell(&mut self, command: &Command<&W::Job, &W::Step>) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the worker was told to end before")?;
        let mut line = serde_json::to_vec(command)?;
        line.push(b'\n');
        stdin.write_all(&line).context("a worker ended too early")
    }

    fn reply(&mut self, deadline: Instant) -> Result<Reply<W::Outcome>> {
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

impl<W> Drop for Worker<W> {
    fn drop(&mut self) {
        // Both fail only where the worker has already ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::case::{Backend, Case, Kind, Pattern, Transport};
    use crate::ends::Ends;
    use crate::job::{Cores, Job};

    /// Why this test program, started with an argument, is no worker.
    fn refusal(argument: &str) -> String {
        let (kind, pattern) = (Kind::Throughput, Pattern::PushPull);
        let case = Case::usual(kind, Transport::Tcp, pattern, Backend::Floor, 1);
        let (endpoint, cores) = (String::new(), Cores::default());
        let job = Job { case, side: None, endpoint, cores, patience_ms: 1, keys: None };
        let mut worker = Worker::<Ends>::start(argument, Stdio::null()).unwrap();
        format!("{:#}", worker.open(&job, Instant::now() + GRACE).unwrap_err())
    }

    #[test]
    fn a_program_that_is_no_worker_is_an_error_and_no_hang() {
        // Either may have ended before it is told anything.
        let too_early = |error: &str| error.starts_with("a worker ended too early");
        let prints_something_else = refusal("--list");
        let said = prints_something_else.contains("is no reply");
        assert!(said || too_early(&prints_something_else), "{prints_something_else}");
        let dies = refusal("--no-such-option");
        assert!(dies == "a worker died" || too_early(&dies), "{dies}");
    }
}
