//! PUB and XPUB: to every subscriber what it subscribed to, by prefix (RFC 29). RADIO: to every member what is for
//! its group (RFC 48), in two frames of which the first is the group's name.
//! Subscriptions arrive in the pipes, as commands or as messages that start with 1 or 0, and are taken
//! in whenever the application enters the socket: in a share of the time of one that is after something else,
//! so that a peer which subscribes without end does not have all of it, and a portion at a time by one that has
//! nothing else to do. Peers of the same process are not counted. A subscriber that is too slow misses messages, which
//! are counted; with the no-drop option the publisher waits instead.
//! In manual mode a subscription that arrives is a wish: it is remembered, but who gets what is the
//! application's to say, for the peer whose wish it has received last. That peer may have gone meanwhile;
//! then nobody gets anything, and least of all a peer that has its place. With the option of the last value the
//! next message goes to that peer alone, if it has subscribed to it: what others have had already.
//! What a peer has asked for counts against the limits of its subscriptions. One that asks for more loses its
//! connection and all that it has asked for, as if it had gone by itself; what else it has sent by then is
//! thrown away. A peer of the same process is not limited: its memory is this one's.

use super::allowance::Allowance;
use super::{Pattern, Portion, Setting, not_supported, one_frame};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::{PeerId, Pipe, Pipes};
use crate::routing::distributor::Distributor;
use crate::routing::fair_queue::FairQueue;
use crate::socket::payload::Outgoing;
use crate::subscription::{Added, ByPipe, MostTopics, Removed, Vocabulary, notification};
use ringmq_engine::{DropReason, PeerLimit};
use ringmq_pipe::WriteError;
use ringmq_zmtp::SocketType;
use std::collections::{HashSet, VecDeque};
use std::time::Instant;

/// Notifications and user messages taken in for an XPUB that receives; above that the peers' pipes are
/// left to fill.
const KEPT: usize = 1000;
/// The same for one that only sends, and for that must heed all subscriptions there are; what is above
/// that is dropped, and counted.
const KEPT_UNREAD: usize = 100_000;
/// Of what is kept for an XPUB, so many bytes at the most: topics may be long.
const KEPT_BYTES: usize = 64 << 20;
/// After so many sends in a row that found nothing to take in, the pipes tell when there is something:
/// a look at each send costs more than half of what the send does.
const QUIET: u32 = 64;

pub(crate) struct Publish {
    /// XPUB: the application receives.
    heard: bool,
    /// RADIO: groups instead of topics.
    words: Vocabulary,
    queue: FairQueue,
    subscriptions: ByPipe,
    /// What peers have asked for in manual mode, whatever was made of it.
    wishes: ByPipe,
    /// How much one peer may ask for.
    most: MostTopics,
    /// Pipes of which nothing is heeded any more until another peer has them: theirs wanted too much.
    refused: HashSet<usize>,
    out: Distributor,
    /// Pipes that have everything: nobody can subscribe to less there.
    unfiltered: Vec<usize>,
    /// What the application is to receive.
    incoming: VecDeque<(ReceivedFrom, Message)>,
    /// How many bytes that is.
    incoming_bytes: usize,
    /// Whose subscription was received last: manual mode applies to it.
    last: Option<PeerId>,
    /// So many sends have looked for subscriptions, with some pipe awake, and found none.
    quiet: u32,
    /// What taking in may cost those who are after something else.
    allowance: Allowance,
    /// In the middle of a message of a subscriber's, which is not kept.
    receiving: bool,
    dropping: bool,
    verbose: bool,
    verboser: bool,
    manual: bool,
    /// In manual mode the next message after a wish is for that peer only.
    answers_last: bool,
    no_drop: bool,
    invert: bool,
    welcome: Message,
}

