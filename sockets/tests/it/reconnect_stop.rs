//! Connects that are to end for good, and what those are told who would send.

use crate::harness::{
    Address, Harness, PATIENCE, await_event, await_kind, connected, eventually, over_tcp,
    over_wires, patient,
};
use crate::raw::{greeting, hello};
use futures_lite::future::block_on;
use ringmq::kind::Sends;
use ringmq::{
    DropReason, Error, Interest, Monitor, MonitorEvent, Poller, Push, ReconnectStop, Socket,
};
use std::io::{Read, Write};
use std::net::TcpListener;

over_wires![
    a_refusal_ends_it_if_wanted,
    without_an_interval_a_sender_is_told,
    what_ended_can_be_connected_again,
    a_socket_with_another_endpoint_waits_for_that,
];

over_tcp![
    a_failed_handshake_ends_it_if_wanted,
    other_conditions_do_not_end_it,
    all_ways_to_wait_for_room_are_told,
    a_lost_connection_is_made_again_after_a_disconnect,
    a_lost_connection_is_not_made_again_after_a_disconnect_if_so_wanted,
    an_endpoint_that_is_disconnected_is_not_tried_again_if_so_wanted,
    a_lost_connection_is_made_again_after_a_close,
];

const REFUSED: ReconnectStop = ReconnectStop { connection_refused: true, ..ReconnectStop::NEVER };
const HANDSHAKE: ReconnectStop = ReconnectStop { handshake_failed: true, ..ReconnectStop::NEVER };
const DISCONNECT: ReconnectStop = ReconnectStop { after_disconnect: true, ..ReconnectStop::NEVER };

/// A listener of the test, and how to connect to it.
fn stranger() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    (listener, endpoint)
}

/// Sends until that is refused; the connect to `endpoint` has given up for this reason.
fn is_told<K: Sends>(socket: &Socket<K>, endpoint: &str) -> String {
    let failed = loop {
        if let Err(failed) = socket.send("hello") {
            break failed;
        }
    };
    assert_eq!(failed.message, "hello".into(), "the message comes back");
    match failed.error {
        Error::GaveUp { endpoint: of, reason } => {
            assert_eq!(of, endpoint);
            reason
        }
        // A REQ whose first request was taken before.
        Error::State(_) => String::new(),
        other => panic!("{other:?}"),
    }
}

/// The next events are those of a connecter that gives up, with what was queued if there was something.
#[track_caller]
fn gives_up(monitor: &Monitor) {
    let next = || await_event(monitor, |event| Some(event.clone()));
    let event = next();
    assert!(matches!(event, MonitorEvent::GaveUp { .. }), "{event:?}");
    let event = match next() {
        MonitorEvent::Dropped { reason: DropReason::Gone, .. } => next(),
        event => event,
    };
    assert!(matches!(event, MonitorEvent::Closed { .. }), "{event:?}");
}

fn a_refusal_ends_it_if_wanted(harness: &Harness) {
    fn refused<K: Sends>(harness: &Harness, socket: &Socket<K>, immediate: bool) {
        let address = Address::new(harness);
        socket.set_reconnect_stop(REFUSED).unwrap();
        socket.set_immediate(immediate).unwrap();
        socket.set_send_hwm(2).unwrap();
        let monitor = socket.monitor();
        socket.connect(&address.endpoint).unwrap();
        is_told(socket, &address.endpoint);
        let event = await_event(&monitor, |event| Some(event.clone()));
        assert!(matches!(event, MonitorEvent::ConnectFailed { .. }), "{event:?}");
        gives_up(&monitor);
    }
    for immediate in [true, false] {
        refused(harness, &harness.push(), immediate);
        refused(harness, &harness.dealer(), immediate);
        refused(harness, &harness.pair(), immediate);
        refused(harness, &harness.req(), immediate);
    }
}

fn without_an_interval_a_sender_is_told(harness: &Harness) {
    let (address, push) = (Address::new(harness), harness.push());
    push.set_reconnect_interval(None).unwrap();
    push.set_send_hwm(2).unwrap();
    push.connect(&address.endpoint).unwrap();
    assert!(!is_told(&push, &address.endpoint).is_empty());
}

