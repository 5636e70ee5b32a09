//! Every setting with extreme values: each is refused by an error that names what it takes, or works.

use crate::harness::{
    Harness, PATIENCE, everywhere, over_tcp, patient, under_wine, within_process,
};
use ringmq::{
    AnySocket, BackendChoice, Context, ContextBuilder, Error, Keepalive, SocketType, Spin,
};
use std::time::Duration;

everywhere![
    every_value_is_refused_or_works,
    settings_of_routers_are_refused_or_work,
    settings_of_publishers_are_refused_or_work,
];

over_tcp![every_context_is_refused_or_works];

within_process![what_cannot_be_is_refused_and_says_what_can, endpoints_of_any_length_and_content];

type Set = fn(&AnySocket) -> Result<(), Error>;

const NANO: Duration = Duration::from_nanos(1);
const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MAX: Duration = Duration::MAX;
const LINUX: bool = cfg!(target_os = "linux");

fn probes(idle: Duration, interval: Duration, count: u32) -> Keepalive {
    let (idle, interval, count) = (Some(idle), Some(interval), Some(count));
    Keepalive { enabled: Some(true), idle, interval, count }
}

/// What every type has: the option, whether the value is taken, and how it is set.
const COMMON: &[(&str, bool, Set)] = &[
    ("send_hwm", true, |s| s.set_send_hwm(0)),
    ("send_hwm", true, |s| s.set_send_hwm(1)),
    ("send_hwm", true, |s| s.set_send_hwm(u32::MAX)),
    ("recv_hwm", true, |s| s.set_recv_hwm(0)),
    ("recv_hwm", true, |s| s.set_recv_hwm(1)),
    ("recv_hwm", true, |s| s.set_recv_hwm(u32::MAX)),
    ("linger", true, |s| s.set_linger(Some(NANO))),
    ("send_timeout", true, |s| s.set_send_timeout(Some(MAX))),
    ("recv_timeout", true, |s| s.set_recv_timeout(Some(MAX))),
    ("spin", true, |s| s.set_spin(Spin::Fixed(MAX))),
    ("spin", true, |s| s.set_spin(Spin::Fixed(Duration::ZERO))),
    ("spin", true, |s| s.set_spin(Spin::Off)),
    ("immediate", true, |s| s.set_immediate(true)),
    ("conflate", true, |s| s.set_conflate(true)),
    ("routing_id", false, |s| s.set_routing_id("")),
    ("routing_id", false, |s| s.set_routing_id([0])),
    ("routing_id", false, |s| s.set_routing_id([1; 256])),
    ("routing_id", true, |s| s.set_routing_id([255; 255])),
    ("metadata", true, |s| s.set_metadata("X-a", &[])),
    ("metadata", true, |s| s.set_metadata("X-a", &[0; 61_440 - 8])),
    ("metadata", false, |s| s.set_metadata("X-a", &[0; 61_440 - 7])),
    ("metadata", false, |s| s.set_metadata("X-a", &[0; 1 << 20])),
    ("metadata", false, |s| s.set_metadata("", b"")),
    ("metadata", false, |s| s.set_metadata("X-\0", b"")),
    ("affinity", true, |s| s.set_affinity(u64::MAX)),
    ("affinity", true, |s| s.set_affinity(1 << 63)),
    ("max_message_size", true, |s| s.set_max_message_size(Some(u64::MAX))),
    ("handshake_interval", false, |s| s.set_handshake_interval(Some(Duration::ZERO))),
    ("handshake_interval", false, |s| s.set_handshake_interval(Some(MILLI - NANO))),
    ("handshake_interval", true, |s| s.set_handshake_interval(Some(MAX))),
    ("handshake_interval", true, |s| s.set_handshake_interval(None)),
    ("reconnect_interval", false, |s| s.set_reconnect_interval(Some(Duration::ZERO))),
    ("reconnect_interval", true, |s| s.set_reconnect_interval(Some(NANO))),
    ("reconnect_interval", true, |s| s.set_reconnect_interval(Some(MAX))),
    ("reconnect_interval_max", true, |s| s.set_reconnect_interval_max(NANO)),
    ("reconnect_interval_max", true, |s| s.set_reconnect_interval_max(MAX)),
    ("heartbeat_interval", false, |s| s.set_heartbeat_interval(NANO)),
    ("heartbeat_interval", true, |s| s.set_heartbeat_interval(MAX)),
    ("heartbeat_timeout", false, |s| s.set_heartbeat_timeout(Some(NANO))),
    ("heartbeat_timeout", true, |s| s.set_heartbeat_timeout(Some(MAX))),
    ("heartbeat_timeout", true, |s| {
        s.set_heartbeat_timeout(Some(Duration::ZERO))?;
        s.set_heartbeat_interval(MILLI)
    }),
    ("heartbeat_ttl", false, |s| s.set_heartbeat_ttl(NANO)),
    ("heartbeat_ttl", false, |s| s.set_heartbeat_ttl(Duration::from_millis(99))),
    ("heartbeat_ttl", false, |s| s.set_heartbeat_ttl(MAX)),
    ("heartbeat_ttl", true, |s| s.set_heartbeat_ttl(Duration::from_millis(6_553_500))),
    ("ipv6", true, |s| s.set_ipv6(true)),
    ("backlog", true, |s| s.set_backlog(0)),
    ("backlog", true, |s| s.set_backlog(u32::MAX)),
    ("send_buffer", false, |s| s.set_send_buffer(Some(0))),
    ("send_buffer", true, |s| s.set_send_buffer(Some(1))),
    ("send_buffer", LINUX, |s| s.set_send_buffer(Some(if LINUX { 0x7FFF_FFFF } else { 0 }))),
    ("send_buffer", false, |s| s.set_send_buffer(Some(usize::MAX))),
    ("recv_buffer", false, |s| s.set_recv_buffer(Some(0))),
    ("recv_buffer", true, |s| s.set_recv_buffer(Some(1))),
    ("recv_buffer", LINUX, |s| s.set_recv_buffer(Some(if LINUX { 0x7FFF_FFFF } else { 0 }))),
    ("recv_buffer", false, |s| s.set_recv_buffer(Some(0x8000_0000))),
    ("tos", true, |s| s.set_tos(255)),
    ("tos", false, |s| s.set_tos(256)),
    ("tos", false, |s| s.set_tos(u32::MAX)),
    ("priority", true, |s| s.set_priority(0)),
    ("priority", LINUX, |s| s.set_priority(6)),
    ("priority", false, |s| s.set_priority(u32::MAX)),
    ("bind_to_device", false, |s| s.set_bind_to_device(Some(""))),
    ("bind_to_device", false, |s| s.set_bind_to_device(Some("lo\0"))),
    ("bind_to_device", false, |s| s.set_bind_to_device(Some("sixteen-bytes-or"))),
    ("bind_to_device", true, |s| s.set_bind_to_device(None)),
    ("max_rt", false, |s| s.set_max_rt(Some(Duration::ZERO))),
    ("max_rt", LINUX, |s| s.set_max_rt(Some(Duration::from_millis(0x7FFF_FFFF)))),
    ("max_rt", false, |s| s.set_max_rt(Some(Duration::from_millis(0x8000_0000)))),
    ("max_rt", false, |s| s.set_max_rt(Some(MAX))),
    ("max_rt", true, |s| s.set_max_rt(None)),
    ("busy_poll", true, |s| s.set_busy_poll(Duration::ZERO)),
    ("busy_poll", true, |s| s.set_busy_poll(SECOND)),
    ("busy_poll", false, |s| s.set_busy_poll(NANO)),
    ("busy_poll", false, |s| s.set_busy_poll(MAX)),
    ("tcp_keepalive", true, |s| s.set_tcp_keepalive(probes(SECOND, SECOND, 1))),
    ("tcp_keepalive", LINUX, |s| {
        let count = if LINUX { 127 } else { 0 };
        s.set_tcp_keepalive(probes(32_767 * SECOND, 32_767 * SECOND, count))
    }),
    ("tcp_keepalive", false, |s| s.set_tcp_keepalive(probes(Duration::ZERO, SECOND, 1))),
    ("tcp_keepalive", false, |s| s.set_tcp_keepalive(probes(SECOND, 32_768 * SECOND, 1))),
    ("tcp_keepalive", false, |s| s.set_tcp_keepalive(probes(MAX, SECOND, 1))),
    ("tcp_keepalive", false, |s| s.set_tcp_keepalive(probes(SECOND, SECOND, 0))),
    ("tcp_keepalive", false, |s| s.set_tcp_keepalive(probes(SECOND, SECOND, 128))),
    ("connect_timeout", false, |s| s.set_connect_timeout(Some(Duration::ZERO))),
    ("connect_timeout", false, |s| s.set_connect_timeout(Some(NANO))),
    ("connect_timeout", true, |s| s.set_connect_timeout(Some(MAX))),
];

