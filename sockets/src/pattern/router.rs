//! ROUTER: addresses each peer by its routing id (RFC 28).
//!
//! Every received message is preceded by a frame with the id of its peer; the first frame of every
//! message to be sent names the peer and is taken off. Peers without an id of their own get one of
//! five octets: a zero and a counter.

use super::{Pattern, Setting, probe};
use crate::Message;
use crate::core::fair_queue::FairQueue;
use crate::core::pipes::Pipes;
use crate::error::Error;
use crate::payload::Outgoing;
use ringmq_pipe::Refused;
use std::collections::HashMap;

/// Longest routing id in octets.
const ID_MAX: usize = 255;

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
    by_id: HashMap<Box<[u8]>, usize>,
    names: Names,
    route: Route,
    /// The first frame of a message, if its id was handed out already and it was not.
    first: Message,
    handed_out: bool,
    /// In the middle of receiving a message.
    receiving: bool,
    /// The next automatic id.
    next: u32,
    /// The name for the peer of the next connect.
    alias: Option<Box<[u8]>>,
    mandatory: bool,
    handover: bool,
    probe: bool,
}

/// The ids by the keys of their pipes, which are small numbers.
#[derive(Default)]
struct Names(Vec<Option<Box<[u8]>>>);

impl Names {
    fn get(&self, key: usize) -> Option<&[u8]> {
        self.0.get(key)?.as_deref()
    }

    fn set(&mut self, key: usize, id: Box<[u8]>) {
        if self.0.len() <= key {
            self.0.resize(key + 1, None);
        }
        self.0[key] = Some(id);
    }

    fn remove(&mut self, key: usize) -> Option<Box<[u8]>> {
        self.0.get_mut(key)?.take()
    }

    /// The keys of all pipes that have an id.
    fn keys(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().filter_map(|(key, id)| id.as_ref().map(|_| key))
    }
}

impl Default for Router {
    fn default() -> Self {
        Self {
            queue: FairQueue::default(),
            by_id: HashMap::new(),
            names: Names::default(),
            route: Route::Unknown,
            first: Message::new(),
            handed_out: false,
            receiving: false,
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
    /// Names a pipe; a name that is taken is refused, or taken over with the handover option.
    fn identify(&mut self, pipes: &mut Pipes, key: usize, id: &[u8]) {
        let id = if id.is_empty() { self.automatic() } else { id.into() };
        if let Some(&holder) = self.by_id.get(&id) {
            if holder == key {
                return;
            }
            if !self.handover {
                tracing::debug!(id = %id.escape_ascii(), "routing id is taken");
                return self.mute(pipes, key);
            }
            self.queue.remove(holder);
            self.names.remove(holder);
            self.mute(pipes, holder);
        }
        self.name(key, id);
        if self.probe {
            probe(pipes, key);
        }
        if !pipes.sleep(key) {
            self.queue.activate(key);
        }
    }

    /// Listens no more to a pipe without a name. Its connection stays open.
    fn mute(&mut self, pipes: &mut Pipes, key: usize) {
        if !pipes.mute(key) {
            self.queue.note_ended(key);
        }
    }

    fn name(&mut self, key: usize, id: Box<[u8]>) {
        self.by_id.insert(id.clone(), key);
        self.names.set(key, id);
    }

    /// An id that no peer has.
    fn automatic(&mut self) -> Box<[u8]> {
        loop {
            let mut id = [0; 5];
            id[1..].copy_from_slice(&self.next.to_be_bytes());
            self.next = self.next.wrapping_add(1);
            if !self.by_id.contains_key(&id[..]) {
                return id.into();
            }
        }
    }

    /// Learns from its first frame where a message goes.
    fn start(&mut self, pipes: &mut Pipes, id: &Outgoing<'_>) -> Result<(), Error> {
        let key = self.by_id.get(id.body()).copied();
        let ready = key.map(|key| (key, pipes.get_mut(key).map(|pipe| pipe.end.tx.ready())));
        let route = match ready {
            Some((key, Some(Ok(())))) => Route::To(key),
            Some((key, Some(Err(Refused::Full)))) => {
                if self.mandatory {
                    return Err(Error::WouldBlock);
                }
                pipes.count_drop(key);
                Route::Nowhere
            }
            _ if self.mandatory => return Err(Error::HostUnreachable),
            _ => Route::Nowhere,
        };
        // An id alone is no message.
        self.route = if id.more() { route } else { Route::Unknown };
        Ok(())
    }
}

impl Pattern for Router {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        // Who came by itself, or is known already, is not who the next connect is for.
        let connecting = pipes.get(key).is_some_and(|pipe| pipe.peer.is_none());
        if connecting && let Some(alias) = self.alias.take() {
            return self.identify(pipes, key, &alias);
        }
        self.peer_known(pipes, key);
    }

    fn peer_known(&mut self, pipes: &mut Pipes, key: usize) {
        // Later connections of the same pipe keep the first one's name.
        if self.names.get(key).is_some() {
            return;
        }
        if let Some(peer) = pipes.get(key).and_then(|pipe| pipe.peer.clone()) {
            self.identify(pipes, key, &peer.routing_id);
        }
    }

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        self.queue.remove(key);
        if let Some(id) = self.names.remove(key) {
            self.by_id.remove(&id);
        }
        if self.route == Route::To(key) {
            self.route = Route::Nowhere;
        }
    }

    fn readable(&mut self, pipes: &mut Pipes, key: usize) {
        if self.names.get(key).is_some() {
            self.queue.activate(key);
        } else if pipes.get(key).is_some_and(|pipe| pipe.peer.is_some()) {
            self.mute(pipes, key);
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
            self.receiving = self.first.more();
            *into = std::mem::take(&mut self.first);
            return Ok(());
        }
        if self.receiving {
            self.queue.recv_into(pipes, into).ok_or(Error::WouldBlock)?;
            self.receiving = into.more();
            return Ok(());
        }
        let key = self.queue.recv_into(pipes, &mut self.first).ok_or(Error::WouldBlock)?;
        self.handed_out = true;
        *into = self.names.get(key).map_or_else(Message::new, Message::copy_from);
        into.set_more(true);
        Ok(())
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        // Without the option a message is always taken: it is dropped if its peer cannot have it.
        !self.mandatory
            || self.route != Route::Unknown
            || self
                .names
                .keys()
                .any(|key| pipes.get_mut(key).is_some_and(|pipe| pipe.end.tx.ready().is_ok()))
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.handed_out || self.queue.ready(pipes)
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.settle(pipes)
    }

    fn is_for_many(&self) -> bool {
        true
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    fn set(&mut self, _: &mut Pipes, setting: Setting<'_>) -> Result<bool, Error> {
        let invalid =
            |reason: String| Err(Error::InvalidOption { option: "connect_routing_id", reason });
        match setting {
            Setting::Mandatory(on) => self.mandatory = on,
            Setting::Handover(on) => self.handover = on,
            Setting::ProbeRouter(on) => self.probe = on,
            Setting::ConnectRoutingId(id) if id.is_empty() || id.len() > ID_MAX => {
                return invalid(format!("an id has 1 to {ID_MAX} octets, not {}", id.len()));
            }
            Setting::ConnectRoutingId(id) if self.by_id.contains_key(id) => {
                return invalid("a peer has that id already".into());
            }
            Setting::ConnectRoutingId(id) => self.alias = Some(id.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }
}
