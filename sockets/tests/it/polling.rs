//! The poller: several sockets and descriptors at once.

use crate::harness::{
    GLANCE, Harness, PATIENCE, connected, eventually, everywhere, patient, within_process,
};
use ringmq::{Error, Interest, Message, Poller, Ready, SocketType};
use std::time::{Duration, Instant};

everywhere![
    what_can_be_received_is_readable_until_it_is,
    an_incomplete_message_is_not_readable,
    room_is_writable,
    a_publisher_that_drops_nothing_is_writable_when_nobody_is_full,
    a_lock_step_socket_is_ready_for_its_next_step_only,
    a_wait_ends_when_something_comes,
    a_message_that_nobody_subscribed_to_is_not_readable,
];

within_process![
    some_types_never_are_or_always,
    a_wait_ends_in_time,
    interests_change,
    a_wait_for_room_takes_no_processor_time,
    a_closed_socket_is_told_by_its_key_and_the_others_go_on,
    who_waits_is_told_of_a_socket_that_is_closed_meanwhile,
    a_poller_of_closed_sockets_says_so,
    of_a_context_that_ends_all_sockets_are_terminated,
    the_last_open_socket_may_be_removed_under_who_waits,
    all_who_wait_hear_that_the_last_socket_is_closed,
];

/// What is ready now.
fn now(poller: &Poller<'_>) -> Vec<Ready> {
    poller.wait(Some(Duration::ZERO)).unwrap()
}

fn what_can_be_received_is_readable_until_it_is(harness: &Harness) {
    let (push, one, two) = (harness.push(), harness.pull(), harness.pull());
    harness.join(&one, &push);
    let poller = Poller::new();
    let first = poller.add(&one, Interest::BOTH);
    let second = poller.add(&two, Interest::BOTH);
    assert_ne!(first, second);
    assert_eq!(now(&poller), []);
    push.send_multipart(["a", "b"]).unwrap();
    let readable = [Ready { key: first, readable: true, writable: false, ..Ready::default() }];
    assert_eq!(poller.wait(Some(PATIENCE)).unwrap(), readable);
    assert_eq!(now(&poller), readable, "it stays");
    one.recv().unwrap();
    assert_eq!(now(&poller), readable, "the rest of the message is there");
    one.recv().unwrap();
    assert_eq!(now(&poller), []);
}

fn an_incomplete_message_is_not_readable(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let poller = Poller::new();
    poller.add(&pull, Interest::READABLE);
    let mut part = Message::from("part");
    part.set_more(true);
    push.send(part).unwrap();
    assert_eq!(poller.wait(Some(GLANCE)).unwrap(), []);
    push.send("end").unwrap();
    assert_eq!(poller.wait(Some(PATIENCE)).unwrap().len(), 1);
    assert_eq!(pull.try_recv_multipart().unwrap(), ["part", "end"].into());
}

fn room_is_writable(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(2).unwrap();
    pull.set_recv_hwm(2).unwrap();
    let poller = Poller::new();
    let key = poller.add(&push, Interest::BOTH);
    assert_eq!(now(&poller), [], "there is no peer");
    harness.join(&pull, &push);
    let writable = [Ready { key, readable: false, writable: true, ..Ready::default() }];
    assert_eq!(poller.wait(Some(PATIENCE)).unwrap(), writable);
    let mut sent = 0;
    // On a slow machine there may be room again as soon as the wait was in vain.
    loop {
        let room = !poller.wait(Some(GLANCE)).unwrap().is_empty();
        match push.try_send(vec![0; 1 << 20]) {
            Ok(()) => sent += 1,
            Err(failed) => {
                assert!(!room && failed.error.is_would_block());
                break;
            }
        }
        assert!(sent < 1000);
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| poller.wait(Some(PATIENCE)));
        for _ in 0..sent {
            pull.recv().unwrap();
        }
        assert_eq!(waiting.join().unwrap().unwrap(), writable);
    });
    push.try_send("room").unwrap();
}

