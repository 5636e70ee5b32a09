//! ROUTER: one routing id, several peers, one after the other or at once.

use crate::harness::{
    Address, Harness, PATIENCE, Transport, await_peers, connected, eventually, everywhere,
    over_wires,
};
use ringmq::{Dealer, Error, Message, Multipart, Router};

everywhere![
    what_the_old_peer_has_sent_comes_before_the_new_ones,
    what_came_after_a_wait_is_the_old_peers_too,
    a_message_in_progress_stays_the_old_peers,
    an_old_peer_that_is_gone_is_read_to_its_end,
    a_peer_that_comes_back_is_reached_before_its_last_messages_are_read,
    one_that_waits_is_reached_before_the_holders_last_messages_are_read,
    handover_after_handover_keeps_the_order,
    a_peer_that_was_ousted_has_the_id_again_when_the_other_leaves,
    a_peer_that_waits_has_the_id_when_its_holder_leaves,
    the_first_of_several_that_wait_is_next,
    a_holders_last_messages_come_before_the_next_ones,
    a_wait_ends_when_the_one_that_waited_has_the_id,
    a_message_begun_is_the_old_peers_to_the_end,
    what_nobody_is_to_hear_is_counted,
];

over_wires![
    a_server_with_another_id_is_known_by_that,
    messages_of_the_server_before_keep_its_id,
    a_server_without_an_id_keeps_the_one_it_was_given,
    a_server_that_was_named_here_keeps_that_name,
    a_message_begun_for_the_server_before_is_not_for_the_next,
];

/// A DEALER with an id, whose messages outlast it.
fn named(harness: &Harness, id: &str) -> Dealer {
    let dealer = harness.dealer();
    dealer.set_linger(Some(PATIENCE)).unwrap();
    dealer.set_routing_id(id).unwrap();
    dealer
}

/// The same, connected, and known to the router.
fn guest(router: &Router, endpoint: &str, harness: &Harness, id: &str) -> Dealer {
    let before = connected(router);
    let dealer = named(harness, id);
    dealer.connect(endpoint).unwrap();
    await_peers(router, before + 1);
    dealer
}

/// Goes, with all that was sent on the way to the router.
fn leave(harness: &Harness, router: &Router, dealer: Dealer) {
    let before = connected(router);
    drop(dealer);
    // Within a process it is gone at once, and shows when its messages are received.
    if harness.transport != Transport::Inproc {
        eventually("it has left", || connected(router) < before);
    }
}

fn bound(harness: &Harness, handover: bool) -> (Router, String) {
    let router = harness.router();
    router.set_handover(handover).unwrap();
    router.set_mandatory(true).unwrap();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    (router, endpoint)
}

/// Receives messages of an id and one frame each.
#[track_caller]
fn hear(router: &Router, id: &str, frames: &[&str]) {
    for frame in frames {
        assert_eq!(router.recv_multipart().unwrap(), [id, *frame].into());
    }
}

#[track_caller]
fn say(dealer: &Dealer, frames: &[&str]) {
    frames.iter().for_each(|frame| dealer.send(*frame).unwrap());
}

/// Sends to an id and sees that it gets there.
#[track_caller]
fn reach(router: &Router, id: &str, dealer: &Dealer) {
    router.send_multipart([id, "for you"]).unwrap();
    assert_eq!(dealer.recv().unwrap(), "for you");
}

fn unreachable(router: &Router, id: &str) -> bool {
    let result = router.send_multipart([id, "for nobody"]);
    matches!(result, Err(failed) if matches!(failed.error, Error::HostUnreachable))
}

fn frame(text: &str, more: bool) -> Message {
    let mut frame = Message::from(text);
    frame.set_more(more);
    frame
}

fn what_the_old_peer_has_sent_comes_before_the_new_ones(harness: &Harness) {
    let (router, endpoint) = bound(harness, true);
    let old = guest(&router, &endpoint, harness, "twin");
    say(&old, &["1", "2", "3"]);
    let new = guest(&router, &endpoint, harness, "twin");
    say(&new, &["4", "5"]);
    reach(&router, "twin", &new);
    hear(&router, "twin", &["1", "2", "3", "4", "5"]);
    assert!(old.try_recv().is_err());
}

