//! No packet makes a receiver take more memory than it may have, and all of it is given back.
#![allow(clippy::unwrap_used)]

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use ringmq_pgm::{
    Body, DataBody, Fragment, Gsi, LossReason, NakBody, NakList, Packet, PgmReceiver,
    PgmReceiverConfig, PgmSink, SourceHandle, Sqn, Tsi,
};

const MS: Duration = Duration::from_millis(1);
const SESSION: Tsi = Tsi { gsi: Gsi([1, 2, 3, 4, 5, 6]), port: 7 };
const PORT: u16 = 5555;
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 192, 1, 1));

/// Counts what it is told.
#[derive(Default)]
struct Counts {
    delivered: Vec<u32>,
    lost: u32,
}

impl PgmSink for Counts {
    fn data(&mut self, _source: SourceHandle, sqn: Sqn, _tsdu: &[u8]) {
        self.delivered.push(sqn.0);
    }
    fn lost(&mut self, _source: SourceHandle, _first: Sqn, count: u32, _reason: LossReason) {
        self.lost += count;
    }
}

/// A receiver that may have so much memory.
struct Bench {
    receiver: PgmReceiver,
    memory: usize,
    counts: Counts,
    now: Instant,
}

impl Bench {
    fn new(memory: usize) -> Self {
        let config = PgmReceiverConfig::new(GROUP, PORT);
        let receiver = PgmReceiver::new(PgmReceiverConfig { memory, window: 1 << 16, ..config }, 1);
        let mut bench = Bench { receiver, memory, counts: Counts::default(), now: Instant::now() };
        let body = Body::Spm { sqn: Sqn(0), trail: Sqn(0), lead: Sqn(0), path: HOST };
        bench.packet(&Packet::downstream(SESSION, PORT, body));
        bench
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.write(&mut bytes);
        let from = SocketAddr::new(HOST, 40_000);
        self.receiver.on_packet(self.now, from, &bytes, &mut self.counts);
        assert!(self.receiver.memory_in_use() <= self.memory, "{packet:?}");
    }

    fn data(&mut self, sqn: u32, length: usize, fragment: Option<Fragment>) {
        let tsdu = vec![b'.'; length];
        let body = DataBody { sqn: Sqn(sqn), trail: Sqn(0), tsdu: &tsdu };
        let mut packet = Packet::downstream(SESSION, PORT, Body::Odata(body));
        packet.options.fragment = fragment;
        self.packet(&packet);
    }

    /// Time passes. Returns the numbers of the NAKs that are sent then, at most so many NAKs.
    fn ask(&mut self, after: Duration, most: usize) -> Vec<u32> {
        self.now += after;
        self.receiver.on_timeout(self.now, &mut self.counts);
        let mut numbers = Vec::new();
        for _ in 0..most {
            let Some(upstream) = self.receiver.transmit(self.now) else { break };
            let packet = Packet::parse(upstream.bytes).unwrap();
            let Body::Nak(body) = packet.body else { panic!("{packet:?}") };
            numbers.extend(packet.numbers(body.sqn).map(|sqn| sqn.0));
        }
        assert!(self.receiver.memory_in_use() <= self.memory, "after NAKs");
        numbers
    }
}

#[test]
fn fragments_are_kept_as_far_as_there_is_memory() {
    let mut bench = Bench::new(1000);
    for at in 0..4 {
        let fragment = Fragment { first: Sqn(1), offset: at * 300, length: 1200 };
        bench.data(1 + at, 300, Some(fragment));
    }
    assert_eq!((bench.counts.lost, bench.receiver.memory_in_use()), (4, 0));
    for at in 0..3 {
        let fragment = Fragment { first: Sqn(5), offset: at * 300, length: 900 };
        bench.data(5 + at, 300, Some(fragment));
    }
    assert_eq!((&bench.counts.delivered[..], bench.counts.lost), (&[5][..], 4));
}

#[test]
fn fragments_that_are_given_up_give_their_memory_back() {
    let mut bench = Bench::new(1000);
    bench.data(1, 500, Some(Fragment { first: Sqn(1), offset: 0, length: 900 }));
    assert_eq!(bench.receiver.memory_in_use(), 500);
    bench.data(2, 10, None);
    assert_eq!((bench.counts.lost, bench.receiver.memory_in_use()), (1, 0));
}

