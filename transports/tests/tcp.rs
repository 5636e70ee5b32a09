//! tcp descriptors over real loopback: listening, resolving, options read back from the kernel.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use common::{connect_and_accept, tcp_bind, tcp_connect, under_wine};
use ringmq_transports::address::{RemoteEnd, describe};
use ringmq_transports::endpoint::Endpoint;
use ringmq_transports::error::{BindError, ConnectError, OptionError, ResolveError};
use ringmq_transports::options::{Keepalive, TcpOptions};
use ringmq_transports::tcp::{self, listen, start_connect, tune_stream};
use socket2::Socket;

fn options() -> TcpOptions {
    TcpOptions::default()
}

fn with_ipv6() -> TcpOptions {
    TcpOptions { ipv6: true, ..options() }
}

/// Whether this machine has an IPv6 loopback. Tests that need it say so when they are skipped.
fn ipv6_loopback() -> bool {
    let there = std::net::TcpListener::bind("[::1]:0").is_ok();
    if !there {
        eprintln!("SKIPPED: this machine has no IPv6 loopback");
    }
    there
}

/// The name of the loopback interface: `lo`, `lo0` or what else it is called here.
fn loopback_name() -> String {
    let all = if_addrs::get_if_addrs().unwrap();
    let loopback = all.into_iter().find(|i| i.ip() == Ipv4Addr::LOCALHOST);
    loopback.expect("an interface with 127.0.0.1").name
}

fn port(listener: &Socket) -> u16 {
    listener.local_addr().unwrap().as_socket().unwrap().port()
}

#[test]
fn the_resolved_endpoint_has_the_real_address_and_port() {
    for (text, ipv6, start) in [
        ("tcp://127.0.0.1:*", false, "tcp://127.0.0.1:"),
        ("tcp://127.0.0.1:0", true, "tcp://127.0.0.1:"),
        ("tcp://*:*", false, "tcp://0.0.0.0:"),
        ("tcp://localhost:*", false, "tcp://127.0.0.1:"),
    ] {
        let options = TcpOptions { ipv6, ..options() };
        let (listener, resolved) = listen(&tcp_bind(text), &options).unwrap();
        assert_eq!(resolved, format!("{start}{}", port(&listener)));
        assert!(Endpoint::parse_connect(&resolved).is_ok());
        #[cfg(target_os = "linux")]
        assert!(listener.is_listener().unwrap());
    }
}

#[test]
fn an_interface_name_stands_for_its_ipv4_address() {
    let (_listener, resolved) =
        listen(&tcp_bind(&format!("tcp://{}:*", loopback_name())), &options()).unwrap();
    assert!(resolved.starts_with("tcp://127.0.0.1:"), "{resolved}");
}

#[test]
fn an_interface_name_stands_for_its_ipv6_address_with_the_option() {
    if !ipv6_loopback() {
        return;
    }
    let (_listener, resolved) =
        listen(&tcp_bind(&format!("tcp://{}:*", loopback_name())), &with_ipv6()).unwrap();
    assert!(resolved.starts_with("tcp://[::1]:"), "{resolved}");
}

#[test]
fn ipv6_listens_and_connects_with_the_option() {
    if !ipv6_loopback() {
        return;
    }
    let (listener, resolved) = listen(&tcp_bind("tcp://[::1]:*"), &with_ipv6()).unwrap();
    let peer = tcp_connect(&resolved).as_numeric().unwrap();
    let connecting = start_connect(peer, None, &with_ipv6()).unwrap();
    let accepted = connect_and_accept(&connecting, &peer.into(), &listener);
    assert_eq!(RemoteEnd::of(&accepted).address.as_deref(), Some("::1"));
}

#[test]
fn a_zone_is_taken_by_name_and_by_number() {
    if !ipv6_loopback() {
        return;
    }
    let name = loopback_name();
    let all = if_addrs::get_if_addrs().unwrap();
    let Some(index) = all.iter().find(|i| i.name == name).unwrap().index else {
        assert!(under_wine(), "every interface has a number");
        return;
    };
    let by_name = tcp::resolve(&tcp_connect(&format!("tcp://[fe80::1%{name}]:9")), true).unwrap();
    let by_number =
        tcp::resolve(&tcp_connect(&format!("tcp://[fe80::1%{index}]:9")), true).unwrap();
    assert_eq!(by_name, by_number);
    let unknown = tcp::resolve(&tcp_connect("tcp://[fe80::1%no-such-if]:9"), true).unwrap_err();
    assert!(matches!(&unknown, ResolveError::UnknownZone { zone } if zone == "no-such-if"));
}

