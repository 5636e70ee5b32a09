//! What a source sends, and when.
#![allow(clippy::unwrap_used)]

use core::net::IpAddr;
use std::time::{Duration, Instant};

use ringmq_pgm::{
    Body, Gsi, NakBody, NakList, Packet, PacketKind, PgmSource, PgmSourceConfig, Sqn, TransmitRoom,
    Tsi,
};

const MS: Duration = Duration::from_millis(1);
const SESSION: Tsi = Tsi { gsi: Gsi([1, 2, 3, 4, 5, 6]), port: 7 };
const PORT: u16 = 5555;
const HOST: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1));
const GROUP: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(239, 192, 1, 1));

fn config() -> PgmSourceConfig {
    PgmSourceConfig::new(SESSION, PORT, HOST, GROUP)
}

/// A source whose first SPMs are sent.
fn source(config: PgmSourceConfig, now: Instant) -> PgmSource {
    let mut source = PgmSource::new(config, now);
    assert_eq!(drain(&mut source, now, 9), ["spm 0 0..-1", "spm 1 0..-1", "spm 2 0..-1"]);
    source
}

/// What is sent now, as texts: runs of data with what they are and their numbers.
fn drain(source: &mut PgmSource, now: Instant, most: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(transmission) = source.transmit(now, most) {
        let packets = transmission.run.len();
        let mut text = String::new();
        for bytes in transmission.run.iter() {
            let packet = Packet::parse(bytes).unwrap();
            assert_eq!((packet.tsi(), packet.data_port()), (SESSION, PORT));
            let number = |sqn: Sqn| sqn.0.cast_signed();
            text += &match packet.body {
                Body::Spm { sqn, trail, lead, path } => {
                    assert_eq!(path, HOST);
                    let fin = if packet.options.fin { " fin" } else { "" };
                    format!("spm {sqn} {}..{}{fin}", number(trail), number(lead))
                }
                Body::Odata(data) => format!("o{} ", data.sqn),
                Body::Rdata(data) => format!("r{}/{} ", data.sqn, data.trail),
                Body::Ncf(body) => {
                    assert_eq!((body.source, body.group), (HOST, GROUP));
                    let numbers = packet.numbers(body.sqn).map(|sqn| format!(" {sqn}"));
                    format!("ncf{}", numbers.collect::<String>())
                }
                other => panic!("{other:?}"),
            };
        }
        texts.push(text.trim_end().to_string());
        source.sent(now, packets);
    }
    texts
}

fn push(source: &mut PgmSource, now: Instant, length: usize) {
    source.slot(now).expect("room")[..length].fill(1);
    source.commit(length);
}

fn nak(numbers: &[u32]) -> Vec<u8> {
    let body = NakBody { sqn: Sqn(numbers[0]), source: HOST, group: GROUP };
    write(&Packet::upstream(SESSION, PORT, Body::Nak(body)), &numbers[1..])
}

fn write(packet: &Packet<'_>, others: &[u32]) -> Vec<u8> {
    let list: Vec<[u8; 4]> = others.iter().map(|number| number.to_be_bytes()).collect();
    let mut packet = *packet;
    packet.options.nak_list = NakList::new(&list);
    let mut bytes = Vec::new();
    packet.write(&mut bytes);
    bytes
}

#[test]
fn a_packet_takes_as_much_as_one_of_libzmq() {
    let source = PgmSource::new(config(), Instant::now());
    assert_eq!(source.capacity(), 1428);
}

#[test]
fn spms_follow_data_in_growing_intervals_and_come_every_half_minute() {
    let start = Instant::now();
    let mut source = source(config(), start);
    assert_eq!(source.timeout(start), start + 30_000 * MS);
    push(&mut source, start, 10);
    assert_eq!(source.timeout(start), start);
    assert_eq!(drain(&mut source, start, 9), ["o0"]);
    let (mut now, mut times) = (start, Vec::new());
    for number in 3..14 {
        now = source.timeout(now);
        assert_eq!(drain(&mut source, now - MS, 9), [""; 0]);
        assert_eq!(drain(&mut source, now, 9), [format!("spm {number} 0..0")]);
        times.push(now.duration_since(start).as_millis());
    }
    let expected = [100, 200, 300, 400, 1700, 8700, 24_700, 49_700, 79_700, 109_700, 139_700];
    assert_eq!(times, expected);
    // New data begin it again, also if they only were sent again.
    source.on_packet(now, &nak(&[0]));
    assert_eq!(drain(&mut source, now, 9), ["ncf 0", "r0/0"]);
    assert_eq!(source.timeout(now), now + 100 * MS);
}

