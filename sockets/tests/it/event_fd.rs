//! The event descriptor: how the event loops of others learn that a socket is ready.

use crate::harness::{Harness, PATIENCE, everywhere, within_process};
use ringmq::kind::Kind;
use ringmq::{Error, Socket, SocketType};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::time::Duration;

everywhere![
    what_comes_is_told,
    nothing_is_missed_in_a_long_stream,
    room_is_told,
    of_a_context_that_ends_it_is_told,
];

within_process![
    what_there_is_already_is_told_of_a_new_one,
    a_type_is_never_ready_for_what_it_cannot_do,
    what_is_thrown_away_is_never_a_message,
];

/// Whether the descriptor can be read within a time.
fn told<K: Kind>(socket: &Socket<K>, within: Duration) -> bool {
    #[cfg(unix)]
    let fd = socket.event_fd().unwrap();
    #[cfg(windows)]
    let fd = socket.event_socket().unwrap();
    let within = Timespec::try_from(within).unwrap();
    poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&within)).unwrap() == 1
}

/// Waits as an event loop does: for the descriptor while the socket is not ready.
fn await_readable<K: Kind>(socket: &Socket<K>) {
    while !socket.events().unwrap().readable {
        assert!(told(socket, PATIENCE), "nothing is told");
    }
}

fn what_comes_is_told(harness: &Harness) {
    let (near, far) = (harness.pair(), harness.pair());
    harness.join(&near, &far);
    told(&near, Duration::ZERO);
    for number in 0..100u8 {
        assert!(!near.events().unwrap().readable);
        far.send([number]).unwrap();
        await_readable(&near);
        assert!(near.events().unwrap().readable, "until it is received");
        assert_eq!(near.try_recv().unwrap(), [number]);
    }
}

fn nothing_is_missed_in_a_long_stream(harness: &Harness) {
    const COUNT: u32 = 20_000;
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..COUNT {
                push.send(number.to_ne_bytes()).unwrap();
                if number % 1000 == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let mut next = 0;
        while next < COUNT {
            await_readable(&pull);
            while let Ok(message) = pull.try_recv() {
                assert_eq!(message, next.to_ne_bytes());
                next += 1;
            }
        }
    });
}

fn room_is_told(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(10).unwrap();
    pull.set_recv_hwm(10).unwrap();
    harness.join(&pull, &push);
    told(&push, Duration::ZERO);
    for _ in 0..3 {
        // More than the buffers of any connection hold.
        let mut sent = 0;
        while push.events().unwrap().writable {
            push.send(vec![7; 100_000]).unwrap();
            sent += 1;
        }
        let taken = std::thread::scope(|scope| {
            let taking = scope.spawn(|| {
                (0..sent).for_each(|_| drop(pull.recv().unwrap()));
            });
            while !push.events().unwrap().writable {
                assert!(told(&push, PATIENCE), "nothing is told");
            }
            taking.join()
        });
        taken.unwrap();
    }
}

fn of_a_context_that_ends_it_is_told(harness: &Harness) {
    let pull = harness.pull();
    told(&pull, Duration::ZERO);
    assert!(!pull.events().unwrap().readable);
    harness.context.shutdown();
    assert!(told(&pull, PATIENCE));
    assert!(matches!(pull.events(), Err(Error::Terminated)));
}

fn what_there_is_already_is_told_of_a_new_one(harness: &Harness) {
    let (near, far) = (harness.pair(), harness.pair());
    harness.join(&near, &far);
    far.send("early").unwrap();
    assert!(told(&near, PATIENCE));
    assert!(near.events().unwrap().readable);
}

fn a_type_is_never_ready_for_what_it_cannot_do(harness: &Harness) {
    use SocketType::{Pub, Pull, Push, Sub};
    for (socket_type, sends, receives) in
        [(Push, true, false), (Pull, false, true), (Pub, true, false), (Sub, false, true)]
    {
        let socket = harness.context.socket(socket_type).unwrap();
        let _ = socket.bind(&harness.anywhere()).unwrap();
        told(&socket, Duration::ZERO);
        let ready = socket.events().unwrap();
        assert!(!ready.readable && (!ready.writable || sends), "{socket_type:?}");
        assert!(receives != sends);
    }
}

fn what_is_thrown_away_is_never_a_message(harness: &Harness) {
    let (publisher, subscriber) = (harness.xpub(), harness.subscriber());
    subscriber.subscribe("a").unwrap();
    harness.join(&publisher, &subscriber);
    assert_eq!(publisher.recv().unwrap(), "\x01a");
    subscriber.set_invert_matching(true).unwrap();
    told(&subscriber, Duration::ZERO);
    for _ in 0..100 {
        publisher.send("a").unwrap();
        assert!(!subscriber.events().unwrap().readable);
    }
    subscriber.set_invert_matching(false).unwrap();
    publisher.send("a last").unwrap();
    await_readable(&subscriber);
    assert_eq!(subscriber.try_recv().unwrap(), "a last");
}
