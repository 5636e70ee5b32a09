//! The commands, carried out on one socket.
//!
//! Twin of `ci/interop_lib/pyzmq_peer.py`: the same commands, the same answers. Every wait is
//! cut into slices, so that a stop or a deadline is seen soon.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ringmq::{AnySocket, Context, Error, Message, Monitor};
use serde_json::{Value, json};

use crate::command::{Command, Op};
use crate::drive::DriveArgs;
use crate::outcome::outcome;
use crate::pattern::{Pattern, parse_probe, probe};
use crate::socket::{Kind, SLICE, set_option, try_receive, try_send};
use crate::tracker::Tracker;

/// Slices that a probe is given to come back before the next one is sent.
const SLICES_PER_PROBE: u32 = 5;

/// A pause between two tries when neither reading nor writing can wait for the other.
const BREATH: Duration = Duration::from_millis(1);

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Halt {
    /// The driver said so; what was done so far counts.
    #[error("stopped")]
    Stopped,
    #[error("deadline passed")]
    Deadline,
    #[error("{0}")]
    Wrong(String),
    #[error(transparent)]
    Socket(#[from] Error),
}

/// One socket and what it has received.
pub(crate) struct Peer {
    kind: Kind,
    /// Dropped by a close, before the context.
    socket: Option<AnySocket>,
    monitor: Option<Monitor>,
    context: Context,
    pattern: Pattern,
    tracker: Tracker,
    envelope: Vec<Vec<u8>>,
    deadline: Instant,
    /// The number of the command under way, and (by the driver) of the last one to stop.
    running: u64,
    stopped: Arc<AtomicU64>,
}

impl Peer {
    pub(crate) fn open(args: &DriveArgs, stopped: Arc<AtomicU64>) -> Result<Self, Error> {
        let (context, socket) = args.socket.open()?;
        args.judge.install(&context, &socket)?;
        let monitor = args.monitor.then(|| socket.monitor());
        args.socket.attach(&socket)?;
        Ok(Self {
            kind: args.socket.kind,
            socket: Some(socket),
            monitor,
            context,
            pattern: Pattern::new(args.seed, args.tagged_from, args.max_body),
            tracker: Tracker::default(),
            envelope: Vec::new(),
            deadline: Instant::now(),
            running: 0,
            stopped,
        })
    }

    /// The first line that the driver reads.
    pub(crate) fn introduction(&self) -> Value {
        json!({
            "ok": true,
            "endpoint": self.socket.as_ref().map(AnySocket::last_endpoint),
            "backend": self.context.backend().map(|report| report.kind.name()).ok(),
            "pid": std::process::id(),
        })
    }

    /// Carries out one command; the answer says whether it was right.
    pub(crate) fn run(&mut self, command: &Command) -> Value {
        self.running += 1;
        self.deadline = Instant::now() + Duration::from_millis(command.timeout_ms);
        let answer = decode(&command.envelope).and_then(|envelope| {
            self.envelope = envelope;
            self.carry_out(&command.op)
        });
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(halt) => {
                let mut answer = self.report(json!({}));
                answer["error"] = json!(format!("{:?}: {halt}", command.op));
                answer
            }
        };
        answer["ok"] = json!(answer.get("error").is_none());
        answer
    }

    fn carry_out(&mut self, op: &Op) -> Result<Value, Halt> {
        match op {
            Op::Stop => Ok(json!({})),
            Op::Send { stream, first, count } => self.send_stream(*stream, *first, *count),
            Op::Recv { stream, count, last, probe } => {
                self.receive_until(*stream, *count, *last, *probe)
            }
            Op::Probe { number } => self.probe(*number),
            Op::Serve { count } => self.serve(count.unwrap_or(u64::MAX)),
            Op::Request { stream, first, count, window } => {
                self.request(*stream, *first, *count, *window)
            }
            Op::Sync { number } => self.sync(*number),
            Op::Set { name, value } => {
                set_option(self.socket()?, name, &value.to_string())?;
                Ok(json!({}))
            }
            Op::Subscribe { topic } => self.subscribe(topic),
            Op::Unsubscribe { topic } => self.unsubscribe(topic),
            Op::Outcome => self.outcome(),
            Op::Connect { endpoint } => {
                self.socket()?.connect(endpoint)?;
                Ok(json!({}))
            }
            Op::SendRaw { frames } => {
                self.send(&decode(frames)?)?;
                Ok(json!({}))
            }
            Op::RecvRaw { properties } => {
                let frames = self.receive()?;
                Ok(json!({
                    "frames": frames.iter().map(hex::encode).collect::<Vec<_>>(),
                    "properties": said_of(frames.last(), properties),
                }))
            }
            Op::Close => {
                drop(self.socket.take());
                self.context.term();
                Ok(json!({ "closed": true }))
            }
        }
    }

    // -- commands ---------------------------------------------------------------------------

    fn send_stream(&mut self, stream: u32, first: u64, count: u64) -> Result<Value, Halt> {
        let mut sent = 0;
        unless_stopped((first..first + count).try_for_each(|seq| {
            self.send(&self.pattern.frames(stream, seq))?;
            sent += 1;
            Ok(())
        }))?;
        Ok(json!({ "sent": sent }))
    }

    fn receive_until(
        &mut self,
        stream: u32,
        count: Option<u64>,
        last: Option<u64>,
        probe: Option<u64>,
    ) -> Result<Value, Halt> {
        let target = count.map(|count| self.tracker.count(stream) + count);
        self.tracker.expect(stream, 0);
        while target.is_none_or(|target| self.tracker.count(stream) < target)
            && last.is_none_or(|last| self.tracker.last(stream).is_none_or(|got| got < last))
            && probe.is_none_or(|probe| !self.tracker.has_probe(probe))
        {
            if let Some(frames) = self.try_receive(true)? {
                self.tracker.take(&self.pattern, &frames);
            } else if stopped(self.check())? {
                break;
            }
        }
        Ok(self.report(json!({})))
    }

    fn probe(&mut self, number: u64) -> Result<Value, Halt> {
        let mut sent = 0_u32;
        loop {
            sent += u32::from(self.try_send(&[probe(number)], true)?);
            if stopped(self.check())? {
                return Ok(json!({ "sent": sent }));
            }
            thread::sleep(SLICE);
        }
    }

    /// Reading goes on while an answer finds no room: a dead peer's connection is only let go
    /// of once everything that it had sent has been read.
    fn serve(&mut self, count: u64) -> Result<Value, Halt> {
        let mut served = 0;
        let mut pending: VecDeque<Vec<Message>> = VecDeque::new();
        while served < count {
            if let Some(frames) = pending.front()
                && self.try_send(frames, false)?
            {
                // A ROUTER sees the sender's id and perhaps an empty frame first.
                let is_probe = frames.last().is_some_and(|frame| parse_probe(frame).is_some());
                served += u64::from(!is_probe);
                pending.pop_front();
                continue;
            }
            match self.try_receive(pending.is_empty())? {
                Some(frames) => pending.push_back(frames),
                None if stopped(self.check())? => break,
                // With an answer that finds no room nothing above has waited.
                None if !pending.is_empty() => thread::sleep(BREATH),
                None => {}
            }
        }
        Ok(json!({ "served": served }))
    }

    fn request(&mut self, stream: u32, first: u64, count: u64, window: u64) -> Result<Value, Halt> {
        let before = self.tracker.count(stream);
        let mut sent = 0;
        self.tracker.expect(stream, first);
        loop {
            let answered = self.tracker.count(stream) - before;
            if answered >= count {
                break;
            }
            // What has come is read before anything is asked, and nobody waits to ask while an answer may be
            // on its way: those of a dead peer come before the first of its successor's.
            let waiting = sent > answered;
            let may_ask = sent < count && sent.saturating_sub(answered) < window;
            if waiting && let Some(frames) = self.try_receive(false)? {
                self.tracker.take(&self.pattern, &frames);
            } else if may_ask
                && self.try_send(&self.pattern.frames(stream, first + sent), !waiting)?
            {
                sent += 1;
            } else if let Some(frames) = self.try_receive(true)? {
                self.tracker.take(&self.pattern, &frames);
            } else if stopped(self.check())? {
                break;
            }
        }
        Ok(self.report(json!({ "sent": sent })))
    }

    fn sync(&mut self, number: u64) -> Result<Value, Halt> {
        while !self.tracker.has_probe(number) {
            self.try_send(&[probe(number)], true)?;
            for _ in 0..SLICES_PER_PROBE {
                if let Some(frames) = self.try_receive(true)? {
                    self.tracker.take(&self.pattern, &frames);
                }
                if self.tracker.has_probe(number) {
                    break;
                }
                self.check()?;
            }
        }
        Ok(self.report(json!({})))
    }

    /// An XSUB subscribes by a message, as its users must.
    fn subscribe(&mut self, topic: &str) -> Result<Value, Halt> {
        let topic = hex::decode(topic).map_err(|error| Halt::Wrong(error.to_string()))?;
        if self.kind == Kind::Xsub {
            self.send(&[[&[1], &topic[..]].concat()])?;
        } else {
            self.socket()?.subscribe(&topic)?;
        }
        Ok(json!({}))
    }

    fn unsubscribe(&mut self, topic: &str) -> Result<Value, Halt> {
        let topic = hex::decode(topic).map_err(|error| Halt::Wrong(error.to_string()))?;
        if self.kind == Kind::Xsub {
            self.send(&[[&[0], &topic[..]].concat()])?;
        } else {
            self.socket()?.unsubscribe(&topic)?;
        }
        Ok(json!({}))
    }

    fn outcome(&self) -> Result<Value, Halt> {
        let Some(monitor) = &self.monitor else {
            return Err(Halt::Wrong("there is no --monitor".to_owned()));
        };
        loop {
            match monitor.recv_timeout(SLICE) {
                Ok(event) => {
                    if let Some(outcome) = outcome(&event) {
                        return Ok(outcome);
                    }
                }
                Err(Error::WouldBlock) => self.check()?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    // -- the socket, in slices --------------------------------------------------------------

    fn socket(&self) -> Result<&AnySocket, Halt> {
        self.socket.as_ref().ok_or_else(|| Halt::Wrong("the socket is closed".to_owned()))
    }

    fn check(&self) -> Result<(), Halt> {
        if self.running <= self.stopped.load(Ordering::Acquire) {
            Err(Halt::Stopped)
        } else if Instant::now() > self.deadline {
            Err(Halt::Deadline)
        } else {
            Ok(())
        }
    }

    fn try_send<F: Clone + Into<Message>>(&self, frames: &[F], wait: bool) -> Result<bool, Halt> {
        let envelope = self.envelope.iter().map(|frame| Message::from(frame.as_slice()));
        let frames = envelope.chain(frames.iter().cloned().map(Into::into));
        Ok(try_send(self.socket()?, frames, wait)?)
    }

    fn send(&self, frames: &[Vec<u8>]) -> Result<(), Halt> {
        while !self.try_send(frames, true)? {
            self.check()?;
        }
        Ok(())
    }

    fn try_receive(&self, wait: bool) -> Result<Option<Vec<Message>>, Halt> {
        let Some(message) = try_receive(self.socket()?, wait)? else { return Ok(None) };
        let mut frames: Vec<Message> = message.into_iter().collect();
        let depth = self.envelope.len().min(frames.len());
        if !frames[..depth]
            .iter()
            .map(Message::as_slice)
            .eq(self.envelope.iter().map(Vec::as_slice))
        {
            return Err(Halt::Wrong("an answer came in another envelope".to_owned()));
        }
        Ok(Some(frames.split_off(depth)))
    }

    fn receive(&self) -> Result<Vec<Message>, Halt> {
        loop {
            if let Some(frames) = self.try_receive(true)? {
                return Ok(frames);
            }
            self.check()?;
        }
    }

    fn report(&self, mut answer: Value) -> Value {
        let report = self.tracker.report();
        answer["received"] = json!(report.received);
        answer["runs"] = json!(report.runs);
        answer["fault_count"] = json!(report.fault_count);
        answer["faults"] = json!(report.faults);
        answer["foreign"] = json!(report.foreign);
        answer
    }
}

fn decode(envelope: &[String]) -> Result<Vec<Vec<u8>>, Halt> {
    let frames = envelope.iter().map(hex::decode);
    frames.collect::<Result<_, _>>().map_err(|error| Halt::Wrong(error.to_string()))
}

/// Those of a message's properties, as text.
fn said_of(message: Option<&Message>, names: &[String]) -> BTreeMap<String, Option<String>> {
    let known = message.and_then(Message::properties);
    let value = |name: &String| {
        let value = known.as_ref().and_then(|known| known.get(name));
        value.map(|value| String::from_utf8_lossy(value).into_owned())
    };
    names.iter().map(|name| (name.clone(), value(name))).collect()
}

/// Whether the check said stop; a deadline stays an error.
fn stopped(check: Result<(), Halt>) -> Result<bool, Halt> {
    match check {
        Ok(()) => Ok(false),
        Err(Halt::Stopped) => Ok(true),
        Err(halt) => Err(halt),
    }
}

/// A stop is a good end.
fn unless_stopped(result: Result<(), Halt>) -> Result<(), Halt> {
    stopped(result).map(|_| ())
}
