//! Heartbeats between sockets: who is busy is not dead.
//!
//! A peer is busy here with what it was sent before the first PING. Where a machine is too slow for that
//! order of things, it is tried again with twice the time.

use crate::harness::{Harness, await_kind, eventually, over_wires};
use ringmq::{Monitor, MonitorEvent};
use std::time::{Duration, Instant};

over_wires![
    a_busy_puller_gets_everything_in_order,
    a_busy_subscriber_gets_everything,
    a_busy_replier_is_not_asked_twice,
];

/// Time to the first PING, on machines that are quick enough.
const INTERVAL: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_millis(10);
/// Several intervals and many time-outs; less proves less, and never fails.
const BUSY: Duration = Duration::from_millis(1500);

/// Sets the heartbeats of a socket that is going to connect.
macro_rules! beating {
    ($socket:expr, $interval:expr) => {{
        let socket = $socket;
        socket.set_heartbeat_interval($interval).unwrap();
        socket.set_heartbeat_timeout(Some(TIMEOUT)).unwrap();
        socket
    }};
}

/// Tries with longer and longer intervals, until everything was sent before the first PING.
fn in_time(attempt: impl Fn(Duration) -> bool) {
    let mut intervals = (0..7).map(|doublings| INTERVAL * (1 << doublings));
    assert!(intervals.any(attempt), "it takes forever to send a few messages");
}

/// Does nothing for several intervals.
fn be_busy(interval: Duration) {
    std::thread::sleep(BUSY.max(2 * interval));
}

#[track_caller]
fn has_held(monitor: &Monitor) {
    while let Ok(event) = monitor.try_recv() {
        assert!(!matches!(event, MonitorEvent::Disconnected { .. }), "{event:?}");
    }
}

pub(crate) fn a_busy_puller_gets_everything_in_order(harness: &Harness) {
    // What fits the kernel's buffers, and what does not.
    for (messages, size) in [(100, 10), (60, 200_000)] {
        in_time(|interval| {
            let (push, pull) = (beating!(harness.push(), interval), harness.pull());
            pull.set_recv_hwm(1).unwrap();
            let endpoint = pull.bind(&harness.anywhere()).unwrap();
            let monitor = push.monitor();
            let start = Instant::now();
            push.connect(&endpoint).unwrap();
            let body = |number: u32| [&number.to_be_bytes()[..], &vec![5; size]].concat();
            for number in 0..messages {
                push.send(body(number)).unwrap();
            }
            await_kind!(&monitor, HandshakeSucceeded);
            if start.elapsed() >= interval {
                return false;
            }
            be_busy(interval);
            has_held(&monitor);
            for number in 0..messages {
                assert!(pull.recv().unwrap() == body(number)[..], "number {number}");
            }
            true
        });
    }
}

fn a_busy_subscriber_gets_everything(harness: &Harness) {
    const MESSAGES: u32 = 3_000;
    in_time(|interval| {
        let (publisher, subscriber) =
            (beating!(harness.publisher(), interval), harness.subscriber());
        publisher.set_send_hwm(0).unwrap();
        subscriber.set_recv_hwm(10).unwrap();
        subscriber.subscribe("").unwrap();
        let endpoint = subscriber.bind(&harness.anywhere()).unwrap();
        let monitor = publisher.monitor();
        let start = Instant::now();
        publisher.connect(&endpoint).unwrap();
        eventually("the subscription arrives", || publisher.topics() == 1);
        for number in 0..MESSAGES {
            publisher.send([&number.to_be_bytes()[..], &[6; 300]].concat()).unwrap();
        }
        if start.elapsed() >= interval {
            return false;
        }
        be_busy(interval);
        has_held(&monitor);
        for number in 0..MESSAGES {
            assert_eq!(subscriber.recv().unwrap()[..4], number.to_be_bytes());
        }
        true
    });
}

fn a_busy_replier_is_not_asked_twice(harness: &Harness) {
    in_time(|interval| {
        let (dealer, router) = (beating!(harness.dealer(), interval), harness.router());
        router.set_recv_hwm(1).unwrap();
        let endpoint = router.bind(&harness.anywhere()).unwrap();
        let monitor = dealer.monitor();
        let start = Instant::now();
        dealer.connect(&endpoint).unwrap();
        (0..20u8).for_each(|number| dealer.send([number]).unwrap());
        await_kind!(&monitor, HandshakeSucceeded);
        if start.elapsed() >= interval {
            return false;
        }
        be_busy(interval);
        has_held(&monitor);
        // Not the last ones: with all of it read, there is no excuse for being slow.
        for number in 0..15 {
            let request = router.recv_multipart().unwrap();
            assert_eq!(request[1], [number]);
            router.send_multipart(request).unwrap();
            assert_eq!(dealer.recv().unwrap(), [number]);
        }
        true
    });
}
