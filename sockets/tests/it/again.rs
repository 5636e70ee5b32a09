//! Connecting again: a connection that has ended for good is forgotten, so that those types that take an
//! endpoint once can have it anew.

use crate::harness::{
    Address, Harness, await_kind, eventually, over_wires, patient, within_process,
};
use ringmq::{AnySocket, Error, SocketType};

within_process![
    a_connect_finds_the_socket_that_came_after,
    a_connect_that_waits_is_not_made_twice,
    a_connect_that_waits_can_be_given_up_and_made_again,
    what_the_former_peer_has_sent_is_still_received,
    a_connection_that_has_ended_is_not_there_to_be_given_up,
    an_unbind_ends_connections_within_the_process,
];

over_wires![a_connect_that_has_given_up_is_made_anew];

/// The types that take an endpoint once, and whom they connect to.
const ONCE: [(SocketType, SocketType); 4] = [
    (SocketType::Dealer, SocketType::Dealer),
    (SocketType::Sub, SocketType::Pub),
    (SocketType::Pub, SocketType::Sub),
    (SocketType::Req, SocketType::Rep),
];

fn make(harness: &Harness, socket_type: SocketType) -> AnySocket {
    let socket = patient(harness.context.socket(socket_type).unwrap());
    if socket_type == SocketType::Sub {
        socket.subscribe("").unwrap();
    }
    socket
}

/// Sends a message between two sockets, in the direction in which their types do.
fn exchange(connecter: &AnySocket, binder: &AnySocket) {
    match connecter.socket_type() {
        SocketType::Sub => publish(binder, connecter),
        SocketType::Pub => publish(connecter, binder),
        socket_type => {
            connecter.send("hello").unwrap();
            assert_eq!(binder.recv().unwrap(), "hello");
            if socket_type == SocketType::Req {
                binder.send("world").unwrap();
                assert_eq!(connecter.recv().unwrap(), "world");
            }
        }
    }
}

fn publish(from: &AnySocket, to: &AnySocket) {
    eventually("the subscription arrives", || {
        // Within the process nobody else says it for the subscriber.
        let _ = to.stats();
        from.topics() == 1
    });
    from.send("news").unwrap();
    assert_eq!(to.recv().unwrap(), "news");
}

fn a_connect_finds_the_socket_that_came_after(harness: &Harness) {
    let ends: [fn(AnySocket, &str) -> Option<AnySocket>; 2] = [
        |socket, _| {
            drop(socket);
            None
        },
        |socket, endpoint| {
            socket.unbind(endpoint).unwrap();
            Some(socket)
        },
    ];
    for ((connects, binds), end) in ONCE.into_iter().flat_map(|types| ends.map(|end| (types, end)))
    {
        let endpoint = harness.anywhere();
        let connecter = make(harness, connects);
        let mut kept = Vec::new();
        for round in 0..6 {
            let binder = make(harness, binds);
            // Either may come first.
            if round % 2 == 0 {
                binder.bind(&endpoint).unwrap();
                connecter.connect(&endpoint).unwrap();
            } else {
                connecter.connect(&endpoint).unwrap();
                binder.bind(&endpoint).unwrap();
            }
            exchange(&connecter, &binder);
            connecter.connect(&endpoint).unwrap();
            assert_eq!(connecter.stats().len(), 1, "{connects:?}: connected already");
            kept.extend(end(binder, &endpoint));
        }
    }
}

fn a_connect_that_waits_is_not_made_twice(harness: &Harness) {
    for (connects, binds) in ONCE {
        let endpoint = harness.anywhere();
        let (connecter, binder) = (make(harness, connects), make(harness, binds));
        for _ in 0..3 {
            connecter.connect(&endpoint).unwrap();
            assert_eq!(connecter.stats().len(), 1);
        }
        binder.bind(&endpoint).unwrap();
        assert_eq!(binder.stats().len(), 1);
        exchange(&connecter, &binder);
    }
}

