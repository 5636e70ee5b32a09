//! A bind or connect of a transport of datagrams: one socket of the system and one pipe. Runs on an I/O thread.

use super::drops::LinkDrops;
use super::open_link::{OpenLink, count};
use super::{DatagramRole, OpenedDatagrams};
use crate::address::descriptor;
use crate::backoff::Backoff;
use crate::endpoint::Endpoint;
use crate::owner::{LinkOptions, Settings};
use crate::resolver::{PendingLookup, Resolved, Resolver};
use crate::stream::connecter::{Disconnect, LookupDone};
use ringmq_engine::{
    Completion, ConnectFailure, Connection, Cx, Datagram, DatagramBatch, DatagramReport,
    DetachedPipe, DisconnectReason, DropReason, Ended, Handler, IoHandle, MonitorEvent, Notice,
    OutputSource, PipeEnd, SendTally, SessionOwner, TimerKind, Token,
};
use ringmq_pipe::{PipeWriter, Section};
use ringmq_zmtp::Peer;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LINGER: TimerKind = 0;
/// To open it again, or to go on receiving.
pub(super) const RETRY: TimerKind = 1;
/// To see whether the interface is as it was.
const WATCH: TimerKind = 2;
/// For what the carriage has to do.
pub(super) const WORK: TimerKind = 3;
/// To look after what is lent.
pub(super) const LEASE: TimerKind = 4;

