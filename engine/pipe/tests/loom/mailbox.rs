//! Mailboxes, waiters, and the slot that keeps the latest message.

use crate::{FEW, MANY, Parker, check};
use loom::thread;
use ringmq_pipe::{Mailbox, Message, Sleep, Waiters, conflated};
use std::sync::Arc;
use std::task::Waker;

#[test]
fn a_mailbox_that_is_waited_for_loses_no_command() {
    check(FEW, || {
        let shared = Arc::new((Mailbox::new(), Waiters::new()));
        let post = |command: u32| {
            let shared = shared.clone();
            thread::spawn(move || {
                if shared.0.post(command) {
                    shared.1.wake();
                }
            })
        };
        let posters = [post(1), post(2)];
        let (mailbox, waiters) = &*shared;
        let mut sum = 0;
        loop {
            mailbox.begin();
            sum += std::iter::from_fn(|| mailbox.take()).sum::<u32>();
            if sum == 3 {
                break;
            }
            let parker = Parker::new();
            let key = waiters.add(Waker::from(parker.clone()));
            if !mailbox.pending_for_waiter() {
                parker.park();
            }
            waiters.remove(key);
        }
        for poster in posters {
            poster.join().unwrap();
        }
    });
}

#[test]
fn a_slot_that_is_waited_for_loses_no_message() {
    check(MANY, || {
        let (mut writer, mut reader) = conflated();
        let sender = thread::spawn(move || {
            for body in ["old", "new"] {
                writer.write(&mut Message::from(body)).unwrap();
            }
        });
        let parker = Parker::new();
        reader.install(parker.clone(), 0);
        let mut last = Message::new();
        while !reader.ended() {
            match reader.read() {
                Some(message) => last = message,
                None if reader.check() == Sleep::Asleep => parker.park(),
                None => {}
            }
        }
        assert_eq!(last, "new");
        sender.join().unwrap();
    });
}
