//! SUB and XSUB: receive what was subscribed to, by prefix (RFC 29).
//!
//! What is subscribed to is shared with the socket's sessions: they tell it to every peer as soon as a
//! connection stands. From then on each change goes down the pipe; see [`Wanted`] for how a peer learns
//! of each once. A subscription or cancellation that the application sends (XSUB) is such a change: who
//! is not there yet learns of it when it comes, and no copy waits for it meanwhile.

use super::{Pattern, Setting, Subscriptions, not_supported};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::{Pipe, Pipes};
use crate::routing::distributor::Distributor;
use crate::routing::fair_queue::FairQueue;
use crate::socket::payload::Outgoing;
use crate::subscription::{Change, Wanted};
use ringmq_pipe::frame::COMMAND;
use ringmq_zmtp::{SocketType, cancel_frame, subscribe_frame};
use std::sync::{MutexGuard, PoisonError};

pub(crate) struct Subscribe {
    queue: FairQueue,
    /// XSUB: subscriptions are sent as messages, and nothing is filtered here.
    raw: bool,
    subscriptions: Subscriptions,
    /// The empty topic is among them: known without a look.
    everything: bool,
    out: Distributor,
    /// The frames so far of a subscription that the application sends.
    begun: Change,
    /// Changes made in the middle of a message that is sent: they follow it.
    later: Vec<(u64, Change)>,
    /// What does not match is received instead of what does.
    invert: bool,
    /// The message in progress was not subscribed to.
    skipping: bool,
    /// The first frame of a message that matched, found by a look ahead.
    first: Option<Message>,
}

