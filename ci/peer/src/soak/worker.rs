//! The long-lived side of a lane: moves messages over its one socket, whoever is there.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use ringmq::{AnySocket, Error, Message};

use crate::soak::lane::{Lane, Role};
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

/// Works until the lane is over.
pub(crate) fn work(lane: &Lane, socket: &AnySocket) {
    let worked = match lane.role {
        Role::Send => send(lane, socket),
        Role::Receive => receive(lane, socket),
        Role::Ask => ask(lane, socket),
        Role::Answer => answer(lane, socket),
    };
    if let Err(error) = worked {
        lane.fault(format!("the long-lived socket failed: {error}"));
    }
    lane.finished.store(true, Ordering::Release);
}

fn send(lane: &Lane, socket: &AnySocket) -> Result<(), Error> {
    let mut seq = 0;
    while !lane.is_over() {
        if lane.kind == Kind::Pub {
            if seq % BURST == 0 {
                thread::sleep(REST);
                if socket.stats().iter().any(|pipe| pipe.queued > BACKLOG) {
                    continue;
                }
            }
        } else if seq >= lane.limit.load(Ordering::Acquire) {
            thread::sleep(REST);
            continue;
        }
        if try_send(socket, lane.pattern.frames(OWN_STREAM, seq), true)? {
            seq += 1;
            lane.sent.store(seq, Ordering::Release);
        }
    }
    Ok(())
}

fn receive(lane: &Lane, socket: &AnySocket) -> Result<(), Error> {
    while !lane.is_over() {
        if let Some(message) = try_receive(socket, true)? {
            let frames: Vec<Message> = message.into_iter().collect();
            lane.tracker().take(&lane.pattern, &frames);
        }
    }
    Ok(())
}

fn answer(lane: &Lane, socket: &AnySocket) -> Result<(), Error> {
    while !lane.is_over() {
        if let Some(message) = try_receive(socket, true)? {
            // Without room, or without the peer, the answer is dropped: its asker is dead.
            try_send(socket, message, true)?;
        }
    }
    Ok(())
}

fn ask(lane: &Lane, socket: &AnySocket) -> Result<(), Error> {
    let window = if lane.kind == Kind::Req { 1 } else { WINDOW };
    let (mut sent, mut written_off, mut generation) = (0, 0, 0);
    let mut progress = Instant::now();
    while !lane.is_over() {
        let now = lane.generation.load(Ordering::Acquire);
        let unanswered = sent - lane.tracker().count(OWN_STREAM);
        if now != generation || progress.elapsed() > RETRY {
            // What was asked of a dead peer will not be answered any more.
            (generation, written_off, progress) = (now, unanswered, Instant::now());
        }
        if unanswered.saturating_sub(written_off) < window
            && try_send(socket, lane.pattern.frames(OWN_STREAM, sent), true)?
        {
            sent += 1;
            lane.sent.store(sent, Ordering::Release);
        } else if let Some(message) = try_receive(socket, true)? {
            let frames: Vec<Message> = message.into_iter().collect();
            lane.tracker().take(&lane.pattern, &frames);
            progress = Instant::now();
        }
    }
    Ok(())
}
