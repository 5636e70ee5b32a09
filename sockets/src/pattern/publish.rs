//! PUB and XPUB: to every subscriber what it subscribed to, by prefix (RFC 29).
//!
//! Subscriptions arrive in the pipes, as commands or as messages that start with 1 or 0, and are taken
//! in whenever the application enters the socket. A subscriber that is too slow misses messages, which
//! are counted; with the no-drop option the publisher waits instead.

use super::{Pattern, Setting, not_supported};
use crate::Message;
use crate::core::distributor::Distributor;
use crate::core::fair_queue::FairQueue;
use crate::core::pipes::{Pipe, Pipes};
use crate::error::Error;
use crate::payload::Outgoing;
use crate::subscription::{Added, ByPipe, Removed};
use ringmq_pipe::Refused;
use ringmq_zmtp::{SocketType, parse_subscription};
use std::collections::VecDeque;

/// Notifications and user messages taken in for an XPUB that receives; above that the peers' pipes are
/// left to fill.
const KEPT: usize = 1000;
/// The same for one that only sends, and for that must heed all subscriptions there are; what is above
/// that is dropped, and counted.
const KEPT_UNREAD: usize = 100_000;

pub(crate) struct Publish {
    /// XPUB: the application receives.
    heard: bool,
    queue: FairQueue,
    subscriptions: ByPipe,
    out: Distributor,
    /// What the application is to receive, and from which pipe.
    incoming: VecDeque<(Option<usize>, Message)>,
    /// Whose subscription was received last: manual mode applies to it.
    last: Option<usize>,
    /// In the middle of a message of a subscriber's.
    receiving: bool,
    verbose: bool,
    verboser: bool,
    manual: bool,
    no_drop: bool,
    invert: bool,
    welcome: Message,
}

impl Publish {
    pub(crate) fn new(heard: bool) -> Self {
        Self {
            heard,
            queue: FairQueue::default(),
            subscriptions: ByPipe::new(),
            out: Distributor::default(),
            incoming: VecDeque::new(),
            last: None,
            receiving: false,
            verbose: false,
            verboser: false,
            manual: false,
            no_drop: false,
            invert: false,
            welcome: Message::new(),
        }
    }

    /// Takes in what subscribers have sent, until `most` of it waits to be received.
    fn take_in(&mut self, pipes: &mut Pipes, most: usize) {
        while self.incoming.len() < most {
            let Some((key, frame)) = self.queue.recv(pipes) else { return };
            let starts = !self.receiving;
            let subscription = parse_subscription(frame.flags(), &frame).filter(|_| starts);
            if subscription.is_none() && frame.is_command() {
                continue;
            }
            self.receiving = frame.more();
            match subscription {
                Some(subscription) => {
                    self.heed(pipes, key, subscription.subscribe, subscription.topic);
                }
                None => self.keep(pipes, key, frame),
            }
        }
    }

    /// Keeps something for the application to receive.
    fn keep(&mut self, pipes: &Pipes, key: usize, frame: Message) {
        if self.heard && self.incoming.len() < KEPT_UNREAD {
            self.incoming.push_back((Some(key), frame));
        } else if self.heard {
            pipes.count_drop(key);
        }
    }

    fn heed(&mut self, pipes: &Pipes, key: usize, subscribe: bool, topic: &[u8]) {
        let tell = if self.manual {
            true
        } else if subscribe {
            match self.subscriptions.add(topic, key) {
                Added::FirstForTopic => true,
                Added::NewForPipe | Added::Duplicate => self.verbose || self.verboser,
            }
        } else {
            match self.subscriptions.remove(topic, key) {
                Removed::LastForTopic => true,
                Removed::Remains => self.verboser,
                Removed::Unknown => false,
            }
        };
        if tell {
            self.keep(pipes, key, notification(subscribe, topic));
        }
    }

