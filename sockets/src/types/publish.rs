//! PUB and XPUB: to every subscriber what it subscribed to, by prefix (RFC 29).
//!
//! Subscriptions arrive in the pipes, as commands or as messages that start with 1 or 0, and are taken
//! in whenever the application enters the socket. A subscriber that is too slow misses messages, which
//! are counted; with the no-drop option the publisher waits instead.
//!
//! In manual mode a subscription that arrives is a wish: it is remembered, but who gets what is the
//! application's to say, for the peer whose wish it has received last. That peer may have gone meanwhile;
//! then nobody gets anything, and least of all a peer that has its place.

use super::{Pattern, Setting, not_supported};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::{PeerId, Pipe, Pipes};
use crate::routing::distributor::Distributor;
use crate::routing::fair_queue::FairQueue;
use crate::socket::payload::Outgoing;
use crate::subscription::{Added, ByPipe, Removed};
use ringmq_engine::DropReason;
use ringmq_pipe::WriteError;
use ringmq_zmtp::{SocketType, parse_subscription};
use std::collections::VecDeque;

/// Notifications and user messages taken in for an XPUB that receives; above that the peers' pipes are
/// left to fill.
const KEPT: usize = 1000;
/// The same for one that only sends, and for that must heed all subscriptions there are; what is above
/// that is dropped, and counted.
const KEPT_UNREAD: usize = 100_000;
/// After so many sends in a row that found nothing to take in, the pipes tell when there is something:
/// a look at each send costs more than half of what the send does.
const QUIET: u32 = 64;

pub(crate) struct Publish {
    /// XPUB: the application receives.
    heard: bool,
    queue: FairQueue,
    subscriptions: ByPipe,
    /// What peers have asked for in manual mode, whatever was made of it.
    wishes: ByPipe,
    out: Distributor,
    /// What the application is to receive.
    incoming: VecDeque<(ReceivedFrom, Message)>,
    /// Whose subscription was received last: manual mode applies to it.
    last: Option<PeerId>,
    /// So many sends have looked for subscriptions, with some pipe awake, and found none.
    quiet: u32,
    /// In the middle of a message of a subscriber's, which is not kept.
    receiving: bool,
    dropping: bool,
    verbose: bool,
    verboser: bool,
    manual: bool,
    no_drop: bool,
    invert: bool,
    welcome: Message,
}

/// Where something that the application receives comes from.
#[derive(Clone, Copy)]
enum ReceivedFrom {
    /// A subscription or cancellation of this peer's.
    Wish(PeerId),
    /// A cancellation in the name of a peer that is gone.
    Departure,
    /// A message that is neither.
    Message,
}

impl Publish {
    pub(crate) fn new(heard: bool) -> Self {
        Self {
            heard,
            queue: FairQueue::default(),
            subscriptions: ByPipe::new(),
            wishes: ByPipe::new(),
            out: Distributor::default(),
            incoming: VecDeque::new(),
            last: None,
            quiet: 0,
            receiving: false,
            dropping: false,
            verbose: false,
            verboser: false,
            manual: false,
            no_drop: false,
            invert: false,
            welcome: Message::new(),
        }
    }

    /// Takes in what subscribers have sent, until `most` of it waits to be received, in whole messages.
    fn take_in(&mut self, pipes: &mut Pipes, most: usize) {
        while self.incoming.len() < most || self.receiving {
            let Some((key, frame)) = self.queue.recv(pipes) else { return };
            self.quiet = 0;
            let starts = pipes.began(key);
            let subscription = parse_subscription(frame.flags(), &frame).filter(|_| starts);
            self.receiving = frame.more();
            match subscription {
                Some(subscription) => {
                    self.heed(pipes, key, subscription.subscribe, subscription.topic);
                }
                None if frame.is_command() && frame.is_empty() => self.peer_gone(pipes, key),
                None if frame.is_command() => {}
                None => self.keep_message(pipes, key, starts, frame),
            }
        }
    }

    /// Takes in all that subscribers have sent, before a message is sent.
    fn look_around(&mut self, pipes: &mut Pipes) {
        if self.queue.is_asleep() {
            return;
        }
        self.quiet += 1;
        self.take_in(pipes, usize::MAX);
        if self.quiet >= QUIET {
            self.quiet = 0;
            if self.queue.settle(pipes) {
                self.take_in(pipes, usize::MAX);
            }
        }
    }

