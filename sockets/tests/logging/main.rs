//! A session in which everything goes wrong, and what the log says of it: which level, which words, with
//! socket type, endpoint, peer and routing id.
//!
//! The log is the process's, so this is one test, in chapters. With `--nocapture` it prints the log, at INFO
//! and above, as an operator would read it.

#![allow(clippy::unwrap_used)]

mod recorder;

use recorder::Recorder;
use ringmq::{Context, Error, ReconnectStop, Socket, kind::Kind};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;
use tracing::Level;

const INFO: Level = Level::INFO;
const WARN: Level = Level::WARN;
/// Too short for anything to come.
const MOMENT: Option<Duration> = Some(Duration::from_millis(1));

/// A socket that tries again soon, and leaves nothing behind.
fn quick<K: Kind>(socket: Socket<K>) -> Socket<K> {
    socket.set_reconnect_interval(Some(Duration::from_millis(5))).unwrap();
    socket.set_recv_timeout(MOMENT).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    socket
}

fn connected<K: Kind>(socket: &Socket<K>) -> bool {
    socket.stats().iter().any(|pipe| pipe.connected)
}

/// An endpoint at which nobody listens: of a loopback address that nobody else uses, where there are others.
fn nobodys(last: u8) -> String {
    let ip = if cfg!(target_os = "linux") {
        let [_, _, high, low] = std::process::id().to_be_bytes();
        Ipv4Addr::new(127, 101 + last, high, low.max(1))
    } else {
        Ipv4Addr::LOCALHOST
    };
    format!("tcp://{}", TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap())
}

#[test]
fn a_session_in_which_everything_goes_wrong() {
    let log = Recorder::install();
    let context = Context::new();
    for chapter in [
        a_server_and_a_client_that_come_and_go,
        nobody_listens,
        a_misspelt_host,
        giving_up,
        a_peer_of_another_type,
        a_peer_of_another_protocol,
        a_slow_subscriber,
        a_peer_that_leaves_with_messages_queued,
        a_linger_time_that_is_over,
        messages_to_nobody,
        a_taken_routing_id,
        no_subscription,
        names_within_the_process,
        no_envelope,
        options_set_late,
    ] {
        chapter(log, &context);
    }
    println!("{}", log.transcript(INFO));
}

fn a_server_and_a_client_that_come_and_go(log: &Recorder, context: &Context) {
    let (pull, dealer) = (quick(context.router().unwrap()), quick(context.dealer().unwrap()));
    dealer.set_routing_id("client-7").unwrap();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    log.expect(INFO, "bound", &[("socket", "ROUTER"), ("endpoint", &endpoint)]);
    dealer.connect(&endpoint).unwrap();
    let both = [("endpoint", &*endpoint), ("peer", "tcp://127.0.0.1:")];
    let fields = [&both[..], &[("socket", "DEALER"), ("peer_type", "ROUTER")]].concat();
    log.expect(INFO, "connected", &fields);
    let fields = [&both[..], &[("socket", "ROUTER"), ("routing_id", "client-7")]].concat();
    let line = log.expect(INFO, "connected", &fields);
    let [socket, connection] = &line.spans[..] else { panic!("{:?}", line.spans) };
    assert!(socket.starts_with("socket number=") && socket.ends_with("socket=ROUTER"), "{socket}");
    let expected = format!("connection endpoint={endpoint} peer={}", line.field("peer"));
    assert_eq!(*connection, expected);
    pull.unbind(&endpoint).unwrap();
    log.expect(INFO, "closed", &[("socket", "ROUTER"), ("endpoint", &endpoint)]);
    let fields = [("socket", "ROUTER"), ("endpoint", &endpoint), ("routing_id", "client-7")];
    log.expect(INFO, "disconnected", &fields);
    let fields = [("socket", "DEALER"), ("endpoint", &endpoint), ("reason", "the peer closed")];
    log.expect(INFO, "connection lost", &fields);
    let fields = [("socket", "DEALER"), ("endpoint", &*endpoint), ("after", "ms")];
    log.expect(INFO, "connecting again", &fields);
}

