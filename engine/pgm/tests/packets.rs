//! Packets of every kind come back from the wire as they were, and other octets do no harm.

use core::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use proptest::option::of as some;
use proptest::prelude::*;
use ringmq_pgm::{
    Body, DataBody, Fragment, Gsi, Joiner, LossReason, NakBody, NakList, Packet, PacketError,
    ParityParameters, PgmOptions, PgmReceiver, PgmReceiverConfig, PgmSink, PgmSource,
    PgmSourceConfig, SourceHandle, Sqn, Tsi, checksum,
};

const GROUP: [u8; 4] = [239, 192, 1, 1];
const HOST: [u8; 4] = [10, 0, 0, 1];
const SESSION: Tsi = Tsi { gsi: Gsi([9; 6]), port: 7 };
const PORT: u16 = 5555;

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
        Just(IpAddr::from(HOST)),
        Just(IpAddr::from(GROUP)),
    ]
}

/// Numbers, those near to one another more than others.
fn sqn() -> BoxedStrategy<Sqn> {
    prop_oneof![any::<u32>(), 0..100_u32, u32::MAX - 100..=u32::MAX].prop_map(Sqn).boxed()
}

fn body(tsdu: &'static [u8]) -> BoxedStrategy<Body<'static>> {
    let nak = || {
        (sqn(), address(), address()).prop_map(|(sqn, source, group)| NakBody {
            sqn,
            source,
            group,
        })
    };
    let data = || (sqn(), sqn()).prop_map(move |(sqn, trail)| DataBody { sqn, trail, tsdu });
    prop_oneof![
        (sqn(), sqn(), sqn(), address()).prop_map(|(sqn, trail, lead, path)| Body::Spm {
            sqn,
            trail,
            lead,
            path
        }),
        data().prop_map(Body::Odata),
        data().prop_map(Body::Rdata),
        nak().prop_map(Body::Nak),
        nak().prop_map(Body::Nnak),
        nak().prop_map(Body::Ncf),
        Just(Body::Spmr),
        Just(Body::Poll),
        Just(Body::Polr),
        Just(Body::Ack),
    ]
    .boxed()
}

fn options(list: &'static [[u8; 4]]) -> BoxedStrategy<PgmOptions<'static>> {
    let fragment = (sqn(), any::<u32>(), any::<u32>())
        .prop_map(|(first, offset, length)| Fragment { first, offset, length });
    let parity = (any::<u8>(), any::<u32>())
        .prop_map(|(flags, group_size)| ParityParameters { flags, group_size });
    (
        (some(fragment), some(sqn()), some(parity), some(any::<u32>()), some(any::<u32>())),
        (any::<bool>(), any::<bool>(), some(any::<u8>()), any::<bool>()),
    )
        .prop_map(move |((fragment, join, parity_prm, parity_grp, curr_tgsize), signs)| {
            let (syn, fin, rst, listed) = signs;
            let nak_list = NakList::new(if listed { list } else { &[] });
            PgmOptions {
                fragment,
                nak_list,
                join,
                parity_prm,
                parity_grp,
                curr_tgsize,
                syn,
                fin,
                rst,
            }
        })
        .boxed()
}

/// A packet; its numbers and data live for ever, which is not long. What makes one is large: boxed, it does not
/// lie on the stack of a test, over and over where nothing is optimised.
fn packet() -> BoxedStrategy<Packet<'static>> {
    let tsdu = proptest::collection::vec(any::<u8>(), 0..50);
    let list = proptest::collection::vec(any::<[u8; 4]>(), 0..=62);
    let ids = prop_oneof![
        Just((SESSION.port, PORT, SESSION.gsi)),
        Just((PORT, SESSION.port, SESSION.gsi)),
        any::<(u16, u16, [u8; 6])>().prop_map(|(a, b, gsi)| (a, b, Gsi(gsi))),
    ];
    (tsdu, list, ids, any::<(bool, bool)>())
        .prop_flat_map(|(tsdu, list, ids, flags)| {
            (body(tsdu.leak()), options(list.leak()), Just(ids), Just(flags))
        })
        .prop_map(|(body, mut options, (source_port, destination_port, gsi), flags)| {
            if matches!(body, Body::Poll | Body::Polr | Body::Ack) {
                options = PgmOptions::default();
            }
            let (parity, var_pktlen) = flags;
            Packet { source_port, destination_port, gsi, parity, var_pktlen, body, options }
        })
        .boxed()
}

fn written(packet: &Packet<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    packet.write(&mut out);
    out
}

/// Makes the checksum right, so that what is behind it is looked at.
fn mend(bytes: &mut [u8]) {
    if bytes.len() >= 8 {
        bytes[6..8].fill(0);
        let checksum = checksum(bytes);
        bytes[6..8].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// Takes all, and looks that numbers come in order without a hole.
#[derive(Default)]
struct Strict {
    next: Vec<Option<Sqn>>,
    joiner: Joiner,
}

impl Strict {
    fn take(&mut self, source: SourceHandle, first: Sqn, count: u32) {
        let next = &mut self.next[source.index()];
        assert_eq!(next.unwrap_or(first), first);
        *next = Some(first.plus(count));
    }
}

impl PgmSink for Strict {
    fn began(&mut self, source: SourceHandle, _session: Tsi) {
        let length = self.next.len().max(source.index() + 1);
        self.next.resize(length, None);
        self.next[source.index()] = None;
    }
    fn data(&mut self, source: SourceHandle, sqn: Sqn, tsdu: &[u8]) {
        // What is made of fragments has several numbers.
        self.next[source.index()] = Some(sqn);
        self.take(source, sqn, 1);
        self.joiner.data(tsdu);
        self.next[source.index()] = None;
    }
    fn lost(&mut self, source: SourceHandle, first: Sqn, count: u32, _reason: LossReason) {
        assert!(count > 0);
        self.take(source, first, count);
    }
}

proptest! {
    #[test]
    fn a_packet_comes_back_from_the_wire_as_it_was(packet in packet()) {
        let bytes = written(&packet);
        prop_assert_eq!(Packet::parse(&bytes), Ok(packet));
    }

    #[test]
    fn a_packet_with_a_changed_octet_is_refused(packet in packet(), at: prop::sample::Index, by in 1..=255_u8) {
        let mut bytes = written(&packet);
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        // A checksum of 0 says that there is none.
        prop_assume!(bytes[6..8] != [0, 0]);
        prop_assert!(Packet::parse(&bytes).is_err());
    }

    #[test]
    fn a_packet_that_is_cut_is_refused_or_shorter(packet in packet(), at: prop::sample::Index) {
        let mut bytes = written(&packet);
        let at = at.index(bytes.len());
        bytes.truncate(at);
        mend(&mut bytes);
        if at < 16 {
            prop_assert_eq!(Packet::parse(&bytes), Err(PacketError::Truncated));
        } else if matches!(packet.body, Body::Odata(_) | Body::Rdata(_)) {
            prop_assert!(Packet::parse(&bytes).is_err());
        }
    }

    #[test]
    fn arbitrary_octets_do_no_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..14_u8) {
        let _ = Packet::parse(&bytes);
        if bytes.len() > 5 {
            bytes[4] = kind;
            mend(&mut bytes);
            let _ = Packet::parse(&bytes);
        }
    }

    #[test]
    fn packets_of_any_kind_in_any_order_do_no_harm(
        packets in prop::collection::vec((packet(), 0..300_u64, any::<bool>()), 0..200),
    ) {
        let mut now = Instant::now();
        let mut config = PgmReceiverConfig::new(GROUP.into(), PORT);
        (config.sources, config.memory, config.max_apdu) = (3, 10_000, 200);
        let mut receiver = PgmReceiver::new(config, 1);
        let config = PgmSourceConfig::new(SESSION, PORT, HOST.into(), GROUP.into());
        let mut source = PgmSource::new(config, now);
        let mut sink = Strict::default();
        let hosts: [SocketAddr; 2] = [(HOST, 1).into(), ([10, 0, 0, 2], 1).into()];
        for (packet, millis, other) in packets {
            now += Duration::from_millis(millis);
            let bytes = written(&packet);
            receiver.on_packet(now, hosts[usize::from(other)], &bytes, &mut sink);
            source.on_packet(now, &bytes);
            if let Some(slot) = source.slot(now) {
                slot[..2].fill(0xFF);
                source.commit(2);
            }
            receiver.on_timeout(now, &mut sink);
            prop_assert!(receiver.timeout().is_none_or(|at| at > now));
            for _ in 0..10 {
                if let Some(upstream) = receiver.transmit(now) {
                    prop_assert!(Packet::parse(upstream.bytes).is_ok());
                }
                if let Some(transmission) = source.transmit(now, 3) {
                    prop_assert!(transmission.run.iter().all(|packet| Packet::parse(packet).is_ok()));
                    source.sent(now, 2);
                }
            }
            prop_assert!(receiver.memory_in_use() <= 10_000 + 4096, "{}", receiver.memory_in_use());
            prop_assert!(receiver.reports(now).count() <= 3);
            prop_assert!(receiver.reports(now).all(|report| !report.to_string().is_empty()));
        }
    }
}
