//! When a publisher looks for subscriptions, and when it is told.
#![allow(clippy::unwrap_used)]

use super::*;
use ringmq_engine::PipeEnd;
use ringmq_pipe::{Capacity, Notify, pipe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Counts what it is told.
#[derive(Default)]
struct Told(AtomicUsize);

impl Notify for Told {
    fn readable(&self, _: usize) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn writable(&self, _: usize) {}
}

fn subscribe(far: &mut PipeEnd, topic: &str) {
    let mut frame = Message::from(["\x01", topic].concat().as_str());
    frame.set_flags(0);
    far.tx.write(&mut frame).unwrap();
}

fn publish(publisher: &mut Publish, pipes: &mut Pipes, topic: &str) {
    publisher.send(pipes, &mut Outgoing::Copied(topic.as_bytes())).unwrap();
}

/// Whether the subscriber has something.
fn hears(far: &mut PipeEnd) -> bool {
    far.rx.read().is_some()
}

#[test]
fn one_that_hears_nothing_for_long_is_told_instead_of_looking() {
    let (mut publisher, mut pipes) = (Publish::new(false, Vocabulary::Topics), Pipes::new(None));
    let (near, mut far) = pipe(Capacity::Messages(0), Capacity::Messages(0));
    let told = Arc::new(Told::default());
    let key = pipes.insert(Pipe::new(near, 1, false));
    let notify: Arc<dyn Notify> = told.clone();
    pipes.get_mut(key).unwrap().end.install(&notify, key);
    subscribe(&mut far, "a");
    publisher.readable(&mut pipes, key);
    for round in 0..3 {
        // Awake, it finds what comes without a word from anybody.
        let (first, second) = (format!("{round}, first"), format!("{round}, second"));
        subscribe(&mut far, &first);
        publish(&mut publisher, &mut pipes, &first);
        assert!(hears(&mut far));
        assert_eq!(told.0.load(Ordering::Relaxed), round);
        for _ in 0..QUIET {
            assert!(!publisher.queue.is_asleep());
            publish(&mut publisher, &mut pipes, "nobody's");
        }
        assert!(publisher.queue.is_asleep(), "it still looks at each send");
        // Asleep, it is told.
        subscribe(&mut far, &second);
        assert_eq!(told.0.load(Ordering::Relaxed), round + 1);
        publisher.readable(&mut pipes, key);
        publish(&mut publisher, &mut pipes, &second);
        assert!(hears(&mut far));
        assert!(!hears(&mut far));
    }
}

/// An XPUB with the far ends of its pipes, which have room for anything, and take no time that counts.
fn heard(peers: usize) -> (Publish, Pipes, Vec<PipeEnd>) {
    let (mut publisher, mut pipes) = (Publish::new(true, Vocabulary::Topics), Pipes::new(None));
    let far = (0..peers).map(|_| {
        let (near, far) = pipe(Capacity::Messages(0), Capacity::Messages(0));
        let key = pipes.insert(Pipe::new(near, 1, true));
        publisher.readable(&mut pipes, key);
        far
    });
    let far = far.collect();
    (publisher, pipes, far)
}

/// What the application receives, all of it.
fn received(publisher: &mut Publish, pipes: &mut Pipes) -> Vec<Message> {
    let mut all = Vec::new();
    let mut message = Message::new();
    while publisher.recv(pipes, &mut message).is_ok() {
        all.push(std::mem::take(&mut message));
    }
    all
}

#[test]
fn of_a_peer_that_goes_every_topic_is_cancelled_however_many_those_are() {
    let (mut publisher, mut pipes, mut far) = heard(1);
    let topics = KEPT_UNREAD + 1000;
    for topic in 0..topics {
        subscribe(&mut far[0], &topic.to_string());
    }
    assert_eq!(received(&mut publisher, &mut pipes).len(), topics);
    let key = pipes.keys()[0];
    publisher.detach(&mut pipes, key);
    let gone = received(&mut publisher, &mut pipes);
    assert_eq!(gone.len(), topics);
    assert!(gone.iter().all(|word| word[0] == 0));
    assert_eq!(publisher.incoming_bytes, 0);
}

#[test]
fn words_of_long_topics_that_nobody_receives_are_not_all_kept() {
    let (mut publisher, mut pipes, mut far) = heard(1);
    let topic = "long".repeat(1 << 18);
    for _ in 0..2 * (KEPT_BYTES >> 20) {
        // As often as it likes: it has one at a time.
        subscribe(&mut far[0], &topic);
        let mut cancel = Message::from(["\0", &topic].concat().as_str());
        far[0].tx.write(&mut cancel).unwrap();
        publish(&mut publisher, &mut pipes, "to whom it may concern");
    }
    assert!(publisher.incoming_bytes <= KEPT_BYTES + topic.len() + 1);
    let kept: usize = received(&mut publisher, &mut pipes).iter().map(|word| word.len()).sum();
    assert!(kept >= KEPT_BYTES, "so much is kept");
    assert!(kept <= KEPT_BYTES + topic.len() + 1, "{kept}");
}

/// An allowance of which nothing is left, for as long as a test may take.
fn spent() -> Allowance {
    Allowance::owing(Duration::from_secs(3600))
}

#[test]
fn who_has_spent_its_share_of_time_on_subscriptions_sends_without_and_waits_with_them() {
    let (mut publisher, mut pipes) = (Publish::new(true, Vocabulary::Topics), Pipes::new(None));
    let (near, mut far) = pipe(Capacity::Messages(0), Capacity::Messages(0));
    let key = pipes.insert(Pipe::new(near, 1, false));
    publisher.readable(&mut pipes, key);
    publisher.allowance = spent();
    subscribe(&mut far, "a");
    for _ in 0..2 * QUIET {
        publish(&mut publisher, &mut pipes, "a");
        assert!(!hears(&mut far));
        assert!(!publisher.can_recv(&mut pipes));
        assert!(!publisher.queue.is_asleep(), "nobody would tell it of what it has left");
    }
    assert!(publisher.settle(&mut pipes), "it would sleep with something to receive");
    assert_eq!(received(&mut publisher, &mut pipes), ["\u{1}a"]);
    publish(&mut publisher, &mut pipes, "a");
    assert!(hears(&mut far));
    // The share grows, and with it what is heeded in passing.
    subscribe(&mut far, "b");
    publish(&mut publisher, &mut pipes, "b");
    assert!(!hears(&mut far));
    publisher.allowance = Allowance::FULL;
    publish(&mut publisher, &mut pipes, "b");
    assert!(hears(&mut far));
}

#[test]
fn what_peers_of_the_same_process_want_costs_nothing() {
    let (mut publisher, mut pipes, mut far) = heard(1);
    for topic in 0..1000 {
        subscribe(&mut far[0], &topic.to_string());
    }
    publish(&mut publisher, &mut pipes, "999");
    assert!(hears(&mut far[0]));
    assert!(publisher.allowance.is_full());
}

#[test]
fn duplicates_without_end_are_looked_at_a_portion_at_a_time() {
    let (mut publisher, mut pipes) = (Publish::new(true, Vocabulary::Topics), Pipes::new(None));
    let (near, mut far) = pipe(Capacity::Messages(0), Capacity::Messages(0));
    let key = pipes.insert(Pipe::new(near, 1, false));
    publisher.readable(&mut pipes, key);
    for _ in 0..100_000 {
        subscribe(&mut far, "a");
    }
    subscribe(&mut far, "b");
    publisher.allowance = spent();
    assert!(publisher.settle(&mut pipes));
    assert_eq!(received(&mut publisher, &mut pipes), ["\u{1}a"]);
    let mut portions = 1;
    while publisher.settle(&mut pipes) && publisher.incoming.is_empty() {
        portions += 1;
    }
    assert!((20..30).contains(&portions), "{portions}");
    assert_eq!(received(&mut publisher, &mut pipes), ["\u{1}b"]);
    assert!(!publisher.settle(&mut pipes));
}
