//! How a connection's beginning and the changes of the application meet.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::inner::lobby::{Arrival, News};
use crate::inner::mailbox::SocketMailbox;
use ringmq_engine::{Attach, Connection, PipeEnd, SessionOwner};
use ringmq_zmtp::{Peer, Version};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// A SUB, its sessions' way to it, and its thread's.
struct Harness {
    shared: SocketMailbox,
    pattern: Subscribe,
    pipes: Pipes,
}

impl Harness {
    fn new() -> Self {
        let subscriptions = Subscriptions::new(Mutex::new(Wanted::new()));
        let shared = SocketMailbox::new(SocketType::Sub, subscriptions.clone());
        let pattern = Subscribe::new(false, subscriptions);
        Self { shared, pattern, pipes: Pipes::new(None) }
    }

    /// A session has completed its handshake, and asks for a pipe.
    fn accept(&self) -> PipeEnd {
        let connection = Arc::new(Connection { endpoint_id: 1, ..Connection::default() });
        let peer = Peer {
            version: Version::V3_1,
            socket_type: Some(SocketType::Pub),
            routing_id: Vec::new(),
            metadata: Vec::new(),
        };
        match self.shared.attach(&connection, &Arc::new(peer)) {
            Attach::Pipe(far) => far,
            Attach::Ignored | Attach::Closed => panic!("the socket is open"),
        }
    }

    /// The session begins: what it tells first.
    fn begin(&self, far: &PipeEnd) -> Vec<u8> {
        let mut frames = Vec::new();
        let mut told = far.state.told();
        far.state.connected.store(true, Ordering::SeqCst);
        *told = self.shared.preamble(&mut frames).unwrap();
        frames
    }

    /// The socket's thread enters it.
    fn enter(&mut self) {
        for news in self.shared.lobby.take() {
            let News::Pipe(arrival) = news else { continue };
            let Arrival { end, connection, peer, direct, coming } = arrival;
            let pipe = Pipe::new(*end, connection.endpoint_id, direct);
            let key = self.pipes.insert(Pipe { peer: Some(peer), ..pipe });
            self.pattern.attach(&mut self.pipes, key);
            drop(coming);
        }
    }

    fn subscribe(&mut self, topic: &str) {
        self.pattern.set(&mut self.pipes, Setting::Subscribe(topic.as_bytes())).unwrap();
    }

    fn unsubscribe(&mut self, topic: &str) {
        self.pattern.set(&mut self.pipes, Setting::Unsubscribe(topic.as_bytes())).unwrap();
    }
}

fn frames(topics: &[&str]) -> Vec<u8> {
    let mut frames = Vec::new();
    topics.iter().for_each(|topic| subscribe_frame(topic.as_bytes(), &mut frames));
    frames
}

/// What has come through a pipe.
fn came(far: &mut PipeEnd) -> Vec<String> {
    let bodies = std::iter::from_fn(|| far.rx.read());
    bodies.map(|body| String::from_utf8_lossy(&body).into_owned()).collect()
}

#[test]
fn a_change_while_a_pipe_is_on_its_way_is_told_when_it_arrives() {
    let mut harness = Harness::new();
    harness.subscribe("a");
    let mut far = harness.accept();
    assert_eq!(harness.begin(&far), frames(&["a"]));
    // The thread is in the socket, and has looked at its mailbox before.
    harness.subscribe("b");
    harness.unsubscribe("a");
    harness.enter();
    harness.subscribe("c");
    assert_eq!(came(&mut far), ["\tSUBSCRIBEb", "\x06CANCELa", "\tSUBSCRIBEc"]);
}

#[test]
fn a_change_before_a_connection_begins_is_part_of_the_beginning() {
    let mut harness = Harness::new();
    let mut far = harness.accept();
    harness.subscribe("a");
    assert_eq!(harness.begin(&far), frames(&["a"]));
    harness.subscribe("b");
    harness.enter();
    let mut late = harness.accept();
    harness.enter();
    harness.subscribe("c");
    assert_eq!(harness.begin(&late), frames(&["a", "b", "c"]));
    harness.subscribe("d");
    assert_eq!(came(&mut far), ["\tSUBSCRIBEb", "\tSUBSCRIBEc", "\tSUBSCRIBEd"]);
    assert_eq!(came(&mut late), ["\tSUBSCRIBEd"]);
}
