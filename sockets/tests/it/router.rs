//! ROUTER and DEALER: peers by routing id.

use crate::bed::{
    Bed, GLANCE, PATIENCE, await_peers, connected, eventually, everywhere, over_wires,
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
fn named(bed: &Bed, router_at: &str, id: &str) -> Dealer {
    let dealer = bed.dealer();
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

fn a_peer_has_the_id_it_chose(bed: &Bed) {
    let router = bed.router();
    let endpoint = router.bind(&bed.anywhere()).unwrap();
    let long = "x".repeat(255);
    for id in ["a", long.as_str()] {
        let dealer = named(bed, &endpoint, id);
        dealer.send("hello").unwrap();
        assert_eq!(hear(&router), (id.as_bytes().to_vec(), b"hello".to_vec()));
        router.send_multipart([id, "back"]).unwrap();
        assert_eq!(dealer.recv().unwrap(), "back");
    }
}

fn a_peer_without_an_id_gets_one(bed: &Bed) {
    let (router, one, two) = (bed.router(), bed.dealer(), bed.dealer());
    let endpoint = router.bind(&bed.anywhere()).unwrap();
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

fn a_message_to_an_unknown_id_is_dropped(bed: &Bed) {
    let router = bed.router();
    let endpoint = router.bind(&bed.anywhere()).unwrap();
    router.send_multipart(["nobody", "a", "b"]).unwrap();
    let dealer = named(bed, &endpoint, "nobody");
    await_peers(&router, 1);
    router.send_multipart(["nobody", "c"]).unwrap();
    assert_eq!(dealer.recv_multipart().unwrap(), "c".into());
}

fn mandatory_makes_an_unknown_id_an_error(bed: &Bed) {
    let router = bed.router();
    router.set_mandatory(true).unwrap();
    router.bind(&bed.anywhere()).unwrap();
    let failed = router.send_multipart(["nobody", "a"]).unwrap_err();
    assert!(matches!(failed.error, Error::HostUnreachable));
    assert_eq!(failed.message, ["nobody", "a"].into());
}

fn mandatory_waits_for_a_full_peer(bed: &Bed) {
    let (router, dealer) = (bed.router(), bed.dealer());
    router.set_mandatory(true).unwrap();
    router.set_send_hwm(2).unwrap();
    dealer.set_recv_hwm(2).unwrap();
    dealer.set_routing_id("slow").unwrap();
    bed.join(&router, &dealer);
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

fn a_full_peer_misses_messages(bed: &Bed) {
    let (router, dealer) = (bed.router(), bed.dealer());
    router.set_send_hwm(2).unwrap();
    dealer.set_recv_hwm(2).unwrap();
    dealer.set_routing_id("slow").unwrap();
    bed.join(&router, &dealer);
    eventually("one is dropped", || {
        router.send_multipart([b"slow".to_vec(), vec![1; 1 << 20]]).unwrap();
        router.stats()[0].dropped > 0
    });
}

fn an_id_alone_is_no_message(bed: &Bed) {
    let router = bed.router();
    let endpoint = router.bind(&bed.anywhere()).unwrap();
    let dealer = named(bed, &endpoint, "peer");
    await_peers(&router, 1);
    router.send("peer").unwrap();
    router.send_multipart(["peer", "real"]).unwrap();
    assert_eq!(dealer.recv_multipart().unwrap(), "real".into());
}

fn the_second_peer_of_an_id_is_ignored(bed: &Bed) {
    let router = bed.router();
    let endpoint = router.bind(&bed.anywhere()).unwrap();
    let first = named(bed, &endpoint, "twin");
    await_peers(&router, 1);
    let second = named(bed, &endpoint, "twin");
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

fn handover_gives_the_id_to_the_newcomer(bed: &Bed) {
    let router = bed.router();
    router.set_handover(true).unwrap();
    let endpoint = router.bind(&bed.anywhere()).unwrap();
    let old = named(bed, &endpoint, "twin");
    await_peers(&router, 1);
    let new = named(bed, &endpoint, "twin");
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

fn a_connect_can_be_named(bed: &Bed) {
    let (router, dealer) = (bed.router(), bed.dealer());
    dealer.set_routing_id("its own name").unwrap();
    let endpoint = dealer.bind(&bed.anywhere()).unwrap();
    router.set_connect_routing_id("my name").unwrap();
    router.connect(&endpoint).unwrap();
    router.send_multipart(["my name", "hello"]).unwrap();
    assert_eq!(dealer.recv().unwrap(), "hello");
    dealer.send("back").unwrap();
    assert_eq!(hear(&router), (b"my name".to_vec(), b"back".to_vec()));
}

fn an_id_that_is_taken_cannot_name_a_connect(bed: &Bed) {
    let router = bed.router();
    let endpoint = router.bind(&bed.anywhere()).unwrap();
    let _peer = named(bed, &endpoint, "taken");
    await_peers(&router, 1);
    let refused = router.set_connect_routing_id("taken").unwrap_err();
    assert!(matches!(refused, Error::InvalidOption { .. }));
    assert!(router.set_connect_routing_id("").is_err());
    assert!(router.set_connect_routing_id("x".repeat(256)).is_err());
}

fn the_name_of_a_connect_is_not_for_one_who_came_by_itself(bed: &Bed) {
    let (router, server) = (bed.router(), bed.dealer());
    let monitor = router.monitor();
    let endpoint = router.bind(&bed.anywhere()).unwrap();
    let server_at = server.bind(&bed.anywhere()).unwrap();
    router.set_connect_routing_id("server").unwrap();
    let guest = named(bed, &endpoint, "guest");
    // The guest is in the mailbox, and the router has not looked.
    crate::bed::await_kind!(&monitor, HandshakeSucceeded);
    router.connect(&server_at).unwrap();
    router.send_multipart(["server", "for the server"]).unwrap();
    assert_eq!(server.recv().unwrap(), "for the server");
    router.send_multipart(["guest", "for the guest"]).unwrap();
    assert_eq!(guest.recv().unwrap(), "for the guest");
}

fn a_probe_tells_the_router_of_a_peer(bed: &Bed) {
    let (router, dealer) = (bed.router(), bed.dealer());
    dealer.set_routing_id("prober").unwrap();
    dealer.set_probe_router(true).unwrap();
    let endpoint = router.bind(&bed.anywhere()).unwrap();
    dealer.connect(&endpoint).unwrap();
    assert_eq!(hear(&router), (b"prober".to_vec(), vec![]));
    router.send_multipart(["prober", "first"]).unwrap();
    assert_eq!(dealer.recv().unwrap(), "first");
}

fn a_router_receives_fairly(bed: &Bed) {
    let router = bed.router();
    let endpoint = router.bind(&bed.anywhere()).unwrap();
    let dealers: Vec<Dealer> = ["a", "b", "c"].iter().map(|id| named(bed, &endpoint, id)).collect();
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

fn a_dealer_sends_to_each_in_turn(bed: &Bed) {
    let dealer = bed.dealer();
    let servers = [bed.dealer(), bed.dealer()];
    for server in &servers {
        bed.join(server, &dealer);
    }
    for _ in 0..5 {
        for (number, server) in servers.iter().enumerate() {
            dealer.send_multipart([[number as u8], [9]]).unwrap();
            assert_eq!(server.recv_multipart().unwrap(), [[number as u8], [9]].into());
        }
    }
}

fn an_id_is_free_again_when_its_peer_has_left(bed: &Bed) {
    let router = bed.router();
    let endpoint = router.bind(&bed.anywhere()).unwrap();
    for round in 0..5u8 {
        let dealer = named(bed, &endpoint, "again");
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
