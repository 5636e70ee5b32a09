//! What can be sent, and what a message of several frames is made of and taken apart into.

use crate::harness::{Harness, everywhere, within_process};
use ringmq::{
    Error, FrameCountError, Message, Multipart, Payload, Pull, Push, REFERENCED_FROM, SendError,
};
use std::borrow::Cow;

everywhere![
    whatever_is_bytes_or_text_arrives_at_any_length,
    parts_of_different_types_are_one_message,
    a_message_is_taken_apart_into_as_many_frames_as_it_has,
];

within_process![what_was_not_sent_comes_back_whatever_it_was, what_is_shared_is_referred_to];

/// Sends a body in one way, tries to in another, and has it received both times.
fn pass<P: Payload>((push, pull): (&Push, &Pull), payload: impl Fn() -> P, body: &[u8]) {
    push.send(payload()).unwrap();
    assert_eq!(pull.recv().unwrap(), *body);
    push.try_send(payload()).unwrap();
    assert_eq!(pull.recv().unwrap(), *body);
    assert_eq!(payload().into_message(), *body);
}

fn whatever_is_bytes_or_text_arrives_at_any_length(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let way = (&push, &pull);
    for len in [0, 1, 54, 55, REFERENCED_FROM - 1, REFERENCED_FROM, 100_000] {
        let text = "x".repeat(len);
        let bytes = text.clone().into_bytes();
        let (message, shared) = (Message::from(&bytes), bytes::Bytes::from(bytes.clone()));
        pass(way, || &bytes[..], &bytes);
        pass(way, || &bytes, &bytes);
        pass(way, || bytes.clone(), &bytes);
        pass(way, || bytes.clone().into_boxed_slice(), &bytes);
        pass(way, || Cow::Borrowed(&bytes[..]), &bytes);
        pass(way, || Cow::<[u8]>::Owned(bytes.clone()), &bytes);
        pass(way, || &shared, &bytes);
        pass(way, || shared.clone(), &bytes);
        pass(way, || &message, &bytes);
        pass(way, || message.clone(), &bytes);
        pass(way, || &text[..], &bytes);
        pass(way, || &text, &bytes);
        pass(way, || text.clone(), &bytes);
        pass(way, || text.clone().into_boxed_str(), &bytes);
        pass(way, || Cow::Borrowed(&text[..]), &bytes);
        pass(way, || Cow::<str>::Owned(text.clone()), &bytes);
    }
    pass(way, || [1, 2, 3], &[1, 2, 3]);
    pass(way, || &[1, 2, 3], &[1, 2, 3]);
    pass(way, || b"abc", b"abc");
}

fn what_is_shared_is_referred_to(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let body = vec![7; REFERENCED_FROM];
    let shared = bytes::Bytes::from(body.clone());
    push.send(&shared).unwrap();
    assert_eq!(pull.recv().unwrap().as_ptr(), shared.as_ptr());
    push.send(Message::from(&shared)).unwrap();
    assert_eq!(pull.recv().unwrap().as_ptr(), shared.as_ptr());
    let boxed = body.into_boxed_slice();
    let memory = boxed.as_ptr();
    push.send(boxed).unwrap();
    let received = Vec::from(pull.recv().unwrap());
    assert_eq!(received.as_ptr(), memory, "and given away again");
}

fn what_was_not_sent_comes_back_whatever_it_was(harness: &Harness) {
    let push = harness.push();
    let check = |failed: Result<(), SendError>, body: &[u8]| {
        let failed = failed.unwrap_err();
        assert!(failed.error.is_would_block());
        assert_eq!(failed.message, Message::from(body).into());
    };
    for len in [3, REFERENCED_FROM] {
        let text = "x".repeat(len);
        let body = text.as_bytes();
        let (vec, shared) = (body.to_vec(), bytes::Bytes::from(body.to_vec()));
        check(push.try_send(&vec), &vec);
        check(push.try_send(&shared), &shared);
        check(push.try_send(body.to_vec().into_boxed_slice()), body);
        check(push.try_send(Cow::Borrowed(&text[..])), body);
        check(push.try_send(text.clone().into_boxed_str()), body);
    }
}

fn parts_of_different_types_are_one_message(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let body = b"body".as_slice();
    push.send_multipart(("topic", body, vec![1, 2])).unwrap();
    let message = pull.recv_multipart().unwrap();
    assert_eq!(message, [&b"topic"[..], b"body", &[1, 2]].into());
    push.send_multipart(("alone",)).unwrap();
    assert_eq!(pull.recv_multipart().unwrap(), "alone".into());
    let many = ("1", b"2", "3".to_owned(), vec![b'4'], Message::from("5"), [b'6']);
    let (seventh, eighth) = (bytes::Bytes::from("7"), Box::<str>::from("8"));
    let twelve = (many.0, many.1, many.2, many.3, many.4, many.5);
    let twelve = (twelve.0, twelve.1, twelve.2, twelve.3, twelve.4, twelve.5, &seventh, eighth);
    let (a, b, c, d, e, f, g, h) = twelve;
    push.send_multipart((a, b, c, d, e, f, g, h, Cow::Borrowed("9"), "10", "11", "12")).unwrap();
    let numbers: Multipart = (1..=12).map(|number: u8| number.to_string()).collect();
    assert_eq!(pull.recv_multipart().unwrap(), numbers);
}

fn a_message_is_taken_apart_into_as_many_frames_as_it_has(harness: &Harness) {
    let (router, dealer) = (harness.router(), harness.dealer());
    dealer.set_routing_id("id").unwrap();
    harness.join(&router, &dealer);
    let serve = || -> Result<(), Error> {
        let [id, empty, mut body] = router.recv_multipart()?.try_into()?;
        body = body.repeat(2).into();
        Ok(router.send_multipart([id, empty, body])?)
    };
    dealer.send_multipart(["", "ask"]).unwrap();
    serve().unwrap();
    let frames = Vec::from(dealer.recv_multipart().unwrap());
    assert_eq!(frames, ["", "askask"].map(Message::from));
    for wrong in [vec!["only"], vec!["", "one", "two"]] {
        dealer.send_multipart(wrong.clone()).unwrap();
        let found = wrong.len() + 1;
        let Err(Error::FrameCount { expected: 3, found: told }) = serve() else { panic!() };
        assert_eq!(told, found);
    }
    let whole = Multipart::from(["a", "b"]);
    let failed = <[Message; 1]>::try_from(whole.clone()).unwrap_err();
    assert_eq!(failed, FrameCountError { expected: 1, message: whole });
    assert_eq!(failed.to_string(), "the message has 2 frames instead of 1");
    assert_eq!(<[Message; 0]>::try_from(Multipart::new()), Ok([]));
}
