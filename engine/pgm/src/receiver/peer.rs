//! One source, as a receiver sees it.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
use std::time::{Duration, Instant};

use super::config::PgmReceiverConfig;
use super::eviction::Standing;
use super::fragments::Fragments;
use super::gaps::{Confirmer, Gaps, NakNumbers, number_of};
use super::report::{ReceiveCounters, SourceReport};
use super::sink::{LossReason, PgmSink, SourceEnd, SourceHandle};
use super::spare::SpareBuffers;
use super::spm_requests::SpmRequests;
use crate::packet::{DataBody, Fragment, Packet, Sqn, Tsi};

/// What a packet that waits costs, beside its octets.
const HELD_COST: usize = 96;
/// What a range of missing packets costs.
const GAP_COST: usize = 128;

/// Memory is scarce when less than this part of it is left. Then packets are asked for as far ahead as this part of how
/// many are held.
const PART: usize = 4;
/// Packets that are asked for even then.
const AT_FIRST: usize = 256;

/// A packet that waits for others.
#[derive(Debug)]
struct HeldPacket {
    tsdu: Vec<u8>,
    fragment: Option<Fragment>,
}

/// What all sources share, for one call.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) now: Instant,
    pub(super) config: &'a PgmReceiverConfig,
    pub(super) rng: &'a mut fastrand::Rng,
    /// Octets of memory that are left.
    pub(super) room: usize,
    pub(super) spare: &'a mut SpareBuffers,
}

impl Surroundings<'_> {
    /// When to ask for packets that are found to be missing now.
    fn back_off(&mut self) -> Instant {
        let most = self.config.nak_back_off.as_micros().clamp(1, 1 << 40) as u64;
        self.now + Duration::from_micros(self.rng.u64(1..=most))
    }

    /// The longest that a new packet may be a part of, if it is a part; and if it has to be kept.
    fn most(&self, tsdu: &[u8]) -> (usize, usize) {
        let longest = self.config.max_apdu;
        (longest, if tsdu.len() <= self.room { longest } else { 0 })
    }
}

/// A source, and all that is known of its packets.
#[derive(Debug)]
pub(super) struct PgmPeer {
    handle: SourceHandle,
    session: Tsi,
    address: SocketAddr,
    path: Option<IpAddr>,
    /// The number of the last SPM.
    spm: Option<Sqn>,
    /// The next packet to be delivered, and the one after the last that is known of. The lower halves are
    /// what goes on the wire.
    next: u64,
    end: u64,
    held: BTreeMap<u64, HeldPacket>,
    held_octets: usize,
    pub(super) gaps: Gaps,
    /// When it is asked for what is found to be missing before that: with one NAK.
    turn: Instant,
    fragments: Fragments,
    /// A packet that is too far ahead, if it was the last.
    stray: Option<u64>,
    /// Where the session ends.
    fin: Option<u64>,
    /// The session is over, and the sink knows: what still comes is old.
    over: bool,
    heard: Instant,
    pub(super) requests: SpmRequests,
    pub(super) counters: ReceiveCounters,
}

impl PgmPeer {
    /// A source is new; its first packet that matters is `next`.
    pub(super) fn new(
        (handle, session, address): (SourceHandle, Tsi, SocketAddr),
        next: Sqn,
        around: &Surroundings<'_>,
    ) -> Self {
        // Far from 0, so that earlier numbers have a place.
        let next = 1 << 32 | u64::from(next.0);
        PgmPeer {
            handle,
            session,
            address,
            path: None,
            spm: None,
            next,
            end: next,
            held: BTreeMap::new(),
            held_octets: 0,
            gaps: Gaps::default(),
            turn: around.now,
            fragments: Fragments::default(),
            stray: None,
            fin: None,
            over: false,
            heard: around.now,
            requests: SpmRequests::new(around.config, around.now),
            counters: ReceiveCounters::default(),
        }
    }

    pub(super) fn session(&self) -> Tsi {
        self.session
    }

