//! A poller whose set changes while somebody waits, and that is woken.

use crate::harness::{GLANCE, Harness, PATIENCE, eventually, everywhere, within_process};
use ringmq::{Context, Error, Interest, Poller, Ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

everywhere![
    a_socket_that_is_added_meanwhile_is_waited_for,
    an_interest_that_is_changed_meanwhile_counts,
    a_socket_that_is_removed_meanwhile_is_not_told_of,
];

within_process![
    a_wait_is_ended_by_the_waker,
    a_wake_ends_the_next_wait_and_no_other,
    a_wake_leaves_what_is_ready_ready,
    no_wake_is_lost,
    each_wake_ends_a_wait_of_one_thread,
    a_poller_stands_in_a_structure,
    what_is_closed_is_told_though_an_error_came_first,
];

/// Waits in a thread while something is done, and tells what is ready then.
fn while_waiting(poller: &Poller<'_>, done: impl FnOnce()) -> Vec<Ready> {
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| poller.wait(Some(PATIENCE)).unwrap());
        // It may be before the wait or in the middle of it, which must make no difference.
        std::thread::yield_now();
        done();
        waiting.join().unwrap()
    })
}

fn a_socket_that_is_added_meanwhile_is_waited_for(harness: &Harness) {
    let (push, pull, quiet) = (harness.push(), harness.pull(), harness.pull());
    harness.join(&pull, &push);
    let poller = Poller::new();
    for number in 0..50u8 {
        // An empty poller waits too.
        let first = (number > 10).then(|| poller.add(&quiet, Interest::READABLE));
        let mut key = usize::MAX;
        let ready = while_waiting(&poller, || {
            key = poller.add(&pull, Interest::READABLE);
            push.send([number]).unwrap();
        });
        assert_eq!(ready, [Ready { key, readable: true, ..Ready::default() }]);
        assert_eq!(pull.recv().unwrap(), [number]);
        assert!(poller.remove(key) && first.is_none_or(|first| poller.remove(first)));
    }
}

fn an_interest_that_is_changed_meanwhile_counts(harness: &Harness) {
    let (a, b) = (harness.pair(), harness.pair());
    harness.join(&a, &b);
    let poller = Poller::new();
    let key = poller.add(&a, Interest::READABLE);
    let ready = while_waiting(&poller, || assert!(poller.modify(key, Interest::WRITABLE)));
    assert_eq!(ready, [Ready { key, writable: true, ..Ready::default() }]);
}

fn a_socket_that_is_removed_meanwhile_is_not_told_of(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    let (source, other) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    harness.join(&other, &source);
    let poller = Poller::new();
    let gone = poller.add(&pull, Interest::READABLE);
    let key = poller.add(&other, Interest::READABLE);
    let first = while_waiting(&poller, || {
        assert!(poller.remove(gone));
        push.send("unheard").unwrap();
        source.send("heard").unwrap();
    });
    // It may have been looking at the former set.
    assert!(first.iter().all(|ready| [gone, key].contains(&ready.key)) && !first.is_empty());
    let ready = poller.wait(Some(PATIENCE)).unwrap();
    assert_eq!(ready, [Ready { key, readable: true, ..Ready::default() }]);
}

fn a_wait_is_ended_by_the_waker(harness: &Harness) {
    let pull = harness.pull();
    let poller = Poller::new();
    for added in [false, true] {
        if added {
            poller.add(&pull, Interest::READABLE);
        }
        for _ in 0..50 {
            assert_eq!(while_waiting(&poller, || poller.waker().wake()), []);
        }
    }
}

fn a_wake_ends_the_next_wait_and_no_other(harness: &Harness) {
    let pull = harness.pull();
    let poller = Poller::new();
    poller.add(&pull, Interest::READABLE);
    let waker = poller.waker();
    (0..3).for_each(|_| waker.wake_by_ref());
    assert_eq!(poller.wait(None).unwrap(), []);
    let start = std::time::Instant::now();
    assert_eq!(poller.wait(Some(GLANCE)).unwrap(), []);
    assert!(start.elapsed() >= GLANCE, "that was told already");
    drop(poller);
    waker.wake();
}

fn a_wake_leaves_what_is_ready_ready(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let poller = Poller::new();
    let key = poller.add(&pull, Interest::READABLE);
    push.send("there").unwrap();
    poller.waker().wake();
    let readable = [Ready { key, readable: true, ..Ready::default() }];
    assert_eq!(poller.wait(None).unwrap(), readable);
    pull.recv().unwrap();
    assert_eq!(poller.wait(None).unwrap(), [], "the wake is still to be told");
}

