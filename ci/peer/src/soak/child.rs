//! A short-lived peer: a `drive` process that is asked, killed and replaced.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child as Process, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

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
    answers: Receiver<Value>,
}

impl Child {
    /// Starts a child with these flags and waits until its socket is open.
    pub(crate) fn start(flags: &[String]) -> Result<Self, ChildError> {
        let mut process = Command::new(std::env::current_exe()?)
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
    pub(crate) fn begin(&mut self, op: &str, fields: &Value) -> Result<(), ChildError> {
        let mut command = fields.clone();
        command["op"] = json!(op);
        command["timeout_ms"] = json!(PATIENCE.as_millis() as u64);
        writeln!(self.input, "{command}").map_err(|_| ChildError::Dead(op.to_owned()))
    }

    /// The answer to the oldest command that was begun.
    pub(crate) fn finish(&self, op: &str) -> Result<Value, ChildError> {
        match self.answers.recv_timeout(PATIENCE + GRACE) {
            Ok(answer) if answer["ok"] == true => Ok(answer),
            Ok(answer) => Err(ChildError::Failed(answer["error"].to_string())),
            Err(RecvTimeoutError::Timeout) => Err(ChildError::Silent(op.to_owned())),
            Err(RecvTimeoutError::Disconnected) => Err(ChildError::Dead(op.to_owned())),
        }
    }

    /// Gives a command and waits for its answer.
    pub(crate) fn call(&mut self, op: &str, fields: &Value) -> Result<Value, ChildError> {
        self.begin(op, fields)?;
        self.finish(op)
    }

    /// Has the child deliver what lingers, and leave by itself.
    pub(crate) fn close(mut self) -> Result<(), ChildError> {
        self.call("close", &json!({}))?;
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
