//! The proxy: queue, forwarder, streamer; control.

use crate::harness::{
    GLANCE, Harness, PATIENCE, await_peers, eventually, everywhere, patient, within_process,
};
use ringmq::{AnySocket, Error, Pair, ProxyOptions, SocketType, proxy, proxy_with};
use std::thread::Scope;

everywhere![
    sockets_of_known_types_are_proxied_captured_and_steered,
    a_queue_carries_requests_and_replies,
    a_forwarder_carries_subscriptions_upstream,
    a_streamer_loses_nothing,
    a_streamer_without_a_sink_holds_messages_back,
    a_proxy_is_paused_and_resumed,
    a_proxy_counts,
    a_rep_can_control,
    a_socket_can_be_its_own_far_end,
    a_rep_can_be_its_own_far_end,
    a_control_that_cannot_answer_is_obeyed,
    a_full_peer_of_a_router_holds_up_no_command,
    a_paused_proxy_ends_with_its_context,
];

within_process![
    an_answer_that_nobody_takes_holds_up_no_command,
    two_sockets_between_which_nothing_moves_are_refused,
];

pub(crate) fn any(harness: &Harness, socket_type: SocketType) -> AnySocket {
    patient(harness.context.socket(socket_type).unwrap())
}

/// A proxy under way, and its control.
pub(crate) fn start<'scope>(
    harness: &Harness,
    scope: &'scope Scope<'scope, '_>,
    front: AnySocket,
    back: AnySocket,
    capture: Option<AnySocket>,
) -> (Pair, std::thread::ScopedJoinHandle<'scope, Result<(), Error>>) {
    let (remote, control) = (harness.pair(), any(harness, SocketType::Pair));
    harness.join(&remote, &control);
    let running = scope.spawn(move || {
        let mut options = ProxyOptions::new().control(&control);
        if let Some(capture) = &capture {
            options = options.capture(capture);
        }
        proxy_with(&front, &back, &options)
    });
    (remote, running)
}

