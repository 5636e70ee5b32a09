//! A source of PGM that sends data, and hostile receivers.
//!
//! Input: rate, window, first number, length of packets, a byte each; operations, each a byte and what it needs.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ringmq_pgm::{
    Body, Gsi, NakBody, NakList, Packet, PacketKind, PacketRun, PgmSource, PgmSourceConfig, Sqn,
    Transmission, TransmitRoom, Tsi,
};

use crate::input::{Input, counted};
use crate::memory::{FIXED, bounded};
use crate::pgm::{
    GROUP, PEER_HOST, SOURCE, SOURCE_HOST, SOURCE_PORT, captured, mend, well_formed, written,
};

const COMMIT: u8 = 0;
const TRANSMIT: u8 = 1;
const PASS_TIME: u8 = 2;
const NAK: u8 = 3;
const PACKET: u8 = 4;
const SPMR: u8 = 5;
const DRAIN: u8 = 6;
const CLOSE: u8 = 7;
const OPERATIONS: u8 = 8;

/// What is wrong with a NAK.
const NAKS: [u8; 10] =
    [0, 0, 0, OTHER_HOST, OTHER_GROUP, OTHER_PORT, OTHER_SESSION, PARITY, NNAK, NCF];
const OTHER_HOST: u8 = 1;
const OTHER_GROUP: u8 = 2;
const OTHER_PORT: u8 = 3;
const OTHER_SESSION: u8 = 4;
const PARITY: u8 = 5;
const NNAK: u8 = 6;
const NCF: u8 = 7;

/// Bytes that the model takes for each one that came in: a NAK of five may have 63 numbers.
const EACH: usize = 1024;
/// Bytes that a packet of the window costs, beside its slot.
const PLACE: usize = 64;
/// Octets of repairs, and of NCFs, that may be sent at once.
const AT_ONCE: f64 = 64.0 * 1024.0;
/// The most that one packet counts.
const PACKET_MAX: f64 = 1500.0;
/// NCFs that may wait.
const NCFS_MAX: usize = 64;
/// SPMs in a row when a session begins, and once more when it ends; and what was due at the end of a time.
const SPMS: f64 = 8.0;

/// Panics if what is sent is not well-formed, was not asked for, or is more than the source promises.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let config = config(&mut input);
    let slots = (config.window + 1) * (config.max_tpdu + PLACE);
    bounded(FIXED + slots + EACH * data.len(), || Sending::new(config).operate(input));
}

fn config(input: &mut Input<'_>) -> PgmSourceConfig {
    let rate = input.choose(&[Some(12_500), Some(1_000_000), Some(0), None]);
    let window = input.choose(&[80, 1, 5, 300]);
    let first = Sqn(input.choose(&[0, u32::MAX - 2, (1 << 31) - 3]));
    let max_tpdu = input.choose(&[1472, 48, 0, 300]);
    let config = PgmSourceConfig::new(SOURCE, SOURCE_PORT, SOURCE_HOST, GROUP).with_rate(rate);
    PgmSourceConfig { window, first, max_tpdu, ..config }
}

#[derive(Debug)]
struct Sending {
    source: PgmSource,
    sent: Sent,
    now: Instant,
}

impl Sending {
    fn new(config: PgmSourceConfig) -> Self {
        let now = Instant::now();
        Sending { source: PgmSource::new(config.clone(), now), sent: Sent::new(config, now), now }
    }

    fn operate(mut self, mut input: Input<'_>) {
        while !input.is_over() {
            match input.byte() % OPERATIONS {
                COMMIT => self.commit(input.byte().into()),
                TRANSMIT => {
                    self.transmit(input.byte().into(), input.byte().into());
                }
                PASS_TIME => self.now += Duration::from_millis(input.number().into()),
                NAK => {
                    let packet = self.nak(&mut input);
                    self.hear(&packet);
                }
                PACKET => {
                    let mut packet = input.bytes().to_vec();
                    if input.byte() & 1 == 0 {
                        mend(&mut packet);
                    }
                    self.hear(&packet);
                }
                SPMR => self.hear(&written(&Packet::upstream(SOURCE, SOURCE_PORT, Body::Spmr))),
                DRAIN => self.drain(),
                _ => self.source.close(),
            }
            self.sent.keeps_to_limits(self.now);
        }
        self.source.close();
        self.drain();
        assert!(self.source.is_closed() && self.source.unsent() == 0, "it never ends");
        assert_eq!(self.source.room(self.now), TransmitRoom::Closed);
        self.sent.keeps_to_limits(self.now);
        self.sent.agrees_with(&self.source);
    }

