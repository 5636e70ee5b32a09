//! Threads that read many connections by themselves: pollers of many sockets, and receivers with many peers.

use crate::harness::{
    Address, GLANCE, Harness, PATIENCE, await_peers, connected, eventually, over_wires, patient,
};
use ringmq::{Error, Interest, Message, MonitorEvent, Poller, Pull, Push};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

over_wires![
    polled_sockets_get_everything_in_order,
    a_receiver_with_many_peers_gets_everything_in_order,
    peers_come_and_go_under_a_receiver_of_many,
    peers_come_and_go_under_a_poller,
    a_poller_that_stays_away_keeps_no_peer_waiting,
    what_comes_after_a_poller_is_gone_arrives,
    threads_that_wait_on_one_poller_get_everything,
    threads_that_receive_from_many_peers_get_everything,
    a_socket_in_two_pollers_wakes_either,
    answers_to_many_are_sent_before_the_next_wait,
    a_peer_that_leaves_with_its_last_word_is_seen_to_leave,
    what_nobody_wants_any_more_is_in_nobodys_way,
    a_socket_that_is_there_twice_is_told_twice,
    a_pipe_that_is_filled_by_one_look_is_emptied_by_all,
];

/// More than a thread reads one by one.
const MANY: usize = 9;
const MESSAGES: usize = 300;

/// The body of a message: small ones, such as stay in a log, and such as do not.
fn body(number: usize) -> Vec<u8> {
    const LENS: [usize; 8] = [3, 0, 200, 9_000, 1, 70_000, 40, 33_000];
    let mut body = vec![number as u8; LENS[number % LENS.len()]];
    body.extend_from_slice(&number.to_le_bytes());
    body
}

/// Sends messages from all at once, pausing now and then.
fn send_all(pushes: Vec<Push>) -> thread::JoinHandle<Vec<Push>> {
    thread::spawn(move || {
        for number in 0..MESSAGES {
            for push in &pushes {
                push.send(body(number)).unwrap();
            }
            match number % 50 {
                49 => thread::sleep(Duration::from_millis(3)),
                7 => thread::yield_now(),
                _ => {}
            }
        }
        pushes
    })
}

/// One PUSH for each of many PULLs.
fn pairs(harness: &Harness) -> (Vec<Push>, Vec<Pull>) {
    let pairs = (0..MANY).map(|_| {
        let (push, pull) = (harness.push(), harness.pull());
        harness.join(&pull, &push);
        (push, pull)
    });
    pairs.unzip()
}

/// Many PUSHes of one PULL.
fn peers(harness: &Harness) -> (Vec<Push>, Pull) {
    let pull = harness.pull();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let pushes: Vec<_> = (0..MANY).map(|_| harness.push()).collect();
    pushes.iter().for_each(|push| push.connect(&endpoint).unwrap());
    await_peers(&pull, MANY);
    (pushes, pull)
}

fn watch<'a>(pulls: impl IntoIterator<Item = &'a Pull>) -> Poller<'static> {
    let poller = Poller::new();
    for pull in pulls {
        poller.add(pull, Interest::READABLE);
    }
    poller
}

/// Takes what there is of a socket, which is not more than `most`.
fn drain(pull: &Pull, most: usize) -> Vec<Message> {
    let messages = std::iter::from_fn(|| match pull.try_recv() {
        Ok(message) => Some(message),
        Err(error) if error.is_would_block() => None,
        Err(error) => panic!("{error}"),
    });
    messages.take(most).collect()
}

fn polled_sockets_get_everything_in_order(harness: &Harness) {
    let (pushes, pulls) = pairs(harness);
    let poller = watch(&pulls);
    let sender = send_all(pushes);
    let mut next = [0; MANY];
    while next != [MESSAGES; MANY] {
        for ready in poller.wait(Some(PATIENCE)).unwrap() {
            // What is left of it is told of again.
            for message in drain(&pulls[ready.key], 5) {
                assert!(
                    message == body(next[ready.key])[..],
                    "{} of {}",
                    next[ready.key],
                    ready.key
                );
                next[ready.key] += 1;
            }
        }
    }
    sender.join().unwrap();
}

