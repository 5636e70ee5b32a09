//! Packets that libzmq 4.3.4 with OpenPGM 5.3 has sent, and those that it has understood.
#![allow(clippy::unwrap_used)]

use core::net::IpAddr;

use ringmq_pgm::{
    Body, DataBody, Gsi, Joined, Joiner, NakBody, NakList, Packer, Packet, Sqn, Tsi, checksum,
};

/// The session of libzmq's source at 10.9.9.1, and what goes before the type in its packets.
const SOURCE: Tsi = Tsi { gsi: Gsi([0xDE, 0xEA, 0x4A, 0x00, 0x7B, 0xF8]), port: 0xC734 };
const SOURCE_PORT: u16 = 17_501;
/// The session of the peer at 10.9.9.2 to which libzmq is a receiver.
const PEER: Tsi = Tsi { gsi: Gsi([1, 2, 3, 4, 5, 6]), port: 4242 };
const PEER_PORT: u16 = 17_502;
const GROUP: &str = "239.192.77.1";

/// SPMs of the source: what they say (number, lead, whether they end the session), and their octets.
const SPMS: [(u32, u32, bool, &str); 15] = [
    (
        0,
        u32::MAX,
        false,
        "c734445d00003c7fdeea4a007bf800000000000000000000ffffffff000100000a090901",
    ),
    (
        1,
        u32::MAX,
        false,
        "c734445d00003c7edeea4a007bf800000000000100000000ffffffff000100000a090901",
    ),
    (
        2,
        u32::MAX,
        false,
        "c734445d00003c7ddeea4a007bf800000000000200000000ffffffff000100000a090901",
    ),
    (3, 0, false, "c734445d00003c7cdeea4a007bf80000000000030000000000000000000100000a090901"),
    (4, 0, false, "c734445d00003c7bdeea4a007bf80000000000040000000000000000000100000a090901"),
    (5, 0, false, "c734445d00003c7adeea4a007bf80000000000050000000000000000000100000a090901"),
    (6, 0, false, "c734445d00003c79deea4a007bf80000000000060000000000000000000100000a090901"),
    (7, 0, false, "c734445d00003c78deea4a007bf80000000000070000000000000000000100000a090901"),
    (8, 3, false, "c734445d00003c74deea4a007bf80000000000080000000000000003000100000a090901"),
    (13, 3, false, "c734445d00003c6fdeea4a007bf800000000000d0000000000000003000100000a090901"),
    (14, 3, false, "c734445d00003c6edeea4a007bf800000000000e0000000000000003000100000a090901"),
    (
        15,
        3,
        true,
        "c734445d0001ae5bdeea4a007bf800000000000f0000000000000003000100000a090901000400088e040000",
    ),
    (
        16,
        3,
        true,
        "c734445d0001ae5adeea4a007bf80000000000100000000000000003000100000a090901000400088e040000",
    ),
    (
        17,
        3,
        true,
        "c734445d0001ae59deea4a007bf80000000000110000000000000003000100000a090901000400088e040000",
    ),
    // Of the peer, with a window that begins at 10.
    (0, 13, false, "1092445e00008ee00102030405060000000000000000000a0000000d000100000a090902"),
];

/// NAKs and NCFs: the session's source (1 or 2), whether it is a NCF, the numbers, and the octets.
const NAKS: [(u8, bool, &[u32], &str); 9] = [
    (1, false, &[1], "445dc7340800f7badeea4a007bf8000000000001000100000a09090100010000efc04d01"),
    (1, true, &[1], "c734445d0a00f5badeea4a007bf8000000000001000100000a09090100010000efc04d01"),
    (
        1,
        false,
        &[1, 2],
        "445dc7340803759ddeea4a007bf8000000000001000100000a09090100010000efc04d010004000c8208000000000002",
    ),
    (
        1,
        true,
        &[1, 2],
        "c734445d0a036a9ddeea4a007bf8000000000001000100000a09090100010000efc04d010004000c8208090000000002",
    ),
    (2, false, &[14], "445e109208004a2601020304050600000000000e000100000a09090200010000efc04d01"),
    (2, true, &[14], "1092445e0a00482601020304050600000000000e000100000a09090200010000efc04d01"),
    (
        2,
        false,
        &[16, 17],
        "445e10920803bef7010203040506000000000010000100000a09090200010000efc04d010004000c8208090000000011",
    ),
    (2, false, &[16], "445e109208004a24010203040506000000000010000100000a09090200010000efc04d01"),
    (2, false, &[17], "445e109208004a23010203040506000000000011000100000a09090200010000efc04d01"),
];