#[test]
fn fragments_that_have_waited_need_no_more_memory() {
    let mut bench = Bench::new(1000);
    let fragment = |at: u32| Some(Fragment { first: Sqn(1), offset: at * 200, length: 600 });
    bench.data(3, 200, fragment(2));
    bench.data(2, 200, fragment(1));
    bench.data(1, 200, fragment(0));
    assert_eq!((&bench.counts.delivered[..], bench.counts.lost), (&[1][..], 0));
    assert_eq!(bench.receiver.memory_in_use(), 0);
}

#[test]
fn what_is_delivered_first_takes_the_place_of_what_is_delivered_last() {
    const LENGTH: usize = 1000;
    let mut bench = Bench::new(20 * LENGTH);
    // Every other one, for which there is not room.
    (2..=60).step_by(2).for_each(|sqn| bench.data(sqn, LENGTH, None));
    let asked = bench.ask(60 * MS, 1);
    assert_eq!(asked[..3], [1, 3, 5]);
    // The first is the last to come: the others are kept until it does.
    for sqn in [3, 5, 7, 1] {
        bench.data(sqn, LENGTH, None);
    }
    assert_eq!(bench.counts.delivered, (1..=8).collect::<Vec<_>>());
    for _ in 0..1000 {
        for sqn in bench.ask(10 * MS, 9).into_iter().rev() {
            bench.data(sqn, LENGTH, None);
        }
    }
    // Of what is behind the last that was kept nothing is known.
    assert!(bench.counts.delivered.len() >= 32, "{:?}", bench.counts.delivered);
    assert_eq!(bench.counts.lost, 0);
}

#[test]
fn where_there_is_no_room_only_what_is_delivered_first_is_asked_for() {
    const LENGTH: usize = 1000;
    let mut bench = Bench::new(200 * LENGTH);
    (2..=1000).step_by(2).for_each(|sqn| bench.data(sqn, LENGTH, None));
    let mut asked = Vec::new();
    for _ in 0..20 {
        asked.extend(bench.ask(10 * MS, 100));
    }
    assert!(asked.contains(&1) && asked.contains(&255), "{asked:?}");
    assert!(asked.iter().all(|sqn| *sqn <= 257), "{asked:?}");
}

#[test]
fn an_ncf_for_every_other_packet_cuts_as_far_as_there_is_memory() {
    let mut bench = Bench::new(1000);
    bench.data(200, 10, None);
    let others: Vec<[u8; 4]> = (3..60_u32).step_by(2).map(u32::to_be_bytes).collect();
    let body = NakBody { sqn: Sqn(1), source: HOST, group: GROUP };
    let mut ncf = Packet::downstream(SESSION, PORT, Body::Ncf(body));
    ncf.options.nak_list = NakList::new(&others);
    bench.packet(&ncf);
    assert!(bench.receiver.memory_in_use() > 500, "some are taken");
}

#[test]
fn naks_one_after_another_cut_as_far_as_there_is_memory_and_all_is_asked_for_in_the_end() {
    let mut bench = Bench::new(1000);
    bench.data(2000, 10, None);
    let mut asked: Vec<u32> = bench.ask(60 * MS, 1);
    // Nothing comes, and each NAK has a time of its own.
    for _ in 0..40 {
        asked.extend(bench.ask(MS, 1));
    }
    assert!(asked.len() > 63, "some NAKs are not the last");
    while let Some(at) = bench.receiver.timeout().filter(|_| asked.len() < 100_000) {
        let numbers = bench.ask((at - bench.now).max(MS), 1);
        // What was asked for comes.
        for sqn in &numbers {
            bench.data(*sqn, 10, None);
        }
        asked.extend(numbers);
        if bench.counts.delivered.len() == 2000 {
            break;
        }
    }
    assert_eq!((bench.counts.delivered.len(), bench.counts.lost), (2000, 0));
    assert_eq!(bench.receiver.memory_in_use(), 0);
}
