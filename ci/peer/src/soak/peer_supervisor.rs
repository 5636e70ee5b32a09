//! The short-lived side of a scenario: one peer after another is started, put to work, and either
//! killed in the middle of it or asked to leave; what each of them leaves behind is judged.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use ringmq::{Error, Monitor, MonitorEvent};

use crate::command::{Answer, Op};
use crate::pattern::mix;
use crate::soak::child::{Child, ChildError};
use crate::soak::scenario::{Counts, MAX_BODY, Role, Scenario};
use crate::soak::worker::{OWN_STREAM, WINDOW};
use crate::socket::Kind;

/// How long a peer lives, ms.
const SHORTEST_LIFE_MS: u64 = 200;
const LONGEST_LIFE_MS: u64 = 1500;
/// Of so many peers one leaves politely; the others are killed.
const ONE_IN_SO_MANY_LEAVES: u64 = 3;
/// A peer that is to be killed may work so long at its last order, us.
const LONGEST_LAST_ORDER_US: u64 = 5000;
/// Messages of one order to a peer; an order and its answer are how its progress is known.
const ORDER: u64 = 100;
/// What the long-lived sender may be ahead of the last progress that is known of its receiver.
/// So much, twice at most, can be in flight at a kill: before it, and until the next peer is up.
const AHEAD: u64 = 1000;
/// A killed process' port and rings may be held by the kernel a little longer.
const START_TRIES: u32 = 50;
const START_PAUSE: Duration = Duration::from_millis(20);
/// How long what a polite peer has sent may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// Looks after the peers of one scenario until the time is up.
pub(crate) struct PeerSupervisor<'a> {
    scenario: &'a Scenario,
    /// Tells of the long-lived socket's connections.
    monitor: Monitor,
    /// Those that are up.
    connected: u32,
    rng: u64,
    /// The number of the current peer; also the stream of what it sends.
    incarnation: u32,
    /// The newest message of the long-lived sender that is known to have arrived.
    arrived: Option<u64>,
}

impl<'a> PeerSupervisor<'a> {
    pub(crate) fn new(scenario: &'a Scenario, monitor: Monitor) -> Self {
        Self { scenario, monitor, connected: 0, rng: scenario.seed, incarnation: 0, arrived: None }
    }

    /// One life after another; the last peer lives to see everything arrive.
    pub(crate) fn work(&mut self, end: Instant) {
        loop {
            let is_last = Instant::now() >= end;
            if let Err(error) = self.run_peer(is_last) {
                self.scenario.fault(format!("peer {}: {error}", self.incarnation));
                return;
            }
            if is_last {
                return;
            }
        }
    }

    fn run_peer(&mut self, is_last: bool) -> Result<(), ChildError> {
        self.incarnation += 1;
        let mut child = self.start()?;
        if self.scenario.peer_kind == Kind::Sub {
            child.call(Op::Subscribe { topic: String::new() })?;
        }
        if self.scenario.kind == Kind::Push {
            let sent = self.scenario.sent.load(Ordering::Acquire);
            self.scenario.limit.fetch_max(sent + AHEAD, Ordering::AcqRel);
        }
        self.scenario.generation.store(u64::from(self.incarnation), Ordering::Release);
        let span = SHORTEST_LIFE_MS + self.random() % (LONGEST_LIFE_MS - SHORTEST_LIFE_MS);
        let death = Instant::now() + Duration::from_millis(span);
        let mut done = 0;
        while Instant::now() < death {
            let answer = self.order(&mut child, done)?;
            done += self.judge(&answer, done)?;
        }
        if is_last {
            self.finish_stream(&mut child, done)?;
            self.leave(child, done)
        } else if self.random().is_multiple_of(ONE_IN_SO_MANY_LEAVES) {
            self.leave(child, done)
        } else {
            self.kill(child, done)
        }
    }

    /// A fresh peer on the scenario's endpoint.
    fn start(&mut self) -> Result<Child, ChildError> {
        let flags = self.flags();
        let mut tries = 0;
        loop {
            match Child::start(&flags) {
                Err(ChildError::Failed(_)) if tries < START_TRIES => tries += 1,
                started => return started,
            }
            thread::sleep(START_PAUSE);
        }
    }

