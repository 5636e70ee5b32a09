//! The biased lock, as threads of different rank meet on it.
#![cfg(target_os = "linux")]

use ringmq_pipe::{Exclusive, Reentered};
use std::fs::{read_link, read_to_string};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Often enough to become the lock's owner.
const FAITHFUL: u32 = 1_000;

/// An owner that is inside may need the processor of whoever waits for it. Linux tells of every thread
/// whether it sleeps.
#[test]
fn who_takes_the_bias_away_sleeps_until_the_owner_is_outside() {
    let lock = Exclusive::new(0);
    for _ in 0..FAITHFUL {
        *lock.lock().expect("outside") += 1;
    }
    std::thread::scope(|scope| {
        let guard = lock.lock_as_owner().expect("its owner");
        let (tell, told) = channel();
        let taking = scope.spawn({
            let lock = &lock;
            move || {
                tell.send(read_link("/proc/thread-self").expect("/proc")).expect("a listener");
                lock.lock().map(|guard| *guard)
            }
        });
        let taker = Path::new("/proc").join(told.recv().expect("a path"));
        let sleeps = || {
            let stat = read_to_string(taker.join("stat")).expect("a thread that is there");
            stat.rsplit(") ").next().is_some_and(|state| state.starts_with('S'))
        };
        // In a row, so that nothing else is meant that it sleeps for on the way.
        let mut row = 0;
        let waits = (0..6_000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            row = if sleeps() { row + 1 } else { 0 };
            row == 3
        });
        assert!(matches!(lock.lock(), Err(Reentered)), "also without the bias");
        drop(guard);
        assert_eq!(taking.join().expect("no panic"), Ok(FAITHFUL));
        assert!(waits, "it was never seen asleep");
    });
}