    /// Keeps a frame of a message for the application to receive.
    fn keep_message(&mut self, pipes: &mut Pipes, key: usize, starts: bool, frame: Message) {
        if !self.heard {
            return;
        }
        if starts {
            self.dropping = self.incoming.len() >= KEPT_UNREAD;
            if self.dropping {
                pipes.count_drop(key, DropReason::Unwanted);
            }
        }
        if !self.dropping {
            self.incoming.push_back((ReceivedFrom::Message, frame));
        }
    }

    /// Keeps word of a peer's subscription or cancellation for the application to receive.
    fn keep(&mut self, pipes: &mut Pipes, key: usize, subscribe: bool, topic: &[u8]) {
        let Some(peer) = pipes.peer(key).filter(|_| self.heard) else { return };
        if self.incoming.len() < KEPT_UNREAD {
            self.incoming.push_back((ReceivedFrom::Wish(peer), notification(subscribe, topic)));
        } else {
            pipes.count_drop(key, DropReason::Unwanted);
        }
    }

    fn heed(&mut self, pipes: &mut Pipes, key: usize, subscribe: bool, topic: &[u8]) {
        let topics = if self.manual { &mut self.wishes } else { &mut self.subscriptions };
        let tell = if subscribe {
            match topics.add(topic, key) {
                Added::FirstForTopic => true,
                Added::NewForPipe | Added::Duplicate => self.verbose || self.verboser,
            }
        } else {
            match topics.remove(topic, key) {
                Removed::LastForTopic => true,
                Removed::Remains => self.verboser,
                Removed::Unknown => false,
            }
        };
        if tell || self.manual {
            self.keep(pipes, key, subscribe, topic);
        }
    }

    /// The peer of a connect has gone, and the pipe waits for the next one. What was subscribed to stays
    /// so that the peer misses nothing if it is the same one again, unless the application is to be asked.
    fn peer_gone(&mut self, pipes: &mut Pipes, key: usize) {
        if self.manual {
            pipes.renew(key);
            self.depart(key);
        }
    }

    /// Forgets what a peer has asked for, and tells the application as if the peer had cancelled it: in
    /// manual mode all that it has asked for, otherwise what nobody else has or, if that is wanted, all
    /// that it has.
    fn depart(&mut self, key: usize) {
        let mut gone = Vec::new();
        self.wishes.remove_pipe(key, true, |topic| gone.push(notification(false, topic)));
        let asked = self.manual || !gone.is_empty();
        self.subscriptions.remove_pipe(key, self.verboser, |topic| {
            if !asked {
                gone.push(notification(false, topic));
            }
        });
        let room = KEPT_UNREAD.saturating_sub(self.incoming.len());
        if self.heard {
            let gone = gone.into_iter().take(room);
            self.incoming.extend(gone.map(|word| (ReceivedFrom::Departure, word)));
        }
    }

    /// Applies a subscription by hand, to the peer whose wish was received last.
    fn apply(&mut self, pipes: &Pipes, subscribe: bool, topic: &[u8]) -> Result<bool, Error> {
        if !self.manual {
            return Ok(false);
        }
        if let Some(key) = self.last.and_then(|peer| pipes.of_peer(peer)) {
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
        self.depart(key);
    }

    fn readable(&mut self, pipes: &mut Pipes, key: usize) {
        self.queue.activate(key);
        self.take_in(pipes, KEPT);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        if !self.out.is_open() {
            self.look_around(pipes);
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
        let (origin, frame) = self.incoming.pop_front().ok_or(Error::WouldBlock)?;
        match origin {
            ReceivedFrom::Wish(peer) => self.last = Some(peer),
            ReceivedFrom::Departure => self.last = None,
            ReceivedFrom::Message => {}
        }
        *into = frame;
        Ok(())
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        // Who gets the next message nobody knows yet: it is taken for sure if all have room.
        let full = |pipe: &mut Pipe| pipe.end.tx.ready() == Err(WriteError::Full);
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

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    fn set(&mut self, pipes: &mut Pipes, setting: Setting<'_>) -> Result<bool, Error> {
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
            Setting::Subscribe(topic) if self.heard => return self.apply(pipes, true, topic),
            Setting::Unsubscribe(topic) if self.heard => return self.apply(pipes, false, topic),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![
            Setting::NoDrop(self.no_drop),
            Setting::Invert(self.invert),
            Setting::Verbose(self.verbose),
            Setting::Verboser(self.verboser),
            Setting::Manual(self.manual),
            Setting::Welcome(&self.welcome),
        ]
    }

    fn kept(&self) -> u64 {
        self.incoming.iter().filter(|(_, frame)| !frame.more()).count() as u64
    }

    fn topics(&mut self, pipes: &mut Pipes) -> usize {
        self.take_in(pipes, KEPT);
        self.subscriptions.len()
    }
}

#[cfg(test)]
mod tests;
