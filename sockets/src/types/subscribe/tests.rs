//! How a connection's beginning and the changes of the application meet.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::inner::lobby::{Arrival, News};
use crate::inner::mailbox::SocketMailbox;
use crate::inner::pipes::Pipe;
use proptest::prelude::*;
use ringmq_engine::{Attach, Connection, PipeEnd, SessionOwner};
use ringmq_zmtp::{Peer, Version, parse_subscription, subscribe_frame};
use std::collections::BTreeSet;
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
        let pattern = Subscribe::new(false, Vocabulary::Topics, subscriptions);
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

/// Of some length, so that few of them are many bytes.
fn topic(number: u8) -> String {
    format!("{number}").repeat(250)
}

/// A publisher that reads when it likes.
struct Publisher {
    far: PipeEnd,
    known: BTreeSet<String>,
}

impl Publisher {
    fn heed(&mut self, flags: u8, body: &[u8]) {
        let said = parse_subscription(flags, body).unwrap();
        let topic = String::from_utf8(said.topic.to_vec()).unwrap();
        if said.subscribe {
            self.known.insert(topic);
        } else {
            self.known.remove(&topic);
        }
    }

    fn read(&mut self, most: usize) {
        for _ in 0..most {
            let Some(frame) = self.far.rx.read() else { return };
            self.heed(frame.flags(), &frame);
        }
    }

    /// Its connection ends, and the next one begins.
    fn come_again(&mut self, harness: &Harness) {
        self.far.state.connected.store(false, Ordering::SeqCst);
        let frames = harness.begin(&self.far);
        // A session has no use for what was written before that.
        while self.far.rx.read().is_some() {}
        self.known.clear();
        let mut rest = &frames[..];
        while let Some(header) = ringmq_pipe::frame::parse(rest) {
            let end = header.size + header.body as usize;
            self.heed(header.flags, &rest[header.size..end]);
            rest = &rest[end..];
        }
    }

    fn unread(&mut self) -> u64 {
        self.far.rx.pending(usize::MAX) as u64
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Subscribe(u8),
    Unsubscribe(u8),
    /// The publisher reads so many frames.
    Read(usize),
    /// The socket hears of that.
    Hear,
    Reconnect,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        40 => (0..8_u8).prop_map(Step::Subscribe),
        40 => (0..8_u8).prop_map(Step::Unsubscribe),
        4 => (1..40_usize).prop_map(Step::Read),
        2 => Just(Step::Hear),
        1 => Just(Step::Reconnect),
    ];
    prop::collection::vec(step, 1..600)
}

proptest! {
    /// Whatever it reads and when: what waits is bounded, and in the end it knows what is wanted.
    #[test]
    fn who_does_not_read_knows_what_is_wanted_when_it_has(steps in steps()) {
        let mut harness = Harness::new();
        let far = harness.accept();
        harness.begin(&far);
        harness.enter();
        let (key, _) = harness.pipes.iter().next().unwrap();
        let mut publisher = Publisher { far, known: BTreeSet::new() };
        let mut wanted = Vec::new();
        for step in steps {
            match step {
                Step::Subscribe(number) => {
                    wanted.push(topic(number));
                    harness.subscribe(&topic(number));
                }
                Step::Unsubscribe(number) => {
                    let at = wanted.iter().position(|wanted| *wanted == topic(number));
                    at.map(|at| wanted.swap_remove(at));
                    harness.unsubscribe(&topic(number));
                }
                Step::Read(most) => publisher.read(most),
                Step::Hear => harness.pattern.writable(&mut harness.pipes, key),
                Step::Reconnect => publisher.come_again(&harness),
            }
            let all = 8 * topic(0).len() as u64;
            prop_assert!(publisher.unread() <= most_unread(all) + 2 * all, "{}", publisher.unread());
        }
        while { publisher.read(usize::MAX); harness.pattern.telling[&key].behind().is_some() } {
            harness.pattern.writable(&mut harness.pipes, key);
        }
        prop_assert_eq!(publisher.known, wanted.into_iter().collect());
    }
}

#[test]
fn what_is_put_together_is_what_differs() {
    let mut harness = Harness::new();
    let far = harness.accept();
    harness.begin(&far);
    harness.enter();
    let (key, _) = harness.pipes.iter().next().unwrap();
    let mut publisher = Publisher { far, known: BTreeSet::new() };
    harness.subscribe("stays");
    harness.subscribe("goes");
    while harness.pattern.telling[&key].behind().is_none() {
        harness.subscribe(&topic(1));
        harness.unsubscribe(&topic(1));
    }
    for number in 0..=u8::MAX {
        harness.subscribe(&topic(number));
        harness.unsubscribe(&topic(number));
    }
    harness.subscribe("stays");
    harness.unsubscribe("goes");
    harness.subscribe("comes");
    let behind = harness.pattern.telling[&key].behind();
    // What was written last may be one half of a pair of which the other half is put together.
    assert!(behind.is_some_and(|behind| behind <= 3), "{behind:?}");
    assert!(publisher.unread() <= most_unread(0), "{}", publisher.unread());
    publisher.read(usize::MAX);
    harness.pattern.writable(&mut harness.pipes, key);
    assert_eq!(harness.pattern.telling[&key].behind(), None);
    publisher.read(usize::MAX);
    assert_eq!(publisher.known, ["comes", "stays"].map(String::from).into());
    // And from there on each by itself.
    harness.subscribe("more");
    publisher.read(1);
    assert!(publisher.known.contains("more"));
}

#[test]
fn who_takes_all_topics_at_once_is_not_behind() {
    let mut harness = Harness::new();
    let far = harness.accept();
    harness.begin(&far);
    harness.enter();
    let (key, _) = harness.pipes.iter().next().unwrap();
    for number in 0..1000 {
        harness.subscribe(&format!("{number:0200}"));
        assert_eq!(harness.pattern.telling[&key].behind(), None, "{number}");
    }
    let mut publisher = Publisher { far, known: BTreeSet::new() };
    publisher.read(usize::MAX);
    assert_eq!(publisher.known.len(), 1000);
}
