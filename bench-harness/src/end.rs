//! One end of an open connection, and the loops that every subject runs through.
//!
//! A subject (a bare socket, a ring, ringmq) supplies one message at a time by the traits below; the
//! loops here stamp, check and time. So all of them are measured by the same code, and no number in
//! the report exists without every message behind it having been checked. An [`End`] belongs to one
//! thread.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::case::Load;
use crate::job::{Outcome, Phase};
use crate::patience::Patience;
use crate::payload::{Checker, Stamper};
use crate::schedule::{self, Client, Schedule};
use crate::stats::RoundTrips;
use crate::worker::Opened;

/// One end, ready to move messages.
pub trait End: Send {
    /// Moves the messages of a phase, or makes its round trips.
    fn run(&mut self, phase: Phase) -> Result<Outcome>;
}

/// An end whose socket exists and whose peer may not have come yet.
pub struct Opening {
    /// What the other side has to know.
    pub opened: Opened,
    /// Waits for the peer, on the thread that will use the end.
    pub finish: Box<dyn FnOnce() -> Result<Box<dyn End>> + Send>,
}

impl Opening {
    /// An end that has nothing to wait for.
    pub(crate) fn ready(opened: Opened, end: Box<dyn End>) -> Self {
        Self { opened, finish: Box::new(move || Ok(end)) }
    }
}

/// Sends messages one way.
pub trait Source: Send {
    /// Sends the next message of `stamper`.
    fn send(&mut self, stamper: &mut Stamper) -> Result<()>;

    /// Lets go of whatever is still held back.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Receives messages one way.
pub trait Sink: Send {
    /// Receives one message and has `checker` look at it.
    fn recv(&mut self, checker: &mut Checker) -> Result<()>;
}

/// Sends a message and waits for it to come back.
pub trait Asker: Send {
    /// Makes one round trip.
    fn ask(&mut self, stamper: &mut Stamper, checker: &mut Checker) -> Result<()>;

    /// From now on answers are looked for with [`Self::try_answer`], without waiting for them.
    fn stop_waiting(&mut self) -> Result<()> {
        Ok(())
    }

    /// Sends the next message, whatever has come back of those before it.
    fn question(&mut self, _: &mut Stamper) -> Result<()> {
        bail!("this end does not ask on a schedule")
    }

    /// Has `checker` look at the next message that came back, if one is there.
    fn try_answer(&mut self, _: &mut Checker) -> Result<bool> {
        bail!("this end does not ask on a schedule")
    }
}

/// Sends every message back.
pub trait Answerer: Send {
    /// Waits for one message and answers it.
    fn answer(&mut self) -> Result<()>;
}

/// The end that sends.
pub struct Sending<S> {
    source: S,
    stamper: Stamper,
}

impl<S: Source> Sending<S> {
    /// Sends messages of `size` bytes to `source`.
    pub fn new(source: S, size: usize) -> Self {
        Self::of(source, Stamper::new(size))
    }

    /// Sends the messages of `stamper` to `source`.
    pub fn of(source: S, stamper: Stamper) -> Self {
        Self { source, stamper }
    }
}

impl<S: Source> End for Sending<S> {
    fn run(&mut self, Phase { count, .. }: Phase) -> Result<Outcome> {
        for sent in 0..count {
            self.source
                .send(&mut self.stamper)
                .with_context(|| format!("sending message {sent} of {count} of this phase"))?;
        }
        self.source.flush().context("sending the last messages")?;
        Ok(Outcome { messages: count, ..Outcome::default() })
    }
}

/// The end that receives, and takes the time from the first message to the last.
pub struct Receiving<S> {
    sink: S,
    checker: Checker,
}

impl<S: Sink> Receiving<S> {
    /// Expects messages of `size` bytes from `sink`.
    pub fn new(sink: S, size: usize) -> Self {
        Self::of(sink, Checker::new(size))
    }

    /// Expects what `checker` does from `sink`.
    pub fn of(sink: S, checker: Checker) -> Self {
        Self { sink, checker }
    }

