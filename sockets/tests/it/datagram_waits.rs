//! Threads that wait for datagrams read them by themselves, and are told of everything that happens meanwhile.

use crate::harness::over_tcp as on_each_backend;
use crate::harness::{Harness, PATIENCE, await_kind, eventually};
use ringmq::kind::{Kind, Receives};
use ringmq::{Dish, Error, Interest, Message, Poller, Radio, Socket};
use std::net::UdpSocket;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

on_each_backend![
    who_waits_hears_of_the_end_of_the_context,
    who_waits_hears_of_what_is_unbound_and_bound_again,
    what_a_waiting_thread_meets_is_told_of_at_once,
    several_that_wait_get_all_between_them,
    who_waits_and_who_looks_take_turns,
    who_waits_at_several_addresses_hears_all_of_them,
    tasks_and_threads_take_turns,
];

/// So long that a thread which waits for it receives the next by itself.
fn long(body: impl AsRef<[u8]>) -> Vec<u8> {
    [body.as_ref(), &[b'.'; 5000]].concat()
}

/// The same, for the group.
fn message(body: impl AsRef<[u8]>) -> Message {
    let mut message = Message::from(long(body));
    message.set_group(b"g").unwrap();
    message
}

/// A dish in the group, and a radio that it hears.
fn pair(harness: &Harness) -> (Radio, Dish, String) {
    let (radio, dish) = (harness.radio(), harness.dish());
    dish.join("g").unwrap();
    let endpoint = dish.bind("udp://127.0.0.1:*").unwrap();
    radio.connect(&endpoint).unwrap();
    (radio, dish, endpoint)
}

/// A group that nobody else has, for epgm.
fn epgm() -> String {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("epgm://127.0.0.1;239.192.9.1:{port}")
}

/// Gives a thread that waits the time to go through all stages of that.
fn let_it_wait() {
    std::thread::sleep(Duration::from_millis(5));
}

/// Whoever waits on it hears of that when the context ends.
fn ends<K: Receives + Kind>(harness: &Harness, socket: &Socket<K>) {
    socket.set_recv_timeout(None).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| socket.recv());
        let_it_wait();
        harness.context.shutdown();
        assert!(matches!(waiting.join().unwrap(), Err(Error::Terminated)));
    });
}

fn who_waits_hears_of_the_end_of_the_context(harness: &Harness) {
    let (radio, dish, _) = pair(harness);
    let subscriber = harness.subscriber();
    subscriber.subscribe("").unwrap();
    subscriber.connect(&epgm()).unwrap();
    radio.send(message("first")).unwrap();
    assert_eq!(dish.recv().unwrap(), long("first"));
    std::thread::scope(|scope| {
        scope.spawn(|| ends(harness, &dish));
        ends(harness, &subscriber);
    });
}

fn who_waits_hears_of_what_is_unbound_and_bound_again(harness: &Harness) {
    let (radio, dish, endpoint) = pair(harness);
    for round in 0..5u8 {
        std::thread::scope(|scope| {
            // Some of what was sent before may come still.
            let waiting = scope.spawn(|| while dish.recv().unwrap() != long([round]) {});
            let_it_wait();
            dish.unbind(&endpoint).unwrap();
            eventually("the address is free", || dish.bind(&endpoint).is_ok());
            let start = Instant::now();
            while !waiting.is_finished() && start.elapsed() < PATIENCE {
                radio.send(message([round])).unwrap();
                std::thread::yield_now();
            }
            waiting.join().unwrap();
        });
    }
}

fn what_a_waiting_thread_meets_is_told_of_at_once(harness: &Harness) {
    let (radio, dish, endpoint) = pair(harness);
    let monitor = dish.monitor();
    let bare = UdpSocket::bind("127.0.0.1:0").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| dish.recv().unwrap());
        let_it_wait();
        bare.send_to(b"\x09short", endpoint.strip_prefix("udp://").unwrap()).unwrap();
        await_kind!(&monitor, Dropped);
        assert_eq!(dish.stats()[0].dropped, 1);
        radio.send(message("a whole one")).unwrap();
        assert_eq!(waiting.join().unwrap(), long("a whole one"));
    });
    // The same of a source that begins and ends.
    let (publisher, subscriber, group) = (harness.publisher(), harness.subscriber(), epgm());
    subscriber.subscribe("").unwrap();
    subscriber.connect(&group).unwrap();
    eventually("it is a member", || !subscriber.stats()[0].peer.is_empty());
    let monitor = subscriber.monitor();
    publisher.set_linger(None).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            assert_eq!(subscriber.recv().unwrap(), long("one"));
            assert_eq!(subscriber.recv().unwrap(), long("two"));
        });
        publisher.connect(&group).unwrap();
        publisher.send(long("one")).unwrap();
        await_kind!(&monitor, SourceBegan);
        drop(publisher);
        await_kind!(&monitor, SourceEnded);
        let second = harness.publisher();
        second.connect(&group).unwrap();
        second.send(long("two")).unwrap();
        waiting.join().unwrap();
    });
}

fn several_that_wait_get_all_between_them(harness: &Harness) {
    const THREADS: u32 = 3;
    const ROUNDS: u32 = 50;
    let (radio, dish, _) = pair(harness);
    let received = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while dish.recv().unwrap() != long("over") {
                    received.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for round in 0..ROUNDS {
            (0..10u8).for_each(|number| radio.send(message([number])).unwrap());
            eventually("they have it", || received.load(Ordering::SeqCst) == 10 * (round + 1));
        }
        (0..THREADS).for_each(|_| radio.send(message("over")).unwrap());
    });
}

fn who_waits_and_who_looks_take_turns(harness: &Harness) {
    let (radio, dish, _) = pair(harness);
    for round in 0..100u8 {
        radio.send(message([round])).unwrap();
        let heard = match round % 3 {
            0 => dish.recv().unwrap(),
            1 => {
                let poller = Poller::new();
                poller.add(&dish, Interest::READABLE);
                assert_eq!(poller.wait(Some(PATIENCE)).unwrap().len(), 1);
                dish.try_recv().unwrap()
            }
            _ => {
                let mut heard = None;
                eventually("it comes", || {
                    heard = dish.try_recv().ok();
                    heard.is_some()
                });
                heard.unwrap()
            }
        };
        assert_eq!(heard, long([round]));
    }
}

/// More than are read one by one.
fn who_waits_at_several_addresses_hears_all_of_them(harness: &Harness) {
    let (radio, dish, _) = pair(harness);
    for more in 0..6u8 {
        for round in 0..3u8 {
            radio.send(message([more, round])).unwrap();
            (0..=more).for_each(|_| assert_eq!(dish.recv().unwrap(), long([more, round])));
        }
        let endpoint = dish.bind("udp://127.0.0.1:*").unwrap();
        radio.connect(&endpoint).unwrap();
    }
}

fn tasks_and_threads_take_turns(harness: &Harness) {
    let (radio, dish, _) = pair(harness);
    let many = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for round in 0..60u8 {
        radio.send(message([round])).unwrap();
        let heard = match round % 3 {
            0 => dish.recv(),
            1 => many.block_on(async { dish.recv_async().await }),
            _ => one.block_on(async { dish.recv_async().await }),
        };
        assert_eq!(heard.unwrap(), long([round]));
    }
}
