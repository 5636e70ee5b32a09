//! CLIENT and SERVER, SCATTER and GATHER, PEER, CHANNEL: messages of one frame.

use crate::harness::{GLANCE, Harness, PATIENCE, await_peers, eventually, everywhere, over_wires};
use crate::raw::Wire;
use ringmq::kind::Sends;
use ringmq::{Error, ErrorKind, Interest, Message, Poller, Socket};
use std::time::Duration;

everywhere![
    a_server_answers_each_client_by_its_number,
    a_number_of_nobody_is_refused,
    who_waits_for_room_at_a_peer_is_woken_when_there_is_some_and_when_it_leaves,
    a_message_of_several_frames_is_refused_and_comes_back_whole,
    clients_take_turns_among_servers,
    what_is_scattered_is_gathered_once,
    a_channel_goes_both_ways_to_one_peer,
    peers_answer_each_other_by_number,
    a_peer_is_sent_to_before_it_is_there,
    a_peer_is_sent_away_by_number,
    what_has_a_number_is_sent_by_every_way_to_send,
];

over_wires![what_has_several_frames_is_thrown_away_and_counted];

/// A message for the peer of that number.
fn to(number: u32, body: &[u8]) -> Message {
    let mut message = Message::copy_from(body);
    message.set_routing_id(number);
    message
}

fn a_server_answers_each_client_by_its_number(harness: &Harness) {
    let server = harness.server();
    let clients = [harness.client(), harness.client(), harness.client()];
    clients.iter().for_each(|client| drop(harness.join(&server, client)));
    for size in [0, 1, 40, 64, 1000, 20_000, 300_000] {
        for (number, client) in (0..).zip(&clients) {
            client.send(vec![number; size]).unwrap();
        }
        let mut numbers = Vec::new();
        for _ in &clients {
            let question = server.recv().unwrap();
            assert_ne!(question.routing_id(), 0);
            numbers.push(question.routing_id());
            server.send(to(question.routing_id(), &question)).unwrap();
        }
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), clients.len(), "each has a number of its own");
        for (number, client) in (0..).zip(&clients) {
            let answer = client.recv().unwrap();
            assert_eq!((answer.routing_id(), &answer[..]), (0, &vec![number; size][..]));
        }
    }
}

fn a_number_of_nobody_is_refused(harness: &Harness) {
    let (server, client) = (harness.server(), harness.client());
    harness.join(&server, &client);
    client.send("hello").unwrap();
    let number = server.recv().unwrap().routing_id();
    for nobody in [0, number.wrapping_add(1).max(1)] {
        let failed = server.send(to(nobody, b"lost")).unwrap_err();
        assert_eq!(
            (failed.kind(), &failed.message[0][..]),
            (ErrorKind::HostUnreachable, &b"lost"[..])
        );
        assert_eq!(failed.message[0].routing_id(), nobody);
    }
    assert_eq!(server.send("to nobody").unwrap_err().kind(), ErrorKind::HostUnreachable);
    drop(client);
    eventually("it is known to be gone", || {
        server
            .try_send(to(number, b"late"))
            .is_err_and(|failed| failed.kind() == ErrorKind::HostUnreachable)
    });
}

fn who_waits_for_room_at_a_peer_is_woken_when_there_is_some_and_when_it_leaves(harness: &Harness) {
    let (server, client) = (harness.server(), harness.client());
    server.set_send_hwm(2).unwrap();
    client.set_recv_hwm(2).unwrap();
    harness.join(&server, &client);
    client.send("hello").unwrap();
    let number = server.recv().unwrap().routing_id();
    let body = vec![7; 100_000];
    let fill = || (0..10_000).find(|_| server.try_send(to(number, &body)).is_err()).unwrap();
    let sent = fill();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.send(to(number, b"the last")));
        std::thread::sleep(GLANCE);
        for _ in 0..sent {
            assert_eq!(client.recv().unwrap().len(), body.len());
        }
        assert_eq!(client.recv().unwrap(), "the last");
        waiting.join().unwrap().unwrap();
    });
    fill();
    std::thread::scope(|scope| {
        // More than once: the system may have taken some meanwhile.
        let waiting = scope.spawn(|| {
            loop {
                if let Err(failed) = server.send(to(number, &body)) {
                    return failed;
                }
            }
        });
        std::thread::sleep(GLANCE);
        drop(client);
        assert_eq!(waiting.join().unwrap().kind(), ErrorKind::HostUnreachable);
    });
}

