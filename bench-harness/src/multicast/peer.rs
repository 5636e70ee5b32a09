//! What a worker of multicast does: the loops that every subject runs through.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::job::{
    BETWEEN, GREETING, GREETINGS, Heard, NUMBER, PATIENCE, PeerJob, PeerStep, QUIET, Subject, Tally,
};
use super::{bare, ours};
use crate::case::Side;
use crate::payload::{Checker, Stamper};
use crate::pin;
use crate::stats::RoundTrips;
use crate::worker::{Opened, Work};

/// A socket that sends to the group.
pub(super) trait Speaks: Send {
    /// Sends a message, or keeps it to send it with the next ones.
    fn speak(&mut self, body: &[u8]) -> Result<()>;

    /// Sends what is kept.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// What looks at a message.
pub(super) type Look<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;

/// A socket that is in the group.
pub(super) trait Hears: Send {
    /// From now on waits so long for each message.
    fn wait_for(&mut self, limit: Duration) -> Result<()>;

    /// Has `look` see the next message; false if none came in time.
    fn hear(&mut self, look: &mut Look<'_>) -> Result<bool>;
}

/// One side's sockets.
pub(super) struct Sockets {
    /// What it is, in words.
    pub(super) subject: String,
    /// Where it sends, if it does.
    pub(super) speaks: Option<Box<dyn Speaks>>,
    /// Where it listens.
    pub(super) hears: Vec<Box<dyn Hears>>,
}

/// A worker of multicast.
#[derive(Default)]
pub(crate) struct PeerWorker(Option<Peer>);

/// One that has opened its sockets.
struct Peer {
    job: PeerJob,
    speaks: Option<Box<dyn Speaks>>,
    listeners: Vec<Listener>,
    stamper: Stamper,
}

impl Work for PeerWorker {
    type Job = PeerJob;
    type Step = PeerStep;
    type Outcome = Heard;

    fn open(&mut self, job: PeerJob) -> Result<Opened> {
        pin::pin_current(job.cores[0]);
        let Subject::Backend(backend) = job.subject else {
            bail!("libzmq has a program of its own");
        };
        let sockets = if backend.is_floor() { bare::open(&job)? } else { ours::open(&job)? };
        let Sockets { subject, speaks, hears } = sockets;
        let listener = |hears| Listener { hears, checker: Checker::of_what_comes(job.size) };
        let listeners = hears.into_iter().map(listener).collect();
        let opened = Opened { endpoint: job.incoming.clone(), subject };
        let stamper = Stamper::new(job.size);
        self.0 = Some(Peer { job, speaks, listeners, stamper });
        Ok(opened)
    }

    fn run(&mut self, step: PeerStep) -> Result<Heard> {
        let peer = self.0.as_mut().context("nothing is open")?;
        match (step, peer.job.echo, peer.job.side) {
            (PeerStep::Join, ..) => peer.join(),
            (PeerStep::Measure(count), false, Side::Connect) => peer.send(count),
            (PeerStep::Measure(count), false, Side::Bind) => peer.receive(count),
            (PeerStep::Measure(count), true, Side::Connect) => peer.ask(count),
            (PeerStep::Measure(count), true, Side::Bind) => peer.answer(count),
        }
    }
}

impl Peer {
    /// Greets and listens for greetings in turn, so that both sides of an echo can do the same.
    fn join(&mut self) -> Result<Heard> {
        let mut greeting = vec![0; self.job.size];
        greeting[..NUMBER].copy_from_slice(&GREETING.to_le_bytes());
        let mut joined = vec![false; self.listeners.len()];
        for listener in &mut self.listeners {
            listener.hears.wait_for(BETWEEN / u32::from(self.job.receivers))?;
        }
        for _ in 0..GREETINGS {
            if let Some(speaks) = &mut self.speaks {
                speaks.speak(&greeting)?;
                speaks.flush()?;
            }
            for (listener, joined) in self.listeners.iter_mut().zip(&mut joined) {
                *joined |= listener.hears.hear(&mut |_| Ok(()))?;
            }
            if self.listeners.is_empty() {
                thread::sleep(BETWEEN);
            }
        }
        Ok(Heard { joined: joined.iter().all(|joined| *joined), ..Heard::default() })
    }

    fn send(&mut self, count: u64) -> Result<Heard> {
        let speaks = self.speaks.as_mut().context("this side does not send")?;
        for sent in 0..count {
            speaks
                .speak(self.stamper.next_body())
                .with_context(|| format!("sending message {sent} of {count}"))?;
        }
        speaks.flush()?;
        Ok(Heard { joined: true, ..Heard::default() })
    }

