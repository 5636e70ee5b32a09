//! The proxy: queue, forwarder, streamer; capture and control.

use crate::bed::{
    Bed, GLANCE, PATIENCE, await_peers, eventually, everywhere, patient, within_process,
};
use ringmq::{AnySocket, Error, Pair, ProxyOptions, Pull, Push, SocketType, proxy, proxy_with};
use std::thread::Scope;

everywhere![
    a_queue_carries_requests_and_replies,
    a_forwarder_carries_subscriptions_upstream,
    a_streamer_loses_nothing,
    a_streamer_without_a_sink_holds_messages_back,
    a_capture_sees_every_message,
    a_proxy_is_paused_and_resumed,
    a_proxy_counts,
    a_rep_can_control,
    a_socket_can_be_its_own_far_end,
    a_capture_without_a_peer_holds_nothing_up,
    a_capture_that_is_full_misses_whole_messages,
    a_control_that_cannot_answer_is_obeyed,
    a_full_peer_of_a_router_holds_up_no_command,
    a_paused_proxy_ends_with_its_context,
];

within_process![an_answer_that_nobody_takes_holds_up_no_command];

fn any(bed: &Bed, socket_type: SocketType) -> AnySocket {
    patient(bed.context.socket(socket_type).unwrap())
}

/// A proxy under way, and its control.
fn start<'scope>(
    bed: &Bed,
    scope: &'scope Scope<'scope, '_>,
    front: AnySocket,
    back: AnySocket,
    capture: Option<AnySocket>,
) -> (Pair, std::thread::ScopedJoinHandle<'scope, Result<(), Error>>) {
    let (remote, control) = (bed.pair(), any(bed, SocketType::Pair));
    bed.join(&remote, &control);
    let running = scope.spawn(move || {
        let options = ProxyOptions { capture: capture.as_ref(), control: Some(&control) };
        proxy_with(&front, &back, &options)
    });
    (remote, running)
}

