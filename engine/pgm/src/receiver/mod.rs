//! The receiving half: all sources of one group and port.

mod answer_time;
mod config;
mod eviction;
mod fragments;
mod gaps;
mod peer;
mod report;
mod sink;
mod spare;
mod spm_requests;

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

pub use config::PgmReceiverConfig;
use eviction::EvictionOrder;
use gaps::Confirmer;
use peer::{PgmPeer, Surroundings};
pub use report::{ReceiveCounters, ReceiverTotals, SourceReport};
pub use sink::{LossReason, PgmSink, SourceEnd, SourceHandle};
use spare::SpareBuffers;

use crate::packet::{Body, NakBody, NakList, Packet, Sqn, Tsi};

/// The part of the memory that may be kept for what will wait.
const SPARE_SHARE: usize = 16;

/// Where a packet of a receiver goes. The port of UDP is that of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamTo {
    /// This address.
    Host(IpAddr),
    /// The group, with a time-to-live of 1.
    Group,
}

/// A packet of a receiver.
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a> {
    /// Where it goes.
    pub to: UpstreamTo,
    /// Whether it asks for the router alert option of IP, where that can be set: NAKs do.
    pub router_alert: bool,
    /// The packet.
    pub bytes: &'a [u8],
}

/// A source, and what is written down of it elsewhere.
#[derive(Debug)]
struct PeerSlot {
    peer: PgmPeer,
    /// Its entry in the table of deadlines.
    scheduled: Instant,
    /// Its turn, if it is among those that want to send.
    turn: Option<u64>,
    /// Its part of the memory that is in use.
    charged: usize,
}

/// Receives from all sources of a group: delivers their data in order, and asks for what is missing.
///
/// Packets come in by [`on_packet`](Self::on_packet), and at [`timeout`](Self::timeout)
/// [`on_timeout`](Self::on_timeout) is to be called. After either of them packets may be to be sent, which leave
/// by [`transmit`](Self::transmit).
///
/// # What packets may claim
/// * A packet of a known session that comes from another address is ignored. Which address is the right one
///   is told by the first packet of a session: nothing in PGM proves more.
/// * A packet that is further ahead of all others than the window is long, is ignored, unless the next packet
///   is near it and another one. Then both are believed: what is more than a window behind is lost, and told
///   of. Numbers that go back are old, and ignored: a source that begins anew has a new session.
/// * Memory is taken for packets that are there, never for numbers, and not more than
///   [`memory`](PgmReceiverConfig::memory). What there is no memory for is as if it had got lost.
///
/// ```
/// use ringmq_pgm::{LossReason, PgmReceiver, PgmReceiverConfig, PgmSink, PgmSource, PgmSourceConfig};
/// use ringmq_pgm::{Gsi, SourceHandle, Sqn, Tsi};
/// use std::{net::SocketAddr, time::Instant};
///
/// struct Print;
/// impl PgmSink for Print {
///     fn data(&mut self, _: SourceHandle, sqn: Sqn, tsdu: &[u8]) {
///         assert_eq!((sqn, tsdu), (Sqn(0), &b"Hello"[..]));
///     }
///     fn lost(&mut self, _: SourceHandle, first: Sqn, count: u32, reason: LossReason) {
///         panic!("{count} packets from {first} on are lost: {reason}");
///     }
/// }
///
/// let now = Instant::now();
/// let address: SocketAddr = "10.0.0.1:40000".parse()?;
/// let group = "239.192.1.1".parse()?;
/// let session = Tsi { gsi: Gsi([1, 2, 3, 4, 5, 6]), port: 7 };
/// let mut source = PgmSource::new(PgmSourceConfig::new(session, 5555, address.ip(), group), now);
/// let mut receiver = PgmReceiver::new(PgmReceiverConfig::new(group, 5555), 1);
///
/// source.slot(now).expect("there is room")[..5].copy_from_slice(b"Hello");
/// source.commit(5);
/// while let Some(transmission) = source.transmit(now, 64) {
///     let packets = transmission.run.len();
///     for packet in transmission.run.iter() {
///         receiver.on_packet(now, address, packet, &mut Print);
///     }
///     source.sent(now, packets);
/// }
/// assert_eq!(receiver.reports(now).next().expect("a source").counters.packets, 1);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct PgmReceiver {
    config: PgmReceiverConfig,
    rng: fastrand::Rng,
    by_session: BTreeMap<Tsi, u32>,
    slots: Vec<Option<Box<PeerSlot>>>,
    free: Vec<u32>,
    /// The source of the last packet.
    last: Option<(Tsi, u32)>,
    deadlines: BTreeSet<(Instant, u32)>,
    /// Which source goes first where there are too many.
    eviction: EvictionOrder,
    /// Sources that want to send, by their turns, and the turn of the next.
    wanting: BTreeMap<u64, u32>,
    next_turn: u64,
    /// Memory in use for what waits, in octets.
    used: usize,
    spare: SpareBuffers,
    /// The packet that is to be sent.
    out: Vec<u8>,
    totals: ReceiverTotals,
}

