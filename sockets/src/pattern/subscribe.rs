//! SUB and XSUB: receive what was subscribed to, by prefix (RFC 29).
//!
//! Subscriptions are kept in a set that the socket's sessions can read: they send it to every peer as
//! soon as a connection stands. From then on each change goes down the pipe. A change is made in the
//! set first and the pipe's `connected` is looked at second; a session sets `connected` first and reads
//! the set second: so a peer learns of a change at least once, and once more does no harm.

use super::{Pattern, Setting, Subscriptions, not_supported};
use crate::Message;
use crate::core::distributor::Distributor;
use crate::core::fair_queue::FairQueue;
use crate::core::pipes::Pipes;
use crate::error::Error;
use crate::payload::Outgoing;
use crate::subscription::{Counted, Removal};
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
            invert: false,
            skipping: false,
            first: None,
        }
    }

    fn known(&self) -> MutexGuard<'_, Counted> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a subscription frame, in log form, to all peers that are there.
    fn forward(pipes: &mut Pipes, frame: &[u8]) {
        let body = ringmq_pipe::frame::parse(frame).map_or(frame, |header| &frame[header.size..]);
        for (_, pipe) in pipes.iter_mut().filter(|(_, pipe)| pipe.end.state.is_connected()) {
            pipe.end.tx.write_uncounted(COMMAND, Message::copy_from(body));
        }
    }

    fn subscribe(&mut self, pipes: &mut Pipes, topic: &[u8]) {
        self.known().subscribe(topic);
        self.everything |= topic.is_empty();
        let mut frame = Vec::new();
        subscribe_frame(topic, &mut frame);
        Self::forward(pipes, &frame);
    }

    fn unsubscribe(&mut self, pipes: &mut Pipes, topic: &[u8]) {
        if self.known().unsubscribe(topic) == Removal::Last {
            self.everything &= !topic.is_empty();
            let mut frame = Vec::new();
            cancel_frame(topic, &mut frame);
            Self::forward(pipes, &frame);
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
        self.everything || self.known().matches(message)
    }
}

impl Pattern for Subscribe {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        let Some(pipe) = pipes.get_mut(key) else { return };
        // A session sends the set by itself. Within a process there is none.
        if pipe.end.state.is_connected() && pipe.direct {
            self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner).for_each(|topic| {
                let mut frame = Vec::new();
                subscribe_frame(topic, &mut frame);
                let header = ringmq_pipe::frame::parse(&frame).map_or(0, |header| header.size);
                pipe.end.tx.write_uncounted(COMMAND, Message::copy_from(&frame[header..]));
            });
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
            match frame.body() {
                [1, topic @ ..] => drop(self.known().subscribe(topic)),
                [0, topic @ ..] if self.known().unsubscribe(topic) != Removal::Last => {
                    frame.drop_body();
                    return Ok(());
                }
                _ => {}
            }
            self.out.begin();
            pipes.iter().for_each(|(key, _)| self.out.target(key));
        }
        self.out.send(pipes, frame);
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        if let Some(first) = self.first.take() {
            *into = first;
            return Ok(());
        }
        if self.next_into(pipes, into) { Ok(()) } else { Err(Error::WouldBlock) }
    }

    fn only_in(&self, pipes: &Pipes) -> Option<usize> {
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

    fn topics(&mut self, _: &mut Pipes) -> usize {
        self.known().len()
    }
}
