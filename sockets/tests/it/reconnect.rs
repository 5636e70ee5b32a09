//! Lost connections are made again, and what was queued meanwhile arrives.

use crate::harness::{
    Address, Harness, await_event, await_kind, connected, eventually, over_tcp, over_wires,
};
use crate::raw::{greeting, hello};
use ringmq::{Message, MonitorEvent};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

over_wires![
    messages_queue_until_the_server_is_back,
    subscriptions_are_sent_again,
    requests_go_on_with_the_next_server,
    immediate_queues_for_nobody,
    many_bounces_lose_no_queued_message,
    a_message_begun_before_the_bounce_arrives_whole,
];

over_tcp![
    a_message_torn_on_the_wire_is_never_seen_in_part,
    attempts_are_made_at_the_interval,
    attempts_are_made_at_growing_intervals,
    without_an_interval_it_gives_up,
];

fn messages_queue_until_the_server_is_back(harness: &Harness) {
    let (address, push) = (Address::new(harness), harness.push());
    push.connect(&address.endpoint).unwrap();
    for round in 0..3u8 {
        for number in 0..100u8 {
            push.send([round, number]).unwrap();
        }
        let pull = harness.pull();
        address.bind(&pull);
        for number in 0..100u8 {
            assert_eq!(pull.recv().unwrap(), [round, number]);
        }
        drop(pull);
        eventually("the server is gone", || connected(&push) == 0);
    }
}

fn many_bounces_lose_no_queued_message(harness: &Harness) {
    let (address, dealer) = (Address::new(harness), harness.dealer());
    dealer.connect(&address.endpoint).unwrap();
    for round in 0..10u8 {
        let router = harness.router();
        address.bind(&router);
        dealer.send_multipart([[round], [round]]).unwrap();
        let message = router.recv_multipart().unwrap();
        assert_eq!((&message[1], message.len()), (&[round].into(), 3));
        router.send_multipart(message).unwrap();
        assert_eq!(dealer.recv_multipart().unwrap(), [[round], [round]].into());
        drop(router);
        eventually("the server is gone", || connected(&dealer) == 0);
    }
}

fn subscriptions_are_sent_again(harness: &Harness) {
    let (address, subscriber, xsub) = (Address::new(harness), harness.subscriber(), harness.xsub());
    subscriber.connect(&address.endpoint).unwrap();
    xsub.connect(&address.endpoint).unwrap();
    for topic in ["a", "b", "c"] {
        subscriber.subscribe(topic).unwrap();
    }
    xsub.send(b"\x01x").unwrap();
    subscriber.unsubscribe("c").unwrap();
    for round in 0..3u8 {
        let publisher = harness.publisher();
        address.bind(&publisher);
        eventually("it knows the topics", || publisher.topics() == 3);
        for topic in [b'c', b'x', b'a', b'b'] {
            publisher.send([topic, round]).unwrap();
        }
        assert_eq!(subscriber.recv().unwrap(), [b'a', round]);
        assert_eq!(subscriber.recv().unwrap(), [b'b', round]);
        assert_eq!(xsub.recv().unwrap(), [b'x', round]);
        drop(publisher);
        eventually("the publisher is gone", || connected(&subscriber) + connected(&xsub) == 0);
    }
}

fn requests_go_on_with_the_next_server(harness: &Harness) {
    let (address, req) = (Address::new(harness), harness.req());
    req.connect(&address.endpoint).unwrap();
    for round in 0..3u8 {
        let rep = harness.rep();
        address.bind(&rep);
        req.send([round]).unwrap();
        assert_eq!(rep.recv().unwrap(), [round]);
        rep.send("done").unwrap();
        assert_eq!(req.recv().unwrap(), "done");
        drop(rep);
        eventually("the server is gone", || connected(&req) == 0);
    }
}

fn immediate_queues_for_nobody(harness: &Harness) {
    let (address, push) = (Address::new(harness), harness.push());
    push.set_immediate(true).unwrap();
    push.connect(&address.endpoint).unwrap();
    assert!(push.try_send("nobody").unwrap_err().error.is_would_block());
    assert!(push.stats().is_empty());
    for round in 0..2u8 {
        let pull = harness.pull();
        address.bind(&pull);
        push.send([round]).unwrap();
        assert_eq!(pull.recv().unwrap(), [round]);
        drop(pull);
        eventually("the pipe goes with the server", || push.stats().is_empty());
        assert!(push.try_send("nobody").is_err());
    }
}