    /// Has all that are not stopped receive, each on a thread of its own if there are several.
    fn receive(&mut self, count: u64) -> Result<Heard> {
        let read = self.listeners.len() - usize::from(self.job.stopped);
        let tallies = match &mut self.listeners[..read] {
            [only] => vec![only.receive(count)?],
            several => thread::scope(|scope| {
                let receive = |one: &'_ mut Listener| one.receive(count);
                let threads: Vec<_> = several
                    .iter_mut()
                    .map(|listener| scope.spawn(move || receive(listener)))
                    .collect();
                let panicked = |_| Err(anyhow!("a thread of the worker panicked"));
                let tallies = threads.into_iter().map(|one| one.join().unwrap_or_else(panicked));
                tallies.collect::<Result<Vec<Tally>>>()
            })?,
        };
        Ok(Heard { joined: true, tallies, ..Heard::default() })
    }

    fn ask(&mut self, count: u64) -> Result<Heard> {
        let Self { speaks, listeners, stamper, .. } = self;
        let (speaks, listener) = both(speaks, listeners)?;
        listener.hears.wait_for(PATIENCE)?;
        let mut trips = RoundTrips::default();
        for _ in 0..count {
            let body = stamper.next_body();
            let sent = Instant::now();
            speaks.speak(body)?;
            speaks.flush()?;
            listener.next()?;
            trips.record(sent.elapsed());
        }
        Ok(Heard { joined: true, trips: trips.pairs(), ..Heard::default() })
    }

    fn answer(&mut self, count: u64) -> Result<Heard> {
        let (speaks, listener) = both(&mut self.speaks, &mut self.listeners)?;
        listener.hears.wait_for(PATIENCE)?;
        for _ in 0..count {
            listener.next_to(&mut |body| speaks.speak(body))?;
            speaks.flush()?;
        }
        Ok(Heard { joined: true, ..Heard::default() })
    }
}

/// Both directions of an echo.
fn both<'a>(
    speaks: &'a mut Option<Box<dyn Speaks>>,
    listeners: &'a mut [Listener],
) -> Result<(&'a mut Box<dyn Speaks>, &'a mut Listener)> {
    let listener = listeners.first_mut().context("this side does not listen")?;
    Ok((speaks.as_mut().context("this side does not send")?, listener))
}

/// A receiver, and what it expects.
struct Listener {
    hears: Box<dyn Hears>,
    checker: Checker,
}

impl Listener {
    /// Receives until the last message of the phase, or until there will be none.
    fn receive(&mut self, count: u64) -> Result<Tally> {
        let Self { hears, checker } = self;
        let (seen, end) = (checker.seen(), checker.next() + count);
        hears.wait_for(PATIENCE)?;
        let mut first: Option<Instant> = None;
        let mut last = Instant::now();
        while checker.next() < end {
            let before = checker.seen();
            let came = hears.hear(&mut |body| match is_greeting(body) {
                true => Ok(()),
                false => Ok(checker.check(body)?),
            })?;
            if !came {
                break;
            }
            if first.is_none() && checker.seen() > before {
                first = Some(Instant::now());
                hears.wait_for(QUIET)?;
            }
            // The clock is looked at only now and then: the end of the last wait is what counts.
            if checker.seen().is_multiple_of(LOOK_EVERY) || checker.next() >= end {
                last = Instant::now();
            }
        }
        let elapsed = first.map_or(Duration::ZERO, |first| last.saturating_duration_since(first));
        Ok(Tally { received: checker.seen() - seen, elapsed_ns: elapsed.as_nanos() as u64 })
    }

    /// The next message that is no greeting, or an error.
    fn next(&mut self) -> Result<()> {
        self.next_to(&mut |_| Ok(()))
    }

    /// The same, shown to `look` once it is checked.
    fn next_to(&mut self, look: &mut Look<'_>) -> Result<()> {
        let Self { hears, checker } = self;
        let mut done = false;
        while !done {
            let came = hears.hear(&mut |body| {
                if is_greeting(body) {
                    return Ok(());
                }
                checker.check(body)?;
                done = true;
                look(body)
            })?;
            ensure!(came, "no answer came within {PATIENCE:?}: it was lost, or its question was");
        }
        Ok(())
    }
}

/// How often a receiver looks at the clock, in messages.
const LOOK_EVERY: u64 = 64;

fn is_greeting(body: &[u8]) -> bool {
    body.first_chunk::<NUMBER>().is_some_and(|number| u64::from_le_bytes(*number) == GREETING)
}
