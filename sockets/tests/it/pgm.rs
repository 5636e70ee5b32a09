//! PGM in udp: PUB and SUB in a group, as libzmq and OpenPGM have it.

use crate::harness::over_tcp as on_each_backend;
use crate::harness::{GLANCE, Harness, PATIENCE, await_kind, eventually};
use ringmq::{AnySocket, ErrorKind, MonitorEvent, Pub, SocketType, Sub};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

on_each_backend![
    a_subscriber_gets_what_it_subscribed_to,
    messages_of_all_sizes_and_frames_arrive,
    several_sources_and_subscribers_share_a_group,
    a_source_that_ends_is_told_of,
    what_is_forged_is_no_harm,
    who_joins_late_begins_with_a_whole_message,
    a_slow_subscriber_holds_nobody_up_and_loses_nothing,
    what_waits_is_limited_in_bytes,
    what_was_sent_goes_out_before_the_end,
    who_speaks_pgm_and_how,
];

/// A group that nobody else has.
fn group() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("epgm://127.0.0.1;239.192.8.{}:{port}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A publisher and a subscriber to everything, of which the one can hear the other.
fn pair(harness: &Harness) -> (Pub, Sub, String) {
    let (publisher, subscriber, group) = (harness.publisher(), harness.subscriber(), group());
    subscriber.subscribe("").unwrap();
    subscriber.connect(&group).unwrap();
    await_membership(&subscriber);
    publisher.connect(&group).unwrap();
    (publisher, subscriber, group)
}

/// Waits until a subscriber is a member of its group.
fn await_membership(subscriber: &Sub) {
    eventually("it is a member", || !subscriber.stats()[0].peer.is_empty());
}

fn a_subscriber_gets_what_it_subscribed_to(harness: &Harness) {
    let (publisher, subscriber, group) = (harness.publisher(), harness.subscriber(), group());
    subscriber.subscribe("weather").unwrap();
    assert_eq!(subscriber.bind(&group).unwrap(), group);
    assert_eq!(publisher.bind(&group).unwrap(), group);
    for text in ["news: none", "weather: rain", "weathe", "weather: sun"] {
        publisher.send(text).unwrap();
    }
    assert_eq!(subscriber.recv().unwrap(), "weather: rain");
    assert_eq!(subscriber.recv().unwrap(), "weather: sun");
    subscriber.unsubscribe("weather").unwrap();
    subscriber.subscribe("news").unwrap();
    publisher.send("weather: wind").unwrap();
    publisher.send("news: again").unwrap();
    assert_eq!(subscriber.recv().unwrap(), "news: again");
}

fn messages_of_all_sizes_and_frames_arrive(harness: &Harness) {
    let (publisher, subscriber, _) = pair(harness);
    publisher.set_send_hwm(0).unwrap();
    for len in [0, 1, 100, 254, 255, 1425, 1426, 1427, 5000, 100_000, 1_000_000] {
        let body: Vec<u8> = (0..len).map(|at| (at * 7 + len) as u8).collect();
        publisher.send(&body).unwrap();
        assert_eq!(subscriber.recv().unwrap(), body, "{len}");
        let frames = [&body[..], b"", &body[..len.min(3000)], b"end"];
        publisher.send_multipart(frames).unwrap();
        let received = subscriber.recv_multipart().unwrap();
        assert!(received.iter().map(|frame| &frame[..]).eq(frames), "{len}");
    }
}

fn several_sources_and_subscribers_share_a_group(harness: &Harness) {
    let (first, subscriber, group) = pair(harness);
    let (second, other) = (harness.xpub(), harness.xsub());
    other.send("\u{1}").unwrap();
    other.connect(&group).unwrap();
    eventually("it is a member", || !other.stats()[0].peer.is_empty());
    second.connect(&group).unwrap();
    for number in 0..100 {
        first.send_multipart(["first".into(), number.to_string(), "x".repeat(3000)]).unwrap();
        second.send_multipart(["second".into(), number.to_string(), "y".repeat(100)]).unwrap();
    }
    for receive in [&|| subscriber.recv_multipart() as _, &|| other.recv_multipart() as _]
        as [&dyn Fn() -> Result<_, _>; 2]
    {
        let mut next = [0, 0];
        while next != [100, 100] {
            let message: ringmq::Multipart = receive().unwrap();
            let source = usize::from(message[0] == "second");
            assert_eq!((message.len(), message[1].clone()), (3, next[source].to_string().into()));
            next[source] += 1;
        }
    }
}

fn a_source_that_ends_is_told_of(harness: &Harness) {
    let (publisher, subscriber, group) = pair(harness);
    let monitor = subscriber.monitor();
    publisher.set_linger(None).unwrap();
    publisher.send("last words").unwrap();
    drop(publisher);
    let event = await_kind!(&monitor, SourceBegan);
    let MonitorEvent::SourceBegan { endpoint, session: begun } = event else { unreachable!() };
    assert_eq!(*endpoint, *group);
    assert_eq!(subscriber.recv().unwrap(), "last words");
    let event = await_kind!(&monitor, SourceEnded);
    let MonitorEvent::SourceEnded { session, lost: 0, .. } = event else { panic!("{event}") };
    assert_eq!(session, begun);
}

fn what_is_forged_is_no_harm(harness: &Harness) {
    let (publisher, subscriber, group) = pair(harness);
    let (host, port) = group.rsplit_once(':').unwrap();
    let to: IpAddr = host.rsplit_once(';').unwrap().1.parse().unwrap();
    let port: u16 = port.parse().unwrap();
    let bare = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    bare.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    let bare = UdpSocket::from(bare);
    publisher.send("before").unwrap();
    assert_eq!(subscriber.recv().unwrap(), "before");
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..500 {
        let mut packet: Vec<u8> = (0..random.usize(..200)).map(|_| random.u8(..)).collect();
        if round % 2 == 0 && packet.len() >= 24 {
            packet[2..4].copy_from_slice(&port.to_be_bytes());
            packet[4..8].copy_from_slice(&[[0, 4, 5, 8][round % 4], 0, 0, 0]);
        }
        bare.send_to(&packet, (to, port)).unwrap();
    }
    publisher.send("after").unwrap();
    assert_eq!(subscriber.recv().unwrap(), "after");
}

fn who_joins_late_begins_with_a_whole_message(harness: &Harness) {
    let (publisher, early, group) = pair(harness);
    let late = harness.subscriber();
    late.subscribe("").unwrap();
    late.connect(&group).unwrap();
    await_membership(&late);
    for number in 0u32..200 {
        let body = [&number.to_be_bytes()[..], &vec![number as u8; 5000]].concat();
        publisher.send(&body).unwrap();
        assert_eq!(early.recv().unwrap(), body);
    }
    let mut last = None;
    while last != Some(199) {
        let body = late.recv().unwrap();
        let number = u32::from_be_bytes(body[..4].try_into().unwrap());
        assert!(last.is_none_or(|last| number == last + 1) && body.len() == 5004);
        assert!(body[4..].iter().all(|byte| *byte == number as u8));
        last = Some(number);
    }
}

fn a_slow_subscriber_holds_nobody_up_and_loses_nothing(harness: &Harness) {
    let (publisher, slow, group) = (harness.publisher(), harness.subscriber(), group());
    slow.set_recv_hwm(10).unwrap();
    slow.subscribe("").unwrap();
    slow.connect(&group).unwrap();
    await_membership(&slow);
    let quick = harness.subscriber();
    quick.subscribe("").unwrap();
    quick.connect(&group).unwrap();
    await_membership(&quick);
    publisher.connect(&group).unwrap();
    // As much as fits into the buffers between: the pipe, what was received beyond it, and the kernel's.
    for number in 0..500 {
        publisher.send(number.to_string()).unwrap();
        assert_eq!(quick.recv().unwrap(), number.to_string());
    }
    for number in 0..500 {
        assert_eq!(slow.recv().unwrap(), number.to_string());
    }
}

fn what_waits_is_limited_in_bytes(harness: &Harness) {
    let (publisher, subscriber, group) = (harness.publisher(), harness.subscriber(), group());
    subscriber.set_max_waiting_bytes(Some(200_000)).unwrap();
    subscriber.subscribe("").unwrap();
    subscriber.connect(&group).unwrap();
    await_membership(&subscriber);
    publisher.connect(&group).unwrap();
    for number in 0..30u8 {
        publisher.send(vec![number; 50_000]).unwrap();
    }
    publisher.flush(Some(PATIENCE)).unwrap();
    eventually("some are here", || subscriber.stats()[0].waiting >= 4);
    std::thread::sleep(GLANCE);
    let waiting = subscriber.stats()[0].waiting;
    assert!(waiting <= 5, "{waiting} messages wait");
    for number in 0..30u8 {
        assert_eq!(subscriber.recv().unwrap(), vec![number; 50_000]);
    }
}

fn what_was_sent_goes_out_before_the_end(harness: &Harness) {
    let (publisher, subscriber, group) = pair(harness);
    publisher.set_linger(None).unwrap();
    publisher.set_rate(10_000).unwrap();
    let other = harness.publisher();
    other.set_linger(None).unwrap();
    other.connect(&group).unwrap();
    for number in 0..100 {
        publisher.send(number.to_string()).unwrap();
    }
    publisher.disconnect(&group).unwrap();
    for number in 0..100 {
        assert_eq!(subscriber.recv().unwrap(), number.to_string());
    }
    other.send("and the other").unwrap();
    drop(other);
    assert_eq!(subscriber.recv().unwrap(), "and the other");
    subscriber.set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(subscriber.recv().unwrap_err().is_would_block());
    subscriber.set_recv_timeout(Some(PATIENCE)).unwrap();
}

fn who_speaks_pgm_and_how(harness: &Harness) {
    let socket = |socket_type| -> AnySocket { harness.context.socket(socket_type).unwrap() };
    let endpoint = group();
    for socket_type in SocketType::ALL {
        use SocketType::{Pub, Sub, XPub, XSub};
        let here = socket(socket_type);
        here.set_linger(Some(Duration::ZERO)).unwrap();
        let bound = here.bind(&endpoint).map_err(|error| error.kind());
        let connected = here.connect(&endpoint).map_err(|error| error.kind());
        let speaks = matches!(socket_type, Pub | XPub | Sub | XSub);
        let expected = if speaks { Ok(()) } else { Err(ErrorKind::NotSupported) };
        assert_eq!((bound.map(drop), connected), (expected, expected), "{socket_type}");
    }
    let sub = harness.subscriber();
    for wrong in
        ["epgm://127.0.0.1:5", "epgm://lo;localhost:5", "epgm://239.1.1.1", "pgm://239.1.1.1:0"]
    {
        assert_eq!(sub.connect(wrong).unwrap_err().kind(), ErrorKind::Endpoint, "{wrong}");
    }
    let absent = sub.bind("epgm://nosuch0;239.1.1.1:5555").unwrap_err();
    assert!(absent.to_string().contains("nosuch0"), "{absent}");
    if UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("SKIPPED: no IPv6 here");
        return;
    }
    sub.set_ipv6(true).unwrap();
    assert_eq!(
        sub.bind("epgm://[::1];[ff02::7]:5555").map_err(|error| error.to_string()),
        Ok("epgm://[::1];[ff02::7]:5555".into())
    );
}