fn a_queue_carries_requests_and_replies(harness: &Harness) {
    let (front, back) = (harness.router(), harness.dealer());
    let (front_at, back_at) =
        (front.bind(&harness.anywhere()).unwrap(), back.bind(&harness.anywhere()).unwrap());
    std::thread::scope(|scope| {
        let device = scope.spawn(|| proxy(&front, &back));
        for name in 0..2u8 {
            let rep = harness.rep();
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
                let (req, front_at) = (harness.req(), &front_at);
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
        harness.context.shutdown();
        assert!(matches!(device.join().unwrap(), Err(Error::Terminated)));
    });
}

fn a_forwarder_carries_subscriptions_upstream(harness: &Harness) {
    let (front, back) = (any(harness, SocketType::XSub), any(harness, SocketType::XPub));
    let front_at = front.bind(&harness.anywhere()).unwrap();
    let back_at = back.bind(&harness.anywhere()).unwrap();
    let (publisher, subscriber) = (harness.publisher(), harness.subscriber());
    publisher.connect(&front_at).unwrap();
    subscriber.connect(&back_at).unwrap();
    std::thread::scope(|scope| {
        let (control, running) = start(harness, scope, front, back, None);
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

fn a_streamer_loses_nothing(harness: &Harness) {
    let (front, back) = (any(harness, SocketType::Pull), any(harness, SocketType::Push));
    let (source, sink) = (harness.push(), harness.pull());
    for socket in [&front, &back] {
        socket.set_send_hwm(5).unwrap();
        socket.set_recv_hwm(5).unwrap();
    }
    harness.join(&front, &source);
    harness.join(&back, &sink);
    std::thread::scope(|scope| {
        let (control, running) = start(harness, scope, front, back, None);
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

fn a_streamer_without_a_sink_holds_messages_back(harness: &Harness) {
    let (front, back) = (any(harness, SocketType::Pull), any(harness, SocketType::Push));
    let (source, sink) = (harness.push(), harness.pull());
    harness.join(&front, &source);
    let back_at = back.bind(&harness.anywhere()).unwrap();
    std::thread::scope(|scope| {
        let (control, running) = start(harness, scope, front, back, None);
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

fn a_proxy_is_paused_and_resumed(harness: &Harness) {
    let (front, back) = (any(harness, SocketType::Pull), any(harness, SocketType::Push));
    let (source, sink) = (harness.push(), harness.pull());
    harness.join(&front, &source);
    harness.join(&back, &sink);
    std::thread::scope(|scope| {
        let (control, running) = start(harness, scope, front, back, None);
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

fn a_proxy_counts(harness: &Harness) {
    let (front, back) = (any(harness, SocketType::Router), any(harness, SocketType::Dealer));
    let (client, server) = (harness.dealer(), harness.dealer());
    client.set_routing_id("four").unwrap();
    harness.join(&front, &client);
    harness.join(&back, &server);
    std::thread::scope(|scope| {
        let (control, running) = start(harness, scope, front, back, None);
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

fn a_rep_can_control(harness: &Harness) {
    let (front, back) = (any(harness, SocketType::Pull), any(harness, SocketType::Push));
    let (remote, control) = (harness.req(), any(harness, SocketType::Rep));
    harness.join(&control, &remote);
    std::thread::scope(|scope| {
        let running = scope.spawn(move || {
            let options = ProxyOptions::new().control(&control);
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

fn a_socket_can_be_its_own_far_end(harness: &Harness) {
    let (echo, client) = (harness.router(), harness.dealer());
    harness.join(&echo, &client);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| proxy(&echo, &echo));
        for number in 0..10u8 {
            client.send([number]).unwrap();
            assert_eq!(client.recv().unwrap(), [number]);
        }
        harness.context.shutdown();
        assert!(running.join().unwrap().is_err());
    });
}

fn a_rep_can_be_its_own_far_end(harness: &Harness) {
    let (echo, client) = (harness.rep(), harness.req());
    harness.join(&echo, &client);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| proxy(&echo, &echo));
        for number in 0..10u8 {
            client.send([number]).unwrap();
            assert_eq!(client.recv().unwrap(), [number]);
        }
        harness.context.shutdown();
        assert!(running.join().unwrap().is_err());
    });
}

fn a_control_that_cannot_answer_is_obeyed(harness: &Harness) {
    for (commands, obeys) in
        [(SocketType::Push, SocketType::Pull), (SocketType::Pub, SocketType::Sub)]
    {
        let (front, back) = (any(harness, SocketType::Pull), any(harness, SocketType::Push));
        let (source, sink) = (harness.push(), harness.pull());
        harness.join(&front, &source);
        harness.join(&back, &sink);
        let (remote, control) = (any(harness, commands), any(harness, obeys));
        harness.join(&remote, &control);
        if obeys == SocketType::Sub {
            control.subscribe("").unwrap();
            eventually("the subscription is there", || remote.topics() == 1);
        }
        std::thread::scope(|scope| {
            let running = scope.spawn(move || {
                let options = ProxyOptions::new().control(&control);
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

fn an_answer_that_nobody_takes_holds_up_no_command(harness: &Harness) {
    let (front, back) = (any(harness, SocketType::Pull), any(harness, SocketType::Push));
    let (remote, control) = (harness.pair(), any(harness, SocketType::Pair));
    // Within a process the marks of both add up.
    remote.set_recv_hwm(1).unwrap();
    control.set_send_hwm(1).unwrap();
    harness.join(&remote, &control);
    let control = std::thread::scope(|scope| {
        let running = scope.spawn(move || {
            let options = ProxyOptions::new().control(&control);
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

fn a_full_peer_of_a_router_holds_up_no_command(harness: &Harness) {
    let (front, back) = (any(harness, SocketType::Dealer), any(harness, SocketType::Router));
    let (source, slow, idle) = (harness.dealer(), harness.dealer(), harness.dealer());
    back.set_mandatory(true).unwrap();
    back.set_send_hwm(1).unwrap();
    harness.join(&front, &source);
    for (peer, id) in [(&slow, "slow"), (&idle, "idle")] {
        peer.set_routing_id(id).unwrap();
        peer.set_recv_hwm(1).unwrap();
        harness.join(&back, peer);
    }
    std::thread::scope(|scope| {
        let (control, running) = start(harness, scope, front, back, None);
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

fn a_paused_proxy_ends_with_its_context(harness: &Harness) {
    let (front, back) = (any(harness, SocketType::Pull), any(harness, SocketType::Push));
    std::thread::scope(|scope| {
        let (control, running) = start(harness, scope, front, back, None);
        control.send("PAUSE").unwrap();
        control.send("STATISTICS").unwrap();
        assert_eq!(control.recv_multipart().unwrap().len(), 8);
        harness.context.shutdown();
        assert!(matches!(running.join().unwrap(), Err(Error::Terminated)));
    });
}

fn sockets_of_known_types_are_proxied_captured_and_steered(harness: &Harness) {
    let (front, back) = (harness.pull(), harness.push());
    let (source, sink) = (harness.push(), harness.pull());
    let (capture, spy) = (harness.push(), harness.pull());
    let (control, remote) = (harness.rep(), harness.req());
    harness.join(&front, &source);
    harness.join(&back, &sink);
    harness.join(&capture, &spy);
    harness.join(&control, &remote);
    std::thread::scope(|scope| {
        // Which of the two stands in front makes no difference.
        let running = scope.spawn(|| {
            proxy_with(&back, &front, &ProxyOptions::new().capture(&capture).control(&control))
        });
        source.send_multipart(["one", "message"]).unwrap();
        for receiver in [&sink, &spy] {
            assert_eq!(receiver.recv_multipart().unwrap(), ["one", "message"].into());
        }
        remote.send("TERMINATE").unwrap();
        assert!(remote.recv().unwrap().is_empty());
        running.join().unwrap().unwrap();
    });
}

fn two_sockets_between_which_nothing_moves_are_refused(harness: &Harness) {
    use SocketType::{Pub, Pull, Push, Sub};
    let refused = [(Pull, Pull), (Push, Push), (Sub, Pull), (Pub, Push)];
    for (front, back) in refused {
        let ended = proxy(&any(harness, front), &any(harness, back));
        assert!(matches!(ended, Err(Error::NotSupported { .. })), "{front:?} {back:?} {ended:?}");
    }
}
