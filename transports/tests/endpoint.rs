//! The endpoint grammar: tables of good and bad texts, and properties that hold for every text.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use ringmq_transports::endpoint::{Endpoint, Host, IPC_NAME_MAX};
use ringmq_transports::error::{EndpointError, EndpointPart};

type Parse = fn(&str) -> Result<Endpoint, EndpointError>;
const BIND: Parse = Endpoint::parse_bind;
const CONNECT: Parse = Endpoint::parse_connect;

/// What is accepted, and its canonical form.
#[test]
fn good_endpoints_print_in_canonical_form() {
    let both = [
        ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555"),
        ("tcp://0.0.0.0:1", "tcp://0.0.0.0:1"),
        ("tcp://localhost:65535", "tcp://localhost:65535"),
        ("tcp://my-host_1.Example.com:80", "tcp://my-host_1.Example.com:80"),
        ("tcp://example.com.:80", "tcp://example.com.:80"),
        ("tcp://eth0.100:80", "tcp://eth0.100:80"),
        ("tcp://_dns:80", "tcp://_dns:80"),
        ("tcp://[::1]:5555", "tcp://[::1]:5555"),
        ("tcp://::1:5555", "tcp://[::1]:5555"),
        ("tcp://[::]:5555", "tcp://[::]:5555"),
        ("tcp://:::5555", "tcp://[::]:5555"),
        ("tcp://[0:0:0:0:0:0:0:1]:5555", "tcp://[::1]:5555"),
        ("tcp://[FE80::1%eth0]:5555", "tcp://[fe80::1%eth0]:5555"),
        ("tcp://fe80::1%eth0.100:5555", "tcp://[fe80::1%eth0.100]:5555"),
        ("tcp://[fe80::1%2]:5555", "tcp://[fe80::1%2]:5555"),
        ("tcp://[::ffff:192.0.2.1]:5555", "tcp://[::ffff:192.0.2.1]:5555"),
        ("ipc:///tmp/name", "ipc:///tmp/name"),
        ("ipc://relative name", "ipc://relative name"),
        ("ipc://a*", "ipc://a*"),
        ("inproc://#1", "inproc://#1"),
        ("inproc:// any thing \u{e9}://;*", "inproc:// any thing \u{e9}://;*"),
    ];
    let bind = [
        ("tcp://*:*", "tcp://*:*"),
        ("tcp://*:0", "tcp://*:*"),
        ("tcp://*:5555", "tcp://*:5555"),
        ("tcp://eth0:*", "tcp://eth0:*"),
        ("tcp://[::]:*", "tcp://[::]:*"),
        ("ipc://*", "ipc://*"),
    ];
    let connect = [
        ("tcp://192.0.2.1:0;192.0.2.2:5555", "tcp://192.0.2.1:*;192.0.2.2:5555"),
        ("tcp://*:4444;example.com:5555", "tcp://*:4444;example.com:5555"),
        ("tcp://*:*;example.com:5555", "tcp://*:*;example.com:5555"),
        ("tcp://eth0:0;[::1]:5555", "tcp://eth0:*;[::1]:5555"),
        ("tcp://::1:7;::1:5555", "tcp://[::1]:7;[::1]:5555"),
        ("tcp://[fe80::1%lo]:7;h:5555", "tcp://[fe80::1%lo]:7;h:5555"),
    ];
    for (text, canonical) in both {
        assert_eq!(BIND(text).unwrap().to_string(), canonical);
        assert_eq!(CONNECT(text).unwrap().to_string(), canonical);
    }
    for (text, canonical) in bind {
        assert_eq!(BIND(text).unwrap().to_string(), canonical);
    }
    for (text, canonical) in connect {
        assert_eq!(CONNECT(text).unwrap().to_string(), canonical);
    }
}

/// Asserts that `text` is refused for `part`, whose text is `found`, and that the message says so.
#[track_caller]
fn assert_invalid(parse: Parse, text: &str, part: EndpointPart, found: &str) {
    let error = parse(text).expect_err(text);
    let message = error.to_string();
    match &error {
        EndpointError::Invalid { endpoint, part: named, found: shown, expected } => {
            assert_eq!((endpoint.as_str(), *named, shown.as_str()), (text, part, found));
            assert!(message.contains(expected), "{message}");
        }
        other => panic!("{text:?}: {other:?}"),
    }
    assert!(message.contains(&format!("{text:?}")), "{message}");
    assert!(message.contains(&format!("bad {part} {found:?}")), "{message}");
}