/// What was found by taking in.
struct TakenIn {
    /// There may be more.
    more: bool,
    /// Some of it came from other processes.
    from_outside: bool,
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
    pub(crate) fn new(heard: bool, words: Vocabulary) -> Self {
        Self {
            heard,
            words,
            queue: FairQueue::default(),
            subscriptions: ByPipe::new(),
            wishes: ByPipe::new(),
            most: MostTopics::DEFAULT,
            refused: HashSet::new(),
            out: Distributor::default(),
            unfiltered: Vec::new(),
            incoming: VecDeque::new(),
            incoming_bytes: 0,
            last: None,
            quiet: 0,
            allowance: Allowance::FULL,
            receiving: false,
            dropping: false,
            verbose: false,
            verboser: false,
            manual: false,
            answers_last: false,
            no_drop: false,
            invert: false,
            welcome: Message::new(),
        }
    }

    /// Takes in a portion of what subscribers have sent, until `most` of it waits to be received, in whole
    /// messages.
    fn take_in(&mut self, pipes: &mut Pipes, most: usize, mut portion: Portion) -> TakenIn {
        let mut from_outside = false;
        while self.receiving || self.incoming.len() < most && !portion.is_used_up() {
            let Some((key, frame)) = self.queue.recv(pipes) else {
                return TakenIn { more: false, from_outside };
            };
            portion.take(frame.len());
            from_outside |= pipes.get(key).is_none_or(|pipe| !pipe.direct);
            self.quiet = 0;
            let starts = pipes.began(key);
            let subscription = self.words.parse(frame.flags(), &frame).filter(|_| starts);
            self.receiving = frame.more();
            match subscription {
                Some(subscription) => {
                    self.heed(pipes, key, subscription.subscribe, subscription.topic);
                }
                None if frame.is_command() && frame.is_empty() => self.peer_gone(pipes, key),
                None if frame.is_command() || self.refused.contains(&key) => {}
                None => self.keep_message(pipes, key, starts, frame),
            }
        }
        TakenIn { more: self.incoming.len() < most, from_outside }
    }

    /// The same in passing, for somebody who is after something else: for as long as there is time for it. The
    /// clock is looked at only if there is something.
    fn take_in_passing(&mut self, pipes: &mut Pipes, most: usize) {
        if !self.queue.ready(pipes) {
            return;
        }
        self.quiet = 0;
        let mut may = self.allowance.pass(Instant::now());
        while may {
            let taken = self.take_in(pipes, most, Portion::SMALL);
            let now = Instant::now();
            may = match taken.from_outside {
                true => self.allowance.spend(now),
                false => self.allowance.pass(now),
            };
            may &= taken.more;
        }
    }

    /// Takes in what subscribers have sent, before a message is sent.
    fn look_around(&mut self, pipes: &mut Pipes) {
        if self.queue.is_asleep() {
            return;
        }
        self.quiet += 1;
        self.take_in_passing(pipes, usize::MAX);
        if self.quiet >= QUIET {
            self.quiet = 0;
            if self.queue.settle(pipes) {
                self.take_in_passing(pipes, usize::MAX);
            }
        }
    }

    /// Learns who is to have the next message.
    #[inline(always)]
    fn address(&mut self, pipes: &mut Pipes, frame: &Outgoing<'_>) -> Result<(), Error> {
        self.look_around(pipes);
        if self.queue.has_ended(|key| pipes.ended(key)) {
            // The socket removes them, and tries again at once.
            return Err(Error::WouldBlock);
        }
        self.out.begin();
        if self.words == Vocabulary::Topics && !self.invert && !self.answers_last {
            let out = &mut self.out;
            self.subscriptions.for_each_match(frame.body(), |key| out.target(key));
        } else {
            self.address_otherwise(pipes, frame);
        }
        if !self.unfiltered.is_empty() {
            self.out.target_all(&self.unfiltered);
        }
        if self.no_drop && !self.out.all_ready(pipes) {
            return Err(Error::WouldBlock);
        }
        if self.answers_last {
            self.last = None;
        }
        Ok(())
    }

