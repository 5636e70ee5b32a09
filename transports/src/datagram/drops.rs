//! Messages that a link loses: counted each, told of now and then.

use ringmq_engine::{DropReason, MonitorEvent, PipeState, SessionOwner};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Time between two events that tell of drops.
const INTERVAL: Duration = Duration::from_secs(10);

/// The messages of one link that got lost for one reason.
#[derive(Debug)]
pub(super) struct LinkDrops {
    reason: DropReason,
    untold: u64,
    told_at: Option<Instant>,
}

impl LinkDrops {
    pub(super) fn new(reason: DropReason) -> Self {
        Self { reason, untold: 0, told_at: None }
    }

    /// Has some be told of that both ends of the pipe have counted.
    pub(super) fn note(&mut self, messages: u64) {
        self.untold += messages;
    }

    /// Counts some, in what both ends of the pipe see as well.
    pub(super) fn add(&mut self, messages: u64, state: &PipeState) {
        self.note(messages);
        state.dropped.fetch_add(messages, Ordering::Relaxed);
    }

    /// Tells of them, if there are any and it is time; at `None` it is.
    pub(super) fn tell(
        &mut self,
        now: Option<Instant>,
        owner: &dyn SessionOwner,
        (endpoint, peer): (&Arc<str>, &Arc<str>),
    ) {
        let soon = self.told_at.zip(now).is_some_and(|(told_at, now)| now < told_at + INTERVAL);
        if self.untold == 0 || soon {
            return;
        }
        self.told_at = now;
        owner.event(MonitorEvent::Dropped {
            endpoint: endpoint.clone(),
            peer: peer.clone(),
            routing_id: [].into(),
            reason: self.reason,
            messages: std::mem::take(&mut self.untold),
        });
    }
}
