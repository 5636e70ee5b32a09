//! What others may touch of a socket while its owner is elsewhere: its mailbox, its waiters, and what
//! its sessions ask for.

use super::ClosedBy;
use super::connection_words::ConnectionWords;
use super::lobby::{Arrival, Lobby, News};
use crate::Message;
use crate::auth::Gate;
use crate::context::lingering::Lingering;
use crate::options::table::{RCVHWM, SNDHWM};
use crate::report::Reporter;
use crate::socket::Inner;
use crate::subscription::{Coming, Wanted};
use crate::types::{Subscriptions, Traits, traits};
use crate::wait::SpinEstimate;
use bytes::Bytes;
use ringmq_engine::{
    Applicant, Attach, Connection, ConnectionSpan, EndpointId, MonitorEvent, PipeEnd, SessionOwner,
};
use ringmq_pipe::{Capacity, Mailbox, Notify, Section, Waiters, pipe};
use ringmq_transports::Offer;
use ringmq_transports::inproc::Acceptor;
use ringmq_zmtp::{Peer, SocketType};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

/// What happened to a socket, for the thread that next enters it.
pub(crate) enum SocketCommand {
    /// Pipes are new, or their peers are known: there is something in the lobby.
    Arrivals,
    /// A pipe has something to read, or its far end is closed.
    Readable(usize),
    /// A pipe has room.
    Writable(usize),
    /// A connect has ended for good, and why.
    Ended { endpoint_id: EndpointId, reason: Arc<str> },
    /// It was to be closed while somebody was in it.
    Close(ClosedBy),
    /// Its linger time was set while somebody was in it.
    Linger,
}

pub(crate) struct SocketMailbox {
    pub(crate) socket_type: SocketType,
    pub(crate) traits: Traits,
    pub(crate) mailbox: Mailbox<SocketCommand>,
    pub(crate) lobby: Arc<Lobby>,
    pub(crate) waiters: Waiters,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) reporter: Arc<Reporter>,
    /// What spinning was worth to those who wait.
    pub(crate) spin_estimate: SpinEstimate,
    /// Which connections there are, or how they are read, has changed.
    connections_changed: AtomicBool,
    /// Bursts were begun on connections. Relaxed throughout: the I/O threads see to what is not finished.
    has_bursts: AtomicBool,
    /// Options that sessions and other sockets look at when they ask for a pipe.
    pub(crate) send_hwm: AtomicU32,
    pub(crate) recv_hwm: AtomicU32,
    pub(crate) conflate: AtomicBool,
    /// What is said and received where a connection begins and ends.
    words: Mutex<ConnectionWords>,
    /// The linger time that was set while somebody was in the socket.
    linger_to_be: Mutex<Option<Option<Duration>>>,
    /// The application has closed the socket.
    pub(crate) closed: AtomicBool,
    /// Who is let in.
    pub(crate) gate: Arc<Gate>,
    /// What lingers in the context.
    pub(crate) lingering_in_context: Arc<Lingering>,
    /// How many of the pipes that the socket has closed linger.
    pub(crate) lingering: AtomicUsize,
    /// Connections that were turned away because of a limit.
    pub(crate) refused: AtomicU64,
    /// Messages that linger gave up.
    pub(crate) gave_up: AtomicU64,
    /// The socket itself, for those who ask after what is in its pipes.
    pub(crate) inner: OnceLock<Weak<Inner>>,
}

impl SocketMailbox {
    pub(crate) fn new(socket_type: SocketType, subscriptions: Subscriptions) -> Self {
        let traits = traits(socket_type);
        Self {
            socket_type,
            traits,
            mailbox: Mailbox::new(),
            lobby: Arc::new(Lobby::new(traits.forgets_departed)),
            waiters: Waiters::new(),
            subscriptions,
            reporter: Reporter::new(socket_type),
            spin_estimate: SpinEstimate::default(),
            connections_changed: AtomicBool::new(true),
            has_bursts: AtomicBool::new(false),
            send_hwm: AtomicU32::new((SNDHWM.default)(socket_type)),
            recv_hwm: AtomicU32::new((RCVHWM.default)(socket_type)),
            conflate: AtomicBool::new(false),
            words: Mutex::new(ConnectionWords::new(socket_type)),
            linger_to_be: Mutex::default(),
            closed: AtomicBool::new(false),
            gate: Arc::default(),
            lingering_in_context: Arc::default(),
            lingering: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            gave_up: AtomicU64::new(0),
            inner: OnceLock::new(),
        }
    }

    /// The mailbox of a socket in a context where this lingers.
    pub(crate) fn with_lingering(self, lingering: Arc<Lingering>) -> Self {
        Self { lingering_in_context: lingering, ..self }
    }

