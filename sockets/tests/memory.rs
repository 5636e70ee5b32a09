//! What a slow subscriber of a rare topic has not read takes little more memory than that, and is given
//! back when it leaves.
//!
//! All of the process's memory is counted, so this is one test, alone.

#![allow(clippy::unwrap_used)]

use ringmq::{BackendChoice, Context, Sub, XPub};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// So many quick subscribers of everything make a publisher encode a message once for all.
const QUICK: usize = 5;
/// Messages of the rare topic, two at a time, and what is between them.
const RARE: usize = 400;
const BETWEEN: usize = 64;
const BODY: usize = 1024;
/// The process may hold so much beside what is queued: a block or two for each connection, a pool.
const BESIDE: usize = 4 << 20;

fn held() -> usize {
    dhat::HeapStats::get().curr_bytes
}

fn body(topic: &[u8]) -> Vec<u8> {
    let mut body = topic.to_vec();
    body.resize(BODY, b'.');
    body
}

fn subscriber(context: &Context, publisher: &XPub, endpoint: &str, topic: &str) -> Sub {
    let subscriber = context.subscriber().unwrap();
    subscriber.set_recv_timeout(Some(PATIENCE)).unwrap();
    if topic == "rare" {
        // What it does not read stays with the publisher, as far as buffers of the kernel let it.
        subscriber.set_recv_hwm(1).unwrap();
        subscriber.set_recv_buffer(Some(4096)).unwrap();
    }
    subscriber.subscribe(topic).unwrap();
    subscriber.connect(endpoint).unwrap();
    // All topics are told, the same ones again too.
    publisher.recv().unwrap();
    subscriber
}

fn unread(context: &Context, endpoint: &str) {
    let publisher = context.xpub().unwrap();
    publisher.set_verbose(true).unwrap();
    publisher.set_recv_timeout(Some(PATIENCE)).unwrap();
    publisher.set_send_buffer(Some(4096)).unwrap();
    publisher.set_send_hwm(0).unwrap();
    let endpoint = publisher.bind(endpoint).unwrap();
    let quick: Vec<Sub> =
        (0..QUICK).map(|_| subscriber(context, &publisher, &endpoint, "")).collect();
    let slow = subscriber(context, &publisher, &endpoint, "rare");
    let (frequent, rare) = (body(b"frequent"), body(b"rare"));
    let before = held();
    for _ in 0..RARE / 2 {
        (0..BETWEEN).for_each(|_| publisher.send(&frequent[..]).unwrap());
        (0..2).for_each(|_| publisher.send(&rare[..]).unwrap());
        for subscriber in &quick {
            (0..BETWEEN + 2).for_each(|_| assert_eq!(subscriber.recv().unwrap().len(), BODY));
        }
    }
    let more = held().saturating_sub(before);
    assert!(more < 2 * RARE * BODY + BESIDE, "{} KiB for what is unread", more >> 10);
    assert_eq!(slow.recv().unwrap(), rare[..]);
    drop(slow);
    let start = Instant::now();
    while held().saturating_sub(before) > BESIDE {
        assert!(start.elapsed() < PATIENCE, "{} KiB stay", held().saturating_sub(before) >> 10);
        std::thread::yield_now();
    }
}

#[test]
fn what_a_slow_subscriber_of_a_rare_topic_has_not_read_takes_little_memory() {
    let _profiler = dhat::Profiler::builder().testing().build();
    for backend in [BackendChoice::Mio, BackendChoice::Uring] {
        if backend == BackendChoice::Uring
            && let Err(reason) = Context::uring_available()
        {
            eprintln!("SKIPPED: no io_uring here: {reason}");
            continue;
        }
        for endpoint in ["tcp://127.0.0.1:*", "inproc://memory"] {
            eprintln!("{backend:?}, {endpoint}");
            let context = Context::builder().backend(backend).build().unwrap();
            unread(&context, endpoint);
        }
    }
}
