//! A session that panics: that costs it and its pipe, and all of what it costs is counted and told.
#![allow(clippy::unwrap_used)]

use crate::common::{DEADLINE, on_each_backend};
use crate::harness::{App, Harness, Over, connection};
use ringmq_engine::{
    Attach, BackendKind, Connection, DisconnectReason, DropReason, EndpointId, MonitorEvent,
    Notice, SessionOwner,
};
use ringmq_pipe::frame;
use ringmq_zmtp::Peer as PeerInfo;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};

/// A socket that fails when it is asked for the first time after it is `armed`.
struct Failing {
    armed: Arc<AtomicBool>,
    events: Sender<MonitorEvent>,
}

impl SessionOwner for Failing {
    fn attach(&self, _: &Arc<Connection>, _: &Arc<PeerInfo>) -> Attach {
        Attach::Closed
    }

    fn connected(&self, _: &Arc<Connection>, _: &Arc<PeerInfo>, _: u64) {}

    fn preamble(&self, _: &mut Vec<u8>) -> Option<u64> {
        None
    }

    fn look_again(&self) {
        assert!(!self.armed.swap(false, Ordering::SeqCst), "on purpose");
    }

    fn event(&self, event: MonitorEvent) {
        let _ = self.events.send(event);
    }

    fn ended(&self, _: EndpointId, _: &str) {}
}

/// What was with the kernel when it failed is not known to have gone out.
fn what_a_session_takes_with_it_is_counted_and_told(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (mut app, pipe) = App::lent(&harness.settings);
    let (stream, mut peer) = connection(Over::Unix);
    let (armed, (events, heard)) = (Arc::<AtomicBool>::default(), channel());
    let owner = Failing { armed: armed.clone(), events };
    let session = harness.session_of(Arc::new(owner), stream, Some(pipe));
    peer.shake_hands();
    app.send("first");
    assert_eq!(peer.message(), b"first");
    for _ in 0..500 {
        app.send(vec![4; 5000]);
    }
    assert_eq!(peer.message(), vec![4; 5000], "some of them are with the kernel");
    armed.store(true, Ordering::SeqCst);
    // To lend the reading half is to tell the socket.
    harness.tell(session, Notice::Lend);
    let end = harness.ended();
    assert!(end.pipe.is_none() && matches!(end.reason, DisconnectReason::Panicked));
    let told = std::iter::from_fn(|| heard.recv_timeout(DEADLINE).ok()).find_map(|event| {
        let MonitorEvent::Dropped { messages, reason, .. } = event else { return None };
        assert_eq!(reason, DropReason::Gone);
        Some(messages)
    });
    assert_eq!(told, Some(app.end.state.dropped.load(Ordering::Relaxed)));
    // The rest of the one that was cut off never came.
    let (bytes, mut got) = (peer.rest(), 1);
    let mut rest = &bytes[..];
    while let Some(header) = frame::parse(rest)
        && let Some(after) = rest.get(header.size + header.body as usize..)
    {
        rest = after;
        got += 1;
    }
    assert!(told.unwrap() + got >= 500, "{told:?} are told of, and {got} arrived");
}

on_each_backend!(what_a_session_takes_with_it_is_counted_and_told);