/// Settings that wait for something slower than this test would, or that have rights of their own to ask
/// for; what is refused of them is in the other table.
const RISKY: &[Set] = &[
    |s| s.set_handshake_interval(Some(MILLI)),
    |s| s.set_connect_timeout(Some(MILLI)),
    |s| s.set_heartbeat_timeout(Some(MILLI)),
    |s| s.set_priority(0x7FFF_FFFF),
    |s| s.set_bind_to_device(Some("lo")),
    |s| s.set_bind_to_device(Some("not-there-yet")),
];

/// Whether a value was taken. What was not is an error that names the option and some numbers.
fn taken(name: &str, result: Result<(), Error>) -> bool {
    match result {
        Ok(()) => true,
        Err(Error::InvalidOption { option, reason }) => {
            assert_eq!(option, name);
            let tells = reason.contains(|c: char| c.is_ascii_digit()) || reason.contains("Linux");
            assert!(tells, "{option}: {reason}");
            false
        }
        Err(error) => panic!("{name}: {error:?}"),
    }
}

fn make(harness: &Harness, socket_type: SocketType) -> AnySocket {
    patient(harness.context.socket(socket_type).unwrap())
}

fn every_value_is_refused_or_works(harness: &Harness) {
    for (row, (name, takes, set)) in COMMON.iter().enumerate() {
        let (a, b) = (make(harness, SocketType::Dealer), make(harness, SocketType::Dealer));
        for socket in [&a, &b] {
            assert_eq!(taken(name, set(socket)), *takes, "{name}, row {row}");
        }
        if *name == "tcp_keepalive" && under_wine() {
            continue; // It has no count of probes.
        }
        // Shown if the test fails.
        println!("{name}, row {row}");
        harness.join(&a, &b);
        for (from, to) in [(&a, &b), (&b, &a)] {
            from.send("hello").unwrap_or_else(|error| panic!("{name}, row {row}: {error}"));
            let heard = to.recv().unwrap_or_else(|error| panic!("{name}, row {row}: {error}"));
            assert_eq!(heard, "hello");
        }
    }
}

