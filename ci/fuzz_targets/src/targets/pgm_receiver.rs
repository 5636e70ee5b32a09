//! A receiver of PGM, and hostile sources: several sessions, from several addresses.
//!
//! Input: settings, two bytes; operations, each a byte and what it needs.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ringmq_pgm::{
    Body, DataBody, Fragment, Gsi, NakBody, NakList, Packet, PgmReceiver, PgmReceiverConfig, Sqn,
    Tsi, Upstream, UpstreamTo,
};

use crate::input::{Input, counted};
use crate::memory::{FIXED, bounded};
use crate::pgm::{
    GROUP, PEER, PEER_HOST, PEER_PORT, SOURCE, SOURCE_HOST, SOURCE_PORT, captured, mend,
    well_formed, written,
};
use crate::pgm_sink::StrictPgmSink;

const DATA: u8 = 0;
const AGAIN: u8 = 1;
const SPM: u8 = 2;
const NAK: u8 = 3;
const PASS_TIME: u8 = 4;
const SEND: u8 = 5;
const PACKET: u8 = 6;
const JUMP: u8 = 7;
const OPERATIONS: u8 = 8;

const SESSIONS: [Tsi; 4] =
    [SOURCE, PEER, Tsi { port: 1, ..SOURCE }, Tsi { gsi: Gsi([0xFF; 6]), port: 0xC734 }];
const HOSTS: [IpAddr; 4] = [SOURCE_HOST, PEER_HOST, IpAddr::V6(Ipv6Addr::LOCALHOST), SOURCE_HOST];
/// Where SPMs say that NAKs go.
const PATHS: [IpAddr; 6] = [
    SOURCE_HOST,
    PEER_HOST,
    IpAddr::V6(Ipv6Addr::LOCALHOST),
    GROUP,
    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    IpAddr::V4(core::net::Ipv4Addr::BROADCAST),
];
/// How far a byte says that numbers are apart.
const SCALES: [u32; 6] = [1, 1, 1, 60, 5_000, 1 << 24];

/// Flags of data and SPMs.
const FIN: u8 = 1;
const RST: u8 = 2;
const FRAGMENTED: u8 = 4;
const OTHER_PORT: u8 = 8;
const PARITY: u8 = 16;

/// Bytes that the receiver and the model take for each one that came in, beside what the receiver counts.
const EACH: usize = 1024;
/// Bytes of a source.
const PEER_COST: usize = 4096;
/// What lists cost for each octet that the receiver counts: their nodes may be half empty.
const LISTS: usize = 4;

/// Panics if what is told is out of order or doubled, if what is sent is not well-formed, or memory is taken for
/// what is not there.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let config = config(&mut input);
    let counted = LISTS * (config.memory + config.max_apdu);
    let limit = FIXED + counted + config.sources * PEER_COST + EACH * data.len();
    bounded(limit, || Receiving::new(config).operate(input));
}

fn config(input: &mut Input<'_>) -> PgmReceiverConfig {
    let (one, other) = (input.byte(), input.byte());
    let of = |byte: u8, shift: u8, values: [usize; 4]| values[usize::from(byte >> shift & 3)];
    let ports = [SOURCE_PORT, PEER_PORT];
    let config = PgmReceiverConfig::new(GROUP, ports[usize::from(one & 1)]);
    PgmReceiverConfig {
        window: of(one, 2, [80, 1, 6, 1 << 16]),
        memory: of(one, 4, [64 << 10, 4 << 10, 400, 0]),
        sources: of(one, 6, [4, 2, 1, 3]),
        max_apdu: of(other, 0, [2000, 100, 0, 2000]),
        ncf_retries: of(other, 2, [2, 0, 3, 1]) as u16,
        rdata_retries: of(other, 4, [2, 0, 3, 1]) as u16,
        spm_requests: of(other, 6, [3, 0, 1, 8]) as u8,
        expiry: Duration::from_secs(3),
        ..config
    }
}

#[derive(Debug)]
struct Receiving {
    receiver: PgmReceiver,
    config: PgmReceiverConfig,
    sink: StrictPgmSink,
    /// The number after the last that each session has sent data with, and that of its next SPM.
    next: [Sqn; SESSIONS.len()],
    spm: [Sqn; SESSIONS.len()],
    now: Instant,
}

impl Receiving {
    fn new(config: PgmReceiverConfig) -> Self {
        Receiving {
            receiver: PgmReceiver::new(config.clone(), 1),
            sink: StrictPgmSink::new(config.max_apdu),
            config,
            next: [Sqn(0); SESSIONS.len()],
            spm: [Sqn(0); SESSIONS.len()],
            now: Instant::now(),
        }
    }

