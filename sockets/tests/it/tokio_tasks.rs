//! Tasks of tokio runtimes: whoever waits does the I/O, whichever runtime that is, and nothing is lost when
//! tasks, futures, runtimes or connections end.

use crate::harness::{GLANCE, Harness, PATIENCE, await_peers, connected, eventually, everywhere};
use crate::harness::{over_tcp, over_wires};
use crate::raw::{Wire, frame, hello};
use futures_lite::future::{block_on, poll_once, yield_now};
use ringmq::{Pull, Push};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

everywhere![
    tasks_ask_and_answer,
    another_task_runs_while_one_drains_a_socket,
    another_task_runs_while_one_fills_a_socket,
    futures_dropped_after_any_number_of_polls_lose_nothing,
    a_runtime_without_io_does_as_well,
    a_runtime_that_ends_takes_no_message_with_it,
    a_second_runtime_may_wait_on_the_same_socket,
];

over_wires![
    streams_of_every_size_arrive_whole,
    tasks_and_threads_that_wait_for_one_socket_all_get_some,
    connections_come_and_go_under_a_task_that_waits,
    a_runtime_that_does_not_turn_holds_up_nobody,
    a_waker_that_panics_costs_nobody_a_message,
    a_connection_ends_though_a_reactor_watches_it,
];

over_tcp![heartbeats_go_on_while_a_task_waits, runtimes_that_are_gone_leave_no_descriptors];

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A connected pair with room for all that is sent.
fn roomy(harness: &Harness) -> (Push, Pull) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(0).unwrap();
    pull.set_recv_hwm(0).unwrap();
    harness.join(&pull, &push);
    (push, pull)
}

fn tasks_ask_and_answer(harness: &Harness) {
    for runtime in [current_thread(), multi_thread()] {
        let (req, rep) = (harness.req(), harness.rep());
        harness.join(&rep, &req);
        let server = runtime.spawn(async move {
            for _ in 0..500 {
                let request = rep.recv_async().await.unwrap();
                rep.send_async(request).await.unwrap();
            }
            rep
        });
        let client = runtime.spawn(async move {
            for number in 0..500u32 {
                req.send_async(number.to_be_bytes()).await.unwrap();
                assert_eq!(req.recv_async().await.unwrap(), number.to_be_bytes());
            }
        });
        runtime.block_on(async {
            client.await.unwrap();
            server.await.unwrap();
        });
    }
}

/// Turns that another task gets while `busy` runs on a current-thread runtime.
fn turns_beside(busy: impl Future<Output = ()> + Send + 'static) -> usize {
    let (runtime, turns) = (current_thread(), Arc::new(AtomicUsize::new(0)));
    let counted = turns.clone();
    runtime.spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    runtime.block_on(runtime.spawn(busy)).unwrap();
    turns.load(Ordering::Relaxed)
}

fn another_task_runs_while_one_drains_a_socket(harness: &Harness) {
    const MESSAGES: usize = 15_000;
    let (push, pull) = roomy(harness);
    (0..MESSAGES).for_each(|number| push.send(number.to_be_bytes()).unwrap());
    let turns = turns_beside(async move {
        for number in 0..MESSAGES {
            assert_eq!(pull.recv_async().await.unwrap(), number.to_be_bytes());
        }
    });
    assert!(turns >= MESSAGES / 600, "{turns} turns");
}

fn another_task_runs_while_one_fills_a_socket(harness: &Harness) {
    const MESSAGES: usize = 15_000;
    let (push, _pull) = roomy(harness);
    let turns = turns_beside(async move {
        for number in 0..MESSAGES {
            push.send_async(number.to_be_bytes()).await.unwrap();
        }
    });
    assert!(turns >= MESSAGES / 600, "{turns} turns");
}

