//! Bytes that wait to be received: a peer, and all of them together, may have so many and no more, and whoever
//! receives gets all of it however it waits.

use crate::harness::{Harness, await_event, eventually, over_wires, patient, within_process};
use crate::raw::{Wire, hello, long_header};
use futures_lite::future::block_on;
use ringmq::{
    Context, Error, Interest, Message, Monitor, MonitorEvent, PeerLimit, Poller, Pull, Push,
};
use std::thread::JoinHandle;

over_wires![
    a_flood_is_bounded_and_arrives_in_order,
    one_that_waits_blocking_gets_all,
    one_that_polls_gets_all,
    a_task_gets_all,
    one_that_only_tries_gets_all,
    a_flooded_socket_hears_its_other_peers,
    a_full_context_turns_away_who_sends_the_largest,
    a_mark_may_change_under_a_flood,
    what_is_closed_is_not_counted,
    a_limit_of_none_is_none,
];

within_process![what_comes_from_within_the_process_is_not_counted];

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// What may be counted beside the limit: a step, and what was received at once.
const BESIDE: u64 = 512 * KIB as u64;

/// A message that says its number.
fn body(number: usize, len: usize) -> Vec<u8> {
    let mut body = vec![number as u8; len];
    body[..8].copy_from_slice(&(number as u64).to_le_bytes());
    body
}

/// A socket with a limit of bytes and none of messages, in a context of its own.
fn flooded(harness: &Harness, bytes: usize) -> (Context, Pull) {
    let context = Context::builder().backend(harness.backend).build().unwrap();
    let pull = patient(context.pull().unwrap());
    pull.set_max_waiting_bytes(Some(bytes as u64)).unwrap();
    pull.set_recv_hwm(0).unwrap();
    (context, pull)
}

/// Sends so many messages on a thread of its own, however long that takes.
fn flood(harness: &Harness, endpoint: &str, count: usize, len: usize) -> JoinHandle<Push> {
    let push = harness.push();
    push.set_send_hwm(10).unwrap();
    push.connect(endpoint).unwrap();
    std::thread::spawn(move || {
        (0..count).for_each(|number| push.send(body(number, len)).unwrap());
        push
    })
}

fn is_bounded(context: &Context, limit: usize) {
    let now = context.waiting_bytes();
    assert!(now <= limit as u64 + BESIDE, "{now} of {limit}");
}

/// The bytes of a process that are in memory.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

fn a_flood_is_bounded_and_arrives_in_order(harness: &Harness) {
    const LIMIT: usize = 8 * MIB;
    for len in [64 * KIB, 4 * KIB] {
        let count = 200 * MIB / len;
        let (context, pull) = flooded(harness, LIMIT);
        let endpoint = pull.bind(&harness.anywhere()).unwrap();
        #[cfg(target_os = "linux")]
        let before = resident();
        let sender = flood(harness, &endpoint, count, len);
        eventually("it is full", || context.waiting_bytes() >= LIMIT as u64);
        for number in 0..count {
            assert!(pull.recv().unwrap() == body(number, len), "{number}");
            if number % 64 == 0 {
                is_bounded(&context, LIMIT);
                #[cfg(target_os = "linux")]
                {
                    let more = resident().saturating_sub(before);
                    assert!(more < 5 * LIMIT, "{more} bytes more in memory");
                }
            }
        }
        let _push = sender.join().unwrap();
        assert!(pull.try_recv().unwrap_err().is_would_block());
        assert_eq!(context.waiting_bytes(), 0);
    }
}

