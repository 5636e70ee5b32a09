//! A bind or connect of a transport of datagrams: one socket of the system and one pipe. Runs on an I/O thread.

use super::drops::LinkDrops;
use super::multicast::Membership;
use super::{Carriage, DatagramRole, OpenedDatagrams, Unpacked};
use crate::address::descriptor;
use crate::backoff::Backoff;
use crate::endpoint::Endpoint;
use crate::owner::{LinkOptions, Settings};
use crate::resolver::{PendingLookup, Resolved, Resolver};
use crate::stream::connecter::{Disconnect, LookupDone};
use ringmq_engine::{
    Completion, ConnectFailure, Connection, Cx, Datagram, DatagramBatch, DatagramReceive,
    DetachedPipe, DisconnectReason, DropReason, Ended, Handler, IoHandle, MonitorEvent, Notice,
    PipeEnd, SendTally, SessionOwner, TimerKind, Token,
};
use ringmq_pipe::{Piece, Section};
use ringmq_zmtp::Peer;
use socket2::Socket;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const LINGER: TimerKind = 0;
/// To open it again, or to go on receiving.
const RETRY: TimerKind = 1;
/// To see whether the interface is as it was.
const WATCH: TimerKind = 2;
/// For what the carriage has to do.
const WORK: TimerKind = 3;

/// Bytes of messages that are made into datagrams at once.
const GATHER: usize = 256 * 1024;
/// How often it is seen to that a group is joined, on an interface that may have come back.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);
/// How long to wait at the least while something is under way.
const SOON: Duration = Duration::from_millis(1);
/// How long after a receive has failed, with nothing received since the last failure, it is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// See the [module's documentation](self).
pub(crate) struct DatagramLink {
    endpoint: Endpoint,
    role: DatagramRole,
    text: Arc<str>,
    /// The other end, in words; of a group that.
    remote: Arc<str>,
    /// Who that is to the socket.
    peer: Arc<Peer>,
    settings: Settings,
    owner: Arc<dyn SessionOwner>,
    resolver: Arc<Resolver>,
    pipe: DetachedPipe,
    state: LinkState,
    overrun: LinkDrops,
    malformed: LinkDrops,
    unsendable: LinkDrops,
    /// The socket does not want it any more.
    abandoned: bool,
}

enum LinkState {
    /// Waits for the next attempt to open it.
    Waiting(Backoff),
    Resolving {
        backoff: Backoff,
        /// Gives the lookup up when it is dropped.
        _pending: PendingLookup,
    },
    Open(Box<OpenLink>),
}

/// A link whose socket is open.
struct OpenLink {
    socket: Arc<Socket>,
    membership: Option<Membership>,
    carriage: Box<dyn Carriage>,
    receives: Option<DatagramReceive>,
    /// What is to go out next; with the backend while that is under way.
    batch: DatagramBatch,
    sending: bool,
    /// Messages in there, to be credited when all of them are out.
    under_way: u32,
    receiving: bool,
    /// A receive has failed, and nothing was received since.
    failing: bool,
    /// It has failed again: the next one waits for a moment.
    pausing: bool,
    /// The time for which [`WORK`] is set.
    work_at: Option<Instant>,
}

impl OpenLink {
    fn new(opened: OpenedDatagrams) -> Self {
        let OpenedDatagrams { socket, membership, carriage, receives, .. } = opened;
        Self {
            socket: Arc::new(socket),
            membership,
            carriage,
            receives,
            batch: DatagramBatch::default(),
            sending: false,
            under_way: 0,
            receiving: false,
            failing: false,
            pausing: false,
            work_at: None,
        }
    }

    /// Sets the timer for what the carriage has to do, if it is another time than before.
    fn arrange_work(&mut self, cx: &mut Cx<'_>) {
        // What is to be sent has its turn when what is under way has gone.
        let least = if self.sending { cx.now + SOON } else { cx.now };
        let at = self.carriage.timeout(cx.now).map(|at| at.max(least));
        if at != self.work_at {
            self.work_at = at;
            cx.arrange_timer(WORK, at);
        }
    }
}

impl DatagramLink {
    pub(super) fn new(
        (endpoint, role): (Endpoint, DatagramRole),
        pipe: PipeEnd,
        peer: Arc<Peer>,
        (settings, owner, resolver): (Settings, Arc<dyn SessionOwner>, Arc<Resolver>),
        text: Arc<str>,
    ) -> Self {
        let LinkOptions { reconnect_interval, reconnect_max, .. } = *settings.options;
        let backoff = Backoff::new(reconnect_interval, reconnect_max);
        Self {
            endpoint,
            role,
            remote: text.clone(),
            text,
            peer,
            settings,
            owner,
            resolver,
            pipe: DetachedPipe::new(pipe),
            state: LinkState::Waiting(backoff),
            overrun: LinkDrops::new(DropReason::Overrun),
            malformed: LinkDrops::new(DropReason::Unwanted),
            unsendable: LinkDrops::new(DropReason::Unsendable),
            abandoned: false,
        }
    }

