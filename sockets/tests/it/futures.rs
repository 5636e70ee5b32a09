//! Futures: no runtime needed, any executor will do, and cancelling loses nothing.

use crate::harness::{Address, Harness, everywhere, within_process};
use futures_lite::future::{block_on, or, poll_once, race, yield_now};
use ringmq::Multipart;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

everywhere![
    a_future_waits_for_a_message,
    a_future_waits_for_room,
    a_dropped_receive_loses_nothing,
    a_dropped_receive_in_a_race_loses_nothing,
    a_cancelled_send_gives_the_message_back,
    a_cancelled_send_in_a_race_is_sent_or_given_back,
    two_sockets_can_be_raced,
    requests_and_replies_on_one_thread,
];

within_process![futures_go_from_thread_to_thread, the_latest_waker_is_woken];

fn a_future_waits_for_a_message(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    std::thread::scope(|scope| {
        let receiving = scope.spawn(|| {
            block_on(async {
                let one = pull.recv_async().await.unwrap();
                (one, pull.recv_multipart_async().await.unwrap())
            })
        });
        push.send("one").unwrap();
        push.send_multipart(["two", "frames"]).unwrap();
        assert_eq!(receiving.join().unwrap(), ("one".into(), ["two", "frames"].into()));
    });
}

fn a_future_waits_for_room(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(2).unwrap();
    pull.set_recv_hwm(2).unwrap();
    harness.join(&pull, &push);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                for number in 0..200u32 {
                    let message = [number.to_be_bytes().to_vec(), vec![0; 50_000]];
                    push.send_multipart_async(message).await.unwrap();
                }
            });
        });
        for number in 0..200u32 {
            assert_eq!(pull.recv_multipart().unwrap()[0], number.to_be_bytes());
        }
    });
}

fn a_dropped_receive_loses_nothing(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    for number in 0..100u8 {
        let mut receiving = pull.recv_multipart_async();
        let early = block_on(poll_once(&mut receiving));
        assert!(early.is_none());
        push.send_multipart([[number], [number]]).unwrap();
        drop(receiving);
        assert_eq!(pull.recv_multipart().unwrap(), [[number], [number]].into());
    }
}

/// Ends after a few turns of the executor.
async fn a_moment(turns: u32) {
    for _ in 0..turns {
        yield_now().await;
    }
}

fn a_dropped_receive_in_a_race_loses_nothing(harness: &Harness) {
    const MESSAGES: u32 = 2000;
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..MESSAGES {
                push.send(number.to_be_bytes()).unwrap();
            }
        });
        block_on(async {
            let mut next = 0;
            while next < MESSAGES {
                let received = async { Some(pull.recv_async().await.unwrap()) };
                let gave_up = async {
                    a_moment(next % 3).await;
                    None
                };
                if let Some(message) = or(received, gave_up).await {
                    assert_eq!(message, next.to_be_bytes());
                    next += 1;
                }
            }
        });
    });
}

fn a_cancelled_send_gives_the_message_back(harness: &Harness) {
    // As long as nobody is there, it is full with what its mark allows.
    const MARK: u32 = 3;
    let (address, push, pull) = (Address::new(harness), harness.push(), harness.pull());
    push.set_send_hwm(MARK).unwrap();
    push.connect(&address.endpoint).unwrap();
    for number in 0..MARK {
        push.try_send_multipart([number.to_be_bytes().to_vec(), vec![0; 100_000]]).unwrap();
    }
    let message: Multipart = ["given", "back"].into();
    let mut sending = push.send_multipart_async(message.clone());
    assert!(block_on(poll_once(&mut sending)).is_none());
    assert_eq!(sending.cancel(), message);
    address.bind(&pull);
    for number in 0..MARK {
        assert_eq!(pull.recv_multipart().unwrap()[0], number.to_be_bytes());
    }
    push.send("next").unwrap();
    assert_eq!(pull.recv_multipart().unwrap(), "next".into());
}

