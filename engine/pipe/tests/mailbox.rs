//! What mailboxes, waiters and conflated slots promise.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Counter, Foreign, name, named};
use ringmq_pipe::{
    ConflatedReader, ConflatedWriter, Mailbox, Message, Sleep, Waiters, WriteError, conflated,
};
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
    let (mut writer, mut reader) = conflated();
    reader.install(told.clone(), 0);
    assert_eq!(reader.check(), Sleep::Asleep);
    for n in 0..3 {
        writer.write(&mut Foreign::message(vec![n; 100], &token)).unwrap();
    }
    assert_eq!((told.told(), writer.replaced()), ((1, 0), 2));
    assert_eq!(Arc::strong_count(&token), 2);
    assert_eq!(reader.check(), Sleep::Ready);
    let message = reader.read().unwrap();
    assert_eq!((message.more(), &message[..]), (false, &[2; 100][..]));
    writer.write(&mut Message::from("unread")).unwrap();
    drop(reader);
    assert_eq!(writer.write(&mut message.clone()), Err(WriteError::Closed));
    drop((message, writer));
    assert_eq!(Arc::strong_count(&token), 1);
}

#[test]
fn a_slot_whose_writer_is_gone_ends_after_its_message() {
    let (mut writer, mut reader) = conflated();
    writer.write(&mut Message::from("last")).unwrap();
    drop(writer);
    assert!(!reader.ended());
    assert_eq!(reader.read().unwrap(), "last");
    assert!(reader.ended() && reader.check() == Sleep::Ready);
}

/// Frames of one message.
fn write_all(writer: &mut ConflatedWriter, frames: &[&[u8]]) {
    for (at, frame) in frames.iter().enumerate() {
        let mut message = Message::copy_from(frame);
        message.set_more(at + 1 < frames.len());
        writer.write(&mut message).unwrap();
        assert!(message.is_empty() && !message.more());
    }
}

/// The next message, whole, as the bodies of its frames.
fn read_all(reader: &mut ConflatedReader) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(frame) = reader.read() {
        assert_eq!(reader.began(), frames.is_empty());
        frames.push(frame.to_vec());
        if !frame.more() {
            return frames;
        }
        assert!(reader.ready() && !reader.ended(), "the rest of it is there");
    }
    frames
}

#[test]
fn a_message_takes_the_place_of_another_as_a_whole() {
    let (mut writer, mut reader) = conflated();
    write_all(&mut writer, &[b"old", b"", b"last"]);
    write_all(&mut writer, &[b"new", b"last"]);
    let mut begun = Message::from("begun");
    begun.set_more(true);
    writer.write(&mut begun).unwrap();
    let first = reader.read().unwrap();
    assert!(first == "new" && first.more() && reader.began());
    // The reader is in the middle of one message, the writer in the middle of the next but one.
    write_all(&mut writer, &[b"whole"]);
    assert!(reader.read().unwrap() == "last" && !reader.began());
    assert_eq!(read_all(&mut reader), [&b"begun"[..], b"whole"]);
    assert_eq!((writer.replaced(), reader.check()), (1, Sleep::Asleep));
}

fn frame(body: &str, more: bool) -> Message {
    let mut frame = Message::from(body);
    frame.set_more(more);
    frame
}

#[test]
fn each_message_of_a_slot_is_its_senders() {
    let (mut writer, mut reader) = conflated();
    let (one, two) = (named("one"), named("two"));
    writer.set_peer(Some(one));
    for body in [vec![1; 3], vec![2; 300]] {
        let mut sent = Message::from(body.clone());
        sent.set_group(b"not for the slot").unwrap();
        sent.set_routing_id(7);
        writer.write(&mut sent).unwrap();
        let message = reader.read().unwrap();
        assert_eq!((&message[..], name(&message).as_deref()), (&body[..], Some("one")));
        assert_eq!((message.group(), message.routing_id()), (&b""[..], 0));
    }
    writer.write(&mut frame("head", true)).unwrap();
    writer.write(&mut frame("body", false)).unwrap();
    writer.set_peer(Some(two));
    for _ in 0..2 {
        assert_eq!(name(&reader.read().unwrap()).as_deref(), Some("one"));
    }
    writer.write(&mut frame("begun", true)).unwrap();
    writer.set_peer(None);
    writer.write(&mut frame("whole", false)).unwrap();
    let message = reader.read().unwrap();
    assert_eq!((&message[..], name(&message)), (&b"whole"[..], None));
}

#[test]
fn half_a_message_is_as_good_as_none() {
    let (mut writer, mut reader) = conflated();
    let mut half = Message::from("half");
    half.set_more(true);
    writer.write(&mut half.clone()).unwrap();
    writer.rollback();
    write_all(&mut writer, &[b"whole"]);
    writer.write(&mut half).unwrap();
    drop(writer);
    assert_eq!(read_all(&mut reader), [b"whole"]);
    assert!(reader.read().is_none() && reader.ended());
}

#[test]
fn a_command_takes_nobodys_place() {
    let (mut writer, mut reader) = conflated();
    write_all(&mut writer, &[b"message"]);
    let mut command = Message::from("command");
    command.set_flags(ringmq_pipe::frame::COMMAND);
    writer.write(&mut command).unwrap();
    assert_eq!(read_all(&mut reader), [b"message"]);
    assert_eq!((read_all(&mut reader).len(), writer.replaced()), (0, 0));
}
