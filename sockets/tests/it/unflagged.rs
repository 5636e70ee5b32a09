//! Subscriptions to long topics as libzmq 4.3.0 to 4.3.4 writes them, which is what most programs in other
//! languages run on: with a long size that lacks its flag.

use crate::harness::{Harness, PATIENCE, over_tcp};
use crate::raw::{frame, hello, long_header};
use ringmq::XPub;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

over_tcp![
    a_long_topic_is_heard_where_the_publisher_binds,
    a_long_topic_is_heard_where_the_publisher_connects,
    a_long_topic_in_a_stream_of_messages_is_heard,
];

/// All lengths of topics that are written so, and one on either side.
const LENGTHS: std::ops::RangeInclusive<usize> = 245..=256;

fn topic(length: usize) -> Vec<u8> {
    vec![length as u8; length]
}

/// A command as those versions write it: the flag goes by the topic, the size by the whole.
fn command(name: &[u8], topic: &[u8]) -> Vec<u8> {
    let body = [&[name.len() as u8], name, topic].concat();
    if body.len() <= 255 {
        return frame(4, &body);
    }
    let mut frame = long_header(body.len() as u64);
    frame[0] = if topic.len() > 255 { 6 } else { 4 };
    frame.extend_from_slice(&body);
    frame
}

/// What a subscriber says that wants all of them, in between something else, and then none of them.
fn wishes() -> Vec<u8> {
    let mut wishes = hello("SUB");
    for length in LENGTHS {
        wishes.extend(command(b"SUBSCRIBE", &topic(length)));
        wishes.extend(command(b"SUBSCRIBE", &[length as u8; 3]));
    }
    for length in LENGTHS {
        wishes.extend(command(b"CANCEL", &topic(length)));
    }
    wishes
}

fn hears(publisher: &XPub) {
    for length in LENGTHS {
        assert_eq!(publisher.recv().unwrap(), [&[1], &topic(length)[..]].concat()[..]);
        assert_eq!(publisher.recv().unwrap(), [1, length as u8, length as u8, length as u8]);
    }
    for length in LENGTHS {
        assert_eq!(publisher.recv().unwrap(), [&[0], &topic(length)[..]].concat()[..]);
    }
}

/// The connection is as it was: what is published to the other topics comes.
fn gets(publisher: &XPub, mut stream: TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    publisher.send([250, 250, 250, 1]).unwrap();
    let mut got = Vec::new();
    while !got.ends_with(&[0, 4, 250, 250, 250, 1]) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the connection is still there");
        got.push(byte[0]);
    }
}

fn a_long_topic_is_heard_where_the_publisher_binds(harness: &Harness) {
    let publisher = harness.xpub();
    let endpoint = publisher.bind(&harness.anywhere()).unwrap();
    let mut stream = TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap();
    stream.write_all(&wishes()).unwrap();
    hears(&publisher);
    gets(&publisher, stream);
}

fn a_long_topic_is_heard_where_the_publisher_connects(harness: &Harness) {
    let publisher = harness.xpub();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    publisher.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
    let mut stream = listener.accept().unwrap().0;
    stream.write_all(&wishes()).unwrap();
    hears(&publisher);
    gets(&publisher, stream);
}

/// A thread that waits reads much at once into the memory of the pipe, where frames are measured first.
fn a_long_topic_in_a_stream_of_messages_is_heard(harness: &Harness) {
    const ROUNDS: usize = 40;
    let publisher = harness.xpub();
    let endpoint = publisher.bind(&harness.anywhere()).unwrap();
    let mut stream = TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap();
    stream.write_all(&hello("SUB")).unwrap();
    let message = |number: usize| vec![b'a' + number as u8 % 26; 100 + number % 100];
    let sender = std::thread::spawn(move || {
        for round in 0..ROUNDS {
            let mut bytes = Vec::new();
            for number in 0..500 {
                bytes.extend(frame(0, &message(number)));
            }
            bytes.extend(command(b"SUBSCRIBE", &topic(246 + round % 10)));
            bytes.extend(command(b"CANCEL", &topic(246 + round % 10)));
            stream.write_all(&bytes).unwrap();
        }
        stream
    });
    for round in 0..ROUNDS {
        for number in 0..500 {
            assert_eq!(publisher.recv().unwrap(), message(number)[..], "round {round}");
        }
        let topic = topic(246 + round % 10);
        assert_eq!(publisher.recv().unwrap(), [&[1], &topic[..]].concat()[..]);
        assert_eq!(publisher.recv().unwrap(), [&[0], &topic[..]].concat()[..]);
    }
    drop(sender.join().unwrap());
}