#[test]
fn the_wildcard_with_ipv6_serves_both_families() {
    if !ipv6_loopback() {
        return;
    }
    let (listener, resolved) = listen(&tcp_bind("tcp://*:*"), &with_ipv6()).unwrap();
    assert_eq!(resolved, format!("tcp://[::]:{}", port(&listener)));
    let peer = SocketAddr::from(([127, 0, 0, 1], port(&listener)));
    let connecting = start_connect(peer, None, &with_ipv6()).unwrap();
    let accepted = connect_and_accept(&connecting, &peer.into(), &listener);
    assert_eq!(RemoteEnd::of(&accepted).address.as_deref(), Some("::ffff:127.0.0.1"));
    assert_eq!(RemoteEnd::of(&connecting).address.as_deref(), Some("127.0.0.1"));
}

#[test]
fn ipv6_without_the_option_is_refused_by_every_call() {
    let bind = listen(&tcp_bind("tcp://[::1]:*"), &options()).unwrap_err();
    assert!(matches!(bind, BindError::Host { source: ResolveError::Ipv6Disabled { .. }, .. }));
    assert!(bind.to_string().contains("option ipv6 is off"), "{bind}");
    let resolve = tcp::resolve(&tcp_connect("tcp://[::1]:9"), false).unwrap_err();
    assert!(matches!(resolve, ResolveError::Ipv6Disabled { host } if host == "::1"));
    let peer = "[::1]:9".parse().unwrap();
    let connect = start_connect(peer, None, &options()).unwrap_err();
    assert!(connect.to_string().contains("tcp://[::1]:9"), "{connect}");
    assert!(matches!(connect, ConnectError::Address { .. }));
}

#[test]
fn binding_twice_says_that_the_address_is_in_use() {
    let (_listener, resolved) = listen(&tcp_bind("tcp://127.0.0.1:*"), &options()).unwrap();
    let error = listen(&tcp_bind(&resolved), &options()).unwrap_err();
    assert!(error.to_string().contains(&resolved), "{error}");
    assert!(matches!(error, BindError::AddressInUse { .. }), "{error:?}");
}

#[test]
fn a_port_can_be_bound_again_after_its_listener_and_connections_are_gone() {
    let (listener, resolved) = listen(&tcp_bind("tcp://127.0.0.1:*"), &options()).unwrap();
    let peer = tcp_connect(&resolved).as_numeric().unwrap();
    let connecting = start_connect(peer, None, &options()).unwrap();
    // The accepting side closes first, so that its end of the connection lingers.
    drop(connect_and_accept(&connecting, &peer.into(), &listener));
    drop(listener);
    drop(connecting);
    assert!(listen(&tcp_bind(&resolved), &options()).is_ok());
}

#[test]
fn an_address_of_another_machine_is_not_available() {
    // From the range kept for documentation; nobody has it.
    let error = listen(&tcp_bind("tcp://203.0.113.77:*"), &options()).unwrap_err();
    assert!(matches!(error, BindError::AddressNotAvailable { .. }), "{error:?}");
    assert!(error.to_string().contains("tcp://203.0.113.77:*"), "{error}");
}