impl PgmReceiver {
    /// A receiver that knows no source. `seed` is for the times before NAKs: other receivers should have
    /// another one.
    pub fn new(config: PgmReceiverConfig, seed: u64) -> Self {
        PgmReceiver {
            spare: SpareBuffers::new(config.memory / SPARE_SHARE),
            config: config.within_bounds(),
            rng: fastrand::Rng::with_seed(seed),
            by_session: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            last: None,
            deadlines: BTreeSet::new(),
            eviction: EvictionOrder::default(),
            wanting: BTreeMap::new(),
            next_turn: 0,
            used: 0,
            out: Vec::new(),
            totals: ReceiverTotals::default(),
        }
    }

    /// Takes a packet that came from `from`.
    pub fn on_packet<S: PgmSink>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &[u8],
        sink: &mut S,
    ) {
        let packet = match Packet::parse(bytes) {
            Ok(packet) => packet,
            Err(error) => {
                self.totals.malformed += 1;
                self.totals.last_fault = Some(error);
                return;
            }
        };
        if packet.data_port() != self.config.data_port {
            self.totals.elsewhere += 1;
            return;
        }
        let Some(index) = self.source_of(now, from, &packet, sink) else { return };
        let (mut around, slot) = self.around(now, index);
        let Some(PeerSlot { peer, .. }) = slot else { return };
        if !packet.body.is_upstream() {
            if peer.address().ip() != from.ip() {
                peer.counters.impostors += 1;
                return;
            }
            if !is_consistent(&packet) {
                peer.counters.malformed += 1;
                return;
            }
        }
        if peer.is_over() {
            return;
        }
        let was_quiet = peer.is_quiet();
        match packet.body {
            Body::Odata(data) => peer.on_data((&packet, &data), false, &mut around, sink),
            Body::Rdata(data) => peer.on_data((&packet, &data), true, &mut around, sink),
            Body::Spm { sqn, trail, lead, path } => {
                peer.on_spm(&packet, (sqn, trail, lead, path), &mut around, sink);
                return self.settle(index);
            }
            Body::Ncf(body) => {
                peer.on_confirmation(packet.numbers(body.sqn), Confirmer::Source, &around);
            }
            Body::Nak(body) => {
                peer.on_confirmation(packet.numbers(body.sqn), Confirmer::Receiver, &around);
            }
            Body::Spmr => {
                peer.requests.on_foreign(now);
                return self.settle(index);
            }
            Body::Nnak(_) | Body::Poll | Body::Polr | Body::Ack => {}
        }
        // A packet that only was the next one has changed nothing that is written down elsewhere.
        if !(was_quiet && peer.is_quiet()) || peer.is_over() {
            self.settle(index);
        }
    }

    /// Goes on with what has waited until now.
    pub fn on_timeout<S: PgmSink>(&mut self, now: Instant, sink: &mut S) {
        while let Some((_, index)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            let (mut around, slot) = self.around(now, index);
            let Some(PeerSlot { peer, .. }) = slot else { return };
            if peer.on_timeout(&mut around, sink) {
                self.totals.expired += u64::from(!peer.is_over());
                self.forget(now, index, SourceEnd::Expired, sink);
            } else {
                self.settle(index);
            }
        }
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do; `None` for never.
    pub fn timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The next packet that is to be sent; `None` if there is none. It counts as sent: if it is not, that is
    /// as if it had got lost.
    pub fn transmit(&mut self, now: Instant) -> Option<Upstream<'_>> {
        while let Some((_, index)) = self.wanting.pop_first() {
            let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_deref_mut)
            else {
                continue;
            };
            slot.turn = None;
            self.out.clear();
            let room = self.config.memory.saturating_sub(self.used);
            let to = write_request(&self.config, &mut slot.peer, (now, room), &mut self.out);
            // Others get their turn.
            self.settle(index);
            if let Some((to, router_alert)) = to {
                return Some(Upstream { to, router_alert, bytes: &self.out });
            }
        }
        None
    }

    /// All sources that are known, those whose sessions are over among them.
    pub fn reports(&self, now: Instant) -> impl Iterator<Item = SourceReport<'_>> {
        self.slots.iter().flatten().map(move |slot| slot.peer.report(now))
    }

    /// What belongs to no source.
    pub fn totals(&self) -> &ReceiverTotals {
        &self.totals
    }

    /// Octets of memory that packets take that wait for others.
    pub fn memory_in_use(&self) -> usize {
        self.used
    }

    /// What one source needs, and that source.
    fn around(&mut self, now: Instant, index: u32) -> (Surroundings<'_>, Option<&mut PeerSlot>) {
        let room = self.config.memory.saturating_sub(self.used);
        let (config, rng, spare) = (&self.config, &mut self.rng, &mut self.spare);
        let around = Surroundings { now, config, rng, room, spare };
        (around, self.slots.get_mut(index as usize).and_then(Option::as_deref_mut))
    }

    /// The source that a packet is about, a new one if need be.
    fn source_of<S: PgmSink>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        packet: &Packet<'_>,
        sink: &mut S,
    ) -> Option<u32> {
        let session = packet.tsi();
        if packet.parity {
            self.totals.ignored += 1;
            return None;
        }
        if let Some((_, index)) = self.last.filter(|(last, _)| *last == session) {
            return Some(index);
        }
        if let Some(index) = self.by_session.get(&session).copied() {
            self.last = Some((session, index));
            return Some(index);
        }
        let over = packet.options.fin || packet.options.rst.is_some();
        let next = match packet.body {
            Body::Odata(data) | Body::Rdata(data) => data.sqn,
            Body::Spm { lead, .. } if !over => lead.next(),
            _ => {
                self.totals.ignored += 1;
                return None;
            }
        };
        if !is_consistent(packet) {
            self.totals.malformed += 1;
            return None;
        }
        Some(self.begin(now, session, from, next, sink))
    }

    fn begin<S: PgmSink>(
        &mut self,
        now: Instant,
        session: Tsi,
        from: SocketAddr,
        next: Sqn,
        sink: &mut S,
    ) -> u32 {
        while self.by_session.len() >= self.config.sources.max(1) {
            let peer = |index: u32| self.slots.get(index as usize)?.as_ref().map(|slot| &slot.peer);
            let look = |index| peer(index).map(PgmPeer::place);
            let Some(index) = self.eviction.least(now, look) else { break };
            self.totals.evicted += u64::from(peer(index).is_some_and(|peer| !peer.is_over()));
            self.forget(now, index, SourceEnd::Evicted, sink);
        }
        let index = self.free.pop().unwrap_or(self.slots.len() as u32);
        let handle = SourceHandle(index);
        let (around, _) = self.around(now, index);
        let peer = PgmPeer::new((handle, session, from), next, &around);
        let scheduled = peer.timeout(&self.config);
        self.eviction.put(index, peer.place());
        let slot = Some(Box::new(PeerSlot { peer, scheduled, turn: None, charged: 0 }));
        match self.slots.get_mut(index as usize) {
            Some(place) => *place = slot,
            None => self.slots.push(slot),
        }
        self.deadlines.insert((scheduled, index));
        self.by_session.insert(session, index);
        self.last = Some((session, index));
        self.totals.sources += 1;
        sink.began(handle, session);
        index
    }

    fn forget<S: PgmSink>(&mut self, now: Instant, index: u32, end: SourceEnd, sink: &mut S) {
        let (mut around, Some(PeerSlot { peer, .. })) = self.around(now, index) else { return };
        peer.finish(end, &mut around, sink);
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::take) else { return };
        self.by_session.remove(&slot.peer.session());
        self.deadlines.remove(&(slot.scheduled, index));
        self.eviction.remove(index);
        if let Some(turn) = slot.turn {
            self.wanting.remove(&turn);
        }
        self.used = self.used.saturating_sub(slot.charged);
        self.free.push(index);
        self.last = None;
        if self.by_session.is_empty() {
            self.spare.clear();
        }
    }

    /// Writes down elsewhere what has changed in a source.
    fn settle(&mut self, index: u32) {
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_deref_mut) else {
            return;
        };
        let at = slot.peer.timeout(&self.config);
        if at != slot.scheduled {
            self.deadlines.remove(&(slot.scheduled, index));
            self.deadlines.insert((at, index));
            slot.scheduled = at;
        }
        if slot.peer.is_over() {
            self.eviction.put(index, slot.peer.place());
        }
        if slot.peer.wants_transmit() && slot.turn.is_none() {
            slot.turn = Some(self.next_turn);
            self.wanting.insert(self.next_turn, index);
            self.next_turn += 1;
        }
        let cost = slot.peer.cost();
        self.used = self.used.saturating_sub(slot.charged).saturating_add(cost);
        slot.charged = cost;
    }
}

