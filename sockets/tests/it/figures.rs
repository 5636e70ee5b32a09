//! The figures of sockets and their connections, and the names of peers in them, in events and on messages.

use crate::harness::{
    Address, Harness, Transport, await_event, connected, eventually, everywhere, over_wires,
    within_process,
};
use ringmq::{DropReason, Message, MonitorEvent, RoutingIdText};
use std::time::Duration;

everywhere![
    what_waits_to_be_received_is_told,
    totals_outlive_connections,
    what_is_for_nobody_is_counted,
    a_message_whose_peer_leaves_in_the_middle_is_counted_once,
    the_id_that_a_router_chooses_is_known_everywhere,
    a_chosen_name_is_known_too,
];

over_wires![what_a_peer_leaves_unsent_is_counted, a_peer_has_an_address];

within_process![
    what_is_queued_is_exact,
    what_one_side_drops_is_not_the_others,
    what_a_peer_leaves_unread_is_counted,
    what_is_given_up_before_the_bind_is_counted,
];

fn what_waits_to_be_received_is_told(harness: &Harness) {
    let (pull, push) = (harness.pull(), harness.push());
    harness.join(&pull, &push);
    (0..700).for_each(|_| push.send("message").unwrap());
    eventually("all of it is there", || pull.stats()[0].waiting == 700);
    assert_eq!(pull.totals().waiting, 700);
    (0..300).for_each(|_| drop(pull.recv().unwrap()));
    let stats = pull.stats();
    assert_eq!((stats[0].waiting, stats[0].received, stats[0].sent), (400, 300, 0));
    assert_eq!((push.stats()[0].sent, push.stats()[0].waiting), (700, 0));
}

fn totals_outlive_connections(harness: &Harness) {
    let (router, mut names) = (harness.router(), 0..);
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    for round in 1..4_u64 {
        let dealer = harness.dealer();
        let name = format!("dealer {}", names.next().unwrap());
        dealer.set_routing_id(&name).unwrap();
        dealer.connect(&endpoint).unwrap();
        dealer.send("request").unwrap();
        router.recv_multipart().unwrap();
        (0..2).for_each(|_| router.send_multipart([&*name, "reply"]).unwrap());
        (0..2).for_each(|_| drop(dealer.recv().unwrap()));
        drop(dealer);
        eventually("it is gone", || router.stats().is_empty());
        let totals = router.totals();
        assert_eq!((totals.sent, totals.received, totals.waiting), (2 * round, round, 0));
        assert_eq!((totals.dropped, totals.to_nobody), (0, 0));
    }
}

fn a_message_whose_peer_leaves_in_the_middle_is_counted_once(harness: &Harness) {
    let (router, part) = (harness.router(), |text: &str| {
        let mut part = Message::from(text);
        part.set_more(true);
        part
    });
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    let beginnings: [&[&str]; 3] = [&["dealer"], &["dealer", "head"], &["dealer", "head", "neck"]];
    for (count, beginning) in (1..).zip(beginnings) {
        let dealer = harness.dealer();
        dealer.set_routing_id("dealer").unwrap();
        dealer.connect(&endpoint).unwrap();
        dealer.send("request").unwrap();
        router.recv_multipart().unwrap();
        beginning.iter().for_each(|text| router.send(part(text)).unwrap());
        drop(dealer);
        eventually("it is gone", || router.stats().is_empty());
        // The socket has nobody left who would take more of it.
        router.send(part("more")).unwrap();
        router.send("the end").unwrap();
        let totals = router.totals();
        assert_eq!((totals.to_nobody, totals.sent, totals.dropped), (count, 0, 0), "{beginning:?}");
    }
}