    /// Learns it where prefixes alone do not decide: by group, inversely, or from who asked last.
    #[inline(never)]
    fn address_otherwise(&mut self, pipes: &mut Pipes, frame: &Outgoing<'_>) {
        let out = &mut self.out;
        if self.words == Vocabulary::Groups {
            self.subscriptions.for_each_holder(frame.group(), |key| out.target(key));
        } else if self.invert {
            let keys = pipes.iter().map(|(key, _)| key);
            self.subscriptions.for_each_mismatch(frame.body(), keys, |key| out.target(key));
        } else {
            // Of a peer that has gone nobody else hears, as in `apply`.
            let only = self.last.map(|peer| pipes.of_peer(peer));
            self.subscriptions.for_each_match(frame.body(), |key| {
                if only.is_none_or(|only| only == Some(key)) {
                    out.target(key);
                }
            });
        }
    }

    /// Keeps a frame of a message for the application to receive.
    fn keep_message(&mut self, pipes: &mut Pipes, key: usize, starts: bool, frame: Message) {
        if !self.heard {
            return;
        }
        if starts {
            self.dropping = !self.has_room();
            if self.dropping {
                pipes.count_drop(key, DropReason::Unwanted);
            }
        }
        if !self.dropping {
            self.push(ReceivedFrom::Message, frame);
        }
    }

    /// Whether more is kept for the application.
    fn has_room(&self) -> bool {
        self.incoming.len() < KEPT_UNREAD && self.incoming_bytes < KEPT_BYTES
    }

    fn push(&mut self, from: ReceivedFrom, frame: Message) {
        self.incoming_bytes += frame.len();
        self.incoming.push_back((from, frame));
    }

    /// Keeps word of a peer's subscription or cancellation for the application to receive.
    fn keep(&mut self, pipes: &mut Pipes, key: usize, subscribe: bool, topic: &[u8]) {
        let Some(peer) = pipes.peer(key).filter(|_| self.heard) else { return };
        if self.has_room() {
            self.push(ReceivedFrom::Wish(peer), notification(subscribe, topic));
        } else {
            pipes.count_drop(key, DropReason::Unwanted);
        }
    }

