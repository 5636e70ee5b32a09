//! Binding and connecting: every form of endpoint, and what is wrong with others.

use crate::harness::{
    GLANCE, Harness, PATIENCE, await_event, await_kind, eventually, everywhere, over_tcp,
    over_wires, under_wine, within_process,
};
use ringmq::{Error, MonitorEvent};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::time::Duration;

everywhere![
    a_name_can_be_bound_once,
    a_name_can_be_bound_again_when_it_is_given_up,
    an_unknown_endpoint_cannot_be_given_up,
    the_last_endpoint_is_told,
    one_socket_takes_many_endpoints,
    binds_and_connects_of_all_transports_mix,
    a_second_connect_to_the_same_endpoint,
    a_socket_may_connect_to_itself,
    malformed_endpoints_are_errors_and_harm_nothing,
];

over_wires![an_unbind_ends_its_connections];

over_tcp![
    a_wildcard_port_is_resolved,
    every_interface_can_be_bound,
    ipv6_can_be_used,
    a_source_address_can_be_chosen,
    a_name_is_looked_up,
    a_name_that_is_none_is_retried_quietly,
    an_address_of_another_machine_cannot_be_bound,
    a_bind_that_waits_holds_up_nobody,
    a_bind_that_waits_ends_with_its_context,
];

within_process![a_connect_may_come_first, names_belong_to_a_context];

fn a_name_can_be_bound_once(harness: &Harness) {
    let (first, second) = (harness.pull(), harness.pull());
    let endpoint = first.bind(&harness.anywhere()).unwrap();
    if endpoint.starts_with("ipc://") {
        // A path may be taken over by the next process: see the transport's own tests.
        return;
    }
    for socket in [&first, &second] {
        let error = socket.bind(&endpoint).unwrap_err();
        assert!(error.to_string().contains(&endpoint), "{error}");
        assert!(matches!(error, Error::AddressInUse { .. }), "{error:?}");
    }
    let push = harness.push();
    push.connect(&endpoint).unwrap();
    push.send("unharmed").unwrap();
    assert_eq!(first.recv().unwrap(), "unharmed");
}

fn a_name_can_be_bound_again_when_it_is_given_up(harness: &Harness) {
    let mut endpoint = harness.anywhere();
    if endpoint == "ipc://*" {
        endpoint = format!("ipc://@ringmq-again-{}-{:?}", std::process::id(), harness.backend);
    }
    for round in 0..5u8 {
        let (push, pull) = (harness.push(), harness.pull());
        eventually("it is free", || match pull.bind(&endpoint) {
            Ok(bound) => {
                endpoint = bound;
                true
            }
            Err(_) => false,
        });
        push.connect(&endpoint).unwrap();
        push.send([round]).unwrap();
        assert_eq!(pull.recv().unwrap(), [round]);
        if round % 2 == 0 {
            pull.unbind(&endpoint).unwrap();
        }
    }
}

fn an_unknown_endpoint_cannot_be_given_up(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    let endpoint = harness.join(&pull, &push);
    for unknown in ["tcp://127.0.0.1:1", "ipc:///nowhere", "inproc://unknown", "rubbish"] {
        assert!(matches!(pull.unbind(unknown), Err(Error::NoSuchEndpoint { .. })));
        assert!(matches!(push.disconnect(unknown), Err(Error::NoSuchEndpoint { .. })));
    }
    assert!(pull.disconnect(&endpoint).is_err(), "it is bound, not connected");
    assert!(push.unbind(&endpoint).is_err(), "it is connected, not bound");
    pull.unbind(&endpoint).unwrap();
    assert!(pull.unbind(&endpoint).is_err());
    push.disconnect(&endpoint).unwrap();
    assert!(push.disconnect(&endpoint).is_err());
}

fn the_last_endpoint_is_told(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    assert_eq!(pull.last_endpoint(), "");
    let one = pull.bind(&harness.anywhere()).unwrap();
    assert_eq!(pull.last_endpoint(), one);
    let two = pull.bind(&harness.anywhere()).unwrap();
    assert_ne!(one, two);
    assert_eq!(pull.last_endpoint(), two);
    push.connect(&one).unwrap();
    assert_eq!(push.last_endpoint(), one);
}

fn one_socket_takes_many_endpoints(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    for _ in 0..20 {
        push.connect(&pull.bind(&harness.anywhere()).unwrap()).unwrap();
    }
    eventually("all are connected", || crate::harness::connected(&push) == 20);
    for number in 0..200u32 {
        push.send(number.to_be_bytes()).unwrap();
    }
    let mut received: Vec<u8> = (0..200).map(|_| pull.recv().unwrap()[3]).collect();
    received.sort_unstable();
    assert_eq!(received, (0..200u8).collect::<Vec<u8>>());
}

