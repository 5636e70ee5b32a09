//! The processes beside the attacker: the server, and its good client. Each is told what it is as JSON on its
//! command line, takes one word a line, and answers each with a line of JSON.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child as Process, ChildStdin, Command as Program, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use ringmq::auth::{CurveKeyPair, CurveSecretKey};
use ringmq::{AnySocket, Error};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::AttackError;
use crate::socket::Backend;

/// What a part is granted for an answer: no part is as slow as this unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Bytes of each of the good client's messages.
pub(crate) const SIZE: usize = 256;
/// What these begin with; a number follows.
pub(crate) const GOOD: &[u8] = b"GOOD";
/// The number of what a publisher says until somebody has told that it was heard.
pub(crate) const BEFORE: u64 = u64::MAX;
/// What a good client says that comes while the attack goes on.
pub(crate) const NEWCOMER: &[u8] = b"NEWCOMER";
/// The routing id of the good client.
pub(crate) const GOOD_ID: &str = "good";
/// What PLAIN servers let in.
pub(crate) const NAME: &str = "good";
pub(crate) const PASSWORD: &str = "secret";
/// Whom a ZAP handler never answers about.
pub(crate) const SLOW: &str = "slow";

/// Which sockets the good ones are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shape {
    /// PUSH to a PULL that binds.
    Pull,
    /// DEALER to a ROUTER that binds and sends everything back.
    Router,
    /// SUB to a PUB that binds.
    Publisher,
}

/// Who is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Guard {
    Nobody,
    /// PLAIN, with an authenticator.
    Plain,
    /// CURVE, with an authenticator.
    Curve,
    /// PLAIN, with a ZAP handler that hangs when it is asked about `SLOW`.
    Zap,
}

/// What the server is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServerPlan {
    pub(crate) shape: Shape,
    pub(crate) guard: Guard,
    pub(crate) endpoint: String,
    pub(crate) backend: Backend,
    pub(crate) options: Vec<String>,
    /// Descriptors that it may have.
    pub(crate) descriptors: Option<u64>,
}

/// What the good client is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ClientPlan {
    pub(crate) shape: Shape,
    pub(crate) guard: Guard,
    pub(crate) bound: Bound,
    pub(crate) backend: Backend,
}

/// A part of the run that has a process of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Part {
    Server(ServerPlan),
    Client(ClientPlan),
}

/// Where a server can be reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Bound {
    pub(crate) endpoint: String,
    /// Where a publisher is told what has arrived; empty of others.
    pub(crate) told: String,
    pub(crate) process: u32,
}

/// What a server is asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ServerStatus {
    /// Messages of the good client that have come, of those that it counts.
    pub(crate) good: u64,
    pub(crate) newcomers: u64,
    /// Messages of neither.
    pub(crate) foreign: u64,
    pub(crate) faults: Vec<String>,
    pub(crate) refused: u64,
    /// Bytes that are allocated, and at most since the last `mark`.
    pub(crate) heap: usize,
    pub(crate) heap_most: usize,
    /// What the monitor has told, counted by kind and reason.
    pub(crate) events: BTreeMap<String, u64>,
}

/// What a good client is asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ClientStatus {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) faults: Vec<String>,
}

/// The keys of the CURVE server, the good client, and somebody whom nobody knows.
pub(crate) fn server_keys() -> CurveKeyPair {
    CurveSecretKey::new([7; 32]).into()
}

pub(crate) fn good_keys() -> CurveKeyPair {
    CurveSecretKey::new([9; 32]).into()
}

pub(crate) fn unknown_keys() -> CurveKeyPair {
    CurveSecretKey::new([5; 32]).into()
}

