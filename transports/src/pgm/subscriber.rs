//! The receiving side of a group: all sources of PGM in it.

use super::IpHeaders;
use super::assembly::Assembly;
use super::waiting::WaitingMessages;
use bytes::Bytes;
use ringmq_engine::{
    Carriage, DATAGRAMS, Datagram, DatagramBatch, MonitorEvent, OutgoingDatagram, Unpacked,
};
use ringmq_pgm::{LossReason, PgmReceiver, PgmSink, SourceEnd, SourceHandle, Sqn, Tsi, UpstreamTo};
use ringmq_pipe::{Piece, PipeWriter};
use ringmq_zmtp::Config;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events that are kept until they are told; those beyond that are told as part of the last.
const EVENTS: usize = 64;
/// Octets of what is kept while the pipe has no room for it. What was held for a packet that was missing comes all at
/// once, and what comes until the application has taken that would have to find room with the kernel.
const READ_ON: u64 = 16 << 20;
/// Octets that something costs which waits, beside its data: its place, and what an allocator and `Bytes` add.
const WAITING_COST: u64 = size_of::<Delivery>() as u64 + 64;
/// How often it is seen whether the application has taken messages of which too many bytes wait.
const LOOK: Duration = Duration::from_millis(10);

/// See the [module's documentation](self).
pub(super) struct PgmSubscriber {
    receiver: PgmReceiver,
    sources: Sources,
    group: SocketAddr,
    headers: IpHeaders,
}

/// What is made of what the receiver delivers.
struct Sources {
    config: Arc<Config>,
    /// By number.
    known: Vec<Option<Box<Source>>>,
    /// What there was no room for in the pipe, in order.
    waiting: VecDeque<Delivery>,
    /// Octets that it costs.
    waiting_octets: u64,
    /// What of that the application has not taken.
    untaken: WaitingMessages,
    /// Bytes of messages that are not complete, of all sources.
    open: u64,
    /// What is to be told.
    news: Vec<MonitorEvent>,
    endpoint: Arc<str>,
    intake: Unpacked,
}

struct Source {
    session: Arc<str>,
    assembly: Assembly,
    lost: u64,
}

/// Something that came of a source.
enum Delivery {
    Began(SourceHandle, Tsi),
    Data(SourceHandle, Bytes),
    Lost(SourceHandle, Sqn, u32, LossReason),
    Ended(SourceHandle, SourceEnd),
}

impl Delivery {
    /// Octets of memory for which it stands while it waits.
    fn cost(&self) -> u64 {
        match self {
            Self::Data(_, tsdu) => WAITING_COST + tsdu.len() as u64,
            Self::Began(..) | Self::Lost(..) | Self::Ended(..) => WAITING_COST,
        }
    }
}

/// The receiver's outlet, with room or without.
struct Outlet<'a> {
    sources: &'a mut Sources,
    pipe: &'a mut PipeWriter,
}

impl PgmSubscriber {
    pub(super) fn new(
        receiver: PgmReceiver,
        group: SocketAddr,
        headers: IpHeaders,
        (config, endpoint): (Arc<Config>, Arc<str>),
        max_waiting_bytes: Option<u64>,
    ) -> Self {
        let sources = Sources {
            config,
            known: Vec::new(),
            waiting: VecDeque::new(),
            waiting_octets: 0,
            untaken: WaitingMessages::new(max_waiting_bytes),
            open: 0,
            news: Vec::new(),
            endpoint,
            intake: Unpacked::default(),
        };
        Self { receiver, sources, group, headers }
    }
}

impl Carriage for PgmSubscriber {
    fn pack(&mut self, _: Instant, _: &[Piece], _: &mut DatagramBatch) -> u64 {
        // Subscriptions, and messages of an XSUB: no way leads back to the sources.
        0
    }

    fn next(&mut self, now: Instant, batch: &mut DatagramBatch) {
        while batch.len() < DATAGRAMS
            && let Some(upstream) = self.receiver.transmit(now)
        {
            let mut to = self.group;
            if let UpstreamTo::Host(host) = upstream.to {
                to.set_ip(host);
            }
            let bytes = Bytes::copy_from_slice(upstream.bytes);
            batch.push(OutgoingDatagram { bytes, to: Some(to), segment: None });
        }
    }

    fn unpack(&mut self, now: Instant, datagram: &Datagram<'_>, pipe: &mut PipeWriter) -> Unpacked {
        let mut outlet = Outlet { sources: &mut self.sources, pipe };
        for part in datagram.parts() {
            if let Some(packet) = self.headers.strip(part.bytes) {
                self.receiver.on_packet(now, datagram.source, packet, &mut outlet);
            }
        }
        std::mem::take(&mut self.sources.intake)
    }

    fn timeout(&mut self, now: Instant) -> Option<Instant> {
        let at = self.receiver.timeout();
        // A pipe tells when there is room for messages, and nobody of bytes.
        let look = self.is_blocked().then(|| now + LOOK);
        at.into_iter().chain(look).min()
    }

    fn on_timeout(&mut self, now: Instant, pipe: &mut PipeWriter) -> Unpacked {
        let mut outlet = Outlet { sources: &mut self.sources, pipe };
        self.receiver.on_timeout(now, &mut outlet);
        std::mem::take(&mut self.sources.intake)
    }

    fn resume(&mut self, pipe: &mut PipeWriter) -> Unpacked {
        while pipe.credit() > 0
            && self.sources.untaken.has_room(pipe)
            && let Some(delivery) = self.sources.next_waiting()
        {
            self.sources.take(delivery, pipe);
        }
        std::mem::take(&mut self.sources.intake)
    }

