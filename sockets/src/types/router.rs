//! ROUTER: addresses each peer by its routing id (RFC 28).
//!
//! Every received message is preceded by a frame with the id of its peer; the first frame of every
//! message to be sent names the peer and is taken off. Peers without an id of their own get one of
//! five bytes: a zero and a counter.

mod names;

use super::{Pattern, PeerName, Setting, probe};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::options::invalid;
use crate::routing::fair_queue::FairQueue;
use crate::socket::payload::Outgoing;
use names::{Claimed, Id, IdOrigin, Names};
use ringmq_engine::{DropReason, Problem};
use ringmq_pipe::WriteError;
use ringmq_zmtp::Peer;

/// Where the message being sent goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    /// The next frame names a peer.
    Unknown,
    To(usize),
    /// The peer is not there: the rest of the message goes nowhere.
    Nowhere,
}

pub(crate) struct Router {
    queue: FairQueue,
    names: Names,
    route: Route,
    /// The first frame of a message, if its id was handed out already and it was not.
    first: Message,
    handed_out: bool,
    /// In the middle of a message of this pipe: there are more frames of it in there.
    receiving: Option<usize>,
    /// The next automatic id.
    next: u32,
    /// The name for the peer of the next connect.
    alias: Option<Id>,
    mandatory: bool,
    handover: bool,
    probe: bool,
}

impl Default for Router {
    fn default() -> Self {
        Self {
            queue: FairQueue::default(),
            names: Names::default(),
            route: Route::Unknown,
            first: Message::new(),
            handed_out: false,
            receiving: None,
            // Another start each time, so that ids of a former process do not match.
            next: fastrand::u32(..),
            alias: None,
            mandatory: false,
            handover: false,
            probe: false,
        }
    }
}

impl Router {
    /// Names a pipe. For a name that is taken it waits, or takes it over: with the handover option, or if
    /// the holder is gone and has only left something to be read.
    fn identify(&mut self, pipes: &mut Pipes, key: usize, id: Id, origin: IdOrigin) {
        let gone = self.names.holder(&id).is_some_and(|holder| pipes.is_closed(holder));
        let claimed = self.names.claim(key, id, origin, self.handover || gone);
        match claimed {
            Claimed::Waits => pipes.tell_problem(Problem::RoutingIdTaken, key),
            Claimed::TakenFrom(_) if !gone => {
                pipes.tell_problem(Problem::RoutingIdTakenOver, key);
            }
            Claimed::Held | Claimed::TakenFrom(_) => {}
        }
        if !matches!(claimed, Claimed::Waits) {
            self.greet(pipes, key);
        }
        if let Claimed::TakenFrom(holder) = claimed {
            // What it has sent until now comes first, also what threads have left in the kernel.
            pipes.fetch(holder);
            self.names.keep(pipes, holder, pipes.end(holder));
            self.arrange(pipes, holder);
        }
        self.succeed(pipes, key);
        self.arrange(pipes, key);
    }

    /// If the peer of a pipe is gone that holds a name, and another one waits for that, it is the other
    /// one's from now on, whatever there is still to be read.
    fn succeed(&mut self, pipes: &mut Pipes, key: usize) {
        if pipes.is_closed(key)
            && let Some((next, id, origin)) = self.names.take_successor(pipes, key)
        {
            self.identify(pipes, next, id, origin);
        }
    }

    /// Names a pipe as its peer says.
    fn identify_as_peer(&mut self, pipes: &mut Pipes, key: usize, peer: &Peer) {
        let (id, origin) = match &*peer.routing_id {
            [] => {
                let id = self.automatic();
                pipes.assign_id(key, &id);
                (id, IdOrigin::Automatic)
            }
            id => (id.into(), IdOrigin::Peer),
        };
        self.identify(pipes, key, id, origin);
    }

    /// A pipe is a name's from now on.
    fn greet(&self, pipes: &mut Pipes, key: usize) {
        if self.probe {
            probe(pipes, key);
        }
    }