fn a_queue_carries_requests_and_replies(bed: &Bed) {
    let (front, back) = (bed.router(), bed.dealer());
    let (front_at, back_at) =
        (front.bind(&bed.anywhere()).unwrap(), back.bind(&bed.anywhere()).unwrap());
    std::thread::scope(|scope| {
        let device = scope.spawn(|| proxy(&front, &back));
        for name in 0..2u8 {
            let rep = bed.rep();
            rep.connect(&back_at).unwrap();
            scope.spawn(move || {
                while let Ok(mut request) = rep.recv_multipart() {
                    request.push_back([name]);
                    if rep.send_multipart(request).is_err() {
                        return;
                    }
                }
            });
        }
        await_peers(&back, 2);
        let clients: Vec<_> = (0..3u8)
            .map(|client| {
                let (req, front_at) = (bed.req(), &front_at);
                scope.spawn(move || {
                    req.connect(front_at).unwrap();
                    for number in 0..50u8 {
                        req.send_multipart([[client], [number]]).unwrap();
                        let reply = req.recv_multipart().unwrap();
                        assert_eq!((&reply[0], &reply[1]), (&[client].into(), &[number].into()));
                        assert_eq!(reply.len(), 3);
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        bed.context.shutdown();
        assert!(matches!(device.join().unwrap(), Err(Error::Terminated)));
    });
}

fn a_forwarder_carries_subscriptions_upstream(bed: &Bed) {
    let (front, back) = (any(bed, SocketType::XSub), any(bed, SocketType::XPub));
    let front_at = front.bind(&bed.anywhere()).unwrap();
    let back_at = back.bind(&bed.anywhere()).unwrap();
    let (publisher, subscriber) = (bed.publisher(), bed.subscriber());
    publisher.connect(&front_at).unwrap();
    subscriber.connect(&back_at).unwrap();
    std::thread::scope(|scope| {
        let (control, running) = start(bed, scope, front, back, None);
        subscriber.subscribe("news").unwrap();
        eventually("the publisher hears of it", || publisher.topics() == 1);
        publisher.send_multipart(["other", "unheard"]).unwrap();
        publisher.send_multipart(["news", "heard"]).unwrap();
        assert_eq!(subscriber.recv_multipart().unwrap(), ["news", "heard"].into());
        subscriber.unsubscribe("news").unwrap();
        eventually("the publisher hears of that too", || publisher.topics() == 0);
        control.send("TERMINATE").unwrap();
        running.join().unwrap().unwrap();
    });
}

fn a_streamer_loses_nothing(bed: &Bed) {
    let (front, back) = (any(bed, SocketType::Pull), any(bed, SocketType::Push));
    let (source, sink) = (bed.push(), bed.pull());
    for socket in [&front, &back] {
        socket.set_send_hwm(5).unwrap();
        socket.set_recv_hwm(5).unwrap();
    }
    bed.join(&front, &source);
    bed.join(&back, &sink);
    std::thread::scope(|scope| {
        let (control, running) = start(bed, scope, front, back, None);
        scope.spawn(|| {
            for number in 0..3000u32 {
                source.send_multipart([number.to_be_bytes(), [0; 4]]).unwrap();
            }
        });
        for number in 0..3000u32 {
            assert_eq!(sink.recv_multipart().unwrap(), [number.to_be_bytes(), [0; 4]].into());
        }
        control.send("TERMINATE").unwrap();
        running.join().unwrap().unwrap();
    });
}

fn a_streamer_without_a_sink_holds_messages_back(bed: &Bed) {
    let (front, back) = (any(bed, SocketType::Pull), any(bed, SocketType::Push));
    let (source, sink) = (bed.push(), bed.pull());
    bed.join(&front, &source);
    let back_at = back.bind(&bed.anywhere()).unwrap();
    std::thread::scope(|scope| {
        let (control, running) = start(bed, scope, front, back, None);
        for number in 0..100u8 {
            source.send([number]).unwrap();
        }
        sink.connect(&back_at).unwrap();
        for number in 0..100u8 {
            assert_eq!(sink.recv().unwrap(), [number]);
        }
        control.send("TERMINATE").unwrap();
        running.join().unwrap().unwrap();
    });
}

fn a_capture_sees_every_message(bed: &Bed) {
    let (front, back) = (any(bed, SocketType::Router), any(bed, SocketType::Dealer));
    let (capture, watcher) = (any(bed, SocketType::Push), bed.pull());
    let (client, server) = (bed.dealer(), bed.dealer());
    client.set_routing_id("me").unwrap();
    bed.join(&front, &client);
    bed.join(&back, &server);
    bed.join(&watcher, &capture);
    std::thread::scope(|scope| {
        let (control, running) = start(bed, scope, front, back, Some(capture));
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

fn a_proxy_is_paused_and_resumed(bed: &Bed) {
    let (front, back) = (any(bed, SocketType::Pull), any(bed, SocketType::Push));
    let (source, sink) = (bed.push(), bed.pull());
    bed.join(&front, &source);
    bed.join(&back, &sink);
    std::thread::scope(|scope| {
        let (control, running) = start(bed, scope, front, back, None);
        source.send("before").unwrap();
        assert_eq!(sink.recv().unwrap(), "before");
        control.send("PAUSE").unwrap();
        // Whoever answers has read what came before.
        control.send("STATISTICS").unwrap();
        assert_eq!(control.recv_multipart().unwrap().len(), 8);
        source.send("meanwhile").unwrap();
        sink.set_recv_timeout(Some(GLANCE)).unwrap();
        assert!(sink.recv().unwrap_err().is_would_block());
        sink.set_recv_timeout(Some(PATIENCE)).unwrap();
        control.send("RESUME").unwrap();
        assert_eq!(sink.recv().unwrap(), "meanwhile");
        control.send("gibberish").unwrap();
        source.send("after").unwrap();
        assert_eq!(sink.recv().unwrap(), "after");
        control.send("TERMINATE").unwrap();
        running.join().unwrap().unwrap();
    });
}

fn a_proxy_counts(bed: &Bed) {
    let (front, back) = (any(bed, SocketType::Router), any(bed, SocketType::Dealer));
    let (client, server) = (bed.dealer(), bed.dealer());
    client.set_routing_id("four").unwrap();
    bed.join(&front, &client);
    bed.join(&back, &server);
    std::thread::scope(|scope| {
        let (control, running) = start(bed, scope, front, back, None);
        for _ in 0..3 {
            client.send_multipart(["12345", "678"]).unwrap();
            server.recv_multipart().unwrap();
        }
        server.send_multipart(["four", "1"]).unwrap();
        client.recv().unwrap();
        control.send("STATISTICS").unwrap();
        let reply = control.recv_multipart().unwrap();
        let figures: Vec<u64> =
            reply.iter().map(|part| u64::from_ne_bytes(part[..].try_into().unwrap())).collect();
        // Frontend in and out, backend in and out: frames and bytes, the id frame included.
        assert_eq!(figures, [9, 36, 2, 5, 2, 5, 9, 36]);
        control.send("TERMINATE").unwrap();
        running.join().unwrap().unwrap();
    });
}

fn a_rep_can_control(bed: &Bed) {
    let (front, back) = (any(bed, SocketType::Pull), any(bed, SocketType::Push));
    let (remote, control) = (bed.req(), any(bed, SocketType::Rep));
    bed.join(&control, &remote);
    std::thread::scope(|scope| {
        let running = scope.spawn(move || {
            let options = ProxyOptions { capture: None, control: Some(&control) };
            proxy_with(&front, &back, &options).map(|()| control)
        });
        for (command, frames) in [("PAUSE", 1), ("what?", 1), ("STATISTICS", 8), ("RESUME", 1)] {
            remote.send(command).unwrap();
            assert_eq!(remote.recv_multipart().unwrap().len(), frames, "{command}");
        }
        remote.send("TERMINATE").unwrap();
        assert!(remote.recv().unwrap().is_empty());
        running.join().unwrap().unwrap();
    });
}

fn a_socket_can_be_its_own_far_end(bed: &Bed) {
    let (echo, client) = (bed.router(), bed.dealer());
    bed.join(&echo, &client);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| proxy(&echo, &echo));
        for number in 0..10u8 {
            client.send([number]).unwrap();
            assert_eq!(client.recv().unwrap(), [number]);
        }
        bed.context.shutdown();
        assert!(running.join().unwrap().is_err());
    });
}

/// A streamer with a capture socket, and its ends.
fn streamer<'scope>(
    bed: &Bed,
    scope: &'scope Scope<'scope, '_>,
    capture: &'scope AnySocket,
) -> (Push, Pull, Pair, std::thread::ScopedJoinHandle<'scope, Result<(), Error>>) {
    let (front, back) = (any(bed, SocketType::Pull), any(bed, SocketType::Push));
    let (source, sink) = (bed.push(), bed.pull());
    bed.join(&front, &source);
    bed.join(&back, &sink);
    let (remote, control) = (bed.pair(), any(bed, SocketType::Pair));
    bed.join(&remote, &control);
    let running = scope.spawn(move || {
        let options = ProxyOptions { capture: Some(capture), control: Some(&control) };
        proxy_with(&front, &back, &options)
    });
    (source, sink, remote, running)
}

fn a_capture_without_a_peer_holds_nothing_up(bed: &Bed) {
    for kind in [SocketType::Push, SocketType::Dealer, SocketType::Pair, SocketType::Pub] {
        let capture = any(bed, kind);
        std::thread::scope(|scope| {
            let (source, sink, control, running) = streamer(bed, scope, &capture);
            for number in 0..20u8 {
                source.send_multipart([[number], [number]]).unwrap();
                assert_eq!(sink.recv_multipart().unwrap(), [[number], [number]].into());
            }
            control.send("TERMINATE").unwrap();
            running.join().unwrap().unwrap();
        });
        // A PUB has nobody to drop it for.
        let missed = if kind == SocketType::Pub { 0 } else { 20 };
        assert_eq!(capture.dropped(), missed, "{kind:?}");
    }
}

fn a_capture_that_is_full_misses_whole_messages(bed: &Bed) {
    const MESSAGES: u64 = 60;
    let (capture, watcher) = (any(bed, SocketType::Push), bed.pull());
    capture.set_send_hwm(1).unwrap();
    watcher.set_recv_hwm(1).unwrap();
    bed.join(&watcher, &capture);
    let message = || [vec![1; 1 << 19], vec![2; 1 << 19], vec![3]];
    std::thread::scope(|scope| {
        let (source, sink, control, running) = streamer(bed, scope, &capture);
        for _ in 0..MESSAGES {
            source.send_multipart(message()).unwrap();
            assert_eq!(sink.recv_multipart().unwrap(), message().into());
        }
        control.send("TERMINATE").unwrap();
        running.join().unwrap().unwrap();
    });
    let missed = capture.dropped();
    assert!(missed > 0, "it was never full");
    for _ in missed..MESSAGES {
        assert_eq!(watcher.recv_multipart().unwrap(), message().into());
    }
    assert!(watcher.try_recv().is_err());
}

fn a_control_that_cannot_answer_is_obeyed(bed: &Bed) {
    for (commands, obeys) in
        [(SocketType::Push, SocketType::Pull), (SocketType::Pub, SocketType::Sub)]
    {
        let (front, back) = (any(bed, SocketType::Pull), any(bed, SocketType::Push));
        let (source, sink) = (bed.push(), bed.pull());
        bed.join(&front, &source);
        bed.join(&back, &sink);
        let (remote, control) = (any(bed, commands), any(bed, obeys));
        bed.join(&remote, &control);
        if obeys == SocketType::Sub {
            control.subscribe("").unwrap();
            eventually("the subscription is there", || remote.topics() == 1);
        }
        std::thread::scope(|scope| {
            let running = scope.spawn(move || {
                let options = ProxyOptions { capture: None, control: Some(&control) };
                proxy_with(&front, &back, &options)
            });
            for command in ["STATISTICS", "PAUSE", "what?", "RESUME"] {
                remote.send(command).unwrap();
            }
            source.send("through").unwrap();
            assert_eq!(sink.recv().unwrap(), "through");
            remote.send("TERMINATE").unwrap();
            running.join().unwrap().unwrap();
        });
    }
}

fn an_answer_that_nobody_takes_holds_up_no_command(bed: &Bed) {
    let (front, back) = (any(bed, SocketType::Pull), any(bed, SocketType::Push));
    let (remote, control) = (bed.pair(), any(bed, SocketType::Pair));
    // Within a process the marks of both add up.
    remote.set_recv_hwm(1).unwrap();
    control.set_send_hwm(1).unwrap();
    bed.join(&remote, &control);
    let control = std::thread::scope(|scope| {
        let running = scope.spawn(move || {
            let options = ProxyOptions { capture: None, control: Some(&control) };
            proxy_with(&front, &back, &options).map(|()| control)
        });
        for _ in 0..10 {
            remote.send("STATISTICS").unwrap();
        }
        remote.send("TERMINATE").unwrap();
        running.join().unwrap().unwrap()
    });
    assert_eq!(control.dropped(), 8);
    for _ in 0..2 {
        assert_eq!(remote.recv_multipart().unwrap().len(), 8);
    }
}

fn a_full_peer_of_a_router_holds_up_no_command(bed: &Bed) {
    let (front, back) = (any(bed, SocketType::Dealer), any(bed, SocketType::Router));
    let (source, slow, idle) = (bed.dealer(), bed.dealer(), bed.dealer());
    back.set_mandatory(true).unwrap();
    back.set_send_hwm(1).unwrap();
    bed.join(&front, &source);
    for (peer, id) in [(&slow, "slow"), (&idle, "idle")] {
        peer.set_routing_id(id).unwrap();
        peer.set_recv_hwm(1).unwrap();
        bed.join(&back, peer);
    }
    std::thread::scope(|scope| {
        let (control, running) = start(bed, scope, front, back, None);
        let body = |number: u8| vec![number; 1 << 20];
        for number in 0..60u8 {
            source.send_multipart([b"slow".to_vec(), body(number)]).unwrap();
        }
        // Whoever answers that is not held up.
        for _ in 0..3 {
            control.send("STATISTICS").unwrap();
            assert_eq!(control.recv_multipart().unwrap().len(), 8);
        }
        for number in 0..60u8 {
            assert_eq!(slow.recv().unwrap(), body(number)[..]);
        }
        source.send_multipart(["idle", "at last"]).unwrap();
        assert_eq!(idle.recv().unwrap(), "at last");
        control.send("TERMINATE").unwrap();
        running.join().unwrap().unwrap();
    });
}

fn a_paused_proxy_ends_with_its_context(bed: &Bed) {
    let (front, back) = (any(bed, SocketType::Pull), any(bed, SocketType::Push));
    std::thread::scope(|scope| {
        let (control, running) = start(bed, scope, front, back, None);
        control.send("PAUSE").unwrap();
        control.send("STATISTICS").unwrap();
        assert_eq!(control.recv_multipart().unwrap().len(), 8);
        bed.context.shutdown();
        assert!(matches!(running.join().unwrap(), Err(Error::Terminated)));
    });
}