/// Of which round a message is.
fn number_of(message: &[u8]) -> usize {
    let (_, number) = message.split_last_chunk().unwrap();
    usize::from_le_bytes(*number)
}

fn a_receiver_with_many_peers_gets_everything_in_order(harness: &Harness) {
    let (pushes, pull) = peers(harness);
    let sender = send_all(pushes);
    let mut seen = [0; MESSAGES];
    for _ in 0..MANY * MESSAGES {
        let message = pull.recv().unwrap();
        let number = number_of(&message);
        assert!(message == body(number)[..]);
        seen[number] += 1;
        // None of them is ahead of what all have sent before.
        assert!(number == 0 || seen[number] <= seen[number - 1], "{number}");
    }
    assert_eq!(seen, [MANY; MESSAGES]);
    sender.join().unwrap();
}

fn peers_come_and_go_under_a_receiver_of_many(harness: &Harness) {
    let (pushes, pull) = peers(harness);
    let endpoint = pull.last_endpoint();
    thread::scope(|scope| {
        let receiving = scope.spawn(|| {
            let mut from_new = 0;
            while from_new < MANY {
                from_new += usize::from(pull.recv().unwrap() == "new");
            }
        });
        // Some leave while it waits, and others come.
        for push in pushes {
            push.send("old").unwrap();
            let new = harness.push();
            new.connect(&endpoint).unwrap();
            drop(push);
            new.set_linger(Some(PATIENCE)).unwrap();
            new.send("new").unwrap();
        }
        receiving.join().unwrap();
    });
}

fn peers_come_and_go_under_a_poller(harness: &Harness) {
    let addresses: Vec<_> = (0..MANY).map(|_| Address::new(harness)).collect();
    let pulls: Vec<_> = (0..MANY).map(|_| harness.pull()).collect();
    for (pull, address) in pulls.iter().zip(&addresses) {
        pull.connect(&address.endpoint).unwrap();
    }
    let (poller, received) = (watch(&pulls), AtomicUsize::new(0));
    thread::scope(|scope| {
        let polling = scope.spawn(|| {
            while received.load(Ordering::SeqCst) < 3 * MANY {
                let ready = poller.wait(Some(PATIENCE)).unwrap();
                let ready = ready.iter().map(|ready| drain(&pulls[ready.key], 1).len());
                received.fetch_add(ready.sum(), Ordering::SeqCst);
            }
        });
        for round in 1..=3 {
            let pushes: Vec<_> = (0..MANY).map(|_| harness.push()).collect();
            for (push, address) in pushes.iter().zip(&addresses) {
                address.bind(push);
                push.send("here").unwrap();
            }
            eventually("all came", || received.load(Ordering::SeqCst) == round * MANY);
        }
        polling.join().unwrap();
    });
}

/// The poller has read for a while, and is busy with something else then: the peers' PINGs are answered.
fn a_poller_that_stays_away_keeps_no_peer_waiting(harness: &Harness) {
    // On a busy machine it is tried again, with more time for answers.
    let keeps_all = |timeout: Duration| {
        let (pulls, pushes): (Vec<_>, Vec<_>) = (0..3)
            .map(|_| {
                let (push, pull) = (harness.push(), harness.pull());
                push.set_heartbeat_interval(timeout / 4).unwrap();
                push.set_heartbeat_timeout(Some(timeout)).unwrap();
                harness.join(&pull, &push);
                (pull, push)
            })
            .unzip();
        let monitors: Vec<_> = pushes.iter().map(|push| push.monitor()).collect();
        let poller = watch(&pulls);
        for _ in 0..20 {
            pushes.iter().for_each(|push| push.send("come").unwrap());
            for ready in poller.wait(Some(PATIENCE)).unwrap() {
                drain(&pulls[ready.key], 100);
            }
        }
        // Asleep for a while, so that it is relied on.
        poller.wait(Some(GLANCE)).unwrap();
        thread::sleep(3 * timeout);
        let lost = |event| matches!(event, MonitorEvent::Disconnected { .. });
        !monitors.iter().any(|monitor| std::iter::from_fn(|| monitor.try_recv().ok()).any(lost))
    };
    let mut timeouts = (0..6).map(|doublings| Duration::from_millis(250) * (1 << doublings));
    assert!(timeouts.any(keeps_all), "peers are kept waiting for their answers");
}