    fn recv(&mut self) -> Result<()> {
        self.sink.recv(&mut self.checker).with_context(|| receiving(&self.checker))
    }
}

impl<S: Sink> End for Receiving<S> {
    fn run(&mut self, Phase { count, .. }: Phase) -> Result<Outcome> {
        if count == 0 {
            return Ok(Outcome::default());
        }
        self.recv()?;
        let first = Instant::now();
        for _ in 1..count {
            self.recv()?;
        }
        let elapsed_ns = first.elapsed().as_nanos() as u64;
        Ok(Outcome { messages: count, elapsed_ns, histogram: Vec::new() })
    }
}

/// Says how far the receiver had come when it failed.
pub fn receiving(checker: &Checker) -> String {
    format!("receiving, after {} good messages of {} bytes", checker.seen(), checker.size())
}

/// The end that asks, and times every round trip.
pub struct Asking<A> {
    asker: A,
    stamper: Stamper,
    checker: Checker,
    patience: Patience,
}

impl<A: Asker> Asking<A> {
    /// Sends messages of `size` bytes round through `asker`; `patience` is for answers to questions on
    /// a schedule.
    pub fn new(asker: A, size: usize, patience: Patience) -> Self {
        Self { asker, stamper: Stamper::new(size), checker: Checker::new(size), patience }
    }

    /// One question after the other, each after a pause.
    fn in_turn(&mut self, count: u64, pause: Duration) -> Result<RoundTrips> {
        let mut trips = RoundTrips::default();
        for _ in 0..count {
            if !pause.is_zero() {
                thread::sleep(pause);
            }
            let sent = Instant::now();
            self.asker
                .ask(&mut self.stamper, &mut self.checker)
                .with_context(|| receiving(&self.checker))?;
            trips.record(sent.elapsed());
        }
        Ok(trips)
    }
}

impl<A: Asker> End for Asking<A> {
    fn run(&mut self, Phase { count, load }: Phase) -> Result<Outcome> {
        let start = Instant::now();
        let trips = match load {
            Load::Closed => self.in_turn(count, Duration::ZERO)?,
            Load::Pause { us } => self.in_turn(count, Duration::from_micros(us))?,
            Load::Rate { per_s } => {
                self.asker.stop_waiting()?;
                let schedule = Schedule::new(per_s, count, self.stamper.size());
                schedule::drive(&mut OnSchedule { start: Instant::now(), asking: self }, schedule)?
            }
        };
        let elapsed_ns = start.elapsed().as_nanos() as u64;
        Ok(Outcome { messages: count, elapsed_ns, histogram: trips.pairs() })
    }
}

/// The end that asks, seen from the schedule of its questions.
struct OnSchedule<'a, A> {
    start: Instant,
    asking: &'a mut Asking<A>,
}

impl<A: Asker> Client for OnSchedule<'_, A> {
    #[inline]
    fn now(&mut self) -> Duration {
        self.start.elapsed()
    }

    #[inline]
    fn send(&mut self) -> Result<()> {
        self.asking.patience.progress();
        self.asking.asker.question(&mut self.asking.stamper)
    }

    #[inline]
    fn try_recv(&mut self) -> Result<bool> {
        let there = self
            .asking
            .asker
            .try_answer(&mut self.asking.checker)
            .with_context(|| receiving(&self.asking.checker))?;
        if there {
            self.asking.patience.progress();
        }
        Ok(there)
    }

    #[inline]
    fn idle(&mut self) -> Result<()> {
        self.asking.patience.again()
    }
}

/// The end that answers.
pub struct Answering<A>(pub A);

impl<A: Answerer> End for Answering<A> {
    fn run(&mut self, Phase { count, .. }: Phase) -> Result<Outcome> {
        for done in 0..count {
            self.0.answer().with_context(|| format!("answering message {done} of this phase"))?;
        }
        Ok(Outcome { messages: count, ..Outcome::default() })
    }
}
