//! The long-lived side of a scenario: moves messages over its one socket, whoever is there.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use ringmq::{AnySocket, Error, Message};

use crate::soak::scenario::{Role, Scenario};
use crate::socket::{Kind, try_receive, try_send};

/// The stream of what the long-lived socket sends by itself.
pub(crate) const OWN_STREAM: u32 = 0;
/// Questions that may be unanswered at once.
pub(crate) const WINDOW: u64 = 16;
/// How long a sender that has reached its limit rests before it looks again.
const REST: Duration = Duration::from_millis(2);
/// A question that a peer took to its grave after its successor was there is given up after this.
const RETRY: Duration = Duration::from_millis(500);
/// A publisher, whom nobody holds back, sends so many messages between two rests.
const BURST: u64 = 20;
/// It rests on while so many of them wait for a subscriber that has no time: they would be taken for a leak.
const BACKLOG: u64 = 1000;

/// Works until the scenario is over.
pub(crate) fn work(scenario: &Scenario, socket: &AnySocket) {
    let worked = match scenario.role {
        Role::Send => send(scenario, socket),
        Role::Receive => receive(scenario, socket),
        Role::Ask => ask(scenario, socket),
        Role::Answer => answer(scenario, socket),
    };
    if let Err(error) = worked {
        scenario.fault(format!("the long-lived socket failed: {error}"));
    }
    scenario.finished.store(true, Ordering::Release);
}

fn send(scenario: &Scenario, socket: &AnySocket) -> Result<(), Error> {
    let mut seq = 0;
    while !scenario.is_over() {
        if scenario.kind == Kind::Pub {
            if seq % BURST == 0 {
                thread::sleep(REST);
                if socket.stats().iter().any(|pipe| pipe.queued > BACKLOG) {
                    continue;
                }
            }
        } else if seq >= scenario.limit.load(Ordering::Acquire) {
            thread::sleep(REST);
            continue;
        }
        if try_send(socket, scenario.pattern.frames(OWN_STREAM, seq), true)? {
            seq += 1;
            scenario.sent.store(seq, Ordering::Release);
        }
    }
    Ok(())
}

fn receive(scenario: &Scenario, socket: &AnySocket) -> Result<(), Error> {
    while !scenario.is_over() {
        if let Some(message) = try_receive(socket, true)? {
            let frames: Vec<Message> = message.into_iter().collect();
            scenario.tracker().take(&scenario.pattern, &frames);
        }
    }
    Ok(())
}

fn answer(scenario: &Scenario, socket: &AnySocket) -> Result<(), Error> {
    while !scenario.is_over() {
        if let Some(message) = try_receive(socket, true)? {
            // Without room, or without the peer, the answer is dropped: its asker is dead.
            try_send(socket, message, true)?;
        }
    }
    Ok(())
}

fn ask(scenario: &Scenario, socket: &AnySocket) -> Result<(), Error> {
    let window = if scenario.kind == Kind::Req { 1 } else { WINDOW };
    let (mut sent, mut written_off, mut generation) = (0, 0, 0);
    let mut progress = Instant::now();
    while !scenario.is_over() {
        let now = scenario.generation.load(Ordering::Acquire);
        let unanswered = sent - scenario.tracker().count(OWN_STREAM);
        if now != generation || progress.elapsed() > RETRY {
            // What was asked of a dead peer will not be answered any more.
            (generation, written_off, progress) = (now, unanswered, Instant::now());
        }
        if unanswered.saturating_sub(written_off) < window
            && try_send(socket, scenario.pattern.frames(OWN_STREAM, sent), true)?
        {
            sent += 1;
            scenario.sent.store(sent, Ordering::Release);
        } else if let Some(message) = try_receive(socket, true)? {
            let frames: Vec<Message> = message.into_iter().collect();
            scenario.tracker().take(&scenario.pattern, &frames);
            progress = Instant::now();
        }
    }
    Ok(())
}
