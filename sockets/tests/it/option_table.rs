//! The whole table of options: each is set by name, by number and by its method, to its bounds and
//! beyond.

use crate::harness::{Harness, over_tcp, within_process};
use ringmq::options::{ContextOption, OptionValue, SocketOption, ValueType};
use ringmq::{AnySocket, Context, Error, SocketType};
use std::fmt::Debug;

within_process![
    each_value_is_read_as_it_was_set,
    each_value_beyond_is_refused_and_changes_nothing,
    defaults_are_those_of_libzmq_unless_it_says_so,
    sockets_without_an_option_refuse_it,
    what_can_only_be_read_is_known,
    what_is_no_option_is_an_error,
    what_is_too_large_for_c_is_the_largest_there_is,
];

over_tcp![contexts_have_what_they_were_built_with];

const LINUX: bool = cfg!(target_os = "linux");

/// An option, with what it takes, as text and as its method gives it, and what it refuses.
struct Case {
    name: &'static str,
    takes: Vec<(String, &'static str)>,
    refuses: &'static [&'static str],
    read: fn(&AnySocket) -> String,
    /// Sets what was read.
    again: fn(&AnySocket) -> Result<(), Error>,
}

fn shown<T: Debug>(value: Result<T, Error>) -> String {
    format!("{:?}", value.unwrap())
}

macro_rules! cases {
    ($($name:literal $get:ident $set:ident: $($text:expr => $typed:expr),+; $($refused:expr),*;)*) => {
        vec![$(Case {
            name: $name,
            takes: vec![$((String::from($text), $typed)),+],
            refuses: &[$($refused),*],
            read: |socket| shown(socket.$get()),
            again: |socket| socket.$set(socket.$get()?),
        }),*]
    };
}

/// A key of CURVE.
const KEY: &str = "clgZ-e%xUjbVPRmFBC3.xni{%HKPKMCq)ULs9%EC";

const FLAGS: &[&str] = &["-1", "2", "yes", ""];
const POSITIVES: &[&str] = &["-1", "yes", "2147483648"];

fn switches(refuses: &'static [&'static str], all: Vec<Case>) -> impl Iterator<Item = Case> {
    all.into_iter().map(move |case| Case { refuses, ..case })
}

fn cases() -> Vec<Case> {
    let mut all = queues_and_connections();
    all.extend(descriptors());
    all.extend(keepalive());
    all.extend(limits());
    all.extend(switches(
        FLAGS,
        cases![
            "immediate" immediate set_immediate: "1" => "true", "0" => "false"; ;
            "plain_server" plain_server set_plain_server: "1" => "true", "0" => "false"; ;
            "curve_server" curve_server set_curve_server: "1" => "true", "0" => "false"; ;
            "zap_enforce_domain" zap_enforce_domain set_zap_enforce_domain:
                "1" => "true", "0" => "false"; ;
            "conflate" conflate set_conflate: "1" => "true", "0" => "false"; ;
            "ipv6" ipv6 set_ipv6: "1" => "true", "0" => "false"; ;
            "invert_matching" invert_matching set_invert_matching: "1" => "true", "0" => "false"; ;
        ],
    ));
    all.extend(switches(
        POSITIVES,
        cases![
            "router_mandatory" mandatory set_mandatory: "1" => "true", "0" => "false"; ;
            "router_handover" handover set_handover: "1" => "true", "0" => "false"; ;
            "req_correlate" correlate set_correlate: "1" => "true", "0" => "false"; ;
            "req_relaxed" relaxed set_relaxed: "1" => "true", "0" => "false"; ;
            "probe_router" probe_router set_probe_router: "1" => "true", "0" => "false"; ;
            "xpub_nodrop" no_drop set_no_drop: "1" => "true", "0" => "false"; ;
            "xpub_verbose" verbose set_verbose: "1" => "true", "0" => "false"; ;
            "xpub_verboser" verboser set_verboser: "1" => "true", "0" => "false"; ;
            "xpub_manual" manual set_manual: "1" => "true", "0" => "false"; ;
        ],
    ));
    all
}