/// Data of the peer: whether they are sent again, number, trail, and the octets.
const DATA: [(bool, u32, u32, &str); 5] = [
    (false, 10, 10, "1092445e0400c50801020304050600060000000a0000000affff6a756e6b"),
    (false, 11, 10, "1092445e04004fe2010203040506000a0000000b0000000a00047461696c03006d30"),
    (false, 12, 10, "1092445e040099db010203040506000c0000000c0000000a000004016d316104006d3162"),
    (false, 13, 10, "1092445e0400206c01020304050600060000000d0000000a000003007a7a"),
    (true, 14, 10, "1092445e05002cb101020304050600060000000e0000000a000003006d34"),
];

fn octets(hex: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).unwrap() as u8;
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn written(packet: &Packet<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    packet.write(&mut out);
    out
}

#[test]
fn spms_are_what_we_would_send() {
    for (number, lead, fin, hex) in SPMS {
        let bytes = octets(hex);
        let packet = Packet::parse(&bytes).unwrap();
        let ours = packet.tsi() == SOURCE;
        let (session, port, path, trail) = match ours {
            true => (SOURCE, SOURCE_PORT, "10.9.9.1", 0),
            false => (PEER, PEER_PORT, "10.9.9.2", 10),
        };
        let body =
            Body::Spm { sqn: Sqn(number), trail: Sqn(trail), lead: Sqn(lead), path: address(path) };
        let mut expected = Packet::downstream(session, port, body);
        expected.options.fin = fin;
        assert_eq!(packet, expected, "{hex}");
        assert_eq!(written(&packet), bytes, "{hex}");
    }
}

#[test]
fn naks_and_ncfs_are_what_we_would_send_but_for_garbage_in_a_reserved_octet() {
    for (host, confirms, numbers, hex) in NAKS {
        let bytes = octets(hex);
        let packet = Packet::parse(&bytes).unwrap();
        let (session, port) = if host == 1 { (SOURCE, SOURCE_PORT) } else { (PEER, PEER_PORT) };
        let source = address(&format!("10.9.9.{host}"));
        let body = NakBody { sqn: Sqn(numbers[0]), source, group: address(GROUP) };
        let mut expected = match confirms {
            true => Packet::downstream(session, port, Body::Ncf(body)),
            false => Packet::upstream(session, port, Body::Nak(body)),
        };
        let list: Vec<_> = numbers[1..].iter().map(|number| number.to_be_bytes()).collect();
        expected.options.nak_list = NakList::new(&list);
        assert_eq!(packet, expected, "{hex}");
        assert_eq!((packet.tsi(), packet.data_port()), (session, port));
        let all: Vec<u32> = packet.numbers(body.sqn).map(|sqn| sqn.0).collect();
        assert_eq!(all, numbers);

        let mut cleared = bytes.clone();
        if let Some(garbage) = cleared.get_mut(42).filter(|octet| **octet != 0) {
            *garbage = 0;
            cleared[6..8].fill(0);
            let checksum = checksum(&cleared);
            cleared[6..8].copy_from_slice(&checksum.to_be_bytes());
        }
        assert_eq!(written(&packet), cleared, "{hex}");
    }
}

#[test]
fn an_spmr_is_what_we_would_send() {
    for (session, port, hex) in [
        (PEER, PEER_PORT, "445e10920c0096030102030405060000"),
        (SOURCE, SOURCE_PORT, "445dc7340c00438adeea4a007bf80000"),
    ] {
        let bytes = octets(hex);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet, Packet::upstream(session, port, Body::Spmr));
        assert_eq!(written(&packet), bytes);
    }
}