    pub(super) fn path(&self) -> Option<IpAddr> {
        self.path
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Where it belongs among those that make room for others: what it is, and when it was heard.
    pub(super) fn place(&self) -> (Standing, Instant) {
        let standing = match (self.over, self.counters.packets + self.counters.spms) {
            (true, _) => Standing::Over,
            (false, ..=1) => Standing::Stranger,
            (false, _) => Standing::Known,
        };
        (standing, self.heard)
    }

    /// Memory that it has taken for what packets say.
    pub(super) fn cost(&self) -> usize {
        self.held_octets
            + self.held.len() * HELD_COST
            + self.gaps.len() * GAP_COST
            + self.fragments.kept()
    }

    /// Whether it waits for nothing but the next packet, and keeps nothing.
    pub(super) fn is_quiet(&self) -> bool {
        self.next == self.end && self.cost() == 0
    }

    /// The next time at which [`on_timeout`](Self::on_timeout) has something to do; also when it is silent
    /// for too long.
    pub(super) fn timeout(&self, config: &PgmReceiverConfig) -> Instant {
        let others = [self.gaps.timeout(), self.requests.timeout()];
        others.into_iter().flatten().fold(self.heard + config.expiry, Instant::min)
    }

    pub(super) fn wants_transmit(&self) -> bool {
        self.gaps.wants_nak() || self.requests.wants_transmit()
    }

    /// Takes a data packet. `again` if it is an RDATA.
    pub(super) fn on_data<S: PgmSink>(
        &mut self,
        (packet, data): (&Packet<'_>, &DataBody<'_>),
        again: bool,
        around: &mut Surroundings<'_>,
        sink: &mut S,
    ) {
        let at = self.place_of(data.sqn);
        if self.is_stray(at, around.config, false) {
            return;
        }
        self.hear(at, around);
        let trail = at.wrapping_sub(u64::from(data.sqn.0.wrapping_sub(data.trail.0)));
        let fragment = packet.options.fragment;
        if at < self.next {
            self.counters.duplicates += 1;
        } else if at == self.next && at == self.end {
            self.end += 1;
            self.count(data.tsdu);
            self.deliver(fragment, data.tsdu, around.most(data.tsdu), sink);
        } else if !self.make_room_for(at, data.tsdu, around) {
            self.counters.refused += 1;
        } else if at >= self.end {
            self.extend(at, around);
            self.end += 1;
            self.count(data.tsdu);
            self.hold(at, fragment, data.tsdu, around);
        } else if self.gaps.fill(at, around.now) {
            self.counters.repaired += u64::from(again);
            self.counters.reordered += u64::from(!again);
            self.count(data.tsdu);
            if at == self.next {
                self.deliver(fragment, data.tsdu, around.most(data.tsdu), sink);
            } else {
                self.hold(at, fragment, data.tsdu, around);
            }
        } else {
            self.counters.duplicates += 1;
        }
        self.advance(trail, around, sink);
    }

    /// Takes an SPM.
    pub(super) fn on_spm<S: PgmSink>(
        &mut self,
        packet: &Packet<'_>,
        (sqn, trail, lead, path): (Sqn, Sqn, Sqn, IpAddr),
        around: &mut Surroundings<'_>,
        sink: &mut S,
    ) {
        let end = self.place_of(lead) + 1;
        if self.spm.is_some_and(|last| !last.is_before(sqn))
            || self.is_stray(end - 1, around.config, true)
        {
            return;
        }
        self.hear(end, around);
        self.spm = Some(sqn);
        self.counters.spms += 1;
        self.requests.settle();
        if self.path.replace(path).is_none() {
            self.gaps.ask_again();
        }
        if around.room >= GAP_COST {
            self.extend(end, around);
        }
        let trail = end.wrapping_sub(u64::from(lead.next().0.wrapping_sub(trail.0)));
        if packet.options.fin {
            self.fin = Some(end);
        }
        self.advance(trail, around, sink);
        if packet.options.rst.is_some() {
            self.finish(SourceEnd::Reset, around, sink);
        }
    }

    /// Somebody's NAK, or the source's answer to one: these packets will be sent again.
    pub(super) fn on_confirmation(
        &mut self,
        numbers: impl Iterator<Item = Sqn>,
        who: Confirmer,
        around: &Surroundings<'_>,
    ) {
        match who {
            Confirmer::Source => self.counters.ncfs += 1,
            Confirmer::Receiver => self.counters.foreign_naks += 1,
        }
        if self.gaps.is_empty() {
            return;
        }
        let until = around.now + self.gaps.patience(around.config.rdata_wait, around.config);
        let most = self.most_gaps(around.room);
        let (mut begin, mut end) = (0, 0);
        for number in numbers {
            let at = self.place_of(number);
            if at != end {
                self.gaps.confirm((begin, end), who, until, most);
                begin = at;
            }
            end = at + 1;
        }
        self.gaps.confirm((begin, end), who, until, most);
    }

    /// The numbers of a NAK to be sent `now`, where `room` octets of memory are left.
    pub(super) fn take_nak(
        &mut self,
        now: Instant,
        config: &PgmReceiverConfig,
        room: usize,
    ) -> NakNumbers {
        self.gaps.take_nak(now, config, self.most_gaps(room))
    }

    /// How many ranges of missing packets there may be.
    fn most_gaps(&self, room: usize) -> usize {
        self.gaps.len() + room / GAP_COST
    }

    /// Goes on with what has waited. True if the source is to be forgotten.
    pub(super) fn on_timeout<S: PgmSink>(
        &mut self,
        around: &mut Surroundings<'_>,
        sink: &mut S,
    ) -> bool {
        if self.heard + around.config.expiry <= around.now {
            return true;
        }
        self.requests.on_timeout(around.config, around.now);
        let (now, config) = (around.now, around.config);
        let what = (self.path.is_some(), self.limit(around));
        self.gaps.on_timeout(now, config, what, || around.back_off());
        self.flush(around, sink);
        false
    }

    /// Nothing more will come: delivers what is there, and tells what is not.
    pub(super) fn finish<S: PgmSink>(
        &mut self,
        end: SourceEnd,
        around: &mut Surroundings<'_>,
        sink: &mut S,
    ) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.fin = None;
        self.gaps.give_up(u64::MAX, LossReason::SourceEnded);
        self.flush(around, sink);
        self.counters.lost += self.fragments.abandon(self.handle, sink);
        self.requests.settle();
        sink.ended(self.handle, end);
    }

