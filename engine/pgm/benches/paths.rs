//! What a packet costs where nothing is lost: the source that makes and sends it, and the receiver that delivers
//! it; what it costs where every other one is missing at first; and where each is of a source of its own.
#![allow(missing_docs)] // What the macros of criterion make.

use core::net::{IpAddr, SocketAddr};
use std::hint::black_box;
use std::time::Instant;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringmq_pgm::{
    Body, DataBody, Gsi, LossReason, Packet, PacketKind, PgmReceiver, PgmReceiverConfig, PgmSink,
    PgmSource, PgmSourceConfig, SourceHandle, Sqn, Tsi,
};

/// Packets that are made or taken in one go.
const BATCH: usize = 64;
const SESSION: Tsi = Tsi { gsi: Gsi([1, 2, 3, 4, 5, 6]), port: 7 };

struct Nothing;

impl PgmSink for Nothing {
    fn data(&mut self, _source: SourceHandle, _sqn: Sqn, tsdu: &[u8]) {
        black_box(tsdu);
    }
    fn lost(&mut self, _source: SourceHandle, _first: Sqn, _count: u32, _reason: LossReason) {}
}

fn source(now: Instant) -> PgmSource {
    let (host, group) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([239, 192, 1, 1]));
    let config = PgmSourceConfig::new(SESSION, 5555, host, group);
    PgmSource::new(PgmSourceConfig { window: 10_000, ..config }.with_rate(None), now)
}

/// Makes and sends a batch of packets.
fn send(source: &mut PgmSource, now: Instant, length: usize, mut each: impl FnMut(&[u8])) {
    for _ in 0..BATCH {
        let slot = source.slot(now).expect("all was sent");
        slot[..8].fill(1);
        source.commit(length);
    }
    while let Some(transmission) = source.transmit(now, BATCH) {
        let packets = transmission.run.len();
        if transmission.what == PacketKind::Odata {
            transmission.run.iter().for_each(&mut each);
        }
        source.sent(now, packets);
    }
}

fn paths(c: &mut Criterion) {
    let now = Instant::now();
    for length in [100, 1428] {
        let mut group = c.benchmark_group("source");
        group.throughput(Throughput::Elements(BATCH as u64));
        let mut sender = source(now);
        group.bench_function(BenchmarkId::from_parameter(length), |b| {
            b.iter(|| {
                send(&mut sender, now, length, |packet| {
                    black_box(packet);
                })
            });
        });
        group.finish();

        // A receiver takes each packet once: as many as are made beforehand.
        let mut packets = Vec::new();
        let mut sender = source(now);
        while packets.len() < 100 * BATCH {
            send(&mut sender, now, length, |packet| packets.push(packet.to_vec()));
        }
        let from = SocketAddr::from(([10, 0, 0, 1], 40_000));
        let mut group = c.benchmark_group("receiver");
        group.throughput(Throughput::Elements(packets.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(length), |b| {
            b.iter(|| {
                let config = PgmReceiverConfig::new([239, 192, 1, 1].into(), 5555);
                let mut receiver = PgmReceiver::new(config, 1);
                for packet in &packets {
                    receiver.on_packet(now, from, packet, &mut Nothing);
                }
                receiver
            });
        });
        group.finish();
    }
}

/// Every other packet is missing at first, and is sent again: what a packet costs that way.
fn holes(c: &mut Criterion) {
    let now = Instant::now();
    let mut group = c.benchmark_group("holes");
    for count in [1_000, 100_000] {
        let (mut packets, mut sender) = (Vec::new(), source(now));
        while packets.len() < count {
            send(&mut sender, now, 100, |packet| packets.push(packet.to_vec()));
        }
        let from = SocketAddr::from(([10, 0, 0, 1], 40_000));
        group.sample_size(20).throughput(Throughput::Elements(packets.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| {
                let config = PgmReceiverConfig::new([239, 192, 1, 1].into(), 5555);
                let config = PgmReceiverConfig { window: 1 << 20, ..config };
                let mut receiver = PgmReceiver::new(config, 1);
                let (even, odd) = (packets.iter().step_by(2), packets.iter().skip(1).step_by(2));
                for packet in even.chain(odd) {
                    receiver.on_packet(now, from, packet, &mut Nothing);
                }
                receiver
            });
        });
    }
    group.finish();
}

/// A packet of a session that nobody else has, while a receiver knows as many sources as it may: what a flood of
/// forged packets costs. The sources that it knows have sent one packet each, or two.
fn strangers(c: &mut Criterion) {
    let now = Instant::now();
    let from = SocketAddr::from(([10, 0, 0, 1], 40_000));
    let mut group = c.benchmark_group("strangers");
    group.throughput(Throughput::Elements(1));
    for packets in [1, 2] {
        let config = PgmReceiverConfig::new([239, 192, 1, 1].into(), 5555);
        let sources = config.sources as u32;
        let mut receiver = PgmReceiver::new(config, 1);
        for sqn in 0..packets {
            for number in 0..sources {
                receiver.on_packet(now, from, &first_of(number, sqn), &mut Nothing);
            }
        }
        let mut number = sources;
        group.bench_function(BenchmarkId::from_parameter(packets), |b| {
            b.iter_batched(
                || {
                    number += 1;
                    first_of(number, 0)
                },
                |packet| receiver.on_packet(now, from, &packet, &mut Nothing),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// A packet of one of the sessions that differ in their number.
fn first_of(number: u32, sqn: u32) -> Vec<u8> {
    let [a, b, c, d] = number.to_be_bytes();
    let session = Tsi { gsi: Gsi([9, 9, a, b, c, d]), port: 7 };
    let data = DataBody { sqn: Sqn(sqn), trail: Sqn(0), tsdu: b"forged" };
    let mut packet = Vec::new();
    Packet::downstream(session, 5555, Body::Odata(data)).write(&mut packet);
    packet
}

criterion_group!(benches, paths, holes, strangers);
criterion_main!(benches);
