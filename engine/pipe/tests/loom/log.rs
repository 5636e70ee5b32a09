//! The frame log.

use crate::{FEW, MANY, Parker, check};
use loom::thread;
use ringmq_pipe::frame::MORE;
use ringmq_pipe::{
    ATTACH, KnownPeer, LogReader, LogWriter, Message, PropertySource, SharedEncoder, Sleep,
    WriteError, log,
};
use std::sync::Arc;

/// Reads a frame, asleep while there is none; `None` at the end.
fn receive(reader: &mut LogReader, parker: &Parker) -> Option<Message> {
    loop {
        if let Some(message) = reader.read() {
            return Some(message);
        }
        if reader.ended() {
            return None;
        }
        if reader.fall_asleep() == Sleep::Asleep {
            parker.park();
        }
    }
}

/// Writes a frame, asleep while it is refused; `false` when the reader is gone.
fn send(writer: &mut LogWriter, flags: u8, body: &[u8], parker: &Parker) -> bool {
    loop {
        match writer.write_body(flags, body) {
            Ok(()) => return true,
            Err(WriteError::Full) => parker.park(),
            Err(WriteError::Closed) => return false,
        }
    }
}

/// Sends `bodies` through a log of `hwm` from another thread and returns what arrives before the end.
fn through(hwm: u32, bodies: &'static [&'static [u8]]) -> Vec<Message> {
    let (mut writer, mut reader) = log(hwm);
    let sender = thread::spawn(move || {
        let parker = Parker::new();
        writer.install(parker.clone(), 0);
        for body in bodies {
            assert!(send(&mut writer, 0, body, &parker));
        }
    });
    let parker = Parker::new();
    reader.install(parker.clone(), 0);
    let messages: Vec<_> = std::iter::from_fn(|| receive(&mut reader, &parker)).collect();
    sender.join().unwrap();
    messages
}

#[test]
fn a_sleeping_reader_misses_no_message() {
    check(MANY - 1, || {
        assert_eq!(through(0, &[b"one"]), [b"one"]);
    });
}

