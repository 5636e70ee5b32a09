//! SUB and XSUB: receive what was subscribed to, by prefix (RFC 29). DISH: what belongs to a group that was joined
//! (RFC 48).
//!
//! What is subscribed to is shared with the socket's sessions: they tell it to every peer as soon as a
//! connection stands. From then on each change goes down the pipe; see [`Wanted`] for how a peer learns
//! of each once, and [`telling`] for who does not read them. A subscription or cancellation that the application
//! sends (XSUB) is such a change: who is not there yet learns of it when it comes, and no copy waits for it
//! meanwhile.
//!
//! A message to a group has two frames, of which the first is the group's name. Others are thrown away.

mod telling;

use super::{Pattern, Portion, Setting, Subscriptions, not_supported};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::options::invalid;
use crate::routing::distributor::Distributor;
use crate::routing::fair_queue::FairQueue;
use crate::socket::payload::Outgoing;
use crate::subscription::{Change, Vocabulary, Wanted};
use ringmq_engine::{DropReason, Problem};
use ringmq_pipe::GROUP_MAX;
use ringmq_zmtp::SocketType;
use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};
use telling::{Telling, most_unread};

pub(crate) struct Subscribe {
    queue: FairQueue,
    /// XSUB: subscriptions are sent as messages, and nothing is filtered here.
    raw: bool,
    /// DISH: groups instead of topics.
    words: Vocabulary,
    subscriptions: Subscriptions,
    /// The empty topic is among them: known without a look.
    everything: bool,
    out: Distributor,
    /// What each pipe is told.
    telling: HashMap<usize, Telling>,
    /// The frames so far of a subscription that the application sends.
    begun: Vec<Message>,
    /// Changes made in the middle of a message that is sent: they follow it.
    later: Vec<(u64, Change)>,
    /// What does not match is received instead of what does.
    invert: bool,
    /// The message in progress was not subscribed to.
    skipping: bool,
    /// DISH: the first frame of the message in progress.
    group: Message,
    /// The first frame of a message that matched, found by a look ahead.
    first: Option<Message>,
}