fn streams_of_every_size_arrive_whole(harness: &Harness) {
    const LENGTHS: [usize; 9] = [5, 70_000, 62, 63, 8191, 300_000, 8192, 8193, 20_000];
    const MESSAGES: usize = 500;
    let body = |number: usize| vec![number as u8; LENGTHS[number % LENGTHS.len()]];
    for runtime in [current_thread(), multi_thread()] {
        let (push, pull) = (harness.push(), harness.pull());
        harness.join(&pull, &push);
        let sender = runtime.spawn(async move {
            for number in 0..MESSAGES {
                push.send_multipart_async([body(number), vec![1]]).await.unwrap();
                if number % 50 == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            push
        });
        let receiver = runtime.spawn(async move {
            for number in 0..MESSAGES {
                let message = pull.recv_multipart_async().await.unwrap();
                assert!(message[0] == body(number)[..] && message.len() == 2, "number {number}");
            }
        });
        runtime.block_on(async {
            receiver.await.unwrap();
            sender.await.unwrap();
        });
    }
}

fn tasks_and_threads_that_wait_for_one_socket_all_get_some(harness: &Harness) {
    const EACH: usize = 50;
    const WAITERS: usize = 6;
    let (push, pull) = (harness.push(), Arc::new(harness.pull()));
    harness.join(&*pull, &push);
    let (one, other) = (current_thread(), multi_thread());
    let each = |pull: Arc<Pull>| async move {
        for _ in 0..EACH {
            pull.recv_async().await.unwrap();
        }
    };
    std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..2).map(|_| other.spawn(each(pull.clone()))).collect();
        scope.spawn(|| {
            one.block_on(async {
                tokio::join!(each(pull.clone()), each(pull.clone()));
            });
        });
        // Under an executor that has no reactor, and without one.
        scope.spawn(|| block_on(each(pull.clone())));
        scope.spawn(|| (0..EACH).for_each(|_| drop(pull.recv().unwrap())));
        for number in 0..WAITERS * EACH {
            push.send("for somebody").unwrap();
            if number % 7 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        other.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

fn connections_come_and_go_under_a_task_that_waits(harness: &Harness) {
    const ROUNDS: usize = 8;
    let pull = Arc::new(harness.pull());
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    let runtime = multi_thread();
    let waits = pull.clone();
    let waiting = runtime.spawn(async move {
        for _ in 0..(1..=ROUNDS).sum() {
            assert_eq!(waits.recv_async().await.unwrap(), "here");
        }
    });
    for count in 1..=ROUNDS {
        let pushes: Vec<_> = (0..count).map(|_| harness.push()).collect();
        for push in &pushes {
            push.connect(&endpoint).unwrap();
            await_peers(push, 1);
            push.set_linger(None).unwrap();
            push.send("here").unwrap();
        }
    }
    runtime.block_on(waiting).unwrap();
    eventually("they are all gone", || pull.stats().is_empty());
}

fn futures_dropped_after_any_number_of_polls_lose_nothing(harness: &Harness) {
    const MESSAGES: u32 = 600;
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(3).unwrap();
    pull.set_recv_hwm(3).unwrap();
    harness.join(&pull, &push);
    let (one, other) = (current_thread(), multi_thread());
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            other.block_on(async {
                let mut sent = BTreeSet::new();
                for number in 0..MESSAGES {
                    let message = [number.to_be_bytes().to_vec(), vec![0; 20_000]];
                    let mut sending = push.send_multipart_async(message);
                    for _ in 0..=number % 5 {
                        if let Some(result) = poll_once(&mut sending).await {
                            result.unwrap();
                            sent.insert(number);
                            break;
                        }
                        yield_now().await;
                    }
                }
                push.send_multipart_async(["end", ""]).await.unwrap();
                sent
            })
        });
        let received = one.block_on(async {
            let mut received = BTreeSet::new();
            for polls in 0.. {
                let mut receiving = pull.recv_multipart_async();
                for _ in 0..=polls % 5 {
                    if let Some(message) = poll_once(&mut receiving).await {
                        let message = message.unwrap();
                        if message[0] == "end" {
                            return received;
                        }
                        let number = u32::from_be_bytes(message[0][..].try_into().unwrap());
                        assert!(received.insert(number), "{number} came twice");
                        break;
                    }
                    yield_now().await;
                }
            }
            received
        });
        assert_eq!(received, sending.join().unwrap());
    });
}

fn a_runtime_without_io_does_as_well(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let runtime = Builder::new_current_thread().build().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..50u8 {
                push.send([number]).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        runtime.block_on(async {
            for number in 0..50u8 {
                assert_eq!(pull.recv_async().await.unwrap(), [number]);
            }
        });
    });
}

fn a_runtime_that_ends_takes_no_message_with_it(harness: &Harness) {
    let (push, pull) = (harness.push(), Arc::new(harness.pull()));
    harness.join(&*pull, &push);
    for round in 0..20u8 {
        let runtime = if round % 2 == 0 { current_thread() } else { multi_thread() };
        let (first, then) = (pull.clone(), pull.clone());
        // One that waits, and is not waited for.
        let received = Arc::new(AtomicBool::new(false));
        let told = received.clone();
        runtime.spawn(async move {
            let _ = first.recv_async().await;
            told.store(true, Ordering::SeqCst);
        });
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
        match round % 4 {
            0 | 1 => drop(runtime),
            _ => runtime.shutdown_background(),
        }
        push.send([round]).unwrap();
        // A task that a runtime shut down in the background has not let go of yet may have it.
        let message = multi_thread()
            .block_on(async move { tokio::time::timeout(GLANCE * 4, then.recv_async()).await });
        match message {
            Ok(message) => assert_eq!(message.unwrap(), [round]),
            Err(_) => eventually("it went to the task", || received.load(Ordering::SeqCst)),
        }
    }
}

