//! What a receiver delivers, what it asks for, and what it does not let others do.
#![allow(clippy::unwrap_used)]

use core::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ringmq_pgm::{
    Body, DataBody, Fragment, Gsi, LossReason, NakBody, NakList, Packet, PgmReceiver,
    PgmReceiverConfig, PgmSink, ReceiveCounters, SourceEnd, SourceHandle, Sqn, Tsi, UpstreamTo,
};

const MS: Duration = Duration::from_millis(1);
const SESSION: Tsi = Tsi { gsi: Gsi([1, 2, 3, 4, 5, 6]), port: 7 };
const PORT: u16 = 5555;
const HOST: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1));
const OTHER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 2));
const GROUP: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(239, 192, 1, 1));

/// Writes down what it is told.
#[derive(Default)]
struct Log(Vec<String>);

impl PgmSink for Log {
    fn began(&mut self, source: SourceHandle, session: Tsi) {
        self.0.push(format!("{} began: {}", source.index(), session.port));
    }
    fn data(&mut self, source: SourceHandle, sqn: Sqn, tsdu: &[u8]) {
        self.0.push(format!("{} {sqn} {}", source.index(), String::from_utf8_lossy(tsdu)));
    }
    fn lost(&mut self, source: SourceHandle, first: Sqn, count: u32, reason: LossReason) {
        self.0.push(format!("{} lost {first}+{count}: {reason:?}", source.index()));
    }
    fn ended(&mut self, source: SourceHandle, end: SourceEnd) {
        self.0.push(format!("{} ended: {end:?}", source.index()));
    }
}

/// A receiver, and a time that is told to it.
struct Bench {
    receiver: PgmReceiver,
    log: Log,
    start: Instant,
    now: Instant,
    from: IpAddr,
    spm: u32,
}

impl Bench {
    fn new(change: impl FnOnce(&mut PgmReceiverConfig)) -> Self {
        let mut config = PgmReceiverConfig::new(GROUP, PORT);
        change(&mut config);
        let now = Instant::now();
        let (receiver, log) = (PgmReceiver::new(config, 1), Log::default());
        Bench { receiver, log, start: now, now, from: HOST, spm: 0 }
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.write(&mut bytes);
        let from = SocketAddr::new(self.from, 40_000);
        self.receiver.on_packet(self.now, from, &bytes, &mut self.log);
    }

    /// Packets of a session with the same trail.
    fn data_of(&mut self, session: Tsi, trail: u32, sqns: impl IntoIterator<Item = u32>) {
        for sqn in sqns {
            let tsdu = format!("#{sqn}");
            let data = DataBody { sqn: Sqn(sqn), trail: Sqn(trail), tsdu: tsdu.as_bytes() };
            self.packet(&Packet::downstream(session, PORT, Body::Odata(data)));
        }
    }

    fn data(&mut self, sqns: impl IntoIterator<Item = u32>) {
        self.data_of(SESSION, 0, sqns);
    }

    fn spm(&mut self, trail: u32, lead: u32, change: impl FnOnce(&mut Packet<'_>)) {
        let (sqn, trail, lead) = (Sqn(self.spm), Sqn(trail), Sqn(lead));
        let body = Body::Spm { sqn, trail, lead, path: HOST };
        let mut packet = Packet::downstream(SESSION, PORT, body);
        change(&mut packet);
        self.packet(&packet);
        self.spm += 1;
    }

    /// A NAK of another receiver, or an NCF.
    fn nak(&mut self, confirms: bool, numbers: &[u32]) {
        let body = NakBody { sqn: Sqn(numbers[0]), source: HOST, group: GROUP };
        let list: Vec<_> = numbers[1..].iter().map(|number| number.to_be_bytes()).collect();
        let mut packet = match confirms {
            true => Packet::downstream(SESSION, PORT, Body::Ncf(body)),
            false => Packet::upstream(SESSION, PORT, Body::Nak(body)),
        };
        packet.options.nak_list = NakList::new(&list);
        self.packet(&packet);
    }

    /// What was told since the last call.
    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log.0)
    }

    /// Lets time go on for as long, and returns what was sent with its milliseconds.
    fn pass(&mut self, time: Duration) -> Vec<String> {
        let (until, mut sent) = (self.now + time, self.sent());
        while let Some(at) = self.receiver.timeout().filter(|at| *at <= until) {
            assert!(at >= self.now);
            self.now = at;
            self.receiver.on_timeout(at, &mut self.log);
            sent.extend(self.sent());
        }
        self.now = until;
        sent
    }

    fn sent(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(upstream) = self.receiver.transmit(self.now) {
            let packet = Packet::parse(upstream.bytes).unwrap();
            assert_eq!(packet.data_port(), PORT);
            texts.push(match packet.body {
                Body::Spmr => format!("spmr to {:?}", upstream.to),
                Body::Nak(body) => {
                    assert_eq!((body.source, body.group), (HOST, GROUP));
                    assert_eq!(upstream.to, UpstreamTo::Host(HOST));
                    assert!(upstream.router_alert);
                    let numbers = packet.numbers(body.sqn).map(|sqn| format!(" {sqn}"));
                    format!("nak{}", numbers.collect::<String>())
                }
                other => panic!("{other:?}"),
            });
        }
        texts
    }

    fn counters(&self) -> ReceiveCounters {
        *self.receiver.reports(self.now).next().unwrap().counters
    }
}