fn a_message_begun_before_the_bounce_arrives_whole(harness: &Harness) {
    let (address, push) = (Address::new(harness), harness.push());
    push.connect(&address.endpoint).unwrap();
    let first = harness.pull();
    address.bind(&first);
    eventually("it is connected", || connected(&push) == 1);
    let mut beginning = Message::from("beginning");
    beginning.set_more(true);
    push.send(beginning).unwrap();
    drop(first);
    eventually("the server is gone", || connected(&push) == 0);
    push.send("end").unwrap();
    let second = harness.pull();
    address.bind(&second);
    assert_eq!(second.recv_multipart().unwrap(), ["beginning", "end"].into());
}

fn a_message_torn_on_the_wire_is_never_seen_in_part(harness: &Harness) {
    for taken in [0, 1, 100, 70_000, 300_000] {
        let push = harness.push();
        let breaking = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("tcp://{}", breaking.local_addr().unwrap());
        push.connect(&endpoint).unwrap();
        let (mut stream, _) = breaking.accept().unwrap();
        stream.write_all(&hello("PULL")).unwrap();
        eventually("it is connected", || connected(&push) == 1);
        push.send_multipart([vec![b'a'; 200_000], vec![b'b'; 200_000]]).unwrap();
        push.send("next").unwrap();
        stream.read_exact(&mut vec![0; greeting().len() + taken]).unwrap();
        drop((stream, breaking));
        let pull = harness.pull();
        eventually("the endpoint is free", || pull.bind(&endpoint).is_ok());
        push.send("last").unwrap();
        loop {
            let message = pull.recv_multipart().unwrap();
            if message == "last".into() {
                break;
            }
            let large = message.len() == 2 && message.iter().all(|frame| frame.len() == 200_000);
            assert!(large || message == "next".into(), "torn after {taken}: {message:?}");
        }
    }
}

/// The waits between the first attempts at an endpoint that nobody has bound.
fn waits(harness: &Harness, interval: u64, longest: u64, attempts: usize) -> Vec<u64> {
    let (address, push) = (Address::new(harness), harness.push());
    push.set_reconnect_interval(Some(Duration::from_millis(interval))).unwrap();
    push.set_reconnect_interval_max(Duration::from_millis(longest)).unwrap();
    let monitor = push.monitor();
    push.connect(&address.endpoint).unwrap();
    let wait = || {
        await_event(&monitor, |event| match event {
            MonitorEvent::ConnectRetried { endpoint, after } => {
                assert_eq!(**endpoint, *address.endpoint);
                Some(after.as_millis() as u64)
            }
            _ => None,
        })
    };
    (0..attempts).map(|_| wait()).collect()
}

fn attempts_are_made_at_the_interval(harness: &Harness) {
    let waits = waits(harness, 10, 0, 6);
    assert!(waits.iter().all(|wait| (10..20).contains(wait)), "{waits:?}");
}

fn attempts_are_made_at_growing_intervals(harness: &Harness) {
    assert_eq!(waits(harness, 5, 30, 5), [5, 10, 20, 30, 30]);
}

fn without_an_interval_it_gives_up(harness: &Harness) {
    let (address, push) = (Address::new(harness), harness.push());
    push.set_reconnect_interval(None).unwrap();
    let monitor = push.monitor();
    push.connect(&address.endpoint).unwrap();
    await_kind!(&monitor, ConnectFailed);
    await_kind!(&monitor, Closed);
    eventually("the connect is forgotten", || push.disconnect(&address.endpoint).is_err());
    // It can be asked for again, and then lasts as long as the connection.
    let pull = harness.pull();
    address.bind(&pull);
    push.connect(&address.endpoint).unwrap();
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
    drop(pull);
    await_kind!(&monitor, Disconnected);
    await_kind!(&monitor, Closed);
}