fn what_is_for_nobody_is_counted(harness: &Harness) {
    let publisher = harness.publisher();
    publisher.send("one").unwrap();
    publisher.send_multipart(["two", "frames"]).unwrap();
    assert_eq!(publisher.totals().to_nobody, 2);
    let subscriber = harness.subscriber();
    subscriber.subscribe("other").unwrap();
    harness.join(&publisher, &subscriber);
    eventually("it has subscribed", || publisher.topics() == 1);
    publisher.send("three").unwrap();
    publisher.send("other").unwrap();
    let totals = publisher.totals();
    assert_eq!((totals.to_nobody, totals.sent, totals.dropped), (3, 1, 0));
    assert_eq!(subscriber.recv().unwrap(), "other");

    let router = harness.router();
    let monitor = router.monitor();
    router.send_multipart(["nobody", "head", "body"]).unwrap();
    assert_eq!(router.totals().to_nobody, 1);
    let told = await_event(&monitor, |event| match event {
        MonitorEvent::Dropped { routing_id, reason, messages, .. } => {
            Some((routing_id.to_vec(), *reason, *messages))
        }
        _ => None,
    });
    assert_eq!(told, (b"nobody".to_vec(), DropReason::NoSuchPeer, 1));

    let (rep, req) = (harness.rep(), harness.req());
    harness.join(&rep, &req);
    req.send("request").unwrap();
    rep.recv().unwrap();
    drop(req);
    eventually("it is gone", || rep.stats().is_empty());
    rep.send_multipart(["a", "reply"]).unwrap();
    assert_eq!((rep.totals().to_nobody, rep.totals().dropped), (1, 0));
}

fn the_id_that_a_router_chooses_is_known_everywhere(harness: &Harness) {
    let (router, dealer) = (harness.router(), harness.dealer());
    let monitor = router.monitor();
    harness.join(&router, &dealer);
    dealer.send("hello").unwrap();
    let message = router.recv_multipart().unwrap();
    let id = message[0].to_vec();
    assert_eq!((id.len(), id[0]), (5, 0));
    let stats = &router.stats()[0];
    assert_eq!(stats.routing_id, id);
    let (told, peer) = await_event(&monitor, |event| match event {
        MonitorEvent::RoutingIdAssigned { routing_id, peer, .. } => {
            assert!(event.to_string().ends_with(&RoutingIdText(routing_id).to_string()), "{event}");
            Some((routing_id.to_vec(), peer.to_string()))
        }
        _ => None,
    });
    assert_eq!((told, &peer), (id.clone(), &stats.peer));
    for frame in &message {
        let known =
            frame.peer().map(|peer| (peer.routing_id().to_vec(), peer.endpoint().to_owned()));
        let expected = (id.clone(), stats.peer.clone());
        assert_eq!(known, (harness.transport != Transport::Inproc).then_some(expected));
    }
    drop(dealer);
    if harness.transport != Transport::Inproc {
        let gone = await_event(&monitor, |event| match event {
            MonitorEvent::Disconnected { routing_id, established, .. } => {
                Some((routing_id.to_vec(), *established))
            }
            _ => None,
        });
        assert_eq!(gone, (id, true));
    }
}

fn a_chosen_name_is_known_too(harness: &Harness) {
    let (router, dealer) = (harness.router(), harness.dealer());
    dealer.set_routing_id("its own").unwrap();
    let endpoint = dealer.bind(&harness.anywhere()).unwrap();
    router.set_connect_routing_id("alias").unwrap();
    router.connect(&endpoint).unwrap();
    eventually("it is there", || connected(&router) == 1 && connected(&dealer) == 1);
    eventually("it is known", || router.stats()[0].routing_id == b"alias");
    assert_eq!(router.stats()[0].endpoint, endpoint);
    dealer.send("hello").unwrap();
    let message = router.recv_multipart().unwrap();
    assert_eq!(message[0], "alias");
    if let Some(peer) = message[1].peer() {
        assert_eq!(peer.routing_id(), b"alias");
    }
}

fn what_a_peer_leaves_unsent_is_counted(harness: &Harness) {
    let (router, dealer) = (harness.router(), harness.dealer());
    let monitor = router.monitor();
    dealer.set_routing_id("leaver").unwrap();
    dealer.set_recv_hwm(1).unwrap();
    dealer.set_recv_buffer(Some(4096)).unwrap();
    router.set_send_buffer(Some(4096)).unwrap();
    harness.join(&router, &dealer);
    // More than the buffers between them hold.
    for _ in 0..100 {
        router.send_multipart([&b"leaver"[..], &[7; 100_000]]).unwrap();
    }
    drop(dealer);
    let dropped = await_event(&monitor, |event| match event {
        MonitorEvent::Dropped { reason: DropReason::Gone, messages, routing_id, .. } => {
            assert_eq!(**routing_id, *b"leaver");
            Some(*messages)
        }
        _ => None,
    });
    eventually("it is gone", || router.stats().is_empty());
    assert!(dropped > 10, "{dropped}");
    eventually("it is counted", || router.dropped() == dropped);
    assert_eq!(router.totals().sent, 100);
}

