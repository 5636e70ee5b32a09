//! PUSH and PULL: down the pipeline, to each in turn, and nothing is lost.

use crate::harness::{GLANCE, Harness, await_peers, connected, eventually, everywhere};
use ringmq::{Error, Message, Multipart, SocketType};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

everywhere![
    pushes_go_to_each_puller_in_turn,
    a_full_puller_is_passed_over,
    a_push_without_a_peer_waits_for_one,
    a_push_times_out,
    pulls_take_from_each_pusher_in_turn,
    a_message_of_several_frames_goes_to_one_puller,
    a_puller_that_leaves_gets_no_more,
    frame_by_frame_is_one_message,
    the_rest_of_a_message_goes_the_way_of_its_beginning,
    a_large_message_arrives,
    conflating_keeps_the_latest,
];

fn pushes_go_to_each_puller_in_turn(harness: &Harness) {
    let push = harness.push();
    let pulls = [harness.pull(), harness.pull(), harness.pull()];
    let endpoint = push.bind(&harness.anywhere()).unwrap();
    pulls.iter().for_each(|pull| pull.connect(&endpoint).unwrap());
    await_peers(&push, 3);
    for number in 0..30u8 {
        push.send([number]).unwrap();
    }
    for pull in &pulls {
        let got: Vec<u8> = (0..10).map(|_| pull.recv().unwrap()[0]).collect();
        assert!(got.windows(2).all(|two| two[1] == two[0] + 3), "every third: {got:?}");
        assert!(pull.try_recv().is_err());
    }
}

fn a_full_puller_is_passed_over(harness: &Harness) {
    /// So many bodies of this size no kernel buffers for one connection.
    const MESSAGES: usize = 150;
    const BODY: usize = 1 << 20;
    let (push, idle, busy) = (harness.push(), harness.pull(), harness.pull());
    push.set_send_hwm(2).unwrap();
    idle.set_recv_hwm(2).unwrap();
    let endpoint = push.bind(&harness.anywhere()).unwrap();
    [&idle, &busy].iter().for_each(|pull| pull.connect(&endpoint).unwrap());
    await_peers(&push, 2);
    let (mut sent, mut to_busy) = (0, 0);
    while sent < MESSAGES {
        match push.try_send(vec![0; BODY]) {
            Ok(()) => sent += 1,
            // Both are full: so there is something on the way to the one that receives.
            Err(_) => {
                assert_eq!(busy.recv().unwrap().len(), BODY);
                to_busy += 1;
            }
        }
    }
    let mut to_idle = 0;
    eventually("everything arrives", || {
        to_busy += std::iter::from_fn(|| busy.try_recv().ok()).count();
        to_idle += std::iter::from_fn(|| idle.try_recv().ok()).count();
        to_busy + to_idle == sent
    });
    assert!(to_idle < to_busy, "{to_idle} to the one that did not receive, {to_busy} to the other");
}

pub(crate) fn a_push_without_a_peer_waits_for_one(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    let endpoint = push.bind(&harness.anywhere()).unwrap();
    assert!(push.try_send("nobody").unwrap_err().error.is_would_block());
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| push.send_multipart(["waits", "whole"]));
        pull.connect(&endpoint).unwrap();
        assert_eq!(pull.recv_multipart().unwrap(), ["waits", "whole"].into());
        sending.join().unwrap().unwrap();
    });
}

fn a_push_times_out(harness: &Harness) {
    let push = harness.push();
    push.bind(&harness.anywhere()).unwrap();
    push.set_send_timeout(Some(GLANCE)).unwrap();
    let start = Instant::now();
    let failed = push.send_multipart(["a", "b"]).unwrap_err();
    assert!(start.elapsed() >= GLANCE);
    assert!(matches!(failed.error, Error::WouldBlock));
    assert_eq!(failed.message, ["a", "b"].into(), "the message comes back");
    push.set_send_timeout(Some(Duration::ZERO)).unwrap();
    assert!(push.send("now").is_err());
}