fn settings_of_routers_are_refused_or_work(harness: &Harness) {
    for (takes, id) in [
        (false, &[][..]),
        (false, &[7; 256]),
        (true, &[7; 255]),
        (true, &[0]),
        (true, &[0; 5]),
        (true, &[0; 255]),
    ] {
        let (router, dealer) =
            (make(harness, SocketType::Router), make(harness, SocketType::Dealer));
        assert_eq!(taken("connect_routing_id", router.set_connect_routing_id(id)), takes);
        harness.join(&dealer, &router);
        dealer.send("hello").unwrap();
        let message = router.recv_multipart().unwrap();
        assert!(!takes || message[0] == *id);
        router.send_multipart(message).unwrap();
        assert_eq!(dealer.recv().unwrap(), "hello");
    }
}

fn settings_of_publishers_are_refused_or_work(harness: &Harness) {
    let large = vec![b'x'; 1 << 20];
    for size in [0, 1, 255, 256, 1 << 20] {
        let (publisher, subscriber) =
            (make(harness, SocketType::XPub), make(harness, SocketType::Sub));
        publisher.set_welcome_message(&large[..size]).unwrap();
        subscriber.subscribe(&large[..size]).unwrap();
        harness.join(&publisher, &subscriber);
        assert_eq!(publisher.recv().unwrap().len(), size + 1, "the subscription");
        if size > 0 {
            assert_eq!(subscriber.recv().unwrap().len(), size, "the welcome");
        }
        publisher.send(&large[..]).unwrap();
        assert_eq!(subscriber.recv().unwrap().len(), large.len());
    }
}