    fn heed(&mut self, pipes: &mut Pipes, key: usize, subscribe: bool, topic: &[u8]) {
        if self.refused.contains(&key) {
            return;
        }
        let limited = pipes.get(key).is_some_and(|pipe| !pipe.direct);
        let topics = if self.manual { &mut self.wishes } else { &mut self.subscriptions };
        let tell = if subscribe {
            let added = match limited {
                true => topics.add_within(topic, key, &self.most),
                false => Ok(topics.add(topic, key)),
            };
            match added {
                Ok(Added::FirstForTopic) => true,
                Ok(Added::NewForPipe | Added::Duplicate) => self.verbose || self.verboser,
                Err(limit) => return self.refuse(pipes, key, limit),
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

    /// A peer wants more than it may have: it is to go, and whatever it wanted goes with it.
    #[cold]
    fn refuse(&mut self, pipes: &mut Pipes, key: usize, limit: PeerLimit) {
        self.refused.insert(key);
        pipes.renew(key);
        self.depart(key);
        pipes.refuse(key, limit);
    }

    /// The peer of a connect has gone, and the pipe waits for the next one. What was subscribed to stays
    /// so that the peer misses nothing if it is the same one again, unless the application is to be asked.
    fn peer_gone(&mut self, pipes: &mut Pipes, key: usize) {
        self.refused.remove(&key);
        if self.manual {
            pipes.renew(key);
            self.depart(key);
        }
    }

    /// Forgets what a peer has asked for, and tells the application as if the peer had cancelled it: in
    /// manual mode all that it has asked for, otherwise what nobody else has or, if that is wanted, all
    /// that it has.
    fn depart(&mut self, key: usize) {
        // All or nothing: what one peer had is no more than it may have, and who passes on what it receives
        // would keep for ever what it does not hear the end of.
        let tells = self.heard && self.has_room();
        let mut gone = Vec::new();
        let mut note = |topic: &[u8]| {
            if tells {
                gone.push(notification(false, topic));
            }
        };
        let mut asked = self.manual;
        self.wishes.remove_pipe(key, true, |topic| {
            asked = true;
            note(topic);
        });
        self.subscriptions.remove_pipe(key, self.verboser, |topic| {
            if !asked {
                note(topic);
            }
        });
        gone.into_iter().for_each(|word| self.push(ReceivedFrom::Departure, word));
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

impl Pattern for Publish {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        if pipes.get(key).is_some_and(|pipe| pipe.unfiltered) {
            return self.unfiltered.push(key);
        }
        if !self.welcome.is_empty() {
            // A new pipe has room.
            let _ = pipes.write(key, &mut Outgoing::Owned(&mut self.welcome.clone()));
        }
    }

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        self.queue.remove(key);
        self.out.remove(key);
        self.unfiltered.retain(|other| *other != key);
        self.refused.remove(&key);
        self.depart(key);
    }

    fn readable(&mut self, pipes: &mut Pipes, key: usize) {
        self.queue.activate(key);
        self.take_in_passing(pipes, KEPT);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        if self.words == Vocabulary::Groups {
            one_frame(SocketType::Radio, frame)?;
            self.address(pipes, frame)?;
            let mut group = Message::copy_from(frame.group());
            group.set_more(true);
            self.out.send(pipes, &mut Outgoing::Owned(&mut group));
        } else if !self.out.is_open() {
            self.address(pipes, frame)?;
        }
        self.out.send(pipes, frame);
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        if !self.heard {
            let socket = match self.words {
                Vocabulary::Topics => SocketType::Pub,
                Vocabulary::Groups => SocketType::Radio,
            };
            return not_supported(socket, "receive");
        }
        if self.incoming.is_empty() {
            self.take_in_passing(pipes, KEPT);
        }
        let (origin, frame) = self.incoming.pop_front().ok_or(Error::WouldBlock)?;
        self.incoming_bytes -= frame.len();
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
            self.take_in_passing(pipes, KEPT);
        }
        self.heard && !self.incoming.is_empty()
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        // Who waits has nothing else to do.
        self.take_in(pipes, KEPT, Portion::WHOLE);
        let any = !self.incoming.is_empty() || self.queue.settle(pipes);
        // What comes to a PUB is nothing to be received.
        any && self.heard
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    fn set(&mut self, pipes: &mut Pipes, setting: Setting<'_>) -> Result<bool, Error> {
        match setting {
            Setting::NoDrop(on) => self.no_drop = on,
            Setting::Invert(on) if self.words == Vocabulary::Topics => self.invert = on,
            Setting::MaxSubscriptions(most) => self.most.topics = most,
            Setting::MaxSubscriptionBytes(most) => self.most.bytes = most,
            Setting::Verbose(on) if self.heard => {
                self.verbose = on;
                self.verboser = false;
            }
            Setting::Verboser(on) if self.heard => self.verboser = on,
            Setting::Manual(on) if self.heard => {
                self.manual = on;
                self.answers_last &= on;
            }
            Setting::ManualLastValue(on) if self.heard => {
                self.manual = on;
                self.answers_last = on;
            }
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
            Setting::MaxSubscriptions(self.most.topics),
            Setting::MaxSubscriptionBytes(self.most.bytes),
            Setting::Verbose(self.verbose),
            Setting::Verboser(self.verboser),
            Setting::Manual(self.manual),
            Setting::ManualLastValue(self.answers_last),
            Setting::Welcome(&self.welcome),
        ]
    }

    fn kept(&self) -> u64 {
        self.incoming.iter().filter(|(_, frame)| !frame.more()).count() as u64
    }

    fn topics(&mut self, pipes: &mut Pipes) -> usize {
        self.take_in(pipes, KEPT, Portion::times(16));
        self.subscriptions.len()
    }
}

#[cfg(test)]
mod tests;
