//! Who is let in: PLAIN and CURVE between sockets, authenticators, ZAP handlers, and those that are none.

use crate::harness::{
    GLANCE, Harness, PATIENCE, await_event, await_kind, eventually, over_wires, patient,
};
use ringmq::auth::{Candidate, CurveKeyPair, Denial, curve_keypair};
use ringmq::{Context, Error, Message, Monitor, MonitorEvent, Multipart, Pull, Push, Rep, Router};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
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
    a_zap_handler_is_asked_and_believed,
    a_zap_handler_may_be_a_router_and_answer_in_any_order,
    a_zap_handler_that_talks_nonsense_lets_nobody_in,
    a_zap_handler_that_hangs_keeps_nobody_else_waiting,
    a_zap_handler_may_go_and_another_come,
    a_domain_that_is_enforced_lets_nobody_in_unasked,
    what_is_missing_is_said_by_bind_and_connect,
];

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

fn plain_client(harness: &Harness, name: &str, password: &str) -> Push {
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
fn failure(monitor: &Monitor) -> MonitorEvent {
    await_kind!(monitor, HandshakeFailed)
}

/// A property of a message.
fn property(message: &Message, name: &str) -> Option<String> {
    Some(String::from_utf8_lossy(message.properties()?.get(name)?).into_owned())
}

/// The status with which one end has refused the other.
#[track_caller]
fn status(event: MonitorEvent) -> u16 {
    match &event {
        MonitorEvent::HandshakeFailed { reason, .. } if reason.auth_status().is_some() => {
            reason.auth_status().unwrap()
        }
        _ => panic!("{event:?}"),
    }
}

fn code(event: MonitorEvent) -> Option<u32> {
    match event {
        MonitorEvent::HandshakeFailed { reason, .. } => reason.protocol_code(),
        _ => None,
    }
}

fn a_name_and_a_password_let_a_peer_in(harness: &Harness) {
    let (server, endpoint) = plain_server(harness);
    let client = plain_client(harness, "alice", "wonderland");
    client.connect(&endpoint).unwrap();
    client.send("hello").unwrap();
    let message = server.recv().unwrap();
    assert_eq!(message, "hello");
    assert_eq!(property(&message, "User-Id").as_deref(), Some("alice"));
}

fn who_is_denied_is_told_and_does_not_come_again(harness: &Harness) {
    let (server, endpoint) = plain_server(harness);
    let at_server = server.monitor();
    for (name, password) in [("alice", "looking glass"), ("bob", "wonderland"), ("", "wonderland")]
    {
        let client = plain_client(harness, name, password);
        let at_client = client.monitor();
        client.connect(&endpoint).unwrap();
        client.send("hello").unwrap();
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

fn curve_hides_what_it_carries_and_names_who_has_sent_it(harness: &Harness) {
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

fn the_wrong_server_key_leads_nowhere(harness: &Harness) {
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

fn messages_of_all_sizes_and_patterns_arrive_under_curve(harness: &Harness) {
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

fn peers_of_null_are_judged_where_somebody_judges(harness: &Harness) {
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

/// A ZAP handler on a thread of its own, until its context ends; what it was asked, without the number of the
/// question.
fn zap_handler(
    context: &Context,
    reply: impl Fn(&[Vec<u8>]) -> Vec<Vec<u8>> + Send + 'static,
) -> (JoinHandle<()>, Arc<Mutex<Vec<Vec<Vec<u8>>>>>) {
    let handler: Rep = context.rep().unwrap();
    handler.bind("inproc://zeromq.zap.01").unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let thread = thread::spawn(move || {
        while let Ok(question) = handler.recv_multipart() {
            let frames: Vec<Vec<u8>> = question.iter().map(|frame| frame.to_vec()).collect();
            let answer: Multipart = reply(&frames).into_iter().collect();
            log.lock().unwrap().push([&frames[..1], &frames[2..]].concat());
            if handler.send_multipart(answer).is_err() {
                return;
            }
        }
    });
    (thread, asked)
}

/// The frames of an answer to a question.
fn zap_reply(question: &[Vec<u8>], status: &str, user_id: &str) -> Vec<Vec<u8>> {
    let id = question[1].clone();
    let properties = b"\x04Role\0\0\0\x05clerk".to_vec();
    let status = status.as_bytes().to_vec();
    vec![b"1.0".to_vec(), id, status, b"because".to_vec(), user_id.as_bytes().to_vec(), properties]
}

/// A context of its own for a server, which ends before its handler is joined.
fn zap_context(harness: &Harness) -> Context {
    Context::builder().backend(harness.backend).build().unwrap()
}

fn a_zap_handler_is_asked_and_believed(harness: &Harness) {
    let context = zap_context(harness);
    let (thread, asked) = zap_handler(&context, |question| match &question[6][..] {
        b"alice" => zap_reply(question, "200", "queen"),
        b"bob" => zap_reply(question, "500", ""),
        _ => zap_reply(question, "400", ""),
    });
    let server = patient(context.pull().unwrap());
    server.set_plain_server(true).unwrap();
    server.set_zap_domain("global").unwrap();
    server.set_routing_id("srv").unwrap();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let client = plain_client(harness, "alice", "wonderland");
    client.connect(&endpoint).unwrap();
    client.send("hello").unwrap();
    let message = server.recv().unwrap();
    assert_eq!(property(&message, "User-Id").as_deref(), Some("queen"));
    assert_eq!(property(&message, "Role").as_deref(), Some("clerk"));
    for (name, expected) in [("bob", 500), ("carol", 400)] {
        let client = plain_client(harness, name, "");
        let monitor = client.monitor();
        client.connect(&endpoint).unwrap();
        assert_eq!(status(failure(&monitor)), expected);
    }
    let asked = asked.lock().unwrap().clone();
    let text = |frame: &Vec<u8>| String::from_utf8(frame.clone()).unwrap();
    let first: Vec<String> = asked[0].iter().map(text).collect();
    assert_eq!(first[..2], ["1.0", "global"]);
    assert!(first[2] == "127.0.0.1" || first[2].starts_with("localhost:"), "{first:?}");
    assert_eq!(first[3..], ["srv", "PLAIN", "alice", "wonderland"]);
    drop(server);
    context.term();
    thread.join().unwrap();
}

fn a_zap_handler_may_be_a_router_and_answer_in_any_order(harness: &Harness) {
    let context = zap_context(harness);
    let handler: Router = patient(context.router().unwrap());
    handler.bind("inproc://zeromq.zap.01").unwrap();
    let server = patient(context.pull().unwrap());
    server.set_zap_domain("d").unwrap();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let clients: Vec<Push> = (0..3).map(|_| harness.push()).collect();
    for client in &clients {
        client.connect(&endpoint).unwrap();
        client.send("hello").unwrap();
    }
    let questions: Vec<Multipart> = (0..3).map(|_| handler.recv_multipart().unwrap()).collect();
    for (number, question) in questions.iter().enumerate().rev() {
        let frames: Vec<Vec<u8>> = question.iter().map(|frame| frame.to_vec()).collect();
        assert_eq!(frames[1], b"", "{frames:?}");
        let answer = zap_reply(&frames[2..], "200", &number.to_string());
        handler
            .send_multipart([&frames[..2], &answer].concat().into_iter().collect::<Multipart>())
            .unwrap();
    }
    let mut names: Vec<String> =
        (0..3).map(|_| property(&server.recv().unwrap(), "User-Id").unwrap()).collect();
    names.sort();
    assert_eq!(names, ["0", "1", "2"]);
}

fn a_zap_handler_that_talks_nonsense_lets_nobody_in(harness: &Harness) {
    type Spoil = fn(&mut Vec<Vec<u8>>);
    let spoils: [(Spoil, u32); 7] = [
        (|reply| reply.push(Vec::new()), 0x2000_0001),
        (|reply| reply.truncate(1), 0x2000_0001),
        (|reply| reply[0] = b"1.1".to_vec(), 0x2000_0003),
        (|reply| reply[1] = b"nobody".to_vec(), 0x2000_0002),
        (|reply| reply[2] = b"201".to_vec(), 0x2000_0004),
        (|reply| reply[2] = b"20".to_vec(), 0x2000_0004),
        (|reply| reply[5] = b"\x04Role\0\0\0\x09clerk".to_vec(), 0x2000_0005),
    ];
    let context = zap_context(harness);
    let turn = Arc::new(AtomicUsize::new(0));
    let current = turn.clone();
    let (thread, _) = zap_handler(&context, move |question| {
        let mut reply = zap_reply(question, "200", "");
        spoils[current.load(Ordering::SeqCst)].0(&mut reply);
        reply
    });
    let server = patient(context.pull().unwrap());
    server.set_zap_domain("d").unwrap();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    for (number, (_, expected)) in spoils.iter().enumerate() {
        turn.store(number, Ordering::SeqCst);
        let monitor = server.monitor();
        let client = harness.push();
        client.connect(&endpoint).unwrap();
        assert_eq!(code(failure(&monitor)), Some(*expected), "{number}");
        client.disconnect(&endpoint).unwrap();
    }
    drop(server);
    context.term();
    thread.join().unwrap();
}

fn a_zap_handler_that_hangs_keeps_nobody_else_waiting(harness: &Harness) {
    let context = zap_context(harness);
    // It never looks.
    let handler: Rep = context.rep().unwrap();
    handler.bind("inproc://zeromq.zap.01").unwrap();
    let judged = patient(context.pull().unwrap());
    judged.set_zap_domain("d").unwrap();
    judged.set_handshake_interval(Some(Duration::from_millis(200))).unwrap();
    let monitor = judged.monitor();
    let endpoint = judged.bind(&harness.anywhere()).unwrap();
    let client = harness.push();
    client.connect(&endpoint).unwrap();
    let free = patient(context.pull().unwrap());
    let other = harness.push();
    other.connect(&free.bind(&harness.anywhere()).unwrap()).unwrap();
    other.send("hello").unwrap();
    assert_eq!(free.recv().unwrap(), "hello");
    // And its own peers wait no longer than a handshake may take.
    failure(&monitor);
}

fn a_zap_handler_may_go_and_another_come(harness: &Harness) {
    let context = zap_context(harness);
    let server = patient(context.pull().unwrap());
    server.set_plain_server(true).unwrap();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let meet = |name: &str| {
        let client = plain_client(harness, "alice", "");
        client.set_reconnect_interval(Some(GLANCE)).unwrap();
        client.connect(&endpoint).unwrap();
        client.send(name).unwrap();
        let message = server.recv().unwrap();
        assert_eq!(message, name);
        assert_eq!(property(&message, "User-Id").as_deref(), Some(name));
    };
    for name in ["first", "second", "third"] {
        let handler = patient(context.rep().unwrap());
        handler.bind("inproc://zeromq.zap.01").unwrap();
        let thread = thread::spawn(move || {
            let question = handler.recv_multipart().unwrap();
            let frames: Vec<Vec<u8>> = question.iter().map(|frame| frame.to_vec()).collect();
            let answer: Multipart = zap_reply(&frames, "200", name).into_iter().collect();
            handler.send_multipart(answer).unwrap();
            handler
        });
        meet(name);
        drop(thread.join().unwrap());
    }
}

fn a_domain_that_is_enforced_lets_nobody_in_unasked(harness: &Harness) {
    for enforced in [false, true] {
        let server = harness.pull();
        server.set_zap_domain("d").unwrap();
        server.set_zap_enforce_domain(enforced).unwrap();
        let monitor = server.monitor();
        let endpoint = server.bind(&harness.anywhere()).unwrap();
        let client = harness.push();
        client.connect(&endpoint).unwrap();
        client.send("hello").unwrap();
        if enforced {
            assert_eq!(status(failure(&monitor)), 300);
            assert!(server.try_recv().unwrap_err().is_would_block());
        } else {
            assert_eq!(server.recv().unwrap(), "hello");
        }
        client.set_linger(Some(Duration::ZERO)).unwrap();
    }
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