    pub(crate) fn post(&self, command: SocketCommand) {
        if self.mailbox.post(command) {
            self.waiters.wake();
        }
    }

    /// The connections have to be looked at anew.
    pub(crate) fn note_connections_changed(&self) {
        // Release: pairs with the Acquire in `take_connections_changed`.
        self.connections_changed.store(true, Ordering::Release);
    }

    /// Whether bursts were begun on connections that are to be finished.
    pub(crate) fn has_bursts(&self) -> bool {
        self.has_bursts.load(Ordering::Relaxed)
    }

    /// The same; clears that.
    pub(crate) fn take_bursts(&self) -> bool {
        let has_bursts = self.has_bursts();
        if has_bursts {
            self.has_bursts.store(false, Ordering::Relaxed);
        }
        has_bursts
    }

    /// Whether the connections have to be looked at anew; clears that.
    pub(crate) fn take_connections_changed(&self) -> bool {
        // Acquire: pairs with the Release in `note_connections_changed`.
        self.connections_changed.load(Ordering::Relaxed)
            && self.connections_changed.swap(false, Ordering::Acquire)
    }

    /// As [`take_connections_changed`](Self::take_connections_changed) would tell, for one who has
    /// registered as a waiter and is about to sleep, or who will ask again.
    pub(crate) fn have_connections_changed(&self) -> bool {
        // Relaxed: of a waiter, the fence in `Waiters::add` came before.
        self.connections_changed.load(Ordering::Relaxed)
    }

    /// Makes a pipe as the socket's options say: the socket's end first. Conflation is for messages:
    /// the direction in which a SUB's subscriptions go keeps all of them.
    pub(crate) fn make_pipe(&self) -> (PipeEnd, PipeEnd) {
        let conflate = self.conflate.load(Ordering::Relaxed);
        let sends = conflate && self.traits.conflates_output;
        let receives = conflate && self.traits.conflates_input;
        let capacity = |conflated, hwm: &AtomicU32| match conflated {
            true => Capacity::Conflated,
            false => Capacity::Messages(hwm.load(Ordering::Relaxed)),
        };
        pipe(capacity(sends, &self.send_hwm), capacity(receives, &self.recv_hwm))
    }

    /// Throws away what was posted after the socket was closed: pipes, above all. What lingers of it heeds a
    /// linger time that has come late.
    pub(crate) fn discard(&self) {
        while self.mailbox.take().is_some() {}
        self.heed_late_linger();
        for news in self.lobby.take() {
            if let News::Pipe(arrival) = news {
                arrival.end.state.close(Some(Duration::ZERO));
            }
        }
    }

    fn linger_to_be(&self) -> MutexGuard<'_, Option<Option<Duration>>> {
        self.linger_to_be.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the linger time that was set while somebody was in the socket, if one was.
    pub(crate) fn take_linger(&self, linger: &mut Option<Duration>) {
        if let Some(new) = self.linger_to_be().take() {
            *linger = new;
        }
    }

    /// The linger time may have been set while the socket was closed: what lingers of it heeds that.
    pub(crate) fn heed_late_linger(&self) {
        let linger = self.linger_to_be().take();
        let inner = self.inner.get().and_then(Weak::upgrade);
        if let (Some(linger), Some(inner)) = (linger, inner) {
            inner.linger_changed(linger);
        }
    }

    /// Sets the linger time when somebody next enters the socket.
    pub(crate) fn post_linger(&self, linger: Option<Duration>) {
        *self.linger_to_be() = Some(linger);
        self.post(SocketCommand::Linger);
        // SeqCst: as in `post_pipe`.
        if self.closed.load(Ordering::SeqCst) {
            self.discard();
        }
    }

    /// The peer of a connect's pipe is known, before any message of it and after so many of earlier ones.
    pub(crate) fn peer_known(&self, connection: &Arc<Connection>, peer: &Arc<Peer>, earlier: u64) {
        let announce = || self.mailbox.post(SocketCommand::Arrivals);
        if self.lobby.peer_known(connection.clone(), peer.clone(), earlier, announce) {
            self.waiters.wake();
        }
    }

