//! Who is let in: PLAIN and CURVE between sockets, authenticators, ZAP handlers, and those that are none.

use crate::harness::{
    GLANCE, Harness, PATIENCE, await_event, await_kind, eventually, over_tcp, over_wires,
};
use ringmq::auth::{Candidate, CurveKeyPair, Denial, curve_keypair};
use ringmq::{Error, Message, Monitor, MonitorEvent, Multipart, Pull, Push};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

over_wires![
    a_name_and_a_password_let_a_peer_in,
    who_is_denied_is_told_and_does_not_come_again,
    who_is_turned_away_for_now_comes_again,
    a_plain_server_that_nobody_helps_lets_nobody_in,
    curve_hides_what_it_carries_and_names_who_has_sent_it,
    curve_without_an_authenticator_lets_everybody_in,
    the_wrong_server_key_leads_nowhere,
    messages_of_all_sizes_and_patterns_arrive_under_curve,
    peers_of_null_are_judged_where_somebody_judges,
    an_answer_may_come_late_and_from_elsewhere,
    a_candidate_that_is_dropped_is_turned_away,
    an_authenticator_that_panics_lets_nobody_in,
    an_authenticator_may_use_its_own_socket,
    what_is_missing_is_said_by_bind_and_connect,
];

over_tcp![what_lingers_is_judged_as_before];

/// Lets in alice, and whoever has bob's password under another name.
fn wonderland(candidate: Candidate) {
    match (candidate.username(), candidate.password()) {
        (Some("alice"), Some(b"wonderland")) => candidate.allow_as("alice"),
        (Some("mallory"), _) => candidate.deny(Denial::Temporary),
        _ => candidate.deny(Denial::Credentials),
    }
}

fn plain_server(harness: &Harness) -> (Pull, String) {
    let server = harness.pull();
    server.set_plain_server(true).unwrap();
    server.set_authenticator(wonderland).unwrap();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    (server, endpoint)
}

pub(crate) fn plain_client(harness: &Harness, name: &str, password: &str) -> Push {
    let client = harness.push();
    client.set_plain_username(name).unwrap();
    client.set_plain_password(password).unwrap();
    client
}

fn curve_server(server: &Pull) -> CurveKeyPair {
    let keys = curve_keypair().unwrap();
    server.set_curve_server(true).unwrap();
    server.set_curve_secret_key(keys.secret.clone()).unwrap();
    keys
}

fn curve_client(client: &Push, server: &CurveKeyPair) -> CurveKeyPair {
    let keys = curve_keypair().unwrap();
    client.set_curve_secret_key(keys.secret.clone()).unwrap();
    client.set_curve_server_key(server.public).unwrap();
    keys
}

/// The next handshake that fails.
pub(crate) fn failure(monitor: &Monitor) -> MonitorEvent {
    await_kind!(monitor, HandshakeFailed)
}

/// A property of a message.
pub(crate) fn property(message: &Message, name: &str) -> Option<String> {
    Some(String::from_utf8_lossy(message.properties()?.get(name)?).into_owned())
}

/// The status with which one end has refused the other.
#[track_caller]
pub(crate) fn status(event: MonitorEvent) -> u16 {
    match &event {
        MonitorEvent::HandshakeFailed { reason, .. } if reason.auth_status().is_some() => {
            reason.auth_status().unwrap()
        }
        _ => panic!("{event:?}"),
    }
}

pub(crate) fn code(event: MonitorEvent) -> Option<u32> {
    match event {
        MonitorEvent::HandshakeFailed { reason, .. } => reason.protocol_code(),
        _ => None,
    }
}

pub(crate) fn a_name_and_a_password_let_a_peer_in(harness: &Harness) {
    let (server, endpoint) = plain_server(harness);
    let client = plain_client(harness, "alice", "wonderland");
    client.connect(&endpoint).unwrap();
    client.send("hello").unwrap();
    let message = server.recv().unwrap();
    assert_eq!(message, "hello");
    assert_eq!(property(&message, "User-Id").as_deref(), Some("alice"));
}

pub(crate) fn who_is_denied_is_told_and_does_not_come_again(harness: &Harness) {
    let (server, endpoint) = plain_server(harness);
    let at_server = server.monitor();
    for (name, password) in [("alice", "looking glass"), ("bob", "wonderland"), ("", "wonderland")]
    {
        let client = plain_client(harness, name, password);
        let at_client = client.monitor();
        client.connect(&endpoint).unwrap();
        // It may be told by then.
        assert!(matches!(
            client.send("hello").map_err(|failed| failed.error),
            Ok(()) | Err(Error::GaveUp { .. })
        ));
        assert_eq!(status(failure(&at_client)), 400);
        assert_eq!(status(failure(&at_server)), 400);
        await_kind!(&at_client, GaveUp);
    }
    assert!(server.try_recv().unwrap_err().is_would_block());
}

fn who_is_turned_away_for_now_comes_again(harness: &Harness) {
    let (server, endpoint) = plain_server(harness);
    let at_server = server.monitor();
    let client = plain_client(harness, "mallory", "");
    client.set_reconnect_interval(Some(GLANCE)).unwrap();
    client.connect(&endpoint).unwrap();
    for _ in 0..3 {
        assert_eq!(status(failure(&at_server)), 300);
    }
}