struct Named(&'static str);

impl PropertySource for Named {
    fn get(&self, _: &str) -> Option<&[u8]> {
        Some(self.0.as_bytes())
    }

    fn size(&self) -> usize {
        self.0.len()
    }
}

#[test]
fn each_message_is_its_senders() {
    check(FEW, || {
        let (mut writer, mut reader) = log(0);
        let sender = thread::spawn(move || {
            let parker = Parker::new();
            for name in ["one", "two"] {
                writer.set_peer(Some(KnownPeer::new(Arc::new(Named(name)))));
                assert!(send(&mut writer, 0, name.as_bytes(), &parker));
            }
        });
        let parker = Parker::new();
        reader.install(parker.clone(), 0);
        for name in ["one", "two"] {
            let message = receive(&mut reader, &parker).expect("two were sent");
            let properties = message.properties().expect("its sender is known");
            assert_eq!(
                (&message[..], properties.get("Name")),
                (name.as_bytes(), Some(name.as_bytes()))
            );
        }
        sender.join().unwrap();
    });
}

/// Two wait on one log, as two tasks on a socket do. One has put it to sleep and relies on being told;
/// what the other does before it sleeps, too, must not take that away.
#[test]
fn a_log_that_sleeps_for_one_tells_although_another_looks() {
    check(MANY, || {
        let (mut writer, mut reader) = log(0);
        let parker = Parker::new();
        reader.install(parker.clone(), 0);
        let sender = thread::spawn(move || {
            writer.write_body(0, b"one").unwrap();
            writer
        });
        if reader.fall_asleep() == Sleep::Asleep {
            // The other one looks, and goes away with what it may find.
            if reader.fall_asleep() == Sleep::Ready {
                assert!(reader.read().is_some());
            }
            parker.park();
        }
        drop(sender.join().unwrap());
    });
}

#[test]
fn a_batch_and_what_is_left_of_one_arrive() {
    check(FEW, || {
        assert_eq!(through(0, &[b"a", b"b", b"c"]), [b"a", b"b", b"c"]);
    });
}

#[test]
fn a_refused_writer_misses_no_credit() {
    check(FEW, || {
        assert_eq!(through(1, &[b"one", b"two"]), [b"one", b"two"]);
    });
}

#[test]
fn segments_are_left_by_their_writer_before_they_are_freed() {
    // 32 bytes hold one of these, 64 hold two.
    const BODY: &[u8] = b"nineteen bytes are";
    static BODIES: [&[u8]; 3] = [BODY; 3];
    check(FEW, || {
        assert_eq!(through(0, &BODIES), BODIES);
    });
}

#[test]
fn a_message_of_several_segments_is_visible_whole_or_not_at_all() {
    check(MANY, || {
        let (mut writer, mut reader) = log(0);
        let sender = thread::spawn(move || {
            writer.write_body(0, b"before").unwrap();
            writer.write_body(MORE, b"a part that takes room").unwrap();
            writer.write_uncounted(MORE, Message::from(bytes()));
            writer.write_body(0, b"the last part").unwrap();
            writer
        });
        let mut seen = 0;
        while let Some(message) = reader.read() {
            seen += 1;
            while message.more() {
                seen += 1;
                if !reader.read().unwrap().more() {
                    break;
                }
            }
        }
        assert!([0, 1, 4].contains(&seen), "{seen} frames");
        let writer = sender.join().unwrap();
        drop(writer);
        assert_eq!(seen + std::iter::from_fn(|| reader.read()).count(), 4);
        assert!(reader.ended());
    });
}

/// A body that is attached.
fn bytes() -> Vec<u8> {
    vec![7; ATTACH]
}

#[test]
fn what_is_taken_back_was_never_there() {
    check(MANY, || {
        let (mut writer, mut reader) = log(0);
        let sender = thread::spawn(move || {
            writer.write_body(0, b"before").unwrap();
            writer.write_body(MORE, b"a part that takes room").unwrap();
            writer.write_body(MORE, b"and another in the next").unwrap();
            writer.rollback();
            writer.write_body(0, b"after").unwrap();
        });
        let first = reader.read();
        sender.join().unwrap();
        let all: Vec<_> = first.into_iter().chain(std::iter::from_fn(|| reader.read())).collect();
        assert_eq!(all, [&b"before"[..], b"after"]);
    });
}

#[test]
fn gathered_spans_are_credited_when_they_are_done_with() {
    check(FEW, || {
        let (mut writer, mut reader) = log(1);
        let sender = thread::spawn(move || {
            let parker = Parker::new();
            writer.install(parker.clone(), 0);
            for body in [b"a", b"b"] {
                assert!(send(&mut writer, 0, body, &parker));
            }
        });
        let parker = Parker::new();
        reader.install(parker.clone(), 0);
        let mut bytes = Vec::new();
        while !reader.ended() {
            let mut pieces = Vec::new();
            reader.gather(100, &mut pieces);
            bytes.extend(pieces.iter().flat_map(|piece| piece.bytes().to_vec()));
            reader.done(pieces.iter().map(|piece| piece.messages).sum());
            if reader.fall_asleep() == Sleep::Asleep {
                parker.park();
            }
        }
        assert_eq!(bytes, b"\0\x01a\0\x01b");
        sender.join().unwrap();
    });
}

/// A writer that waits until the reader is done with all but so many messages.
fn await_few(writer: &mut LogWriter, left: u64, step: u64, parker: &Parker) {
    while let Some(credited) = writer.await_credit(step)
        && writer.written().wrapping_sub(credited) > left
    {
        parker.park();
    }
    writer.stop_awaiting();
}

#[test]
fn a_writer_that_waits_for_any_credit_misses_none() {
    // Told by what is taken where that is enough, and by a log that is drained.
    for step in [1, 9] {
        check(FEW, move || {
            let (mut writer, mut reader) = log(0);
            let sender = thread::spawn(move || {
                let parker = Parker::new();
                writer.install(parker.clone(), 0);
                (0..2).for_each(|_| assert!(send(&mut writer, 0, b"m", &parker)));
                await_few(&mut writer, if step == 1 { 1 } else { 0 }, step, &parker);
                assert!(send(&mut writer, 0, b"m", &parker));
            });
            let parker = Parker::new();
            reader.install(parker.clone(), 0);
            assert_eq!(std::iter::from_fn(|| receive(&mut reader, &parker)).count(), 3);
            sender.join().unwrap();
        });
    }
}

#[test]
fn a_writer_that_waits_for_any_credit_hears_of_a_reader_that_leaves() {
    check(MANY, || {
        let (mut writer, mut reader) = log(0);
        let sender = thread::spawn(move || {
            let parker = Parker::new();
            writer.install(parker.clone(), 0);
            (0..2).for_each(|_| drop(send(&mut writer, 0, b"m", &parker)));
            await_few(&mut writer, 0, 1, &parker);
        });
        drop(reader.read());
        drop(reader);
        sender.join().unwrap();
    });
}

#[test]
fn a_refused_writer_misses_no_credit_that_comes_in_short_steps() {
    check(FEW, || {
        let (mut writer, mut reader) = log(2);
        writer.set_credit_step(1);
        let sender = thread::spawn(move || {
            let parker = Parker::new();
            writer.install(parker.clone(), 0);
            (0..4).for_each(|_| assert!(send(&mut writer, 0, b"m", &parker)));
        });
        let parker = Parker::new();
        reader.install(parker.clone(), 0);
        assert_eq!(std::iter::from_fn(|| receive(&mut reader, &parker)).count(), 4);
        sender.join().unwrap();
    });
}

#[test]
fn a_lowered_mark_strands_nobody() {
    check(FEW, || {
        let (mut writer, mut reader) = log(4);
        let sender = thread::spawn(move || {
            let parker = Parker::new();
            writer.install(parker.clone(), 0);
            assert!(send(&mut writer, 0, b"a", &parker));
            writer.set_hwm(1);
            assert!(send(&mut writer, 0, b"b", &parker));
        });
        let parker = Parker::new();
        reader.install(parker.clone(), 0);
        let messages: Vec<_> = std::iter::from_fn(|| receive(&mut reader, &parker)).collect();
        assert_eq!(messages, [b"a", b"b"]);
        sender.join().unwrap();
    });
}

#[test]
fn a_reader_that_leaves_frees_a_refused_writer() {
    check(MANY, || {
        let (mut writer, mut reader) = log(1);
        let sender = thread::spawn(move || {
            let parker = Parker::new();
            writer.install(parker.clone(), 0);
            let sent = (0..3).take_while(|_| send(&mut writer, 0, b"m", &parker)).count();
            assert!(sent <= 2, "{sent} of a mark of one, and one read");
        });
        drop(reader.read());
        drop(reader);
        sender.join().unwrap();
    });
}

/// A body that holds a token.
struct Foreign(Vec<u8>, #[expect(dead_code, reason = "held")] Arc<()>);

impl AsRef<[u8]> for Foreign {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[test]
fn both_ends_leave_at_once_and_nothing_stays() {
    check(MANY, || {
        let token = Arc::new(());
        let (mut writer, mut reader) = log(0);
        let held = token.clone();
        let sender = thread::spawn(move || {
            for flags in [0, MORE] {
                let body = Foreign(bytes(), held.clone());
                writer.write_uncounted(flags, Message::from_owner(body));
            }
        });
        reader.install(Parker::new(), 0);
        drop(reader.read());
        drop(reader);
        sender.join().unwrap();
        assert_eq!(Arc::strong_count(&token), 1);
    });
}

#[test]
fn what_is_encoded_once_arrives_everywhere() {
    check(FEW, || {
        let mut encoder = SharedEncoder::new();
        let (mut far, mut reader) = log(0);
        let (mut near, mut own) = log(0);
        let parker = Parker::new();
        reader.install(parker.clone(), 0);
        let receiver = thread::spawn(move || {
            std::iter::from_fn(|| receive(&mut reader, &parker)).collect::<Vec<_>>()
        });
        for body in [&b"first"[..], b"second"] {
            let frame = encoder.encode(0, body);
            far.write_shared(&frame).unwrap();
            near.write_shared(&frame).unwrap();
        }
        drop((far, near, encoder));
        assert_eq!(receiver.join().unwrap(), [&b"first"[..], b"second"]);
        assert_eq!(own.read().unwrap(), *b"first");
        assert_eq!(own.read().unwrap(), *b"second");
    });
}

#[test]
fn a_log_that_refers_to_a_press_comes_back_to_its_own_block() {
    check(FEW, || {
        let (mut writer, mut reader) = log(0);
        let sender = thread::spawn(move || {
            let mut encoder = SharedEncoder::new();
            // Two are copied, and the third is referred to.
            for body in [&b"first"[..], b"second", b"third"] {
                writer.write_shared(&encoder.encode(0, body)).unwrap();
            }
            writer.write_body(0, b"own").unwrap();
        });
        let mut messages: Vec<_> = std::iter::from_fn(|| reader.read()).collect();
        sender.join().unwrap();
        messages.extend(std::iter::from_fn(|| reader.read()));
        assert_eq!(messages, [&b"first"[..], b"second", b"third", b"own"]);
    });
}

#[test]
fn a_message_keeps_its_block_when_both_ends_leave_at_once() {
    // Too long to be in the message itself.
    const BODY: &[u8] = &[7; 70];
    check(MANY, || {
        let (mut writer, mut reader) = log(0);
        writer.write_body(0, BODY).unwrap();
        let message = reader.read().unwrap();
        let copy = message.clone();
        let user = thread::spawn(move || assert_eq!(copy, *BODY));
        let leaver = thread::spawn(move || drop(writer));
        drop(reader);
        assert_eq!(message, *BODY);
        drop(message);
        user.join().unwrap();
        leaver.join().unwrap();
    });
}