/// Bytes of messages that are made into datagrams at once.
const GATHER: usize = 256 * 1024;
/// How often it is seen to that a group is joined, on an interface that may have come back.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

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
    /// What is open from the start, until it begins.
    opened: Option<OpenedDatagrams>,
    /// Where what comes goes, as long as it is not open.
    tx: Option<PipeWriter>,
    /// What the socket sends.
    source: OutputSource,
    linger_until: Option<Instant>,
    state: LinkState,
    overrun: LinkDrops,
    malformed: LinkDrops,
    unsendable: LinkDrops,
    /// The socket does not want it any more.
    abandoned: bool,
    /// Why it ends as soon as what is lent is back.
    stopping: Option<Arc<str>>,
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
        let (tx, source) = DetachedPipe::new(pipe).split();
        Self {
            endpoint,
            role,
            remote: text.clone(),
            text,
            peer,
            settings,
            owner,
            resolver,
            opened: None,
            tx: Some(tx),
            source,
            linger_until: None,
            state: LinkState::Waiting(backoff),
            overrun: LinkDrops::new(DropReason::Overrun),
            malformed: LinkDrops::new(DropReason::Unwanted),
            unsendable: LinkDrops::new(DropReason::Unsendable),
            abandoned: false,
            stopping: None,
        }
    }

    /// The same, open from the start.
    pub(super) fn opened(mut self, opened: OpenedDatagrams) -> Self {
        self.remote = opened.peer.as_str().into();
        self.opened = Some(opened);
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
                let (endpoint, peer) = (self.text.clone(), self.remote.clone());
                let descriptor = Some(descriptor(&opened.socket));
                self.owner.event(MonitorEvent::Connected { endpoint, peer, descriptor });
                self.begin(cx, opened);
            }
            Err(error) => self.failed(cx, &error.to_string(), ConnectFailure::Other),
        }
    }

    /// It is open: what waits goes out, and what comes is received.
    fn begin(&mut self, cx: &mut Cx<'_>, opened: OpenedDatagrams) {
        let Some(tx) = self.tx.take() else { return };
        let pipe = (tx, self.source.state().clone());
        let link = OpenLink::new(cx, opened, pipe, &self.owner, self.role);
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
        self.state = LinkState::Open(Box::new(link));
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
        self.report();
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
            let mut half = link.half.get();
            if let Some(half) = &mut half {
                half.carriage().next(cx.now, &mut link.batch);
                if !link.batch.is_empty() {
                    continue;
                }
                if !half.carriage().has_room() {
                    return;
                }
            }
            self.source.done(std::mem::take(&mut link.under_way));
            let mut messages = Vec::new();
            self.source.gather(GATHER, &mut messages);
            if messages.is_empty() && (self.source.is_spent() || self.source.fall_asleep()) {
                return;
            }
            link.under_way = count(&messages);
            // What is lent sends none: see `DatagramRole::is_read_only`.
            if let Some(half) = half {
                let dropped = half.carriage().pack(cx.now, &messages, &mut link.batch);
                self.unsendable.add(dropped, self.source.state());
            }
        }
    }

    fn receive_on(&mut self, cx: &mut Cx<'_>) {
        let LinkState::Open(link) = &mut self.state else { return };
        if link.half.is_waited_for() && !link.receiving {
            link.lend(cx);
        }
        link.receive_on(cx);
    }

    /// Tells what was found out where datagrams were received, if that is here.
    fn report(&mut self) {
        let LinkState::Open(link) = &mut self.state else { return };
        let Some(half) = link.half.get() else { return };
        let DatagramReport { unpacked, refused, news, received, failure } = half.take_report();
        news.into_iter().for_each(|event| self.owner.event(event));
        link.failing &= !received;
        link.failure = link.failure.take().or(failure);
        self.overrun.note(unpacked.overrun);
        self.malformed.note(unpacked.malformed);
        self.unsendable.add(refused, self.source.state());
    }

    fn sent(&mut self, cx: &mut Cx<'_>, batch: DatagramBatch, result: io::Result<SendTally>) {
        let LinkState::Open(link) = &mut self.state else { return };
        link.sending = false;
        link.batch = batch;
        match result {
            Ok(tally) => {
                link.batch.advance(tally.tried());
                self.unsendable.add(tally.refused.into(), self.source.state());
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
        if matches!(ended, Ended::Failed(_)) {
            link.failed(cx);
        }
        self.receive_on(cx);
    }

    /// What is lent may be back, or is to be had back if it was left alone; or the pipe has room.
    fn look_at_receiving(&mut self, cx: &mut Cx<'_>) {
        self.report();
        let LinkState::Open(link) = &mut self.state else { return self.look_for_close(cx) };
        if link.failure.take().is_some() {
            link.failed(cx);
        }
        if link.half.get().is_none() {
            link.half.watch(cx);
        }
        if let Some(reason) = self.stopping.take() {
            return self.stop(cx, &reason);
        }
        self.advance(cx);
    }

    fn lend(&mut self, cx: &mut Cx<'_>) {
        match &mut self.state {
            LinkState::Open(link) if self.stopping.is_none() => link.asked(cx),
            LinkState::Open(link) => link.half.refuse(),
            _ => {}
        }
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
        let Some(linger) = self.source.state().closing() else { return };
        if self.source.state().take_linger_change() {
            self.linger_until = None;
        }
        let is_out = match &self.state {
            LinkState::Open(link) => !link.sending && link.batch.is_empty(),
            _ => true,
        };
        let mut is_over = is_out && self.source.is_spent();
        if is_over && let LinkState::Open(link) = &mut self.state {
            // What is lent has nothing left to send.
            is_over = link.half.get().is_none_or(|half| half.carriage().finish(cx.now));
            if !is_over {
                link.arrange_work(cx);
            }
        }
        if linger == Some(Duration::ZERO) || is_over {
            return self.stop(cx, &DisconnectReason::Local.to_string());
        }
        // A time too far away to be told is as good as for ever.
        let until = self.linger_until.or_else(|| linger.and_then(|time| cx.now.checked_add(time)));
        self.linger_until = until;
        cx.arrange_timer(LINGER, until);
    }

    fn give_up(&mut self, cx: &mut Cx<'_>, reason: &str) {
        self.tell_of_end(reason);
        self.stop(cx, reason);
    }

    fn tell_of_end(&self, reason: &str) {
        if !self.abandoned {
            let (endpoint, reason) = (self.text.clone(), reason.into());
            self.owner.event(MonitorEvent::GaveUp { endpoint, reason });
        }
    }

    /// Ends for good, as soon as what is lent is back.
    fn stop(&mut self, cx: &mut Cx<'_>, reason: &str) {
        if let LinkState::Open(link) = &mut self.state
            && link.half.reclaim().is_none()
        {
            self.stopping.get_or_insert_with(|| reason.into());
            return;
        }
        self.end(cx, reason);
    }

    /// Ends at once.
    fn end(&mut self, cx: &mut Cx<'_>, reason: &str) {
        self.report();
        self.tell_of_drops(None);
        let in_flight = match &self.state {
            LinkState::Open(link) if link.sending || !link.batch.is_empty() => link.under_way,
            _ => 0,
        };
        let messages = self.source.lose(in_flight.into());
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

impl Handler for DatagramLink {
    fn start(&mut self, cx: &mut Cx<'_>) {
        let (io, key) = (cx.io.notifier(), cx.token.key());
        self.source.install(&io, key);
        if let Some(tx) = &mut self.tx {
            tx.install(&io, key);
        }
        match self.opened.take() {
            Some(opened) => {
                let (endpoint, descriptor) = (self.text.clone(), Some(descriptor(&opened.socket)));
                self.owner.event(MonitorEvent::Listening { endpoint, descriptor });
                self.begin(cx, opened);
            }
            None => self.attempt(cx),
        }
        self.look_for_close(cx);
    }

    fn datagram(&mut self, now: Instant, datagram: &Datagram<'_>) {
        let LinkState::Open(link) = &mut self.state else { return };
        // Nothing comes here while the half is lent.
        if let Some(half) = link.half.get() {
            half.unpack(now, datagram);
        }
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
                if let Some(half) = link.half.get() {
                    half.on_timeout(cx.now);
                }
                self.advance(cx);
            }
            (LEASE, LinkState::Open(link)) => {
                if link.half.check(cx) {
                    self.look_at_receiving(cx);
                }
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
            Notice::Lend => self.lend(cx),
            Notice::Reclaim => {
                if let LinkState::Open(link) = &mut self.state
                    && link.half.give_up()
                {
                    self.look_at_receiving(cx);
                }
            }
            Notice::Writable => self.look_at_receiving(cx),
            _ => self.advance(cx),
        }
    }

    fn panicked(&mut self, cx: &mut Cx<'_>) {
        let reason = DisconnectReason::Panicked.to_string();
        self.tell_of_end(&reason);
        self.end(cx, &reason);
    }
}