/// Whether a packet of a source does not contradict itself.
fn is_consistent(packet: &Packet<'_>) -> bool {
    match packet.body {
        Body::Odata(data) | Body::Rdata(data) => !data.sqn.is_before(data.trail),
        Body::Spm { trail, lead, path, .. } => {
            let broadcast = matches!(path, IpAddr::V4(path) if path.is_broadcast());
            let unicast = !path.is_multicast() && !path.is_unspecified() && !broadcast;
            unicast && !lead.next().is_before(trail)
        }
        _ => true,
    }
}

/// Writes the next packet that a source is to get: an SPMR, or a NAK for as much as one may ask for. Returns
/// where it goes, and whether routers should look at it.
fn write_request(
    config: &PgmReceiverConfig,
    peer: &mut PgmPeer,
    (now, room): (Instant, usize),
    out: &mut Vec<u8>,
) -> Option<(UpstreamTo, bool)> {
    let session = peer.session();
    if let Some(multicast) = peer.requests.take() {
        Packet::upstream(session, config.data_port, Body::Spmr).write(out);
        peer.counters.spm_requests += 1;
        let host = UpstreamTo::Host(peer.address().ip());
        return Some((if multicast { UpstreamTo::Group } else { host }, false));
    }
    let path = peer.path()?;
    let numbers = peer.take_nak(now, config, room);
    let (first, others) = numbers.split_first()?;
    let sqn = Sqn(u32::from_be_bytes(*first));
    let body = Body::Nak(NakBody { sqn, source: path, group: config.group });
    let mut nak = Packet::upstream(session, config.data_port, body);
    nak.options.nak_list = NakList::new(others);
    nak.write(out);
    peer.counters.naks += 1;
    peer.counters.nak_numbers += numbers.len() as u64;
    Some((UpstreamTo::Host(path), true))
}