#[test]
fn malformed_endpoints_name_the_part_for_bind_and_connect() {
    let cases = [
        ("", EndpointPart::Scheme, ""),
        ("tcp", EndpointPart::Scheme, "tcp"),
        ("tcp:/localhost:1", EndpointPart::Scheme, "tcp:/localhost:1"),
        ("://localhost:1", EndpointPart::Scheme, ""),
        (" tcp://localhost:1", EndpointPart::Scheme, " tcp"),
        ("t cp://localhost:1", EndpointPart::Scheme, "t cp"),
        ("tcp://", EndpointPart::Address, ""),
        ("ipc://", EndpointPart::Address, ""),
        ("inproc://", EndpointPart::Address, ""),
        ("tcp://localhost", EndpointPart::Port, ""),
        ("tcp://127.0.0.1:", EndpointPart::Port, ""),
        ("tcp://localhost:12x", EndpointPart::Port, "12x"),
        ("tcp://localhost:http", EndpointPart::Port, "http"),
        ("tcp://localhost:99999", EndpointPart::Port, "99999"),
        ("tcp://localhost:65536", EndpointPart::Port, "65536"),
        ("tcp://localhost:-1", EndpointPart::Port, "-1"),
        ("tcp://localhost:+1", EndpointPart::Port, "+1"),
        ("tcp://localhost:01", EndpointPart::Port, "01"),
        ("tcp://localhost:00", EndpointPart::Port, "00"),
        ("tcp://localhost: 1", EndpointPart::Port, " 1"),
        ("tcp://localhost:1 ", EndpointPart::Port, "1 "),
        ("tcp://localhost:1/path", EndpointPart::Port, "1/path"),
        ("tcp://[::1]", EndpointPart::Port, "1]"),
        ("tcp://localhost:\u{661}", EndpointPart::Port, "\u{661}"),
        ("tcp://:5555", EndpointPart::Host, ""),
        ("tcp://in val id:1", EndpointPart::Host, "in val id"),
        ("tcp:// localhost:1", EndpointPart::Host, " localhost"),
        ("tcp://local\0host:1", EndpointPart::Host, "local\0host"),
        ("tcp://-host:1", EndpointPart::Host, "-host"),
        ("tcp://host..com:1", EndpointPart::Host, "host..com"),
        ("tcp://.:1", EndpointPart::Host, "."),
        ("tcp://a@b:1", EndpointPart::Host, "a@b"),
        ("tcp://h\u{e9}:1", EndpointPart::Host, "h\u{e9}"),
        ("tcp://localhost:1:2", EndpointPart::Host, "localhost:1"),
        ("tcp://1.2.3:1", EndpointPart::Host, "1.2.3"),
        ("tcp://256.1.1.1:1", EndpointPart::Host, "256.1.1.1"),
        ("tcp://01.1.1.1:1", EndpointPart::Host, "01.1.1.1"),
        ("tcp://1:1", EndpointPart::Host, "1"),
        ("tcp://[::1:1", EndpointPart::Host, "[::1"),
        ("tcp://::1]:1", EndpointPart::Host, "::1]"),
        ("tcp://[[::1]]:1", EndpointPart::Host, "[[::1]]"),
        ("tcp://[127.0.0.1]:1", EndpointPart::Host, "[127.0.0.1]"),
        ("tcp://[*]:1", EndpointPart::Host, "[*]"),
        ("tcp://[localhost]:1", EndpointPart::Host, "[localhost]"),
        ("tcp://[]:1", EndpointPart::Host, "[]"),
        ("tcp://::g:1", EndpointPart::Host, "::g"),
        ("tcp://127.0.0.1%eth0:1", EndpointPart::Host, "127.0.0.1%eth0"),
        ("tcp://[fe80::1%]:1", EndpointPart::Zone, ""),
        ("tcp://[fe80::1%eth 0]:1", EndpointPart::Zone, "eth 0"),
        ("tcp://fe80::1%a%b:1", EndpointPart::Zone, "a%b"),
        ("ipc://@", EndpointPart::Path, "@"),
        ("ipc://a\0b", EndpointPart::Path, "a\0b"),
    ];
    for (text, part, found) in cases {
        assert_invalid(BIND, text, part, found);
        assert_invalid(CONNECT, text, part, found);
    }
}

#[test]
fn what_only_one_side_may_say_is_refused_on_the_other() {
    assert_invalid(CONNECT, "tcp://*:5555", EndpointPart::Host, "*");
    assert_invalid(CONNECT, "tcp://localhost:*", EndpointPart::Port, "*");
    assert_invalid(CONNECT, "tcp://localhost:0", EndpointPart::Port, "0");
    assert_invalid(CONNECT, "ipc://*", EndpointPart::Path, "*");
    assert_invalid(CONNECT, "tcp://;localhost:1", EndpointPart::SourcePort, "");
    assert_invalid(CONNECT, "tcp://127.0.0.1;localhost:1", EndpointPart::SourcePort, "");
    assert_invalid(CONNECT, "tcp://127.0.0.1:x;localhost:1", EndpointPart::SourcePort, "x");
    assert_invalid(CONNECT, "tcp://:1;localhost:1", EndpointPart::SourceHost, "");
    assert_invalid(CONNECT, "tcp://a b:1;localhost:1", EndpointPart::SourceHost, "a b");
    assert_invalid(CONNECT, "tcp://127.0.0.1:1;", EndpointPart::Port, "");
    assert_invalid(CONNECT, "tcp://a:1;b:2;c:3", EndpointPart::Host, "b:2;c");
    assert_invalid(
        BIND,
        "tcp://127.0.0.1:1;localhost:1",
        EndpointPart::Host,
        "127.0.0.1:1;localhost",
    );
}