    /// Data of a packet: its number, over and over again.
    fn commit(&mut self, length: usize) {
        let Some(slot) = self.source.slot(self.now) else { return };
        let length = length.min(slot.len());
        let number = self.sent.number_of(self.sent.lengths.len());
        let octets = number.0.to_be_bytes();
        slot.iter_mut().zip(octets.iter().cycle()).for_each(|(to, octet)| *to = *octet);
        self.source.commit(length);
        self.sent.lengths.push(length as u16);
    }

    /// Sends what is next; only the first `told` packets of it are said to be sent. False if there is nothing.
    fn transmit(&mut self, most: usize, told: usize) -> bool {
        let now = self.now;
        let Some(Transmission { what, run }) = self.source.transmit(now, most) else {
            assert!(self.source.timeout(now) > now, "awake for nothing");
            return false;
        };
        let told = told.min(run.len());
        assert!(!run.is_empty() && run.len() <= most.max(1));
        let packets: Vec<&[u8]> = run.iter().collect();
        assert_eq!(run.octets(), packets.iter().map(|packet| packet.len()).sum::<usize>());
        assert!(run.contiguous().is_none_or(|octets| octets == packets.concat()));
        self.sent.see(what, &run, told);
        assert!(self.source.timeout(now) <= now, "there was something to send");
        self.source.sent(now, told);
        true
    }

    /// Sends all there is. How much that may be at one time has an end.
    fn drain(&mut self) {
        let window = self.sent.config.window;
        let mut left = NCFS_MAX + 2 * window + SPMS as usize;
        while self.transmit(64, 64) {
            left = left.checked_sub(1).expect("it sends without an end");
        }
    }

    fn nak(&mut self, input: &mut Input<'_>) -> Vec<u8> {
        let wrong = input.choose(&NAKS);
        let first = self.sent.number_of(self.sent.packets).plus(signed(input.byte()));
        let step = signed(input.byte());
        let numbers: Vec<[u8; 4]> = (1..u32::from(input.byte() % 64))
            .map(|at| first.plus(at.wrapping_mul(step)).0.to_be_bytes())
            .collect();
        let or = |is: u8, other: IpAddr, right: IpAddr| if wrong == is { other } else { right };
        let (source, group) =
            (or(OTHER_HOST, PEER_HOST, SOURCE_HOST), or(OTHER_GROUP, PEER_HOST, GROUP));
        let body = NakBody { sqn: first, source, group };
        let session =
            if wrong == OTHER_SESSION { Tsi { gsi: Gsi([7; 6]), ..SOURCE } } else { SOURCE };
        let port = SOURCE_PORT + u16::from(wrong == OTHER_PORT);
        let mut packet = match wrong {
            NNAK => Packet::upstream(session, port, Body::Nnak(body)),
            NCF => Packet::downstream(session, port, Body::Ncf(body)),
            _ => Packet::upstream(session, port, Body::Nak(body)),
        };
        packet.parity = wrong == PARITY;
        packet.options.nak_list = NakList::new(&numbers);
        written(&packet)
    }

    fn hear(&mut self, bytes: &[u8]) {
        let before = *self.source.counters();
        self.source.on_packet(self.now, bytes);
        let after = self.source.counters();
        if let Ok(packet) = Packet::parse(bytes)
            && let Body::Nak(body) = packet.body
            && after.naks > before.naks
        {
            assert_eq!((packet.tsi(), packet.data_port()), (SOURCE, SOURCE_PORT));
            assert_eq!((body.source, body.group, packet.parity), (SOURCE_HOST, GROUP, false));
            self.sent.asked.extend(packet.numbers(body.sqn).map(|sqn| sqn.0));
            self.sent.due.extend(packet.numbers(body.sqn).map(|sqn| sqn.0));
            self.sent.naks += 1;
        }
        let kinds = |c: &ringmq_pgm::SourceCounters| {
            c.naks + c.naks_refused + c.spmrs + c.ignored + c.malformed
        };
        assert_eq!(kinds(after), kinds(&before) + 1, "it counts as one thing");
    }
}