fn refuses_frames<K: Sends>(socket: &Socket<K>) {
    let failed = socket.send_multipart(["one", "two"]).unwrap_err();
    assert!(matches!(failed.error, Error::OneFrameOnly { .. }), "{}", failed.error);
    assert_eq!(failed.message, ["one", "two"].into());
    let mut begun = Message::from("begun");
    begun.set_more(true);
    assert_eq!(socket.try_send(begun).unwrap_err().kind(), ErrorKind::OneFrameOnly);
}

fn a_message_of_several_frames_is_refused_and_comes_back_whole(harness: &Harness) {
    let (server, client) = (harness.server(), harness.client());
    harness.join(&server, &client);
    let (gather, scatter) = (harness.gather(), harness.scatter());
    harness.join(&gather, &scatter);
    let channels = [harness.channel(), harness.channel()];
    harness.join(&channels[0], &channels[1]);
    let peers = [harness.peer(), harness.peer()];
    harness.join(&peers[0], &peers[1]);
    refuses_frames(&server);
    refuses_frames(&client);
    refuses_frames(&scatter);
    refuses_frames(&channels[0]);
    refuses_frames(&peers[0]);
    // Nothing of them is left in the way.
    client.send("a").unwrap();
    assert_eq!(server.recv().unwrap(), "a");
    scatter.send("b").unwrap();
    assert_eq!(gather.recv().unwrap(), "b");
    channels[0].send("c").unwrap();
    assert_eq!(channels[1].recv().unwrap(), "c");
    assert!(gather.try_recv().unwrap_err().is_would_block());
}

fn clients_take_turns_among_servers(harness: &Harness) {
    let client = harness.client();
    let servers = [harness.server(), harness.server()];
    servers.iter().for_each(|server| drop(harness.join(server, &client)));
    (0..10u8).for_each(|number| client.send([number]).unwrap());
    for server in &servers {
        for _ in 0..5 {
            let question = server.recv().unwrap();
            server.send(to(question.routing_id(), &question)).unwrap();
        }
    }
    let mut answers: Vec<_> = (0..10).map(|_| client.recv().unwrap()[0]).collect();
    answers.sort_unstable();
    assert_eq!(answers, (0..10).collect::<Vec<_>>());
}

fn what_is_scattered_is_gathered_once(harness: &Harness) {
    const COUNT: u32 = 1000;
    let scatter = harness.scatter();
    let gathers = [harness.gather(), harness.gather()];
    gathers.iter().for_each(|gather| drop(harness.join(gather, &scatter)));
    let poller = Poller::new();
    for gather in &gathers {
        poller.add(gather, Interest::READABLE);
    }
    std::thread::scope(|scope| {
        scope.spawn(|| (0..COUNT).for_each(|number| scatter.send(number.to_ne_bytes()).unwrap()));
        let mut seen = Vec::new();
        while seen.len() < COUNT as usize {
            assert!(!poller.wait(Some(PATIENCE)).unwrap().is_empty(), "{} came", seen.len());
            for gather in &gathers {
                while let Ok(message) = gather.try_recv() {
                    seen.push(u32::from_ne_bytes(message[..].try_into().unwrap()));
                }
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..COUNT).collect::<Vec<_>>());
    });
}

fn a_channel_goes_both_ways_to_one_peer(harness: &Harness) {
    let (near, far) = (harness.channel(), harness.channel());
    let endpoint = harness.join(&near, &far);
    for number in 0..100u8 {
        near.send([number]).unwrap();
        far.send([number, number]).unwrap();
    }
    for number in 0..100u8 {
        assert_eq!(far.recv().unwrap(), [number]);
        assert_eq!(near.recv().unwrap(), [number, number]);
    }
    let third = harness.channel();
    third.connect(&endpoint).unwrap();
    near.send("not for the third").unwrap();
    assert_eq!(far.recv().unwrap(), "not for the third");
    third.set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(third.recv().unwrap_err().is_would_block());
}

