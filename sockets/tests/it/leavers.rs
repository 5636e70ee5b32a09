//! Peers come and go: nothing of them stays behind, whatever the socket is doing meanwhile.

use crate::harness::{Harness, connected, eventually, everywhere, patient};
use ringmq::{AnySocket, SocketType};

everywhere![a_socket_that_does_nothing_forgets_who_left, a_peer_that_was_ignored_is_forgotten,];

const PAIRS: [(SocketType, SocketType); 19] = [
    (SocketType::Pair, SocketType::Pair),
    (SocketType::Push, SocketType::Pull),
    (SocketType::Pull, SocketType::Push),
    (SocketType::Req, SocketType::Rep),
    (SocketType::Rep, SocketType::Req),
    (SocketType::Dealer, SocketType::Dealer),
    (SocketType::Router, SocketType::Dealer),
    (SocketType::Pub, SocketType::Sub),
    (SocketType::XPub, SocketType::XSub),
    (SocketType::Sub, SocketType::Pub),
    (SocketType::XSub, SocketType::XPub),
    (SocketType::Client, SocketType::Server),
    (SocketType::Server, SocketType::Client),
    (SocketType::Radio, SocketType::Dish),
    (SocketType::Dish, SocketType::Radio),
    (SocketType::Scatter, SocketType::Gather),
    (SocketType::Gather, SocketType::Scatter),
    (SocketType::Peer, SocketType::Peer),
    (SocketType::Channel, SocketType::Channel),
];

fn make(harness: &Harness, socket_type: SocketType) -> AnySocket {
    patient(harness.context.socket(socket_type).unwrap())
}

fn a_socket_that_does_nothing_forgets_who_left(harness: &Harness) {
    for (own, other) in PAIRS {
        let socket = make(harness, own);
        let endpoint = socket.bind(&harness.anywhere()).unwrap();
        for _ in 0..6 {
            let peers = [make(harness, other), make(harness, other)];
            peers.iter().for_each(|peer| peer.connect(&endpoint).unwrap());
            eventually(&format!("{own:?} has its peers"), || connected(&socket) == 2);
            drop(peers);
            eventually(&format!("{own:?} forgets"), || socket.stats().is_empty());
        }
    }
}

fn a_peer_that_was_ignored_is_forgotten(harness: &Harness) {
    for (own, other) in
        [(SocketType::Pair, SocketType::Pair), (SocketType::Router, SocketType::Dealer)]
    {
        let socket = make(harness, own);
        let endpoint = socket.bind(&harness.anywhere()).unwrap();
        let heard = make(harness, other);
        heard.set_routing_id("same").unwrap();
        heard.connect(&endpoint).unwrap();
        eventually("the first is there", || connected(&socket) == 1);
        let ignored = make(harness, other);
        ignored.set_routing_id("same").unwrap();
        ignored.connect(&endpoint).unwrap();
        eventually("the second is there", || connected(&socket) == 2);
        for _ in 0..100 {
            ignored.send("unheard").unwrap();
        }
        drop(ignored);
        eventually("the second is forgotten", || socket.stats().len() == 1);
        heard.send("heard").unwrap();
        eventually("the first is heard", || {
            socket.try_recv_multipart().is_ok_and(|message| message[message.len() - 1] == "heard")
        });
    }
}