fn binds_and_connects_of_all_transports_mix(harness: &Harness) {
    // Both bind and both connect, over everything at once.
    let (a, b) = (harness.dealer(), harness.dealer());
    let mixed = format!("inproc://mixed-{}", std::process::id());
    for (binds, connects, name) in [(&a, &b, "a"), (&b, &a, "b")] {
        let local = if cfg!(unix) { "ipc://*" } else { "tcp://*:*" };
        for endpoint in ["tcp://127.0.0.1:*", local, &format!("{mixed}{name}")] {
            connects.connect(&binds.bind(endpoint).unwrap()).unwrap();
        }
    }
    for socket in [&a, &b] {
        eventually("all are connected", || crate::harness::connected(socket) == 6);
    }
    for (from, to) in [(&a, &b), (&b, &a)] {
        for number in 0..60u8 {
            from.send([number]).unwrap();
        }
        let mut received: Vec<u8> = (0..60).map(|_| to.recv().unwrap()[0]).collect();
        received.sort_unstable();
        assert_eq!(received, (0..60).collect::<Vec<u8>>());
    }
}

fn a_second_connect_to_the_same_endpoint(harness: &Harness) {
    let (dealer, router) = (harness.dealer(), harness.router());
    let endpoint = harness.join(&router, &dealer);
    dealer.connect(&endpoint).unwrap();
    assert_eq!(dealer.stats().len(), 1, "does nothing for a DEALER");
    let (push, pull) = (harness.push(), harness.pull());
    let endpoint = harness.join(&pull, &push);
    push.connect(&endpoint).unwrap();
    assert_eq!(push.stats().len(), 2, "makes a second connection for a PUSH");
}

fn a_socket_may_connect_to_itself(harness: &Harness) {
    let dealer = harness.dealer();
    let endpoint = dealer.bind(&harness.anywhere()).unwrap();
    dealer.connect(&endpoint).unwrap();
    eventually("both ends are there", || crate::harness::connected(&dealer) == 2);
    for number in 0..10u8 {
        dealer.send([number]).unwrap();
        assert_eq!(dealer.recv().unwrap(), [number]);
    }
}

fn malformed_endpoints_are_errors_and_harm_nothing(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let long = format!("ipc:///tmp/{}", "x".repeat(200));
    for malformed in [
        "",
        "tcp",
        "tcp:",
        "tcp://",
        "://",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://:80",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:-1",
        "tcp://127.0.0.1:12x",
        "tcp://[::1:80",
        "tcp://127.0.0.1:80/path",
        "norm://127.0.0.1:80",
        "pgm://x",
        "ipc://",
        "ipc://@",
        "inproc://",
        "TCP://127.0.0.1:80",
        " tcp://127.0.0.1:80",
        "tcp://a b:80",
        "tcp://\0:80",
        &long,
    ] {
        for result in [pull.bind(malformed).map(drop), push.connect(malformed)] {
            match result {
                Err(Error::Endpoint(error)) => assert!(!error.to_string().is_empty()),
                other => panic!("{malformed:?}: {other:?}"),
            }
        }
    }
    assert!(push.connect("tcp://127.0.0.1:*").is_err(), "no wildcard to connect to");
    push.send("unharmed").unwrap();
    assert_eq!(pull.recv().unwrap(), "unharmed");
}

fn an_unbind_ends_its_connections(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    let monitor = push.monitor();
    let endpoint = harness.join(&pull, &push);
    let kept = harness.join(&pull, &push);
    pull.unbind(&endpoint).unwrap();
    await_event(&monitor, |event| match event {
        MonitorEvent::Disconnected { endpoint: ended, .. } => {
            assert_eq!(**ended, *endpoint);
            Some(())
        }
        _ => None,
    });
    push.disconnect(&endpoint).unwrap();
    assert_eq!(pull.last_endpoint(), kept);
    push.send("by the other").unwrap();
    assert_eq!(pull.recv().unwrap(), "by the other");
}

fn a_wildcard_port_is_resolved(harness: &Harness) {
    for wildcard in ["tcp://127.0.0.1:*", "tcp://127.0.0.1:0"] {
        let pull = harness.pull();
        let endpoint = pull.bind(wildcard).unwrap();
        let port: u16 = endpoint.strip_prefix("tcp://127.0.0.1:").unwrap().parse().unwrap();
        assert_ne!(port, 0);
    }
}

fn every_interface_can_be_bound(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    let endpoint = pull.bind("tcp://*:*").unwrap();
    let port = endpoint.strip_prefix("tcp://0.0.0.0:").unwrap();
    push.connect(&format!("tcp://127.0.0.1:{port}")).unwrap();
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
    let other = harness.pull();
    // Other systems take this for a more special address. (Wine passes on what Linux says.)
    let again = other.bind(&format!("tcp://127.0.0.1:{port}"));
    assert_eq!(again.is_err(), cfg!(target_os = "linux") || under_wine());
}

fn ipv6_can_be_used(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    pull.set_ipv6(true).unwrap();
    push.set_ipv6(true).unwrap();
    let Ok(endpoint) = pull.bind("tcp://[::1]:*") else {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    };
    assert!(endpoint.starts_with("tcp://[::1]:"), "{endpoint}");
    push.connect(&endpoint).unwrap();
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
    // The wildcard takes both.
    let both = harness.pull();
    both.set_ipv6(true).unwrap();
    let endpoint = both.bind("tcp://*:*").unwrap();
    let port = endpoint.strip_prefix("tcp://[::]:").unwrap();
    for address in [format!("tcp://127.0.0.1:{port}"), format!("tcp://[::1]:{port}")] {
        let push = harness.push();
        push.set_ipv6(true).unwrap();
        push.connect(&address).unwrap();
        push.send("hello").unwrap();
        assert_eq!(both.recv().unwrap(), "hello");
    }
}