/// Lets a flood come to the limit over and over again, and takes it with `take`, which is told how many.
fn all_is_taken(harness: &Harness, mut take: impl FnMut(&Pull, usize, &mut dyn FnMut(Message))) {
    const LIMIT: usize = MIB;
    const COUNT: usize = 300;
    for len in [10 * KIB, 100 * KIB, 3 * MIB / 2] {
        let count = if len > MIB { COUNT / 10 } else { COUNT };
        let (context, pull) = flooded(harness, LIMIT);
        let endpoint = pull.bind(&harness.anywhere()).unwrap();
        let sender = flood(harness, &endpoint, count, len);
        let mut number = 0;
        let mut got = |message: Message| {
            assert!(message == body(number, len), "{number} of {len}");
            number += 1;
        };
        // Now and then it gets full, and then it is drained to the last.
        let part = count / 3;
        for _ in 0..3 {
            let enough = LIMIT.min(part * len / 2) as u64;
            eventually("much waits", || context.waiting_bytes() >= enough / 2);
            take(&pull, part, &mut got);
            is_bounded(&context, LIMIT.max(2 * len));
        }
        assert_eq!(number, count);
        let _push = sender.join().unwrap();
        assert!(pull.try_recv().unwrap_err().is_would_block());
        assert_eq!(context.waiting_bytes(), 0);
    }
}

fn one_that_waits_blocking_gets_all(harness: &Harness) {
    all_is_taken(harness, |pull, count, got| {
        (0..count).for_each(|_| got(pull.recv().unwrap()));
    });
}

fn one_that_polls_gets_all(harness: &Harness) {
    all_is_taken(harness, |pull, count, got| {
        let poller = Poller::new();
        poller.add(pull, Interest::READABLE);
        for _ in 0..count {
            assert!(!poller.wait(Some(crate::harness::PATIENCE)).unwrap().is_empty());
            got(pull.try_recv().unwrap());
        }
    });
}

fn a_task_gets_all(harness: &Harness) {
    all_is_taken(harness, |pull, count, got| {
        block_on(async {
            for _ in 0..count {
                got(pull.recv_async().await.unwrap());
            }
        });
    });
}

fn one_that_only_tries_gets_all(harness: &Harness) {
    all_is_taken(harness, |pull, count, got| {
        for _ in 0..count {
            eventually("the next one", || match pull.try_recv() {
                Ok(message) => {
                    got(message);
                    true
                }
                Err(Error::WouldBlock) => false,
                Err(error) => panic!("{error}"),
            });
        }
    });
}

/// One peer is held at the limit as its messages are not taken; another one is heard all the while.
fn a_flooded_socket_hears_its_other_peers(harness: &Harness) {
    const LIMIT: usize = 2 * MIB;
    let context = Context::builder().backend(harness.backend).build().unwrap();
    let router = patient(context.router().unwrap());
    router.set_max_waiting_bytes(Some(LIMIT as u64)).unwrap();
    router.set_recv_hwm(0).unwrap();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    let (flooding, good) = (harness.dealer(), harness.dealer());
    flooding.connect(&endpoint).unwrap();
    good.connect(&endpoint).unwrap();
    let sender = std::thread::spawn(move || {
        (0..2000).for_each(|number| flooding.send(body(number, 10_000)).unwrap());
        flooding
    });
    eventually("it is full", || context.waiting_bytes() >= LIMIT as u64);
    // What the good one says is behind at most one message of the other's.
    let mut flooded = 0;
    for number in 0..100u32 {
        good.send(number.to_le_bytes()).unwrap();
        loop {
            let [_, message]: [Message; 2] = router.recv_multipart().unwrap().try_into().unwrap();
            if message.len() == 4 {
                assert_eq!(message, number.to_le_bytes());
                break;
            }
            assert!(message == body(flooded, 10_000));
            flooded += 1;
        }
        is_bounded(&context, LIMIT);
    }
    for number in flooded..2000 {
        let [_, message]: [Message; 2] = router.recv_multipart().unwrap().try_into().unwrap();
        assert!(message == body(number, 10_000));
    }
    drop(sender.join().unwrap());
}

fn refused(monitor: &Monitor) -> PeerLimit {
    await_event(monitor, |event| match event {
        MonitorEvent::Refused { limit, .. } => Some(*limit),
        _ => None,
    })
}