fn limits() -> Vec<Case> {
    cases![
        "max_connections" max_connections set_max_connections:
            "-1" => "None", "7" => "Some(7)"; "-2", "x";
        "max_connections_per_address" max_connections_per_address set_max_connections_per_address:
            "-1" => "None", "0" => "Some(0)"; "-2";
        "max_parts" max_parts set_max_parts: "-1" => "None", "3" => "Some(3)"; "-2";
        "max_handshakes" max_handshakes set_max_handshakes: "-1" => "None", "5" => "Some(5)"; "-2";
    ]
}

fn queues_and_connections() -> Vec<Case> {
    let mut all = cases![
        "sndhwm" send_hwm set_send_hwm:
            "0" => "0", "2147483647" => "2147483647"; "-1", "2147483648", "";
        "rcvhwm" recv_hwm set_recv_hwm:
            "0" => "0", "2147483647" => "2147483647"; "-1", "2147483648", "";
        "linger" linger set_linger:
            "-1" => "None", "0" => "Some(0ns)", "2147483647" => "Some(2147483.647s)"; "-2", "1s";
        "sndtimeo" send_timeout set_send_timeout:
            "-1" => "None", "0" => "Some(0ns)", "2147483647" => "Some(2147483.647s)"; "-2", "1s";
        "rcvtimeo" recv_timeout set_recv_timeout:
            "-1" => "None", "0" => "Some(0ns)", "2147483647" => "Some(2147483.647s)"; "-2", "1s";
        "spin" spin set_spin: "-1" => "Adaptive", "0" => "Off", "7" => "Fixed(7µs)"; "-2", "off";
        "routing_id" routing_id set_routing_id:
            "a" => "[97]", r"\x01\xff" => "[1, 255]"; "", r"\x00a";
        "affinity" affinity set_affinity:
            "0" => "0", "18446744073709551615" => "18446744073709551615";
            "-1", "18446744073709551616";
        "maxmsgsize" max_message_size set_max_message_size:
            "-1" => "None", "64" => "Some(64)",
            "9223372036854775807" => "Some(9223372036854775807)"; "0", "63", "-2";
        "handshake_ivl" handshake_interval set_handshake_interval:
            "0" => "None", "1" => "Some(1ms)", "2147483647" => "Some(2147483.647s)"; "-1", "1.5";
        "reconnect_ivl" reconnect_interval set_reconnect_interval:
            "-1" => "None", "1" => "Some(1ms)", "2147483647" => "Some(2147483.647s)"; "-2";
        "reconnect_ivl_max" reconnect_interval_max set_reconnect_interval_max:
            "0" => "0ns", "2147483647" => "2147483.647s"; "-1";
        "heartbeat_ivl" heartbeat_interval set_heartbeat_interval:
            "0" => "0ns", "1" => "1ms", "2147483647" => "2147483.647s"; "-1";
        "heartbeat_timeout" heartbeat_timeout set_heartbeat_timeout:
            "-1" => "None", "0" => "Some(0ns)", "1" => "Some(1ms)"; "-2";
        "heartbeat_ttl" heartbeat_ttl set_heartbeat_ttl:
            "0" => "0ns", "100" => "100ms", "6553599" => "6553.599s"; "-1", "99", "6553600";
        "xpub_welcome_msg" welcome_message set_welcome_message:
            "" => "[]", "hi" => "[104, 105]"; ;
        "plain_username" plain_username set_plain_username: "alice" => "\"alice\"", "" => "\"\""; ;
        "plain_password" plain_password set_plain_password: "wonderland" => "(secret)"; ;
        "zap_domain" zap_domain set_zap_domain: "global" => "\"global\"", "" => "\"\""; ;
        "curve_publickey" curve_public_key set_curve_public_key:
            KEY => "Some(CurvePublicKey(clgZ-e%xUjbVPRmFBC3.xni{%HKPKMCq)ULs9%EC))", "" => "None";
            "clgZ", r"\x00";
        "curve_secretkey" curve_secret_key set_curve_secret_key:
            KEY => "Some(CurveSecretKey(..))", "" => "None"; "clgZ";
        "curve_serverkey" curve_server_key set_curve_server_key:
            KEY => "Some(CurvePublicKey(clgZ-e%xUjbVPRmFBC3.xni{%HKPKMCq)ULs9%EC))", "" => "None";
            "clgZ";
        "connect_routing_id" connect_routing_id set_connect_routing_id:
            "a" => "[97]", r"\x00" => "[0]"; "";
        "reconnect_stop" reconnect_stop set_reconnect_stop:
            "0" => "ReconnectStop { connection_refused: false, handshake_failed: false, \
                    after_disconnect: false }",
            "6" => "ReconnectStop { connection_refused: false, handshake_failed: true, \
                    after_disconnect: true }";
            "-1", "8";
    ];
    all.push(Case {
        name: "metadata",
        takes: vec![("X-a:b:c".into(), r#"[("X-a", [98, 58, 99])]"#)],
        refuses: &["", "X-a", "a:b", ":"],
        read: |socket| shown(socket.metadata()),
        again: |socket| {
            let all = socket.metadata()?;
            all.iter().try_for_each(|(name, value)| socket.set_metadata(name, value))
        },
    });
    all
}

fn descriptors() -> Vec<Case> {
    let mut all = cases![
        "backlog" backlog set_backlog: "0" => "0", "2147483647" => "2147483647"; "-1";
        "tos" tos set_tos: "0" => "0", "255" => "255"; "-1", "256";
        "connect_timeout" connect_timeout set_connect_timeout:
            "0" => "None", "1" => "Some(1ms)"; "-1", "2147483648";
        "busy_poll" busy_poll set_busy_poll:
            "0" => "0ns", "1" => "1µs", "1000000" => "1s"; "-1", "1000001";
        "sndbuf" send_buffer set_send_buffer:
            "-1" => "None", "1" => "Some(1)", "2147483647" => "Some(2147483647)"; "-2", "0";
        "rcvbuf" recv_buffer set_recv_buffer:
            "-1" => "None", "1" => "Some(1)", "2147483647" => "Some(2147483647)"; "-2", "0";
        "priority" priority set_priority: "0" => "0"; "-1", "2147483648";
        "tcp_maxrt" max_rt set_max_rt: "0" => "None"; "-1", "2147483648";
    ];
    if LINUX {
        all[6].takes.push(("6".into(), "6"));
        all[7].takes.push(("2147483647".into(), "Some(2147483.647s)"));
    }
    all.push(Case {
        name: "bindtodevice",
        takes: vec![("".into(), "None")],
        refuses: &["a b", "sixteen-bytes-or", r"\xff", r"lo\x00"],
        read: |socket| shown(socket.bind_to_device()),
        again: |socket| socket.set_bind_to_device(socket.bind_to_device()?.as_deref()),
    });
    all
}

fn keepalive() -> Vec<Case> {
    let mut all = cases![
        "tcp_keepalive" tcp_keepalive set_tcp_keepalive:
            "-1" => "None", "0" => "Some(false)", "1" => "Some(true)";
            "-2", "2";
        "tcp_keepalive_cnt" tcp_keepalive set_tcp_keepalive:
            "-1" => "None", "1" => "Some(1)", "127" => "Some(127)"; "-2", "0", "128";
        "tcp_keepalive_idle" tcp_keepalive set_tcp_keepalive:
            "-1" => "None", "1" => "Some(1s)", "32767" => "Some(32767s)"; "-2", "0", "32768";
        "tcp_keepalive_intvl" tcp_keepalive set_tcp_keepalive:
            "-1" => "None", "1" => "Some(1s)", "32767" => "Some(32767s)"; "-2", "0", "32768";
    ];
    all[0].read = |socket| format!("{:?}", socket.tcp_keepalive().unwrap().enabled);
    all[1].read = |socket| format!("{:?}", socket.tcp_keepalive().unwrap().count);
    all[2].read = |socket| format!("{:?}", socket.tcp_keepalive().unwrap().idle);
    all[3].read = |socket| format!("{:?}", socket.tcp_keepalive().unwrap().interval);
    all
}

/// A socket that has an option.
fn make(harness: &Harness, option: SocketOption) -> AnySocket {
    let has = |socket_type: &SocketType| option.applies_to(*socket_type);
    let types = [SocketType::Dealer, SocketType::Router, SocketType::Req, SocketType::XPub];
    harness.context.socket(types.into_iter().find(has).unwrap()).unwrap()
}

fn each_value_is_read_as_it_was_set(harness: &Harness) {
    let cases = cases();
    for option in SocketOption::all().filter(|option| option.can_be_set() && option.can_be_read()) {
        let case = cases.iter().find(|case| case.name == option.name());
        let case = case.unwrap_or_else(|| panic!("no case for {option:?}"));
        for (text, typed) in &case.takes {
            let (by_name, by_number) = (make(harness, option), make(harness, option));
            let value = option.parse(text).unwrap();
            by_name.set_option(option, &value).unwrap_or_else(|error| panic!("{text}: {error}"));
            let number = option.number().map_or(Ok(option), SocketOption::by_number).unwrap();
            let same = number.decode(&value.to_bytes()).unwrap();
            by_number.set_option(number, &same).unwrap();
            for socket in [&by_name, &by_number] {
                let secret = matches!(value, OptionValue::Secret(_)) && !text.is_empty();
                let shown = if secret { "(secret)" } else { text };
                assert_eq!(socket.option(option).unwrap().to_string(), shown, "{option:?}");
                assert_eq!((case.read)(socket), *typed, "{option:?}");
                (case.again)(socket).unwrap();
                assert_eq!(socket.option(number).unwrap(), value, "{option:?}");
            }
        }
    }
}

fn each_value_beyond_is_refused_and_changes_nothing(harness: &Harness) {
    for case in cases() {
        let option = SocketOption::by_name(case.name).unwrap();
        let socket = make(harness, option);
        let before = socket.option(option).unwrap();
        for text in case.refuses {
            let refused = option.parse(text).and_then(|value| socket.set_option(option, &value));
            assert!(
                matches!(refused, Err(Error::InvalidOption { .. })),
                "{option:?} {text}: {refused:?}"
            );
            assert_eq!(socket.option(option).unwrap(), before);
        }
        // Another type's value, and bytes that are too many.
        let other = match option.value_type() {
            ValueType::Int => OptionValue::Int64(0),
            _ => OptionValue::Int(0),
        };
        let refused = socket.set_option(option, &other);
        assert!(matches!(refused, Err(Error::InvalidOption { .. })), "{refused:?}");
        if option.value_type() != ValueType::Bytes {
            for length in [0, 1, 3, 5, 9, 64] {
                assert!(option.decode(&vec![0; length]).is_err());
            }
        }
    }
}

/// What libzmq 4.3 starts with, where that is not 0 and not empty.
const OF_LIBZMQ: &[(&str, &str)] = &[
    ("linger", "-1"),
    ("sndhwm", "1000"),
    ("rcvhwm", "1000"),
    ("sndtimeo", "-1"),
    ("rcvtimeo", "-1"),
    ("sndbuf", "-1"),
    ("rcvbuf", "-1"),
    ("reconnect_ivl", "100"),
    ("backlog", "100"),
    ("maxmsgsize", "-1"),
    ("tcp_keepalive", "-1"),
    ("tcp_keepalive_cnt", "-1"),
    ("tcp_keepalive_idle", "-1"),
    ("tcp_keepalive_intvl", "-1"),
    ("handshake_ivl", "30000"),
    ("heartbeat_timeout", "-1"),
];

fn defaults_are_those_of_libzmq_unless_it_says_so(harness: &Harness) {
    for socket_type in SocketType::ALL {
        let Ok(socket) = harness.context.socket(socket_type) else { continue };
        let subscribes = matches!(socket_type, SocketType::Sub | SocketType::XSub);
        let options = SocketOption::all().filter(|option| option.can_be_read());
        for option in options.filter(|option| option.applies_to(socket_type)) {
            let value = socket.option(option).unwrap();
            assert_eq!(value, option.default(socket_type), "{option:?}");
            if !option.can_be_set() || option.number().is_none() {
                continue;
            }
            let theirs = OF_LIBZMQ.iter().find(|(name, _)| *name == option.name());
            let nothing = if option.value_type() == ValueType::Bytes { "" } else { "0" };
            let theirs = match theirs {
                Some(("linger", _)) if subscribes => "0",
                Some((_, default)) => default,
                None => nothing,
            };
            let same = value.to_string() == theirs;
            assert!(same || option.note().contains(&format!("libzmq has {theirs}")), "{option:?}");
        }
    }
}

fn sockets_without_an_option_refuse_it(harness: &Harness) {
    for socket_type in SocketType::ALL {
        let Ok(socket) = harness.context.socket(socket_type) else { continue };
        for option in SocketOption::all().filter(|option| !option.applies_to(socket_type)) {
            if option.can_be_set() {
                let value = match option.value_type() {
                    ValueType::Bytes => OptionValue::Bytes(b"x".to_vec()),
                    _ => OptionValue::Int(1),
                };
                let refused = socket.set_option(option, &value);
                assert!(matches!(refused, Err(Error::InvalidOption { .. })), "{option:?}");
            }
            // What all have and only some may change is read.
            match socket.option(option) {
                Ok(value) => assert_eq!((option.name(), value), ("conflate", OptionValue::Int(0))),
                Err(error) => assert!(matches!(error, Error::NoSuchOption { .. }), "{error}"),
            }
        }
    }
}

fn what_can_only_be_read_is_known(harness: &Harness) {
    let option = |name| SocketOption::by_name(name).unwrap();
    let socket = harness.context.socket(SocketType::Sub).unwrap();
    let endpoint = socket.bind(&harness.anywhere()).unwrap();
    for text in ["a", "a", "b"] {
        socket.set_option(option("subscribe"), &option("subscribe").parse(text).unwrap()).unwrap();
    }
    let gone = OptionValue::Bytes(b"b".to_vec());
    socket.set_option(option("unsubscribe"), &gone).unwrap();
    for (name, value) in
        [("type", "2"), ("last_endpoint", &*endpoint), ("mechanism", "0"), ("topics_count", "1")]
    {
        assert_eq!(socket.option(option(name)).unwrap().to_string(), value);
        assert!(!option(name).can_be_set());
        let refused = socket.set_option(option(name), &option(name).parse(value).unwrap());
        assert!(matches!(refused, Err(Error::NoSuchOption { .. })), "{refused:?}");
    }
    for name in ["subscribe", "unsubscribe"] {
        assert!(!option(name).can_be_read());
        assert!(matches!(socket.option(option(name)), Err(Error::NoSuchOption { .. })));
    }
}

fn what_is_no_option_is_an_error(harness: &Harness) {
    for number in [-1, 0, 2, 9999, i32::MIN, i32::MAX] {
        assert!(matches!(SocketOption::by_number(number), Err(Error::NoSuchOption { .. })));
    }
    for name in ["", "Linger", "linger ", "set_linger", "send_hwm", "\0"] {
        assert!(matches!(SocketOption::by_name(name), Err(Error::NoSuchOption { .. })));
    }
    let mark = SocketOption::by_number(23).unwrap();
    let socket = make(harness, mark);
    harness.context.shutdown();
    assert!(matches!(socket.option(mark), Err(Error::Terminated)));
    assert!(matches!(socket.send_hwm(), Err(Error::Terminated)));
    let zero = OptionValue::Int(0);
    assert!(matches!(socket.set_option(mark, &zero), Err(Error::Terminated)));
    // What lingers can be told to hurry when the socket is closed.
    let linger = SocketOption::by_number(17).unwrap();
    socket.set_option(linger, &zero).unwrap();
    assert_eq!(socket.option(linger).unwrap(), zero);
    assert_eq!(socket.linger().unwrap(), Some(std::time::Duration::ZERO));
}

fn what_is_too_large_for_c_is_the_largest_there_is(harness: &Harness) {
    use std::time::Duration;
    let socket = harness.context.socket(SocketType::Dealer).unwrap();
    let read = |name| socket.option(SocketOption::by_name(name).unwrap()).unwrap().to_string();
    socket.set_send_hwm(u32::MAX).unwrap();
    socket.set_linger(Some(Duration::MAX)).unwrap();
    socket.set_recv_timeout(Some(Duration::from_nanos(1))).unwrap();
    socket.set_max_message_size(Some(u64::MAX)).unwrap();
    assert_eq!(read("sndhwm"), "2147483647");
    assert_eq!(read("linger"), "2147483647");
    assert_eq!(read("rcvtimeo"), "1", "no wait becomes none");
    assert_eq!(read("maxmsgsize"), "9223372036854775807");
    assert_eq!(socket.linger().unwrap(), Some(Duration::MAX), "the method knows it all");
}

/// An option of a context: what it starts with, what it takes and refuses, and how it is read.
type ContextCase = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
    fn(&Context) -> String,
);

/// What takes rights of its own is only refused here; `ContextBuilder`'s examples try it.
const CONTEXTS: &[ContextCase] = &[
    ("io_threads", "1", &[("1", "1"), ("3", "3")], &["-1", "1025", "x"], |c| {
        format!("{:?}", c.io_threads())
    }),
    ("thread_name_prefix", "ringmq-io", &[("", "\"\""), ("feed", "\"feed\"")], &[r"a\x00b"], |c| {
        format!("{:?}", c.thread_name())
    }),
    ("pin_io_threads", "", &[("", "[]")], &["1024", "1,x", ","], |c| format!("{:?}", c.io_cores())),
    ("backend", "auto", &[("mio", "Mio"), ("auto", "Auto")], &["epoll"], |c| {
        format!("{:?}", c.backend_choice())
    }),
    ("io_patience", "50", &[("0", "0ns"), ("2147483647", "2147.483647s")], &["-1"], |c| {
        format!("{:?}", c.io_patience())
    }),
    ("busy_poll", "0", &[("0", "None"), ("1000000", "Some(1s)")], &["-1", "1000001"], |c| {
        format!("{:?}", c.busy_poll())
    }),
    ("timer_slack", "0", &[("0", "None")], &["-1", "1000000001"], |c| {
        format!("{:?}", c.timer_slack())
    }),
    ("realtime", "0", &[("0", "None")], &["-1", "100", "256"], |c| format!("{:?}", c.realtime())),
    ("lock_memory", "0", &[("0", "false")], &["-1", "2"], |c| format!("{:?}", c.lock_memory())),
    ("spin", "-1", &[("-1", "Adaptive"), ("0", "Off"), ("7", "Fixed(7µs)")], &["-2"], |c| {
        format!("{:?}", c.spin())
    }),
];

fn contexts_have_what_they_were_built_with(harness: &Harness) {
    let build = |option: ContextOption, text| {
        let builder = Context::builder().backend(harness.backend);
        builder.option(option, &option.parse(text)?)?.build()
    };
    for option in ContextOption::all() {
        let case = CONTEXTS.iter().find(|case| case.0 == option.name());
        let (_, default, takes, refuses, read) =
            case.unwrap_or_else(|| panic!("no case for {option:?}"));
        assert_eq!(option.default().to_string(), *default);
        assert_eq!(Context::new().option(option).to_string(), *default);
        for (text, typed) in *takes {
            let context = build(option, text).unwrap();
            assert_eq!(context.option(option).to_string(), *text);
            assert_eq!(read(&context), *typed, "{option:?}");
            let number = option.number().map_or(Ok(option), ContextOption::by_number).unwrap();
            let bytes = context.option(number).to_bytes();
            assert_eq!(option.decode(&bytes).unwrap(), context.option(option));
        }
        for text in *refuses {
            let error = build(option, text).unwrap_err();
            assert!(matches!(error, Error::InvalidOption { .. }), "{option:?} {text}: {error}");
        }
    }
    let threads = ContextOption::by_number(1).unwrap();
    assert!(threads.decode(&[0; 8]).is_err());
    assert_eq!(build(threads, "0").unwrap().io_threads(), 1);
    assert!(matches!(ContextOption::by_number(2), Err(Error::NoSuchOption { .. })));
    assert!(matches!(ContextOption::by_name("sndhwm"), Err(Error::NoSuchOption { .. })));
}
