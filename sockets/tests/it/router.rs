//! ROUTER and DEALER: peers by routing id.

use crate::harness::{
    GLANCE, Harness, PATIENCE, await_peers, connected, eventually, everywhere, over_wires,
};
use ringmq::{Dealer, Error, Router};

everywhere![
    a_peer_has_the_id_it_chose,
    a_peer_without_an_id_gets_one,
    a_message_to_an_unknown_id_is_dropped,
    mandatory_makes_an_unknown_id_an_error,
    mandatory_waits_for_a_full_peer,
    a_full_peer_misses_messages,
    an_id_alone_is_no_message,
    the_second_peer_of_an_id_is_ignored,
    handover_gives_the_id_to_the_newcomer,
    a_connect_can_be_named,
    an_id_that_is_taken_cannot_name_a_connect,
    a_probe_tells_the_router_of_a_peer,
    a_router_receives_fairly,
    a_dealer_sends_to_each_in_turn,
    an_id_is_free_again_when_its_peer_has_left,
];

over_wires![the_name_of_a_connect_is_not_for_one_who_came_by_itself];

/// A DEALER with an id, connected.
fn named(harness: &Harness, router_at: &str, id: &str) -> Dealer {
    let dealer = harness.dealer();
    dealer.set_routing_id(id).unwrap();
    dealer.connect(router_at).unwrap();
    dealer
}

/// Receives a message of the id and one frame.
fn hear(router: &Router) -> (Vec<u8>, Vec<u8>) {
    let message = router.recv_multipart().unwrap();
    assert_eq!(message.len(), 2, "{message:?}");
    (message[0].to_vec(), message[1].to_vec())
}

pub(crate) fn a_peer_has_the_id_it_chose(harness: &Harness) {
    let router = harness.router();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    let long = "x".repeat(255);
    for id in ["a", long.as_str()] {
        let dealer = named(harness, &endpoint, id);
        dealer.send("hello").unwrap();
        assert_eq!(hear(&router), (id.as_bytes().to_vec(), b"hello".to_vec()));
        router.send_multipart([id, "back"]).unwrap();
        assert_eq!(dealer.recv().unwrap(), "back");
    }
}

fn a_peer_without_an_id_gets_one(harness: &Harness) {
    let (router, one, two) = (harness.router(), harness.dealer(), harness.dealer());
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    let ids = [&one, &two].map(|dealer| {
        dealer.connect(&endpoint).unwrap();
        dealer.send("who am I").unwrap();
        hear(&router).0
    });
    assert_ne!(ids[0], ids[1]);
    for (id, dealer) in ids.iter().zip([&one, &two]) {
        assert_eq!((id.len(), id[0]), (5, 0));
        router.send_multipart([id.clone(), id.clone()]).unwrap();
        assert_eq!(dealer.recv().unwrap(), id[..]);
    }
}

fn a_message_to_an_unknown_id_is_dropped(harness: &Harness) {
    let router = harness.router();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    router.send_multipart(["nobody", "a", "b"]).unwrap();
    let dealer = named(harness, &endpoint, "nobody");
    await_peers(&router, 1);
    router.send_multipart(["nobody", "c"]).unwrap();
    assert_eq!(dealer.recv_multipart().unwrap(), "c".into());
}

fn mandatory_makes_an_unknown_id_an_error(harness: &Harness) {
    let router = harness.router();
    router.set_mandatory(true).unwrap();
    router.bind(&harness.anywhere()).unwrap();
    let failed = router.send_multipart(["nobody", "a"]).unwrap_err();
    assert!(matches!(failed.error, Error::HostUnreachable));
    assert_eq!(failed.message, ["nobody", "a"].into());
}

fn mandatory_waits_for_a_full_peer(harness: &Harness) {
    let (router, dealer) = (harness.router(), harness.dealer());
    router.set_mandatory(true).unwrap();
    router.set_send_hwm(2).unwrap();
    dealer.set_recv_hwm(2).unwrap();
    dealer.set_routing_id("slow").unwrap();
    harness.join(&router, &dealer);
    let message = || [b"slow".to_vec(), vec![1; 1 << 20]];
    let mut sent = 0;
    router.set_send_timeout(Some(GLANCE)).unwrap();
    let failed = loop {
        match router.send_multipart(message()) {
            Ok(()) => sent += 1,
            Err(failed) => break failed,
        }
        assert!(sent < 1000, "it does not wait");
    };
    assert!(matches!(failed.error, Error::WouldBlock));
    assert_eq!(failed.message, message().into());
    router.set_send_timeout(Some(PATIENCE)).unwrap();
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| router.send_multipart(message()));
        for _ in 0..=sent {
            assert_eq!(dealer.recv().unwrap().len(), 1 << 20);
        }
        sending.join().unwrap().unwrap();
    });
}

fn a_full_peer_misses_messages(harness: &Harness) {
    let (router, dealer) = (harness.router(), harness.dealer());
    router.set_send_hwm(2).unwrap();
    dealer.set_recv_hwm(2).unwrap();
    dealer.set_routing_id("slow").unwrap();
    harness.join(&router, &dealer);
    eventually("one is dropped", || {
        router.send_multipart([b"slow".to_vec(), vec![1; 1 << 20]]).unwrap();
        router.stats()[0].dropped > 0
    });
}

fn an_id_alone_is_no_message(harness: &Harness) {
    let router = harness.router();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    let dealer = named(harness, &endpoint, "peer");
    await_peers(&router, 1);
    router.send("peer").unwrap();
    router.send_multipart(["peer", "real"]).unwrap();
    assert_eq!(dealer.recv_multipart().unwrap(), "real".into());
}

