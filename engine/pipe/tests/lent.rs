//! Bodies whose owners wait for them.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Foreign, body};
use ringmq_pipe::{Message, log};
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
