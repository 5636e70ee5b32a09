//! PAIR: one peer, both ways, exclusively.

use crate::harness::{
    GLANCE, Harness, await_kind, await_peers, connected, eventually, everywhere, over_tcp,
    over_wires, within_process,
};
use crate::raw::{frame, hello};
use ringmq::Error;
use std::io::Write;
use std::net::TcpStream;

everywhere![
    a_send_without_a_peer_waits,
    a_second_peer_gets_no_say,
    the_slot_is_free_for_a_new_peer_when_the_first_has_left,
    what_a_peer_sent_before_it_left_is_received,
];

over_wires![a_second_peer_completes_its_handshake];

within_process![the_next_peer_is_heard_right_after_the_first];

over_tcp![the_slot_is_free_when_a_peer_was_killed, one_that_only_looks_hears_the_next_peer];

fn a_send_without_a_peer_waits(harness: &Harness) {
    let (a, b) = (harness.pair(), harness.pair());
    let endpoint = a.bind(&harness.anywhere()).unwrap();
    let failed = a.try_send("early").unwrap_err();
    assert!(failed.error.is_would_block());
    assert_eq!(failed.message, "early".into());
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| a.send("waits"));
        b.connect(&endpoint).unwrap();
        assert_eq!(b.recv().unwrap(), "waits");
        sending.join().unwrap().unwrap();
    });
}

fn a_second_peer_gets_no_say(harness: &Harness) {
    let (a, first, second) = (harness.pair(), harness.pair(), harness.pair());
    let endpoint = harness.join(&a, &first);
    second.connect(&endpoint).unwrap();
    second.send("ignored").unwrap();
    await_peers(&a, 2);
    for round in 0..10u8 {
        first.send([round]).unwrap();
        assert_eq!(a.recv().unwrap(), [round]);
        a.send([round]).unwrap();
        assert_eq!(first.recv().unwrap(), [round]);
    }
    second.set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(second.recv().unwrap_err().is_would_block());
    assert!(a.try_recv().unwrap_err().is_would_block());
}

fn the_slot_is_free_for_a_new_peer_when_the_first_has_left(harness: &Harness) {
    let (a, first, third) = (harness.pair(), harness.pair(), harness.pair());
    let endpoint = harness.join(&a, &first);
    drop(first);
    eventually("the first has left", || {
        assert!(a.try_recv().unwrap_err().is_would_block());
        connected(&a) == 0
    });
    third.connect(&endpoint).unwrap();
    third.send("mine").unwrap();
    assert_eq!(a.recv().unwrap(), "mine");
    a.send("yours").unwrap();
    assert_eq!(third.recv().unwrap(), "yours");
}

fn what_a_peer_sent_before_it_left_is_received(harness: &Harness) {
    let (a, b) = (harness.pair(), harness.pair());
    harness.join(&a, &b);
    b.set_linger(None).unwrap();
    for number in 0..100u8 {
        b.send([number]).unwrap();
    }
    drop(b);
    for number in 0..100u8 {
        assert_eq!(a.recv().unwrap(), [number]);
    }
    assert!(matches!(a.try_recv(), Err(Error::WouldBlock)));
}

fn a_second_peer_completes_its_handshake(harness: &Harness) {
    let (a, first, second) = (harness.pair(), harness.pair(), harness.pair());
    let endpoint = harness.join(&a, &first);
    let monitor = second.monitor();
    second.connect(&endpoint).unwrap();
    await_kind!(&monitor, HandshakeSucceeded);
    assert!(monitor.recv_timeout(GLANCE).is_err(), "the connection stays");
}

/// With bytes unread on either side, half a message and a full queue: as a crash leaves it.
fn the_slot_is_free_when_a_peer_was_killed(harness: &Harness) {
    for _ in 0..10 {
        let a = harness.pair();
        let endpoint = a.bind(&harness.anywhere()).unwrap();
        let mut killed = TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap();
        let half = [hello("PAIR"), frame(0, b"whole"), frame(1, b"half")].concat();
        killed.write_all(&half).unwrap();
        a.send_multipart(["question", "unread"]).unwrap();
        drop(killed);
        let next = harness.pair();
        let mut answers = 0;
        next.set_reconnect_interval(Some(GLANCE / 10)).unwrap();
        eventually("the old one is noticed", || {
            let _ = a.try_send_multipart(["question", "unread"]);
            answers += usize::from(a.try_recv().is_ok());
            connected(&a) == 0
        });
        assert!(answers <= 1, "half a message is none");
        next.connect(&endpoint).unwrap();
        next.send("mine").unwrap();
        eventually("the new one is heard", || a.try_recv().is_ok_and(|message| message == "mine"));
        a.send("yours").unwrap();
        assert_eq!(next.recv().unwrap(), "yours");
    }
}

/// What the first has sent is all that is noticed of it, and the next one waits for it to be received.
fn one_that_only_looks_hears_the_next_peer(harness: &Harness) {
    let (a, next) = (harness.pair(), harness.pair());
    let endpoint = a.bind(&harness.anywhere()).unwrap();
    let mut first = TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap();
    first.write_all(&[hello("PAIR"), frame(0, b"first")].concat()).unwrap();
    await_peers(&a, 1);
    drop(first);
    await_peers(&a, 0);
    next.connect(&endpoint).unwrap();
    next.send("next").unwrap();
    await_peers(&a, 1);
    // So often that the lock favours this thread, and so long that no news is left to be told.
    for _ in 0..50 {
        std::thread::sleep(GLANCE / 50);
        await_peers(&a, 1);
    }
    eventually("the first is heard", || a.try_recv().is_ok_and(|message| message == "first"));
    eventually("the next is heard", || a.try_recv().is_ok_and(|message| message == "next"));
}

fn the_next_peer_is_heard_right_after_the_first(harness: &Harness) {
    let (a, first, next) = (harness.pair(), harness.pair(), harness.pair());
    let endpoint = a.bind(&harness.anywhere()).unwrap();
    first.connect(&endpoint).unwrap();
    first.send("first").unwrap();
    drop(first);
    next.connect(&endpoint).unwrap();
    next.send("next").unwrap();
    assert_eq!(a.try_recv().unwrap(), "first");
    assert_eq!(a.try_recv().unwrap(), "next", "without a look in vain between them");
}
