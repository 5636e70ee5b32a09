//! A short-lived peer: a `drive` process that is asked, killed and replaced.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child as Process, ChildStdin, Command as Program, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::command::{Answer, Command, Op};

/// What a child is granted beyond the deadline that it keeps itself.
const GRACE: Duration = Duration::from_secs(5);
/// How long a command of the soak may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a child is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    #[error("the child cannot be started or talked to: {0}")]
    Io(#[from] io::Error),
    #[error("the child answered nothing to {0} in time")]
    Silent(String),
    #[error("the child died during {0}")]
    Dead(String),
    #[error("the child failed: {0}")]
    Failed(String),
}

/// One `ringmq-peer drive` process; killed when dropped.
pub(crate) struct Child {
    process: Process,
    input: ChildStdin,
    answers: Receiver<Answer>,
}

impl Child {
    /// Starts a child with these flags and waits until its socket is open.
    pub(crate) fn start(flags: &[String]) -> Result<Self, ChildError> {
        let mut process = Program::new(std::env::current_exe()?)
            .arg("drive")
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("no pipes to the child").into());
        };
        let (sender, answers) = channel();
        // Ends with the child, whose end of the pipe it reads.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Ok(answer) = serde_json::from_str(&line) else { return };
                if sender.send(answer).is_err() {
                    return;
                }
            }
        });
        let child = Self { process, input, answers };
        child.finish("start")?;
        Ok(child)
    }

    /// Gives a command and goes on.
    pub(crate) fn begin(&mut self, op: Op) -> Result<(), ChildError> {
        let timeout_ms = PATIENCE.as_millis() as u64;
        let command = Command { op, timeout_ms, envelope: Vec::new() };
        let line = serde_json::to_string(&command).map_err(io::Error::from)?;
        writeln!(self.input, "{line}").map_err(|_| ChildError::Dead(format!("{:?}", command.op)))
    }

    /// The answer to the oldest command that was begun, which is told in words.
    fn finish(&self, what: &str) -> Result<Answer, ChildError> {
        match self.answers.recv_timeout(PATIENCE + GRACE) {
            Ok(answer) if answer.ok => Ok(answer),
            Ok(answer) => Err(ChildError::Failed(answer.error.unwrap_or_default())),
            Err(RecvTimeoutError::Timeout) => Err(ChildError::Silent(what.to_owned())),
            Err(RecvTimeoutError::Disconnected) => Err(ChildError::Dead(what.to_owned())),
        }
    }

    /// Gives a command and waits for its answer.
    pub(crate) fn call(&mut self, op: Op) -> Result<Answer, ChildError> {
        let what = format!("{op:?}");
        self.begin(op)?;
        self.finish(&what)
    }

    /// Has the child deliver what lingers, and leave by itself.
    pub(crate) fn close(mut self) -> Result<(), ChildError> {
        self.call(Op::Close)?;
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A child that has left by itself cannot be killed any more, and that is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