    /// The same, open from the start.
    pub(super) fn opened(mut self, opened: OpenedDatagrams) -> Self {
        self.remote = opened.peer.as_str().into();
        self.state = LinkState::Open(Box::new(OpenLink::new(opened)));
        self
    }

    /// Tries to open it.
    fn attempt(&mut self, cx: &mut Cx<'_>) {
        let LinkState::Waiting(backoff) = &self.state else { return };
        let backoff = backoff.clone();
        let Some(transport) = self.endpoint.datagrams() else { return };
        let Some(name) = transport.unresolved(self.role) else {
            return self.open(cx, None);
        };
        let (io, token): (IoHandle, Token) = (cx.io.clone(), cx.token);
        let done = move |result| io.tell(token, Notice::Custom(Box::new(LookupDone(result))));
        let ipv6 = self.settings.options.tcp.ipv6;
        match self.resolver.resolve(name.clone(), ipv6, Box::new(done)) {
            Ok(pending) => self.state = LinkState::Resolving { backoff, _pending: pending },
            Err(error) => self.failed(cx, &error.to_string(), ConnectFailure::Lookup),
        }
    }

    fn resolved(&mut self, cx: &mut Cx<'_>, resolved: Resolved) {
        let LinkState::Resolving { backoff, .. } = &self.state else { return };
        self.state = LinkState::Waiting(backoff.clone());
        match resolved {
            Ok(addresses) => self.open(cx, addresses.first().copied()),
            Err(error) => self.failed(cx, &error.to_string(), ConnectFailure::Lookup),
        }
    }

    fn open(&mut self, cx: &mut Cx<'_>, address: Option<SocketAddr>) {
        let Some(transport) = self.endpoint.datagrams() else { return };
        match transport.open(self.role, address, &self.settings.options) {
            Ok(opened) => {
                self.remote = opened.peer.as_str().into();
                let link = Box::new(OpenLink::new(opened));
                let (endpoint, peer) = (self.text.clone(), self.remote.clone());
                let descriptor = Some(descriptor(&link.socket));
                self.state = LinkState::Open(link);
                self.owner.event(MonitorEvent::Connected { endpoint, peer, descriptor });
                self.begin(cx);
            }
            Err(error) => self.failed(cx, &error.to_string(), ConnectFailure::Other),
        }
    }

    /// It is open: what waits goes out, and what comes is received.
    fn begin(&mut self, cx: &mut Cx<'_>) {
        let LinkState::Open(link) = &self.state else { return };
        let connection = Connection {
            endpoint_id: self.settings.endpoint_id,
            endpoint: self.text.clone(),
            peer: self.remote.clone(),
            descriptor: Some(descriptor(&link.socket)),
            ..Connection::default()
        };
        if link.membership.is_some() {
            cx.set_timer(WATCH, cx.now + WATCH_INTERVAL);
        }
        self.owner.connected(&Arc::new(connection), &self.peer, 0);
        self.advance(cx);
    }

    fn failed(&mut self, cx: &mut Cx<'_>, reason: &str, failure: ConnectFailure) {
        let endpoint = self.text.clone();
        self.owner.event(MonitorEvent::ConnectFailed { endpoint, reason: reason.into(), failure });
        let LinkState::Waiting(backoff) = &mut self.state else { return };
        let Some(after) = backoff.next_wait(fastrand::u64(..)) else {
            return self.give_up(cx, reason);
        };
        self.owner.event(MonitorEvent::ConnectRetried { endpoint: self.text.clone(), after });
        cx.arrange_timer(RETRY, cx.now.checked_add(after));
    }

    /// Sends and receives as there is need, and ends if that is due.
    fn advance(&mut self, cx: &mut Cx<'_>) {
        self.send_on(cx);
        self.receive_on(cx);
        if let LinkState::Open(link) = &mut self.state {
            link.arrange_work(cx);
        }
        self.look_for_close(cx);
    }

