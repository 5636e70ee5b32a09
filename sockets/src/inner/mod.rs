//! The one implementation behind all types of sockets.
//!
//! A [`Core`] is what the socket's lock protects: its pipes, its pattern, its options and what it has
//! bound and connected. Sessions and other sockets reach it through its [`mailbox`], which whoever
//! enters the socket empties first.

mod attention;
pub(crate) mod connection_words;
mod connections;
mod doubt;
mod drops;
pub(crate) mod endpoints;
pub(crate) mod fast_path;
mod figures;
pub(crate) mod lobby;
pub(crate) mod mailbox;
pub(crate) mod monitors;
mod past;
pub(crate) mod pipes;

use crate::Message;
use crate::error::Error;
use crate::options::Options;
use crate::socket::payload::Outgoing;
use crate::types::{Pattern, PeerName, Setting};
use crate::wait::{DirectConnections, Wants};
use attention::Attention;
pub(crate) use attention::Look;
use endpoints::{Endpoints, Entry};
use fast_path::Routing;
use lobby::{Arrival, News};
use mailbox::{SocketCommand, SocketMailbox};
use past::Past;
use pipes::{Pipe, Pipes};
use ringmq_engine::{Connection, EndpointId, Problem};
use ringmq_pipe::{LogReader, LogWriter, Notify};
use ringmq_zmtp::{Peer, SocketType};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

pub(crate) use figures::FarEnd;

/// See the [module's documentation](self).
pub(crate) struct Core {
    pub(crate) shared: Arc<SocketMailbox>,
    pub(crate) options: Options,
    pub(crate) pipes: Pipes,
    routing: Routing,
    pub(crate) endpoints: Endpoints,
    /// The connections that threads may read themselves, as of the last look.
    direct_connections: DirectConnections,
    attention: Option<Attention>,
    /// Somebody waits who was told that it is not the time for that, and no peer will tell it when it is.
    turned_away: bool,
    /// How often somebody was.
    #[cfg(test)]
    pub(crate) times_turned_away: u32,
    /// Something may be wrong that those who are about to wait should hear of; see [`doubt`].
    doubts: bool,
    /// Messages dropped that came to no pipe.
    dropped: u64,
    /// The figures of the pipes that are gone.
    past: Past,
    pub(crate) closed: bool,
    /// Who has closed it, if it is closed.
    closed_by: ClosedBy,
}

/// Who has closed a socket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClosedBy {
    /// The application, that socket alone.
    Application,
    /// Its context, with all of its sockets.
    Context,
}

impl Core {
    pub(crate) fn new(
        shared: Arc<SocketMailbox>,
        options: Options,
        pattern: Box<dyn Pattern>,
    ) -> Self {
        let routing = Routing::new(pattern, shared.traits.fast_path);
        Self {
            pipes: Pipes::new(Some(shared.reporter.clone())),
            doubts: shared.socket_type == SocketType::Sub,
            shared,
            options,
            routing,
            endpoints: Endpoints::default(),
            direct_connections: DirectConnections::default(),
            attention: None,
            turned_away: false,
            #[cfg(test)]
            times_turned_away: 0,
            dropped: 0,
            past: Past::default(),
            closed: false,
            closed_by: ClosedBy::Context,
        }
    }

    /// To be called first by whoever enters the socket.
    ///
    /// # Errors
    /// [`Error::Terminated`] or [`Error::Closed`].
    #[inline]
    pub(crate) fn enter(&mut self) -> Result<(), Error> {
        if self.shared.mailbox.pending() {
            self.run_commands();
        }
        if self.closed { Err(self.why_closed()) } else { Ok(()) }
    }

    #[cold]
    fn why_closed(&self) -> Error {
        match self.closed_by {
            ClosedBy::Application => Error::Closed,
            ClosedBy::Context => Error::Terminated,
        }
    }

    #[cold]
    fn run_commands(&mut self) {
        self.shared.mailbox.begin();
        let shared = self.shared.clone();
        while let Some(command) = shared.mailbox.take() {
            match command {
                SocketCommand::Arrivals => self.admit(),
                SocketCommand::Readable(key) => self.readable(key),
                SocketCommand::Writable(key) => {
                    self.routing.pattern().writable(&mut self.pipes, key)
                }
                SocketCommand::Ended { endpoint_id, reason } => {
                    self.connect_ended(endpoint_id, &reason)
                }
                SocketCommand::Close(by) => self.close(by),
                SocketCommand::Linger if self.closed => self.shared.heed_late_linger(),
                SocketCommand::Linger => self.shared.take_linger(&mut self.options.linger),
            }
        }
        self.remove_ended();
    }