#[test]
fn data_come_in_order_and_a_hole_is_asked_for() {
    let mut bench = Bench::new(|_| ());
    bench.spm(u32::MAX - 9, u32::MAX - 2, |_| ());
    assert_eq!(bench.told(), ["0 began: 7"]);
    bench.data_of(SESSION, u32::MAX - 9, [u32::MAX - 1]);
    bench.data_of(SESSION, u32::MAX - 9, [2, 3, 3, 6, 0]);
    assert_eq!(bench.told(), ["0 4294967294 #4294967294"]);
    // Three holes, of which each is found before it is the time of the first: one NAK, and the next one, too.
    assert_eq!(bench.pass(50 * MS), ["nak 4294967295 1 4 5"]);
    assert_eq!(bench.pass(250 * MS), ["nak 4294967295 1 4 5"]);
    bench.data_of(SESSION, u32::MAX - 9, [u32::MAX, 1]);
    let told = bench.told();
    assert_eq!(told.first().unwrap(), "0 4294967295 #4294967295");
    assert_eq!(told[1..], ["0 0 #0", "0 1 #1", "0 2 #2", "0 3 #3"]);
    let report = bench.receiver.reports(bench.now).next().unwrap();
    assert_eq!((report.missing, report.held, report.path), (2, 1, Some(HOST)));
    let line =
        "010203040506:7 at 10.0.0.1:40000: 7 packets (32 bytes), 0 repaired, 0 lost, 1 duplicates,";
    assert!(report.to_string().starts_with(line), "{report}");
}

#[test]
fn one_nak_asks_for_many_and_the_next_for_the_rest() {
    let mut bench = Bench::new(|config| config.window = 1000);
    bench.spm(0, 0, |_| ());
    bench.data([101]);
    let sent = bench.pass(50 * MS);
    let list = |numbers: std::ops::RangeInclusive<u32>| {
        numbers.map(|number| format!(" {number}")).collect::<String>()
    };
    assert_eq!(sent, [format!("nak{}", list(1..=63)), format!("nak{}", list(64..=100))]);
    assert_eq!((bench.counters().naks, bench.counters().nak_numbers), (2, 100));
}

#[test]
fn an_ncf_is_awaited_and_then_the_data_and_in_the_end_they_are_lost() {
    let mut bench = Bench::new(|config| (config.ncf_retries, config.rdata_retries) = (2, 2));
    bench.spm(0, 0, |_| ());
    bench.data([2]);
    bench.told();
    // No NCF: three NAKs, and each is given 200 ms.
    assert_eq!(bench.pass(5_000 * MS), ["nak 1"; 3]);
    assert_eq!(bench.told(), ["0 lost 1+1: Unconfirmed", "0 2 #2"]);
    // NCFs, but no data.
    bench.data([4]);
    let mut naks = 0;
    while bench.log.0.is_empty() {
        if bench.pass(MS) == ["nak 3"] {
            naks += 1;
            bench.nak(true, &[3]);
        }
    }
    assert_eq!((naks, bench.told()), (3, vec!["0 lost 3+1: Unrepaired".into(), "0 4 #4".into()]));
}

#[test]
fn who_hears_that_others_ask_does_not() {
    for confirms in [true, false] {
        let mut bench = Bench::new(|_| ());
        bench.spm(0, 0, |_| ());
        bench.data([5]);
        bench.nak(confirms, &[1, 2, 3, 4]);
        assert_eq!(bench.pass(199 * MS), [""; 0], "{confirms}");
        assert_eq!(bench.pass(51 * MS), ["nak 1 2 3 4"]);
    }
}

