//! Messages in every representation.
#![allow(unsafe_code)]

use super::*;

#[test]
fn small_bodies_are_copied_whole_at_every_length() {
    let body: Vec<u8> = (0..=255).collect();
    for len in 0..=255 {
        let message = Message::copy_from(&body[..len]);
        assert_eq!(message.as_slice(), &body[..len]);
        assert_eq!(message.clone().into_bytes(), &body[..len]);
    }
}

#[test]
fn a_foreign_buffer_is_freed_with_its_last_reference() {
    use std::sync::Arc;
    struct Foreign(#[expect(dead_code, reason = "counts")] Arc<()>, [u8; 100]);
    impl AsRef<[u8]> for Foreign {
        fn as_ref(&self) -> &[u8] {
            &self.1
        }
    }
    let alive = Arc::new(());
    let message = Message::from_owner(Foreign(alive.clone(), [1; 100]));
    let copy = message.clone();
    drop(message);
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(copy);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn flags_survive_a_move_and_do_not_touch_the_body() {
    for body in [vec![1; 3], vec![2; 300]] {
        let mut message = Message::from(body.clone());
        message.set_more(true);
        assert!(message.more() && !message.is_command());
        message.set_more(false);
        assert!(!message.more());
        assert_eq!(message.as_slice(), &body[..]);
    }
}

fn first_byte(message: &Message) -> u8 {
    // SAFETY: the flags, or what tells that a message is not inline: initialised in each.
    unsafe { *std::ptr::from_ref(message).cast::<u8>() }
}

#[test]
fn no_message_has_the_first_byte_of_a_closed_one() {
    for flags in 0..=255 {
        for message in [vec![1; 3], vec![2; 300]].map(Message::from) {
            let mut grouped = message.clone();
            grouped.set_group(b"group").expect("a short one");
            for mut message in [message, grouped] {
                message.set_flags(flags);
                assert!(first_byte(&message) < 0x10);
            }
        }
    }
}

#[test]
fn what_a_c_program_may_write_to_stays_where_it_is_when_it_gets_a_group() {
    let bodies = [Message::build(100, |body| body.fill(7)), Message::from(vec![7; 100])];
    for mut message in bodies {
        let place = message.as_ptr();
        for group in [&b"one"[..], b"another", b"", b"third"] {
            assert_eq!(message.set_group_apart(group), Ok(()));
            assert_eq!((message.as_ptr(), message.group()), (place, group));
        }
        assert_eq!(message, [7; 100]);
    }
}

#[test]
fn a_group_has_a_longest() {
    let mut message = Message::from("body");
    let longest = [b'x'; GROUP_MAX];
    assert_eq!(message.set_group(&longest), Ok(()));
    assert_eq!(message.set_group(&[b'y'; GROUP_MAX + 1]), Err(GroupTooLong));
    assert_eq!(message.group(), longest);
    assert_eq!(message.set_group(b""), Ok(()));
    assert_eq!((message.group(), message.as_slice()), (&b""[..], &b"body"[..]));
}

/// Everything of which a message is made, and what of that is copied.
#[test]
fn what_is_owned_is_not_copied_unless_it_is_short() {
    use std::borrow::Cow;
    fn is_moved<T: AsRef<[u8]> + Into<Message>>(owned: T) -> bool {
        let at = owned.as_ref().as_ptr();
        owned.into().as_ptr() == at
    }
    for len in [INLINE, INLINE + 1, 10_000] {
        let (bytes, text) = (vec![b'x'; len], "x".repeat(len));
        let long = len > INLINE;
        let boxed: Box<[u8]> = bytes.clone().into();
        let shared = Bytes::from(bytes.clone());
        assert_eq!([is_moved(bytes.clone()), is_moved(boxed), is_moved(text.clone())], [long; 3]);
        assert!(Message::from(&shared).as_ptr() == shared.as_ptr(), "referred to");
        let boxed: Box<str> = text.clone().into();
        let at = boxed.as_ptr();
        assert_eq!(Message::from(boxed).as_ptr() == at, long);
        for body in [Cow::Owned(bytes.clone()), Cow::Borrowed(&bytes[..])] {
            let (at, owned) = (body.as_ptr(), matches!(body, Cow::Owned(_)));
            let message = Message::from(body);
            assert_eq!((message.as_ptr() == at, &message[..]), (owned && long, &bytes[..]));
        }
        for body in [Cow::Owned(text.clone()), Cow::Borrowed(&text[..])] {
            let (at, owned) = (body.as_ptr(), matches!(body, Cow::Owned(_)));
            let message = Message::from(body);
            assert_eq!((message.as_ptr() == at, &message[..]), (owned && long, text.as_bytes()));
        }
        assert_eq!(Message::from(&bytes), bytes);
    }
}

#[test]
fn a_vector_that_was_sent_comes_back_as_itself_unless_others_refer_to_it() {
    let body = vec![7; 1000];
    let at = body.as_ptr();
    let message = Message::from(body);
    let other = message.clone();
    let copy = Vec::from(other);
    assert_ne!(copy.as_ptr(), at);
    let same = Vec::from(message);
    assert_eq!((same.as_ptr(), same), (at, vec![7; 1000]));
    let (mut writer, mut reader) = crate::log(0);
    for len in [0, INLINE, INLINE + 1, 300] {
        writer.write_body(0, &vec![1; len]).expect("no limit");
        let message = reader.read().expect("one was written");
        assert_eq!(Vec::from(message.clone()), vec![1; len]);
        assert_eq!(Bytes::from(message), vec![1; len]);
    }
}

#[test]
fn a_message_equals_what_has_its_bytes_whichever_stands_first() {
    use std::borrow::Cow;
    /// Both ways, and neither with what differs.
    fn check<T>(same: T, different: T)
    where
        T: PartialEq<Message>,
        Message: PartialEq<T>,
    {
        let message = Message::from("same");
        let (equal, unequal) = ([message == same, same == message], message == different);
        assert_eq!((equal, unequal, different == message), ([true; 2], false, false));
    }
    check(*b"same", *b"diff");
    check(b"same", b"diff");
    check(&b"same"[..], &b"not so"[..]);
    check(b"same".to_vec(), vec![]);
    check(Bytes::from("same"), Bytes::new());
    check(Box::<[u8]>::from(*b"same"), Box::default());
    check(Cow::Borrowed(&b"same"[..]), Cow::Owned(vec![1]));
    check("same", "");
    check("same".to_owned(), "different".to_owned());
    check(Box::<str>::from("same"), Box::default());
    check(Cow::Borrowed("same"), Cow::Owned("different".to_owned()));
    let message = Message::from("same");
    assert_eq!([message == *"same", *"same" == message], [true; 2]);
    assert_eq!([message == b"same"[..], b"same"[..] == message], [true; 2]);
}

#[test]
fn equal_messages_are_one_key_however_they_are_held() {
    use std::collections::HashMap;
    let (mut writer, mut reader) = crate::log(0);
    let mut counts = HashMap::new();
    let body = vec![b'k'; 100];
    let mut more = Message::copy_from(&body);
    more.set_more(true);
    writer.write_body(0, &body).expect("no limit");
    for message in [more, Message::from_owner(body.clone()), reader.read().expect("one")] {
        *counts.entry(message).or_insert(0) += 1;
    }
    assert_eq!((counts.len(), counts[&body[..]]), (1, 3));
}

#[test]
fn a_message_is_shown_as_text() {
    assert_eq!(Message::from("gr\u{fc}n").to_string(), "gr\u{fc}n");
    assert_eq!(Message::from(b"a\xffb").to_string(), "a\u{fffd}b");
    assert_eq!(format!("[{:>6.2}]", Message::from("text")), "[    te]");
    assert_eq!(String::try_from(Message::from("text")), Ok("text".to_owned()));
    assert_eq!(<&str>::try_from(&Message::from("text")), Ok("text"));
    let failed = String::try_from(Message::from(b"a\xff")).expect_err("no text");
    assert_eq!(failed.into_bytes(), b"a\xff", "nothing is lost");
}

/// Needs what models are built without.
#[cfg(not(loom))]
mod any_order {
    use super::super::properties::{KnownPeer, PropertySource};
    use super::*;
    use crate::log;
    use proptest::prelude::*;
    use std::sync::Arc;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Flags(u8),
        More(bool),
        RoutingId(u32),
        Group(usize),
        KeepProperties,
        /// Goes on with a clone; which of the two is dropped first.
        Clone(bool),
        Move,
        PeerOfAnother,
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => any::<u8>().prop_map(Step::Flags),
            3 => any::<bool>().prop_map(Step::More),
            3 => any::<u32>().prop_map(Step::RoutingId),
            3 => prop::sample::select(vec![0, 1, 40, 255, 256]).prop_map(Step::Group),
            2 => Just(Step::KeepProperties),
            4 => any::<bool>().prop_map(Step::Clone),
            4 => Just(Step::Move),
            1 => Just(Step::PeerOfAnother),
            1 => Just(Step::Clear),
        ]
    }

    struct Named;

    impl PropertySource for Named {
        fn get(&self, name: &str) -> Option<&[u8]> {
            (name == "Name").then_some(b"somebody")
        }

        fn size(&self) -> usize {
            8
        }
    }

    /// What a message is, in the simplest words.
    #[derive(Clone, Debug, Default, PartialEq)]
    struct Model {
        body: Vec<u8>,
        flags: u8,
        routing_id: u32,
        group: Vec<u8>,
        /// It was sent by [`Named`].
        known: bool,
    }

    impl Model {
        fn of(message: &Message) -> Self {
            let properties = message.properties();
            Self {
                body: message.to_vec(),
                flags: message.flags(),
                routing_id: message.routing_id(),
                group: message.group().to_vec(),
                known: properties.is_some_and(|found| found.get("Name") == Some(b"somebody")),
            }
        }
    }

    /// One that was received from a peer, which has it cut out of the log if it is long.
    fn received(body: &[u8], peer: &KnownPeer) -> Message {
        let (mut writer, mut reader) = log(0);
        writer.set_peer(Some(peer.clone()));
        writer.write_body(0, body).expect("no limit");
        reader.read().expect("one was written")
    }

    fn take(message: &mut Message, model: &mut Model, step: Step, peer: &KnownPeer) {
        match step {
            Step::Flags(flags) => {
                message.set_flags(flags);
                model.flags = flags & (MORE | COMMAND);
            }
            Step::More(more) => {
                message.set_more(more);
                model.flags = model.flags & !MORE | if more { MORE } else { 0 };
            }
            Step::RoutingId(id) => {
                message.set_routing_id(id);
                model.routing_id = id;
            }
            Step::Group(len) => {
                let group = vec![b'g'; len];
                if message.set_group(&group).is_ok() {
                    model.group = group;
                }
            }
            Step::KeepProperties => {
                let before = message.as_ptr();
                assert_eq!(message.keep_properties().is_some(), model.known);
                assert_eq!(message.as_ptr(), before, "the body stays where it is");
            }
            Step::Clone(first) => {
                let clone = message.clone();
                let original = std::mem::replace(message, clone);
                let mut other = if first { original } else { std::mem::replace(message, original) };
                other.release_properties();
            }
            Step::Move => {
                let moved = Box::new(std::mem::take(message));
                assert_eq!(Model::of(message), Model::default(), "what is left is empty");
                *message = *std::hint::black_box(moved);
            }
            Step::PeerOfAnother => {
                message.release_properties();
                message.set_peer_of(&received(b"another", peer));
                model.known = true;
            }
            Step::Clear => {
                message.release_properties();
                message.clear();
                *model = Model::default();
            }
        }
        assert_eq!(Model::of(message), *model);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 8 } else { ProptestConfig::default().cases },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn a_message_is_the_same_in_every_representation(
            len in prop::sample::select(vec![0, 1, INLINE - 1, INLINE, INLINE + 1, 300, 10_000]),
            is_received: bool,
            steps in prop::collection::vec(step(), 0..30),
        ) {
            let body: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let peer = KnownPeer::new(Arc::new(Named));
            let mut message =
                if is_received { received(&body, &peer) } else { Message::from(body.clone()) };
            let mut model = Model { body, known: is_received, ..Model::default() };
            assert_eq!(Model::of(&message), model);
            for step in steps {
                take(&mut message, &mut model, step, &peer);
            }
            let (body, flags) = (model.body.clone(), model.flags);
            let bare = message.clone().into_frame();
            assert_eq!(Model::of(&bare), Model { body, flags, ..Model::default() });
            message.release_properties();
            assert_eq!(message.into_bytes(), model.body);
        }
    }

    #[test]
    fn properties_are_remembered_for_a_while_and_for_as_long_as_they_are_kept() {
        let peer = KnownPeer::new(Arc::new(Named));
        let mut keeps = received(b"one", &peer);
        assert!(keeps.keep_properties().is_some());
        let clone = keeps.clone();
        let asks = received(b"two", &peer);
        drop(peer);
        // More than are remembered.
        (0..1_000).for_each(|_| drop(KnownPeer::new(Arc::new(Named))));
        assert!(keeps.properties().is_some() && clone.properties().is_some());
        keeps.release_properties();
        let messages = [asks, keeps, clone];
        assert!(messages.iter().all(|message| message.properties().is_none()));
    }
}
