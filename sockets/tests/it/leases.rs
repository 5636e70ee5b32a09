//! Who does the I/O: the thread that sends or waits, or the I/O thread, changing hands at any time
//! without anything being lost or forgotten.

use crate::harness::{Harness, PATIENCE, await_peers, eventually, over_wires};
use crate::raw::{Wire, frame, hello};
use ringmq::{Context, Error, Interest, Poller, Spin};
use std::time::{Duration, Instant};

over_wires![
    bursts_and_pauses_lose_nothing,
    streams_of_every_size_arrive_whole,
    a_receiver_that_turns_away_is_read_for,
    every_way_to_spin_brings_the_messages,
    threads_that_wait_for_one_socket_all_get_some,
    a_poll_after_a_receive_hears_of_messages,
    a_future_after_a_receive_is_woken,
    a_try_after_a_receive_finds_the_message,
    a_thread_that_waits_hears_of_the_end,
    a_peer_that_leaves_is_noticed_by_a_thread_that_waits,
    connections_come_and_go_under_a_thread_that_waits,
    heartbeats_go_on_while_the_application_is_elsewhere,
];

/// Numbers for a test that should differ within a run and not between runs.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn busy(duration: Duration) {
    let start = Instant::now();
    while start.elapsed() < duration {
        std::hint::spin_loop();
    }
}

fn bursts_and_pauses_lose_nothing(harness: &Harness) {
    const MESSAGES: u32 = 200_000;
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let sender = std::thread::spawn(move || {
        let mut dice = Dice(1);
        let mut sent = 0u32;
        while sent < MESSAGES {
            let burst = match dice.roll(4) {
                0 => 1,
                1 => dice.roll(8),
                2 => dice.roll(300),
                _ => dice.roll(5000),
            };
            for _ in 0..burst.min(u64::from(MESSAGES - sent)) {
                push.send(sent.to_be_bytes()).unwrap();
                sent += 1;
            }
            match dice.roll(4) {
                0 => {}
                1 => busy(Duration::from_micros(dice.roll(40))),
                2 => std::thread::yield_now(),
                _ => std::thread::sleep(Duration::from_micros(dice.roll(300))),
            }
        }
        push
    });
    for number in 0..MESSAGES {
        assert_eq!(pull.recv().unwrap(), number.to_be_bytes());
    }
    sender.join().unwrap();
}

/// A body that tells from which message it is.
fn body(number: u32, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u32).wrapping_mul(31).wrapping_add(number) as u8).collect()
}

fn streams_of_every_size_arrive_whole(harness: &Harness) {
    // Streams of one kind, so that each way of reading is settled on, then everything mixed.
    const STREAMS: [(u32, &[usize]); 7] = [
        (20_000, &[64]),
        (5_000, &[300, 0, 1, 255, 256]),
        (3_000, &[1024]),
        (1_500, &[8192]),
        (1_000, &[8193, 4000]),
        (300, &[65_536]),
        (600, &[5, 70_000, 62, 63, 8191, 300_000, 8192, 8193, 20_000]),
    ];
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let sender = std::thread::spawn(move || {
        for (count, lens) in STREAMS {
            for number in 0..count {
                let len = lens[number as usize % lens.len()];
                if number % 5 == 0 {
                    push.send_multipart([body(number, len), body(number + 1, 3)]).unwrap();
                } else {
                    push.send(body(number, len)).unwrap();
                }
            }
        }
        push
    });
    for (count, lens) in STREAMS {
        for number in 0..count {
            let len = lens[number as usize % lens.len()];
            let message = pull.recv_multipart().unwrap();
            let frames: Vec<_> = message.into_iter().collect();
            assert_eq!(
                frames.len(),
                if number % 5 == 0 { 2 } else { 1 },
                "number {number} of {lens:?}"
            );
            assert!(frames[0] == body(number, len)[..], "number {number} of {lens:?}");
            assert!(frames.get(1).is_none_or(|frame| *frame == body(number + 1, 3)[..]));
        }
    }
    sender.join().unwrap();
}

fn a_receiver_that_turns_away_is_read_for(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(10).unwrap();
    pull.set_recv_hwm(1000).unwrap();
    harness.join(&pull, &push);
    push.send("one").unwrap();
    assert_eq!(pull.recv().unwrap(), "one");
    // It has the connection on lease now, and does not look at it. More than the kernel's buffers and
    // the sender's mark hold can be sent all the same.
    let body = vec![7; 20_000];
    for _ in 0..900 {
        push.send(&body[..]).unwrap();
    }
    for _ in 0..900 {
        assert_eq!(pull.recv().unwrap(), body[..]);
    }
}

fn every_way_to_spin_brings_the_messages(harness: &Harness) {
    for spin in [Spin::Adaptive, Spin::Fixed(Duration::from_micros(200)), Spin::Off] {
        let (req, rep) = (harness.req(), harness.rep());
        req.set_spin(spin).unwrap();
        rep.set_spin(spin).unwrap();
        harness.join(&rep, &req);
        let server = std::thread::spawn(move || {
            for _ in 0..1000 {
                let request = rep.recv().unwrap();
                rep.send(request).unwrap();
            }
            rep
        });
        for number in 0..1000u32 {
            req.send(number.to_be_bytes()).unwrap();
            assert_eq!(req.recv().unwrap(), number.to_be_bytes());
        }
        server.join().unwrap();
    }
}