    fn flags(&mut self) -> Vec<String> {
        let scenario = self.scenario;
        let side = if scenario.binds { "--connect" } else { "--bind" };
        let backend = if self.random().is_multiple_of(2) { "auto" } else { "mio" };
        let mut flags: Vec<String> = [
            ("--type", format!("{:?}", scenario.peer_kind).to_lowercase()),
            (side, scenario.endpoint.clone()),
            ("--backend", backend.to_owned()),
            ("--seed", scenario.seed.to_string()),
            ("--max-body", MAX_BODY.to_string()),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect();
        for option in super::options(scenario.peer_kind) {
            flags.extend(["--option".to_owned(), (*option).to_owned()]);
        }
        flags
    }

    fn random(&mut self) -> u64 {
        self.rng = mix(self.rng);
        self.rng
    }

    /// The command that keeps a peer busy with `count` messages, after `done` of them.
    fn command(&self, done: u64, count: u64) -> Op {
        let (stream, first) = (self.incarnation, done);
        match self.scenario.role {
            Role::Send => {
                Op::Recv { stream: OWN_STREAM, count: Some(count), last: None, probe: None }
            }
            Role::Receive => Op::Send { stream, first, count },
            Role::Ask => Op::Serve { count: Some(count) },
            Role::Answer => {
                let window = if self.scenario.peer_kind == Kind::Req { 1 } else { WINDOW };
                Op::Request { stream, first, count, window }
            }
        }
    }

    fn order(&self, child: &mut Child, done: u64) -> Result<Answer, ChildError> {
        // A free-running sender would only show how fast one core is.
        if self.scenario.role == Role::Receive {
            thread::sleep(START_PAUSE);
        }
        child.call(self.command(done, ORDER))
    }

    /// What a peer's answer says; the count of messages that it has dealt with.
    fn judge(&mut self, answer: &Answer, done: u64) -> Result<u64, ChildError> {
        if answer.fault_count + answer.foreign > 0 {
            let text = format!("{} foreign messages, faults {:?}", answer.foreign, answer.faults);
            return Err(ChildError::Failed(text));
        }
        match self.scenario.role {
            Role::Send => {
                let received = self.judge_own_stream(answer)?;
                Counts::add(&self.scenario.counts.delivered, received - done);
                Ok(received - done)
            }
            Role::Receive => Ok(answer.sent),
            Role::Ask => Ok(answer.served),
            Role::Answer => {
                let end = done + ORDER - 1;
                if answer.runs.get(&self.incarnation).is_none_or(|runs| *runs != [(0, end)]) {
                    return Err(ChildError::Failed(format!("answers to 0..{end}: {answer:?}")));
                }
                Counts::add(&self.scenario.counts.delivered, ORDER);
                Ok(ORDER)
            }
        }
    }

    /// A receiving peer got one unbroken run, and only what was in flight at a kill is missing
    /// before it. Answers the length of the run.
    fn judge_own_stream(&mut self, answer: &Answer) -> Result<u64, ChildError> {
        let runs = answer.runs.get(&OWN_STREAM).map_or(&[][..], Vec::as_slice);
        let &[(first, last)] = runs else {
            return Err(ChildError::Failed(format!("not one unbroken run: {answer:?}")));
        };
        let next = self.arrived.map_or(0, |arrived| arrived + 1);
        if first > next {
            let gap = first - next;
            if self.scenario.kind == Kind::Push && gap > 2 * AHEAD {
                return Err(ChildError::Failed(format!("{gap} messages are missing at {next}")));
            }
            Counts::add(&self.scenario.counts.lost, gap);
        }
        if self.arrived.is_some_and(|arrived| last <= arrived) {
            return Err(ChildError::Failed(format!("{last} came again, {next} was due")));
        }
        // The gap is counted once: the run goes on from here.
        self.arrived = Some(last);
        self.scenario.limit.fetch_max(last + AHEAD, Ordering::AcqRel);
        Ok(last - first + 1)
    }

    /// Kills the peer in the middle of an order.
    fn kill(&mut self, mut child: Child, done: u64) -> Result<(), ChildError> {
        child.begin(self.command(done, u64::from(u32::MAX)))?;
        thread::sleep(Duration::from_micros(self.random() % LONGEST_LAST_ORDER_US));
        drop(child);
        Counts::add(&self.scenario.counts.killed, 1);
        self.wait_for_disconnect()
    }

    /// Waits until the long-lived socket knows of the death: the kernel takes the rings of a
    /// killed process down, and its connections with them, a little after the process is gone,
    /// and a socket that deals its messages out would go on giving some to the dead.
    fn wait_for_disconnect(&mut self) -> Result<(), ChildError> {
        let end = Instant::now() + ARRIVAL;
        loop {
            match self.monitor.recv_timeout(if self.connected > 0 {
                ARRIVAL
            } else {
                Duration::ZERO
            }) {
                Ok(MonitorEvent::Accepted { .. } | MonitorEvent::Connected { .. }) => {
                    self.connected += 1;
                }
                Ok(MonitorEvent::Disconnected { .. }) => {
                    self.connected = self.connected.saturating_sub(1);
                }
                Ok(_) => {}
                Err(Error::WouldBlock) if self.connected == 0 => return Ok(()),
                Err(error) => return Err(ChildError::Failed(format!("its death: {error}"))),
            }
            if Instant::now() > end {
                return Err(ChildError::Failed("its death went unnoticed".to_owned()));
            }
        }
    }

    /// Lets the peer deliver what it has, and leave.
    fn leave(&mut self, child: Child, done: u64) -> Result<(), ChildError> {
        child.close()?;
        Counts::add(&self.scenario.counts.closed, 1);
        self.wait_for_disconnect()?;
        if self.scenario.role == Role::Receive && done > 0 {
            self.wait_for_all(done - 1)?;
        }
        Ok(())
    }

    /// Everything that a polite sender had accepted arrives. A publisher whose subscriber never
    /// got through to it owes nothing.
    fn wait_for_all(&self, last: u64) -> Result<(), ChildError> {
        let end = Instant::now() + ARRIVAL;
        loop {
            let got = self.scenario.tracker().last(self.incarnation);
            if got == Some(last) || (got.is_none() && self.scenario.kind == Kind::Sub) {
                return Ok(());
            }
            if Instant::now() > end {
                let text = format!("it left after sending {last}, but {got:?} is all that came");
                return Err(ChildError::Failed(text));
            }
            thread::sleep(START_PAUSE);
        }
    }

    /// The last peer of a sending scenario lives until everything that was ever accepted is there.
    fn finish_stream(&mut self, child: &mut Child, done: u64) -> Result<(), ChildError> {
        if self.scenario.role != Role::Send {
            return Ok(());
        }
        self.scenario.over.store(true, Ordering::Release);
        while !self.scenario.finished.load(Ordering::Acquire) {
            thread::sleep(START_PAUSE);
        }
        let last = self.scenario.sent.load(Ordering::Acquire).saturating_sub(1);
        if self.arrived < Some(last) {
            let (stream, last) = (OWN_STREAM, Some(last));
            let answer = child.call(Op::Recv { stream, count: None, last, probe: None })?;
            self.judge(&answer, done)?;
        }
        Ok(())
    }
}