fn nobody_listens(log: &Recorder, context: &Context) {
    let (push, endpoint) = (quick(context.push().unwrap()), nobodys(0));
    let monitor = push.monitor();
    push.connect(&endpoint).unwrap();
    let about = [("socket", "PUSH"), ("endpoint", &*endpoint)];
    log.expect(INFO, "cannot connect", &about);
    log.expect(INFO, "connecting again", &about);
    // Over and over, and in the log with a count after a while.
    (0..20).for_each(|_| drop(monitor.recv().unwrap()));
    let lines = log.of("cannot connect", &endpoint);
    let loud = lines.iter().filter(|line| line.level <= INFO);
    let told = loud.map(|line| line.field("repeated").parse().unwrap_or(0) + 1).sum::<usize>();
    assert!(told <= lines.len(), "told {told} times of {}", lines.len());
    assert!(lines.iter().any(|line| line.level == Level::DEBUG), "{lines:?}");
}

fn a_misspelt_host(log: &Recorder, context: &Context) {
    let push = quick(context.push().unwrap());
    let endpoint = "tcp://no-such-host.invalid:5555";
    push.connect(endpoint).unwrap();
    let reason = ("reason", r#"host "no-such-host.invalid" is not known"#);
    log.expect(WARN, "cannot connect", &[("socket", "PUSH"), ("endpoint", endpoint), reason]);
}

fn giving_up(log: &Recorder, context: &Context) {
    let (push, endpoint) = (quick(context.push().unwrap()), nobodys(1));
    let stop = ReconnectStop { connection_refused: true, ..ReconnectStop::NEVER };
    push.set_reconnect_stop(stop).unwrap();
    push.connect(&endpoint).unwrap();
    let about = [("socket", "PUSH"), ("endpoint", &*endpoint)];
    log.expect(WARN, "given up connecting", &about);
}

fn a_peer_of_another_type(log: &Recorder, context: &Context) {
    let (pull, publisher) = (quick(context.pull().unwrap()), quick(context.publisher().unwrap()));
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    publisher.connect(&endpoint).unwrap();
    let reason = ("reason", "the peer's PUB socket cannot talk to a PULL socket");
    let fields =
        [("socket", "PULL"), ("endpoint", &*endpoint), ("peer", "tcp://127.0.0.1:"), reason];
    log.expect(WARN, "handshake failed", &fields);
}

fn a_peer_of_another_protocol(log: &Recorder, context: &Context) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let req = quick(context.req().unwrap());
    req.connect(&endpoint).unwrap();
    for _ in 0..3 {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    }
    let reason = ("reason", "the peer speaks HTTP, not ZMTP");
    log.expect(WARN, "handshake failed", &[("socket", "REQ"), ("endpoint", &endpoint), reason]);
    let lines = log.of("handshake failed", &endpoint);
    let warned = lines.iter().filter(|line| line.level == WARN).count();
    let held = lines.iter().filter(|line| line.level == Level::DEBUG).count();
    // The second one comes a minute later, if somebody waits for so long.
    assert!(warned == 1 || held > 0 && lines[1].level == Level::DEBUG, "{lines:?}");
}

fn a_slow_subscriber(log: &Recorder, context: &Context) {
    let (publisher, subscriber) = (context.publisher().unwrap(), context.subscriber().unwrap());
    publisher.set_send_hwm(10).unwrap();
    subscriber.set_recv_hwm(10).unwrap();
    let endpoint = publisher.bind("inproc://news").unwrap();
    subscriber.subscribe("").unwrap();
    subscriber.connect(&endpoint).unwrap();
    (0..25).for_each(|_| publisher.send("news").unwrap());
    let about = [("socket", "PUB"), ("endpoint", &*endpoint), ("peer", &endpoint)];
    let slow = [&about[..], &[("reason", "too slowly"), ("messages", "1")]].concat();
    log.expect(WARN, "messages dropped", &slow);
    assert_eq!(publisher.dropped(), 5);
    drop(publisher);
    // What was not told of by then is when it is over.
    let lines = log.of("messages dropped", &endpoint);
    let told = lines.iter().filter(|line| line.level == WARN);
    let messages = |line: &recorder::Line| line.field("messages").parse::<u64>().unwrap();
    assert_eq!(told.map(messages).sum::<u64>(), 5, "{lines:?}");
}