fn a_peer_has_an_address(harness: &Harness) {
    let (address, push, pull) = (Address::new(harness), harness.push(), harness.pull());
    push.connect(&address.endpoint).unwrap();
    let stats = push.stats();
    assert_eq!((&*stats[0].endpoint, &*stats[0].peer), (&*address.endpoint, ""));
    address.bind(&pull);
    push.send("hello").unwrap();
    let message = pull.recv().unwrap();
    let peer = message.peer().unwrap();
    assert_eq!(push.stats()[0].peer, address.endpoint);
    assert_eq!(pull.stats()[0].peer, peer.endpoint());
    assert_eq!(peer.socket_type(), Some("PUSH"));
    assert_eq!((peer.routing_id(), peer.user_id()), (&b""[..], None));
    assert_eq!(peer.metadata("socket-type"), Some(&b"PUSH"[..]));
    if harness.transport == Transport::Tcp {
        assert!(peer.endpoint().starts_with("tcp://127."), "{}", peer.endpoint());
        assert!(peer.address().is_some_and(|address| address.starts_with("127.")));
    }
}

fn what_is_queued_is_exact(harness: &Harness) {
    let (pull, push) = (harness.pull(), harness.push());
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    push.connect(&endpoint).unwrap();
    (0..1_500).for_each(|_| push.send("message").unwrap());
    for received in 1..=1_500 {
        pull.recv().unwrap();
        if received % 100 < 3 {
            assert_eq!(push.stats()[0].queued, 1_500 - received);
        }
    }
    (0..5).for_each(|_| push.send("never received").unwrap());
    (0..2).for_each(|_| drop(pull.recv().unwrap()));
    drop(pull);
    eventually("it is gone", || push.stats().is_empty());
    assert_eq!((push.totals().dropped, push.totals().sent), (3, 1_505));
}

fn what_one_side_drops_is_not_the_others(harness: &Harness) {
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    publisher.set_send_hwm(1).unwrap();
    subscriber.set_recv_hwm(1).unwrap();
    subscriber.subscribe("").unwrap();
    harness.join(&publisher, &subscriber);
    (0..10).for_each(|_| publisher.send("news").unwrap());
    assert_eq!((publisher.dropped(), subscriber.dropped()), (8, 0));
}

fn what_a_peer_leaves_unread_is_counted(harness: &Harness) {
    let (router, dealer) = (harness.router(), harness.dealer());
    dealer.set_routing_id("leaver").unwrap();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    dealer.connect(&endpoint).unwrap();
    (0..2).for_each(|_| dealer.send("request").unwrap());
    router.recv_multipart().unwrap();
    (0..5).for_each(|_| router.send_multipart(["leaver", "reply"]).unwrap());
    (0..2).for_each(|_| drop(dealer.recv().unwrap()));
    drop(dealer);
    // Its second request keeps the connection.
    let stats = &router.stats()[0];
    assert_eq!((stats.sent, stats.dropped, stats.queued, stats.connected), (5, 3, 0, false));
    assert_eq!(router.dropped(), 3);
    router.recv_multipart().unwrap();
    assert_eq!((router.stats().len(), router.dropped()), (0, 3), "once");
}

fn what_is_given_up_before_the_bind_is_counted(harness: &Harness) {
    let push = harness.push();
    push.set_linger(Some(Duration::ZERO)).unwrap();
    let endpoint = harness.anywhere();
    push.connect(&endpoint).unwrap();
    (0..5).for_each(|_| push.send("to nobody").unwrap());
    push.disconnect(&endpoint).unwrap();
    assert_eq!((push.gave_up(), push.dropped(), push.totals().sent), (5, 5, 5));
    // Of what waits until the bind nothing is lost; what that socket drops is its own.
    let (rep, dealer) = (harness.rep(), harness.dealer());
    dealer.set_linger(None).unwrap();
    dealer.connect(&endpoint).unwrap();
    dealer.send("without an envelope").unwrap();
    dealer.disconnect(&endpoint).unwrap();
    rep.bind(&endpoint).unwrap();
    assert!(rep.try_recv().is_err());
    assert_eq!((dealer.dropped(), rep.dropped()), (0, 1));
}