fn a_plain_server_that_nobody_helps_lets_nobody_in(harness: &Harness) {
    let server = harness.pull();
    server.set_plain_server(true).unwrap();
    let at_server = server.monitor();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let client = plain_client(harness, "alice", "wonderland");
    client.set_reconnect_interval(Some(GLANCE)).unwrap();
    client.connect(&endpoint).unwrap();
    assert_eq!(status(failure(&at_server)), 300);
    // Somebody comes to help.
    server.set_authenticator(wonderland).unwrap();
    client.send("hello").unwrap();
    assert_eq!(server.recv().unwrap(), "hello");
}

pub(crate) fn curve_hides_what_it_carries_and_names_who_has_sent_it(harness: &Harness) {
    let server = harness.pull();
    let server_keys = curve_server(&server);
    let client = harness.push();
    let client_keys = curve_client(&client, &server_keys);
    let known = client_keys.public;
    server
        .set_authenticator(move |candidate: Candidate| match candidate.public_key() {
            Some(key) if key == known => candidate.allow_with("carol", [("Role", &b"clerk"[..])]),
            _ => candidate.deny(Denial::Credentials),
        })
        .unwrap();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    client.connect(&endpoint).unwrap();
    client.send("hello").unwrap();
    let message = server.recv().unwrap();
    assert_eq!(message, "hello");
    assert_eq!(property(&message, "User-Id").as_deref(), Some("carol"));
    assert_eq!(property(&message, "Role").as_deref(), Some("clerk"));
    let stranger = harness.push();
    curve_client(&stranger, &server_keys);
    let at_stranger = stranger.monitor();
    stranger.connect(&endpoint).unwrap();
    assert_eq!(status(failure(&at_stranger)), 400);
}

fn curve_without_an_authenticator_lets_everybody_in(harness: &Harness) {
    let server = harness.pull();
    let keys = curve_server(&server);
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let client = harness.push();
    curve_client(&client, &keys);
    client.connect(&endpoint).unwrap();
    client.send("hello").unwrap();
    assert_eq!(server.recv().unwrap(), "hello");
}

pub(crate) fn the_wrong_server_key_leads_nowhere(harness: &Harness) {
    let server = harness.pull();
    curve_server(&server);
    let at_server = server.monitor();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let client = harness.push();
    curve_client(&client, &curve_keypair().unwrap());
    client.connect(&endpoint).unwrap();
    assert_eq!(code(failure(&at_server)), Some(0x1100_0001));
    // One that speaks something else.
    let client = harness.push();
    client.connect(&endpoint).unwrap();
    await_event(&at_server, |event| match event {
        MonitorEvent::HandshakeFailed { reason, .. } => {
            (reason.protocol_code() == Some(0x1100_0002)).then_some(())
        }
        _ => None,
    });
    assert!(server.try_recv().unwrap_err().is_would_block());
}

pub(crate) fn messages_of_all_sizes_and_patterns_arrive_under_curve(harness: &Harness) {
    let keys = curve_keypair().unwrap();
    let server = harness.xpub();
    server.set_curve_server(true).unwrap();
    server.set_curve_secret_key(keys.secret.clone()).unwrap();
    server.set_send_hwm(0).unwrap();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let client = harness.subscriber();
    client.set_recv_hwm(0).unwrap();
    client.set_curve_secret_key(curve_keypair().unwrap().secret).unwrap();
    client.set_curve_server_key(keys.public).unwrap();
    client.subscribe("").unwrap();
    client.connect(&endpoint).unwrap();
    assert_eq!(server.recv().unwrap(), [1]);
    let body = |number: usize| {
        const LENS: [usize; 9] = [0, 1, 32, 255, 256, 5_000, 33_000, 70_000, 1_000_000];
        vec![number as u8; LENS[number % LENS.len()]]
    };
    let sender = thread::spawn(move || {
        for number in 0..90 {
            let parts: Multipart = [body(number), body(number + 1), body(0)].into();
            server.send_multipart(parts).unwrap();
        }
        server
    });
    for number in 0..90 {
        let parts = client.recv_multipart().unwrap();
        assert_eq!(parts, [body(number), body(number + 1), body(0)].into(), "{number}");
    }
    drop(sender.join().unwrap());
}