    fn is_blocked(&self) -> bool {
        !self.sources.waiting.is_empty()
    }

    fn reads_on(&self) -> bool {
        self.sources.waiting_octets < READ_ON.min(self.sources.untaken.limit())
    }

    fn news(&mut self) -> Vec<MonitorEvent> {
        std::mem::take(&mut self.sources.news)
    }
}

impl Sources {
    /// It has its turn behind what waits.
    fn wait(&mut self, delivery: Delivery) {
        self.waiting_octets += delivery.cost();
        self.waiting.push_back(delivery);
    }

    fn next_waiting(&mut self) -> Option<Delivery> {
        let delivery = self.waiting.pop_front()?;
        self.waiting_octets -= delivery.cost();
        Some(delivery)
    }

    fn take(&mut self, delivery: Delivery, pipe: &mut PipeWriter) {
        match delivery {
            Delivery::Began(handle, session) => self.began(handle, session),
            Delivery::Data(handle, tsdu) => self.data(handle, &tsdu, pipe),
            Delivery::Lost(handle, first, count, reason) => self.lost(handle, first, count, reason),
            Delivery::Ended(handle, end) => self.ended(handle, end),
        }
    }

    fn began(&mut self, handle: SourceHandle, session: Tsi) {
        let session: Arc<str> = session.to_string().into();
        let endpoint = self.endpoint.clone();
        self.tell(MonitorEvent::SourceBegan { endpoint, session: session.clone() });
        let source = Source { session, assembly: Assembly::new(&self.config), lost: 0 };
        if self.known.len() <= handle.index() {
            self.known.resize_with(handle.index() + 1, || None);
        }
        self.known[handle.index()] = Some(Box::new(source));
    }

    fn data(&mut self, handle: SourceHandle, tsdu: &[u8], pipe: &mut PipeWriter) {
        let Some(source) = self.known.get_mut(handle.index()).and_then(Option::as_deref_mut) else {
            return;
        };
        let before = source.assembly.open_bytes();
        source.assembly.take(tsdu, (pipe, &mut self.untaken), &mut self.intake);
        self.open = (self.open + source.assembly.open_bytes()).saturating_sub(before);
        if self.open > self.untaken.limit() {
            self.open = self.open.saturating_sub(source.assembly.open_bytes());
            source.assembly.lost();
            self.intake.malformed += 1;
        }
    }

    fn lost(&mut self, handle: SourceHandle, first: Sqn, count: u32, reason: LossReason) {
        self.intake.lost += u64::from(count);
        let Some(source) = self.known.get_mut(handle.index()).and_then(Option::as_deref_mut) else {
            return;
        };
        self.open = self.open.saturating_sub(source.assembly.open_bytes());
        source.assembly.lost();
        source.lost += u64::from(count);
        let session = source.session.clone();
        let (endpoint, reason) = (self.endpoint.clone(), reason.to_string().into());
        let packets = u64::from(count);
        // A source that goes on losing them is told of once for all that nobody has heard of.
        for event in self.news.iter_mut().rev() {
            if let MonitorEvent::PacketsLost { session: of, packets: lost, .. } = event
                && *of == session
            {
                *lost += packets;
                return;
            }
        }
        self.tell(MonitorEvent::PacketsLost { endpoint, session, first: first.0, packets, reason });
    }

    fn ended(&mut self, handle: SourceHandle, end: SourceEnd) {
        let source = self.known.get_mut(handle.index()).and_then(Option::take);
        let Some(Source { session, lost, assembly }) = source.map(|source| *source) else { return };
        self.open = self.open.saturating_sub(assembly.open_bytes());
        let (endpoint, reason) = (self.endpoint.clone(), end.to_string().into());
        self.tell(MonitorEvent::SourceEnded { endpoint, session, lost, reason });
    }

    fn tell(&mut self, event: MonitorEvent) {
        if self.news.len() < EVENTS {
            self.news.push(event);
        }
    }
}

impl Outlet<'_> {
    /// Takes it now if nothing waits and the pipe has room; else in its turn.
    fn deliver(&mut self, delivery: Delivery) {
        if self.sources.waiting.is_empty() {
            self.sources.take(delivery, self.pipe);
        } else {
            self.sources.wait(delivery);
        }
    }
}

impl PgmSink for Outlet<'_> {
    fn began(&mut self, source: SourceHandle, session: Tsi) {
        self.deliver(Delivery::Began(source, session));
    }

    fn data(&mut self, source: SourceHandle, _: Sqn, tsdu: &[u8]) {
        // As many messages as are in a packet may be more than there is room for: a pipe takes some more than its mark.
        let has_room = self.pipe.credit() > 0 && self.sources.untaken.has_room(self.pipe);
        if self.sources.waiting.is_empty() && has_room {
            self.sources.data(source, tsdu, self.pipe);
        } else {
            let tsdu = Bytes::copy_from_slice(tsdu);
            self.sources.wait(Delivery::Data(source, tsdu));
        }
    }

    fn lost(&mut self, source: SourceHandle, first: Sqn, count: u32, reason: LossReason) {
        self.deliver(Delivery::Lost(source, first, count, reason));
    }

    fn ended(&mut self, source: SourceHandle, end: SourceEnd) {
        self.deliver(Delivery::Ended(source, end));
    }
}

#[cfg(test)]
mod tests;
