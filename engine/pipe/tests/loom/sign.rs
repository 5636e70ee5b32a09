//! Signs are not lost, and none is left behind.

use crate::{MANY, check};
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use ringmq_pipe::Sign;
use std::sync::Arc;

/// A descriptor that can be read while signs are in it.
struct Descriptor {
    signs: Mutex<u32>,
    changed: Condvar,
}

impl Descriptor {
    fn give(&self) -> bool {
        *self.signs.lock().unwrap() += 1;
        self.changed.notify_one();
        true
    }

    fn wait(&self) {
        let mut signs = self.signs.lock().unwrap();
        while *signs == 0 {
            signs = self.changed.wait(signs).unwrap();
        }
    }
}

/// Two threads do something and tell it; one waits until it has seen all of it. A lost sign is a deadlock.
#[test]
fn what_is_told_is_seen_and_no_sign_stays() {
    check(MANY, || {
        let descriptor = Arc::new(Descriptor { signs: Mutex::new(0), changed: Condvar::new() });
        let (sign, done) =
            (Arc::new(Sign::new()), Arc::new([AtomicU32::new(0), AtomicU32::new(0)]));
        let givers: Vec<_> = (0..2)
            .map(|number| {
                let (descriptor, sign, done) = (descriptor.clone(), sign.clone(), done.clone());
                thread::spawn(move || {
                    done[number].store(1, Ordering::Relaxed);
                    sign.raise(|| descriptor.give());
                })
            })
            .collect();
        let lower = || {
            sign.lower(|| {
                let mut signs = descriptor.signs.lock().unwrap();
                assert!(*signs <= 1, "one sign is enough");
                std::mem::take(&mut *signs) == 1
            });
        };
        while done.iter().any(|done| done.load(Ordering::Relaxed) == 0) {
            descriptor.wait();
            lower();
        }
        givers.into_iter().for_each(|giver| giver.join().unwrap());
        lower();
        assert_eq!(*descriptor.signs.lock().unwrap(), 0, "a sign stays");
    });
}
