//! udp: RADIO and DISH in groups, DGRAM to anybody, as libzmq's datagrams are.

use crate::harness::over_tcp as on_each_backend;
use crate::harness::{GLANCE, Harness, PATIENCE, await_kind, eventually};
use ringmq::{
    AnySocket, Dish, DropReason, ErrorKind, Message, MonitorEvent, Radio, Socket, SocketType,
    kind::Kind,
};
use std::net::{Ipv6Addr, UdpSocket};

on_each_backend![
    a_dish_gets_what_is_for_its_groups,
    a_group_is_heard_by_all_its_members,
    a_datagram_is_what_libzmq_makes_of_it,
    what_is_no_message_is_counted_and_nothing_else_is_lost,
    what_is_too_long_is_counted_and_the_next_goes_out,
    a_slow_dish_misses_messages_which_are_counted,
    a_radio_waits_for_a_name,
    a_dgram_answers_whoever_writes,
    a_dgram_needs_an_address_and_a_body,
    what_was_sent_goes_out_before_the_end,
    who_is_closed_frees_the_address,
    over_ipv6_as_over_ipv4,
    who_speaks_udp_and_how,
    many_arrive_in_order,
];

/// Where members of a group on this machine meet.
const LOOPBACK: &str = "udp://127.0.0.1;";

fn message(group: &str, body: impl Into<Message>) -> Message {
    let mut message = body.into();
    message.set_group(group.as_bytes()).unwrap();
    message
}

/// A dish that is bound, and a radio that sends to it.
fn pair(harness: &Harness) -> (Radio, Dish, String) {
    let (radio, dish) = (harness.radio(), harness.dish());
    let endpoint = dish.bind("udp://127.0.0.1:*").unwrap();
    radio.connect(&endpoint).unwrap();
    (radio, dish, endpoint)
}

fn expect(dish: &Dish, group: &str, body: &[u8]) {
    let heard = dish.recv().unwrap();
    assert_eq!((heard.group(), &heard[..], heard.more()), (group.as_bytes(), body, false));
}

/// How many messages the only pipe of a socket has lost.
fn dropped<K: Kind>(socket: &Socket<K>) -> u64 {
    socket.stats()[0].dropped
}

/// The port in an endpoint.
fn port(endpoint: &str) -> u16 {
    endpoint.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// A port that nobody has.
fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn a_dish_gets_what_is_for_its_groups(harness: &Harness) {
    let (radio, dish, endpoint) = pair(harness);
    assert!(endpoint.starts_with("udp://127.0.0.1:") && port(&endpoint) != 0, "{endpoint}");
    dish.join("jazz").unwrap();
    dish.join("").unwrap();
    for (group, body) in [("ja", "a part"), ("jazzy", "more"), ("jazz", "so what"), ("", "")] {
        radio.send(message(group, body)).unwrap();
    }
    expect(&dish, "jazz", b"so what");
    expect(&dish, "", b"");
    let longest = vec![7; 8192 - 5];
    radio.send(message("jazz", longest.clone())).unwrap();
    expect(&dish, "jazz", &longest);
}

fn a_group_is_heard_by_all_its_members(harness: &Harness) {
    let radio = harness.radio();
    let group = format!("{LOOPBACK}239.192.7.1:{}", free_port());
    let dishes = [harness.dish(), harness.dish()];
    for dish in &dishes {
        assert_eq!(dish.bind(&group).unwrap(), group);
        dish.join("g").unwrap();
    }
    radio.connect(&group).unwrap();
    radio.send(message("g", "to all")).unwrap();
    dishes.iter().for_each(|dish| expect(dish, "g", b"to all"));
    dishes[0].unbind(&group).unwrap();
    radio.send(message("g", "to those who are left")).unwrap();
    expect(&dishes[1], "g", b"to those who are left");
    dishes[0].set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(dishes[0].recv().unwrap_err().is_would_block());
}

fn a_datagram_is_what_libzmq_makes_of_it(harness: &Harness) {
    let bare = UdpSocket::bind("127.0.0.1:0").unwrap();
    bare.set_read_timeout(Some(PATIENCE)).unwrap();
    let radio = harness.radio();
    radio.connect(&format!("udp://{}", bare.local_addr().unwrap())).unwrap();
    radio.send(message("weather", "rain")).unwrap();
    radio.send(message("", "no group")).unwrap();
    let mut buffer = [0; 100];
    for expected in [&b"\x07weatherrain"[..], b"\x00no group"] {
        let len = bare.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], expected);
    }
}

