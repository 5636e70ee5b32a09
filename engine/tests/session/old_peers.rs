//! Peers that speak ZMTP 3.0, 2.0 and 1.0.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::harness::{App, Harness, Over, Settings, connection, more};
use crate::peer::Speaks;
use ringmq_engine::BackendKind;
use ringmq_pipe::frame;
use ringmq_zmtp::{Config, SocketType, Version};

const SIZES: [usize; 9] = [0, 1, 253, 254, 255, 256, 8191, 8192, 300_000];

fn old_peers_get_and_give_messages_of_every_size(kind: BackendKind) {
    for (speaks, version) in [
        (Speaks::V3_0, Version::V3_0),
        (Speaks::V2_0, Version::V2_0),
        (Speaks::V1_0, Version::V1_0),
    ] {
        let mut harness = Harness::new(kind);
        let (mut app, pipe) = App::lent(&harness.settings);
        let (stream, mut peer) = connection(Over::Tcp);
        harness.session(stream, Some(pipe));
        peer.shake_hands_as(speaks);
        assert_eq!(harness.connected().version, version);
        for size in SIZES {
            app.send(more(&vec![1; size]));
            app.send(vec![2; size]);
            let first = peer.frame();
            assert!(first.flags == frame::MORE && first.body == vec![1; size], "{speaks:?} {size}");
            assert!(peer.message() == vec![2; size], "{speaks:?} {size}");
            let echo = [peer.wire(frame::MORE, &first.body), peer.wire(0, &vec![2; size])].concat();
            let mut writing = peer.socket.try_clone().unwrap();
            let writer =
                std::thread::spawn(move || std::io::Write::write_all(&mut writing, &echo).unwrap());
            let first = app.recv();
            assert!(first.more() && first == *vec![1; size]);
            assert!(app.recv() == *vec![2; size]);
            writer.join().unwrap();
        }
    }
}

fn subscriptions_are_messages_to_old_peers_however_long(kind: BackendKind) {
    for speaks in [Speaks::V3_0, Speaks::V2_0, Speaks::V1_0] {
        let mut preamble = Vec::new();
        ringmq_zmtp::subscribe_frame(b"first", &mut preamble);
        let mut harness =
            Harness::with(kind, Settings { preamble: preamble.clone(), ..Settings::default() });
        let (mut app, pipe) = App::lent(&harness.settings);
        // More than the log copies: it holds the body by reference.
        let long = vec![b't'; 20_000];
        for (name, topic) in [(&b"\x09SUBSCRIBE"[..], &long[..]), (b"\x06CANCEL", b"first")] {
            let body = [name, topic].concat();
            app.end.tx.write_uncounted(frame::COMMAND, body.into());
        }
        let (stream, mut peer) = connection(Over::Unix);
        harness.session(stream, Some(pipe));
        peer.shake_hands_as(speaks);
        harness.connected();
        assert_eq!(peer.message(), b"\x01first");
        assert!(peer.message() == [b"\x01", &long[..]].concat(), "{speaks:?}");
        assert_eq!(peer.message(), b"\0first");
    }
}

fn a_subscriber_that_cannot_subscribe_gets_everything(kind: BackendKind) {
    let settings = Settings { config: Config::new(SocketType::Pub), ..Settings::default() };
    let harness = Harness::with(kind, settings);
    let (mut app, pipe) = App::lent(&harness.settings);
    let (stream, mut peer) = connection(Over::Tcp);
    harness.session(stream, Some(pipe));
    peer.shake_hands_as(Speaks::V1_0);
    assert_eq!(app.recv(), *b"\x09SUBSCRIBE");
}

on_each_backend!(
    old_peers_get_and_give_messages_of_every_size,
    subscriptions_are_messages_to_old_peers_however_long,
    a_subscriber_that_cannot_subscribe_gets_everything,
);