fn a_publisher_that_drops_nothing_is_writable_when_nobody_is_full(harness: &Harness) {
    for socket_type in [SocketType::Pub, SocketType::XPub] {
        let publisher = patient(harness.context.socket(socket_type).unwrap());
        let (slow, quick) = (harness.subscriber(), harness.subscriber());
        publisher.set_no_drop(true).unwrap();
        publisher.set_send_hwm(2).unwrap();
        for subscriber in [&slow, &quick] {
            subscriber.set_recv_hwm(2).unwrap();
            harness.join(&publisher, subscriber);
        }
        quick.subscribe("quick").unwrap();
        slow.subscribe("slow").unwrap();
        eventually("it knows the topics", || publisher.topics() == 2);
        let poller = Poller::new();
        let key = poller.add(&publisher, Interest::WRITABLE);
        let writable = [Ready { key, readable: false, writable: true, ..Ready::default() }];
        assert_eq!(now(&poller), writable);
        let message = || [b"slow".to_vec(), vec![1; 1 << 20]];
        let mut sent = 0;
        while !poller.wait(Some(GLANCE)).unwrap().is_empty() {
            publisher.try_send_multipart(message()).unwrap();
            sent += 1;
            assert!(sent < 1000, "{socket_type:?} is always writable");
        }
        publisher.try_send("quick: somebody else's").unwrap();
        assert_eq!(quick.recv().unwrap(), "quick: somebody else's");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| poller.wait(Some(PATIENCE)));
            for _ in 0..sent {
                assert_eq!(slow.recv_multipart().unwrap(), message().into());
            }
            assert_eq!(waiting.join().unwrap().unwrap(), writable);
        });
        publisher.try_send_multipart(message()).unwrap();
        assert_eq!(publisher.dropped(), 0);
    }
}

fn a_lock_step_socket_is_ready_for_its_next_step_only(harness: &Harness) {
    let (req, rep) = (harness.req(), harness.rep());
    harness.join(&rep, &req);
    let poller = Poller::new();
    let (asks, answers) = (poller.add(&req, Interest::BOTH), poller.add(&rep, Interest::BOTH));
    let readable = |key| vec![Ready { key, readable: true, writable: false, ..Ready::default() }];
    let writable = |key| vec![Ready { key, readable: false, writable: true, ..Ready::default() }];
    for _ in 0..3 {
        assert_eq!(poller.wait(Some(PATIENCE)).unwrap(), writable(asks));
        req.send("question").unwrap();
        assert_eq!(poller.wait(Some(PATIENCE)).unwrap(), readable(answers));
        rep.recv().unwrap();
        assert_eq!(poller.wait(Some(PATIENCE)).unwrap(), writable(answers));
        rep.send("answer").unwrap();
        assert_eq!(poller.wait(Some(PATIENCE)).unwrap(), readable(asks));
        req.recv().unwrap();
    }
}

fn a_wait_ends_when_something_comes(harness: &Harness) {
    let (push, pull, quiet) = (harness.push(), harness.pull(), harness.pull());
    harness.join(&pull, &push);
    let poller = Poller::new();
    poller.add(&quiet, Interest::READABLE);
    let key = poller.add(&pull, Interest::READABLE);
    for number in 0..100u8 {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| poller.wait(Some(PATIENCE)));
            push.send([number]).unwrap();
            assert_eq!(waiting.join().unwrap().unwrap()[0].key, key);
        });
        assert_eq!(pull.try_recv().unwrap(), [number]);
    }
}

fn a_message_that_nobody_subscribed_to_is_not_readable(harness: &Harness) {
    let (xpub, subscriber) = (harness.xpub(), harness.subscriber());
    xpub.set_manual(true).unwrap();
    harness.join(&xpub, &subscriber);
    subscriber.subscribe("wanted").unwrap();
    xpub.recv().unwrap();
    xpub.apply_subscription(true, "").unwrap();
    let poller = Poller::new();
    poller.add(&subscriber, Interest::READABLE);
    xpub.send("unwanted").unwrap();
    assert_eq!(poller.wait(Some(GLANCE)).unwrap(), []);
    xpub.send("wanted").unwrap();
    assert_eq!(poller.wait(Some(PATIENCE)).unwrap().len(), 1);
    assert_eq!(subscriber.try_recv().unwrap(), "wanted");
}

fn some_types_never_are_or_always(harness: &Harness) {
    let (publisher, router, subscriber, pull) =
        (harness.publisher(), harness.router(), harness.subscriber(), harness.pull());
    let poller = Poller::new();
    let always = [poller.add(&publisher, Interest::BOTH), poller.add(&router, Interest::BOTH)];
    poller.add(&subscriber, Interest::BOTH);
    poller.add(&pull, Interest::BOTH);
    let ready = now(&poller);
    assert_eq!(
        ready,
        always.map(|key| Ready { key, readable: false, writable: true, ..Ready::default() })
    );
    router.set_mandatory(true).unwrap();
    assert_eq!(now(&poller).len(), 1, "a mandatory ROUTER needs a peer");
}

fn a_wait_ends_in_time(harness: &Harness) {
    let pull = harness.pull();
    let poller = Poller::new();
    assert_eq!(poller.wait(Some(Duration::from_millis(5))).unwrap(), [], "nothing to wait for");
    poller.add(&pull, Interest::BOTH);
    for timeout in [Duration::ZERO, Duration::from_millis(1), GLANCE] {
        let start = Instant::now();
        assert_eq!(poller.wait(Some(timeout)).unwrap(), []);
        assert!((timeout..PATIENCE).contains(&start.elapsed()));
    }
}