fn what_is_no_message_is_counted_and_nothing_else_is_lost(harness: &Harness) {
    let (_radio, dish, endpoint) = pair(harness);
    dish.join("g").unwrap();
    let monitor = dish.monitor();
    let bare = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = ("127.0.0.1", port(&endpoint));
    let too_long = [&[1, b'g'][..], &[0; 9000]].concat();
    for datagram in [&b""[..], b"\x05four", &too_long, b"\x01gand on"] {
        bare.send_to(datagram, to).unwrap();
    }
    expect(&dish, "g", b"and on");
    eventually("they are counted", || dropped(&dish) >= 3);
    let event = await_kind!(&monitor, Dropped);
    let MonitorEvent::Dropped { reason, endpoint: told, .. } = event else { unreachable!() };
    assert_eq!((reason, &*told), (DropReason::Unwanted, &*endpoint));
}

fn what_is_too_long_is_counted_and_the_next_goes_out(harness: &Harness) {
    let (radio, dish, _) = pair(harness);
    dish.join("g").unwrap();
    let monitor = radio.monitor();
    radio.send(message("g", vec![0; 8191])).unwrap();
    radio.send(message("g", vec![0; 1 << 20])).unwrap();
    radio.send(message("g", "short")).unwrap();
    expect(&dish, "g", b"short");
    eventually("they are counted", || dropped(&radio) == 2);
    let event = await_kind!(&monitor, Dropped);
    assert!(matches!(event, MonitorEvent::Dropped { reason: DropReason::Unsendable, .. }));
}

fn a_slow_dish_misses_messages_which_are_counted(harness: &Harness) {
    let (radio, dish) = (harness.radio(), harness.dish());
    dish.set_recv_hwm(10).unwrap();
    let endpoint = dish.bind("udp://127.0.0.1:*").unwrap();
    dish.join("g").unwrap();
    radio.connect(&endpoint).unwrap();
    for number in 0u32..100 {
        radio.send(message("g", number.to_be_bytes())).unwrap();
    }
    let counted = || dropped(&dish);
    radio.flush(Some(PATIENCE)).unwrap();
    // The kernel keeps what was not read; nothing that was read is lost without a count.
    let mut received = 0;
    eventually("all but those that are counted arrive", || {
        received += std::iter::from_fn(|| dish.try_recv().ok()).count() as u64;
        received + counted() == 100
    });
    radio.send(message("g", "again")).unwrap();
    expect(&dish, "g", b"again");
}

fn a_radio_waits_for_a_name(harness: &Harness) {
    let (radio, dish) = (harness.radio(), harness.dish());
    let endpoint = dish.bind("udp://127.0.0.1:*").unwrap();
    dish.join("g").unwrap();
    radio.connect(&format!("udp://localhost:{}", port(&endpoint))).unwrap();
    radio.send(message("g", "by name")).unwrap();
    expect(&dish, "g", b"by name");
    let monitor = radio.monitor();
    radio.connect("udp://no.such.host.invalid:5555").unwrap();
    await_kind!(&monitor, ConnectFailed);
    radio.send(message("g", "still")).unwrap();
    expect(&dish, "g", b"still");
}

fn a_dgram_answers_whoever_writes(harness: &Harness) {
    let dgram = harness.dgram();
    let endpoint = dgram.bind("udp://127.0.0.1:*").unwrap();
    let others = [UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap()];
    for (number, other) in others.iter().enumerate() {
        other.set_read_timeout(Some(PATIENCE)).unwrap();
        let question = vec![number as u8; 60_000 * number];
        other.send_to(&question, ("127.0.0.1", port(&endpoint))).unwrap();
        let [address, body] = dgram.recv_multipart().unwrap().try_into().unwrap();
        assert_eq!(address, format!("{}\0", other.local_addr().unwrap()));
        assert_eq!(body, question);
        dgram.send_multipart([address, "answer".into()]).unwrap();
        let mut buffer = [0; 10];
        let len = other.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], b"answer");
    }
    let address = others[0].local_addr().unwrap().to_string();
    for (to, body) in [("nowhere", "lost"), ("127.0.0.1:0", "lost"), (&address[..], "arrives")] {
        dgram.send_multipart([to, body]).unwrap();
    }
    let mut buffer = [0; 10];
    let len = others[0].recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"arrives");
    eventually("what has no address is counted", || dropped(&dgram) == 2);
}

fn a_dgram_needs_an_address_and_a_body(harness: &Harness) {
    let dgram = harness.dgram();
    let endpoint = dgram.bind("udp://127.0.0.1:*").unwrap();
    assert_eq!(dgram.send("alone").unwrap_err().kind(), ErrorKind::TwoFramesOnly);
    let three = ["127.0.0.1:9", "body", "more"];
    assert_eq!(dgram.send_multipart(three).unwrap_err().kind(), ErrorKind::TwoFramesOnly);
    let again = dgram.bind("udp://127.0.0.1:*").unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotSupported, "{again}");
    let to = endpoint.strip_prefix("udp://").unwrap();
    dgram.send_multipart([to, "to itself"]).unwrap();
    assert_eq!(dgram.recv_multipart().unwrap()[1], "to itself");
}