    fn send_on(&mut self, cx: &mut Cx<'_>) {
        let LinkState::Open(link) = &mut self.state else { return };
        while !link.sending {
            if !link.batch.is_empty() {
                let batch = std::mem::take(&mut link.batch);
                link.sending = true;
                return cx.backend.send_datagrams(cx.token, &link.socket, batch);
            }
            link.carriage.next(cx.now, &mut link.batch);
            if !link.batch.is_empty() {
                continue;
            }
            if !link.carriage.has_room() {
                return;
            }
            self.pipe.done(std::mem::take(&mut link.under_way));
            let mut messages = Vec::new();
            self.pipe.gather(GATHER, &mut messages);
            if messages.is_empty() && (self.pipe.is_spent() || self.pipe.fall_asleep()) {
                return;
            }
            link.under_way = count(&messages);
            let dropped = link.carriage.pack(cx.now, &messages, &mut link.batch);
            self.unsendable.add(dropped, self.pipe.state());
        }
    }

    fn receive_on(&mut self, cx: &mut Cx<'_>) {
        let LinkState::Open(link) = &mut self.state else { return };
        let Some(how) = link.receives else { return };
        // Zero has the pipe tell of room.
        let mut has_room = self.pipe.writer().credit() > 0;
        if has_room && link.carriage.is_blocked() {
            let intake = link.carriage.resume(self.pipe.writer());
            has_room = !link.carriage.is_blocked();
            self.count(intake);
        }
        if let Some(log) = self.pipe.writer().as_log_mut() {
            log.publish();
        }
        let LinkState::Open(link) = &mut self.state else { return };
        let reads_on = has_room || link.carriage.reads_on();
        match link.receiving {
            true if !reads_on => cx.backend.pause(cx.token),
            false if reads_on && !link.pausing => {
                link.receiving = true;
                cx.backend.receive_datagrams(cx.token, &link.socket, how);
            }
            _ => {}
        }
    }

    /// Counts what was lost of what came, and tells the news.
    fn count(&mut self, intake: Unpacked) {
        let LinkState::Open(link) = &mut self.state else { return };
        link.carriage.news().into_iter().for_each(|event| self.owner.event(event));
        if intake != Unpacked::default() {
            self.overrun.add(intake.overrun, self.pipe.state());
            self.malformed.add(intake.malformed, self.pipe.state());
            // Each of these is told of by itself.
            self.pipe.state().dropped.fetch_add(intake.lost, Ordering::Relaxed);
        }
    }

    fn sent(&mut self, cx: &mut Cx<'_>, batch: DatagramBatch, result: io::Result<SendTally>) {
        let LinkState::Open(link) = &mut self.state else { return };
        link.sending = false;
        link.batch = batch;
        match result {
            Ok(tally) => {
                link.batch.advance(tally.tried());
                self.unsendable.add(tally.refused.into(), self.pipe.state());
                if let Some(error) = tally.refusal {
                    let endpoint = self.text.clone();
                    Section::run_after(move || {
                        tracing::debug!(%error, %endpoint, "a datagram was refused");
                    });
                }
                self.advance(cx);
            }
            Err(error) => self.give_up(cx, &error.to_string()),
        }
    }

    fn receive_ended(&mut self, cx: &mut Cx<'_>, ended: Ended) {
        let LinkState::Open(link) = &mut self.state else { return };
        link.receiving = false;
        if matches!(ended, Ended::Failed(_)) && std::mem::replace(&mut link.failing, true) {
            link.pausing = true;
            cx.set_timer(RETRY, cx.now + PAUSE);
        }
        self.receive_on(cx);
    }

    fn renew_membership(&mut self, cx: &mut Cx<'_>) {
        let LinkState::Open(link) = &mut self.state else { return };
        if let Some(membership) = &mut link.membership {
            if let Err(error) = membership.renew(&link.socket) {
                let endpoint = self.text.clone();
                Section::run_after(move || {
                    tracing::debug!(%error, %endpoint, "the group cannot be reached");
                });
            }
            cx.set_timer(WATCH, cx.now + WATCH_INTERVAL);
        }
    }

    fn tell_of_drops(&mut self, now: Option<Instant>) {
        let about = (&self.text, &self.remote);
        for drops in [&mut self.overrun, &mut self.malformed, &mut self.unsendable] {
            drops.tell(now, &*self.owner, about);
        }
    }