#[test]
fn data_that_flow_do_not_keep_ambient_spms_away() {
    let start = Instant::now();
    let mut source = source(config(), start);
    let mut spms = 0;
    for tick in 0..700 {
        let now = start + 90 * MS * tick;
        push(&mut source, now, 10);
        spms += drain(&mut source, now, 9).iter().filter(|text| text.starts_with("spm")).count();
    }
    assert_eq!(spms, 2);
}

#[test]
fn a_nak_is_answered_at_once_and_each_packet_is_sent_again_once() {
    let now = Instant::now();
    let mut source = source(config().with_rate(None), now);
    (0..6).for_each(|_| push(&mut source, now, 10));
    assert_eq!(drain(&mut source, now, 4), ["o0 o1 o2 o3", "o4 o5"]);
    for numbers in [&[1, 2, 4][..], &[2], &[0xFFFF_FFFF, 6]] {
        source.on_packet(now, &nak(numbers));
    }
    let expected = ["ncf 1 2 4", "ncf 2", "ncf 4294967295 6", "r1/0 r2/0", "r4/0"];
    assert_eq!(drain(&mut source, now, 9), expected);
    assert_eq!(drain(&mut source, now, 9), [""; 0]);
    let counters = source.counters();
    assert_eq!((counters.naks, counters.nak_numbers, counters.nak_numbers_idle), (3, 6, 3));
    assert_eq!((counters.repairs, counters.ncfs, counters.packets), (3, 3, 6));
    source.on_packet(now, &nak(&[1]));
    assert_eq!(drain(&mut source, now, 9), ["ncf 1", "r1/0"]);
}

#[test]
fn a_repair_that_leaves_the_window_before_it_is_told_of_takes_no_other_with_it() {
    let now = Instant::now();
    let config = PgmSourceConfig { window: 4, ..config().with_rate(None) };
    let mut source = source(config, now);
    (0..4).for_each(|_| push(&mut source, now, 10));
    drain(&mut source, now, 9);
    source.on_packet(now, &nak(&[0, 2]));
    assert_eq!(source.transmit(now, 9).unwrap().what, PacketKind::Ncf);
    source.sent(now, 1);
    assert_eq!(source.transmit(now, 9).unwrap().what, PacketKind::Rdata);
    // The packet is under way, and new data push it out of the window.
    push(&mut source, now, 10);
    source.sent(now, 1);
    assert_eq!(drain(&mut source, now, 9), ["r2/1", "o4"]);
    assert_eq!((source.counters().repairs, source.counters().repair_bytes), (2, 68));
}

#[test]
fn what_is_told_of_a_run_is_counted_as_it_is() {
    let now = Instant::now();
    let mut source = source(config().with_rate(None), now);
    [20, 20, 20, 10].into_iter().for_each(|length| push(&mut source, now, length));
    assert_eq!(source.transmit(now, 9).unwrap().run.len(), 4);
    // Others come while these are under way.
    push(&mut source, now, 10);
    source.sent(now, 2);
    assert_eq!((source.counters().packets, source.counters().bytes), (2, 88));
    assert_eq!(drain(&mut source, now, 9), ["o2 o3", "o4"]);
    assert_eq!((source.counters().packets, source.counters().bytes), (5, 200));
    source.on_packet(now, &nak(&[1, 2, 3]));
    assert_eq!(source.transmit(now, 9).unwrap().what, PacketKind::Ncf);
    source.sent(now, 1);
    assert_eq!(source.transmit(now, 9).unwrap().run.len(), 3);
    source.sent(now, 1);
    assert_eq!((source.counters().repairs, source.counters().repair_bytes), (1, 44));
    assert_eq!(drain(&mut source, now, 9), ["r2/0 r3/0"]);
    assert_eq!((source.counters().repairs, source.counters().repair_bytes), (3, 122));
}