fn the_second_peer_of_an_id_is_ignored(harness: &Harness) {
    let router = harness.router();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    let first = named(harness, &endpoint, "twin");
    await_peers(&router, 1);
    let second = named(harness, &endpoint, "twin");
    second.send("unheard").unwrap();
    await_peers(&router, 2);
    for number in 0..5u8 {
        first.send([number]).unwrap();
        assert_eq!(hear(&router).1, [number]);
        router.send_multipart([b"twin".to_vec(), vec![number]]).unwrap();
        assert_eq!(first.recv().unwrap(), [number]);
    }
    assert!(router.try_recv().is_err());
    assert!(second.try_recv().is_err());
}

fn handover_gives_the_id_to_the_newcomer(harness: &Harness) {
    let router = harness.router();
    router.set_handover(true).unwrap();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    let old = named(harness, &endpoint, "twin");
    await_peers(&router, 1);
    let new = named(harness, &endpoint, "twin");
    await_peers(&router, 2);
    for number in 0..5u8 {
        old.send("mute").unwrap();
        new.send([number]).unwrap();
        assert_eq!(hear(&router), (b"twin".to_vec(), vec![number]));
        router.send_multipart([b"twin".to_vec(), vec![number]]).unwrap();
        assert_eq!(new.recv().unwrap(), [number]);
    }
    router.set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(router.recv().unwrap_err().is_would_block());
    assert!(old.try_recv().is_err());
}

fn a_connect_can_be_named(harness: &Harness) {
    let (router, dealer) = (harness.router(), harness.dealer());
    dealer.set_routing_id("its own name").unwrap();
    let endpoint = dealer.bind(&harness.anywhere()).unwrap();
    router.set_connect_routing_id("my name").unwrap();
    router.connect(&endpoint).unwrap();
    router.send_multipart(["my name", "hello"]).unwrap();
    assert_eq!(dealer.recv().unwrap(), "hello");
    dealer.send("back").unwrap();
    assert_eq!(hear(&router), (b"my name".to_vec(), b"back".to_vec()));
}

fn an_id_that_is_taken_cannot_name_a_connect(harness: &Harness) {
    let router = harness.router();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    let _peer = named(harness, &endpoint, "taken");
    await_peers(&router, 1);
    let refused = router.set_connect_routing_id("taken").unwrap_err();
    assert!(matches!(refused, Error::InvalidOption { .. }));
    assert!(router.set_connect_routing_id("").is_err());
    assert!(router.set_connect_routing_id("x".repeat(256)).is_err());
}

fn the_name_of_a_connect_is_not_for_one_who_came_by_itself(harness: &Harness) {
    let (router, server) = (harness.router(), harness.dealer());
    let monitor = router.monitor();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    let server_at = server.bind(&harness.anywhere()).unwrap();
    router.set_connect_routing_id("server").unwrap();
    let guest = named(harness, &endpoint, "guest");
    // The guest is in the mailbox, and the router has not looked.
    crate::harness::await_kind!(&monitor, HandshakeSucceeded);
    router.connect(&server_at).unwrap();
    router.send_multipart(["server", "for the server"]).unwrap();
    assert_eq!(server.recv().unwrap(), "for the server");
    router.send_multipart(["guest", "for the guest"]).unwrap();
    assert_eq!(guest.recv().unwrap(), "for the guest");
}

fn a_probe_tells_the_router_of_a_peer(harness: &Harness) {
    let (router, dealer) = (harness.router(), harness.dealer());
    dealer.set_routing_id("prober").unwrap();
    dealer.set_probe_router(true).unwrap();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    dealer.connect(&endpoint).unwrap();
    assert_eq!(hear(&router), (b"prober".to_vec(), vec![]));
    router.send_multipart(["prober", "first"]).unwrap();
    assert_eq!(dealer.recv().unwrap(), "first");
}

fn a_router_receives_fairly(harness: &Harness) {
    let router = harness.router();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    let dealers: Vec<Dealer> =
        ["a", "b", "c"].iter().map(|id| named(harness, &endpoint, id)).collect();
    for dealer in &dealers {
        for number in 0..50u8 {
            dealer.send_multipart([[number], [number]]).unwrap();
        }
    }
    let mut next = std::collections::HashMap::<Vec<u8>, u8>::new();
    for _ in 0..150 {
        let message = router.recv_multipart().unwrap();
        let number = next.entry(message[0].to_vec()).or_default();
        assert_eq!((&message[1], &message[2]), (&[*number].into(), &[*number].into()));
        *number += 1;
    }
    assert!(next.values().all(|count| *count == 50));
}

fn a_dealer_sends_to_each_in_turn(harness: &Harness) {
    let dealer = harness.dealer();
    let servers = [harness.dealer(), harness.dealer()];
    for server in &servers {
        harness.join(server, &dealer);
    }
    for _ in 0..5 {
        for (number, server) in servers.iter().enumerate() {
            dealer.send_multipart([[number as u8], [9]]).unwrap();
            assert_eq!(server.recv_multipart().unwrap(), [[number as u8], [9]].into());
        }
    }
}

fn an_id_is_free_again_when_its_peer_has_left(harness: &Harness) {
    let router = harness.router();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    for round in 0..5u8 {
        let dealer = named(harness, &endpoint, "again");
        dealer.send([round]).unwrap();
        assert_eq!(hear(&router), (b"again".to_vec(), vec![round]));
        router.send_multipart([b"again".to_vec(), vec![round]]).unwrap();
        assert_eq!(dealer.recv().unwrap(), [round]);
        drop(dealer);
        eventually("it has left", || {
            assert!(router.try_recv().is_err());
            connected(&router) == 0
        });
    }
}
