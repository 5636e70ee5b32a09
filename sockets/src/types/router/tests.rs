//! The ROUTER over real pipes, whatever its peers call themselves and whenever they come and go.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::inner::Core;
use crate::inner::lobby::Arrival;
use crate::inner::mailbox::SocketMailbox;
use crate::options::Options;
use crate::subscription::Wanted;
use crate::types::Subscriptions;
use proptest::prelude::*;
use ringmq_engine::{Connection, PipeEnd};
use ringmq_pipe::{Capacity, pipe};
use ringmq_zmtp::{SocketType, Version};
use std::sync::{Arc, Mutex};

/// The far end of a pipe.
struct Far {
    end: Option<PipeEnd>,
    id: u8,
    /// Frames of an unfinished message.
    open: bool,
    sent: u32,
    /// The id under which each of its messages is to be received.
    under: Vec<u8>,
    received: u32,
}

struct Harness {
    core: Core,
    far: Vec<Far>,
    /// The message that is being received: under which id, and from whom.
    receiving: Option<(u8, Option<(u8, u32)>)>,
    received: u64,
}

fn peer(id: u8) -> Arc<Peer> {
    Arc::new(Peer {
        version: Version::V3_1,
        socket_type: Some(SocketType::Dealer),
        routing_id: vec![id],
        metadata: Vec::new(),
    })
}

fn connection(endpoint_id: u64) -> Arc<Connection> {
    Arc::new(Connection { endpoint_id, ..Connection::default() })
}

impl Harness {
    fn new(handover: bool) -> Self {
        let subscriptions = Subscriptions::new(Mutex::new(Wanted::new()));
        let shared = Arc::new(SocketMailbox::new(SocketType::Router, subscriptions));
        let router = Router { handover, mandatory: true, ..Router::default() };
        let core = Core::new(shared, Options::new(SocketType::Router), Box::new(router));
        Self { core, far: Vec::new(), receiving: None, received: 0 }
    }

    fn come(&mut self, id: u8) -> usize {
        let (near, far) = pipe(Capacity::Messages(0), Capacity::Messages(0));
        let (endpoint_id, end) = (self.far.len() as u64, Box::new(near));
        let connection = connection(endpoint_id);
        let arrival = Arrival { end, connection, peer: peer(id), direct: false, coming: None };
        self.core.shared.post_pipe(arrival);
        let under = Vec::new();
        self.far.push(Far { end: Some(far), id, open: false, sent: 0, under, received: 0 });
        self.far.len() - 1
    }

    /// A peer says a frame.
    fn say(&mut self, who: usize, more: bool) {
        let Far { end: Some(end), id, open, sent, under, .. } = &mut self.far[who] else { return };
        let body = [who as u8, u8::from(*open)].into_iter().chain(sent.to_le_bytes());
        end.tx.write_body(u8::from(more), &body.collect::<Vec<u8>>()).unwrap();
        *open = more;
        if !more {
            under.push(*id);
            *sent += 1;
        }
    }

    /// Another one takes the place of a peer, at the same pipe.
    fn replace(&mut self, who: usize, id: u8) {
        let Far { end: Some(end), id: old, open, .. } = &mut self.far[who] else { return };
        end.tx.rollback();
        (*old, *open) = (id, false);
        let (endpoint_id, earlier) = (who as u64, end.tx.written());
        self.core.shared.peer_known(&connection(endpoint_id), &peer(id), earlier);
    }

    fn leave(&mut self, who: usize) {
        self.far[who].end = None;
    }

