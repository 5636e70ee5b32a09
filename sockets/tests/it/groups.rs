//! RADIO and DISH: who has joined a group gets what is for it.

use crate::harness::{
    GLANCE, Harness, PATIENCE, eventually, everywhere, over_wires, within_process,
};
use crate::raw::Wire;
use ringmq::{Dish, ErrorKind, Message, Radio};
use std::time::Duration;

everywhere![
    members_get_what_is_for_their_groups,
    who_leaves_a_group_gets_no_more_of_it,
    who_comes_back_is_a_member_still,
    large_bodies_and_many_members,
    a_slow_member_misses_messages_which_are_counted,
];

over_wires![
    what_is_said_on_the_wire_is_what_libzmq_says,
    what_is_no_message_to_a_group_is_thrown_away
];

within_process![what_is_refused];

fn message(group: &str, body: impl Into<Message>) -> Message {
    let mut message = body.into();
    message.set_group(group.as_bytes()).unwrap();
    message
}

/// Waits until what a dish has said is known to the radio.
fn await_groups(radio: &Radio, count: usize) {
    eventually("the groups are known", || radio.topics() == count);
}

fn expect(dish: &Dish, group: &str, body: &[u8]) {
    let heard = dish.recv().unwrap();
    assert_eq!((heard.group(), &heard[..], heard.more()), (group.as_bytes(), body, false));
}

fn nothing_comes(dish: &Dish) {
    dish.set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(dish.recv().unwrap_err().is_would_block());
    dish.set_recv_timeout(Some(PATIENCE)).unwrap();
}

pub(crate) fn members_get_what_is_for_their_groups(harness: &Harness) {
    let (radio, jazz, both) = (harness.radio(), harness.dish(), harness.dish());
    jazz.join("jazz").unwrap();
    both.join("jazz").unwrap();
    both.join("").unwrap();
    harness.join(&radio, &jazz);
    harness.join(&radio, &both);
    await_groups(&radio, 2);
    for (group, body) in
        [("ja", "a part of a name"), ("jazzy", "more than it"), ("jazz", "so what")]
    {
        radio.send(message(group, body)).unwrap();
    }
    radio.send("to no group").unwrap();
    radio.send(message("jazz", "blue in green")).unwrap();
    expect(&jazz, "jazz", b"so what");
    expect(&jazz, "jazz", b"blue in green");
    expect(&both, "jazz", b"so what");
    expect(&both, "", b"to no group");
    expect(&both, "jazz", b"blue in green");
    nothing_comes(&jazz);
    nothing_comes(&both);
}

fn who_leaves_a_group_gets_no_more_of_it(harness: &Harness) {
    let (radio, dish) = (harness.radio(), harness.dish());
    harness.join(&radio, &dish);
    dish.join("a").unwrap();
    dish.join("b").unwrap();
    await_groups(&radio, 2);
    radio.send(message("a", "1")).unwrap();
    expect(&dish, "a", b"1");
    radio.send(message("a", "on its way")).unwrap();
    dish.leave("a").unwrap();
    await_groups(&radio, 1);
    radio.send(message("a", "2")).unwrap();
    radio.send(message("b", "3")).unwrap();
    expect(&dish, "b", b"3");
    dish.join("a").unwrap();
    await_groups(&radio, 2);
    radio.send(message("a", "4")).unwrap();
    expect(&dish, "a", b"4");
}

fn who_comes_back_is_a_member_still(harness: &Harness) {
    let dish = harness.dish();
    dish.join("news").unwrap();
    let address = crate::harness::Address::new(harness);
    for round in 0..3u8 {
        let radio = harness.radio();
        address.bind(&radio);
        if round == 0 || harness.transport == crate::harness::Transport::Inproc {
            dish.connect(&address.endpoint).unwrap();
        }
        await_groups(&radio, 1);
        radio.send(message("news", vec![round])).unwrap();
        expect(&dish, "news", &[round]);
        drop(radio);
    }
}

fn large_bodies_and_many_members(harness: &Harness) {
    let radio = harness.radio();
    let dishes: Vec<_> = (0..6).map(|_| harness.dish()).collect();
    for dish in &dishes {
        dish.join("all").unwrap();
        harness.join(&radio, dish);
    }
    eventually("all are members", || radio.topics() == 1 && radio.stats().len() == dishes.len());
    // The word of each may still be on its way: whoever has heard a first one is a member.
    eventually("all hear", || {
        radio.send(message("all", "hear")).unwrap();
        dishes.iter().all(|dish| dish.try_recv().is_ok())
    });
    for size in [0, 1, 31, 200, 9000, 100_000] {
        radio.send(message("all", vec![size as u8; size])).unwrap();
        for dish in &dishes {
            let heard =
                std::iter::from_fn(|| Some(dish.recv().unwrap())).find(|heard| heard != "hear");
            assert_eq!(heard.unwrap(), vec![size as u8; size]);
        }
    }
}