#[test]
fn naks_for_others_are_refused() {
    let now = Instant::now();
    let mut source = source(config(), now);
    push(&mut source, now, 10);
    drain(&mut source, now, 9);
    let body = NakBody { sqn: Sqn(0), source: HOST, group: GROUP };
    let ours = Packet::upstream(SESSION, PORT, Body::Nak(body));
    let other = Tsi { port: 8, ..SESSION };
    let wrong_source = Body::Nak(NakBody { source: GROUP, ..body });
    let wrong_group = Body::Nak(NakBody { group: HOST, ..body });
    for (refused, packet) in [
        (0, Packet::upstream(other, PORT, Body::Nak(body))),
        (1, Packet::upstream(SESSION, PORT + 1, Body::Nak(body))),
        (1, Packet { body: wrong_source, ..ours }),
        (1, Packet { body: wrong_group, ..ours }),
        (1, Packet { parity: true, ..ours }),
        (0, Packet { body: Body::Nnak(body), ..ours }),
        (0, Packet { body: Body::Polr, ..ours }),
        (0, Packet::downstream(SESSION, PORT, Body::Ncf(body))),
    ] {
        let before = *source.counters();
        source.on_packet(now, &write(&packet, &[]));
        let after = source.counters();
        assert_eq!(after.naks_refused - before.naks_refused, refused, "{packet:?}");
        assert_eq!(after.ignored - before.ignored, 1 - refused, "{packet:?}");
    }
    source.on_packet(now, b"no packet");
    assert_eq!((source.counters().malformed, source.counters().naks), (1, 0));
    assert_eq!(drain(&mut source, now, 9), [""; 0]);
}

#[test]
fn an_spmr_brings_an_spm_but_many_bring_few() {
    let start = Instant::now();
    let mut source = source(config(), start);
    let spmr = write(&Packet::upstream(SESSION, PORT, Body::Spmr), &[]);
    let mut spms = 0;
    for millis in 1..=1000 {
        let now = start + MS * millis;
        source.on_packet(now, &spmr);
        spms += drain(&mut source, now, 9).len();
    }
    assert_eq!(spms, 50);
    assert_eq!(source.counters().spmrs, 1000);
}

#[test]
fn a_storm_of_naks_brings_no_more_than_its_rate_and_data_go_on() {
    let start = Instant::now();
    let config = PgmSourceConfig { repair_rate: Some(1_000_000), window: 1000, ..config() };
    let mut source = source(PgmSourceConfig { rate: None, ..config }, start);
    (0..1000).for_each(|_| push(&mut source, start, 1428));
    drain(&mut source, start, 64);
    let (mut repairs, mut data, mut ncfs) = (0, 0, 0);
    for millis in 0..1000 {
        let now = start + MS * millis;
        let trail = source.counters().packets as u32 - 1000;
        for first in (trail..trail + 1000).step_by(63) {
            source.on_packet(now, &nak(&(first..first + 63).collect::<Vec<_>>()));
        }
        push(&mut source, now, 1428);
        let mut turn = 0;
        while let Some(transmission) = source.transmit(now, 64) {
            let (what, packets) = (transmission.what, transmission.run.len());
            source.sent(now, packets);
            match what {
                PacketKind::Rdata => (repairs, turn) = (repairs + packets, turn + packets),
                PacketKind::Odata => {
                    assert!(turn <= 16, "repairs take turns with data");
                    data += packets;
                }
                PacketKind::Ncf => ncfs += 1,
                PacketKind::Spm => {}
            }
        }
    }
    assert_eq!(data, 1000);
    // A rate of 1 MB, and once what may be sent in a burst.
    assert!((600..=780).contains(&repairs), "{repairs}");
    assert!((600..=1400).contains(&ncfs), "{ncfs}");
    assert!(source.counters().ncfs_held_back > 10_000);
    assert!(source.counters().to_string().contains("NCFs held back"));
}