fn what_ended_can_be_connected_again(harness: &Harness) {
    let (address, push, pull) = (Address::new(harness), harness.push(), harness.pull());
    push.set_reconnect_stop(REFUSED).unwrap();
    push.set_send_hwm(2).unwrap();
    push.connect(&address.endpoint).unwrap();
    is_told(&push, &address.endpoint);
    address.bind(&pull);
    push.connect(&address.endpoint).unwrap();
    push.send("heard").unwrap();
    assert_eq!(pull.recv().unwrap(), "heard");
}

fn a_socket_with_another_endpoint_waits_for_that(harness: &Harness) {
    let (address, push) = (Address::new(harness), harness.push());
    let monitor = push.monitor();
    push.set_reconnect_stop(REFUSED).unwrap();
    let bound = push.bind(&harness.anywhere()).unwrap();
    push.connect(&address.endpoint).unwrap();
    await_kind!(&monitor, Closed);
    eventually("it is over", || push.disconnect(&address.endpoint).is_err());
    assert!(push.try_send("hello").unwrap_err().error.is_would_block(), "somebody may come");
    let pull = harness.pull();
    pull.connect(&bound).unwrap();
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
}

fn a_failed_handshake_ends_it_if_wanted(harness: &Harness) {
    let answers = [b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), hello("SUB"), Vec::new()];
    for answer in answers {
        let (listener, endpoint) = stranger();
        let push = harness.push();
        push.set_reconnect_stop(HANDSHAKE).unwrap();
        push.set_send_hwm(2).unwrap();
        let monitor = push.monitor();
        push.connect(&endpoint).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&answer).unwrap();
        drop(stream);
        await_kind!(&monitor, HandshakeFailed);
        await_kind!(&monitor, Disconnected);
        gives_up(&monitor);
        let reason = is_told(&push, &endpoint);
        assert!(!answer.starts_with(b"HTTP") || reason.contains("speaks HTTP"), "{reason}");
    }
}

fn other_conditions_do_not_end_it(harness: &Harness) {
    let (listener, endpoint) = stranger();
    let push = harness.push();
    push.set_reconnect_stop(ReconnectStop { handshake_failed: false, ..ALL }).unwrap();
    let monitor = push.monitor();
    push.connect(&endpoint).unwrap();
    drop(listener.accept().unwrap());
    await_kind!(&monitor, HandshakeFailed);
    await_kind!(&monitor, ConnectRetried);
    // One that stood and was lost is not one of which the handshake failed.
    let (listener, endpoint) = stranger();
    let push = harness.push();
    push.set_reconnect_stop(ALL).unwrap();
    let monitor = push.monitor();
    push.connect(&endpoint).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(&hello("PULL")).unwrap();
    await_kind!(&monitor, HandshakeSucceeded);
    drop(stream);
    await_kind!(&monitor, ConnectRetried);
}

const ALL: ReconnectStop =
    ReconnectStop { connection_refused: true, handshake_failed: true, after_disconnect: true };

/// A PUSH that is full, and whose connect is about to fail when `fail` is called.
fn full(harness: &Harness) -> (Push, String, impl FnOnce()) {
    let (listener, endpoint) = stranger();
    let push = harness.push();
    push.set_reconnect_stop(HANDSHAKE).unwrap();
    push.set_send_hwm(1).unwrap();
    push.connect(&endpoint).unwrap();
    push.send("first").unwrap();
    assert!(push.try_send("second").unwrap_err().error.is_would_block());
    let (mut stream, _) = listener.accept().unwrap();
    let fail = move || {
        let _listener = listener;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        // Until the other end has closed it.
        let _ = stream.read_to_end(&mut Vec::new());
    };
    (push, endpoint, fail)
}