fn threads_that_wait_for_one_socket_all_get_some(harness: &Harness) {
    const EACH: usize = 50;
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..EACH).for_each(|_| drop(pull.recv().unwrap()))))
            .collect();
        for number in 0..4 * EACH {
            push.send("for somebody").unwrap();
            if number % 7 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        waiting.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A connected pair that the receiver has read by itself.
fn leased(harness: &Harness) -> (ringmq::Push, ringmq::Pull) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    for _ in 0..3 {
        push.send("first").unwrap();
        assert_eq!(pull.recv().unwrap(), "first");
    }
    (push, pull)
}

fn a_poll_after_a_receive_hears_of_messages(harness: &Harness) {
    let (push, pull) = leased(harness);
    let poller = Poller::new();
    poller.add(&pull, Interest::READABLE);
    assert!(poller.wait(Some(Duration::ZERO)).unwrap().is_empty());
    let sender = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        push.send("second").unwrap();
        push
    });
    assert_eq!(poller.wait(Some(PATIENCE)).unwrap().len(), 1);
    assert_eq!(pull.try_recv().unwrap(), "second");
    sender.join().unwrap();
}

fn a_future_after_a_receive_is_woken(harness: &Harness) {
    let (push, pull) = leased(harness);
    let sender = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        push.send("second").unwrap();
        push
    });
    assert_eq!(futures_lite::future::block_on(pull.recv_async()).unwrap(), "second");
    sender.join().unwrap();
}

fn a_try_after_a_receive_finds_the_message(harness: &Harness) {
    let (push, pull) = leased(harness);
    for _ in 0..100 {
        push.send("second").unwrap();
        eventually("it is there", || pull.try_recv().is_ok());
    }
}

fn a_thread_that_waits_hears_of_the_end(harness: &Harness) {
    let context = Context::builder().backend(harness.backend).build().unwrap();
    let pull = context.pull().unwrap();
    let push = harness.push();
    push.connect(&pull.bind(&harness.anywhere()).unwrap()).unwrap();
    push.send("first").unwrap();
    assert_eq!(pull.recv().unwrap(), "first");
    let waiting = std::thread::spawn(move || pull.recv());
    std::thread::sleep(Duration::from_millis(20));
    context.shutdown();
    assert!(matches!(waiting.join().unwrap(), Err(Error::Terminated)));
}

fn a_peer_that_leaves_is_noticed_by_a_thread_that_waits(harness: &Harness) {
    let pull = harness.pull();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let first = harness.push();
    first.connect(&endpoint).unwrap();
    first.send("first").unwrap();
    assert_eq!(pull.recv().unwrap(), "first");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pull.recv().unwrap());
        std::thread::sleep(Duration::from_millis(20));
        drop(first);
        eventually("it is gone", || pull.stats().is_empty());
        let second = harness.push();
        second.connect(&endpoint).unwrap();
        second.send("second").unwrap();
        assert_eq!(waiting.join().unwrap(), "second");
    });
}

fn connections_come_and_go_under_a_thread_that_waits(harness: &Harness) {
    const ROUNDS: usize = 12;
    let pull = harness.pull();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    std::thread::scope(|scope| {
        // One, a few, and more than a thread reads by itself.
        let expected: usize = (1..=ROUNDS).sum();
        let pull = &pull;
        let waiting = scope.spawn(move || {
            for _ in 0..expected {
                assert_eq!(pull.recv().unwrap(), "here");
            }
        });
        for count in 1..=ROUNDS {
            let pushes: Vec<_> = (0..count).map(|_| harness.push()).collect();
            for push in &pushes {
                push.connect(&endpoint).unwrap();
                await_peers(push, 1);
                push.set_linger(None).unwrap();
                push.send("here").unwrap();
            }
        }
        waiting.join().unwrap();
    });
    eventually("they are all gone", || pull.stats().is_empty());
}

fn heartbeats_go_on_while_the_application_is_elsewhere(harness: &Harness) {
    let rep = harness.rep();
    rep.set_heartbeat_interval(Duration::from_millis(20)).unwrap();
    rep.set_heartbeat_timeout(Some(PATIENCE)).unwrap();
    let Some(mut req) = Wire::connect(&rep.bind(&harness.anywhere()).unwrap()) else {
        return eprintln!("SKIPPED: no Unix sockets in the standard library here");
    };
    req.write(&hello("REQ"));
    for _ in 0..3 {
        req.write(&[frame(1, b""), frame(0, b"request")].concat());
        assert_eq!(rep.recv().unwrap(), "request");
        rep.send("reply").unwrap();
        req.read_past(b"reply");
        // The thread has the connection on lease, and does not look at it.
        for _ in 0..3 {
            req.read_past(b"\x04PING");
            req.write(&frame(4, b"\x04PONG"));
            req.write(&frame(4, b"\x04PING\0\0abc"));
            req.read_past(b"\x04PONGabc");
        }
    }
}
