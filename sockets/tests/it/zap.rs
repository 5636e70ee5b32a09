//! ZAP handlers: how they are asked, what is made of their answers, and of those that give none.

use crate::auth::{code, failure, plain_client, property, status};
use crate::harness::{Address, GLANCE, Harness, await_kind, eventually, over_wires, patient};
use crate::raw::{Wire, greeting};
use ringmq::{Context, Multipart, Push, Rep, Router};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

over_wires![
    a_zap_handler_is_asked_and_believed,
    a_zap_handler_may_be_a_router_and_answer_in_any_order,
    a_zap_handler_that_talks_nonsense_lets_nobody_in,
    a_zap_handler_that_hangs_keeps_nobody_else_waiting,
    a_zap_handler_may_go_and_another_come,
    a_domain_that_is_enforced_lets_nobody_in_unasked,
    answers_about_peers_that_are_gone_harm_nobody,
    a_handler_that_goes_leaves_nobody_waiting,
    what_lingers_is_judged_by_the_handler,
];

/// The frames of a message.
type Frames = Vec<Vec<u8>>;

/// A ZAP handler on a thread of its own, until its context ends; what it was asked, without the number of the
/// question.
fn zap_handler(
    context: &Context,
    reply: impl Fn(&[Vec<u8>]) -> Frames + Send + 'static,
) -> (JoinHandle<()>, Arc<Mutex<Vec<Frames>>>) {
    let handler: Rep = context.rep().unwrap();
    handler.bind("inproc://zeromq.zap.01").unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let thread = thread::spawn(move || {
        while let Ok(question) = handler.recv_multipart() {
            let frames: Frames = question.iter().map(|frame| frame.to_vec()).collect();
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
fn zap_reply(question: &[Vec<u8>], status: &str, user_id: &str) -> Frames {
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
        let frames: Frames = question.iter().map(|frame| frame.to_vec()).collect();
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
    type Spoil = fn(&mut Frames);
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
            let frames: Frames = question.iter().map(|frame| frame.to_vec()).collect();
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

/// Peers come and go before a slow handler has said anything of them.
fn answers_about_peers_that_are_gone_harm_nobody(harness: &Harness) {
    let context = zap_context(harness);
    let handler: Rep = patient(context.rep().unwrap());
    handler.bind("inproc://zeromq.zap.01").unwrap();
    let server = patient(context.pull().unwrap());
    server.set_zap_domain("d").unwrap();
    let monitor = server.monitor();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let gone: Vec<Wire> = (0..40)
        .filter_map(|_| {
            let mut wire = Wire::connect(&endpoint)?;
            wire.write(&greeting());
            Some(wire)
        })
        .collect();
    let strangers = gone.len();
    // Each is asked about: then its greeting has been read.
    eventually("all are asked about", || waiting(&handler) >= strangers as u64);
    drop(gone);
    for _ in 0..strangers {
        await_kind!(&monitor, Disconnected);
    }
    let client = harness.push();
    client.connect(&endpoint).unwrap();
    client.send("honest").unwrap();
    eventually("the last is asked about", || waiting(&handler) > strangers as u64);
    for _ in 0..=strangers {
        let question = handler.recv_multipart().unwrap();
        let frames: Frames = question.iter().map(|frame| frame.to_vec()).collect();
        let answer: Multipart = zap_reply(&frames, "200", "").into_iter().collect();
        handler.send_multipart(answer).unwrap();
    }
    assert_eq!(server.recv().unwrap(), "honest");
}

fn waiting(handler: &Rep) -> u64 {
    handler.totals().waiting
}

fn a_handler_that_goes_leaves_nobody_waiting(harness: &Harness) {
    let context = zap_context(harness);
    let handler: Rep = patient(context.rep().unwrap());
    handler.bind("inproc://zeromq.zap.01").unwrap();
    let server = patient(context.pull().unwrap());
    server.set_zap_domain("d").unwrap();
    let monitor = server.monitor();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    let client = harness.push();
    client.connect(&endpoint).unwrap();
    client.send("patient").unwrap();
    handler.recv_multipart().unwrap();
    drop(handler);
    assert_eq!(status(failure(&monitor)), 300);
    // There is nobody to ask any more, and the domain is not enforced.
    assert_eq!(server.recv().unwrap(), "patient");
}

/// A socket that has the handler judge whom it connects to is closed before there is anybody.
fn what_lingers_is_judged_by_the_handler(harness: &Harness) {
    let address = Address::new(harness);
    let context = zap_context(harness);
    let (thread, asked) = zap_handler(&context, |question| match &question[6][..] {
        b"alice" => zap_reply(question, "200", "queen"),
        _ => zap_reply(question, "300", ""),
    });
    let push = patient(context.push().unwrap());
    push.set_plain_server(true).unwrap();
    push.set_linger(None).unwrap();
    push.connect(&address.endpoint).unwrap();
    push.send("late").unwrap();
    drop(push);
    for (name, arrives) in [("mallory", false), ("alice", true)] {
        let before = asked.lock().unwrap().len();
        let pull = harness.pull();
        pull.set_plain_username(name).unwrap();
        pull.set_plain_password("").unwrap();
        address.bind(&pull);
        eventually("the handler is asked", || asked.lock().unwrap().len() > before);
        match arrives {
            true => assert_eq!(pull.recv().unwrap(), "late"),
            false => assert!(pull.try_recv().unwrap_err().is_would_block()),
        }
    }
    context.term();
    thread.join().unwrap();
}
