//! What a peer is told first, and what is received where a connection begins and where it ends.

use crate::harness::{
    Address, Harness, Transport, connected, eventually, everywhere, over_wires, patient,
};
use ringmq::{AnySocket, Error, Message, RouterNotify, SocketType};

everywhere![
    a_hello_comes_before_everything_else,
    a_disconnect_message_comes_after_everything_else,
    a_disconnect_message_is_received_by_whoever_waits,
    servers_are_told_of_clients_that_go,
    a_peer_that_nobody_hears_of_leaves_nothing_behind,
];

over_wires![
    a_hello_is_said_on_each_connection,
    a_hiccup_stands_between_two_connections,
    a_router_is_told_of_connections,
    who_was_never_let_in_does_not_leave,
];

/// The body of a message, and its routing id before it, as a ROUTER receives it.
fn from(router: &AnySocket) -> (String, String) {
    let [id, body]: [Message; 2] = router.recv_multipart().unwrap().try_into().unwrap();
    let text = |frame: &Message| String::from_utf8_lossy(frame).into_owned();
    (text(&id), text(&body))
}

fn any(harness: &Harness, socket_type: SocketType) -> AnySocket {
    let socket = patient(harness.context.socket(socket_type).unwrap());
    // What was sent is to arrive also if it is closed.
    socket.set_linger(None).unwrap();
    socket
}

fn named(harness: &Harness, name: &str) -> AnySocket {
    let dealer = any(harness, SocketType::Dealer);
    dealer.set_routing_id(name).unwrap();
    dealer
}

fn a_hello_comes_before_everything_else(harness: &Harness) {
    use SocketType::{Client, Dealer, Peer, Router, Server};
    let (short, long) = (b"hello".to_vec(), vec![b'h'; 100_000]);
    for (binds, connects) in [(Router, Dealer), (Dealer, Dealer), (Server, Client), (Peer, Peer)] {
        for hello in [&short, &long] {
            let (here, there) = (any(harness, binds), any(harness, connects));
            here.set_hello_message(hello).unwrap();
            there.set_hello_message(hello).unwrap();
            // What waits for a peer comes second.
            let address = Address::new(harness);
            there.connect(&address.endpoint).unwrap();
            if connects != Peer {
                there.send("second").unwrap();
            }
            address.bind(&here);
            if binds == Router {
                assert_eq!(here.recv_multipart().unwrap().len(), 2);
                assert_eq!(here.recv_multipart().unwrap()[1], "second");
            } else {
                assert_eq!(here.recv().unwrap(), hello[..]);
                assert!(connects == Peer || here.recv().unwrap() == "second");
            }
            assert_eq!(there.recv().unwrap(), hello[..], "{connects:?}");
        }
    }
}

fn a_hello_is_said_on_each_connection(harness: &Harness) {
    let address = Address::new(harness);
    let dealer = named(harness, "worker");
    dealer.set_hello_message("ready").unwrap();
    dealer.connect(&address.endpoint).unwrap();
    for _ in 0..3 {
        let router = any(harness, SocketType::Router);
        address.bind(&router);
        assert_eq!(from(&router), ("worker".into(), "ready".into()));
        router.close();
    }
    dealer.set_hello_message("").unwrap();
    let router = any(harness, SocketType::Router);
    address.bind(&router);
    eventually("it is there again", || connected(&router) == 1);
    dealer.send("work").unwrap();
    assert_eq!(from(&router), ("worker".into(), "work".into()));
}

fn a_disconnect_message_comes_after_everything_else(harness: &Harness) {
    let router = any(harness, SocketType::Router);
    router.set_disconnect_message("gone").unwrap();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    for round in 0..20 {
        let dealer = named(harness, &format!("worker {round}"));
        dealer.connect(&endpoint).unwrap();
        (0..round).for_each(|number| dealer.send(format!("{number}")).unwrap());
        eventually("it is known", || connected(&router) == 1);
        dealer.close();
        let name = format!("worker {round}");
        for number in 0..round {
            assert_eq!(from(&router), (name.clone(), number.to_string()));
        }
        assert_eq!(from(&router), (name, "gone".into()));
        eventually("its pipe is gone", || router.stats().is_empty());
        assert!(router.try_recv().unwrap_err().is_would_block(), "once");
    }
    assert_eq!(router.totals().received, (0..20).sum::<u64>() + 20);
}

