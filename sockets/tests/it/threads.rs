//! One socket, many threads.

use crate::harness::{Harness, everywhere};
use ringmq::Multipart;
use std::collections::BTreeSet;
use std::sync::Mutex;

everywhere![
    many_threads_send_on_one_socket,
    many_threads_receive_on_one_socket,
    one_thread_sends_while_another_receives,
    options_are_set_while_messages_flow,
];

/// Messages of each sending thread.
const EACH: u32 = 2000;

fn many_threads_send_on_one_socket(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    std::thread::scope(|scope| {
        for name in 0..4u32 {
            let push = &push;
            scope.spawn(move || {
                for number in 0..EACH {
                    let frames = [name, number, name ^ number].map(u32::to_be_bytes);
                    push.send_multipart(frames).unwrap();
                }
            });
        }
        let mut next = [0; 4];
        for _ in 0..4 * EACH {
            let message = pull.recv_multipart().unwrap();
            let numbers: Vec<u32> =
                message.iter().map(|f| u32::from_be_bytes(f[..].try_into().unwrap())).collect();
            let [name, number, check] = numbers[..] else { panic!("torn: {message:?}") };
            assert_eq!((number, check), (next[name as usize], name ^ number));
            next[name as usize] += 1;
        }
    });
}

fn many_threads_receive_on_one_socket(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let received = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let message = pull.recv_multipart().unwrap();
                    if message.len() == 1 {
                        return;
                    }
                    assert_eq!(message[0], message[1]);
                    let number = u32::from_be_bytes(message[0][..].try_into().unwrap());
                    assert!(received.lock().unwrap().insert(number), "{number} came twice");
                }
            });
        }
        for number in 0..EACH {
            push.send_multipart([number.to_be_bytes(), number.to_be_bytes()]).unwrap();
        }
        (0..3).for_each(|_| push.send("end").unwrap());
    });
    assert_eq!(received.into_inner().unwrap().len(), EACH as usize);
}

fn one_thread_sends_while_another_receives(harness: &Harness) {
    let (a, b) = (harness.dealer(), harness.dealer());
    a.set_send_hwm(20).unwrap();
    b.set_send_hwm(20).unwrap();
    harness.join(&a, &b);
    std::thread::scope(|scope| {
        for socket in [&a, &b] {
            scope.spawn(move || {
                for number in 0..EACH {
                    socket.send(number.to_be_bytes()).unwrap();
                }
            });
            scope.spawn(move || {
                for number in 0..EACH {
                    assert_eq!(socket.recv().unwrap(), number.to_be_bytes());
                }
            });
        }
    });
}

fn options_are_set_while_messages_flow(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..EACH {
                push.send_multipart((0..3).map(|_| number.to_be_bytes()).collect::<Multipart>())
                    .unwrap();
            }
        });
        scope.spawn(|| {
            for mark in 1..200 {
                push.set_send_hwm(mark % 7 + 1).unwrap();
                pull.set_recv_hwm(mark % 5 + 1).unwrap();
                push.stats();
                pull.connect("inproc://somewhere else").unwrap();
                pull.disconnect("inproc://somewhere else").unwrap();
                std::thread::yield_now();
            }
        });
        for number in 0..EACH {
            assert_eq!(pull.recv_multipart().unwrap()[2], number.to_be_bytes());
        }
    });
}