fn a_slow_member_misses_messages_which_are_counted(harness: &Harness) {
    let (radio, dish) = (harness.radio(), harness.dish());
    radio.set_send_hwm(5).unwrap();
    dish.set_recv_hwm(5).unwrap();
    dish.join("a").unwrap();
    harness.join(&radio, &dish);
    await_groups(&radio, 1);
    let body = vec![0; 10_000];
    let mut sent = 0;
    eventually("something is dropped", || {
        radio.send(message("a", body.clone())).unwrap();
        sent += 1;
        radio.totals().dropped > 0
    });
    radio.set_no_drop(true).unwrap();
    eventually("it is refused instead", || {
        radio.try_send(message("a", body.clone())).is_err_and(|failed| failed.is_would_block())
    });
    let mut heard = 0;
    dish.set_recv_timeout(Some(Duration::from_millis(200))).unwrap();
    while dish.recv().is_ok() {
        heard += 1;
    }
    assert!(heard > 0 && heard <= sent, "{heard} of {sent}");
}

fn what_is_said_on_the_wire_is_what_libzmq_says(harness: &Harness) {
    let radio = harness.radio();
    let endpoint = radio.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = Wire::connect(&endpoint) else { return };
    wire.greet("DISH");
    wire.write(b"\x04\x09\x04JOINnews\x04\x06\x04JOINa");
    await_groups(&radio, 2);
    radio.send(message("news", "it rains")).unwrap();
    assert_eq!(wire.read_frame(), (1, b"news".to_vec()));
    assert_eq!(wire.read_frame(), (0, b"it rains".to_vec()));
    wire.write(b"\x04\x0a\x05LEAVEnews");
    await_groups(&radio, 1);
    radio.send(message("news", "unheard")).unwrap();
    radio.send(message("a", "heard")).unwrap();
    assert_eq!(wire.read_frame(), (1, b"a".to_vec()));
    assert_eq!(wire.read_frame(), (0, b"heard".to_vec()));
    // What a subscriber would say is nothing to a radio.
    wire.write(b"\x04\x0e\x09SUBSCRIBEnews\x00\x05\x01news\x04\x06\x04JOINb");
    await_groups(&radio, 2);

    let dish = harness.dish();
    dish.join("news").unwrap();
    let endpoint = dish.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = Wire::connect(&endpoint) else { return };
    wire.greet("RADIO");
    assert_eq!(wire.read_frame(), (4, b"\x04JOINnews".to_vec()));
    dish.join("b").unwrap();
    assert_eq!(wire.read_frame(), (4, b"\x04JOINb".to_vec()));
    dish.leave("news").unwrap();
    assert_eq!(wire.read_frame(), (4, b"\x05LEAVEnews".to_vec()));
    wire.write(b"\x01\x01b\x00\x05heard");
    expect(&dish, "b", b"heard");
}

fn what_is_no_message_to_a_group_is_thrown_away(harness: &Harness) {
    let dish = harness.dish();
    dish.join("a").unwrap();
    let endpoint = dish.bind(&harness.anywhere()).unwrap();
    let Some(mut wire) = Wire::connect(&endpoint) else { return };
    wire.greet("RADIO");
    // One frame; three frames; a group that is too long; a command.
    wire.write(b"\x00\x01a\x01\x01a\x01\x01b\x00\x01c");
    wire.write(&[&b"\x03\0\0\0\0\0\0\x01\0"[..], &[b'a'; 256], b"\x00\x01d"].concat());
    wire.write(b"\x04\x06\x04JOINa\x01\x01a\x00\x02ok");
    expect(&dish, "a", b"ok");
    nothing_comes(&dish);
    assert_eq!(dish.totals().dropped, 3);
}

fn what_is_refused(harness: &Harness) {
    let (radio, dish) = (harness.radio(), harness.dish());
    dish.join("a").unwrap();
    assert_eq!(dish.join("a").unwrap_err().kind(), ErrorKind::InvalidOption);
    assert_eq!(dish.leave("b").unwrap_err().kind(), ErrorKind::InvalidOption);
    assert_eq!(dish.join([b'x'; 256]).unwrap_err().kind(), ErrorKind::InvalidOption);
    dish.join([b'x'; 255]).unwrap();
    dish.leave("a").unwrap();
    let failed = radio.send_multipart(["one", "two"]).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::OneFrameOnly);
    radio.send(message("a", "to nobody")).unwrap();
    let any = harness.context.socket(ringmq::SocketType::Dish).unwrap();
    assert_eq!(any.send("dishes do not send").unwrap_err().kind(), ErrorKind::NotSupported);
    assert!(any.subscribe("a topic").is_err());
    let any = harness.context.socket(ringmq::SocketType::Radio).unwrap();
    assert_eq!(any.recv().unwrap_err().kind(), ErrorKind::NotSupported);
    assert!(any.join("a group").is_err());
}
