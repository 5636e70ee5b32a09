//! No wakeup is lost, whichever way either side waits.

use crate::harness::{Harness, PATIENCE, eventually, everywhere};
use futures_lite::future::block_on;
use ringmq::{Dealer, Interest, Message, Poller};

everywhere![thousands_of_round_trips, one_that_only_looks_sees_everything, many_small_bursts,];

/// Receives in one of four ways.
fn receive(socket: &Dealer, way: u32) -> Message {
    match way % 4 {
        0 => socket.recv().unwrap(),
        1 => block_on(socket.recv_async()).unwrap(),
        2 => {
            let poller = Poller::new();
            poller.add(socket, Interest::READABLE);
            assert_eq!(poller.wait(Some(PATIENCE)).unwrap().len(), 1);
            socket.try_recv().unwrap()
        }
        _ => loop {
            match socket.try_recv() {
                Ok(message) => return message,
                Err(_) => std::thread::yield_now(),
            }
        },
    }
}

fn thousands_of_round_trips(harness: &Harness) {
    const TRIPS: u32 = 1600;
    let (a, b) = (harness.dealer(), harness.dealer());
    harness.join(&a, &b);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..TRIPS {
                let message = receive(&b, number / 4);
                b.send(message).unwrap();
            }
        });
        for number in 0..TRIPS {
            a.send(number.to_be_bytes()).unwrap();
            assert_eq!(receive(&a, number), number.to_be_bytes());
        }
    });
}

fn one_that_only_looks_sees_everything(harness: &Harness) {
    let (a, b) = (harness.dealer(), harness.dealer());
    harness.join(&a, &b);
    for burst in 0..70u8 {
        (0..burst).for_each(|number| a.send([number]).unwrap());
        let mut next = 0;
        eventually("all are seen", || {
            while let Ok(message) = b.try_recv() {
                assert_eq!(message, [next]);
                next += 1;
            }
            next == burst
        });
    }
}

fn many_small_bursts(harness: &Harness) {
    let (a, b) = (harness.dealer(), harness.dealer());
    harness.join(&a, &b);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for burst in 0..300u32 {
                for number in 0..burst % 9 {
                    a.send(number.to_be_bytes()).unwrap();
                }
                a.send("end").unwrap();
                assert_eq!(a.recv().unwrap(), "go on");
            }
        });
        for burst in 0..300u32 {
            for number in 0..burst % 9 {
                assert_eq!(receive(&b, burst), number.to_be_bytes());
            }
            assert_eq!(receive(&b, burst + 1), "end");
            b.send("go on").unwrap();
        }
    });
}
