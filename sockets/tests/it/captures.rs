//! The capture socket of a proxy: what it gets, and who waits for it.

use crate::harness::{Harness, eventually, everywhere};
use crate::proxying::{any, start};
use ringmq::{AnySocket, Error, Pair, ProxyOptions, Pull, Push, SocketType, proxy_with};
use std::thread::Scope;

everywhere![
    a_capture_sees_every_message,
    a_publisher_that_captures_holds_nothing_up,
    a_capture_without_a_peer_is_waited_for,
    what_a_capture_never_took_is_counted,
    a_capture_that_is_full_is_waited_for,
];

/// A streamer with a capture socket, and its ends.
fn streamer<'scope>(
    harness: &Harness,
    scope: &'scope Scope<'scope, '_>,
    capture: &'scope AnySocket,
) -> (Push, Pull, Pair, std::thread::ScopedJoinHandle<'scope, Result<(), Error>>) {
    let (front, back) = (any(harness, SocketType::Pull), any(harness, SocketType::Push));
    let (source, sink) = (harness.push(), harness.pull());
    harness.join(&front, &source);
    harness.join(&back, &sink);
    let (remote, control) = (harness.pair(), any(harness, SocketType::Pair));
    harness.join(&remote, &control);
    let running = scope.spawn(move || {
        let options = ProxyOptions::new().capture(capture).control(&control);
        proxy_with(&front, &back, &options)
    });
    (source, sink, remote, running)
}

fn a_publisher_that_captures_holds_nothing_up(harness: &Harness) {
    let capture = any(harness, SocketType::Pub);
    std::thread::scope(|scope| {
        let (source, sink, control, running) = streamer(harness, scope, &capture);
        for number in 0..20u8 {
            source.send_multipart([[number], [number]]).unwrap();
            assert_eq!(sink.recv_multipart().unwrap(), [[number], [number]].into());
        }
        control.send("TERMINATE").unwrap();
        running.join().unwrap().unwrap();
    });
    // It has nobody to drop it for.
    assert_eq!(capture.dropped(), 0);
}

/// What a proxy says that it has received and sent from its frontend to its backend, in frames.
fn passed(control: &Pair) -> (u64, u64) {
    control.send("STATISTICS").unwrap();
    let reply = control.recv_multipart().unwrap();
    let frames = |at: usize| u64::from_ne_bytes(reply[at].as_slice().try_into().unwrap());
    (frames(0), frames(6))
}

fn a_capture_without_a_peer_is_waited_for(harness: &Harness) {
    for kind in [SocketType::Push, SocketType::Dealer, SocketType::Pair] {
        let capture = any(harness, kind);
        let watcher = any(harness, if kind == SocketType::Push { SocketType::Pull } else { kind });
        std::thread::scope(|scope| {
            let (source, sink, control, running) = streamer(harness, scope, &capture);
            (0..20u8).for_each(|number| source.send([number]).unwrap());
            eventually("one was taken, and held", || passed(&control) == (1, 0));
            harness.join(&watcher, &capture);
            for number in 0..20u8 {
                assert_eq!(watcher.recv().unwrap(), [number]);
                assert_eq!(sink.recv().unwrap(), [number]);
            }
            control.send("TERMINATE").unwrap();
            running.join().unwrap().unwrap();
        });
        assert_eq!(capture.dropped(), 0, "{kind:?}");
    }
}

fn what_a_capture_never_took_is_counted(harness: &Harness) {
    let capture = any(harness, SocketType::Push);
    std::thread::scope(|scope| {
        let (source, _sink, control, running) = streamer(harness, scope, &capture);
        source.send("held").unwrap();
        eventually("it was taken, and held", || passed(&control) == (1, 0));
        control.send("TERMINATE").unwrap();
        running.join().unwrap().unwrap();
    });
    assert_eq!(capture.dropped(), 1);
}

fn a_capture_that_is_full_is_waited_for(harness: &Harness) {
    const MESSAGES: u64 = 60;
    let (capture, watcher) = (any(harness, SocketType::Push), harness.pull());
    capture.set_send_hwm(1).unwrap();
    watcher.set_recv_hwm(1).unwrap();
    harness.join(&watcher, &capture);
    let message = || [vec![1; 1 << 19], vec![2; 1 << 19], vec![3]];
    std::thread::scope(|scope| {
        let (source, sink, control, running) = streamer(harness, scope, &capture);
        let receiving = scope.spawn(move || {
            for _ in 0..MESSAGES {
                assert_eq!(sink.recv_multipart().unwrap(), message().into());
            }
        });
        let sending = scope.spawn(move || {
            (0..MESSAGES).for_each(|_| source.send_multipart(message()).unwrap());
            // Closed, it would forget what it has not sent yet.
            source
        });
        for _ in 0..MESSAGES {
            assert_eq!(watcher.recv_multipart().unwrap(), message().into());
        }
        drop((receiving.join().unwrap(), sending.join().unwrap()));
        control.send("TERMINATE").unwrap();
        running.join().unwrap().unwrap();
    });
    assert_eq!(capture.dropped(), 0);
    assert!(watcher.try_recv().is_err());
}

fn a_capture_sees_every_message(harness: &Harness) {
    let (front, back) = (any(harness, SocketType::Router), any(harness, SocketType::Dealer));
    let (capture, watcher) = (any(harness, SocketType::Push), harness.pull());
    let (client, server) = (harness.dealer(), harness.dealer());
    client.set_routing_id("me").unwrap();
    harness.join(&front, &client);
    harness.join(&back, &server);
    harness.join(&watcher, &capture);
    std::thread::scope(|scope| {
        let (control, running) = start(harness, scope, front, back, Some(capture));
        client.send_multipart(["a", "b"]).unwrap();
        let request = server.recv_multipart().unwrap();
        assert_eq!(request, ["me", "a", "b"].into());
        server.send_multipart(request).unwrap();
        client.recv_multipart().unwrap();
        for _ in 0..2 {
            assert_eq!(watcher.recv_multipart().unwrap(), ["me", "a", "b"].into());
        }
        control.send("TERMINATE").unwrap();
        running.join().unwrap().unwrap();
    });
}