fn what_comes_after_a_poller_is_gone_arrives(harness: &Harness) {
    let (pushes, pulls) = pairs(harness);
    let poller = watch(&pulls);
    pushes.iter().for_each(|push| push.send("polled").unwrap());
    let mut polled = 0;
    while polled < MANY {
        let ready = poller.wait(Some(PATIENCE)).unwrap();
        polled += ready.iter().map(|ready| drain(&pulls[ready.key], 1).len()).sum::<usize>();
    }
    poller.wait(Some(GLANCE)).unwrap();
    assert!(poller.remove(0) && poller.remove(1));
    poller.modify(2, Interest::WRITABLE);
    for number in 0..3 {
        pushes[number].send("removed").unwrap();
        eventually("it is received", || pulls[number].try_recv().is_ok());
    }
    drop(poller);
    for (push, pull) in pushes.iter().zip(&pulls) {
        push.send("dropped").unwrap();
        assert_eq!(pull.recv().unwrap(), "dropped");
        push.send("again").unwrap();
        eventually("it is received", || pull.try_recv().is_ok());
    }
}

fn threads_that_wait_on_one_poller_get_everything(harness: &Harness) {
    let (pushes, pulls) = pairs(harness);
    let (poller, received) = (watch(&pulls), AtomicUsize::new(0));
    let waker = poller.waker();
    let sender = send_all(pushes);
    let work = || {
        while received.load(Ordering::SeqCst) < MANY * MESSAGES {
            for ready in poller.wait(Some(PATIENCE)).unwrap() {
                received.fetch_add(drain(&pulls[ready.key], 7).len(), Ordering::SeqCst);
            }
        }
        waker.wake_by_ref();
    };
    thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    sender.join().unwrap();
}

fn threads_that_receive_from_many_peers_get_everything(harness: &Harness) {
    let (pushes, pull) = peers(harness);
    pull.set_recv_timeout(Some(Duration::from_millis(100))).unwrap();
    let received = AtomicUsize::new(0);
    let sender = send_all(pushes);
    let start = Instant::now();
    let work = || {
        while received.load(Ordering::SeqCst) < MANY * MESSAGES && start.elapsed() < PATIENCE {
            match pull.recv() {
                Ok(_) => _ = received.fetch_add(1, Ordering::SeqCst),
                Err(error) => assert!(matches!(error, Error::WouldBlock), "{error}"),
            }
        }
    };
    thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert_eq!(received.load(Ordering::SeqCst), MANY * MESSAGES);
    sender.join().unwrap();
}

fn a_socket_in_two_pollers_wakes_either(harness: &Harness) {
    let (pushes, pulls) = pairs(harness);
    let (received, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let pollers = [watch(&pulls), watch(&pulls)];
    thread::scope(|scope| {
        for poller in &pollers {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    for ready in poller.wait(Some(GLANCE)).unwrap() {
                        received.fetch_add(drain(&pulls[ready.key], 1).len(), Ordering::SeqCst);
                    }
                }
            });
        }
        for round in 1..=20 {
            for push in &pushes {
                push.send("for either of them").unwrap();
            }
            eventually("all came", || received.load(Ordering::SeqCst) == round * MANY);
        }
        over.store(true, Ordering::SeqCst);
    });
}