/// What was sent, and what may be.
#[derive(Debug)]
struct Sent {
    config: PgmSourceConfig,
    begin: Instant,
    /// Octets of the data of all packets there were.
    lengths: Vec<u16>,
    /// Data packets that were sent for the first time, and again.
    packets: usize,
    repairs: u64,
    spms: u32,
    ncfs: u64,
    naks: u64,
    /// All that was ever asked for, and what was asked for since it was last sent.
    asked: BTreeSet<u32>,
    due: BTreeSet<u32>,
    /// Octets, headers among them where rates count them.
    data_octets: usize,
    repair_octets: usize,
    ncf_octets: usize,
    trail: Sqn,
}

impl Sent {
    fn new(config: PgmSourceConfig, begin: Instant) -> Self {
        Sent {
            begin,
            lengths: Vec::new(),
            packets: 0,
            repairs: 0,
            spms: 0,
            ncfs: 0,
            naks: 0,
            asked: BTreeSet::new(),
            due: BTreeSet::new(),
            data_octets: 0,
            repair_octets: 0,
            ncf_octets: 0,
            trail: config.first,
            config,
        }
    }

    fn number_of(&self, packet: usize) -> Sqn {
        self.config.first.plus(packet as u32)
    }

    /// Packets that are to be sent, of which the first `told` are.
    fn see(&mut self, what: PacketKind, run: &PacketRun<'_>, told: usize) {
        for (at, bytes) in run.iter().enumerate() {
            let counts = at < told;
            let packet = well_formed(bytes);
            assert_eq!((packet.tsi(), packet.data_port()), (SOURCE, SOURCE_PORT));
            match (what, packet.body) {
                (PacketKind::Odata, Body::Odata(data)) => {
                    let number = self.packets + if counts { 0 } else { at - told };
                    assert_eq!(data.sqn, self.number_of(number), "in order");
                    self.see_data(data.sqn, data.trail, data.tsdu);
                    self.packets += usize::from(counts);
                    self.data_octets += if counts { bytes.len() + self.config.overhead } else { 0 };
                }
                (PacketKind::Rdata, Body::Rdata(data)) => {
                    assert!(self.due.contains(&data.sqn.0), "nobody has asked");
                    assert!(data.sqn.is_before(self.number_of(self.packets)), "it was never sent");
                    self.see_data(data.sqn, data.trail, data.tsdu);
                    if counts {
                        self.due.remove(&data.sqn.0);
                    }
                    self.repairs += u64::from(counts);
                    self.repair_octets +=
                        if counts { bytes.len() + self.config.overhead } else { 0 };
                }
                (PacketKind::Ncf, Body::Ncf(body)) => {
                    assert_eq!((body.source, body.group), (SOURCE_HOST, GROUP));
                    assert!(packet.numbers(body.sqn).all(|sqn| self.asked.contains(&sqn.0)));
                    self.ncfs += u64::from(counts);
                    self.ncf_octets += if counts { bytes.len() } else { 0 };
                }
                (PacketKind::Spm, Body::Spm { sqn, trail, lead, path }) => {
                    assert_eq!((sqn, path), (Sqn(self.spms), SOURCE_HOST));
                    assert_eq!(lead.next(), self.number_of(self.packets), "what was sent");
                    self.see_trail(trail);
                    self.spms += u32::from(counts);
                }
                (_, body) => panic!("{what:?}: {body:?}"),
            }
        }
    }

    fn see_data(&mut self, sqn: Sqn, trail: Sqn, tsdu: &[u8]) {
        assert!(!sqn.is_before(trail), "{sqn} is before its trail, {trail}");
        let length = self.lengths[sqn.since(self.config.first) as usize];
        assert_eq!(tsdu.len(), usize::from(length));
        let octets = sqn.0.to_be_bytes();
        assert!(tsdu.iter().zip(octets.iter().cycle()).all(|(is, was)| is == was), "other data");
        self.see_trail(trail);
    }

