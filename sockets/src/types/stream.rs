//! STREAM: bytes to and from peers that speak no ZMTP.
//!
//! What is received has two frames, the id of a peer and some of its bytes; what is sent has the same, and no bytes
//! are the end of that connection. Where a connection begins and where it ends is received as a message without
//! bytes, unless the application wants to hear nothing of it.

use super::{Pattern, PeerName, Setting};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::options::invalid;
use crate::routing::fair_queue::FairQueue;
use crate::socket::payload::Outgoing;
use ringmq_pipe::WriteError;
use std::collections::HashMap;

/// What a peer is called.
type StreamId = Box<[u8]>;

/// Where the bytes go that are sent next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StreamRoute {
    /// The next frame names a peer.
    Unknown,
    To(usize),
    /// The peer has gone since it was named.
    Nowhere,
    /// The application ends the connection, which is closed now.
    Closed,
}

pub(crate) struct RawStream {
    queue: FairQueue,
    pipes: HashMap<StreamId, usize>,
    ids: HashMap<usize, StreamId>,
    /// The id that was given last.
    latest: StreamId,
    route: StreamRoute,
    /// The bytes of a message whose id was handed out.
    bytes: Option<Message>,
    /// A message found by a look ahead: its id and its bytes.
    first: Option<(Message, Message)>,
    /// Whose connection the application ends, to be closed by the socket.
    closing: Option<usize>,
    next: u32,
    alias: Option<StreamId>,
    notify: bool,
}

impl Default for RawStream {
    fn default() -> Self {
        Self {
            queue: FairQueue::default(),
            pipes: HashMap::new(),
            ids: HashMap::new(),
            latest: StreamId::default(),
            route: StreamRoute::Unknown,
            bytes: None,
            first: None,
            closing: None,
            next: fastrand::u32(..),
            alias: None,
            notify: true,
        }
    }
}

impl RawStream {
    /// An id that no peer has.
    fn automatic(&mut self) -> StreamId {
        loop {
            let mut id = [0; 5];
            id[1..].copy_from_slice(&self.next.to_be_bytes());
            self.next = self.next.wrapping_add(1);
            if !self.pipes.contains_key(&id[..]) {
                return id.into();
            }
        }
    }

    /// The next message, in its two frames.
    fn next_message(&mut self, pipes: &mut Pipes) -> Option<(Message, Message)> {
        loop {
            let (key, bytes) = self.queue.recv(pipes)?;
            if bytes.is_empty() && !self.notify {
                continue;
            }
            let mut id = self.ids.get(&key).map_or_else(Message::new, |id| Message::copy_from(id));
            id.set_more(true);
            id.set_peer_of(&bytes);
            return Some((id, bytes));
        }
    }

    /// Whom the next bytes are for.
    fn start(&mut self, pipes: &mut Pipes, id: &[u8]) -> Result<(), Error> {
        let key = *self.pipes.get(id).ok_or(Error::HostUnreachable)?;
        match pipes.get_mut(key).map(|pipe| pipe.end.tx.ready()) {
            Some(Ok(())) => self.route = StreamRoute::To(key),
            Some(Err(WriteError::Full)) => return Err(Error::WouldBlock),
            _ => return Err(Error::HostUnreachable),
        }
        Ok(())
    }
}

impl Pattern for RawStream {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        // Who came by itself is not who the next connect is for.
        let connecting = pipes.get(key).is_some_and(|pipe| pipe.peer.is_none());
        let alias = if connecting { self.alias.take() } else { None };
        let id = match alias {
            Some(alias) => alias,
            None => self.automatic(),
        };
        pipes.assign_id(key, &id);
        self.latest = id.clone();
        self.pipes.insert(id.clone(), key);
        self.ids.insert(key, id);
    }

    fn peer_known(&mut self, pipes: &mut Pipes, key: usize, _earlier: u64) {
        if let Some(id) = self.ids.get(&key) {
            pipes.assign_id(key, id);
        }
    }

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        self.queue.remove(key);
        if let Some(id) = self.ids.remove(&key) {
            self.pipes.remove(&id);
        }
        if self.closing.take_if(|closing| *closing == key).is_some() {
            self.route = StreamRoute::Closed;
        } else if self.route == StreamRoute::To(key) {
            self.route = StreamRoute::Nowhere;
        }
    }

    fn readable(&mut self, _: &mut Pipes, key: usize) {
        self.queue.activate(key);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        let key = match self.route {
            StreamRoute::Unknown if !frame.more() => {
                // An id alone is no message.
                pipes.tell_problem_of_socket(ringmq_engine::Problem::NoBody);
                frame.drop_body();
                return Ok(());
            }
            StreamRoute::Unknown => {
                self.start(pipes, frame.body())?;
                frame.drop_body();
                return Ok(());
            }
            StreamRoute::Nowhere | StreamRoute::Closed => {
                if self.route == StreamRoute::Nowhere {
                    pipes.count_to_nobody();
                }
                frame.drop_body();
                self.route = StreamRoute::Unknown;
                return Ok(());
            }
            StreamRoute::To(key) => key,
        };
        if frame.body().is_empty() {
            // The socket closes it, and tries again at once.
            self.closing = Some(key);
            return Err(Error::WouldBlock);
        }
        // Whatever follows names a peer again.
        let mut bytes = frame.take();
        bytes.set_more(false);
        if pipes.write(key, &mut Outgoing::Owned(&mut bytes)).is_err() {
            pipes.count_to_nobody();
        }
        self.route = StreamRoute::Unknown;
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        if let Some(bytes) = self.bytes.take() {
            *into = bytes;
            return Ok(());
        }
        let first = self.first.take().or_else(|| self.next_message(pipes));
        let (id, bytes) = first.ok_or(Error::WouldBlock)?;
        self.bytes = Some(bytes);
        *into = id;
        Ok(())
    }

    fn can_send(&mut self, _: &mut Pipes) -> bool {
        // Whether there is room depends on whom the next message is for.
        true
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        if self.bytes.is_none() && self.first.is_none() {
            self.first = self.next_message(pipes);
        }
        self.bytes.is_some() || self.first.is_some()
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        self.can_recv(pipes) || self.queue.settle(pipes)
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    fn take_closing(&mut self) -> Option<usize> {
        self.closing
    }

    fn pipe_of(&self, name: PeerName<'_>) -> Option<usize> {
        match name {
            PeerName::Number(_) => None,
            PeerName::RoutingId(id) => self.pipes.get(id).copied(),
        }
    }

    fn kept(&self) -> u64 {
        u64::from(self.bytes.is_some()) + u64::from(self.first.is_some())
    }

    fn set(&mut self, _: &mut Pipes, setting: Setting<'_>) -> Result<bool, Error> {
        match setting {
            Setting::StreamNotify(on) => self.notify = on,
            Setting::ConnectRoutingId(id) if self.pipes.contains_key(id) => {
                return Err(invalid("connect_routing_id", "a peer has that id already"));
            }
            Setting::ConnectRoutingId(id) => self.alias = Some(id.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![
            Setting::StreamNotify(self.notify),
            Setting::ConnectRoutingId(self.alias.as_deref().unwrap_or_default()),
            Setting::LatestId(&self.latest),
        ]
    }
}