    fn operate(mut self, mut input: Input<'_>) {
        while !input.is_over() {
            match input.byte() % OPERATIONS {
                DATA => self.data(&mut input, false),
                AGAIN => self.data(&mut input, true),
                SPM => self.spm(&mut input),
                NAK => self.nak(&mut input),
                PASS_TIME => self.pass_time(Duration::from_millis(input.number().into())),
                SEND => self.send(input.byte().into()),
                PACKET => {
                    let host = input.choose(&HOSTS);
                    let mut packet = input.bytes().to_vec();
                    if input.byte() & 1 == 0 {
                        mend(&mut packet);
                    }
                    self.hear(host, &packet);
                }
                _ => {
                    let session = usize::from(input.byte()) % SESSIONS.len();
                    let high = u32::from(input.number()) << 16;
                    self.next[session] = Sqn(high | u32::from(input.number()));
                }
            }
            self.sink.agrees_with(&self.receiver, self.now);
            let most = self.config.memory;
            assert!(self.receiver.memory_in_use() <= most, "more memory than it may have");
        }
        self.come_to_rest();
    }

    /// Which session, from where, the flags, and a number that is near the last, or not.
    fn choose(&mut self, input: &mut Input<'_>) -> (usize, IpAddr, u8, Sqn) {
        let session = usize::from(input.byte()) % SESSIONS.len();
        let host = HOSTS[(session + usize::from(input.byte())) % HOSTS.len()];
        let flags = input.byte();
        let scale = input.choose(&SCALES);
        let sqn = self.next[session].plus(signed(input.byte()).wrapping_mul(scale));
        (session, host, flags, sqn)
    }

    fn data(&mut self, input: &mut Input<'_>, again: bool) {
        let (session, host, flags, sqn) = self.choose(input);
        let trail = sqn.plus(signed(input.byte()));
        let (length, fill) = (usize::from(input.byte()) * 4, input.byte());
        let mut tsdu = vec![fill; length];
        if let Some(begin) = tsdu.first_chunk_mut() {
            // Most offsets lead somewhere in the data.
            *begin = if fill > 200 { [0xFF; 2] } else { [0, fill] };
        }
        let body = DataBody { sqn, trail, tsdu: &tsdu };
        let body = if again { Body::Rdata(body) } else { Body::Odata(body) };
        let mut packet = self.downstream(session, flags, body);
        if flags & FRAGMENTED != 0 {
            let (before, all) = (u32::from(input.byte()), u32::from(input.byte()));
            let length = length as u32;
            let first = sqn.minus(before);
            let fragment = Fragment { first, offset: before * length, length: all * length };
            packet.options.fragment = Some(fragment);
        }
        self.next[session] = sqn.next();
        self.hear(host, &written(&packet));
    }

    fn spm(&mut self, input: &mut Input<'_>) {
        let (session, host, flags, next) = self.choose(input);
        let trail = next.plus(signed(input.byte()));
        let path = input.choose(&PATHS);
        let sqn = self.spm[session];
        self.spm[session] = sqn.next();
        let body = Body::Spm { sqn, trail, lead: next.minus(1), path };
        let packet = written(&self.downstream(session, flags, body));
        self.hear(host, &packet);
    }

    fn downstream<'a>(&self, session: usize, flags: u8, body: Body<'a>) -> Packet<'a> {
        let port = self.config.data_port + u16::from(flags & OTHER_PORT != 0);
        let mut packet = Packet::downstream(SESSIONS[session], port, body);
        packet.options.fin = flags & FIN != 0;
        packet.options.rst = (flags & RST != 0).then_some(0);
        packet.parity = flags & PARITY != 0;
        packet
    }

    /// NAKs and NNAKs of other receivers, NCFs, and SPMRs.
    fn nak(&mut self, input: &mut Input<'_>) {
        let (session, host, flags, sqn) = self.choose(input);
        let step = signed(input.byte());
        let numbers: Vec<[u8; 4]> = (1..u32::from(input.byte() % 64))
            .map(|at| sqn.plus(at.wrapping_mul(step)).0.to_be_bytes())
            .collect();
        let (tsi, port) = (SESSIONS[session], self.config.data_port);
        let body = NakBody { sqn, source: SOURCE_HOST, group: GROUP };
        let mut packet = match flags % 6 {
            0 => Packet::upstream(tsi, port, Body::Nak(body)),
            1 => Packet::upstream(tsi, port, Body::Nnak(body)),
            2 => Packet::upstream(tsi, port, Body::Spmr),
            _ => Packet::downstream(tsi, port, Body::Ncf(body)),
        };
        packet.options.nak_list = NakList::new(&numbers);
        self.hear(host, &written(&packet));
    }

    fn hear(&mut self, host: IpAddr, bytes: &[u8]) {
        if let Ok(packet) = Packet::parse(bytes)
            && let Body::Odata(data) | Body::Rdata(data) = packet.body
        {
            self.sink.said(packet.tsi(), &data, packet.options.fragment);
        }
        self.receiver.on_packet(self.now, SocketAddr::new(host, 9), bytes, &mut self.sink);
    }

    fn pass_time(&mut self, time: Duration) {
        self.now += time;
        self.receiver.on_timeout(self.now, &mut self.sink);
        assert!(self.receiver.timeout().is_none_or(|at| at > self.now), "time stands still");
    }

    /// Sends at most so many packets.
    fn send(&mut self, most: usize) {
        for _ in 0..most {
            let Some(upstream) = self.receiver.transmit(self.now) else { return };
            check(&upstream, &self.config, &self.sink);
        }
    }

    /// Nobody says anything more: all that is missing is lost in the end, and all sources are forgotten.
    fn come_to_rest(mut self) {
        let end = self.now + 2 * self.config.expiry;
        while let Some(at) = self.receiver.timeout() {
            self.pass_time(at.saturating_duration_since(self.now));
            self.send(usize::MAX);
            assert!(self.now < end, "it never forgets");
        }
        assert!(self.sink.is_over());
        assert_eq!(
            (self.receiver.memory_in_use(), self.receiver.reports(self.now).count()),
            (0, 0)
        );
    }
}