    /// The window moves in one direction, and has no more packets than it may.
    fn see_trail(&mut self, trail: Sqn) {
        let all = self.number_of(self.lengths.len());
        let window = all.since(trail);
        assert!(window >= 0 && window as usize <= self.config.window + self.lengths.len());
        // What is not yet sent has the trail of its time.
        if self.trail.is_before(trail) {
            self.trail = trail;
        }
        assert!(self.trail.since(trail) as usize <= self.config.window, "it goes back");
    }

    fn keeps_to_limits(&self, now: Instant) {
        let seconds = now.saturating_duration_since(self.begin).as_secs_f64();
        assert!(self.ncfs <= self.naks, "an NCF that nobody asked for");
        let spms = f64::from(self.spms);
        let (requested, heartbeat) =
            (self.config.requested_spm.as_secs_f64(), self.config.heartbeat_spm[0].as_secs_f64());
        assert!(spms <= SPMS + seconds / requested + seconds / heartbeat, "{spms} SPMs");
        if let Some(rate) = self.config.repair_rate {
            let may = |share: f64| AT_ONCE + PACKET_MAX + rate.max(4) as f64 / share * seconds;
            assert!(self.repair_octets as f64 <= may(1.0), "too many repairs");
            assert!(self.ncf_octets as f64 <= may(4.0), "too many NCFs");
        }
        if let Some(rate) = self.config.rate {
            let rate = rate.max(1) as f64;
            let may = rate.max(PACKET_MAX) + PACKET_MAX + rate * seconds;
            assert!(self.data_octets as f64 <= may, "too much data");
        }
    }

    fn agrees_with(&self, source: &PgmSource) {
        let counters = source.counters();
        assert_eq!(counters.packets, self.lengths.len() as u64);
        assert_eq!(
            (counters.repairs, counters.ncfs, counters.naks, counters.spms),
            (self.repairs, self.ncfs, self.naks, u64::from(self.spms))
        );
        let queued = counters.nak_numbers - counters.nak_numbers_idle;
        assert!(counters.repairs <= queued, "more than was queued");
        assert_eq!(counters.ncfs + counters.ncfs_held_back, counters.naks, "all are answered");
    }
}

/// A byte as a number from -128 to 127, which is added to others.
fn signed(byte: u8) -> u32 {
    i32::from(byte.cast_signed()).cast_unsigned()
}

/// A source that has sent six packets hears each captured packet; NAKs of all kinds; time; the end.
pub fn seeds() -> Vec<Vec<u8>> {
    let begin = [COMMIT, 9, COMMIT, 9, COMMIT, 200, COMMIT, 3, DRAIN, COMMIT, 7, COMMIT, 0, DRAIN];
    let after =
        [DRAIN, PASS_TIME, 100, 0, DRAIN, SPMR, DRAIN, CLOSE, DRAIN, PASS_TIME, 0, 9, DRAIN];
    let seed = |settings: [u8; 4], middle: &[u8]| [&settings[..], &begin, middle, &after].concat();
    let mut seeds: Vec<_> = captured()
        .iter()
        .map(|packet| {
            let middle = [&[PACKET][..], &counted(packet), &[0]].concat();
            seed([0; 4], &middle)
        })
        .collect();
    for (at, _) in (0..).zip(NAKS) {
        for (first, step, count) in [(252, 1, 4), (255, 255, 9), (200, 3, 63), (0, 0, 1)] {
            let nak = [NAK, at, first, step, count];
            seeds.push(seed([at % 4, at % 3, at % 3, at % 4], &nak));
            let twice = [&nak[..], &[TRANSMIT, 2, 1, TRANSMIT, 9, 0], &nak].concat();
            seeds.push(seed([3 - at % 4, 1, 0, 1], &twice));
        }
    }
    let flood = [&[COMMIT, 200, DRAIN, NAK, 0, 250, 1, 6][..]].concat().repeat(20);
    seeds.push(seed([1, 3, 0, 0], &flood));
    // More NCFs than may be sent at once.
    seeds.push(seed([0; 4], &[NAK, 0, 250, 1, 63, DRAIN].repeat(400)));
    seeds
}
