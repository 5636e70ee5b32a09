//! The biased lock, as threads of different rank meet on it.
#![cfg(target_os = "linux")]

use ringmq_pipe::{BiasedMutex, Reentered};
use std::fs::{read_link, read_to_string};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Often enough to become the lock's owner.
const FAITHFUL: u32 = 1_000;

/// Sleeps that are no accident: on the way there may be one for a lock or a barrier.
const SLEEPS: u64 = 50;

/// How often a thread of this process has given up its processor because it had to wait.
fn sleeps_of(thread: &Path) -> u64 {
    let status = read_to_string(thread.join("status")).expect("a thread that is there");
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.expect("a count").trim().parse().expect("a number")
}

/// An owner that is inside may need the processor of whoever waits for it. Linux counts how often a thread
/// sleeps; one that only lets others go first is not counted.
#[test]
fn who_takes_the_bias_away_sleeps_until_the_owner_is_outside() {
    let lock = BiasedMutex::new(0);
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
        let before = sleeps_of(&taker);
        let waits = (0..6_000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            sleeps_of(&taker) >= before + SLEEPS
        });
        assert!(matches!(lock.lock(), Err(Reentered)), "also without the bias");
        drop(guard);
        assert_eq!(taking.join().expect("no panic"), Ok(FAITHFUL));
        assert!(waits, "it does not sleep");
    });
}
