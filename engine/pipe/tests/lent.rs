//! Bodies whose owners wait for them.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Foreign, body};
use ringmq_pipe::{ATTACH, Message, frame, log};
use std::sync::Arc;

#[test]
fn what_is_lent_is_not_copied_however_short() {
    let token = Arc::new(());
    for len in [1, 62, 63, 255, 256, 5000] {
        let (mut writer, mut reader) = log(0);
        let mut lent = Foreign::message(body(len, 1), &token);
        lent.set_lent();
        for _ in 0..100 {
            let mut first = lent.clone();
            first.set_more(true);
            writer.write(&mut first).unwrap();
            writer.write(&mut Message::from(body(len, 2))).unwrap();
        }
        drop(lent);
        for _ in 0..100 {
            assert_eq!(Arc::strong_count(&token), 2, "{len}");
            let (first, second) = (reader.read().unwrap(), reader.read().unwrap());
            assert_eq!((&first[..], first.more()), (&body(len, 1)[..], true));
            assert_eq!((&second[..], second.more()), (&body(len, 2)[..], false));
        }
        assert_eq!((reader.read().map(drop), Arc::strong_count(&token)), (None, 1), "{len}");
    }
}

/// What goes to the kernel in one piece, and as a frame always is.
#[test]
fn what_is_lent_and_short_is_given_back_when_it_is_gathered_for_a_wire() {
    let token = Arc::new(());
    let (mut writer, mut reader) = log(0);
    let lengths: Vec<usize> = [1, 62, 255, 256, 5000, 10].into_iter().cycle().take(100).collect();
    let mut expected = Vec::new();
    for (number, &len) in lengths.iter().enumerate() {
        let mut lent = Foreign::message(body(len, number as u32), &token);
        lent.set_lent();
        let more = number % 3 == 0;
        lent.set_more(more);
        let mut header = [0; frame::LONG_HEADER];
        let size = frame::write(&mut header, if more { frame::MORE } else { 0 }, len);
        expected.extend_from_slice(&header[..size]);
        expected.extend_from_slice(&lent);
        writer.write(&mut lent).unwrap();
    }
    let mut long = Foreign::message(body(ATTACH, 1), &token);
    long.set_lent();
    writer.write(&mut long).unwrap();
    assert_eq!(Arc::strong_count(&token), 102);
    let (mut pieces, mut messages) = (Vec::new(), 0);
    reader.gather(usize::MAX, &mut pieces);
    assert_eq!(Arc::strong_count(&token), 2, "the long one goes as it is");
    let long = pieces.pop().unwrap();
    assert!(long.is_body() && long.bytes() == body(ATTACH, 1));
    let header = pieces.pop().unwrap();
    assert_eq!(header.bytes().len(), frame::LONG_HEADER);
    // One for each segment: as many bodies as one refers to.
    assert!(pieces.len() <= 5, "{}", pieces.len());
    let mut wire = Vec::new();
    for piece in &pieces {
        wire.extend_from_slice(piece.bytes());
        messages += piece.messages;
    }
    assert_eq!((wire, messages), (expected, 66));
    reader.done(66);
}