fn what_cannot_be_is_refused_and_says_what_can(harness: &Harness) {
    for set in RISKY {
        let socket = make(harness, SocketType::Dealer);
        match set(&socket) {
            Ok(()) | Err(Error::InvalidOption { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
        // It is set for whoever asks for it; within the process it does not matter.
        harness.join(&socket, &make(harness, SocketType::Dealer));
    }
    if LINUX {
        let socket = make(harness, SocketType::Pull);
        socket.set_bind_to_device(Some("not-there-yet")).unwrap();
        let error = socket.bind("tcp://127.0.0.1:*").unwrap_err().to_string();
        assert!(error.contains("bind_to_device"), "{error}");
    }
}

fn endpoints_of_any_length_and_content(harness: &Harness) {
    let folder = tempfile::tempdir().unwrap();
    let path = |length: usize| {
        let path = format!("{}/", folder.path().display());
        format!("ipc://{path}{}", "x".repeat(length - path.len()))
    };
    let unix = cfg!(unix) && crate::harness::has_unix_sockets();
    for (endpoint, takes) in [
        (format!("inproc://{}", "x".repeat(256)), true),
        (format!("inproc://{}", "x".repeat(257)), false),
        ("inproc://\0".into(), true),
        ("inproc://\u{1F98E} */;:".into(), true),
        (path(if cfg!(target_os = "macos") { 103 } else { 107 }), unix),
        (path(109), false),
        ("ipc://a\0b".into(), false),
        (format!("ipc://@{}", "x".repeat(107)), false),
        ("tcp://127.0.0.1:00".into(), false),
        ("tcp://127.0.0.1:99999999999999999999".into(), false),
        (format!("tcp://{}:1", "x".repeat(254)), false),
        (format!("tcp://{}:1", "x.".repeat(1 << 19)), false),
        (format!("tcp://[fe80::1%{}]:1", "x".repeat(33)), false),
        ("tcp://127.0.0.1\0:1".into(), false),
        (format!("{}://x", "t".repeat(1 << 20)), false),
    ] {
        let (push, pull) = (harness.push(), harness.pull());
        let bound = pull.bind(&endpoint);
        assert_eq!(bound.is_ok(), takes, "{endpoint:.100?}: {bound:.200?}");
        match bound {
            Ok(bound) => {
                push.connect(&bound).unwrap();
                push.send("hello").unwrap();
                assert_eq!(pull.recv().unwrap(), "hello");
                pull.unbind(&endpoint).unwrap();
            }
            // A text that is well can be connected to where it cannot be bound.
            Err(Error::Bind(_)) if !unix && endpoint.starts_with("ipc:") => {}
            Err(_) => assert!(matches!(push.connect(&endpoint), Err(Error::Endpoint(_)))),
        }
    }
}

type Build = fn(ContextBuilder) -> ContextBuilder;

/// What every context has: the setting, whether the value is taken, and how it is set.
const CONTEXTS: &[(&str, bool, Build)] = &[
    ("io_threads", true, |b| b.io_threads(0)),
    ("io_threads", true, |b| b.io_threads(3)),
    ("io_threads", false, |b| b.io_threads(1025)),
    ("io_threads", false, |b| b.io_threads(usize::MAX)),
    ("pin_io_threads", true, |b| b.pin_io_threads([])),
    ("pin_io_threads", false, |b| b.pin_io_threads([usize::MAX])),
    ("io_patience", true, |b| b.io_patience(Duration::ZERO)),
    ("io_patience", true, |b| b.io_patience(MAX)),
    ("busy_poll", false, |b| b.busy_poll(Some(Duration::ZERO))),
    ("busy_poll", true, |b| b.busy_poll(Some(SECOND))),
    ("busy_poll", false, |b| b.busy_poll(Some(MAX))),
    ("timer_slack", false, |b| b.timer_slack(Duration::ZERO)),
    ("timer_slack", LINUX, |b| b.timer_slack(SECOND)),
    ("timer_slack", false, |b| b.timer_slack(MAX)),
    ("realtime", false, |b| b.realtime(0)),
    ("realtime", false, |b| b.realtime(100)),
    ("realtime", false, |b| b.realtime(255)),
    ("spin", true, |b| b.spin(Spin::Fixed(MAX))),
    ("spin", true, |b| b.spin(Spin::Fixed(NANO))),
    ("thread_name", true, |b| b.thread_name("")),
    ("thread_name", true, |b| b.thread_name("a name that is longer than any system shows")),
    ("thread_name", true, |b| b.thread_name(&"ü".repeat(100_000))),
    ("thread_name", false, |b| b.thread_name("zero\0byte")),
];

fn every_context_is_refused_or_works(harness: &Harness) {
    for (row, (name, takes, build)) in CONTEXTS.iter().enumerate() {
        let built = build(Context::builder().backend(harness.backend)).build();
        let context = match built {
            Ok(context) => context,
            Err(error) => {
                assert!(!taken(name, Err(error)));
                assert!(!takes, "{name}, row {row}");
                continue;
            }
        };
        assert!(takes, "{name}, row {row}");
        assert!(
            context.backend().unwrap().kind.name() == "mio"
                || harness.backend != BackendChoice::Mio
        );
        let (push, pull) = (context.push().unwrap(), context.pull().unwrap());
        push.set_affinity(1 << 40).unwrap();
        push.set_send_timeout(Some(PATIENCE)).unwrap();
        pull.set_recv_timeout(Some(PATIENCE)).unwrap();
        push.connect(&pull.bind(&harness.anywhere()).unwrap()).unwrap();
        push.send("hello").unwrap();
        assert_eq!(pull.recv().unwrap(), "hello", "{name}, row {row}");
    }
}