    /// Receives a frame.
    fn recv(&mut self) -> bool {
        self.core.enter().unwrap();
        let mut frame = Message::new();
        if self.core.recv(&mut frame).is_err() {
            assert!(self.receiving.is_none(), "the rest of a message is there");
            return false;
        }
        let Some((id, begun)) = self.receiving.take() else {
            assert!(frame.more() && frame.len() == 1, "an id comes first: {frame:?}");
            self.receiving = Some((frame[0], None));
            return true;
        };
        let number = u32::from_le_bytes(frame[2..].try_into().unwrap());
        let (who, goes_on): (u8, bool) = (frame[0], frame[1] == 1);
        assert_eq!(goes_on, begun.is_some(), "it begins where it begins");
        assert!(begun.is_none_or(|begun| begun == (who, number)), "another one's frame");
        if frame.more() {
            self.receiving = Some((id, Some((who, number))));
            return true;
        }
        let far = &mut self.far[usize::from(who)];
        assert!(number >= far.received, "out of order");
        far.received = number + 1;
        assert_eq!(far.under[number as usize], id, "under another id");
        self.received += 1;
        true
    }

    /// Who gets what is sent to an id.
    fn reach(&mut self, id: u8) -> Option<usize> {
        self.core.enter().unwrap();
        let mut name = Message::from([id]);
        name.set_more(true);
        match self.core.send(&mut Outgoing::Owned(&mut name)) {
            Ok(()) => self.core.send(&mut Outgoing::Copied(b"for you")).unwrap(),
            Err(error) => {
                assert!(matches!(error, Error::HostUnreachable), "{error}");
                return None;
            }
        }
        let got = |far: &mut Far| far.end.as_mut().is_some_and(|end| end.rx.read().is_some());
        self.far.iter_mut().position(got)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Come(u8),
    Say(usize, bool),
    Replace(usize, u8),
    Leave(usize),
    Reach(u8),
    Recv,
    Drain,
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let id = || 1..4_u8;
    prop_oneof![
        2 => id().prop_map(Step::Come),
        8 => (any::<usize>(), any::<bool>()).prop_map(|(who, more)| Step::Say(who, more)),
        1 => (any::<usize>(), id()).prop_map(|(who, id)| Step::Replace(who, id)),
        1 => any::<usize>().prop_map(Step::Leave),
        1 => id().prop_map(Step::Reach),
        6 => Just(Step::Recv),
        1 => Just(Step::Drain),
        1 => Just(Step::Settle),
    ]
}

impl Harness {
    fn take(&mut self, step: &Step) {
        let who = |who: usize| who % self.far.len().max(1);
        match *step {
            Step::Come(id) if self.far.len() < 200 => drop(self.come(id)),
            Step::Recv => drop(self.recv()),
            Step::Drain => while self.recv() {},
            Step::Settle => {
                self.core.enter().unwrap();
                let (ready, receiving) = (self.core.settle(), self.receiving.is_some());
                assert_eq!(self.core.can_recv(), ready || receiving);
            }
            Step::Reach(id) => {
                let there = |far: &Far| far.end.is_some() && far.id == id;
                let any = self.far.iter().any(there);
                let reached = self.reach(id);
                assert_eq!(reached.is_some(), any, "whoever is there can be reached");
                assert!(reached.is_none_or(|who| there(&self.far[who])), "by another one's id");
            }
            _ if self.far.is_empty() => {}
            Step::Say(far, more) => self.say(who(far), more),
            Step::Replace(far, id) => self.replace(who(far), id),
            Step::Leave(far) => self.leave(who(far)),
            Step::Come(_) => {}
        }
    }
}

proptest! {
    /// Every message is received once, whole, in order and under the id that its sender had, or is
    /// counted; every id goes to somebody who has it; and nothing is left of those who have gone.
    #[test]
    fn nothing_is_mixed_or_lost_whoever_has_which_id(
        handover: bool,
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut harness = Harness::new(handover);
        steps.iter().for_each(|step| harness.take(step));
        while harness.recv() {}
        (1..4).for_each(|id| harness.take(&Step::Reach(id)));
        (0..harness.far.len()).for_each(|who| harness.leave(who));
        while harness.recv() {}
        let sent: u64 = harness.far.iter().map(|far| u64::from(far.sent)).sum();
        prop_assert_eq!(harness.received + harness.core.dropped(), sent);
        prop_assert_eq!(harness.core.pipes.iter().count(), 0, "somebody stays");
    }
}