#[test]
fn without_a_path_an_spm_is_asked_for_and_then_the_data() {
    let mut bench = Bench::new(|_| ());
    bench.data([0, 2]);
    let spmrs = ["spmr to Host(10.0.0.1)", "spmr to Group"];
    assert_eq!(bench.pass(24 * MS), [""; 0]);
    assert_eq!(bench.pass(MS), spmrs);
    // Another receiver asks too.
    assert_eq!(bench.pass(40 * MS), [""; 0]);
    bench.packet(&Packet::upstream(SESSION, PORT, Body::Spmr));
    assert_eq!(bench.pass(49 * MS), [""; 0]);
    assert_eq!(bench.pass(MS), spmrs);
    bench.spm(0, 2, |_| ());
    assert_eq!(bench.sent(), ["nak 1"], "it has waited for long enough");
    assert_eq!(bench.pass(20 * MS), [""; 0]);

    let mut bench = Bench::new(|_| ());
    bench.data([0]);
    let sent = bench.pass(299_000 * MS);
    assert_eq!(sent.len(), 16, "{sent:?}");
}

#[test]
fn the_first_packet_begins_the_window_and_nothing_before_it_is_asked_for() {
    let mut bench = Bench::new(|_| ());
    bench.data([100, 101]);
    bench.spm(0, 101, |_| ());
    bench.data([99]);
    assert_eq!(bench.told(), ["0 began: 7", "0 100 #100", "0 101 #101"]);
    assert_eq!(bench.pass(1000 * MS), [""; 0]);
    assert_eq!(bench.counters().duplicates, 1);
}

#[test]
fn an_spm_tells_of_data_that_are_missing_and_of_those_that_are_lost() {
    let mut bench = Bench::new(|_| ());
    bench.data([0]);
    bench.spm(0, 3, |_| ());
    assert_eq!(bench.pass(50 * MS), ["nak 1 2 3"]);
    bench.data([3]);
    bench.spm(3, 5, |_| ());
    assert_eq!(bench.told()[2..], ["0 lost 1+2: TrailPassed", "0 3 #3"]);
    // Older SPMs say nothing new.
    bench.spm = 0;
    bench.spm(9, 9, |_| ());
    assert_eq!(bench.told(), [""; 0]);
    // Data have a trail too.
    bench.data_of(SESSION, 6, [6]);
    assert_eq!(bench.told(), ["0 lost 4+2: TrailPassed", "0 6 #6"]);
    assert_eq!(bench.counters().lost, 4);
}

#[test]
fn a_window_that_is_too_small_loses_the_oldest() {
    let mut bench = Bench::new(|config| config.window = 4);
    bench.data([0, 2, 3, 5]);
    assert_eq!(
        bench.told(),
        ["0 began: 7", "0 0 #0", "0 lost 1+1: WindowFull", "0 2 #2", "0 3 #3"]
    );
}

#[test]
fn a_jump_is_believed_if_two_packets_agree() {
    let mut bench = Bench::new(|config| config.window = 10);
    bench.data([0]);
    // One forged packet, or several apart, do nothing.
    bench.data([1_000_000, 1, 2_000_000, 3_000_000, 3_000_000, 2]);
    assert_eq!(bench.told()[1..], ["0 0 #0", "0 1 #1", "0 2 #2"]);
    assert_eq!(bench.receiver.memory_in_use(), 0);
    bench.spm(0, 1_000_000, |_| ());
    bench.data([3]);
    assert_eq!(bench.told(), ["0 3 #3"]);
    assert_eq!(bench.counters().strays, 5);
    // Two in a row.
    bench.data([5_000_000, 5_000_001]);
    assert_eq!(bench.told(), ["0 lost 4+4999988: WindowFull"]);
    assert!(bench.receiver.memory_in_use() < 1000);
    bench.data(4_999_992..=5_000_000);
    let told = bench.told();
    assert_eq!((told.len(), told.last().unwrap().as_str()), (10, "0 5000001 #5000001"));
    // Numbers that go back are old.
    bench.data([3, 4, 5]);
    assert_eq!((bench.told(), bench.counters().duplicates), (vec![], 3));
}