fn no_wake_is_lost(_: &Harness) {
    const WAKES: u32 = 2_000;
    let poller = Poller::new();
    let told = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let waking = scope.spawn(|| {
            let waker = poller.waker();
            for _ in 0..WAKES {
                while !told.swap(false, Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                waker.wake_by_ref();
            }
        });
        for _ in 0..WAKES {
            assert_eq!(poller.wait(None).unwrap(), []);
            told.store(true, Ordering::SeqCst);
        }
        waking.join().unwrap();
    });
}

fn each_wake_ends_a_wait_of_one_thread(harness: &Harness) {
    let pull = harness.pull();
    let poller = Poller::new();
    poller.add(&pull, Interest::READABLE);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let waiting = [(); 4].map(|()| {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    assert_eq!(poller.wait(None).unwrap(), []);
                }
            })
        });
        over.store(true, Ordering::SeqCst);
        let waker = poller.waker();
        eventually("all of them have been woken", || {
            waker.wake_by_ref();
            waiting.iter().all(|thread| thread.is_finished())
        });
    });
}

/// Of an application: what it serves, and a thread that waits for it.
struct Service {
    poller: Arc<Poller<'static>>,
    over: Arc<AtomicBool>,
}

fn a_poller_stands_in_a_structure(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let service = Service { poller: Arc::default(), over: Arc::default() };
    let (poller, over) = (service.poller.clone(), service.over.clone());
    let key = poller.add(&pull, Interest::READABLE);
    let (told, hears) = std::sync::mpsc::channel();
    let serving = std::thread::spawn(move || {
        while !over.load(Ordering::SeqCst) {
            for ready in poller.wait(None).unwrap() {
                told.send((ready.key, pull.recv().unwrap())).unwrap();
            }
        }
    });
    push.send("work").unwrap();
    assert_eq!(hears.recv().unwrap(), (key, "work".into()));
    service.over.store(true, Ordering::SeqCst);
    service.poller.waker().wake();
    serving.join().unwrap();
}

#[cfg(unix)]
mod descriptors {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    within_process![
        a_descriptor_that_is_added_meanwhile_is_waited_for,
        a_wait_for_descriptors_is_ended_by_the_waker,
        a_descriptor_is_kept_until_it_is_removed,
    ];

    fn a_descriptor_that_is_added_meanwhile_is_waited_for(harness: &Harness) {
        let pull = harness.pull();
        let poller = Poller::new();
        poller.add(&pull, Interest::READABLE);
        for _ in 0..50 {
            let (mut near, far) = UnixStream::pair().unwrap();
            let mut key = usize::MAX;
            let ready = while_waiting(&poller, || {
                key = poller.add_owned_fd(far, Interest::READABLE);
                near.write_all(b"!").unwrap();
            });
            assert_eq!(ready, [Ready { key, readable: true, ..Ready::default() }]);
            assert!(poller.remove(key));
        }
    }

    fn a_wait_for_descriptors_is_ended_by_the_waker(harness: &Harness) {
        let pull = harness.pull();
        let (_near, far) = UnixStream::pair().unwrap();
        let poller = Poller::new();
        poller.add(&pull, Interest::READABLE);
        poller.add_fd(&far, Interest::READABLE);
        for _ in 0..50 {
            assert_eq!(while_waiting(&poller, || poller.waker().wake()), []);
        }
        assert_eq!(poller.wait(Some(Duration::from_millis(1))).unwrap(), []);
    }

    fn a_descriptor_is_kept_until_it_is_removed(_: &Harness) {
        let (mut near, far) = UnixStream::pair().unwrap();
        let poller = Poller::<'static>::new();
        let key = poller.add_owned_fd(far, Interest::WRITABLE);
        assert_eq!(poller.wait(None).unwrap(), [Ready { key, writable: true, ..Ready::default() }]);
        near.write_all(b"somebody is there").unwrap();
        assert!(poller.remove(key));
        // What nobody has read is lost with it, which is told as an error.
        match near.read(&mut [0]) {
            Ok(bytes) => assert_eq!(bytes, 0),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
}

fn what_is_closed_is_told_though_an_error_came_first(harness: &Harness) {
    let (closed, other) = (harness.pull(), Context::new());
    let terminated = other.pull().unwrap();
    let poller = Poller::new();
    let keys = [&closed, &terminated].map(|socket| poller.add(socket, Interest::READABLE));
    closed.close();
    other.shutdown();
    assert!(matches!(poller.wait(None), Err(Error::Terminated)));
    assert!(poller.remove(keys[1]));
    let ready = poller.wait(None).unwrap();
    assert_eq!(ready, [Ready { key: keys[0], closed: true, ..Ready::default() }]);
    assert!(matches!(poller.wait(None), Err(Error::Closed)), "it is told once");
}