    /// Takes in what waits in the lobby.
    fn admit(&mut self) {
        for news in self.shared.lobby.take() {
            let Arrival { end, connection, peer, direct, coming } = match news {
                News::Pipe(arrival) => arrival,
                News::Peer(connection, peer, earlier) => {
                    self.peer_known(connection, peer, earlier);
                    continue;
                }
            };
            // Within the process nobody has stopped those that were on their way when the name was given
            // up.
            let endpoint_id = connection.endpoint_id;
            if !direct || self.endpoints.is_bound(endpoint_id) {
                let (peer, connection) = (Some(peer), Some(connection));
                self.attach(Pipe { peer, connection, ..Pipe::new(*end, endpoint_id, direct) });
            }
            drop(coming);
        }
    }

    /// Puts a pipe in its place.
    pub(crate) fn attach(&mut self, mut pipe: Pipe) {
        let (direct, end) = (pipe.direct, &mut pipe.end);
        if direct {
            // Both ends are sockets of this process: the peer is there from the start.
            end.state.connected.store(true, Ordering::SeqCst);
            end.tx.set_reader_in_process();
        }
        // One peer that does not read must not make the others wait.
        end.tx.set_yield_when_full(!self.shared.traits.passes_over);
        // A session's frames are there as soon as they are; another socket's thread is in the middle of it.
        end.rx.set_batch_reads(direct);
        let key = self.pipes.insert(pipe);
        // Whoever was told that there is a connection to read may have looked before the pipe was here.
        self.shared.note_connections_changed();
        let notify: Arc<dyn Notify> = self.shared.clone();
        if let Some(pipe) = self.pipes.get_mut(key) {
            pipe.end.install(&notify, key);
        }
        self.routing.pattern().attach(&mut self.pipes, key);
        if direct {
            self.greet(key);
        }
        // Asleep from the start: so it tells of its end even to an application that never receives.
        if !self.pipes.sleep(key) {
            self.readable(key);
        }
    }

    fn peer_known(&mut self, connection: Arc<Connection>, peer: Arc<Peer>, earlier: u64) {
        let Some(key) = self.pipes.of_endpoint(connection.endpoint_id) else { return };
        if let Some(pipe) = self.pipes.get_mut(key) {
            pipe.peer = Some(peer);
            pipe.connection = Some(connection);
        }
        self.routing.pattern().peer_known(&mut self.pipes, key, earlier);
    }

    /// The number by which messages name the peer of a connect; 0 if there is none.
    pub(crate) fn number_of(&mut self, endpoint_id: EndpointId) -> u32 {
        let key = self.pipes.of_endpoint(endpoint_id);
        key.map_or(0, |key| self.routing.pattern().number_of(key))
    }

    /// Whether the peer of that name has room for a message.
    pub(crate) fn has_room_for(&mut self, name: PeerName<'_>) -> Result<bool, Error> {
        let key = self.routing.pattern().pipe_of(name).ok_or(Error::HostUnreachable)?;
        let pipe = self.pipes.get_mut(key).ok_or(Error::HostUnreachable)?;
        Ok(pipe.end.tx.ready().is_ok())
    }

    /// Closes the pipe of the peer of that name; what it still has to be sent is sent for the linger time. If it
    /// came from a connect, that is the caller's to [disconnect](Entry::disconnect).
    pub(crate) fn end_peer(&mut self, name: PeerName<'_>) -> Result<Option<Entry>, Error> {
        let key = self.routing.pattern().pipe_of(name).ok_or(Error::HostUnreachable)?;
        Ok(self.end_connection(key))
    }

    fn end_connection(&mut self, key: usize) -> Option<Entry> {
        let endpoint_id = self.pipes.get(key)?.endpoint_id;
        let endpoint = self.endpoints.name(endpoint_id).cloned().unwrap_or_default();
        let connect = self.endpoints.take_connect(endpoint_id);
        self.close_pipe(key, endpoint);
        connect
    }

    fn readable(&mut self, key: usize) {
        if self.pipes.get(key).is_none() {
            return;
        }
        if self.pipes.ended(key) {
            self.remove(key);
        } else {
            self.routing.pattern().readable(&mut self.pipes, key);
        }
    }