    /// The peer of a pipe that has a name already has become known again.
    fn identify_again(&mut self, pipes: &mut Pipes, key: usize, peer: &Peer, earlier: u64) {
        let same = self.names.claim_of(key).is_some_and(|(id, origin)| match origin {
            IdOrigin::Alias => true,
            IdOrigin::Automatic => peer.routing_id.is_empty(),
            IdOrigin::Peer => *peer.routing_id == *id,
        });
        if same {
            if let Some((id, IdOrigin::Automatic | IdOrigin::Alias)) = self.names.claim_of(key) {
                pipes.assign_id(key, id);
            }
            return;
        }
        if self.route == Route::To(key) {
            // It was for the one before.
            pipes.rollback(key);
            pipes.count_to_nobody();
            self.route = Route::Nowhere;
        }
        let mut ids = Vec::new();
        let next = self.names.give_up(pipes, key, earlier, &mut ids);
        self.identify_as_peer(pipes, key, peer);
        self.passed_on(pipes, &ids, next);
    }

    /// Some ids may be other pipes' now, and one has a new holder.
    fn passed_on(&mut self, pipes: &mut Pipes, ids: &[Id], holder: Option<usize>) {
        if let Some(holder) = holder {
            self.greet(pipes, holder);
        }
        for id in ids {
            if let Some(next) = self.names.turn_under(id) {
                self.arrange(pipes, next);
            }
        }
    }

    /// Sees to it that a pipe is read if it is its turn, and not if it is not.
    fn arrange(&mut self, pipes: &mut Pipes, key: usize) {
        let mut look_at = vec![key];
        while let Some(key) = look_at.pop() {
            while let Some((until, wanted)) = self.names.stretch(key) {
                if !wanted {
                    pipes.discard(key, until);
                } else if pipes.taken(key) < until {
                    break;
                }
                look_at.extend(self.names.end_stretch(key));
            }
            if self.names.look_at_turn(key) {
                self.queue.activate(key);
                continue;
            }
            self.queue.remove(key);
            if pipes.is_closed(key) && self.names.waits(key) {
                self.leave_unheard(pipes, key, &mut look_at);
            }
        }
    }

    /// A pipe has ended that waits for a name. If it held the name before, the rest of what it has to say
    /// is heard under that, before the holder goes on; if not, it is as if it had not been there. Adds to
    /// `look_at` whose turn that makes it and whose no longer.
    fn leave_unheard(&mut self, pipes: &mut Pipes, key: usize, look_at: &mut Vec<usize>) {
        let end = pipes.end(key);
        if !self.names.was_ousted(key) || pipes.taken(key) >= end {
            pipes.discard(key, u64::MAX);
            return self.queue.note_ended(key);
        }
        let holder = self.names.claim_of(key).and_then(|(id, _)| self.names.holder(id));
        if let Some(holder) = holder {
            if self.receiving == Some(holder) {
                self.names.keep(pipes, holder, pipes.taken(holder) + 1);
            }
            look_at.push(holder);
        }
        self.names.keep(pipes, key, end);
        look_at.push(key);
    }

    /// A message of a pipe was taken.
    #[inline]
    fn note_taken(&mut self, pipes: &mut Pipes, key: usize) {
        if self.names.is_counting() {
            self.count_taken(pipes, key);
        }
    }

    /// The same, and it matters how many those are.
    #[cold]
    fn count_taken(&mut self, pipes: &mut Pipes, key: usize) {
        if self.names.stretch(key).is_some_and(|(until, _)| pipes.taken(key) >= until) {
            self.arrange(pipes, key);
        }
    }

    /// An id that no peer has.
    fn automatic(&mut self) -> Id {
        loop {
            let mut id = [0; 5];
            id[1..].copy_from_slice(&self.next.to_be_bytes());
            self.next = self.next.wrapping_add(1);
            if !self.names.is_known(&id) {
                return id.into();
            }
        }
    }

    /// Learns from its first frame where a message goes.
    fn start(&mut self, pipes: &mut Pipes, id: &Outgoing<'_>) -> Result<(), Error> {
        let key = self.names.holder(id.body());
        let ready = key.map(|key| (key, pipes.get_mut(key).map(|pipe| pipe.end.tx.ready())));
        let route = match ready {
            Some((key, Some(Ok(())))) => Route::To(key),
            Some((key, Some(Err(WriteError::Full)))) => {
                if self.mandatory {
                    return Err(Error::WouldBlock);
                }
                pipes.count_drop(key, DropReason::Full);
                Route::Nowhere
            }
            _ if self.mandatory => return Err(Error::HostUnreachable),
            _ => {
                pipes.count_unroutable(id.body());
                Route::Nowhere
            }
        };
        self.route = if id.more() {
            route
        } else {
            // An id alone is no message.
            pipes.tell_problem_of_socket(Problem::NoBody);
            Route::Unknown
        };
        Ok(())
    }
}

