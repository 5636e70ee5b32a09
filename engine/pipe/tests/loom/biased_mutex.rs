//! The biased lock. In models whoever comes once is its owner.

use crate::{FEW, check};
use loom::thread;
use ringmq_pipe::BiasedMutex;
use std::sync::Arc;

/// Threads that come so many times each; the data is a cell that loom checks.
fn come(times: &'static [usize]) {
    check(FEW, move || {
        let lock = Arc::new(BiasedMutex::new(0));
        // As an owner if that is what the thread is, as sockets do it.
        let come = |lock: &BiasedMutex<usize>, times| {
            (0..times).for_each(|_| match lock.lock_as_owner() {
                Some(mut count) => *count += 1,
                None => *lock.lock().unwrap() += 1,
            });
        };
        let threads: Vec<_> = times[1..]
            .iter()
            .map(|&times| {
                let lock = lock.clone();
                thread::spawn(move || come(&lock, times))
            })
            .collect();
        come(&lock, times[0]);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*lock.lock().unwrap(), times.iter().sum::<usize>());
    });
}

#[test]
fn an_owner_and_a_stranger_never_meet() {
    come(&[3, 1]);
}

#[test]
fn two_owners_never_meet() {
    come(&[3, 3]);
}

#[test]
fn an_owner_that_lost_the_bias_does_not_let_a_stranger_in_on_the_next() {
    come(&[2, 2, 1]);
}