#[test]
fn an_unknown_host_to_bind_is_an_unknown_device() {
    let error = listen(&tcp_bind("tcp://no-such-host.invalid:*"), &options()).unwrap_err();
    assert!(error.to_string().contains("interface"), "{error}");
    match error {
        BindError::Host { source: ResolveError::UnknownLocal { host, .. }, .. } => {
            assert_eq!(host, "no-such-host.invalid");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_resolve_to_allowed_families_only() {
    let v4 = tcp::resolve(&tcp_connect("tcp://localhost:7"), false).unwrap();
    assert!(!v4.is_empty() && v4.iter().all(SocketAddr::is_ipv4), "{v4:?}");
    assert!(v4.iter().all(|found| found.port() == 7 && found.ip().is_loopback()), "{v4:?}");
    let both = tcp::resolve(&tcp_connect("tcp://localhost:7"), true).unwrap();
    assert!(both.len() >= v4.len());
    let numeric = tcp::resolve(&tcp_connect("tcp://192.0.2.1:7"), false).unwrap();
    assert_eq!(numeric, ["192.0.2.1:7".parse().unwrap()]);
    let unknown = tcp::resolve(&tcp_connect("tcp://no-such-host.invalid:7"), true).unwrap_err();
    assert!(
        matches!(&unknown, ResolveError::UnknownHost { host, .. } if host.ends_with("invalid"))
    );
}

#[test]
fn accepted_and_connected_streams_have_no_delay() {
    let (listener, resolved) = listen(&tcp_bind("tcp://127.0.0.1:*"), &options()).unwrap();
    let peer = tcp_connect(&resolved).as_numeric().unwrap();
    let connecting = start_connect(peer, None, &options()).unwrap();
    let accepted = connect_and_accept(&connecting, &peer.into(), &listener);
    tune_stream(&accepted, &options()).unwrap();
    assert!(connecting.tcp_nodelay().unwrap());
    assert!(accepted.tcp_nodelay().unwrap());
    assert!(!accepted.keepalive().unwrap(), "the default is the system's");
    assert_eq!(RemoteEnd::of(&accepted).address.as_deref(), Some("127.0.0.1"));
    assert_eq!(describe(&connecting.peer_addr().unwrap()), resolved);
}

#[test]
fn buffers_type_of_service_and_keepalive_reach_both_ends() {
    let options = TcpOptions {
        send_buffer: Some(50_000),
        recv_buffer: Some(60_000),
        tos: 0x10,
        keepalive: Keepalive {
            enabled: Some(true),
            idle: Some(Duration::from_secs(77)),
            interval: Some(Duration::from_secs(11)),
            // Wine has no such option.
            count: (!under_wine()).then_some(3),
        },
        ..options()
    };
    let (listener, resolved) = listen(&tcp_bind("tcp://127.0.0.1:*"), &options).unwrap();
    let peer = tcp_connect(&resolved).as_numeric().unwrap();
    let connecting = start_connect(peer, None, &options).unwrap();
    let accepted = connect_and_accept(&connecting, &peer.into(), &listener);
    tune_stream(&accepted, &options).unwrap();
    for stream in [&connecting, &accepted] {
        // Linux doubles what is asked for.
        assert!((50_000..=100_000).contains(&stream.send_buffer_size().unwrap()));
        assert!((60_000..=120_000).contains(&stream.recv_buffer_size().unwrap()));
        assert!(stream.keepalive().unwrap());
        #[cfg(unix)]
        {
            assert_eq!(stream.tos_v4().unwrap(), 0x10);
            assert_eq!(stream.tcp_keepalive_time().unwrap(), Duration::from_secs(77));
            assert_eq!(stream.tcp_keepalive_interval().unwrap(), Duration::from_secs(11));
            assert_eq!(stream.tcp_keepalive_retries().unwrap(), 3);
        }
    }
}

#[test]
fn keepalive_can_be_switched_off_and_bad_values_are_named() {
    let (socket, _) = listen(&tcp_bind("tcp://127.0.0.1:*"), &options()).unwrap();
    let mut options = options();
    options.keepalive.enabled = Some(false);
    tune_stream(&socket, &options).unwrap();
    assert!(!socket.keepalive().unwrap());
    // Unix counts in whole seconds, and refuses none.
    options.keepalive.enabled = Some(true);
    options.keepalive.idle = Some(Duration::from_millis(5));
    if cfg!(unix) {
        let error = tune_stream(&socket, &options).unwrap_err();
        assert!(matches!(error, OptionError::Refused { option: "keepalive", .. }), "{error:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn options_of_linux_are_set() {
    let options = TcpOptions {
        max_rt: Some(Duration::from_millis(1234)),
        priority: 3,
        tos: 0x08,
        ..options()
    };
    let peer = "127.0.0.1:9".parse().unwrap();
    let socket = start_connect(peer, None, &options).unwrap();
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_millis(1234)));
    assert_eq!(socket.priority().unwrap(), 3);
}

#[cfg(target_os = "linux")]
#[test]
fn ipv6_type_of_service_is_set_for_both_families() {
    if !ipv6_loopback() {
        return;
    }
    let options = TcpOptions { tos: 0x10, ..with_ipv6() };
    let (listener, _) = listen(&tcp_bind("tcp://*:*"), &options).unwrap();
    assert_eq!(listener.tclass_v6().unwrap(), 0x10);
    assert_eq!(listener.tos_v4().unwrap(), 0x10);
}

#[cfg(not(target_os = "linux"))]
#[test]
fn options_of_linux_are_refused_by_name_elsewhere() {
    for (name, options) in [
        ("max_rt", TcpOptions { max_rt: Some(Duration::from_secs(1)), ..options() }),
        ("priority", TcpOptions { priority: 3, ..options() }),
        ("bind_to_device", TcpOptions { bind_to_device: Some("lo".into()), ..options() }),
    ] {
        let error = start_connect("127.0.0.1:9".parse().unwrap(), None, &options).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(name) && text.contains("leave it unset"), "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_is_bound_to_or_refused_by_name() {
    let bound = |device: &str| TcpOptions { bind_to_device: Some(device.to_owned()), ..options() };
    let error = listen(&tcp_bind("tcp://127.0.0.1:*"), &bound("no-such-if")).unwrap_err();
    assert!(error.to_string().contains("bind_to_device"), "{error}");
    assert!(matches!(error, BindError::Option { .. }), "{error:?}");
    match listen(&tcp_bind("tcp://127.0.0.1:*"), &bound("lo")) {
        Ok((listener, _)) => assert_eq!(listener.device().unwrap(), Some(b"lo".to_vec())),
        Err(error) => eprintln!("SKIPPED: this user may not bind to a device: {error}"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn busy_polling_is_set_or_gone_without() {
    // The second is more than any system grants.
    for micros in [50, u32::MAX] {
        let options = TcpOptions { busy_poll: micros, ..options() };
        let plain = Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let before = plain.busy_poll().unwrap();
        let socket = start_connect("127.0.0.1:9".parse().unwrap(), None, &options).unwrap();
        let now = socket.busy_poll().unwrap();
        assert!(now == micros || now == before, "{now}");
    }
}

#[test]
fn a_connection_comes_from_its_source_address() {
    let (listener, resolved) = listen(&tcp_bind("tcp://127.0.0.1:*"), &options()).unwrap();
    let to = resolved.strip_prefix("tcp://").unwrap();
    for source in ["127.0.0.1:*".to_owned(), format!("{}:0", loopback_name()), "*:*".to_owned()] {
        let endpoint = tcp_connect(&format!("tcp://{source};{to}"));
        let peer = endpoint.as_numeric().unwrap();
        let connecting = start_connect(peer, endpoint.source(), &options()).unwrap();
        let bound = connecting.local_addr().unwrap().as_socket().unwrap();
        assert_ne!(bound.port(), 0, "{source}");
        let accepted = connect_and_accept(&connecting, &peer.into(), &listener);
        assert_eq!(accepted.peer_addr().unwrap().as_socket().unwrap().port(), bound.port());
        listener.set_nonblocking(true).unwrap();
    }
}

#[test]
fn a_source_port_can_be_used_again_at_once() {
    let (listener, resolved) = listen(&tcp_bind("tcp://127.0.0.1:*"), &options()).unwrap();
    let to = resolved.strip_prefix("tcp://").unwrap();
    let any = tcp_connect(&format!("tcp://127.0.0.1:*;{to}"));
    let peer = any.as_numeric().unwrap();
    let first = start_connect(peer, any.source(), &options()).unwrap();
    let from = port(&first);
    let accepted = connect_and_accept(&first, &peer.into(), &listener);
    // The connecting side closes first, so that its end of the connection lingers.
    drop(first);
    drop(accepted);
    let again = tcp_connect(&format!("tcp://127.0.0.1:{from};{to}"));
    assert_eq!(port(&start_connect(peer, again.source(), &options()).unwrap()), from);
}

#[test]
fn sources_that_cannot_be_used_are_named() {
    let start = |text: &str| {
        let endpoint = tcp_connect(text);
        start_connect(endpoint.as_numeric().unwrap(), endpoint.source(), &with_ipv6()).unwrap_err()
    };
    let unknown = start("tcp://no-such-if:0;127.0.0.1:9");
    assert!(unknown.to_string().contains("no-such-if"), "{unknown}");
    assert!(matches!(
        unknown,
        ConnectError::Source { source: ResolveError::UnknownInterface { .. }, .. }
    ));
    let family = start("tcp://[::1]:0;127.0.0.1:9");
    assert!(matches!(
        family,
        ConnectError::Source { source: ResolveError::FamilyMismatch { .. }, .. }
    ));
    let foreign = start("tcp://203.0.113.77:0;127.0.0.1:9");
    assert!(foreign.to_string().contains("203.0.113.77:*"), "{foreign}");
    assert!(matches!(foreign, ConnectError::SourceBind { .. }), "{foreign:?}");
}

#[test]
fn a_privileged_port_is_refused_with_a_remedy_or_granted() {
    match listen(&tcp_bind("tcp://127.0.0.1:1"), &options()) {
        Err(error @ BindError::PermissionDenied { .. }) => {
            assert!(error.to_string().contains("choose a higher one"), "{error}");
        }
        Err(BindError::AddressInUse { .. }) | Ok(_) => {
            eprintln!("SKIPPED: this user may bind port 1, or somebody has");
        }
        Err(other) => panic!("{other:?}"),
    }
}
