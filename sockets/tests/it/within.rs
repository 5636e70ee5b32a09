//! Calls that say how long they wait, and what a call that failed tells.

use crate::harness::{GLANCE, Harness, PATIENCE, everywhere, within_process};
use ringmq::{Error, ErrorKind, Message, REFERENCED_FROM};
use std::time::{Duration, Instant};

everywhere![
    what_comes_in_time_is_received,
    what_is_there_is_received_without_any_time,
    room_that_comes_in_time_is_used,
];

within_process![
    a_call_waits_as_long_as_it_says_whatever_the_option_says,
    what_did_not_go_in_time_comes_back,
    the_first_part_of_a_message_stays_one,
    a_time_without_end_is_for_ever,
    an_error_tells_its_kind,
];

fn what_comes_in_time_is_received(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    pull.set_recv_timeout(Some(Duration::ZERO)).unwrap();
    for number in 0..50u8 {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pull.recv_within(PATIENCE));
            push.send([number]).unwrap();
            assert_eq!(waiting.join().unwrap().unwrap(), [number]);
            let waiting = scope.spawn(|| pull.recv_multipart_within(PATIENCE));
            push.send_multipart([[number], [0]]).unwrap();
            assert_eq!(waiting.join().unwrap().unwrap(), [[number], [0]].into());
        });
    }
}

fn what_is_there_is_received_without_any_time(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    assert!(pull.recv_within(Duration::ZERO).unwrap_err().is_would_block());
    push.send("one").unwrap();
    push.send_multipart(["two", "parts"]).unwrap();
    let start = Instant::now();
    let received = loop {
        match pull.recv_within(Duration::ZERO) {
            Err(Error::WouldBlock) => assert!(start.elapsed() < PATIENCE),
            received => break received,
        }
    };
    assert_eq!(received.unwrap(), "one");
    let received = loop {
        match pull.recv_multipart_within(Duration::ZERO) {
            Err(Error::WouldBlock) => assert!(start.elapsed() < PATIENCE),
            received => break received,
        }
    };
    assert_eq!(received.unwrap(), ["two", "parts"].into());
}

fn room_that_comes_in_time_is_used(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(1).unwrap();
    pull.set_recv_hwm(1).unwrap();
    push.set_send_timeout(Some(Duration::ZERO)).unwrap();
    harness.join(&pull, &push);
    const COUNT: u8 = 100;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..COUNT {
                let body = vec![number; 100_000];
                match number % 2 {
                    0 => push.send_within(body, PATIENCE).unwrap(),
                    _ => push.send_multipart_within([body], PATIENCE).unwrap(),
                }
            }
        });
        for number in 0..COUNT {
            assert_eq!(pull.recv_within(PATIENCE).unwrap()[99_999], number);
        }
    });
}

fn a_call_waits_as_long_as_it_says_whatever_the_option_says(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    for option in [None, Some(Duration::ZERO)] {
        push.set_send_timeout(option).unwrap();
        pull.set_recv_timeout(option).unwrap();
        for time in [Duration::ZERO, Duration::from_millis(1), GLANCE] {
            let start = Instant::now();
            assert!(pull.recv_within(time).unwrap_err().is_would_block());
            assert!(pull.recv_multipart_within(time).unwrap_err().is_would_block());
            assert!(push.send_within("text", time).unwrap_err().is_would_block());
            assert!(push.send_multipart_within(["a", "b"], time).unwrap_err().is_would_block());
            assert!((4 * time..PATIENCE).contains(&start.elapsed()));
        }
        assert_eq!(pull.recv_timeout().unwrap(), option, "the option is as it was");
    }
}

fn what_did_not_go_in_time_comes_back(harness: &Harness) {
    let push = harness.push();
    let time = Duration::from_millis(1);
    for len in [1, REFERENCED_FROM] {
        let failed = push.send_within(vec![1; len], time).unwrap_err();
        assert_eq!(failed.message, Message::from(vec![1; len]).into());
    }
    let failed = push.send_multipart_within(["a", "b"], time).unwrap_err();
    assert_eq!(failed.message, ["a", "b"].into());
}

fn the_first_part_of_a_message_stays_one(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    let mut head = Message::from("head");
    head.set_more(true);
    let failed = push.send_within(&head, Duration::from_millis(1)).unwrap_err();
    assert!(failed.message[0].more());
    harness.join(&pull, &push);
    push.send_within(head, PATIENCE).unwrap();
    push.send_within("body", PATIENCE).unwrap();
    assert_eq!(pull.recv_multipart_within(PATIENCE).unwrap(), ["head", "body"].into());
}

fn a_time_without_end_is_for_ever(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pull.recv_within(Duration::MAX));
        push.send_within("text", Duration::MAX).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), "text");
    });
    harness.context.shutdown();
    assert_eq!(pull.recv_within(Duration::MAX).unwrap_err().kind(), ErrorKind::Terminated);
    assert_eq!(push.send_within("text", Duration::MAX).unwrap_err().kind(), ErrorKind::Terminated);
}

fn an_error_tells_its_kind(harness: &Harness) {
    let (router, req, rep) = (harness.router(), harness.req(), harness.rep());
    router.set_mandatory(true).unwrap();
    let unreachable = router.send_multipart(["nobody", "text"]).unwrap_err();
    assert_eq!(unreachable.kind(), ErrorKind::HostUnreachable);
    assert!(!unreachable.is_would_block());
    let late = req.try_send("text").unwrap_err();
    assert!(late.is_would_block() && late.kind() == ErrorKind::WouldBlock);
    assert_eq!(rep.send("unasked").unwrap_err().kind(), ErrorKind::State);
    assert_eq!(req.unbind("inproc://none").unwrap_err().kind(), ErrorKind::NoSuchEndpoint);
    assert_eq!(Error::from(late).kind(), ErrorKind::WouldBlock);
}