fn interests_change(harness: &Harness) {
    let (a, b) = (harness.pair(), harness.pair());
    harness.join(&a, &b);
    b.send("hello").unwrap();
    let poller = Poller::new();
    let key = poller.add(&a, Interest::READABLE);
    assert_eq!(now(&poller), [Ready { key, readable: true, writable: false, ..Ready::default() }]);
    assert!(poller.modify(key, Interest::WRITABLE));
    assert_eq!(now(&poller), [Ready { key, readable: false, writable: true, ..Ready::default() }]);
    assert!(poller.modify(key, Interest::BOTH));
    assert_eq!(now(&poller), [Ready { key, readable: true, writable: true, ..Ready::default() }]);
    assert!(poller.modify(key, Interest::default()));
    assert_eq!(now(&poller), []);
    assert!(poller.remove(key));
    assert!(!poller.remove(key) && !poller.modify(key, Interest::BOTH));
    assert_eq!(now(&poller), []);
}

/// Waiting for room on a socket that has messages must not turn in circles.
fn a_wait_for_room_takes_no_processor_time(harness: &Harness) {
    let (a, b) = (harness.dealer(), harness.dealer());
    a.set_send_hwm(1).unwrap();
    b.set_recv_hwm(1).unwrap();
    harness.join(&a, &b);
    while a.try_send("full").is_ok() {}
    b.send("unread").unwrap();
    let poller = Poller::new();
    poller.add(&a, Interest::WRITABLE);
    #[cfg(target_os = "linux")]
    {
        let spent = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let before = spent();
        assert_eq!(poller.wait(Some(GLANCE * 4)).unwrap(), []);
        let after = spent();
        let nanos = (after.tv_sec - before.tv_sec) * 1_000_000_000 + after.tv_nsec - before.tv_nsec;
        assert!(nanos < 50_000_000, "{nanos} ns of processor time in 200 ms");
    }
}

/// What is told of a socket that is closed.
fn closed(key: usize) -> Ready {
    Ready { key, closed: true, ..Ready::default() }
}

fn a_closed_socket_is_told_by_its_key_and_the_others_go_on(harness: &Harness) {
    let (pull, push) = (harness.pull(), harness.push());
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    push.connect(&endpoint).unwrap();
    let (other, other_push) = (harness.pull(), harness.push());
    harness.join(&other, &other_push);
    let poller = Poller::new();
    let gone = poller.add(&pull, Interest::READABLE);
    let stays = poller.add(&other, Interest::READABLE);
    drop(pull);
    assert_eq!(poller.wait(Some(PATIENCE)).unwrap(), [closed(gone)]);
    eventually("its peers hear of it", || connected(&push) == 0);
    assert_eq!(poller.wait(Some(GLANCE)).unwrap(), [], "it was told");
    other_push.send("goes on").unwrap();
    let ready = [Ready { key: stays, readable: true, ..Ready::default() }];
    assert_eq!(poller.wait(Some(PATIENCE)).unwrap(), ready);
    assert!(poller.remove(gone));
    assert_eq!(poller.wait(Some(PATIENCE)).unwrap(), ready);
}

fn who_waits_is_told_of_a_socket_that_is_closed_meanwhile(harness: &Harness) {
    for interest in [Interest::READABLE, Interest::WRITABLE, Interest::BOTH] {
        for socket_type in SocketType::ALL {
            let Ok(socket) = harness.context.socket(socket_type) else { continue };
            let others = [harness.pull(), harness.pull()];
            let poller = Poller::new();
            poller.add(&others[0], Interest::READABLE);
            let key = poller.add(&socket, interest);
            poller.add(&others[1], Interest::READABLE);
            let told = std::thread::scope(|scope| {
                let waiting = scope.spawn(|| {
                    loop {
                        // Some types can be sent to at once.
                        let ready = poller.wait(Some(PATIENCE)).unwrap();
                        if ready.iter().any(|ready| ready.closed) || ready.is_empty() {
                            return ready;
                        }
                    }
                });
                scope.spawn(|| socket.close());
                waiting.join().unwrap()
            });
            assert_eq!(told, [closed(key)], "{socket_type:?}");
        }
    }
}

fn a_poller_of_closed_sockets_says_so(harness: &Harness) {
    let poller = Poller::new();
    let keys = [(); 2].map(|()| poller.add(&harness.pull(), Interest::READABLE));
    assert_eq!(poller.wait(None).unwrap(), keys.map(closed));
    assert!(matches!(poller.wait(None), Err(Error::Closed)));
    assert_eq!(keys.map(|key| poller.remove(key)), [true; 2]);
    assert_eq!(poller.wait(Some(Duration::ZERO)).unwrap(), []);
}