fn a_peer_that_leaves_with_messages_queued(log: &Recorder, context: &Context) {
    let (dealer, router) = (quick(context.dealer().unwrap()), quick(context.router().unwrap()));
    dealer.set_routing_id("leaver").unwrap();
    dealer.set_recv_hwm(1).unwrap();
    dealer.set_recv_buffer(Some(4096)).unwrap();
    router.set_send_buffer(Some(4096)).unwrap();
    let endpoint = router.bind("tcp://127.0.0.1:*").unwrap();
    dealer.connect(&endpoint).unwrap();
    log.expect(INFO, "connected", &[("socket", "ROUTER"), ("endpoint", &endpoint)]);
    assert!(router.stats().iter().any(|pipe| pipe.routing_id == b"leaver"));
    // More than the buffers between them hold.
    for _ in 0..100 {
        router.send_multipart([&b"leaver"[..], &[7; 100_000]]).unwrap();
    }
    drop(dealer);
    let about = [("socket", "ROUTER"), ("endpoint", &*endpoint), ("routing_id", "leaver")];
    let gone =
        [&about[..], &[("reason", "the connection that they were queued for is over")]].concat();
    let line = log.expect(WARN, "messages dropped", &gone);
    assert!(line.field("messages").parse::<u64>().unwrap() > 1, "{line}");
}

fn a_linger_time_that_is_over(log: &Recorder, _: &Context) {
    // Of a context this is told once in a while.
    let context = Context::new();
    let (push, endpoint) = (quick(context.push().unwrap()), nobodys(2));
    push.connect(&endpoint).unwrap();
    (0..3).for_each(|_| push.send("too late").unwrap());
    drop(push);
    context.term();
    let fields = [("socket", "PUSH"), ("endpoint", &*endpoint), ("messages", "3")];
    let text =
        "gave up messages that were not delivered: the linger time is over, or their peer has gone";
    log.expect(WARN, text, &fields);
}

fn messages_to_nobody(log: &Recorder, context: &Context) {
    let router = context.router().unwrap();
    router.send_multipart(["stranger", "body"]).unwrap();
    let fields = [("socket", "ROUTER"), ("routing_id", "stranger"), ("reason", "no peer has")];
    log.expect(WARN, "messages dropped", &fields);
    router.send("the body alone").unwrap();
    log.expect(WARN, "message of a routing id alone", &[("socket", "ROUTER")]);
    assert_eq!(router.totals().to_nobody, 2);
    drop(router);
    let lines =
        log.lines().into_iter().filter(|line| line.field("reason").starts_with("no peer has"));
    let told = lines.filter(|line| line.level == WARN);
    let messages = told.map(|line| line.field("messages").parse::<u64>().unwrap()).sum::<u64>();
    assert_eq!(messages, 2);
}

fn a_taken_routing_id(log: &Recorder, context: &Context) {
    let router = quick(context.router().unwrap());
    let endpoint = router.bind("tcp://127.0.0.1:*").unwrap();
    let twins = [context.dealer().unwrap(), context.dealer().unwrap()].map(quick);
    for twin in &twins {
        twin.set_routing_id("twin").unwrap();
        twin.connect(&endpoint).unwrap();
    }
    let about = [("socket", "ROUTER"), ("endpoint", &*endpoint), ("routing_id", "twin")];
    let taken = [&about[..], &[("peer", "tcp://127.0.0.1:"), ("reason", "handover")]].concat();
    // It is the socket that has names, and a socket acts when it is used.
    log.expect_while(WARN, "routing id taken", &taken, || drop(router.stats()));
}

