//! When a publisher looks for subscriptions, and when it is told.
#![allow(clippy::unwrap_used)]

use super::*;
use ringmq_engine::PipeEnd;
use ringmq_pipe::{Capacity, Notify, pipe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    let (mut publisher, mut pipes) = (Publish::new(false), Pipes::new(None));
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