fn peers_answer_each_other_by_number(harness: &Harness) {
    let (alice, bob) = (harness.peer(), harness.peer());
    let endpoint = bob.bind(&harness.anywhere()).unwrap();
    let to_bob = alice.connect_peer(&endpoint).unwrap().get();
    for number in 0..100u8 {
        alice.send(to(to_bob, &[number])).unwrap();
        let heard = bob.recv().unwrap();
        assert_eq!(heard, [number]);
        bob.send(to(heard.routing_id(), &[number, number])).unwrap();
        let answer = alice.recv().unwrap();
        assert_eq!((answer.routing_id(), &answer[..]), (to_bob, &[number, number][..]));
    }
    alice.set_immediate(true).unwrap();
    assert_eq!(alice.connect_peer(&endpoint).unwrap_err().kind(), ErrorKind::InvalidOption);
    let client = harness.context.socket(ringmq::SocketType::Client).unwrap();
    assert_eq!(client.connect_peer(&endpoint).unwrap_err().kind(), ErrorKind::NotSupported);
}

fn a_peer_is_sent_to_before_it_is_there(harness: &Harness) {
    let address = crate::harness::Address::new(harness);
    let (alice, bob) = (harness.peer(), harness.peer());
    let to_bob = alice.connect_peer(&address.endpoint).unwrap().get();
    (0..10u8).for_each(|number| alice.send(to(to_bob, &[number])).unwrap());
    address.bind(&bob);
    for number in 0..10u8 {
        assert_eq!(bob.recv().unwrap(), [number]);
    }
}

fn a_peer_is_sent_away_by_number(harness: &Harness) {
    let server = harness.server();
    let clients = [harness.client(), harness.client()];
    clients.iter().for_each(|client| drop(harness.join(&server, client)));
    clients[0].send("first").unwrap();
    let first = server.recv().unwrap().routing_id();
    clients[1].send("second").unwrap();
    let second = server.recv().unwrap().routing_id();
    server.set_linger(Some(PATIENCE)).unwrap();
    server.send(to(first, b"farewell")).unwrap();
    server.disconnect_peer(first).unwrap();
    assert_eq!(clients[0].recv().unwrap(), "farewell");
    assert!(matches!(server.disconnect_peer(first), Err(Error::HostUnreachable)));
    assert!(matches!(server.send(to(first, b"gone")).unwrap_err().error, Error::HostUnreachable));
    server.send(to(second, b"stays")).unwrap();
    assert_eq!(clients[1].recv().unwrap(), "stays");

    let (alice, bob) = (harness.peer(), harness.peer());
    let endpoint = bob.bind(&harness.anywhere()).unwrap();
    let to_bob = alice.connect_peer(&endpoint).unwrap().get();
    await_peers(&bob, 1);
    alice.disconnect_peer(to_bob).unwrap();
    eventually("it has left", || bob.stats().is_empty());
    assert!(alice.disconnect(&endpoint).is_err(), "it is not connected any more");
}

fn what_has_a_number_is_sent_by_every_way_to_send(harness: &Harness) {
    let (server, client) = (harness.server(), harness.client());
    harness.join(&server, &client);
    client.send("hello").unwrap();
    let number = server.recv().unwrap().routing_id();
    let long = vec![1; 50_000];
    for body in [&b"short"[..], &long] {
        server.send(to(number, body)).unwrap();
        let borrowed = to(number, body);
        server.send(&borrowed).unwrap();
        server.try_send(to(number, body)).unwrap();
        futures_lite::future::block_on(server.send_async(to(number, body))).unwrap();
        server.send_multipart([to(number, body)]).unwrap();
        for _ in 0..5 {
            assert_eq!(client.recv().unwrap(), body);
        }
    }
}

fn what_has_several_frames_is_thrown_away_and_counted(harness: &Harness) {
    let gather = harness.gather();
    let endpoint = gather.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = Wire::connect(&endpoint) else { return };
    wire.greet("SCATTER");
    wire.write(b"\x01\x03one\x00\x03two\x00\x05three\x01\x00\x00\x00\x00\x04four");
    assert_eq!(gather.recv().unwrap(), "three");
    assert_eq!(gather.recv().unwrap(), "four");
    gather.set_recv_timeout(Some(Duration::ZERO)).unwrap();
    assert!(gather.recv().unwrap_err().is_would_block());
    assert_eq!(gather.totals().dropped, 2);
}