fn a_cancelled_send_in_a_race_is_sent_or_given_back(harness: &Harness) {
    const MESSAGES: u32 = 500;
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(2).unwrap();
    pull.set_recv_hwm(2).unwrap();
    harness.join(&pull, &push);
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut sent = BTreeSet::new();
            for number in 0..MESSAGES {
                let body = [number.to_be_bytes().to_vec(), vec![0; 20_000]];
                let mut sending = push.send_multipart_async(body);
                let done = block_on(async {
                    for _ in 0..=number % 4 {
                        if let Some(result) = poll_once(&mut sending).await {
                            result.unwrap();
                            return true;
                        }
                        std::thread::yield_now();
                    }
                    false
                });
                if done {
                    sent.insert(number);
                } else {
                    let back = sending.cancel();
                    assert_eq!((&back[0], back[1].len()), (&number.to_be_bytes().into(), 20_000));
                }
            }
            push.send("end").unwrap();
            sent
        });
        let mut received = BTreeSet::new();
        loop {
            let message = pull.recv_multipart().unwrap();
            if message[0] == "end" {
                break;
            }
            assert_eq!(message[1].len(), 20_000);
            let number = u32::from_be_bytes(message[0][..].try_into().unwrap());
            assert!(received.insert(number), "{number} came twice");
        }
        assert_eq!(received, sending.join().unwrap());
    });
}

fn two_sockets_can_be_raced(harness: &Harness) {
    let (push, one, two) = (harness.push(), harness.pull(), harness.pull());
    harness.join(&one, &push);
    harness.join(&two, &push);
    std::thread::scope(|scope| {
        scope.spawn(|| (0..100u8).for_each(|number| push.send([number]).unwrap()));
        let mut received: Vec<u8> = (0..100)
            .map(|_| block_on(race(one.recv_async(), two.recv_async())).unwrap()[0])
            .collect();
        received.sort_unstable();
        assert_eq!(received, (0..100).collect::<Vec<u8>>());
    });
}

fn requests_and_replies_on_one_thread(harness: &Harness) {
    let (req, rep) = (harness.req(), harness.rep());
    harness.join(&rep, &req);
    let client = async {
        for number in 0..100u8 {
            req.send_async([number]).await.unwrap();
            assert_eq!(req.recv_async().await.unwrap(), [number]);
        }
    };
    let server = async {
        loop {
            let request = rep.recv_async().await.unwrap();
            rep.send_async(request).await.unwrap();
        }
    };
    block_on(or(client, server));
}

fn futures_go_from_thread_to_thread(harness: &Harness) {
    fn sendable<F: Future + Send>(future: F) -> F {
        future
    }
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let monitor = pull.monitor();
    drop(sendable(monitor.recv_async()));
    drop(sendable(push.send_async("dropped")));
    drop(sendable(pull.recv_multipart_async()));
    let mut receiving = Box::pin(sendable(async { pull.recv_async().await.unwrap() }));
    assert!(block_on(poll_once(&mut receiving)).is_none());
    std::thread::scope(|scope| {
        let elsewhere = scope.spawn(|| block_on(receiving));
        push.send("found").unwrap();
        assert_eq!(elsewhere.join().unwrap(), "found");
    });
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn the_latest_waker_is_woken(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let counts = [Arc::new(Count::default()), Arc::new(Count::default())];
    let mut receiving = Box::pin(pull.recv_async());
    for count in &counts {
        let waker = Waker::from(count.clone());
        assert!(receiving.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    push.send("now").unwrap();
    let woken = counts.each_ref().map(|count| count.0.load(Ordering::SeqCst));
    assert_eq!(woken[0], 0);
    assert!(woken[1] > 0);
    assert_eq!(block_on(receiving).unwrap(), "now");
    // Nobody is left to wake.
    push.send("later").unwrap();
    assert_eq!(counts[1].0.load(Ordering::SeqCst), woken[1]);
}