fn a_source_address_can_be_chosen(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    let monitor = pull.monitor();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    let address = endpoint.strip_prefix("tcp://").unwrap();
    push.connect(&format!("tcp://127.0.0.1:0;{address}")).unwrap();
    let event = await_kind!(&monitor, Accepted);
    assert!(matches!(&event, MonitorEvent::Accepted { peer, .. } if peer.contains("127.0.0.1:")));
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
}

fn a_name_is_looked_up(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    let port = endpoint.strip_prefix("tcp://127.0.0.1:").unwrap();
    push.connect(&format!("tcp://localhost:{port}")).unwrap();
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
}

fn a_name_that_is_none_is_retried_quietly(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    let monitor = push.monitor();
    push.connect("tcp://no-such-host.invalid:5555").unwrap();
    harness.join(&pull, &push);
    await_kind!(&monitor, ConnectFailed);
    await_kind!(&monitor, ConnectRetried);
    // Every other message waits for that host; the rest goes on.
    push.send("one").unwrap();
    push.send("two").unwrap();
    let received = pull.recv().unwrap();
    assert!(received == "one" || received == "two");
    push.disconnect("tcp://no-such-host.invalid:5555").unwrap();
}

fn an_address_of_another_machine_cannot_be_bound(harness: &Harness) {
    let pull = harness.pull();
    // TEST-NET-1: nobody has it.
    let error = pull.bind("tcp://192.0.2.1:*").unwrap_err();
    assert!(matches!(error, Error::Bind(_)), "{error:?}");
    assert!(error.to_string().contains("192.0.2.1"));
    pull.bind("tcp://127.0.0.1:*").unwrap();
}

/// Whether a bind to an address in use is waiting still when another thread has used the socket, so that it
/// gets the address that its owner gives up after that.
fn waits_while_others_go_on(dealer: &ringmq::Dealer) -> bool {
    let owner = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", owner.local_addr().unwrap());
    let (begin, begun) = channel();
    std::thread::scope(|scope| {
        let binding = scope.spawn(move || {
            begin.send(()).unwrap();
            dealer.bind(&endpoint)
        });
        begun.recv().unwrap();
        std::thread::sleep(GLANCE); // By now it waits; if it does not, this proves less.
        dealer.send("there").unwrap();
        assert_eq!(dealer.recv().unwrap(), "there");
        drop(owner);
        binding.join().unwrap().is_ok()
    })
}

fn a_bind_that_waits_holds_up_nobody(harness: &Harness) {
    // It sends to itself, so that its calls need nobody else.
    let dealer = harness.dealer();
    let own = dealer.bind("inproc://itself").unwrap();
    dealer.connect(&own).unwrap();
    // Again and again: a bind waits for so long only, and this thread may be held up elsewhere.
    eventually("others do not wait for as long as the bind", || waits_while_others_go_on(&dealer));
}

fn a_bind_that_waits_ends_with_its_context(harness: &Harness) {
    let owner = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = owner.local_addr().unwrap();
    let pull = harness.pull();
    std::thread::scope(|scope| {
        let binding = scope.spawn(|| {
            loop {
                match pull.bind(&format!("tcp://{address}")) {
                    Err(Error::AddressInUse { .. }) => {}
                    result => return result,
                }
            }
        });
        harness.context.shutdown();
        assert!(matches!(binding.join().unwrap(), Err(Error::Terminated)));
    });
    drop(owner);
    TcpListener::bind(address).unwrap();
}

fn a_connect_may_come_first(harness: &Harness) {
    let (req, rep) = (harness.req(), harness.rep());
    req.connect("inproc://to come").unwrap();
    req.send("early").unwrap();
    rep.bind("inproc://to come").unwrap();
    assert_eq!(rep.recv().unwrap(), "early");
    rep.send("reply").unwrap();
    assert_eq!(req.recv().unwrap(), "reply");
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    subscriber.connect("inproc://news").unwrap();
    subscriber.subscribe("a").unwrap();
    publisher.bind("inproc://news").unwrap();
    eventually("the subscription arrives", || publisher.topics() == 1);
    publisher.send("a story").unwrap();
    assert_eq!(subscriber.recv().unwrap(), "a story");
}

fn names_belong_to_a_context(harness: &Harness) {
    let other = ringmq::Context::new();
    let (here, there) = (harness.pull(), other.pull().unwrap());
    here.bind("inproc://same").unwrap();
    there.bind("inproc://same").unwrap();
    there.set_recv_timeout(Some(Duration::ZERO)).unwrap();
    let push = harness.push();
    push.set_send_timeout(Some(PATIENCE)).unwrap();
    push.connect("inproc://same").unwrap();
    push.send("here").unwrap();
    assert_eq!(here.recv().unwrap(), "here");
    assert!(there.recv().is_err());
}