impl Pattern for Router {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        // Who came by itself, or is known already, is not who the next connect is for.
        let connecting = pipes.get(key).is_some_and(|pipe| pipe.peer.is_none());
        if connecting && let Some(alias) = self.alias.take() {
            return self.identify(pipes, key, alias, IdOrigin::Alias);
        }
        self.peer_known(pipes, key, 0);
    }

    fn peer_known(&mut self, pipes: &mut Pipes, key: usize, earlier: u64) {
        let Some(peer) = pipes.get(key).and_then(|pipe| pipe.peer.clone()) else { return };
        if self.names.claim_of(key).is_some() {
            self.identify_again(pipes, key, &peer, earlier);
        } else {
            self.identify_as_peer(pipes, key, &peer);
        }
    }

    fn detach(&mut self, pipes: &mut Pipes, key: usize) {
        self.queue.remove(key);
        if self.route == Route::To(key) {
            // In the middle of a message, whose rest nobody gets.
            self.route = Route::Nowhere;
            pipes.count_to_nobody();
        }
        if let Some((ids, holder)) = self.names.remove(pipes, key) {
            self.passed_on(pipes, &ids, holder);
        }
    }

    fn readable(&mut self, pipes: &mut Pipes, key: usize) {
        self.succeed(pipes, key);
        if self.names.has_turn(key) {
            self.queue.activate(key);
        } else {
            self.arrange(pipes, key);
        }
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        let more = frame.more();
        match self.route {
            Route::Unknown => self.start(pipes, frame)?,
            Route::Nowhere => {}
            Route::To(key) => {
                if pipes.write(key, frame).is_err() {
                    pipes.rollback(key);
                    pipes.count_to_nobody();
                    self.route = Route::Nowhere;
                }
            }
        }
        if !more {
            self.route = Route::Unknown;
        }
        frame.drop_body();
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        if std::mem::take(&mut self.handed_out) {
            *into = std::mem::take(&mut self.first);
            return Ok(());
        }
        if let Some(key) = self.receiving {
            self.queue.recv_into(pipes, into).ok_or(Error::WouldBlock)?;
            if !into.more() {
                self.receiving = None;
                self.note_taken(pipes, key);
            }
            return Ok(());
        }
        let key = self.queue.recv_into(pipes, &mut self.first).ok_or(Error::WouldBlock)?;
        self.handed_out = true;
        *into = self.names.of(key).map_or_else(Message::new, Message::copy_from);
        into.set_more(true);
        into.set_peer_of(&self.first);
        if self.first.more() {
            self.receiving = Some(key);
        } else {
            self.note_taken(pipes, key);
        }
        Ok(())
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        // Without the option a message is always taken: it is dropped if its peer cannot have it.
        !self.mandatory
            || self.route != Route::Unknown
            || self
                .names
                .holders()
                .any(|key| pipes.get_mut(key).is_some_and(|pipe| pipe.end.tx.ready().is_ok()))
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.handed_out || self.queue.ready(pipes)
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.settle(pipes)
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    fn pipe_of(&self, name: PeerName<'_>) -> Option<usize> {
        match name {
            PeerName::Number(_) => None,
            PeerName::RoutingId(id) => self.names.holder(id),
        }
    }

    fn set(&mut self, _: &mut Pipes, setting: Setting<'_>) -> Result<bool, Error> {
        match setting {
            Setting::Mandatory(on) => self.mandatory = on,
            Setting::Handover(on) => self.handover = on,
            Setting::ProbeRouter(on) => self.probe = on,
            Setting::ConnectRoutingId(id) if self.names.holder(id).is_some() => {
                return Err(invalid("connect_routing_id", "a peer has that id already"));
            }
            Setting::ConnectRoutingId(id) => self.alias = Some(id.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![
            Setting::Mandatory(self.mandatory),
            Setting::Handover(self.handover),
            Setting::ProbeRouter(self.probe),
            Setting::ConnectRoutingId(self.alias.as_deref().unwrap_or_default()),
        ]
    }
}

#[cfg(test)]
mod tests;