    /// Applies a subscription by hand, to the pipe whose wish was received last.
    fn apply(&mut self, subscribe: bool, topic: &[u8]) -> Result<bool, Error> {
        if !self.manual {
            return Ok(false);
        }
        if let Some(key) = self.last {
            if subscribe {
                self.subscriptions.add(topic, key);
            } else {
                self.subscriptions.remove(topic, key);
            }
        }
        Ok(true)
    }
}

/// How an application is told of a subscription or cancellation.
fn notification(subscribe: bool, topic: &[u8]) -> Message {
    let mut body = Vec::with_capacity(topic.len() + 1);
    body.push(u8::from(subscribe));
    body.extend_from_slice(topic);
    body.into()
}

impl Pattern for Publish {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        if !self.welcome.is_empty() {
            // A new pipe has room.
            let _ = pipes.write(key, &mut Outgoing::Owned(&mut self.welcome.clone()));
        }
    }

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        self.queue.remove(key);
        self.out.remove(key);
        if self.last == Some(key) {
            self.last = None;
        }
        let mut gone = Vec::new();
        self.subscriptions.remove_pipe(key, |topic| gone.push(topic.to_vec()));
        for topic in gone {
            if self.heard && self.incoming.len() < KEPT_UNREAD {
                self.incoming.push_back((None, notification(false, &topic)));
            }
        }
    }

    fn readable(&mut self, pipes: &mut Pipes, key: usize) {
        self.queue.activate(key);
        self.take_in(pipes, KEPT);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        if !self.out.is_open() {
            self.take_in(pipes, usize::MAX);
            self.out.begin();
            let out = &mut self.out;
            if self.invert {
                let keys = pipes.iter().map(|(key, _)| key);
                self.subscriptions.for_each_mismatch(frame.body(), keys, |key| out.target(key));
            } else {
                self.subscriptions.for_each_match(frame.body(), |key| out.target(key));
            }
            if self.no_drop && !self.out.all_ready(pipes) {
                return Err(Error::WouldBlock);
            }
        }
        self.out.send(pipes, frame);
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        if !self.heard {
            return not_supported(SocketType::Pub, "receive");
        }
        if self.incoming.is_empty() {
            self.take_in(pipes, KEPT);
        }
        let (key, frame) = self.incoming.pop_front().ok_or(Error::WouldBlock)?;
        self.last = key;
        *into = frame;
        Ok(())
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        // Who gets the next message nobody knows yet: it is taken for sure if all have room.
        let full = |pipe: &mut Pipe| pipe.end.tx.ready() == Err(Refused::Full);
        !self.no_drop || self.out.is_open() || !pipes.iter_mut().any(|(_, pipe)| full(pipe))
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        if self.incoming.is_empty() {
            self.take_in(pipes, KEPT);
        }
        self.heard && !self.incoming.is_empty()
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        loop {
            self.take_in(pipes, KEPT);
            if !self.incoming.is_empty() {
                return self.heard;
            }
            if !self.queue.settle(pipes) {
                return false;
            }
        }
    }

    fn is_for_many(&self) -> bool {
        true
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    fn set(&mut self, _: &mut Pipes, setting: Setting<'_>) -> Result<bool, Error> {
        match setting {
            Setting::NoDrop(on) => self.no_drop = on,
            Setting::Invert(on) => self.invert = on,
            Setting::Verbose(on) if self.heard => {
                self.verbose = on;
                self.verboser = false;
            }
            Setting::Verboser(on) if self.heard => self.verboser = on,
            Setting::Manual(on) if self.heard => self.manual = on,
            Setting::Welcome(message) if self.heard => self.welcome = Message::copy_from(message),
            Setting::Subscribe(topic) if self.heard => return self.apply(true, topic),
            Setting::Unsubscribe(topic) if self.heard => return self.apply(false, topic),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn topics(&mut self, pipes: &mut Pipes) -> usize {
        self.take_in(pipes, KEPT);
        self.subscriptions.len()
    }
}