    /// Notes that the socket has closed the pipe: what it holds is sent for the linger time.
    fn look_for_close(&mut self, cx: &mut Cx<'_>) {
        self.tell_of_drops(Some(cx.now));
        let Some(linger) = self.pipe.state().closing() else { return };
        if self.pipe.state().take_linger_change() {
            self.pipe.linger_until = None;
        }
        let is_out = match &self.state {
            LinkState::Open(link) => !link.sending && link.batch.is_empty(),
            _ => true,
        };
        let mut is_over = is_out && self.pipe.is_spent();
        if is_over && let LinkState::Open(link) = &mut self.state {
            is_over = link.carriage.finish(cx.now);
            if !is_over {
                link.arrange_work(cx);
            }
        }
        if linger == Some(Duration::ZERO) || is_over {
            return self.stop(cx, &DisconnectReason::Local.to_string());
        }
        // A time too far away to be told is as good as for ever.
        let until =
            self.pipe.linger_until.or_else(|| linger.and_then(|time| cx.now.checked_add(time)));
        self.pipe.linger_until = until;
        cx.arrange_timer(LINGER, until);
    }

    fn give_up(&mut self, cx: &mut Cx<'_>, reason: &str) {
        if !self.abandoned {
            let (endpoint, reason) = (self.text.clone(), reason.into());
            self.owner.event(MonitorEvent::GaveUp { endpoint, reason });
        }
        self.stop(cx, reason);
    }

    /// Ends for good.
    fn stop(&mut self, cx: &mut Cx<'_>, reason: &str) {
        self.tell_of_drops(None);
        let in_flight = match &self.state {
            LinkState::Open(link) if link.sending || !link.batch.is_empty() => link.under_way,
            _ => 0,
        };
        let messages = self.pipe.lose(in_flight.into());
        if messages > 0 {
            self.owner.event(MonitorEvent::Dropped {
                endpoint: self.text.clone(),
                peer: self.remote.clone(),
                routing_id: [].into(),
                reason: DropReason::Gone,
                messages,
            });
        }
        cx.finish();
        self.owner.event(MonitorEvent::Closed { endpoint: self.text.clone() });
        self.owner.ended(self.settings.endpoint_id, reason);
    }
}

/// How many messages end in these pieces.
fn count(pieces: &[Piece]) -> u32 {
    pieces.iter().map(|piece| piece.messages).sum()
}

impl Handler for DatagramLink {
    fn start(&mut self, cx: &mut Cx<'_>) {
        self.pipe.install(&cx.io.notifier(), cx.token.key());
        match &self.state {
            LinkState::Open(link) => {
                let (endpoint, descriptor) = (self.text.clone(), Some(descriptor(&link.socket)));
                self.owner.event(MonitorEvent::Listening { endpoint, descriptor });
                self.begin(cx);
            }
            _ => self.attempt(cx),
        }
        self.look_for_close(cx);
    }

    fn datagram(&mut self, now: Instant, datagram: &Datagram<'_>) {
        let LinkState::Open(link) = &mut self.state else { return };
        link.failing = false;
        let intake = link.carriage.unpack(now, datagram, self.pipe.writer());
        self.count(intake);
    }

    fn drive(&mut self, cx: &mut Cx<'_>) {
        self.advance(cx);
    }

    fn completed(&mut self, cx: &mut Cx<'_>, completion: Completion) {
        match completion {
            Completion::DatagramsSent(batch, result) => self.sent(cx, batch, result),
            Completion::ReceiveEnded(ended) => self.receive_ended(cx, ended),
            _ => {} // Never asked for.
        }
    }

    fn timer(&mut self, cx: &mut Cx<'_>, kind: TimerKind) {
        match (kind, &mut self.state) {
            (LINGER, _) => self.stop(cx, &DisconnectReason::Local.to_string()),
            (WATCH, _) => self.renew_membership(cx),
            (WORK, LinkState::Open(link)) => {
                link.work_at = None;
                let intake = link.carriage.on_timeout(cx.now, self.pipe.writer());
                self.count(intake);
                self.advance(cx);
            }
            (_, LinkState::Open(link)) => {
                link.pausing = false;
                self.receive_on(cx);
            }
            _ => self.attempt(cx),
        }
    }

    fn notified(&mut self, cx: &mut Cx<'_>, notice: Notice) {
        match notice {
            Notice::Close => self.stop(cx, &DisconnectReason::Local.to_string()),
            Notice::Abandon => {
                self.abandoned = true;
                self.look_for_close(cx);
            }
            Notice::Custom(news) => match news.downcast::<LookupDone>() {
                Ok(done) => self.resolved(cx, done.0),
                Err(news) if news.is::<Disconnect>() => self.look_for_close(cx),
                Err(_) => {} // Nobody tells a link anything else.
            },
            _ => self.advance(cx),
        }
    }

    fn panicked(&mut self, cx: &mut Cx<'_>) {
        self.give_up(cx, &DisconnectReason::Panicked.to_string());
    }
}