    fn connect_ended(&mut self, endpoint_id: EndpointId, reason: &str) {
        if let Some(endpoint) = self.endpoints.forget(endpoint_id)
            && self.endpoints.is_empty()
        {
            let (endpoint, reason) = (endpoint.to_string(), reason.to_owned());
            self.pipes.deserted = Some(Error::GaveUp { endpoint, reason });
        }
        if let Some(key) = self.pipes.of_endpoint(endpoint_id)
            && self.pipes.ended(key)
        {
            self.remove(key);
        }
    }

    /// Notes what was bound. Somebody may come from now on.
    pub(crate) fn add_bound(&mut self, entry: Entry) {
        self.pipes.deserted = None;
        self.endpoints.add_bound(entry);
    }

    /// Notes what was connected.
    pub(crate) fn add_connected(&mut self, entry: Entry) {
        self.pipes.deserted = None;
        self.endpoints.add_connected(entry);
    }

    /// Removes the pipes that have ended unnoticed, because nobody has read them since.
    pub(crate) fn sweep(&mut self) {
        for key in self.pipes.keys() {
            if self.pipes.ended(key) {
                self.remove(key);
            }
        }
    }

    /// Removes a pipe that has ended. Who waits looks again: what takes its place, the next peer of a PAIR, say,
    /// has told of its room and its messages when they were of no use.
    fn remove(&mut self, key: usize) {
        if self.pipes.bring_last(key, || self.shared.words().last_of_neighbour()) {
            self.routing.pattern().readable(&mut self.pipes, key);
        } else {
            self.detach(key, Some(Duration::ZERO));
        }
        self.shared.waiters.wake();
    }

    /// Removes a pipe; what it still has to send is sent for `linger` more. It is for the caller to wake those
    /// who wait.
    fn detach(&mut self, key: usize, linger: Option<Duration>) {
        self.routing.pattern().detach(&mut self.pipes, key);
        if let Some(pipe) = self.pipes.get_mut(key) {
            self.past.add(pipe);
            pipe.note_unread();
        }
        self.pipes.tell_of_drops(key);
        if let Some(endpoint_id) = self.pipes.close(key, linger) {
            self.endpoints.pipe_closed(endpoint_id);
        }
    }

    /// Closes a pipe of an endpoint; what it still has to send is sent for the linger time.
    pub(crate) fn close_pipe(&mut self, key: usize, endpoint: Arc<str>) {
        if let Some(pipe) = self.pipes.get(key) {
            self.shared.lingering_in_context.add(&self.shared, pipe, endpoint);
        }
        self.detach(key, self.options.linger);
    }

    /// Forgets the connects to an endpoint within the process whose other end is gone. What that has
    /// sent can still be received.
    pub(crate) fn forget_deserted(&mut self, endpoint: &str) {
        for endpoint_id in self.endpoints.within_process(endpoint) {
            let pipe = self.pipes.of_endpoint(endpoint_id).and_then(|key| self.pipes.get(key));
            if pipe.is_none_or(|pipe| pipe.end.tx.is_deserted()) {
                self.endpoints.forget(endpoint_id);
            }
        }
    }

    /// An option was changed that does not count for what there is already.
    pub(crate) fn tell_late(&self, option: &'static str, counts_for: &'static str) {
        let problem = Problem::OptionTooLate { option, counts_for };
        self.shared.reporter.tell_once(problem, &"".into());
    }

    /// Whether there was one.
    fn remove_ended(&mut self) -> bool {
        let mut any = false;
        while let Some(key) = self.routing.take_ended() {
            // It may be gone already, and its key another one's.
            if self.pipes.ended(key) {
                self.remove(key);
                any = true;
            }
        }
        if let Some(key) = self.routing.take_closing() {
            if let Some(connect) = self.end_connection(key) {
                connect.disconnect();
            }
            any = true;
        }
        any
    }

    /// Whether an operation that did not succeed is to be tried again at once: another pipe may have come
    /// in the place of one that has ended.
    #[cold]
    fn has_changed(&mut self, error: &Error) -> bool {
        self.remove_ended() && error.is_would_block()
    }

    /// What a message of one frame can be written to without anything to decide or to do before.
    #[inline(always)]
    pub(crate) fn outgoing(&mut self) -> Option<&mut LogWriter> {
        if self.shared.mailbox.pending() { None } else { self.routing.outgoing(&mut self.pipes) }
    }