/// What a receiver sends is well-formed, and asks for what is missing.
fn check(upstream: &Upstream<'_>, config: &PgmReceiverConfig, sink: &StrictPgmSink) {
    let packet = well_formed(upstream.bytes);
    assert_eq!(packet.data_port(), config.data_port);
    match packet.body {
        Body::Nak(body) => {
            assert!(upstream.to == UpstreamTo::Host(body.source) && upstream.router_alert);
            assert!(body.group == GROUP && !body.source.is_multicast());
            let numbers: Vec<Sqn> = packet.numbers(body.sqn).collect();
            let different: BTreeSet<u32> = numbers.iter().map(|sqn| sqn.0).collect();
            assert_eq!(different.len(), numbers.len(), "asked for twice");
            numbers.iter().for_each(|sqn| sink.asked(packet.tsi(), *sqn));
        }
        Body::Spmr => assert!(!upstream.router_alert),
        other => panic!("{other:?}"),
    }
}

/// A byte as a number from -128 to 127, which is added to others.
fn signed(byte: u8) -> u32 {
    i32::from(byte.cast_signed()).cast_unsigned()
}

/// Sources as they should be, with losses that are repaired, told of or neither; all captured packets, in a row,
/// alone, and in the middle of what is missing.
pub fn seeds() -> Vec<Vec<u8>> {
    // Session, host, flags, scale, number, trail, length, and what is in the data.
    let data = |of: u8, kind: u8, at: u8, fill: u8| [kind, of, 0, 0, 0, at, 0, 6, fill];
    // The window of an SPM begins where the last data ended.
    let spm = |of: u8, flags: u8, at: u8| [SPM, of, 0, flags, 0, at, 0_u8.wrapping_sub(at), of % 2];
    let send = [SEND, 255];
    let wait = [PASS_TIME, 60, 0];
    let mut seeds = Vec::new();
    let captured = captured();
    for port in [0, 1] {
        let packets = captured.iter().map(|packet| {
            let from = 1 - u8::from(packet[..2] == SOURCE.port.to_be_bytes());
            [&[PACKET, from], &counted(packet)[..], &[0], &send].concat()
        });
        let packets: Vec<_> = packets.collect();
        seeds.push([&[port, 0], &packets.concat()[..]].concat());
        for packet in &packets {
            let gap = [&data(port, DATA, 0, 0)[..], &spm(port, 0, 9), packet, &wait, &send];
            seeds.push([&[port | 8, 0], &gap.concat()[..]].concat());
        }
    }
    for of in 0..4 {
        let begin = [&spm(of, 0, 0)[..], &data(of, DATA, 0, 0), &data(of, DATA, 0, 201)].concat();
        let gap =
            [&data(of, DATA, 2, 0)[..], &wait, &send, &[NAK, of, 0, 3, 0, 253, 1, 2]].concat();
        let repaired = [&data(of, AGAIN, 253, 7)[..], &data(of, AGAIN, 0, 7)].concat();
        let end = [&spm(of, FIN, 0)[..], &wait, &send].concat();
        let late = [&wait[..], &send, &[PASS_TIME, 250, 0], &send].concat().repeat(9);
        for settings in [0, 4, 8, 12, 16, 32, 48, 64, 128] {
            for middle in [&repaired, &late, &gap.repeat(30)] {
                let parts = [&[settings, settings][..], &begin, &gap, middle, &begin, &end];
                seeds.push(parts.concat());
            }
        }
        let fragment = |before: u8| {
            let mut packet = data(of, DATA, 0, 0).to_vec();
            packet[3] = FRAGMENTED;
            [packet, vec![before, 3]].concat()
        };
        let fragments = [fragment(0), fragment(1), fragment(2), fragment(0), fragment(2)].concat();
        seeds.push([&[0, 0], &begin[..], &fragments, &gap, &repaired, &end].concat());
        for path in 0..PATHS.len() as u8 {
            let mut told = spm(of, 0, 9);
            told[7] = path;
            let parts = [&[0, 0], &data(of, DATA, 0, 0)[..], &told, &late];
            seeds.push(parts.concat());
        }
        let jump = [JUMP, of, 0xFF, 0xFF, 0xFD, 0xFF];
        seeds.push([&[0, 0], &jump[..], &begin, &gap, &repaired, &jump, &begin, &end].concat());
    }
    seeds
}