impl Subscribe {
    pub(crate) fn new(raw: bool, subscriptions: Subscriptions) -> Self {
        Self {
            queue: FairQueue::default(),
            raw,
            subscriptions,
            everything: false,
            out: Distributor::default(),
            begun: Change::new(),
            later: Vec::new(),
            invert: false,
            skipping: false,
            first: None,
        }
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all peers of a change that do not know it yet.
    fn forward(&mut self, pipes: &mut Pipes, number: u64, change: Change) {
        if self.out.is_open() {
            return self.later.push((number, change));
        }
        pipes.iter_mut().for_each(|(_, pipe)| tell(pipe, number, &change));
    }

    fn subscribe(&mut self, pipes: &mut Pipes, topic: &[u8]) {
        let change = command(subscribe_frame, topic);
        let number = self.wanted().subscribe(topic, &change);
        self.everything |= topic.is_empty();
        self.forward(pipes, number, change);
    }

    fn unsubscribe(&mut self, pipes: &mut Pipes, topic: &[u8]) {
        let change = command(cancel_frame, topic);
        let number = self.wanted().unsubscribe(topic, &change);
        if let Some(number) = number {
            self.everything &= !topic.is_empty();
            self.forward(pipes, number, change);
        }
    }

    /// Takes a frame of a subscription or cancellation that the application sends as a message.
    fn send_change(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) {
        let more = frame.more();
        self.begun.push(frame.take());
        if more {
            return;
        }
        let change = std::mem::take(&mut self.begun);
        let number = match change[0].as_slice() {
            [0, topic @ ..] => self.wanted().unsubscribe(topic, &change),
            [_, topic @ ..] => Some(self.wanted().subscribe(topic, &change)),
            [] => None,
        };
        if let Some(number) = number {
            self.forward(pipes, number, change);
        }
    }

    /// Takes the next frame that the application should see; if there is none, `into` is left alone or
    /// empty.
    fn next_into(&mut self, pipes: &mut Pipes, into: &mut Message) -> bool {
        let mut unwanted = false;
        while let Some(key) = self.queue.recv_into(pipes, into) {
            unwanted = true;
            if into.is_command() {
                continue;
            }
            if pipes.began(key) {
                self.skipping = !self.raw && self.matches(into) == self.invert;
            }
            if !self.skipping {
                return true;
            }
        }
        if unwanted {
            *into = Message::new();
        }
        false
    }

    fn matches(&self, message: &[u8]) -> bool {
        self.everything || self.wanted().matches(message)
    }
}

/// The frame of a command, as it is written to a pipe.
fn command(write: fn(&[u8], &mut Vec<u8>), topic: &[u8]) -> Change {
    let mut frame = Vec::new();
    write(topic, &mut frame);
    let header = ringmq_pipe::frame::parse(&frame).map_or(0, |header| header.size);
    let mut body = Message::copy_from(&frame[header..]);
    body.set_flags(COMMAND);
    vec![body]
}

/// Writes a change to a pipe, unless its connection knows it, or does not stand and will be told of it
/// when it does.
fn tell(pipe: &mut Pipe, number: u64, change: &Change) {
    let mut told = pipe.end.state.told();
    if !pipe.end.state.is_connected() || *told >= number {
        return;
    }
    *told = number;
    // A session may be about to begin a connection. At the other end of a direct pipe is a socket, which
    // does not, and whoever waits for that is woken with no lock held.
    let _held = (!pipe.direct).then_some(told);
    for frame in change {
        pipe.end.tx.write_uncounted(frame.flags(), frame.clone());
    }
}

impl Pattern for Subscribe {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        let Some(pipe) = pipes.get_mut(key) else { return };
        if pipe.direct {
            // A session tells all topics by itself. Within a process there is none.
            let mut all = Vec::new();
            let number = self.wanted().tell(|topic| all.push(command(subscribe_frame, topic)));
            *pipe.end.state.told() = number;
            for frame in all.into_iter().flatten() {
                pipe.end.tx.write_uncounted(frame.flags(), frame);
            }
        } else if pipe.peer.is_some() {
            // It comes from a session, which may have told all topics some time ago.
            let known = {
                let told = pipe.end.state.told();
                pipe.end.state.is_connected().then_some(*told)
            };
            for (number, change) in self.wanted().missed(known) {
                tell(pipe, number, &change);
            }
        }
    }

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        self.queue.remove(key);
        self.out.remove(key);
    }

    fn readable(&mut self, _: &mut Pipes, key: usize) {
        self.queue.activate(key);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        if !self.raw {
            return not_supported(SocketType::Sub, "send");
        }
        if !self.out.is_open() {
            if !self.begun.is_empty() || matches!(frame.body(), [0 | 1, ..]) {
                self.send_change(pipes, frame);
                return Ok(());
            }
            self.out.begin();
            pipes.iter().for_each(|(key, _)| self.out.target(key));
        }
        self.out.send(pipes, frame);
        if !self.out.is_open() {
            for (number, change) in std::mem::take(&mut self.later) {
                self.forward(pipes, number, change);
            }
        }
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        if let Some(first) = self.first.take() {
            *into = first;
            return Ok(());
        }
        if self.next_into(pipes, into) { Ok(()) } else { Err(Error::WouldBlock) }
    }

    fn sole_input(&self, pipes: &Pipes) -> Option<usize> {
        let unfiltered = self.raw || self.everything && !self.invert;
        if !unfiltered || self.first.is_some() {
            return None;
        }
        let key = self.queue.only()?;
        // Others may send subscriptions, which are no messages.
        let peer = pipes.get(key)?.peer.as_ref()?;
        let publishes = matches!(peer.socket_type, Some(SocketType::Pub | SocketType::XPub));
        publishes.then_some(key)
    }

    fn can_send(&mut self, _: &mut Pipes) -> bool {
        self.raw
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        let mut first = Message::new();
        if self.first.is_none() && self.next_into(pipes, &mut first) {
            self.first = Some(first);
        }
        self.first.is_some()
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        loop {
            if self.can_recv(pipes) {
                return true;
            }
            if !self.queue.settle(pipes) {
                return false;
            }
        }
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    fn set(&mut self, pipes: &mut Pipes, setting: Setting<'_>) -> Result<bool, Error> {
        match setting {
            Setting::Subscribe(topic) => self.subscribe(pipes, topic),
            Setting::Unsubscribe(topic) => self.unsubscribe(pipes, topic),
            Setting::Invert(on) => self.invert = on,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![Setting::Invert(self.invert)]
    }

    fn topics(&mut self, _: &mut Pipes) -> usize {
        self.wanted().len()
    }
}

#[cfg(test)]
mod tests;