    /// What a frame can be read from without anything to decide or to do before.
    #[inline(always)]
    pub(crate) fn incoming(&mut self) -> Option<&mut LogReader> {
        if self.shared.mailbox.pending() { None } else { self.routing.incoming(&mut self.pipes) }
    }

    #[inline]
    pub(crate) fn send(&mut self, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        if self.turned_away {
            self.take_step();
        }
        loop {
            // In this form the result is not moved when it is good.
            match self.routing.send(&mut self.pipes, frame) {
                Ok(()) => return Ok(()),
                Err(error) if self.has_changed(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    #[inline]
    pub(crate) fn recv(&mut self, into: &mut Message) -> Result<(), Error> {
        if self.turned_away {
            self.take_step();
        }
        loop {
            match self.routing.recv(&mut self.pipes, into) {
                Ok(()) => return Ok(()),
                Err(error) if self.has_changed(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Another step may be possible after this one: those who were told that it is not look again. They are
    /// woken when the socket's lock is free, which is then.
    #[cold]
    fn take_step(&mut self) {
        self.turned_away = false;
        self.shared.waiters.wake();
    }

    /// Somebody waits for something that is out of turn, perhaps.
    fn note_turn(&mut self, wants: Wants) {
        let out_of_turn = self.routing.pattern().is_out_of_turn(wants);
        self.turned_away |= out_of_turn;
        #[cfg(test)]
        {
            self.times_turned_away += u32::from(out_of_turn);
        }
    }

    pub(crate) fn can_send(&mut self) -> bool {
        let ready = self.routing.pattern().can_send(&mut self.pipes);
        if !ready {
            self.note_turn(Wants::Room);
        }
        ready
    }

    pub(crate) fn can_recv(&mut self) -> bool {
        loop {
            let ready = self.routing.pattern().can_recv(&mut self.pipes);
            // Another pipe may have come in the place of one that has ended.
            if !self.remove_ended() || ready {
                return ready;
            }
        }
    }

    /// Somebody is about to wait for messages; `true` if there is one instead.
    pub(crate) fn settle(&mut self) -> bool {
        loop {
            let ready = self.routing.pattern().settle(&mut self.pipes);
            if !ready {
                self.note_turn(Wants::Messages);
                self.look_at_doubts();
            }
            if !self.remove_ended() || ready {
                return ready;
            }
        }
    }

    pub(crate) fn topics(&mut self) -> usize {
        let topics = self.routing.pattern().topics(&mut self.pipes);
        self.remove_ended();
        topics
    }

    pub(crate) fn set(&mut self, name: &'static str, setting: Setting<'_>) -> Result<(), Error> {
        if self.routing.pattern().set(&mut self.pipes, setting)? {
            // What could not be done may be possible now.
            self.shared.waiters.wake();
            return Ok(());
        }
        Err(Error::InvalidOption {
            option: name,
            reason: format!("a {} socket has no such option", self.shared.socket_type.name()),
        })
    }

    /// Reads a setting of the pattern: what `find` makes of it.
    pub(crate) fn setting<T: Default>(&mut self, find: impl FnMut(&Setting<'_>) -> Option<T>) -> T {
        self.routing.pattern().settings().iter().find_map(find).unwrap_or_default()
    }

    /// Closes everything; what is still to be sent is sent for the linger time.
    pub(crate) fn close(&mut self, by: ClosedBy) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        self.closed_by = by;
        self.shared.take_linger(&mut self.options.linger);
        self.shared.closed.store(true, Ordering::SeqCst);
        for key in self.pipes.keys() {
            let id = self.pipes.get(key).map(|pipe| pipe.endpoint_id);
            let endpoint = id.and_then(|id| self.endpoints.name(id)).cloned().unwrap_or_default();
            self.close_pipe(key, endpoint);
        }
        self.pipes.tell_of_unroutable();
        self.endpoints.close();
        self.shared.discard();
        let lingers = self.shared.lingering.load(Ordering::Relaxed) > 0;
        let context = self.shared.inner.get().filter(|_| lingers).and_then(Weak::upgrade);
        self.shared.gate.close(context.map(|inner| inner.context_inner()));
        self.shared.reporter.finish();
        self.shared.waiters.wake();
    }
}

#[cfg(test)]
mod tests;