    pub(super) fn report(&self, now: Instant) -> SourceReport<'_> {
        SourceReport {
            source: self.handle,
            session: self.session,
            address: self.address,
            path: self.path,
            silent: now.saturating_duration_since(self.heard),
            ending: self.fin.is_some() || self.over,
            missing: self.gaps.packets(),
            held: self.held.len(),
            counters: &self.counters,
        }
    }

    /// The number as it is here.
    fn place_of(&self, sqn: Sqn) -> u64 {
        self.next.wrapping_add_signed(i64::from(sqn.since(number_of(self.next))))
    }

    /// The source lives, if what it tells of is not all in the past: else it is one that repeats itself, or
    /// another session with the same id, for which this one has to make room at last.
    fn hear(&mut self, at: u64, around: &Surroundings<'_>) {
        if at >= self.next {
            self.heard = around.now;
        }
    }

    /// Whether a packet is so far ahead that it may be a forgery, or of another session. Two such packets in a
    /// row, near each other, are believed.
    fn is_stray(&mut self, at: u64, config: &PgmReceiverConfig, may_repeat: bool) -> bool {
        let window = config.window_within_bounds();
        if at < self.end + window {
            self.stray = None;
            return false;
        }
        let believed = self
            .stray
            .is_some_and(|last| at.abs_diff(last) <= window && (may_repeat || at != last));
        self.stray = if believed { None } else { Some(at) };
        self.counters.strays += u64::from(!believed);
        !believed
    }

    /// Whether a packet can be kept. What would be delivered last makes room for what comes before it: it is asked for
    /// again.
    fn make_room_for(&mut self, at: u64, tsdu: &[u8], around: &mut Surroundings<'_>) -> bool {
        // The next packet is not kept. Others may cut a range in two.
        let cost = tsdu.len() + HELD_COST + GAP_COST;
        while at != self.next && cost > around.room {
            // It may need a range of its own.
            let gain = |held: &HeldPacket| (held.tsdu.len() + HELD_COST).saturating_sub(GAP_COST);
            let later = |last: &OccupiedEntry<'_, u64, HeldPacket>| {
                *last.key() > at && gain(last.get()) > 0
            };
            let Some(last) = self.held.last_entry().filter(later) else { return false };
            let (at, held) = last.remove_entry();
            self.held_octets -= held.tsdu.len();
            around.room += gain(&held);
            let ask_at = self.next_turn(around);
            self.gaps.open(at, at + 1, ask_at);
            self.counters.refused += 1;
        }
        true
    }

    /// Before which packet those are that are asked for: where what is held leaves little room for what comes, only those
    /// that the delivery waits for first.
    fn limit(&self, around: &Surroundings<'_>) -> u64 {
        let part = around.config.memory / PART;
        let held = self.held_octets + self.held.len() * HELD_COST;
        if around.room >= part || held < part {
            return u64::MAX;
        }
        self.next + (self.held.len() / PART).max(AT_FIRST) as u64
    }

    /// When to ask for what is found to be missing now.
    fn next_turn(&mut self, around: &mut Surroundings<'_>) -> Instant {
        if self.turn <= around.now {
            self.turn = around.back_off();
        }
        self.turn
    }

    /// All packets before `end` are known of now.
    fn extend(&mut self, end: u64, around: &mut Surroundings<'_>) {
        if self.end < end {
            let ask_at = self.next_turn(around);
            self.gaps.open(self.end, end, ask_at);
            self.counters.missed += end - self.end;
            self.end = end;
        }
    }

    fn count(&mut self, tsdu: &[u8]) {
        self.counters.packets += 1;
        self.counters.bytes += tsdu.len() as u64;
    }

    fn hold(
        &mut self,
        at: u64,
        fragment: Option<Fragment>,
        tsdu: &[u8],
        around: &mut Surroundings<'_>,
    ) {
        self.held_octets += tsdu.len();
        self.held.insert(at, HeldPacket { tsdu: around.spare.copy(tsdu), fragment });
    }

    /// Delivers the next packet. If it is a part of something, that may have so many octets, or so many where it has to
    /// be kept.
    fn deliver<S: PgmSink>(
        &mut self,
        fragment: Option<Fragment>,
        tsdu: &[u8],
        most: (usize, usize),
        sink: &mut S,
    ) {
        let to = (self.handle, self.next);
        self.counters.lost += self.fragments.deliver(to, fragment, tsdu, most, sink);
        self.next += 1;
    }

    /// The window moves on: to the source's trail, and so that it is not larger than it may be.
    fn advance<S: PgmSink>(&mut self, trail: u64, around: &mut Surroundings<'_>, sink: &mut S) {
        // What the source has not yet told of is not missing.
        let trail = trail.min(self.end);
        if trail > self.next {
            self.gaps.give_up(trail, LossReason::TrailPassed);
            self.flush(around, sink);
        }
        let own = self.end.saturating_sub(around.config.window_within_bounds());
        if own > self.next {
            self.gaps.give_up(own, LossReason::WindowFull);
        }
        self.flush(around, sink);
    }

    /// Delivers what is next, and tells of what is lost, until something is missing.
    fn flush<S: PgmSink>(&mut self, around: &mut Surroundings<'_>, sink: &mut S) {
        while self.next < self.end {
            if let Some((end, reason)) = self.gaps.take_lost(self.next) {
                self.counters.lost += self.fragments.abandon(self.handle, sink);
                let count = end - self.next;
                self.counters.lost += count;
                // Less than half of all numbers are known of at any time.
                sink.lost(self.handle, number_of(self.next), count as u32, reason);
                self.next = end;
                continue;
            }
            let Some(held) = self.held.first_entry().filter(|first| *first.key() == self.next)
            else {
                break;
            };
            let HeldPacket { tsdu, fragment } = held.remove();
            self.held_octets -= tsdu.len();
            // It has its memory already.
            let longest = around.config.max_apdu;
            self.deliver(fragment, &tsdu, (longest, longest), sink);
            around.spare.keep(tsdu);
        }
        if self.fin.is_some_and(|fin| fin <= self.next) {
            self.finish(SourceEnd::Fin, around, sink);
        }
    }
}
