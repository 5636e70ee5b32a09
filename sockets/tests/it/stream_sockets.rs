//! STREAM: bytes to and from peers that speak no ZMTP.

use crate::harness::{Address, GLANCE, Harness, PATIENCE, eventually, over_tcp, over_wires};
use crate::raw::Wire;
use ringmq::{ErrorKind, Message, Multipart, StreamSocket};
use std::time::Duration;

over_wires![
    bytes_come_with_the_id_of_their_peer_and_go_by_it,
    the_end_of_what_is_sent_is_the_end_of_the_connection,
    who_comes_and_goes_is_told_unless_nobody_wants_to_know,
    two_of_them_understand_each_other,
    bytes_wait_for_a_peer_that_is_not_there_yet,
    an_id_that_nobody_has_is_refused,
    a_name_for_the_next_connect,
    more_bytes_than_there_is_room_for_come_in_order,
];

over_tcp![a_web_server_in_a_few_lines];

fn next(socket: &StreamSocket) -> (Message, Message) {
    let [id, bytes] = socket.recv_multipart().unwrap().try_into().unwrap();
    (id, bytes)
}

/// So many bytes of one peer, in however many messages they come.
fn receive(socket: &StreamSocket, count: usize) -> (Message, Vec<u8>) {
    let (id, first) = next(socket);
    let mut all = first.to_vec();
    while all.len() < count {
        let (same, more) = next(socket);
        assert_eq!(same, id);
        all.extend_from_slice(&more);
    }
    (id, all)
}

fn send(socket: &StreamSocket, id: &[u8], bytes: &[u8]) {
    socket.send_multipart([id, bytes]).unwrap();
}

fn bytes_come_with_the_id_of_their_peer_and_go_by_it(harness: &Harness) {
    let socket = harness.stream();
    let endpoint = socket.bind(&harness.anywhere()).unwrap();
    let Some(mut first) = Wire::connect(&endpoint) else { return };
    let (one, nothing) = next(&socket);
    assert_eq!((one.len(), one[0], nothing.len()), (5, 0, 0));
    let mut second = Wire::connect(&endpoint).unwrap();
    let (two, nothing) = next(&socket);
    assert!(nothing.is_empty() && one != two);
    for size in [1, 5, 300, 9000, 100_000] {
        let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        first.write(&bytes);
        assert_eq!(receive(&socket, size), (one.clone(), bytes.clone()));
        send(&socket, &two, &bytes);
        assert_eq!(second.read_exactly(size), bytes);
    }
    // What would be a greeting, a frame or a command elsewhere is nothing here.
    let greeting = crate::raw::hello("DEALER");
    second.write(&greeting);
    assert_eq!(receive(&socket, greeting.len()), (two.clone(), greeting));
    assert_eq!(socket.stats().len(), 2);
}

fn the_end_of_what_is_sent_is_the_end_of_the_connection(harness: &Harness) {
    let socket = harness.stream();
    socket.set_linger(Some(PATIENCE)).unwrap();
    let endpoint = socket.bind(&harness.anywhere()).unwrap();
    let Some(mut ended) = Wire::connect(&endpoint) else { return };
    let (id, _) = next(&socket);
    let mut other = Wire::connect(&endpoint).unwrap();
    let (stays, _) = next(&socket);
    let long = vec![9; 200_000];
    send(&socket, &id, &long);
    send(&socket, &id, b"");
    let failed = socket.send_multipart([&id[..], b"late"]).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::HostUnreachable);
    assert_eq!(ended.read_to_end().unwrap(), long, "what was sent before comes first");
    send(&socket, &stays, b"still there");
    assert_eq!(other.read_exactly(11), b"still there");
}

fn who_comes_and_goes_is_told_unless_nobody_wants_to_know(harness: &Harness) {
    let socket = harness.stream();
    let endpoint = socket.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = Wire::connect(&endpoint) else { return };
    wire.write(b"last words");
    drop(wire);
    let (id, there) = next(&socket);
    assert!(there.is_empty());
    assert_eq!(receive(&socket, 10), (id.clone(), b"last words".to_vec()));
    let (same, gone) = next(&socket);
    assert_eq!((same, gone.len()), (id, 0));
    eventually("its pipe is gone", || socket.stats().is_empty());

    socket.set_stream_notify(false).unwrap();
    let mut wire = Wire::connect(&endpoint).unwrap();
    wire.write(b"words");
    drop(wire);
    assert_eq!(receive(&socket, 5).1, b"words");
    socket.set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(socket.recv().unwrap_err().is_would_block());
    eventually("its pipe is gone", || socket.stats().is_empty());
}

