//! The parent's hold on a worker process: start it, talk to it, be rid of it.
//!
//! Every wait has a deadline, and a worker is killed by its process id when its [`Worker`] is dropped:
//! a rival that hangs costs its deadline and nothing else.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command as Process, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::job::{Command, Job, Reply};
use crate::protocol::Outcome;

/// The argument that makes this program a worker.
pub(crate) const WORKER: &str = "worker";

/// A worker process.
pub(crate) struct Worker {
    child: Child,
    stdin: ChildStdin,
    replies: Receiver<String>,
}

impl Worker {
    /// Starts this very program as a worker.
    pub(crate) fn start() -> Result<Self> {
        let program = std::env::current_exe().context("finding this program's own file")?;
        let mut child = Process::new(&program)
            .arg(WORKER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What a rival prints while it fails is in its reply, or it is noise.
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {} as a worker", program.display()))?;
        let stdin = child.stdin.take().context("a worker without stdin")?;
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

    /// Has it make its sockets; the endpoint that it bound or connected to.
    pub(crate) fn open(&mut self, job: &Job, deadline: Instant) -> Result<String> {
        self.tell(&Command::Open(Box::new(job.clone())))?;
        match self.reply(deadline).context("while it made its sockets")? {
            Reply::Opened(endpoint) => Ok(endpoint),
            Reply::Failed(why) => bail!(why),
            Reply::Ran(_) => bail!("a worker answered a question that nobody asked"),
        }
    }

    /// Lets it run a phase, without waiting for the outcome.
    pub(crate) fn run(&mut self, count: u64) -> Result<()> {
        self.tell(&Command::Run(count))
    }

    /// Waits for the outcome of the phase.
    pub(crate) fn outcome(&mut self, deadline: Instant) -> Result<Outcome> {
        match self.reply(deadline)? {
            Reply::Ran(outcome) => Ok(outcome),
            Reply::Failed(why) => bail!(why),
            Reply::Opened(_) => bail!("a worker answered a question that nobody asked"),
        }
    }

    fn tell(&mut self, command: &Command) -> Result<()> {
        let mut line = serde_json::to_vec(command)?;
        line.push(b'\n');
        self.stdin.write_all(&line).context("it died")
    }

    fn reply(&mut self, deadline: Instant) -> Result<Reply> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.replies.recv_timeout(left) {
            Ok(line) => serde_json::from_str(&line)
                .with_context(|| format!("a worker said something that is no reply: {line}")),
            Err(RecvTimeoutError::Timeout) => bail!("it hung and was ended"),
            Err(RecvTimeoutError::Disconnected) => bail!("it died"),
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