fn what_was_sent_goes_out_before_the_end(harness: &Harness) {
    let bare = UdpSocket::bind("127.0.0.1:0").unwrap();
    bare.set_read_timeout(Some(PATIENCE)).unwrap();
    let endpoint = format!("udp://{}", bare.local_addr().unwrap());
    let radio = harness.radio();
    radio.set_linger(None).unwrap();
    radio.connect(&endpoint).unwrap();
    (0..20u8).for_each(|number| radio.send(message("", [number])).unwrap());
    drop(radio);
    let mut buffer = [0; 10];
    for number in 0..20 {
        assert_eq!((bare.recv(&mut buffer).unwrap(), buffer[1]), (2, number));
    }
    let radio = harness.radio();
    radio.set_linger(None).unwrap();
    radio.connect(&endpoint).unwrap();
    radio.send(message("", "disconnected")).unwrap();
    radio.disconnect(&endpoint).unwrap();
    let mut buffer = [0; 20];
    assert_eq!(bare.recv(&mut buffer).unwrap(), 13);
}

fn who_is_closed_frees_the_address(harness: &Harness) {
    let first = harness.dish();
    let endpoint = first.bind("udp://127.0.0.1:*").unwrap();
    let second = harness.dish();
    assert_eq!(second.bind(&endpoint).unwrap_err().kind(), ErrorKind::AddressInUse);
    first.unbind(&endpoint).unwrap();
    eventually("it is free", || second.bind(&endpoint).is_ok());
    drop(second);
    eventually("it is free again", || first.bind(&endpoint).is_ok());
}

fn over_ipv6_as_over_ipv4(harness: &Harness) {
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("SKIPPED: no IPv6 here");
        return;
    }
    let (radio, dish) = (harness.radio(), harness.dish());
    let refused = dish.bind("udp://[::1]:*").unwrap_err();
    assert!(refused.to_string().contains("ipv6"), "{refused}");
    radio.set_ipv6(true).unwrap();
    dish.set_ipv6(true).unwrap();
    dish.join("g").unwrap();
    let endpoint = dish.bind("udp://[::1]:*").unwrap();
    radio.connect(&endpoint).unwrap();
    radio.send(message("g", "six")).unwrap();
    expect(&dish, "g", b"six");
    let dgram = harness.dgram();
    dgram.set_ipv6(true).unwrap();
    let endpoint = dgram.bind("udp://[::1]:*").unwrap();
    dgram.send_multipart([&endpoint["udp://".len()..], "to itself"]).unwrap();
    let [address, body] = dgram.recv_multipart().unwrap().try_into().unwrap();
    assert_eq!(
        (address, body),
        (format!("[::1]:{}\0", port(&endpoint)).into(), "to itself".into())
    );
}

fn who_speaks_udp_and_how(harness: &Harness) {
    let socket = |socket_type| -> AnySocket { harness.context.socket(socket_type).unwrap() };
    for socket_type in SocketType::ALL {
        use SocketType::{Dgram, Dish, Radio};
        let here = socket(socket_type);
        let bound = here.bind("udp://127.0.0.1:*").map_err(|error| error.kind());
        let connected = here.connect("udp://127.0.0.1:9").map_err(|error| error.kind());
        let binds = matches!(socket_type, Dish | Dgram);
        let refused = Err(ErrorKind::NotSupported);
        assert_eq!(bound.map(drop), if binds { Ok(()) } else { refused }, "{socket_type}");
        assert_eq!(connected, if socket_type == Radio { Ok(()) } else { refused }, "{socket_type}");
    }
    let dgram = socket(SocketType::Dgram);
    for elsewhere in ["tcp://127.0.0.1:*", "inproc://datagrams", "ipc://*"] {
        assert_eq!(dgram.bind(elsewhere).unwrap_err().kind(), ErrorKind::NotSupported);
    }
    let dish = harness.dish();
    for wrong in
        ["udp://", "udp://127.0.0.1", "udp://no interface;239.1.1.1:5", "udp://;239.1.1.1:5"]
    {
        assert_eq!(dish.bind(wrong).unwrap_err().kind(), ErrorKind::Endpoint, "{wrong}");
    }
    let absent = dish.bind("udp://nosuch0;239.1.1.1:5555").unwrap_err();
    assert!(absent.to_string().contains("nosuch0"), "{absent}");
}

/// Round after round, so that no buffer of the kernel's overflows.
fn many_arrive_in_order(harness: &Harness) {
    let (radio, dish, _) = pair(harness);
    dish.join("g").unwrap();
    for round in 0u32..50 {
        for number in 0u32..64 {
            // Of two lengths: some leave as a run, and some by themselves.
            let body = [round.to_be_bytes(), number.to_be_bytes()].concat();
            let body = if number % 7 == 0 { [body, vec![0; 100]].concat() } else { body };
            radio.send(message("g", body)).unwrap();
        }
        for number in 0u32..64 {
            let body = dish.recv().unwrap();
            assert_eq!(body[..8], [round.to_be_bytes(), number.to_be_bytes()].concat());
        }
    }
}