fn a_second_runtime_may_wait_on_the_same_socket(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let runtimes = [current_thread(), multi_thread(), current_thread()];
    for number in 0..60u8 {
        // Of a runtime that is there and does not turn nothing is to be expected.
        let mut receiving = pull.recv_async();
        let early = runtimes[usize::from(number) % 3].block_on(poll_once(&mut receiving));
        assert!(early.is_none());
        push.send([number]).unwrap();
        let message = match number % 4 {
            3 => block_on(receiving),
            _ => runtimes[usize::from(number / 3) % 3].block_on(receiving),
        };
        assert_eq!(message.unwrap(), [number]);
    }
}

fn a_runtime_that_does_not_turn_holds_up_nobody(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let runtime = current_thread();
    let _entered = runtime.enter();
    for number in 0..20u8 {
        let mut receiving = pull.recv_async();
        assert!(block_on(poll_once(&mut receiving)).is_none());
        push.send([number]).unwrap();
        assert_eq!(block_on(receiving).unwrap(), [number]);
    }
}

struct PanicsWhenWoken;

impl Wake for PanicsWhenWoken {
    fn wake(self: Arc<Self>) {
        panic!("on purpose: a waker");
    }
}

fn a_waker_that_panics_costs_nobody_a_message(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let runtime = multi_thread();
    for number in 0..20u8 {
        let _entered = runtime.enter();
        let waker = Waker::from(Arc::new(PanicsWhenWoken));
        let mut panics = Box::pin(pull.recv_async());
        assert!(panics.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let mut receiving = Box::pin(pull.recv_async());
        assert!(block_on(poll_once(&mut receiving)).is_none());
        push.send([number]).unwrap();
        assert_eq!(block_on(receiving).unwrap(), [number]);
    }
}

fn a_connection_ends_though_a_reactor_watches_it(harness: &Harness) {
    let (push, pull) = (harness.push(), Arc::new(harness.pull()));
    let endpoint = harness.join(&*pull, &push);
    let runtime = multi_thread();
    let waits = pull.clone();
    let waiting = runtime.spawn(async move {
        assert_eq!(waits.recv_async().await.unwrap(), "first");
        waits.recv_async().await
    });
    push.send("first").unwrap();
    eventually("the task waits again", || {
        std::thread::sleep(Duration::from_millis(5));
        pull.stats()[0].queued == 0
    });
    // The runtime lives on, and so does the task: the peer sees the end of the connection all the same.
    pull.unbind(&endpoint).unwrap();
    eventually("the peer sees it", || connected(&push) == 0);
    assert!(!waiting.is_finished());
    waiting.abort();
}

fn heartbeats_go_on_while_a_task_waits(harness: &Harness) {
    for turns in [true, false] {
        let rep = Arc::new(harness.rep());
        rep.set_heartbeat_interval(Duration::from_millis(20)).unwrap();
        rep.set_heartbeat_timeout(Some(PATIENCE)).unwrap();
        let mut req = Wire::connect(&rep.bind(&harness.anywhere()).unwrap()).unwrap();
        req.write(&hello("REQ"));
        let (runtime, serves) = (current_thread(), rep.clone());
        let serving = async move {
            loop {
                let request = serves.recv_async().await.unwrap();
                serves.send_async(request).await.unwrap();
            }
        };
        runtime.spawn(serving);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
                }
            });
            for _ in 0..3 {
                req.write(&[frame(1, b""), frame(0, b"request")].concat());
                req.read_past(b"request");
            }
            if !turns {
                done.store(true, Ordering::SeqCst);
            }
            for _ in 0..3 {
                req.read_past(b"\x04PING");
                req.write(&frame(4, b"\x04PONG"));
                req.write(&frame(4, b"\x04PING\0\0abc"));
                req.read_past(b"\x04PONGabc");
            }
            done.store(true, Ordering::SeqCst);
        });
    }
}

fn runtimes_that_are_gone_leave_no_descriptors(harness: &Harness) {
    const RUNTIMES: usize = 200;
    let descriptors = || std::fs::read_dir("/dev/fd").unwrap().count();
    let (_push, pull) = roomy(harness);
    let before = descriptors();
    for _ in 0..RUNTIMES {
        assert!(current_thread().block_on(poll_once(pull.recv_async())).is_none());
    }
    // Other tests may run in this process.
    let left = descriptors().saturating_sub(before);
    assert!(left < RUNTIMES, "{left} descriptors are left by {RUNTIMES} runtimes");
}