fn the_last_open_socket_may_be_removed_under_who_waits(harness: &Harness) {
    for _ in 0..20 {
        let (gone, stays) = (harness.pull(), harness.pull());
        let poller = Poller::new();
        let keys = [&gone, &stays].map(|pull| poller.add(pull, Interest::READABLE));
        gone.close();
        assert_eq!(poller.wait(None).unwrap(), [closed(keys[0])]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| poller.wait(None));
            assert!(poller.remove(keys[1]));
            assert!(matches!(waiting.join().unwrap(), Err(Error::Closed)));
        });
    }
}

fn all_who_wait_hear_that_the_last_socket_is_closed(harness: &Harness) {
    for _ in 0..20 {
        let pull = harness.pull();
        let poller = Poller::new();
        let key = poller.add(&pull, Interest::READABLE);
        std::thread::scope(|scope| {
            let waiting = [(); 3].map(|()| scope.spawn(|| poller.wait(None)));
            pull.close();
            for waits in waiting {
                match waits.join().unwrap() {
                    Ok(ready) => assert_eq!(ready, [closed(key)]),
                    Err(error) => assert!(matches!(error, Error::Closed), "{error}"),
                }
            }
        });
    }
}

fn of_a_context_that_ends_all_sockets_are_terminated(harness: &Harness) {
    let (before, after) = (harness.pull(), harness.pull());
    let poller = Poller::new();
    let key = poller.add(&before, Interest::READABLE);
    drop(before);
    assert_eq!(poller.wait(None).unwrap(), [closed(key)]);
    poller.add(&after, Interest::READABLE);
    harness.context.shutdown();
    drop(after);
    assert!(matches!(poller.wait(None), Err(Error::Terminated)));
}

mod descriptors {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    everywhere![
        a_descriptor_is_waited_for_beside_a_socket,
        a_socket_is_waited_for_beside_a_descriptor,
    ];

    /// Both ends of a connection that ringmq has nothing to do with.
    fn streams() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn add<'fd>(poller: &Poller<'fd>, stream: &'fd TcpStream, interest: Interest) -> usize {
        #[cfg(unix)]
        return poller.add_fd(stream, interest);
        #[cfg(windows)]
        return poller.add_raw_socket(stream, interest);
    }

    fn a_descriptor_is_waited_for_beside_a_socket(harness: &Harness) {
        let pull = harness.pull();
        pull.bind(&harness.anywhere()).unwrap();
        let (reader, mut writer) = streams();
        let poller = Poller::new();
        poller.add(&pull, Interest::READABLE);
        let key = add(&poller, &reader, Interest::READABLE);
        assert_eq!(poller.wait(Some(Duration::from_millis(1))).unwrap(), []);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| poller.wait(Some(PATIENCE)));
            writer.write_all(b"x").unwrap();
            let ready = waiting.join().unwrap().unwrap();
            assert_eq!(ready, [Ready { key, readable: true, writable: false, ..Ready::default() }]);
        });
        (&reader).read_exact(&mut [0; 1]).unwrap();
        assert_eq!(now(&poller), []);
        drop(writer);
        assert_eq!(poller.wait(Some(PATIENCE)).unwrap()[0].key, key, "a hang-up is to be read");
    }

    fn a_socket_is_waited_for_beside_a_descriptor(harness: &Harness) {
        let (push, pull) = (harness.push(), harness.pull());
        harness.join(&pull, &push);
        let (reader, writer) = streams();
        let poller = Poller::new();
        add(&poller, &reader, Interest::READABLE);
        let key = poller.add(&pull, Interest::READABLE);
        for number in 0..50u8 {
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| poller.wait(Some(PATIENCE)));
                push.send([number]).unwrap();
                assert_eq!(waiting.join().unwrap().unwrap()[0].key, key);
            });
            assert_eq!(pull.recv().unwrap(), [number]);
        }
        let writable = add(&poller, &writer, Interest::WRITABLE);
        assert_eq!(
            now(&poller)[0],
            Ready { key: writable, readable: false, writable: true, ..Ready::default() }
        );
    }
}

#[cfg(unix)]
#[test]
fn a_descriptor_that_is_at_fault_is_told_whatever_was_asked_for() {
    let (reader, writer) = std::io::pipe().unwrap();
    let poller = Poller::new();
    let key = poller.add_fd(&writer, Interest::READABLE);
    assert_eq!(poller.wait(Some(Duration::ZERO)).unwrap(), []);
    drop(reader);
    let ready = poller.wait(None).unwrap();
    assert_eq!((ready.len(), ready[0].key, ready[0].failed), (1, key, true));
}
