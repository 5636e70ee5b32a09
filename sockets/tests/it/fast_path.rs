//! With one peer, messages take the fast path from the socket to the pipe: and yet nothing is
//! different from what it is with several.

use crate::harness::{GLANCE, Harness, PATIENCE, await_peers, everywhere};
use ringmq::{Error, Message, Pull, Push};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

everywhere![
    a_second_puller_gets_its_turns,
    a_second_pusher_is_heard,
    a_message_begun_goes_on,
    a_subscriber_that_cancels_in_a_message_gets_the_rest_of_it,
    receiving_into_a_message_replaces_it,
    what_is_looked_at_is_taken,
    a_look_that_panics_takes_one_frame,
    a_closed_context_is_noticed,
];

/// So many that the thread owns its sockets' locks, and more.
const MANY: u32 = 200;

/// Sends and receives enough for both to take the fast path.
fn warm_up(push: &Push, pull: &Pull) {
    for number in 0..MANY {
        push.send(number.to_be_bytes()).unwrap();
        assert_eq!(pull.recv().unwrap(), number.to_be_bytes());
    }
}

fn a_second_puller_gets_its_turns(harness: &Harness) {
    let (push, first, second) = (harness.push(), harness.pull(), harness.pull());
    let endpoint = harness.join(&push, &first);
    warm_up(&push, &first);
    second.connect(&endpoint).unwrap();
    await_peers(&push, 2);
    (0..20u8).for_each(|number| push.send([number]).unwrap());
    for pull in [&first, &second] {
        let got: Vec<u8> = (0..10).map(|_| pull.recv().unwrap()[0]).collect();
        assert!(got.windows(2).all(|two| two[1] == two[0] + 2), "every second: {got:?}");
    }
}

fn a_second_pusher_is_heard(harness: &Harness) {
    let (first, second, pull) = (harness.push(), harness.push(), harness.pull());
    let endpoint = harness.join(&pull, &first);
    warm_up(&first, &pull);
    second.connect(&endpoint).unwrap();
    second.send("new").unwrap();
    // Without a pause: this thread is never in want of a message.
    let start = Instant::now();
    let heard = || {
        first.send("old").unwrap();
        pull.recv().unwrap() == "new"
    };
    while !heard() {
        assert!(start.elapsed() < PATIENCE, "the second one is never heard");
    }
}

fn a_message_begun_goes_on(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    warm_up(&push, &pull);
    for _ in 0..3 {
        let mut begin = Message::from("begin");
        begin.set_more(true);
        push.send(begin).unwrap();
        push.send("end").unwrap();
        push.send("alone").unwrap();
        assert_eq!(pull.recv_multipart().unwrap(), ["begin", "end"].into());
        assert_eq!(pull.recv_multipart().unwrap(), "alone".into());
    }
}

fn a_subscriber_that_cancels_in_a_message_gets_the_rest_of_it(harness: &Harness) {
    let (publisher, subscriber) = (harness.xpub(), harness.subscriber());
    subscriber.subscribe("").unwrap();
    harness.join(&publisher, &subscriber);
    assert_eq!(publisher.recv().unwrap(), [1], "subscribed");
    for number in 0..MANY {
        publisher.send(number.to_be_bytes()).unwrap();
        assert_eq!(subscriber.recv().unwrap(), number.to_be_bytes());
    }
    publisher.send_multipart(["first", "second", "third"]).unwrap();
    publisher.send("unwanted").unwrap();
    assert_eq!(subscriber.recv().unwrap(), "first");
    subscriber.unsubscribe("").unwrap();
    assert_eq!(subscriber.recv().unwrap(), "second");
    assert_eq!(subscriber.recv().unwrap(), "third");
    subscriber.set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(subscriber.recv().unwrap_err().is_would_block(), "cancelled by then");
}

fn receiving_into_a_message_replaces_it(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let mut message = Message::from(vec![7; 1000]);
    for round in 0..MANY {
        // Inline, sliced, and large in turn.
        let body = vec![round as u8; [3, 100, 40_000][round as usize % 3]];
        push.send(&body[..]).unwrap();
        pull.recv_into(&mut message).unwrap();
        assert_eq!(message, body[..]);
        assert!(!message.more());
    }
    pull.set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(pull.recv_into(&mut message).unwrap_err().is_would_block());
}

fn what_is_looked_at_is_taken(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    for round in 0..MANY {
        let size = [3, 100, 40_000][round as usize % 3];
        push.send_multipart([vec![1; size], vec![2; size]]).unwrap();
        let first = pull.recv_with(|frame| (frame.len(), frame[0], frame.more())).unwrap();
        let second = pull.recv_with(|frame| (frame.len(), frame[0], frame.more())).unwrap();
        assert_eq!((first, second), ((size, 1, true), (size, 2, false)));
    }
}

fn a_look_that_panics_takes_one_frame(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    warm_up(&push, &pull);
    push.send("bad").unwrap();
    push.send("good").unwrap();
    let look = || pull.recv_with(|frame| assert_ne!(&frame[..], b"bad", "on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(look)).is_err());
    assert_eq!(pull.recv().unwrap(), "good");
}

fn a_closed_context_is_noticed(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    warm_up(&push, &pull);
    harness.context.shutdown();
    assert!(matches!(push.send("late").unwrap_err().error, Error::Terminated));
    let mut message = Message::new();
    assert!(matches!(pull.recv_into(&mut message), Err(Error::Terminated)));
    assert!(matches!(pull.recv_with(|_| ()), Err(Error::Terminated)));
}