#[test]
fn data_are_what_we_would_send_and_the_stream_joins_where_libzmq_did() {
    let mut joiner = Joiner::default();
    let mut stream = Vec::new();
    for (again, number, trail, hex) in DATA {
        let bytes = octets(hex);
        let packet = Packet::parse(&bytes).unwrap();
        let data = DataBody { sqn: Sqn(number), trail: Sqn(trail), tsdu: &bytes[24..] };
        let body = if again { Body::Rdata(data) } else { Body::Odata(data) };
        assert_eq!(packet, Packet::downstream(PEER, PEER_PORT, body));
        assert_eq!(written(&packet), bytes);
        match joiner.data(data.tsdu) {
            Joined::Begin(octets) | Joined::Continue(octets) => stream.extend_from_slice(octets),
            Joined::Skipped => assert_eq!(number, 10),
            Joined::Malformed => panic!("{hex}"),
        }
    }
    assert_eq!(stream, b"\x03\0m0\x04\x01m1a\x04\0m1b\x03\0zz\x03\0m4");
}

/// A message of 3000 octets and a short one after it: the capture has the headers, and what follows is known.
#[test]
fn a_message_that_is_longer_than_a_packet_is_cut_as_libzmq_cuts_it() {
    let mut stream = octets("ff0000000000000bb900");
    stream.resize(10 + 3000, b'Z');
    let second = stream.len();
    stream.extend_from_slice(b"\x05\0tail");
    let heads = [
        "c734445d0400ac06deea4a007bf8059400000001000000000000",
        "c734445d0400a04edeea4a007bf805940000000200000000ffff",
        "c734445d04008593deea4a007bf800a60000000300000000009e",
    ];
    let (mut at, mut slot) = (0, [0; 1428]);
    for (number, head) in (1..).zip(heads) {
        let mut packer = Packer::new(&mut slot);
        if at < second {
            at += packer.push(&stream[at..second], (at == 0).then_some(0));
        }
        if at >= second {
            at += packer.push(&stream[at..], (at == second).then_some(0));
        }
        let length = packer.finish();
        let data = DataBody { sqn: Sqn(number), trail: Sqn(0), tsdu: &slot[..length] };
        let packet = written(&Packet::downstream(SOURCE, SOURCE_PORT, Body::Odata(data)));
        assert_eq!(packet[..26], octets(head), "checksum and all");
    }
    assert_eq!(at, stream.len());

    let first = "c734445d04009ae2deea4a007bf8001000000000000000000000060068656c6c6f02016103006262";
    let mut packer = Packer::new(&mut slot);
    for message in [&b"\x06\0hello"[..], b"\x02\x01a\x03\0bb"] {
        assert_eq!(packer.push(message, Some(0)), message.len());
    }
    let length = packer.finish();
    let data = DataBody { sqn: Sqn(0), trail: Sqn(0), tsdu: &slot[..length] };
    let packet = Packet::downstream(SOURCE, SOURCE_PORT, Body::Odata(data));
    assert_eq!(written(&packet), octets(first));
}

/// The end of a message of 1420 octets, after which libzmq has nothing to send: it says that the next begins there.
#[test]
fn the_offset_may_be_the_end_of_the_packet() {
    let bytes = octets("7c2b445d04005202b7c6d1bc038a0006000000010000000000042e2e2e2e");
    let packet = Packet::parse(&bytes).unwrap();
    let Body::Odata(data) = packet.body else { panic!("{packet:?}") };
    assert_eq!((data.sqn, Joiner::default().data(data.tsdu)), (Sqn(1), Joined::Begin(b"")));
    let mut joiner = Joiner::default();
    joiner.data(b"\0\0\x7F\0");
    assert_eq!(joiner.data(data.tsdu), Joined::Continue(b"...."));
}

/// What libzmq sent again is what it sent first, but for the type and the checksum.
#[test]
fn what_is_sent_again_has_the_checksum_that_libzmq_gives_it() {
    let mut tsdu = octets("0000ff0000000000000bb900");
    tsdu.resize(1428, b'Z');
    let data = DataBody { sqn: Sqn(1), trail: Sqn(0), tsdu: &tsdu };
    let packet = written(&Packet::downstream(SOURCE, SOURCE_PORT, Body::Rdata(data)));
    let head = "c734445d0500ab06deea4a007bf8059400000001000000000000ff0000000000000bb900";
    assert_eq!(packet[..36], octets(head));
    assert_eq!(Packet::parse(&packet).unwrap().tsi(), SOURCE);
}