#[test]
fn a_session_ends_when_all_is_delivered_and_what_comes_late_begins_no_other() {
    let mut bench = Bench::new(|_| ());
    bench.spm(0, u32::MAX, |_| ());
    bench.data([0, 2]);
    bench.spm(0, 2, |packet| packet.options.fin = true);
    assert_eq!(bench.told(), ["0 began: 7", "0 0 #0"]);
    bench.data([1]);
    assert_eq!(bench.told(), ["0 1 #1", "0 2 #2", "0 ended: Fin"]);
    bench.data([1, 2, 3]);
    bench.spm(0, 2, |packet| packet.options.fin = true);
    assert_eq!((bench.told(), bench.pass(299_000 * MS)), (vec![], vec![]));
    assert_eq!(bench.receiver.reports(bench.now).count(), 1);
    bench.pass(2_000 * MS);
    assert_eq!((bench.receiver.reports(bench.now).count(), bench.told()), (0, vec![]));
    // One who comes to the end hears nothing.
    bench.spm(0, 2, |packet| packet.options.fin = true);
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn a_reset_ends_a_session_with_what_is_there() {
    let mut bench = Bench::new(|_| ());
    bench.data([0, 2, 4]);
    bench.spm(0, 5, |packet| packet.options.rst = Some(1));
    let losses = ["0 lost 1+1: SourceEnded", "0 2 #2", "0 lost 3+1: SourceEnded", "0 4 #4"];
    let told = bench.told();
    assert_eq!(told[2..6], losses);
    assert_eq!(told[6..], ["0 lost 5+1: SourceEnded", "0 ended: Reset"]);
    assert_eq!(bench.receiver.memory_in_use(), 0);
}

#[test]
fn a_silent_source_is_forgotten_and_may_come_again() {
    let mut bench = Bench::new(|_| ());
    bench.spm(0, 0, |_| ());
    bench.now += 200_000 * MS;
    bench.data([1]);
    bench.pass(299_999 * MS);
    assert_eq!(bench.told(), ["0 began: 7", "0 1 #1"]);
    bench.pass(MS);
    assert_eq!(bench.told(), ["0 ended: Expired"]);
    assert_eq!((bench.receiver.timeout(), bench.receiver.totals().expired), (None, 1));
    bench.data([500]);
    assert_eq!(bench.told(), ["0 began: 7", "0 500 #500"]);
    assert_eq!(bench.now.duration_since(bench.start), 500_000 * MS);
}

#[test]
fn packets_of_a_session_from_another_address_are_ignored() {
    let mut bench = Bench::new(|_| ());
    bench.spm(0, 0, |_| ());
    bench.from = OTHER;
    bench.data([1, 2]);
    bench.spm(9, 9, |packet| packet.options.rst = Some(1));
    assert_eq!((bench.told().len(), bench.counters().impostors), (1, 3));
    // Other receivers have other addresses.
    bench.nak(false, &[1]);
    assert_eq!((bench.counters().foreign_naks, bench.counters().impostors), (1, 3));
}

#[test]
fn packets_that_contradict_themselves_are_ignored() {
    let mut bench = Bench::new(|_| ());
    bench.data_of(SESSION, 5, [4]);
    bench.spm(9, 7, |_| ());
    assert_eq!(bench.receiver.totals().malformed, 2);
    bench.data([0]);
    bench.data_of(SESSION, 5, [1]);
    bench.spm(9, 7, |_| ());
    for path in [GROUP, IpAddr::from([0; 4]), IpAddr::from([255; 4])] {
        bench.spm(0, 7, |packet| {
            let number = Sqn(0);
            packet.body = Body::Spm { sqn: number, trail: number, lead: Sqn(7), path };
        });
    }
    assert_eq!((bench.told().len(), bench.counters().malformed), (2, 5));
    let nobody = SocketAddr::new(HOST, 1);
    bench.receiver.on_packet(bench.now, nobody, b"noise", &mut bench.log);
    assert_eq!(bench.receiver.totals().malformed, 3);
    assert!(bench.receiver.totals().last_fault.is_some());
}

#[test]
fn what_is_for_others_begins_no_source() {
    let mut bench = Bench::new(|_| ());
    bench.nak(false, &[1]);
    bench.nak(true, &[1]);
    for packet in [
        Packet::upstream(SESSION, PORT, Body::Spmr),
        Packet::downstream(SESSION, PORT, Body::Poll),
        Packet::downstream(SESSION, PORT + 1, Body::Spmr),
    ] {
        bench.packet(&packet);
    }
    let data = DataBody { sqn: Sqn(0), trail: Sqn(0), tsdu: b"" };
    let parity = Packet::downstream(SESSION, PORT, Body::Odata(data));
    bench.packet(&Packet { parity: true, ..parity });
    let totals = bench.receiver.totals();
    assert_eq!((totals.ignored, totals.elsewhere, totals.sources), (5, 1, 0));
}

#[test]
fn sources_that_were_never_heard_again_make_room_before_others() {
    let mut bench = Bench::new(|config| config.sources = 3);
    bench.data_of(SESSION, 0, [0, 1, 3]);
    for port in 100..200 {
        bench.now += MS;
        bench.data_of(Tsi { port, ..SESSION }, 0, [5]);
    }
    let reports: Vec<u16> =
        bench.receiver.reports(bench.now).map(|report| report.session.port).collect();
    assert_eq!((reports.len(), reports[0], reports.contains(&199)), (3, 7, true));
    assert_eq!(bench.receiver.totals().evicted, 98);
    bench.told();
    // There are only such that were: the one that is silent for longest goes, with what it has.
    bench.now += MS;
    (198..200).for_each(|port| bench.data_of(Tsi { port, ..SESSION }, 0, [6]));
    bench.told();
    bench.data_of(Tsi { port: 9, ..SESSION }, 0, [0]);
    let told = bench.told();
    let goes = ["0 lost 2+1: SourceEnded", "0 3 #3", "0 ended: Evicted", "0 began: 9", "0 0 #0"];
    assert_eq!(told, goes);
}

#[test]
fn what_there_is_no_memory_for_is_asked_for_again() {
    let mut bench = Bench::new(|config| config.memory = 1000);
    bench.spm(0, 0, |_| ());
    bench.data(2..20);
    let refused = bench.counters().refused;
    assert!(refused > 0 && bench.receiver.memory_in_use() <= 1000);
    // The next packet always has room.
    bench.data([1]);
    assert_eq!(bench.told().len() as u64, 1 + 19 - refused);
    assert_eq!(bench.receiver.memory_in_use(), 0);
    bench.spm(0, 19, |_| ());
    let naks = bench.pass(50 * MS);
    assert_eq!(naks.len(), 1);
    assert_eq!(naks[0].split(' ').count() as u64 - 1, refused);
}

#[test]
fn fragments_are_put_together_and_their_size_is_bounded() {
    let mut bench = Bench::new(|config| config.max_apdu = 10);
    let fragments: [(u32, u32, u32, &[u8]); 12] = [
        // Three parts.
        (0, 0, 6, b"ab"),
        (0, 2, 6, b"cd"),
        (0, 4, 6, b"ef"),
        // One part.
        (3, 0, 2, b"gh"),
        // It is not complete, since another begins, and that has a hole.
        (4, 0, 4, b"ij"),
        (5, 0, 4, b"kl"),
        (5, 3, 4, b"m"),
        // More than it says.
        (7, 0, 3, b"no"),
        (7, 2, 3, b"pq"),
        // More than is allowed; and a part of what never began.
        (9, 0, 11, b"rs"),
        (9, 2, 11, b"tu"),
        (2, 0, 1, b"v"),
    ];
    for (sqn, (first, offset, length, tsdu)) in (0..).zip(fragments) {
        let data = DataBody { sqn: Sqn(sqn), trail: Sqn(0), tsdu };
        let mut packet = Packet::downstream(SESSION, PORT, Body::Odata(data));
        packet.options.fragment = Some(Fragment { first: Sqn(first), offset, length });
        bench.packet(&packet);
    }
    bench.data([12]);
    let lost = |first: u32| format!("0 lost {first}+1: Fragments");
    let mut expected = vec!["0 began: 7".into(), "0 0 abcdef".into(), "0 3 gh".into()];
    expected.extend((4..12).map(lost));
    expected.push("0 12 #12".into());
    assert_eq!(bench.told(), expected);
    assert_eq!((bench.counters().lost, bench.receiver.memory_in_use()), (8, 0));
}

#[test]
fn extreme_settings_do_no_harm() {
    for time in [Duration::ZERO, Duration::MAX] {
        let mut bench = Bench::new(|config| {
            (config.nak_back_off, config.ncf_wait, config.rdata_wait) = (time, time, time);
            (config.expiry, config.spm_wait) = (time, time);
            (config.window, config.memory, config.sources) = (0, 0, 0);
            (config.ncf_retries, config.rdata_retries, config.spm_requests) = (0, 0, 0);
        });
        bench.spm(0, 0, |_| ());
        bench.data([1, 2, 4, 5]);
        bench.data_of(Tsi { port: 9, ..SESSION }, 0, [1]);
        bench.pass(10_000 * MS);
        assert!(bench.receiver.memory_in_use() < 1000);
    }
}