fn all_ways_to_wait_for_room_are_told(harness: &Harness) {
    let (push, endpoint, fail) = full(harness);
    std::thread::scope(|scope| {
        let sending = [
            scope.spawn(|| push.send("blocking").unwrap_err().error),
            scope.spawn(|| push.send_multipart(["block", "ing"]).unwrap_err().error),
            scope.spawn(|| block_on(push.send_async("async")).unwrap_err().error),
            scope.spawn(|| {
                let poller = Poller::new();
                poller.add(&push, Interest::WRITABLE);
                assert_eq!(poller.wait(Some(PATIENCE)).unwrap().len(), 1, "there is news");
                push.try_send("polled").unwrap_err().error
            }),
        ];
        fail();
        for sending in sending {
            let error = sending.join().unwrap();
            assert!(matches!(&error, Error::GaveUp { endpoint: of, .. } if *of == endpoint));
        }
    });
    assert!(matches!(push.try_send("late").unwrap_err().error, Error::GaveUp { .. }));
}

/// A PUSH that lingers, connected to a peer that reads nothing and then is gone. `leave` is called in
/// between. What was sent then, in order, and what watches the PUSH.
fn lose(
    harness: &Harness,
    stop: ReconnectStop,
    leave: impl FnOnce(Push, &str),
) -> (String, Monitor) {
    let (listener, endpoint) = stranger();
    let push = patient(harness.context.push().unwrap());
    push.set_linger(None).unwrap();
    push.set_reconnect_stop(stop).unwrap();
    // More than the kernel takes.
    push.set_send_buffer(Some(4096)).unwrap();
    let monitor = push.monitor();
    push.connect(&endpoint).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(&hello("PULL")).unwrap();
    await_kind!(&monitor, HandshakeSucceeded);
    for number in 0..50u8 {
        push.send(vec![number; 300_000]).unwrap();
    }
    leave(push, &endpoint);
    // The first message is on its way.
    stream.read_exact(&mut vec![0; greeting().len() + 1000]).unwrap();
    drop((stream, listener));
    (endpoint, monitor)
}

/// What the next peer gets: the end of what was sent.
fn the_rest_arrives(harness: &Harness, endpoint: &str) {
    let pull = harness.pull();
    eventually("the endpoint is free", || pull.bind(endpoint).is_ok());
    let first = pull.recv().unwrap()[0];
    assert!(first < 49, "{first}");
    for number in first + 1..50 {
        assert_eq!(pull.recv().unwrap()[0], number);
    }
    eventually("the connection is over", || connected(&pull) == 0);
}

fn disconnect(push: &Push, endpoint: &str) {
    push.disconnect(endpoint).unwrap();
}

fn a_lost_connection_is_made_again_after_a_disconnect(harness: &Harness) {
    let mut kept = None;
    let (endpoint, _) = lose(harness, ReconnectStop::NEVER, |push, endpoint| {
        disconnect(&push, endpoint);
        kept = Some(push);
    });
    the_rest_arrives(harness, &endpoint);
}

fn a_lost_connection_is_made_again_after_a_close(harness: &Harness) {
    let (endpoint, _) = lose(harness, DISCONNECT, |push, _| drop(push));
    the_rest_arrives(harness, &endpoint);
}

fn a_lost_connection_is_not_made_again_after_a_disconnect_if_so_wanted(harness: &Harness) {
    let mut kept = None;
    let (_, monitor) = lose(harness, DISCONNECT, |push, endpoint| {
        disconnect(&push, endpoint);
        // What comes later on the same I/O thread is there: so it knows of that, too.
        harness.join(&harness.pull(), &harness.push());
        kept = Some(push);
    });
    await_event(&monitor, |event| match event {
        MonitorEvent::Closed { .. } => Some(()),
        MonitorEvent::ConnectRetried { .. } => panic!("it is tried again"),
        _ => None,
    });
}

fn an_endpoint_that_is_disconnected_is_not_tried_again_if_so_wanted(harness: &Harness) {
    for stop in [ReconnectStop::NEVER, DISCONNECT] {
        let (address, push) = (Address::new(harness), harness.push());
        push.set_linger(None).unwrap();
        push.set_reconnect_stop(stop).unwrap();
        let monitor = push.monitor();
        push.connect(&address.endpoint).unwrap();
        push.send("hello").unwrap();
        await_kind!(&monitor, ConnectRetried);
        disconnect(&push, &address.endpoint);
        if stop == DISCONNECT {
            await_kind!(&monitor, Closed);
            continue;
        }
        let pull = harness.pull();
        address.bind(&pull);
        assert_eq!(pull.recv().unwrap(), "hello");
    }
}