/// A thread that has waited for messages reads the connection itself from then on.
fn what_came_after_a_wait_is_the_old_peers_too(harness: &Harness) {
    let (router, endpoint) = bound(harness, true);
    let old = guest(&router, &endpoint, harness, "twin");
    for _ in 0..20 {
        std::thread::scope(|scope| {
            scope.spawn(|| say(&old, &["0"]));
            hear(&router, "twin", &["0"]);
        });
    }
    say(&old, &["1", "2", "3"]);
    // Otherwise they may still be on their way when the other one comes.
    old.flush(Some(PATIENCE)).unwrap();
    let new = named(harness, "twin");
    new.connect(&endpoint).unwrap();
    say(&new, &["4", "5"]);
    hear(&router, "twin", &["1", "2", "3", "4", "5"]);
}

fn a_message_in_progress_stays_the_old_peers(harness: &Harness) {
    let (router, endpoint) = bound(harness, true);
    let old = guest(&router, &endpoint, harness, "twin");
    old.send_multipart(["a", "b", "c"]).unwrap();
    assert_eq!(router.recv().unwrap(), "twin");
    let (mut held, mut all) = (vec![], Multipart::new());
    for taken in 0..3 {
        let new = guest(&router, &endpoint, harness, "twin");
        new.send_multipart([format!("new {taken}"), "end".into()]).unwrap();
        held.push(new);
        all.push_back(router.recv().unwrap());
    }
    assert_eq!(all, ["a", "b", "c"].into());
    for taken in 0..3 {
        let message = router.recv_multipart().unwrap();
        assert_eq!(message, ["twin".into(), format!("new {taken}"), "end".into()].into());
    }
}

fn an_old_peer_that_is_gone_is_read_to_its_end(harness: &Harness) {
    let (router, endpoint) = bound(harness, true);
    let old = guest(&router, &endpoint, harness, "twin");
    say(&old, &["1", "2", "3"]);
    leave(harness, &router, old);
    let new = guest(&router, &endpoint, harness, "twin");
    say(&new, &["4"]);
    reach(&router, "twin", &new);
    hear(&router, "twin", &["1", "2", "3", "4"]);
    eventually("it is forgotten", || router.stats().len() == 1);
}

/// No handover is needed for the id of a peer that has left.
fn a_peer_that_comes_back_is_reached_before_its_last_messages_are_read(harness: &Harness) {
    let (router, endpoint) = bound(harness, false);
    let old = guest(&router, &endpoint, harness, "back");
    let waiting = guest(&router, &endpoint, harness, "wait");
    say(&old, &["1", "2"]);
    leave(harness, &router, old);
    let new = guest(&router, &endpoint, harness, "back");
    say(&new, &["3"]);
    let reached = || router.send_multipart(["back", "for you"]).is_ok() && new.try_recv().is_ok();
    eventually("it is reached", reached);
    hear(&router, "back", &["1", "2", "3"]);
    reach(&router, "wait", &waiting);
}

fn one_that_waits_is_reached_before_the_holders_last_messages_are_read(harness: &Harness) {
    let (router, endpoint) = bound(harness, false);
    let first = guest(&router, &endpoint, harness, "twin");
    let second = guest(&router, &endpoint, harness, "twin");
    say(&second, &["3"]);
    say(&first, &["1", "2"]);
    leave(harness, &router, first);
    let reached =
        || router.send_multipart(["twin", "for you"]).is_ok() && second.try_recv().is_ok();
    eventually("it is reached", reached);
    hear(&router, "twin", &["1", "2", "3"]);
}

fn handover_after_handover_keeps_the_order(harness: &Harness) {
    let (router, endpoint) = bound(harness, true);
    let mut peers = Vec::new();
    for number in ["1", "2", "3", "4", "5"] {
        let peer = guest(&router, &endpoint, harness, "twin");
        peer.send(number).unwrap();
        peers.push(peer);
    }
    reach(&router, "twin", peers.last().unwrap());
    hear(&router, "twin", &["1", "2", "3", "4", "5"]);
}