pub(crate) fn peers_of_null_are_judged_where_somebody_judges(harness: &Harness) {
    let server = harness.pull();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    server
        .set_authenticator(move |candidate: Candidate| {
            assert_eq!((candidate.mechanism(), candidate.credentials()), ("NULL", &[][..]));
            match counted.fetch_add(1, Ordering::SeqCst) {
                0 => candidate.deny(Denial::Credentials),
                _ => candidate.allow_as("second"),
            }
        })
        .unwrap();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let (first, second) = (harness.push(), harness.push());
    let at_first = first.monitor();
    first.connect(&endpoint).unwrap();
    assert_eq!(status(failure(&at_first)), 400);
    second.connect(&endpoint).unwrap();
    second.send("hello").unwrap();
    assert_eq!(property(&server.recv().unwrap(), "User-Id").as_deref(), Some("second"));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

fn an_answer_may_come_late_and_from_elsewhere(harness: &Harness) {
    let (sender, candidates) = std::sync::mpsc::channel();
    let sender = Mutex::new(sender);
    let server = harness.pull();
    server
        .set_authenticator(move |candidate: Candidate| {
            sender.lock().unwrap().send(candidate).unwrap();
        })
        .unwrap();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let patient_one = harness.push();
    patient_one.connect(&endpoint).unwrap();
    patient_one.send("at last").unwrap();
    let candidate = candidates.recv_timeout(PATIENCE).unwrap();
    assert!(!candidate.is_gone());
    // Another one does not wait for it, and this one goes.
    let hasty = harness.push();
    hasty.connect(&endpoint).unwrap();
    let gone = candidates.recv_timeout(PATIENCE).unwrap();
    hasty.set_linger(Some(Duration::ZERO)).unwrap();
    drop(hasty);
    eventually("it is seen to be gone", || gone.is_gone());
    gone.allow();
    assert!(server.try_recv().unwrap_err().is_would_block());
    candidate.allow();
    assert_eq!(server.recv().unwrap(), "at last");
}

fn a_candidate_that_is_dropped_is_turned_away(harness: &Harness) {
    let server = harness.pull();
    server.set_authenticator(|candidate: Candidate| drop(candidate)).unwrap();
    let at_server = server.monitor();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let client = harness.push();
    client.connect(&endpoint).unwrap();
    assert_eq!(status(failure(&at_server)), 300);
}

fn an_authenticator_that_panics_lets_nobody_in(harness: &Harness) {
    let server = harness.pull();
    server.set_authenticator(|_: Candidate| panic!("on purpose")).unwrap();
    let at_server = server.monitor();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let client = harness.push();
    client.set_reconnect_interval(Some(GLANCE)).unwrap();
    client.connect(&endpoint).unwrap();
    assert_eq!(status(failure(&at_server)), 300);
    // The thread that asked goes on.
    server.set_authenticator(|candidate: Candidate| candidate.allow()).unwrap();
    client.send("hello").unwrap();
    assert_eq!(server.recv().unwrap(), "hello");
}

fn an_authenticator_may_use_its_own_socket(harness: &Harness) {
    let server = Arc::new(harness.pull());
    let itself = Arc::downgrade(&server);
    server
        .set_authenticator(move |candidate: Candidate| {
            let server = itself.upgrade().expect("it is there");
            assert!(server.stats().is_empty());
            server.set_recv_hwm(7).unwrap();
            candidate.allow();
        })
        .unwrap();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let client = harness.push();
    client.connect(&endpoint).unwrap();
    client.send("hello").unwrap();
    assert_eq!(server.recv().unwrap(), "hello");
    assert_eq!(server.recv_hwm().unwrap(), 7);
}

fn what_is_missing_is_said_by_bind_and_connect(harness: &Harness) {
    let refused = |result: Result<(), Error>, option: &str| match result {
        Err(Error::InvalidOption { option: named, .. }) => assert_eq!(named, option),
        other => panic!("{other:?}"),
    };
    let server = harness.pull();
    server.set_curve_server(true).unwrap();
    refused(server.bind(&harness.anywhere()).map(drop), "curve_secret_key");
    let keys = curve_keypair().unwrap();
    let client = harness.push();
    client.set_curve_secret_key(keys.secret.clone()).unwrap();
    refused(client.connect(&harness.anywhere().replace('*', "9")), "curve_server_key");
    client.set_curve_server_key(keys.public).unwrap();
    client.set_curve_public_key(curve_keypair().unwrap().public).unwrap();
    refused(client.connect(&harness.anywhere().replace('*', "9")), "curve_public_key");
    client.set_curve_public_key(None).unwrap();
    let endpoint = harness.pull().bind(&harness.anywhere()).unwrap();
    client.connect(&endpoint).unwrap();
}

/// A socket that judges whom it connects to is closed before there is anybody.
fn what_lingers_is_judged_as_before(harness: &Harness) {
    let endpoint = harness.pull().bind(&harness.anywhere()).unwrap();
    for (allowed, arrives) in [(true, true), (false, false)] {
        let push = harness.push();
        push.set_linger(None).unwrap();
        push.set_authenticator(move |candidate: Candidate| match allowed {
            true => candidate.allow(),
            false => candidate.deny(Denial::Temporary),
        })
        .unwrap();
        push.connect(&endpoint).unwrap();
        push.send("late").unwrap();
        drop(push);
        let pull = harness.pull();
        let monitor = pull.monitor();
        eventually("the endpoint is free", || pull.bind(&endpoint).is_ok());
        if arrives {
            assert_eq!(pull.recv().unwrap(), "late");
        } else {
            await_kind!(&monitor, Accepted);
            await_kind!(&monitor, Accepted);
            assert!(pull.try_recv().unwrap_err().is_would_block());
        }
    }
    harness.context.set_linger(Some(Duration::ZERO));
}