#[test]
fn protocols_not_built_are_not_malformed() {
    for scheme in ["norm", "wss", "tipc", "vmci", "TCP", "foo"] {
        let text = format!("{scheme}://239.192.1.1:5555");
        for parse in [BIND, CONNECT] {
            let error = parse(&text).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(&format!("protocol {scheme:?} is not built in")), "{message}");
            assert!(
                matches!(error, EndpointError::ProtocolNotBuilt { scheme: s, .. } if s == scheme)
            );
        }
    }
}

#[test]
fn long_names_are_refused_with_their_limit() {
    let ipc = |n: usize| format!("ipc://{}", "x".repeat(n));
    let inproc = |n: usize| format!("inproc://{}", "x".repeat(n));
    for parse in [BIND, CONNECT] {
        assert!(parse(&ipc(IPC_NAME_MAX)).is_ok());
        assert!(parse(&inproc(256)).is_ok());
        for (text, wanted, longest) in [
            (ipc(IPC_NAME_MAX + 1), EndpointPart::Path, IPC_NAME_MAX),
            (inproc(257), EndpointPart::Name, 256),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.to_string().contains(&format!("{wanted} has {} bytes", longest + 1)));
            match error {
                EndpointError::NameTooLong { part, length, limit, .. } => {
                    assert_eq!((part, length, limit), (wanted, longest + 1, longest));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let host = format!("{}.com", "x".repeat(64));
    assert_invalid(CONNECT, &format!("tcp://{host}:1"), EndpointPart::Host, &host);
    let host = ["x"; 128].join(".");
    assert_invalid(CONNECT, &format!("tcp://{host}:1"), EndpointPart::Host, &host);
}

#[cfg(target_os = "linux")]
#[test]
fn the_ipc_limit_is_that_of_linux() {
    assert_eq!(IPC_NAME_MAX, 107);
}

#[test]
fn abstract_names_parse_on_linux_and_are_refused_clearly_elsewhere() {
    let parsed = BIND("ipc://@name");
    if cfg!(target_os = "linux") {
        match parsed.unwrap() {
            Endpoint::Ipc(ipc) => {
                assert_eq!((ipc.abstract_name(), ipc.path()), (Some("name"), None))
            }
            other => panic!("{other:?}"),
        }
    } else {
        assert!(matches!(parsed, Err(EndpointError::AbstractNotSupported { .. })));
    }
}

#[test]
fn hosts_and_numeric_addresses_can_be_read_back() {
    let tcp = |text| match CONNECT(text).unwrap() {
        Endpoint::Tcp(tcp) => tcp,
        other => panic!("{other:?}"),
    };
    assert_eq!(tcp("tcp://127.0.0.1:1").as_numeric(), "127.0.0.1:1".parse().ok());
    assert_eq!(tcp("tcp://[fe80::1%7]:1").as_numeric(), "[fe80::1%7]:1".parse().ok());
    assert_eq!(tcp("tcp://[fe80::1%eth0]:1").as_numeric(), None);
    assert_eq!(tcp("tcp://localhost:1").as_numeric(), None);
    let with_source = tcp("tcp://eth0:4;[::1]:5");
    assert_eq!(with_source.source().unwrap().host, Host::Name("eth0".to_owned()));
    assert_eq!(with_source.source().unwrap().port, 4);
    assert_eq!(with_source.address().port, 5);
}

/// Texts that are near the grammar, so that many of them parse.
fn nearly_an_endpoint() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        Just("*".to_owned()),
        any::<std::net::Ipv4Addr>().prop_map(|ip| ip.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|ip| ip.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|ip| format!("[{ip}]")),
        any::<std::net::Ipv6Addr>().prop_map(|ip| format!("[{ip}%eth0]")),
        "[a-z0-9._-]{1,12}",
        "[*%:;\\[\\] a-f0-9.@]{0,12}",
    ];
    let port = prop_oneof![
        Just("*".to_owned()),
        any::<u16>().prop_map(|port| port.to_string()),
        "[0-9]{0,6}",
        "[ +x0-9-]{0,3}"
    ];
    let address = (host, port).prop_map(|(host, port)| format!("{host}:{port}"));
    prop_oneof![
        address.clone().prop_map(|address| format!("tcp://{address}")),
        (address.clone(), address).prop_map(|(source, peer)| format!("tcp://{source};{peer}")),
        "ipc://[@*/a-z.\\PC]{0,110}",
        "inproc://\\PC{0,130}",
        "[a-z:/]{0,8}://\\PC{0,20}",
    ]
}

fn assert_round_trip(text: &str) {
    for parse in [BIND, CONNECT] {
        match parse(text) {
            Ok(endpoint) => {
                let canonical = endpoint.to_string();
                assert_eq!(parse(&canonical), Ok(endpoint), "{text:?} as {canonical:?}");
            }
            Err(error) => assert!(error.to_string().contains(&format!("{text:?}"))),
        }
    }
}

proptest! {
    #[test]
    fn any_text_parses_or_is_refused(text in any::<String>()) {
        assert_round_trip(&text);
    }

    #[test]
    fn what_parses_prints_what_parses_to_it(text in nearly_an_endpoint()) {
        assert_round_trip(&text);
    }
}