/// Each is answered several times in a row, which makes bursts of the answers.
fn answers_to_many_are_sent_before_the_next_wait(harness: &Harness) {
    const ANSWERS: usize = 6;
    let router = harness.router();
    let endpoint = router.bind(&harness.anywhere()).unwrap();
    let dealers: Vec<_> = (0..MANY).map(|_| harness.dealer()).collect();
    dealers.iter().for_each(|dealer| dealer.connect(&endpoint).unwrap());
    await_peers(&router, MANY);
    let poller = Poller::new();
    for dealer in &dealers {
        poller.add(dealer, Interest::READABLE);
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                let [id, _] = router.recv_multipart().unwrap().try_into().unwrap();
                for _ in 0..ANSWERS {
                    router.send_multipart([id.clone(), "answer".into()]).unwrap();
                }
            }
        });
        for _ in 0..200 {
            dealers.iter().for_each(|dealer| dealer.send("question").unwrap());
            let mut missing = MANY * ANSWERS;
            while missing > 0 {
                let ready = poller.wait(Some(PATIENCE)).unwrap();
                assert_ne!(ready, [], "{missing} answers do not come");
                for ready in ready {
                    while dealers[ready.key].try_recv().is_ok() {
                        missing -= 1;
                    }
                }
            }
        }
        over.store(true, Ordering::SeqCst);
        dealers[0].send("the last one").unwrap();
    });
    assert_eq!(connected(&router), MANY);
    patient(router);
}

/// Its last message and its end come at once, while the poller is busy.
fn a_peer_that_leaves_with_its_last_word_is_seen_to_leave(harness: &Harness) {
    let address = Address::new(harness);
    let pull = harness.pull();
    pull.connect(&address.endpoint).unwrap();
    let poller = watch([&pull]);
    for number in 0..20_u8 {
        let push = harness.push();
        push.set_linger(Some(PATIENCE)).unwrap();
        address.bind(&push);
        push.send("the poller comes by").unwrap();
        assert_ne!(poller.wait(Some(PATIENCE)).unwrap(), []);
        pull.recv().unwrap();
        poller.wait(Some(Duration::from_millis(1))).unwrap();
        push.send([number]).unwrap();
        drop(push);
        thread::sleep(Duration::from_millis(2));
        assert_ne!(poller.wait(Some(PATIENCE)).unwrap(), []);
        assert_eq!(pull.try_recv().unwrap(), [number]);
        // Without its end being seen it would not connect to the next one, whose message is waited for above.
    }
}

/// More has come than there is room for, and then it is unsubscribed from.
fn what_nobody_wants_any_more_is_in_nobodys_way(harness: &Harness) {
    let (publisher, subscriber) = (harness.xpub(), harness.subscriber());
    publisher.set_no_drop(true).unwrap();
    subscriber.set_recv_hwm(10).unwrap();
    subscriber.subscribe("old").unwrap();
    harness.join(&publisher, &subscriber);
    assert_eq!(publisher.recv().unwrap(), "\u{1}old");
    let poller = Poller::new();
    poller.add(&subscriber, Interest::READABLE);
    publisher.send("old").unwrap();
    assert_ne!(poller.wait(Some(PATIENCE)).unwrap(), []);
    assert_eq!(subscriber.recv().unwrap(), "old");
    for _ in 0..500 {
        publisher.send("old").unwrap();
    }
    subscriber.subscribe("new").unwrap();
    assert_eq!(publisher.recv().unwrap(), "\u{1}new");
    publisher.send("new").unwrap();
    subscriber.unsubscribe("old").unwrap();
    assert_ne!(poller.wait(Some(PATIENCE)).unwrap(), [], "it does not come through");
    assert_eq!(subscriber.try_recv().unwrap(), "new");
}

fn a_socket_that_is_there_twice_is_told_twice(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let poller = watch([&pull, &pull]);
    for _ in 0..50 {
        push.send("one").unwrap();
        // It may have come between the one look and the other.
        assert_ne!(poller.wait(Some(PATIENCE)).unwrap(), []);
        assert_eq!(poller.wait(Some(PATIENCE)).unwrap().len(), 2);
        pull.recv().unwrap();
    }
    assert_eq!(poller.wait(Some(GLANCE)).unwrap(), []);
}

fn a_pipe_that_is_filled_by_one_look_is_emptied_by_all(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    pull.set_recv_hwm(1).unwrap();
    harness.join(&pull, &push);
    let poller = watch([&pull]);
    for number in 0..200_u8 {
        push.send([number]).unwrap();
    }
    let mut next = 0;
    while next < 200 {
        assert_ne!(poller.wait(Some(PATIENCE)).unwrap(), [], "{next}");
        for message in drain(&pull, 50) {
            assert_eq!(message, [next]);
            next += 1;
        }
    }
}
