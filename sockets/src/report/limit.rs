//! How often the log is told of the same thing: the first time, and then after a while with a count of the
//! times between.

use ringmq_engine::{DropReason, MonitorEvent, PeerLimit, Problem};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time between two lines that say the same of an endpoint.
const INTERVAL: Duration = Duration::from_secs(60);
/// The same of messages that were dropped.
const DROPS: Duration = Duration::from_secs(10);

/// Whether something is to be told, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// For the first time, or it is not of a kind that is held back.
    First,
    /// Again, after so many that were held back: of messages the number of those.
    Again(u64),
    /// It was told a moment ago.
    Held,
}

/// What is held back, by what it is and the endpoint it has to do with.
#[derive(Default)]
pub(super) struct Limits(HashMap<(Cause, Arc<str>), Limit>);

struct Limit {
    told: Instant,
    held: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Cause {
    Accepting,
    Refused(PeerLimit),
    Connecting,
    Retrying,
    Handshake,
    Lost,
    RoutingId,
    Dropped(DropReason),
    Packets,
    Sources,
}

/// What an event is held back with, for how long, and how much it counts.
fn limited(event: &MonitorEvent) -> Option<(Cause, &Arc<str>, Duration, u64)> {
    let (cause, endpoint) = match event {
        MonitorEvent::AcceptFailed { endpoint, .. } => (Cause::Accepting, endpoint),
        MonitorEvent::Refused { endpoint, limit, .. } => (Cause::Refused(*limit), endpoint),
        MonitorEvent::ConnectFailed { endpoint, .. } => (Cause::Connecting, endpoint),
        MonitorEvent::ConnectRetried { endpoint, .. } => (Cause::Retrying, endpoint),
        MonitorEvent::HandshakeFailed { endpoint, .. } => (Cause::Handshake, endpoint),
        MonitorEvent::Disconnected { endpoint, established: false, .. } => (Cause::Lost, endpoint),
        // Once a connection.
        MonitorEvent::Dropped { reason: DropReason::Gone, .. } => return None,
        MonitorEvent::Dropped { endpoint, reason, messages, .. } => {
            return Some((Cause::Dropped(*reason), endpoint, DROPS, *messages));
        }
        MonitorEvent::PacketsLost { endpoint, .. } => (Cause::Packets, endpoint),
        MonitorEvent::SourceBegan { endpoint, .. } | MonitorEvent::SourceEnded { endpoint, .. } => {
            (Cause::Sources, endpoint)
        }
        MonitorEvent::Problem {
            problem: Problem::RoutingIdTaken | Problem::RoutingIdTakenOver,
            endpoint,
            ..
        } => (Cause::RoutingId, endpoint),
        _ => return None,
    };
    Some((cause, endpoint, INTERVAL, 1))
}

impl Limits {
    /// Whether it is time to tell of an event.
    pub(super) fn repeat(&mut self, event: &MonitorEvent, now: Instant) -> Repeat {
        match event {
            // What fails from now on is news again.
            MonitorEvent::HandshakeSucceeded { endpoint, .. } => {
                self.0.remove(&(Cause::Connecting, endpoint.clone()));
                self.0.remove(&(Cause::Retrying, endpoint.clone()));
            }
            MonitorEvent::Closed { endpoint } => {
                self.0.retain(|(cause, at), limit| {
                    at != endpoint || matches!(cause, Cause::Dropped(_)) && limit.held > 0
                });
            }
            _ => {}
        }
        let Some((cause, endpoint, interval, amount)) = limited(event) else {
            return Repeat::First;
        };
        match self.0.get_mut(&(cause, endpoint.clone())) {
            None => {
                self.0.insert((cause, endpoint.clone()), Limit { told: now, held: 0 });
                Repeat::First
            }
            Some(limit) if now.saturating_duration_since(limit.told) >= interval => {
                limit.told = now;
                Repeat::Again(std::mem::take(&mut limit.held))
            }
            Some(limit) => {
                limit.held = limit.held.saturating_add(amount);
                Repeat::Held
            }
        }
    }
}

impl Limits {
    /// What was held back of drops and is still to be told: the socket is closed.
    pub(super) fn rest(&mut self) -> Vec<MonitorEvent> {
        let rest = self.0.iter_mut().filter_map(|((cause, endpoint), limit)| match cause {
            Cause::Dropped(reason) if limit.held > 0 => Some(MonitorEvent::Dropped {
                endpoint: endpoint.clone(),
                peer: "".into(),
                routing_id: [].into(),
                reason: *reason,
                messages: std::mem::take(&mut limit.held),
            }),
            // Of a connecter that is about to end.
            _ => None,
        });
        rest.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringmq_engine::ConnectFailure;

    fn failed(endpoint: &str) -> MonitorEvent {
        let (reason, failure) = ("refused".into(), ConnectFailure::Refused);
        MonitorEvent::ConnectFailed { endpoint: endpoint.into(), reason, failure }
    }

    #[test]
    fn the_same_is_told_once_and_then_after_a_while_with_a_count() {
        let (mut limits, start) = (Limits::default(), Instant::now());
        assert_eq!(limits.repeat(&failed("a"), start), Repeat::First);
        for second in 1..60 {
            let now = start + Duration::from_secs(second);
            assert_eq!(limits.repeat(&failed("a"), now), Repeat::Held);
        }
        assert_eq!(limits.repeat(&failed("b"), start), Repeat::First, "another one's");
        assert_eq!(limits.repeat(&failed("a"), start + INTERVAL), Repeat::Again(59));
        assert_eq!(limits.repeat(&failed("a"), start + INTERVAL), Repeat::Held);
    }

    #[test]
    fn of_drops_the_messages_are_counted() {
        let (mut limits, start) = (Limits::default(), Instant::now());
        let dropped = |messages| MonitorEvent::Dropped {
            endpoint: "a".into(),
            peer: "".into(),
            routing_id: [].into(),
            reason: DropReason::Full,
            messages,
        };
        assert_eq!(limits.repeat(&dropped(1), start), Repeat::First);
        assert_eq!(limits.repeat(&dropped(1000), start), Repeat::Held);
        assert_eq!(limits.repeat(&dropped(500), start), Repeat::Held);
        assert_eq!(limits.repeat(&dropped(7), start + DROPS), Repeat::Again(1500));
        assert!(limits.rest().is_empty(), "all is told");
        limits.repeat(&failed("a"), start);
        assert_eq!(limits.repeat(&dropped(3), start), Repeat::Held);
        let rest = limits.rest();
        assert!(matches!(rest[..], [MonitorEvent::Dropped { messages: 3, .. }]), "{rest:?}");
        assert!(limits.rest().is_empty(), "once");
        assert_eq!(limits.repeat(&failed("a"), start), Repeat::Held, "the rest stays as it is");
    }

    #[test]
    fn nothing_is_kept_of_an_endpoint_that_is_closed() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        limits.repeat(&failed("a"), now);
        limits.repeat(&failed("b"), now);
        limits.repeat(&MonitorEvent::Closed { endpoint: "a".into() }, now);
        assert_eq!(limits.0.len(), 1);
        assert_eq!(limits.repeat(&failed("a"), now), Repeat::First);
    }
}