fn two_of_them_understand_each_other(harness: &Harness) {
    let (server, client) = (harness.stream(), harness.stream());
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    client.connect(&endpoint).unwrap();
    let id = client.routing_id().unwrap();
    assert_eq!(id.len(), 5);
    let (connected, nothing) = next(&client);
    assert_eq!((&connected[..], nothing.len()), (&id[..], 0));
    let (peer, _) = next(&server);
    send(&client, &id, b"question");
    assert_eq!(receive(&server, 8), (peer.clone(), b"question".to_vec()));
    send(&server, &peer, b"answer");
    assert_eq!(receive(&client, 6).1, b"answer");
    // The end, from the side that has connected: it does not come again.
    send(&client, &id, b"");
    let (same, gone) = next(&server);
    assert_eq!((same, gone.len()), (peer, 0));
    assert!(client.disconnect(&endpoint).is_err());
    server.set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(server.recv().unwrap_err().is_would_block());
}

fn bytes_wait_for_a_peer_that_is_not_there_yet(harness: &Harness) {
    let address = Address::new(harness);
    let client = harness.stream();
    client.connect(&address.endpoint).unwrap();
    let id = client.routing_id().unwrap();
    send(&client, &id, b"first");
    send(&client, &id, b"second");
    let server = harness.stream();
    address.bind(&server);
    let (_, nothing) = next(&server);
    assert!(nothing.is_empty());
    assert_eq!(receive(&server, 11).1, b"firstsecond");
}

fn an_id_that_nobody_has_is_refused(harness: &Harness) {
    let socket = harness.stream();
    socket.bind(&harness.anywhere()).unwrap();
    let failed = socket.send_multipart(["nobody", "bytes"]).unwrap_err();
    assert_eq!((failed.kind(), failed.message.len()), (ErrorKind::HostUnreachable, 2));
    // An id alone is no message, and none is begun by it.
    socket.send("nobody").unwrap();
    let failed = socket.send_multipart(["nobody", "bytes"]).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::HostUnreachable);
}

fn a_name_for_the_next_connect(harness: &Harness) {
    let (server, client) = (harness.stream(), harness.stream());
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    client.set_connect_routing_id("upstream").unwrap();
    client.connect(&endpoint).unwrap();
    assert_eq!(client.routing_id().unwrap(), b"upstream");
    send(&client, b"upstream", b"hello");
    let (_, nothing) = next(&server);
    assert!(nothing.is_empty());
    assert_eq!(receive(&server, 5).1, b"hello");
    assert!(client.set_connect_routing_id("upstream").is_err());
}

fn more_bytes_than_there_is_room_for_come_in_order(harness: &Harness) {
    const TOTAL: usize = 3_000_000;
    let socket = harness.stream();
    socket.set_recv_hwm(4).unwrap();
    socket.set_send_hwm(4).unwrap();
    let endpoint = socket.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = Wire::connect(&endpoint) else { return };
    let (id, _) = next(&socket);
    let bytes: Vec<u8> = (0..TOTAL).map(|at| (at / 3 % 251) as u8).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wire.write(&bytes);
            assert!(wire.read_exactly(TOTAL) == bytes);
        });
        let (_, all) = receive(&socket, TOTAL);
        assert!(all == bytes, "what came differs");
        for piece in bytes.chunks(50_000) {
            send(&socket, &id, piece);
        }
    });
}

fn a_web_server_in_a_few_lines(harness: &Harness) {
    let socket = harness.stream();
    socket.set_linger(Some(PATIENCE)).unwrap();
    let endpoint = socket.bind(&harness.anywhere()).unwrap();
    let Some(mut browser) = Wire::connect(&endpoint) else { return };
    browser.write(b"GET / HTTP/1.0\r\n\r\n");
    let (id, _) = next(&socket);
    let (_, request) = receive(&socket, 18);
    assert!(request.starts_with(b"GET / "));
    let page = Multipart::from([&id[..], b"HTTP/1.0 200 OK\r\n\r\nhello"]);
    socket.send_multipart(page).unwrap();
    send(&socket, &id, b"");
    assert_eq!(browser.read_to_end().unwrap(), b"HTTP/1.0 200 OK\r\n\r\nhello");
    socket.set_recv_timeout(Some(Duration::from_millis(20))).unwrap();
    // Of an end of one's own nothing is told.
    assert!(socket.recv().unwrap_err().is_would_block());
}