impl Subscribe {
    pub(crate) fn new(raw: bool, words: Vocabulary, subscriptions: Subscriptions) -> Self {
        Self {
            queue: FairQueue::default(),
            raw,
            words,
            subscriptions,
            everything: false,
            out: Distributor::default(),
            telling: HashMap::new(),
            begun: Vec::new(),
            later: Vec::new(),
            invert: false,
            skipping: false,
            group: Message::new(),
            first: None,
        }
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all peers of a change that do not know it yet.
    fn forward(&mut self, pipes: &mut Pipes, (number, change): (u64, Change)) {
        if self.out.is_open() {
            return self.later.push((number, change));
        }
        let most = self.most_unread();
        let mut behind = None;
        for (key, pipe) in pipes.iter_mut() {
            let telling = self.telling.entry(key).or_insert_with(|| Telling::new(self.words));
            if telling.tell(pipe, number, &change, most) {
                behind = Some(key);
            }
        }
        if let Some(key) = behind {
            pipes.tell_problem_once(Problem::SubscriptionsNotTaken, key);
        }
    }

    /// How many bytes of changes may be unread in a pipe.
    fn most_unread(&self) -> u64 {
        most_unread(self.wanted().bytes())
    }

    fn subscribe(&mut self, pipes: &mut Pipes, topic: &[u8]) {
        let change = self.wanted().subscribe(topic, vec![self.words.command(true, topic)]);
        self.everything |= topic.is_empty() && self.words == Vocabulary::Topics;
        self.forward(pipes, change);
    }

    fn unsubscribe(&mut self, pipes: &mut Pipes, topic: &[u8]) {
        let change = self.wanted().unsubscribe(topic, vec![self.words.command(false, topic)]);
        if let Some(change) = change {
            self.everything &= !topic.is_empty();
            self.forward(pipes, change);
        }
    }

    /// Joins a group, or leaves it: each only if it is not so already.
    fn join(&mut self, pipes: &mut Pipes, group: &[u8], join: bool) -> Result<(), Error> {
        let option = if join { "join" } else { "leave" };
        if group.len() > GROUP_MAX {
            return Err(invalid(option, format!("a group has {GROUP_MAX} bytes at the most")));
        }
        match (join, self.wanted().has(group)) {
            (true, true) => return Err(invalid(option, "it has joined that group already")),
            (false, false) => return Err(invalid(option, "it has not joined that group")),
            _ => {}
        }
        if join {
            self.subscribe(pipes, group);
        } else {
            self.unsubscribe(pipes, group);
        }
        Ok(())
    }

    /// Takes a frame of a subscription or cancellation that the application sends as a message.
    fn send_change(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) {
        let more = frame.more();
        self.begun.push(frame.take());
        if more {
            return;
        }
        let frames = std::mem::take(&mut self.begun);
        let first = frames[0].clone();
        let change = match first.as_slice() {
            [0, topic @ ..] => self.wanted().unsubscribe(topic, frames),
            [_, topic @ ..] => Some(self.wanted().subscribe(topic, frames)),
            [] => None,
        };
        if let Some(change) = change {
            self.forward(pipes, change);
        }
    }

    /// Takes the next frame that the application should see; if there is none in a portion of what has come,
    /// `into` is left alone or empty.
    fn next_into(&mut self, pipes: &mut Pipes, into: &mut Message) -> bool {
        let mut unwanted = false;
        let mut portion = Portion::WHOLE;
        while !portion.is_used_up()
            && let Some(key) = self.queue.recv_into(pipes, into)
        {
            unwanted = true;
            if !into.is_command() {
                let starts = pipes.began(key);
                if self.words == Vocabulary::Groups {
                    if self.next_of_group(pipes, key, starts, into) {
                        return true;
                    }
                } else {
                    if starts {
                        self.skipping = !self.raw && self.matches(into) == self.invert;
                    }
                    if !self.skipping {
                        return true;
                    }
                }
            }
            portion.take(into.len());
        }
        if unwanted {
            *into = Message::new();
        }
        false
    }

    /// Takes a frame of a message to a group; `true` if it is the message, of a group that was joined.
    fn next_of_group(
        &mut self,
        pipes: &mut Pipes,
        key: usize,
        starts: bool,
        frame: &mut Message,
    ) -> bool {
        if starts {
            let well_formed = frame.more() && frame.len() <= GROUP_MAX;
            self.skipping = !well_formed || !self.wanted().has(frame);
            if !well_formed {
                pipes.count_drop(key, DropReason::Unwanted);
            }
            self.group = std::mem::take(frame);
            return false;
        }
        let too_many = frame.more();
        if !self.skipping && !too_many && frame.set_group(&self.group).is_ok() {
            return true;
        }
        if !self.skipping && too_many {
            pipes.count_drop(key, DropReason::Unwanted);
        }
        self.skipping |= too_many;
        false
    }

    fn matches(&self, message: &[u8]) -> bool {
        self.everything || self.wanted().matches(message)
    }
}

impl Pattern for Subscribe {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        let Some(pipe) = pipes.get_mut(key) else { return };
        let mut telling = Telling::new(self.words);
        if pipe.direct {
            // A session tells all topics by itself. Within a process there is none.
            let mut all = Vec::new();
            let words = self.words;
            let number = self.wanted().tell(|topic| all.push(words.command(true, topic)));
            telling.tell_all(pipe, number, all);
        } else if pipe.peer.is_some() {
            // It comes from a session, which may have told all topics some time ago.
            let known = {
                let told = pipe.end.state.told();
                pipe.end.state.is_connected().then_some(*told)
            };
            let most = self.most_unread();
            for (number, change) in self.wanted().missed(known) {
                telling.tell(pipe, number, &change, most);
            }
        }
        self.telling.insert(key, telling);
    }

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        self.queue.remove(key);
        self.out.remove(key);
        self.telling.remove(&key);
    }

    fn writable(&mut self, pipes: &mut Pipes, key: usize) {
        if !self.out.is_open()
            && let (Some(telling), Some(pipe)) = (self.telling.get_mut(&key), pipes.get_mut(key))
        {
            telling.catch_up(pipe);
        }
    }

    fn readable(&mut self, _: &mut Pipes, key: usize) {
        self.queue.activate(key);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        if !self.raw {
            let socket = match self.words {
                Vocabulary::Topics => SocketType::Sub,
                Vocabulary::Groups => SocketType::Dish,
            };
            return not_supported(socket, "send");
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
            // What could not be written in the midst of it.
            for (key, telling) in &mut self.telling {
                if let Some(pipe) = pipes.get_mut(*key) {
                    telling.catch_up(pipe);
                }
            }
            for change in std::mem::take(&mut self.later) {
                self.forward(pipes, change);
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
        // Of groups it never holds that everything is wanted.
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
        self.can_recv(pipes) || self.queue.settle(pipes)
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    fn set(&mut self, pipes: &mut Pipes, setting: Setting<'_>) -> Result<bool, Error> {
        match setting {
            Setting::Join(group) if self.words == Vocabulary::Groups => {
                self.join(pipes, group, true)?;
            }
            Setting::Leave(group) if self.words == Vocabulary::Groups => {
                self.join(pipes, group, false)?;
            }
            _ if self.words == Vocabulary::Groups => return Ok(false),
            Setting::Subscribe(topic) => self.subscribe(pipes, topic),
            Setting::Unsubscribe(topic) => self.unsubscribe(pipes, topic),
            Setting::Invert(on) => self.invert = on,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        match self.words {
            Vocabulary::Topics => vec![Setting::Invert(self.invert)],
            Vocabulary::Groups => Vec::new(),
        }
    }

    fn topics(&mut self, _: &mut Pipes) -> usize {
        self.wanted().len()
    }
}

#[cfg(test)]
mod tests;
