//! The options that can be set and read: what each takes, how that reads, and what it refuses.

use ringmq::{AnySocket, Error};
use std::fmt::Debug;

/// An option, with what it takes, as text and as its method gives it, and what it refuses.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) takes: Vec<(String, &'static str)>,
    pub(crate) refuses: &'static [&'static str],
    pub(crate) read: fn(&AnySocket) -> String,
    /// Sets what was read.
    pub(crate) again: fn(&AnySocket) -> Result<(), Error>,
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

pub(crate) fn cases() -> Vec<Case> {
    let mut all = queues_and_connections();
    all.extend(words());
    all.extend(descriptors());
    all.extend(keepalive());
    all.extend(limits());
    all.extend(multicast());
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
            "stream_notify" stream_notify set_stream_notify: "1" => "true", "0" => "false"; ;
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
            "xpub_manual_last_value" manual_last_value set_manual_last_value:
                "1" => "true", "0" => "false"; ;
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
        "max_message_bytes" max_message_bytes set_max_message_bytes:
            "-1" => "None", "0" => "Some(0)",
            "9223372036854775807" => "Some(9223372036854775807)"; "-2", "x";
        "max_waiting_bytes" max_waiting_bytes set_max_waiting_bytes:
            "-1" => "None", "0" => "Some(0)",
            "9223372036854775807" => "Some(9223372036854775807)"; "-2", "x";
        "max_handshakes" max_handshakes set_max_handshakes: "-1" => "None", "5" => "Some(5)"; "-2";
        "max_subscriptions" max_subscriptions set_max_subscriptions:
            "-1" => "None", "0" => "Some(0)", "9" => "Some(9)"; "-2", "x";
        "max_subscription_bytes" max_subscription_bytes set_max_subscription_bytes:
            "-1" => "None", "9223372036854775807" => "Some(9223372036854775807)"; "-2", "x";
    ]
}

fn multicast() -> Vec<Case> {
    cases![
        "multicast_hops" multicast_hops set_multicast_hops:
            "1" => "1", "255" => "255"; "0", "256", "-1", "x";
        "multicast_loop" multicast_loop set_multicast_loop: "1" => "true", "0" => "false"; "2", "-1";
        "multicast_maxtpdu" multicast_max_tpdu set_multicast_max_tpdu:
            "576" => "576", "65535" => "65535"; "575", "65536", "x";
        "rate" rate set_rate: "1" => "1", "2147483647" => "2147483647"; "0", "-1", "x";
        "recovery_ivl" recovery_interval set_recovery_interval:
            "0" => "0ns", "2000" => "2s"; "-1", "x";
    ]
}

fn words() -> Vec<Case> {
    cases![
        "xpub_welcome_msg" welcome_message set_welcome_message:
            "" => "[]", "hi" => "[104, 105]"; ;
        "hello_msg" hello_message set_hello_message: "" => "[]", "hi" => "[104, 105]"; ;
        "disconnect_msg" disconnect_message set_disconnect_message: "" => "[]", "hi" => "[104, 105]"; ;
        "hiccup_msg" hiccup_message set_hiccup_message: "" => "[]", "hi" => "[104, 105]"; ;
        "router_notify" router_notify set_router_notify:
            "0" => "RouterNotify { connect: false, disconnect: false }",
            "1" => "RouterNotify { connect: true, disconnect: false }",
            "3" => "RouterNotify { connect: true, disconnect: true }"; "-1", "4";
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
            "-1" => "None", "0" => "Some(0)", "64" => "Some(64)",
            "9223372036854775807" => "Some(9223372036854775807)"; "-2";
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
        "socks_username" socks_username set_socks_username: "alice" => "\"alice\"", "" => "\"\""; ;
        "socks_password" socks_password set_socks_password: "wonderland" => "(secret)"; ;
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
    if cfg!(target_os = "linux") {
        all[6].takes.push(("6".into(), "6"));
        all[7].takes.push(("2147483647".into(), "Some(2147483.647s)"));
    }
    all.push(Case {
        name: "socks_proxy",
        takes: vec![
            ("127.0.0.1:1080".into(), "Some(\"127.0.0.1:1080\")"),
            ("proxy:1080".into(), "Some(\"proxy:1080\")"),
            ("".into(), "None"),
        ],
        refuses: &[r"\xff"],
        read: |socket| shown(socket.socks_proxy()),
        again: |socket| socket.set_socks_proxy(socket.socks_proxy()?.as_deref()),
    });
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