fn a_connect_that_waits_can_be_given_up_and_made_again(harness: &Harness) {
    for (connects, binds) in ONCE {
        let endpoint = harness.anywhere();
        let (connecter, binder) = (make(harness, connects), make(harness, binds));
        for _ in 0..3 {
            connecter.connect(&endpoint).unwrap();
            connecter.disconnect(&endpoint).unwrap();
            assert!(connecter.stats().is_empty());
        }
        connecter.connect(&endpoint).unwrap();
        binder.bind(&endpoint).unwrap();
        assert_eq!(binder.stats().len(), 1, "those that were given up are gone");
        exchange(&connecter, &binder);
    }
}

fn what_the_former_peer_has_sent_is_still_received(harness: &Harness) {
    let endpoint = harness.anywhere();
    let (dealer, former, new) = (harness.dealer(), harness.dealer(), harness.dealer());
    former.bind(&endpoint).unwrap();
    dealer.connect(&endpoint).unwrap();
    former.send("one").unwrap();
    former.send("two").unwrap();
    drop(former);
    new.bind(&endpoint).unwrap();
    dealer.connect(&endpoint).unwrap();
    new.send("three").unwrap();
    let mut received: Vec<_> = (0..3).map(|_| dealer.recv().unwrap().to_vec()).collect();
    received.sort();
    assert_eq!(received, [&b"one"[..], b"three", b"two"]);
    dealer.send("to the new one").unwrap();
    assert_eq!(new.recv().unwrap(), "to the new one");
    assert_eq!(dealer.stats().len(), 1);
    dealer.disconnect(&endpoint).unwrap();
    assert!(dealer.stats().is_empty(), "it was the new one that was named");
}

fn a_connection_that_has_ended_is_not_there_to_be_given_up(harness: &Harness) {
    for socket_type in [SocketType::Push, SocketType::Dealer] {
        let endpoint = harness.anywhere();
        let connecter = make(harness, socket_type);
        for _ in 0..3 {
            let binder = make(harness, SocketType::Pull);
            binder.bind(&endpoint).unwrap();
            connecter.connect(&endpoint).unwrap();
            drop(binder);
            assert!(connecter.stats().is_empty(), "it is noticed");
            let error = connecter.disconnect(&endpoint);
            assert!(matches!(error, Err(Error::NoSuchEndpoint { .. })), "{error:?}");
        }
    }
}

fn an_unbind_ends_connections_within_the_process(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    let (endpoint, kept) = (harness.join(&pull, &push), harness.join(&pull, &push));
    for number in 0..10u8 {
        push.send([number]).unwrap();
    }
    pull.unbind(&endpoint).unwrap();
    let mut received: Vec<u8> = (0..10).map(|_| pull.recv().unwrap()[0]).collect();
    received.sort_unstable();
    assert_eq!(received, (0..10).collect::<Vec<u8>>(), "what has arrived is there");
    for number in 0..10u8 {
        push.send([number]).unwrap();
        assert_eq!(pull.recv().unwrap(), [number], "by the other one");
    }
    assert_eq!((push.stats().len(), pull.stats().len()), (1, 1));
    push.disconnect(&kept).unwrap();
}

fn a_connect_that_has_given_up_is_made_anew(harness: &Harness) {
    for (connects, binds) in ONCE {
        let address = Address::new(harness);
        let (connecter, binder) = (make(harness, connects), make(harness, binds));
        connecter.set_reconnect_interval(None).unwrap();
        let monitor = connecter.monitor();
        for _ in 0..3 {
            connecter.connect(&address.endpoint).unwrap();
            await_kind!(&monitor, Closed);
            eventually("it is forgotten", || connecter.stats().is_empty());
            let error = connecter.disconnect(&address.endpoint);
            assert!(matches!(error, Err(Error::NoSuchEndpoint { .. })), "{error:?}");
        }
        address.bind(&binder);
        connecter.connect(&address.endpoint).unwrap();
        exchange(&connecter, &binder);
    }
}