/// Several peers in the midst of messages that never end fill a context: they go, one after another, and those who
/// say little are heard.
fn a_full_context_turns_away_who_sends_the_largest(harness: &Harness) {
    const LIMIT: usize = 16 * MIB;
    let builder = Context::builder().backend(harness.backend);
    let context = builder.max_waiting_bytes(Some(LIMIT as u64)).build().unwrap();
    let pull = patient(context.pull().unwrap());
    let monitor = pull.monitor();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let good = harness.push();
    good.connect(&endpoint).unwrap();
    let mut floods = Vec::new();
    for _ in 0..4 {
        let Some(mut wire) = Wire::connect(&endpoint) else { return };
        floods.push(std::thread::spawn(move || {
            wire.write(&hello("PUSH"));
            let part = vec![7; 64 * KIB];
            let mut goes_on = wire.try_write(&long_header(1 << 40));
            while goes_on {
                goes_on = wire.try_write(&part);
            }
        }));
    }
    for number in 0..500usize {
        good.send(body(number, 100)).unwrap();
        assert!(pull.recv().unwrap() == body(number, 100));
        // Each of them a step beyond it.
        is_bounded(&context, LIMIT + 4 * MIB);
    }
    floods.into_iter().for_each(|flood| flood.join().unwrap());
    for _ in 0..4 {
        assert_eq!(refused(&monitor), PeerLimit::ContextBytes);
    }
    assert_eq!(pull.totals().refused, 4);
    eventually("nothing waits", || context.waiting_bytes() == 0);
    good.send("still").unwrap();
    assert_eq!(pull.recv().unwrap(), "still");
}

fn a_mark_may_change_under_a_flood(harness: &Harness) {
    let (context, pull) = flooded(harness, MIB);
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let sender = flood(harness, &endpoint, 1000, 10_000);
    eventually("it is full", || context.waiting_bytes() >= MIB as u64);
    for (round, mark) in [1000, 3, 0, 100, 1].into_iter().enumerate() {
        pull.set_recv_hwm(mark).unwrap();
        for number in 0..200 {
            assert!(pull.recv().unwrap() == body(200 * round + number, 10_000));
        }
        is_bounded(&context, MIB);
    }
    drop(sender.join().unwrap());
}

fn what_is_closed_is_not_counted(harness: &Harness) {
    let (context, pull) = flooded(harness, MIB);
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let push = harness.push();
    push.connect(&endpoint).unwrap();
    for number in 0..500 {
        if push.try_send(body(number, 10_000)).is_err() {
            break;
        }
    }
    eventually("much waits", || context.waiting_bytes() >= MIB as u64);
    drop(pull);
    eventually("nothing is counted", || context.waiting_bytes() == 0);
}

fn a_limit_of_none_is_none(harness: &Harness) {
    let builder = Context::builder().backend(harness.backend).max_waiting_bytes(None);
    let context = builder.build().unwrap();
    let pull = patient(context.pull().unwrap());
    pull.set_max_waiting_bytes(None).unwrap();
    pull.set_recv_hwm(0).unwrap();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let sender = flood(harness, &endpoint, 300, 100_000);
    let _push = sender.join().unwrap();
    eventually("most of it is here", || context.waiting_bytes() >= 20_000_000);
    (0..300).for_each(|number| assert!(pull.recv().unwrap() == body(number, 100_000)));
    assert!(pull.try_recv().unwrap_err().is_would_block());
    assert_eq!(context.waiting_bytes(), 0);
}

fn what_comes_from_within_the_process_is_not_counted(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    pull.set_max_waiting_bytes(Some(1000)).unwrap();
    harness.join(&pull, &push);
    (0..100).for_each(|number| push.try_send(body(number, 100_000)).unwrap());
    assert_eq!(harness.context.waiting_bytes(), 0);
    assert_eq!(pull.totals().waiting, 100);
}