    fn count_refused(&self, event: &MonitorEvent) {
        if matches!(event, MonitorEvent::Refused { .. }) {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn words(&self) -> MutexGuard<'_, ConnectionWords> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pipe is new.
    pub(crate) fn post_pipe(&self, arrival: Arrival) {
        if self.lobby.arrived(arrival, || self.mailbox.post(SocketCommand::Arrivals)) {
            self.waiters.wake();
        }
        // SeqCst: the closing thread sets the flag before it discards; so one of the two discards.
        if self.closed.load(Ordering::SeqCst) {
            self.discard();
        }
    }
}

impl Notify for SocketMailbox {
    fn readable(&self, key: usize) {
        self.post(SocketCommand::Readable(key));
    }

    fn writable(&self, key: usize) {
        self.post(SocketCommand::Writable(key));
    }

    fn waiting(&self, key: usize) -> Option<u64> {
        let inner = self.inner.get()?.upgrade()?;
        let core = inner.lock().ok()?;
        core.pipes.get(key).map(|pipe| pipe.end.rx.waiting())
    }
}

impl SessionOwner for SocketMailbox {
    fn attach(&self, connection: &Arc<Connection>, peer: &Arc<Peer>) -> Attach {
        if self.closed.load(Ordering::SeqCst) {
            return Attach::Closed;
        }
        let (near, far) = self.make_pipe();
        let coming = self.traits.subscribes.map(|_| Coming::new(&self.subscriptions));
        let (end, connection, peer) = (Box::new(near), connection.clone(), peer.clone());
        self.post_pipe(Arrival { end, connection, peer, direct: false, coming });
        Attach::Pipe(far)
    }

    fn connected(&self, connection: &Arc<Connection>, peer: &Arc<Peer>, earlier: u64) {
        self.peer_known(connection, peer, earlier);
    }

    fn preamble(&self, frames: &mut Vec<u8>) -> Option<u64> {
        let words = self.traits.subscribes?;
        Some(self.wanted().tell(|topic| words.write(true, topic, frames)))
    }

    fn tells_peers_apart(&self) -> bool {
        self.traits.tells_peers_apart
    }

    fn hello(&self) -> Bytes {
        self.words().hello.clone()
    }

    fn beginning(&self) -> Option<Message> {
        self.words().beginning()
    }

    fn end(&self, connected: bool) -> [Option<Message>; 2] {
        self.words().end(connected)
    }

    fn authenticate(&self, connection: &Connection, applicant: Applicant) {
        let inner = self.inner.get().and_then(Weak::upgrade).filter(|inner| inner.is_open());
        let context = inner.map(|inner| inner.context());
        let (gate, connection) = (self.gate.clone(), connection.clone());
        // It asks the application, perhaps, which is not to find a lock held.
        Section::run_after(move || gate.judge(context.as_ref(), &connection, applicant));
    }

    fn look_again(&self) {
        self.note_connections_changed();
        self.waiters.wake();
    }

    fn note_burst(&self) {
        self.has_bursts.store(true, Ordering::Relaxed);
    }

    fn event(&self, event: MonitorEvent) {
        self.count_refused(&event);
        self.reporter.tell(event);
    }

    fn connection_event(&self, span: &Arc<ConnectionSpan>, event: MonitorEvent) {
        self.count_refused(&event);
        self.reporter.tell_of_connection(span.clone(), event);
    }

    fn ended(&self, endpoint_id: EndpointId, reason: &str) {
        self.post(SocketCommand::Ended { endpoint_id, reason: reason.into() });
    }
}

/// A socket that has bound an inproc name: it knows itself as a peer.
pub(crate) struct Binder {
    pub(crate) shared: Arc<SocketMailbox>,
    pub(crate) endpoint_id: EndpointId,
    pub(crate) endpoint: Arc<str>,
    pub(crate) itself: Arc<Peer>,
}

impl Acceptor for Binder {
    fn offer(&self, offer: Offer) {
        let Offer { end, peer, taken } = offer;
        // Within a process the marks of both sides add up; no limit on either side is no limit.
        let sum = |ours: u32, theirs: u32| match (ours, theirs) {
            (0, _) | (_, 0) => 0,
            (ours, theirs) => ours.saturating_add(theirs),
        };
        end.tx.set_hwm(sum(self.shared.send_hwm.load(Ordering::Relaxed), end.tx.hwm()));
        end.rx.set_hwm(sum(self.shared.recv_hwm.load(Ordering::Relaxed), end.rx.hwm()));
        taken(&self.itself);
        let (end, connection) = (Box::new(end), within_process(self.endpoint_id, &self.endpoint));
        self.shared.post_pipe(Arrival { end, connection, peer, direct: true, coming: None });
    }
}

/// A connection to a socket of the same process: all that it has of an address is the name.
pub(crate) fn within_process(endpoint_id: EndpointId, endpoint: &Arc<str>) -> Arc<Connection> {
    let (endpoint, peer) = (endpoint.clone(), endpoint.clone());
    Arc::new(Connection { endpoint_id, endpoint, peer, ..Connection::default() })
}