fn a_disconnect_message_is_received_by_whoever_waits(harness: &Harness) {
    let router = any(harness, SocketType::Router);
    router.set_disconnect_message("gone").unwrap();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    for _ in 0..20 {
        let dealer = named(harness, "worker");
        dealer.connect(&endpoint).unwrap();
        eventually("it is known", || connected(&router) == 1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| from(&router));
            dealer.close();
            assert_eq!(waiting.join().unwrap(), ("worker".into(), "gone".into()));
        });
        eventually("its pipe is gone", || router.stats().is_empty());
    }
}

fn servers_are_told_of_clients_that_go(harness: &Harness) {
    for (binds, connects) in
        [(SocketType::Server, SocketType::Client), (SocketType::Peer, SocketType::Peer)]
    {
        let (server, client) = (any(harness, binds), any(harness, connects));
        server.set_disconnect_message("gone").unwrap();
        client.set_hello_message("here").unwrap();
        client.connect(&server.bind(&harness.anywhere()).unwrap()).unwrap();
        let hello = server.recv().unwrap();
        client.close();
        let last = server.recv().unwrap();
        assert_eq!((&hello[..], &last[..]), (&b"here"[..], &b"gone"[..]));
        assert_eq!(hello.routing_id(), last.routing_id());
        let mut late = Message::from("late");
        late.set_routing_id(last.routing_id());
        eventually("nobody is there any more", || {
            server
                .try_send(late.clone())
                .is_err_and(|failed| matches!(failed.error, Error::HostUnreachable))
        });
    }
}

fn a_peer_that_nobody_hears_of_leaves_nothing_behind(harness: &Harness) {
    let router = any(harness, SocketType::Router);
    router.set_disconnect_message("gone").unwrap();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    for _ in 0..100 {
        let dealer = any(harness, SocketType::Dealer);
        dealer.connect(&endpoint).unwrap();
        eventually("it is known", || connected(&router) >= 1);
        dealer.close();
        eventually("it is gone", || connected(&router) == 0);
    }
    router.set_disconnect_message("").unwrap();
    for _ in 0..100 {
        assert_eq!(from(&router).1, "gone");
    }
    eventually("all pipes are gone", || {
        router.try_recv().unwrap_err().is_would_block() && router.stats().is_empty()
    });
}

fn a_hiccup_stands_between_two_connections(harness: &Harness) {
    let address = Address::new(harness);
    let dealer = named(harness, "worker");
    dealer.set_hiccup_message("lost").unwrap();
    dealer.connect(&address.endpoint).unwrap();
    for round in 0..3 {
        let router = any(harness, SocketType::Router);
        router.set_probe_router(true).unwrap();
        address.bind(&router);
        eventually("it is there", || connected(&router) == 1);
        router.send_multipart(["worker".into(), format!("{round}")]).unwrap();
        assert_eq!(dealer.recv().unwrap(), "", "the probe: another connection has begun");
        assert_eq!(dealer.recv().unwrap(), round.to_string());
        router.close();
        assert_eq!(dealer.recv().unwrap(), "lost");
    }
}

fn a_router_is_told_of_connections(harness: &Harness) {
    for (connect, disconnect) in [(true, true), (true, false), (false, true), (false, false)] {
        let router = any(harness, SocketType::Router);
        router.set_router_notify(RouterNotify { connect, disconnect }).unwrap();
        let endpoint = router.bind(&harness.anywhere()).unwrap();
        let dealer = named(harness, "worker");
        dealer.connect(&endpoint).unwrap();
        dealer.send("work").unwrap();
        let notice = || from(&router) == ("worker".into(), String::new());
        assert!(!connect || notice());
        assert_eq!(from(&router), ("worker".into(), "work".into()));
        dealer.close();
        assert!(!disconnect || notice());
        eventually("its pipe is gone", || {
            router.try_recv().unwrap_err().is_would_block() && router.stats().is_empty()
        });
    }
}

fn who_was_never_let_in_does_not_leave(harness: &Harness) {
    let router = any(harness, SocketType::Router);
    router.set_disconnect_message("gone").unwrap();
    router.set_router_notify(RouterNotify { connect: true, disconnect: true }).unwrap();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    if harness.transport == Transport::Tcp {
        drop(std::net::TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap());
    }
    let stranger = any(harness, SocketType::Pub);
    let monitor = stranger.monitor();
    stranger.connect(&endpoint).unwrap();
    crate::harness::await_kind!(&monitor, HandshakeFailed);
    stranger.close();
    let dealer = named(harness, "worker");
    dealer.connect(&endpoint).unwrap();
    assert_eq!(from(&router), ("worker".into(), String::new()));
    dealer.close();
    assert_eq!(from(&router), ("worker".into(), String::new()));
    assert_eq!(from(&router), ("worker".into(), "gone".into()));
    assert!(router.try_recv().unwrap_err().is_would_block());
}