/// Gives a client what it needs to be let in.
pub(crate) fn equip(client: &AnySocket, guard: Guard) -> Result<(), Error> {
    match guard {
        Guard::Nobody => Ok(()),
        Guard::Plain | Guard::Zap => {
            client.set_plain_username(NAME)?;
            client.set_plain_password(PASSWORD)
        }
        Guard::Curve => {
            client.set_curve_secret_key(good_keys().secret)?;
            client.set_curve_server_key(server_keys().public)
        }
    }
}

/// A message of the good client.
pub(crate) fn good_message(number: u64) -> [u8; SIZE] {
    let mut message = [0x67; SIZE];
    message[..GOOD.len()].copy_from_slice(GOOD);
    message[GOOD.len()..][..8].copy_from_slice(&number.to_be_bytes());
    message
}

/// The number of a message, if it is a whole one of the good client.
pub(crate) fn good_number(message: &[u8]) -> Option<u64> {
    let number = message.strip_prefix(GOOD)?.first_chunk()?;
    let number = u64::from_be_bytes(*number);
    (*message == good_message(number)).then_some(number)
}

/// A process that is a part; it is ended when this is dropped.
pub(crate) struct PartProcess {
    process: Process,
    input: ChildStdin,
    answers: Receiver<String>,
}

impl PartProcess {
    /// Starts it, and waits for what it says first.
    pub(crate) fn start<T: DeserializeOwned>(part: &Part) -> Result<(Self, T), AttackError> {
        let plan = serde_json::to_string(part).map_err(io::Error::from)?;
        let mut process = Program::new(std::env::current_exe()?)
            .args(["attack", "--part", &plan])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("no pipes to the process").into());
        };
        let (sender, answers) = channel();
        // Ends with the process, whose end of the pipe it reads.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let part = Self { process, input, answers };
        let first = part.answer("start")?;
        Ok((part, first))
    }

    /// Says a word, and waits for the answer.
    pub(crate) fn ask<T: DeserializeOwned>(&mut self, word: &str) -> Result<T, AttackError> {
        writeln!(self.input, "{word}").map_err(|_| dead(word))?;
        self.answer(word)
    }

    fn answer<T: DeserializeOwned>(&self, word: &str) -> Result<T, AttackError> {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(line) => Ok(serde_json::from_str(&line).map_err(io::Error::from)?),
            Err(RecvTimeoutError::Timeout) => {
                Err(AttackError::Broken(format!("a process hangs: no answer to {word:?}")))
            }
            Err(RecvTimeoutError::Disconnected) => Err(dead(word)),
        }
    }

    /// Has it end by itself, and waits for that.
    pub(crate) fn leave(mut self) -> Result<(), AttackError> {
        let _: bool = self.ask("leave")?;
        let status = self.process.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(AttackError::Broken(format!("a process has ended with {status}")))
    }
}

impl Drop for PartProcess {
    fn drop(&mut self) {
        // One that has left by itself cannot be killed any more, and that is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn dead(word: &str) -> AttackError {
    AttackError::Broken(format!("a process has died; it was to answer {word:?}"))
}

/// Answers each word with what `reply` makes of it, until it is `leave` or there is nobody any more.
pub(crate) fn obey(
    first: &impl Serialize,
    mut reply: impl FnMut(&str) -> Result<serde_json::Value, AttackError>,
) -> Result<(), AttackError> {
    say(first)?;
    for word in io::stdin().lines() {
        match word?.as_str() {
            "leave" => return Ok(()),
            word => say(&reply(word)?)?,
        }
    }
    // Whoever has started this has gone.
    std::process::exit(1);
}

/// Says one line.
pub(crate) fn say(answer: &impl Serialize) -> Result<(), AttackError> {
    let line = serde_json::to_string(answer).map_err(io::Error::from)?;
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_was_altered_has_no_number() {
        let mut message = good_message(u64::MAX - 1);
        assert_eq!(good_number(&message), Some(u64::MAX - 1));
        assert_eq!(good_number(&message[..SIZE - 1]), None);
        message[SIZE - 1] ^= 1;
        assert_eq!(good_number(&message), None);
    }
}