fn pulls_take_from_each_pusher_in_turn(harness: &Harness) {
    let pull = harness.pull();
    let pushes = [harness.push(), harness.push(), harness.push()];
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    for (name, push) in pushes.iter().enumerate() {
        push.connect(&endpoint).unwrap();
        (0..100).for_each(|_| push.send([name as u8]).unwrap());
    }
    await_peers(&pull, 3);
    // All three have something from the first look on, as soon as all messages are there.
    let mut counts = BTreeMap::<u8, u32>::new();
    for _ in 0..300 {
        *counts.entry(pull.recv().unwrap()[0]).or_default() += 1;
    }
    assert_eq!(counts, [(0, 100), (1, 100), (2, 100)].into());
}

fn a_message_of_several_frames_goes_to_one_puller(harness: &Harness) {
    let push = harness.push();
    let pulls = [harness.pull(), harness.pull()];
    let endpoint = push.bind(&harness.anywhere()).unwrap();
    pulls.iter().for_each(|pull| pull.connect(&endpoint).unwrap());
    await_peers(&push, 2);
    for number in 0..100u8 {
        push.send_multipart((0..5).map(|_| [number]).collect::<Multipart>()).unwrap();
    }
    for pull in &pulls {
        for _ in 0..50 {
            let message = pull.recv_multipart().unwrap();
            assert_eq!(message.len(), 5);
            assert!(message.iter().all(|frame| *frame == message[0]), "{message:?}");
        }
    }
}

fn a_puller_that_leaves_gets_no_more(harness: &Harness) {
    let (push, leaving, staying) = (harness.push(), harness.pull(), harness.pull());
    let endpoint = push.bind(&harness.anywhere()).unwrap();
    leaving.connect(&endpoint).unwrap();
    staying.connect(&endpoint).unwrap();
    await_peers(&push, 2);
    drop(leaving);
    eventually("it has left", || connected(&push) == 1);
    for number in 0..100u8 {
        push.send([number]).unwrap();
        assert_eq!(staying.recv().unwrap(), [number]);
    }
}

pub(crate) fn frame_by_frame_is_one_message(harness: &Harness) {
    let (push, pull) = (harness.context.socket(SocketType::Push).unwrap(), harness.pull());
    harness.join(&pull, &push);
    for last in [false, true] {
        let mut frame = Message::from("part");
        frame.set_more(!last);
        push.send(frame).unwrap();
        if !last {
            pull.set_recv_timeout(Some(GLANCE)).unwrap();
            assert!(pull.recv().is_err(), "nothing is to be seen of an incomplete message");
        }
    }
    assert_eq!(pull.recv_multipart().unwrap(), ["part", "part"].into());
}

fn the_rest_of_a_message_goes_the_way_of_its_beginning(harness: &Harness) {
    let (push, leaving, staying) = (harness.push(), harness.pull(), harness.pull());
    let endpoint = harness.join(&push, &leaving);
    let mut beginning = Message::from("beginning");
    beginning.set_more(true);
    push.send(beginning.clone()).unwrap();
    drop(leaving);
    eventually("it has left", || connected(&push) == 0);
    staying.connect(&endpoint).unwrap();
    await_peers(&push, 1);
    push.send(beginning).unwrap();
    push.send("end").unwrap();
    push.send_multipart(["next", "whole"]).unwrap();
    assert_eq!(staying.recv_multipart().unwrap(), ["next", "whole"].into());
}

pub(crate) fn a_large_message_arrives(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let body: Vec<u8> = (0..30_000_000u32).map(|at| (at % 253) as u8).collect();
    push.send_multipart([&body[..7], &body, b""].map(Message::from)).unwrap();
    let message = pull.recv_multipart().unwrap();
    assert_eq!((message.len(), message[1].len()), (3, body.len()));
    assert!(message[1] == body[..], "the body is changed");
}

fn conflating_keeps_the_latest(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_conflate(true).unwrap();
    pull.set_conflate(true).unwrap();
    harness.join(&pull, &push);
    for number in 0..=1000u32 {
        push.send(number.to_be_bytes()).unwrap();
    }
    let mut last = pull.recv().unwrap();
    let mut received = 1;
    while last != 1000u32.to_be_bytes() {
        let next = pull.recv().unwrap();
        assert!(next.as_slice() > last.as_slice(), "never back in time");
        last = next;
        received += 1;
    }
    assert!(received < 1000, "{received} messages were kept");
    assert!(pull.try_recv().is_err());
}