fn a_peer_that_was_ousted_has_the_id_again_when_the_other_leaves(harness: &Harness) {
    let (router, endpoint) = bound(harness, true);
    let old = guest(&router, &endpoint, harness, "twin");
    let new = guest(&router, &endpoint, harness, "twin");
    say(&old, &["meanwhile"]);
    say(&new, &["new"]);
    hear(&router, "twin", &["new"]);
    drop(new);
    hear(&router, "twin", &["meanwhile"]);
    eventually("the new one has left", || connected(&router) == 1);
    reach(&router, "twin", &old);
}

fn a_peer_that_waits_has_the_id_when_its_holder_leaves(harness: &Harness) {
    let (router, endpoint) = bound(harness, false);
    let first = guest(&router, &endpoint, harness, "twin");
    let second = guest(&router, &endpoint, harness, "twin");
    second.send_multipart(["mean", "while"]).unwrap();
    say(&first, &["first"]);
    hear(&router, "twin", &["first"]);
    reach(&router, "twin", &first);
    assert!(router.try_recv().is_err());
    drop(first);
    assert_eq!(router.recv_multipart().unwrap(), ["twin", "mean", "while"].into());
    reach(&router, "twin", &second);
    say(&second, &["on"]);
    hear(&router, "twin", &["on"]);
    drop(second);
    eventually("nobody has it", || unreachable(&router, "twin"));
}

fn the_first_of_several_that_wait_is_next(harness: &Harness) {
    let (router, endpoint) = bound(harness, false);
    let mut peers: Vec<Dealer> =
        (0..4).map(|_| guest(&router, &endpoint, harness, "twin")).collect();
    // One that waits goes: that makes no difference to the others.
    drop(peers.remove(2));
    eventually("it has left", || connected(&router) == 3);
    while !peers.is_empty() {
        reach(&router, "twin", &peers[0]);
        drop(peers.remove(0));
        eventually("it has left", || connected(&router) == peers.len());
    }
    assert!(unreachable(&router, "twin"));
}

fn a_holders_last_messages_come_before_the_next_ones(harness: &Harness) {
    let (router, endpoint) = bound(harness, false);
    let first = guest(&router, &endpoint, harness, "twin");
    let second = guest(&router, &endpoint, harness, "twin");
    say(&second, &["3", "4"]);
    say(&first, &["1", "2"]);
    leave(harness, &router, first);
    hear(&router, "twin", &["1", "2", "3", "4"]);
}

fn a_wait_ends_when_the_one_that_waited_has_the_id(harness: &Harness) {
    for round in 0..10 {
        let (router, endpoint) = bound(harness, false);
        let first = guest(&router, &endpoint, harness, "twin");
        let second = guest(&router, &endpoint, harness, "twin");
        say(&second, &["heard"]);
        std::thread::scope(|scope| {
            scope.spawn(|| match round % 2 {
                0 => hear(&router, "twin", &["heard"]),
                _ => {
                    let received = futures_lite::future::block_on(router.recv_multipart_async());
                    assert_eq!(received.unwrap(), ["twin", "heard"].into());
                }
            });
            drop(first);
        });
    }
}

fn a_message_begun_is_the_old_peers_to_the_end(harness: &Harness) {
    let (router, endpoint) = bound(harness, true);
    let old = guest(&router, &endpoint, harness, "twin");
    router.send(frame("twin", true)).unwrap();
    router.send(frame("begun", true)).unwrap();
    let new = guest(&router, &endpoint, harness, "twin");
    router.send("ended").unwrap();
    assert_eq!(old.recv_multipart().unwrap(), ["begun", "ended"].into());
    reach(&router, "twin", &new);
    assert!(old.try_recv().is_err());
}

fn what_nobody_is_to_hear_is_counted(harness: &Harness) {
    let (router, endpoint) = bound(harness, false);
    let holder = guest(&router, &endpoint, harness, "twin");
    let waiting = guest(&router, &endpoint, harness, "twin");
    say(&waiting, &["1", "2", "3"]);
    drop(waiting);
    eventually("it is forgotten", || router.stats().len() == 1);
    assert_eq!(router.dropped(), 3);
    say(&holder, &["heard"]);
    hear(&router, "twin", &["heard"]);
}

