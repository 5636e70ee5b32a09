//! Waiting, and being woken.
#![allow(clippy::unwrap_used)]

use crate::common::{DEADLINE, on_each_backend};
use crate::harness::{Harness, What, pair};
use ringmq_engine::backend::Receive;
use ringmq_engine::{BackendKind, Token};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn a_wait_ends_when_its_time_is_up(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let mut events = Vec::new();
    // Whatever the backend has to do first is done.
    harness.backend.poll(Some(Duration::ZERO), &mut events).unwrap();
    for millis in [1, 20] {
        let timeout = Duration::from_millis(millis);
        let start = Instant::now();
        harness.backend.poll(Some(timeout), &mut events).unwrap();
        assert!(start.elapsed() >= timeout.mul_f32(0.9), "{:?}", start.elapsed());
        assert!(events.is_empty());
    }
}

fn another_thread_ends_a_wait_without_end(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let waker = harness.backend.waker();
    for _ in 0..50 {
        let waker = waker.clone();
        let woken = std::thread::spawn(move || waker.wake());
        let mut events = Vec::new();
        harness.backend.poll(None, &mut events).unwrap();
        woken.join().unwrap();
        assert!(events.is_empty());
        // If it came in two rounds, the next wait takes what is left of it.
        harness.backend.poll(Some(Duration::ZERO), &mut events).unwrap();
    }
}

fn a_wake_is_not_lost_before_the_wait(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let waker = harness.backend.waker();
    for wakes in [1, 2, 1000] {
        (0..wakes).for_each(|_| waker.wake());
        let mut events = Vec::new();
        harness.backend.poll(None, &mut events).unwrap();
    }
}

/// Wakes and bytes come together: neither hides the other.
fn a_wake_hides_no_event(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    harness.backend.receive(token, &near, Receive::Stream);
    let waker = harness.backend.waker();
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let pest = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            waker.wake();
            std::thread::yield_now();
        }
    });
    for round in 0..500u32 {
        far.write_all(&round.to_be_bytes()).unwrap();
        assert_eq!(harness.received(token, 4), round.to_be_bytes());
    }
    stop.store(true, Ordering::Relaxed);
    pest.join().unwrap();
}

fn a_wait_without_end_ends_with_an_event(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    harness.backend.receive(token, &near, Receive::Once);
    let writer = std::thread::spawn(move || far.write_all(b"x").map(|()| far).unwrap());
    let mut events = Vec::new();
    let deadline = Instant::now() + DEADLINE;
    while events.is_empty() {
        assert!(Instant::now() < deadline);
        harness.backend.poll(None, &mut events).unwrap();
    }
    drop(writer.join().unwrap());
    assert!(matches!(harness.next_or(&mut events), What::Received(bytes) if bytes == b"x"));
}

on_each_backend!(
    a_wait_ends_when_its_time_is_up,
    another_thread_ends_a_wait_without_end,
    a_wake_is_not_lost_before_the_wait,
    a_wake_hides_no_event,
    a_wait_without_end_ends_with_an_event,
);