#[test]
fn repairs_take_half_of_the_rate_at_most_and_data_what_they_leave() {
    const RATE: u64 = 10_000_000;
    let start = Instant::now();
    // Whoever allows more repairs than that gets no more.
    let cases = [(0, None, 6600..=6900), (1, None, 5600..=6000), (63, None, 3300..=3600)];
    for (asked_each_ms, repair_rate, wanted) in
        cases.into_iter().chain([(63, Some(u64::MAX), 3300..=3600)])
    {
        let config = PgmSourceConfig { window: 1000, burst: Some(MS), ..config() };
        let config = PgmSourceConfig { repair_rate, ..config.with_rate(Some(RATE)) };
        let mut source = source(config, start);
        for tenths in 0..10_000 {
            let now = start + MS * tenths / 10;
            while source.room(now) == TransmitRoom::Open {
                push(&mut source, now, 1428);
                drain(&mut source, now, 64);
            }
            let sent = source.counters().packets as u32;
            if tenths % 10 == 0 && sent > 500 && asked_each_ms > 0 {
                source.on_packet(
                    now,
                    &nak(&(sent - 500..sent - 500 + asked_each_ms).collect::<Vec<_>>()),
                );
            }
            drain(&mut source, now, 64);
        }
        let counters = source.counters();
        assert!(wanted.contains(&counters.packets), "{asked_each_ms}: {counters:?}");
        let octets = (counters.packets + counters.repairs) * 1480;
        assert!((RATE * 95 / 100..=RATE * 102 / 100).contains(&octets), "{octets}");
    }
}

#[test]
fn the_rate_says_when_there_is_room() {
    let start = Instant::now();
    let mut source = source(config(), start);
    let mut now = start;
    let mut sent = 0;
    while now < start + 10_000 * MS {
        match source.room(now) {
            TransmitRoom::Open => push(&mut source, now, 1428),
            TransmitRoom::At(at) => {
                assert!(at > now && source.slot(now).is_none());
                now = at;
                continue;
            }
            other => panic!("{other:?}"),
        }
        sent += 1480;
        drain(&mut source, now, 9);
    }
    // Ten seconds at 12,500 octets, and one in the beginning.
    assert!((130_000..=137_500).contains(&sent), "{sent}");
}

#[test]
fn what_is_not_sent_fills_the_window_and_comes_again() {
    let now = Instant::now();
    let config = PgmSourceConfig { window: 4, ..config().with_rate(None) };
    let mut source = source(config, now);
    (0..4).for_each(|_| push(&mut source, now, 10));
    assert_eq!((source.room(now), source.unsent()), (TransmitRoom::AfterSend, 4));
    for _ in 0..3 {
        assert_eq!(source.transmit(now, 9).unwrap().run.len(), 4);
        source.sent(now, 0);
    }
    assert_eq!(source.transmit(now, 9).unwrap().run.len(), 4);
    source.sent(now, 3);
    assert_eq!((source.room(now), source.unsent()), (TransmitRoom::Open, 1));
    // Data that were not sent cannot be sent again.
    source.on_packet(now, &nak(&[3]));
    assert_eq!(drain(&mut source, now, 9), ["ncf 3", "o3"]);
}

#[test]
fn a_session_ends_with_three_spms_after_its_data_and_repairs_go_on() {
    let start = Instant::now();
    let mut source = source(config(), start);
    push(&mut source, start, 10);
    source.close();
    assert_eq!((source.room(start), source.is_closed()), (TransmitRoom::Closed, false));
    assert!(source.slot(start).is_none());
    let spms = ["o0", "spm 3 0..0 fin", "spm 4 0..0 fin", "spm 5 0..0 fin"];
    assert_eq!(drain(&mut source, start, 9), spms);
    assert!(source.is_closed());
    source.on_packet(start, &nak(&[0]));
    assert_eq!(drain(&mut source, start, 9), ["ncf 0", "r0/0"]);
    let now = source.timeout(start);
    assert_eq!(now, start + 100 * MS);
    assert_eq!(drain(&mut source, now, 9), ["spm 6 0..0 fin"]);
}

#[test]
fn extreme_settings_do_no_harm() {
    let now = Instant::now();
    let config = PgmSourceConfig {
        max_tpdu: 0,
        rate: Some(0),
        repair_rate: Some(0),
        window: 0,
        window_bytes: 0,
        ambient_spm: Duration::MAX,
        heartbeat_spm: vec![Duration::MAX],
        requested_spm: Duration::MAX,
        ..config()
    };
    let mut source = PgmSource::new(config, now);
    assert_eq!(source.capacity(), 1);
    push(&mut source, now, 1);
    assert_eq!(drain(&mut source, now, 0).len(), 4);
    source.on_packet(now, &nak(&[0]));
    source.on_packet(now, &write(&Packet::upstream(SESSION, PORT, Body::Spmr), &[]));
    drain(&mut source, now, usize::MAX);
    source.timeout(now);
}