/// A ROUTER that connects, and a server with an id at the other end.
fn served(harness: &Harness, address: &Address, id: &str) -> (Router, Dealer) {
    let router = harness.router();
    router.set_mandatory(true).unwrap();
    let server = named(harness, id);
    address.bind(&server);
    router.connect(&address.endpoint).unwrap();
    await_peers(&server, 1);
    (router, server)
}

/// Another server in the place of one.
fn restarted(
    harness: &Harness,
    address: &Address,
    router: &Router,
    old: Dealer,
    id: &str,
) -> Dealer {
    drop(old);
    eventually("it is gone", || connected(router) == 0);
    let server = if id.is_empty() { harness.dealer() } else { named(harness, id) };
    address.bind(&server);
    await_peers(&server, 1);
    server
}

fn a_server_with_another_id_is_known_by_that(harness: &Harness) {
    let address = Address::new(harness);
    let (router, mut server) = served(harness, &address, "0");
    for number in 1..4 {
        let (old, new) = ((number - 1).to_string(), number.to_string());
        eventually("it is known", || connected(&router) == 1);
        reach(&router, &old, &server);
        say(&server, &["from the old"]);
        hear(&router, &old, &["from the old"]);
        server = restarted(harness, &address, &router, server, &new);
        say(&server, &["from the new"]);
        hear(&router, &new, &["from the new"]);
        reach(&router, &new, &server);
        assert!(unreachable(&router, &old));
    }
}

fn messages_of_the_server_before_keep_its_id(harness: &Harness) {
    let address = Address::new(harness);
    let (router, mut server) = served(harness, &address, "one");
    say(&server, &["1", "2"]);
    server = restarted(harness, &address, &router, server, "two");
    say(&server, &["3"]);
    server = restarted(harness, &address, &router, server, "three");
    say(&server, &["4"]);
    hear(&router, "one", &["1", "2"]);
    hear(&router, "two", &["3"]);
    hear(&router, "three", &["4"]);
    reach(&router, "three", &server);
}

fn a_server_without_an_id_keeps_the_one_it_was_given(harness: &Harness) {
    let (address, router, mut server) = (Address::new(harness), harness.router(), harness.dealer());
    router.set_mandatory(true).unwrap();
    address.bind(&server);
    router.connect(&address.endpoint).unwrap();
    server.send("first").unwrap();
    let id = router.recv_multipart().unwrap()[0].to_vec();
    for _ in 0..2 {
        server = restarted(harness, &address, &router, server, "");
        server.send("again").unwrap();
        assert_eq!(router.recv_multipart().unwrap()[0], id[..]);
        router.send_multipart([&id[..], b"for you"]).unwrap();
        assert_eq!(server.recv().unwrap(), "for you");
    }
}

fn a_server_that_was_named_here_keeps_that_name(harness: &Harness) {
    let (address, router) = (Address::new(harness), harness.router());
    router.set_connect_routing_id("my name").unwrap();
    router.connect(&address.endpoint).unwrap();
    let mut server = named(harness, "one");
    address.bind(&server);
    for id in ["two", "three"] {
        reach(&router, "my name", &server);
        say(&server, &["hello"]);
        hear(&router, "my name", &["hello"]);
        server = restarted(harness, &address, &router, server, id);
    }
    reach(&router, "my name", &server);
}

fn a_message_begun_for_the_server_before_is_not_for_the_next(harness: &Harness) {
    let address = Address::new(harness);
    let (router, server) = served(harness, &address, "one");
    eventually("it is known", || connected(&router) == 1);
    reach(&router, "one", &server);
    router.send(frame("one", true)).unwrap();
    router.send(frame("begun", true)).unwrap();
    let server = restarted(harness, &address, &router, server, "two");
    await_peers(&router, 1);
    router.send("ended").unwrap();
    reach(&router, "two", &server);
}