fn no_subscription(log: &Recorder, context: &Context) {
    let (subscriber, endpoint) = (quick(context.subscriber().unwrap()), nobodys(3));
    subscriber.connect(&endpoint).unwrap();
    assert!(subscriber.recv().unwrap_err().is_would_block());
    let reason = ("reason", "receives nothing until it subscribes");
    log.expect(WARN, "subscribed to nothing", &[("socket", "SUB"), reason]);
    // One that has subscribed may wait.
    let patient = quick(context.subscriber().unwrap());
    patient.subscribe("topic").unwrap();
    assert!(patient.recv().unwrap_err().is_would_block());
    let said = log.lines().into_iter().filter(|line| line.words == "subscribed to nothing");
    assert_eq!(said.count(), 1);
}

fn names_within_the_process(log: &Recorder, context: &Context) {
    let pull = quick(context.pull().unwrap());
    pull.connect("inproc://nowhere").unwrap();
    assert!(pull.recv().unwrap_err().is_would_block());
    let fields = [("socket", "PULL"), ("endpoint", "inproc://nowhere")];
    log.expect(WARN, "inproc name not bound", &fields);
    let other = Context::new();
    let elsewhere = other.push().unwrap();
    elsewhere.bind("inproc://elsewhere").unwrap();
    pull.connect("inproc://elsewhere").unwrap();
    let fields = [("socket", "PULL"), ("endpoint", "inproc://elsewhere")];
    log.expect(WARN, "inproc name bound in another context", &fields);
}

fn no_envelope(log: &Recorder, context: &Context) {
    let (dealer, rep) = (quick(context.dealer().unwrap()), quick(context.rep().unwrap()));
    let endpoint = rep.bind("tcp://127.0.0.1:*").unwrap();
    dealer.connect(&endpoint).unwrap();
    dealer.send("a request without an empty frame").unwrap();
    let about = [("socket", "REP"), ("endpoint", &*endpoint), ("peer", "tcp://127.0.0.1:")];
    let receive = || assert!(matches!(rep.recv(), Err(Error::WouldBlock)));
    log.expect_while(WARN, "message without an envelope", &about, receive);
    let (req, router) = (quick(context.req().unwrap()), quick(context.router().unwrap()));
    let endpoint = router.bind("tcp://127.0.0.1:*").unwrap();
    req.connect(&endpoint).unwrap();
    req.send("request").unwrap();
    let request = loop {
        match router.recv_multipart() {
            Ok(request) => break request,
            Err(error) => assert!(error.is_would_block()),
        }
    };
    router.send_multipart([&request[0][..], b"a reply without an empty frame"]).unwrap();
    let about = [("socket", "REQ"), ("endpoint", &*endpoint), ("peer", "tcp://127.0.0.1:")];
    let receive = || assert!(matches!(req.recv(), Err(Error::WouldBlock)));
    log.expect_while(WARN, "message without an envelope", &about, receive);
    assert_eq!((rep.dropped(), req.dropped()), (1, 1));
}

fn options_set_late(log: &Recorder, context: &Context) {
    let (push, endpoint) = (quick(context.push().unwrap()), nobodys(4));
    push.set_ipv6(true).unwrap();
    push.connect(&endpoint).unwrap();
    push.set_ipv6(true).unwrap(); // No change.
    push.set_routing_id("late").unwrap();
    let reason = ("reason", "it counts for binds and connects from then on");
    let fields = [("socket", "PUSH"), ("option", "routing_id"), reason];
    log.expect(WARN, "option set late", &fields);
    let late = log.lines().into_iter().filter(|line| line.words == "option set late");
    assert_eq!(late.count(), 1);
    assert!(!connected(&push));
}
