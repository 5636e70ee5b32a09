//! Sockets as streams and sinks of messages.

use crate::harness::{Harness, connected, eventually, everywhere};
use futures_lite::StreamExt;
use futures_lite::future::{block_on, poll_once, zip};
use futures_util::SinkExt;
use ringmq::{Error, Multipart};
use std::task::{Context, Waker};

everywhere![
    a_stream_brings_all_messages_and_then_the_end,
    a_stream_that_is_dropped_loses_nothing,
    a_sink_takes_one_message_more_than_there_is_room_for,
    every_type_streams_and_sinks,
    a_sink_gives_others_a_turn,
    a_stream_of_a_closed_socket_is_over,
];

fn a_stream_brings_all_messages_and_then_the_end(harness: &Harness) {
    const MESSAGES: u32 = 2000;
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(10).unwrap();
    pull.set_recv_hwm(10).unwrap();
    harness.join(&pull, &push);
    let feed = async {
        let mut sink = push.sink();
        for number in 0..MESSAGES {
            let body = number.to_be_bytes();
            sink.feed([&body[..], &[7; 500]].into()).await.unwrap();
        }
        sink.close().await.unwrap();
    };
    let drain = async {
        let mut messages = pull.stream();
        for number in 0..MESSAGES {
            let message = messages.next().await.unwrap().unwrap();
            assert_eq!(message, [&number.to_be_bytes()[..], &[7; 500]].into());
        }
        messages
    };
    let ((), mut messages) = block_on(zip(feed, drain));
    assert!(block_on(poll_once(messages.next())).is_none());
    harness.context.shutdown();
    assert!(block_on(messages.next()).is_none());
    assert!(block_on(messages.next()).is_none(), "it is over for good");
}

fn a_stream_that_is_dropped_loses_nothing(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    for number in 0..100u8 {
        let mut messages = pull.stream();
        assert!(block_on(poll_once(messages.next())).is_none());
        push.send([number]).unwrap();
        drop(messages);
        assert_eq!(pull.recv().unwrap(), [number]);
    }
}

fn a_sink_takes_one_message_more_than_there_is_room_for(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(1).unwrap();
    // Nobody is there: as much as the mark allows, which is one.
    push.connect(&crate::harness::Address::new(harness).endpoint).unwrap();
    let mut sink = push.sink();
    block_on(sink.feed("first".into())).unwrap();
    block_on(sink.flush()).unwrap();
    block_on(sink.feed("second".into())).unwrap();
    assert!(block_on(poll_once(sink.flush())).is_none());
    assert!(block_on(poll_once(sink.feed("third".into()))).is_none());
    assert_eq!(sink.cancel(), Some("second".into()));
    drop(pull);
    let mut sink = push.sink();
    block_on(sink.feed("again".into())).unwrap();
    harness.context.shutdown();
    let failed = block_on(sink.flush()).unwrap_err();
    assert!(matches!(failed.error, Error::Terminated));
    assert_eq!(failed.message, "again".into(), "the message comes back");
}

/// Sends a message and takes it as the next of a stream.
macro_rules! passes {
    ($harness:ident, $from:ident $to:ident) => {{
        let (from, to) = ($harness.$from(), $harness.$to());
        $harness.join(&to, &from);
        block_on(from.sink().send("passed".into())).unwrap();
        let message = block_on(to.stream().next()).unwrap().unwrap();
        assert_eq!(message[message.len() - 1], *b"passed");
    }};
}

fn every_type_streams_and_sinks(harness: &Harness) {
    passes!(harness, push pull);
    passes!(harness, pair pair);
    passes!(harness, req rep);
    passes!(harness, dealer dealer);
    passes!(harness, dealer router);
    {
        let xpub = harness.xpub();
        let (sub, xsub) = (harness.subscriber(), harness.xsub());
        harness.join(&xpub, &sub);
        harness.join(&xpub, &xsub);
        sub.subscribe("").unwrap();
        block_on(xsub.sink().send("\u{1}".into())).unwrap();
        assert_eq!(block_on(xpub.stream().next()).unwrap().unwrap(), "\u{1}".into());
        eventually("both are heard", || xpub.topics() == 1 && connected(&xpub) == 2);
        eventually("they get it", || {
            block_on(xpub.sink().send("news".into())).unwrap();
            let got = |message: Option<Option<Result<Multipart, Error>>>| message.is_some();
            got(block_on(poll_once(sub.stream().next())))
                && got(block_on(poll_once(xsub.stream().next())))
        });
    }
    let (req, rep) = (harness.req(), harness.rep());
    harness.join(&rep, &req);
    block_on(req.sink().send("asked".into())).unwrap();
    assert_eq!(block_on(rep.stream().next()).unwrap().unwrap(), "asked".into());
    block_on(rep.sink().send("answered".into())).unwrap();
    assert_eq!(block_on(req.stream().next()).unwrap().unwrap(), "answered".into());
    let (router, dealer) = (harness.router(), harness.dealer());
    dealer.set_routing_id("dealer").unwrap();
    harness.join(&router, &dealer);
    eventually("it is known", || {
        block_on(router.sink().send(["dealer", "routed"].into())).unwrap();
        block_on(poll_once(dealer.stream().next())).is_some()
    });
    let (publisher, sub) = (harness.publisher(), harness.subscriber());
    harness.join(&publisher, &sub);
    sub.subscribe("").unwrap();
    eventually("it is published", || {
        block_on(publisher.sink().send("news".into())).unwrap();
        block_on(poll_once(sub.stream().next())).is_some()
    });
}

fn a_sink_gives_others_a_turn(harness: &Harness) {
    const MESSAGES: usize = 2000;
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(0).unwrap();
    pull.set_recv_hwm(0).unwrap();
    harness.join(&pull, &push);
    let mut sink = push.sink();
    let mut task = Context::from_waker(Waker::noop());
    let mut turns = 0;
    for _ in 0..MESSAGES {
        while sink.poll_ready_unpin(&mut task).is_pending() {
            turns += 1;
        }
        sink.start_send_unpin("there is room".into()).unwrap();
    }
    assert!((MESSAGES / 200..=MESSAGES / 16).contains(&turns), "{turns} turns");
    (0..MESSAGES).for_each(|_| assert_eq!(pull.recv().unwrap(), "there is room"));
}

fn a_stream_of_a_closed_socket_is_over(harness: &Harness) {
    let pull = harness.pull();
    let mut messages = pull.stream();
    pull.close();
    assert!(block_on(messages.next()).is_none());
}
