//! Messages that are dropped or go to nobody: counted one by one, told of now and then.
//!
//! What is dropped is dropped because there is too much of it, so counting has to cost next to nothing.
//! The clock is looked at for one message in [`LOOK`], and of those that were not told of by then the end
//! of the connection tells.

use super::pipes::{Pipe, Pipes};
use ringmq_engine::{DropReason, MonitorEvent, Problem};
use std::time::{Duration, Instant};

/// How seldom it is asked whether drops are to be told of.
const LOOK: u64 = 64;
/// Time between two events that tell of drops.
const INTERVAL: Duration = Duration::from_secs(10);

/// How many were dropped, and what was told of that.
#[derive(Debug)]
pub(crate) struct Drops {
    count: u64,
    told: u64,
    at: Option<Instant>,
    /// Why the last one was.
    reason: DropReason,
}

impl Drops {
    pub(crate) const NONE: Self = Self { count: 0, told: 0, at: None, reason: DropReason::Full };

    /// Counts one; `true` if it may be time to tell.
    #[inline]
    fn count(&mut self, reason: DropReason) -> bool {
        self.count += 1;
        self.reason = reason;
        self.count % LOOK == 1
    }

    /// Counts several, of which the end of the connection tells.
    pub(crate) fn add(&mut self, messages: u64, reason: DropReason) {
        self.count += messages;
        if messages > 0 {
            self.reason = reason;
        }
    }

    /// How many there were.
    pub(crate) fn total(&self) -> u64 {
        self.count
    }

    /// How many there are to be told of, if it is time.
    fn due(&mut self, now: Instant) -> Option<u64> {
        if self.at.is_some_and(|at| now.saturating_duration_since(at) < INTERVAL) {
            return None;
        }
        self.at = Some(now);
        self.rest()
    }

    /// How many there are to be told of.
    fn rest(&mut self) -> Option<u64> {
        let untold = self.count - std::mem::replace(&mut self.told, self.count);
        (untold > 0).then_some(untold)
    }
}

/// The event that tells of drops of a pipe.
fn event(pipe: &Pipe, messages: u64) -> MonitorEvent {
    let connection = pipe.connection.as_deref();
    MonitorEvent::Dropped {
        endpoint: connection.map_or_else(|| "".into(), |connection| connection.endpoint.clone()),
        peer: connection.map_or_else(|| "".into(), |connection| connection.peer.clone()),
        routing_id: pipe.routing_id().into(),
        reason: pipe.drops.reason,
        messages,
    }
}

impl Pipes {
    /// Counts a message that was dropped, because the pipe was full or nobody is to have it.
    #[inline]
    pub(crate) fn count_drop(&mut self, key: usize, reason: DropReason) {
        let Some(pipe) = self.get_mut(key) else { return };
        if pipe.drops.count(reason) {
            self.look_at_drops(key);
        }
    }

    #[cold]
    fn look_at_drops(&mut self, key: usize) {
        let Some(pipe) = self.get_mut(key) else { return };
        if let Some(messages) = pipe.drops.due(Instant::now()) {
            let event = event(pipe, messages);
            self.tell(event);
        }
    }

    /// Tells of the drops of a pipe that were not told of yet: it is about to be closed.
    pub(crate) fn tell_of_drops(&mut self, key: usize) {
        let Some(pipe) = self.get_mut(key) else { return };
        if let Some(messages) = pipe.drops.rest() {
            let event = event(pipe, messages);
            self.tell(event);
        }
    }

    /// Counts a message that was taken and is for nobody: a PUB's without subscribers, say.
    #[inline]
    pub(crate) fn count_to_nobody(&mut self) {
        self.to_nobody += 1;
    }

    /// The same, for a peer that is not there.
    #[cold]
    pub(crate) fn count_unroutable(&mut self, id: &[u8]) {
        self.to_nobody += 1;
        if self.unroutable.count(DropReason::NoSuchPeer)
            && let Some(messages) = self.unroutable.due(Instant::now())
        {
            self.tell(MonitorEvent::Dropped {
                endpoint: "".into(),
                peer: "".into(),
                routing_id: id.into(),
                reason: DropReason::NoSuchPeer,
                messages,
            });
        }
    }

    /// Tells of those that were not told of yet: the socket is about to be closed.
    pub(crate) fn tell_of_unroutable(&mut self) {
        if let Some(messages) = self.unroutable.rest() {
            self.tell(MonitorEvent::Dropped {
                endpoint: "".into(),
                peer: "".into(),
                routing_id: [].into(),
                reason: DropReason::NoSuchPeer,
                messages,
            });
        }
    }

    fn tell(&self, event: MonitorEvent) {
        if let Some(reporter) = &self.reporter {
            reporter.tell(event);
        }
    }

    /// Tells of a problem that has to do with a peer.
    pub(crate) fn tell_problem(&self, problem: Problem, key: usize) {
        let Some(pipe) = self.get(key) else { return };
        let connection = pipe.connection.as_deref();
        self.tell(MonitorEvent::Problem {
            problem,
            endpoint: connection
                .map_or_else(|| "".into(), |connection| connection.endpoint.clone()),
            peer: connection.map_or_else(|| "".into(), |connection| connection.peer.clone()),
            routing_id: pipe.routing_id().into(),
        });
    }

    /// The same, once a socket.
    pub(crate) fn tell_problem_once(&self, problem: Problem, key: usize) {
        if self.reporter.as_ref().is_some_and(|reporter| reporter.is_new(problem, "")) {
            self.tell_problem(problem, key);
        }
    }

    /// Tells of a problem that has to do with no peer, once a socket.
    #[cold]
    pub(crate) fn tell_problem_of_socket(&self, problem: Problem) {
        if let Some(reporter) = &self.reporter {
            reporter.tell_once(problem, &"".into());
        }
    }

    /// A peer has a routing id from now on that the socket has chosen: its connection, messages and events
    /// tell it.
    pub(crate) fn assign_id(&self, key: usize, id: &[u8]) {
        let Some(connection) = self.get(key).and_then(|pipe| pipe.connection.as_ref()) else {
            return;
        };
        if connection.assigned_id.set(id.into()).is_ok() {
            self.tell(MonitorEvent::RoutingIdAssigned {
                endpoint: connection.endpoint.clone(),
                peer: connection.peer.clone(),
                routing_id: id.into(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_of_at_once_and_all_of_them_once() {
        let (mut drops, start) = (Drops::NONE, Instant::now());
        assert!(drops.count(DropReason::Full));
        assert_eq!(drops.due(start), Some(1));
        let looks = (1..1000).filter(|_| drops.count(DropReason::Full)).count();
        assert_eq!(looks, 1000 / LOOK as usize);
        assert_eq!(drops.due(start + INTERVAL / 2), None, "not so soon");
        assert_eq!(drops.due(start + INTERVAL), Some(999));
        assert_eq!(drops.due(start + 2 * INTERVAL), None, "there were no more");
        drops.count(DropReason::Full);
        assert_eq!((drops.rest(), drops.rest()), (Some(1), None));
    }
}
