//! What mailboxes, waiters and latest-only slots promise.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Counter, Foreign};
use ringmq_pipe::{Mailbox, Message, Refused, Sleep, Waiters, latest};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Wake, Waker};

#[test]
fn only_the_first_command_since_the_last_look_asks_for_a_wake() {
    let mailbox = Mailbox::new();
    assert!(!mailbox.pending());
    assert!(mailbox.post(1));
    assert!(!mailbox.post(2));
    assert!(mailbox.pending() && mailbox.pending_for_waiter());
    mailbox.begin();
    assert!(mailbox.post(3));
    assert_eq!((mailbox.take(), mailbox.take()), (Some(1), Some(2)));
    assert_eq!((mailbox.take(), mailbox.take()), (Some(3), None));
    assert!(mailbox.pending(), "once too often is harmless");
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_waiter_is_woken_by_its_latest_waker_until_it_is_removed() {
    let (waiters, old, new) = (Waiters::new(), Arc::<Woken>::default(), Arc::<Woken>::default());
    let count = |woken: &Woken| woken.0.load(Ordering::Relaxed);
    let key = waiters.add(Waker::from(old.clone()));
    waiters.wake();
    waiters.update(key, &Waker::from(new.clone()));
    waiters.wake();
    waiters.remove(key);
    waiters.remove(key);
    waiters.wake();
    assert_eq!((count(&old), count(&new)), (1, 1));
    assert_eq!((Arc::strong_count(&old), Arc::strong_count(&new)), (1, 1));
}

/// A waker whose end is the end of a future that is registered with the same waiters.
struct Future(Arc<(Waiters, OnceLock<u64>)>);

impl Wake for Future {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Future {
    fn drop(&mut self) {
        let (waiters, key) = &*self.0;
        waiters.remove(*key.get().unwrap());
    }
}

#[test]
fn dropping_a_waker_may_remove_another() {
    for remove in [true, false] {
        let shared = Arc::new((Waiters::new(), OnceLock::new()));
        let other = shared.0.add(Waker::noop().clone());
        shared.1.set(other).unwrap();
        let waker = Waker::from(Arc::new(Future(shared.clone())));
        let key = shared.0.add(waker);
        match remove {
            true => shared.0.remove(key),
            false => shared.0.update(key, Waker::noop()),
        }
        assert_eq!(Arc::strong_count(&shared), 1);
    }
}

#[test]
fn the_latest_message_takes_the_place_of_the_others() {
    let token = Arc::new(());
    let told = Counter::new();
    let (mut writer, mut reader) = latest();
    reader.install(told.clone(), 0);
    assert_eq!(reader.check(), Sleep::Asleep);
    for n in 0..3 {
        let mut message = Foreign::message(vec![n; 100], &token);
        message.set_more(true);
        writer.write(&mut message).unwrap();
    }
    assert_eq!((told.told(), writer.replaced()), ((1, 0), 2));
    assert_eq!(Arc::strong_count(&token), 2);
    assert_eq!(reader.check(), Sleep::Ready);
    let message = reader.read().unwrap();
    assert_eq!((message.more(), &message[..]), (false, &[2; 100][..]));
    writer.write(&mut Message::from("unread")).unwrap();
    drop(reader);
    assert_eq!(writer.write(&mut message.clone()), Err(Refused::Closed));
    drop((message, writer));
    assert_eq!(Arc::strong_count(&token), 1);
}

#[test]
fn a_slot_whose_writer_is_gone_ends_after_its_message() {
    let (mut writer, mut reader) = latest();
    writer.write(&mut Message::from("last")).unwrap();
    drop(writer);
    assert!(!reader.ended());
    assert_eq!(reader.read().unwrap(), "last");
    assert!(reader.ended() && reader.check() == Sleep::Ready);
}
