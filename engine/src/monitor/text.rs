//! Events and routing ids as people read them.

use super::{DisconnectReason, MonitorEvent};
use std::fmt;

/// A routing id for people: as it is if it is printable ASCII, in hexadecimal digits if not.
///
/// ```
/// use ringmq_engine::RoutingIdText;
/// assert_eq!(RoutingIdText(b"worker-1").to_string(), "worker-1");
/// assert_eq!(RoutingIdText(&[0, 0x6b, 0x8b, 0x45, 0x67]).to_string(), "0x006b8b4567");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoutingIdText<'a>(pub &'a [u8]);

impl fmt::Display for RoutingIdText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(self.0) {
            Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => f.write_str(text),
            _ => {
                f.write_str("0x")?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// Which peer something is about: its address and its routing id, as far as it has them.
struct Who<'a>(&'a str, &'a [u8]);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who("", []) => f.write_str("a peer"),
            Who(address, []) => f.write_str(address),
            Who("", id) => RoutingIdText(id).fmt(f),
            Who(address, id) => write!(f, "{} at {address}", RoutingIdText(id)),
        }
    }
}

/// What a sentence about one peer, one endpoint or neither begins with.
fn about(f: &mut fmt::Formatter<'_>, endpoint: &str, peer: &str, id: &[u8]) -> fmt::Result {
    match (endpoint, peer, id) {
        ("", "", []) => Ok(()),
        (endpoint, "", []) => write!(f, "{endpoint}: "),
        ("", peer, id) => write!(f, "{}: ", Who(peer, id)),
        (endpoint, peer, id) => write!(f, "{endpoint}, {}: ", Who(peer, id)),
    }
}

impl fmt::Display for MonitorEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening { endpoint, .. } => write!(f, "bound {endpoint}"),
            Self::Accepted { endpoint, peer, .. } => {
                write!(f, "{} has connected to {endpoint}; the handshake begins", Who(peer, &[]))
            }
            Self::AcceptFailed { endpoint, error } => {
                write!(f, "cannot accept a connection to {endpoint}: {error}")
            }
            Self::Refused { endpoint, peer, limit } => {
                write!(f, "{endpoint}: {} was turned away: {limit}", Who(peer, &[]))
            }
            Self::Connected { endpoint, peer, .. } => {
                write!(f, "connected to {endpoint} ({}); the handshake begins", Who(peer, &[]))
            }
            Self::ConnectFailed { endpoint, reason, .. } => {
                write!(f, "cannot connect to {endpoint}: {reason}")
            }
            Self::ConnectRetried { endpoint, after } => {
                write!(f, "connecting to {endpoint} again in {after:.1?}")
            }
            Self::HandshakeSucceeded { endpoint, peer, identity } => {
                write!(f, "{endpoint}: {} is there", Who(peer, &identity.routing_id))?;
                match identity.socket_type {
                    Some(socket_type) => write!(f, ", a {}", socket_type.name()),
                    None => Ok(()),
                }
            }
            Self::HandshakeFailed { endpoint, peer, reason } => {
                write!(f, "{endpoint}: the handshake with {} failed: {reason}", Who(peer, &[]))
            }
            Self::RoutingIdAssigned { endpoint, peer, routing_id } => {
                let id = RoutingIdText(routing_id);
                write!(f, "{endpoint}: {} has no routing id, and was given {id}", Who(peer, &[]))
            }
            Self::Dropped { endpoint, peer, routing_id, reason, messages } => {
                about(f, endpoint, peer, routing_id)?;
                let plural = if *messages == 1 { "message was" } else { "messages were" };
                write!(f, "{messages} {plural} dropped: {reason}")
            }
            Self::SourceBegan { .. } | Self::PacketsLost { .. } | Self::SourceEnded { .. } => {
                self.of_source(f)
            }
            Self::Problem { problem, endpoint, peer, routing_id } => {
                about(f, endpoint, peer, routing_id)?;
                problem.fmt(f)
            }
            Self::Disconnected { endpoint, peer, routing_id, reason, .. } => {
                let who = Who(peer, routing_id);
                match reason {
                    DisconnectReason::Local => write!(f, "{endpoint}: {who} was disconnected"),
                    reason => write!(f, "{endpoint}: {who} is gone: {reason}"),
                }
            }
            Self::GaveUp { endpoint, reason } => write!(
                f,
                "given up connecting to {endpoint}: {reason}; connect again when it is there, or let \
                 the options try for longer"
            ),
            Self::LingerGaveUp { endpoint, messages } => {
                let plural = if *messages == 1 { "message was" } else { "messages were" };
                write!(f, "{endpoint}: {messages} {plural} not delivered when linger was over")
            }
            Self::Closed { endpoint } => write!(f, "closed {endpoint}"),
        }
    }
}

impl MonitorEvent {
    /// What is said of a source of PGM.
    fn of_source(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SourceBegan { endpoint, session } => {
                write!(f, "{endpoint}: the source {session} has begun")
            }
            Self::PacketsLost { endpoint, session, first, packets, reason } => {
                let plural = if *packets == 1 { "packet" } else { "packets" };
                write!(f, "{endpoint}: {packets} {plural} of the source {session} ")?;
                write!(f, "from number {first} on cannot be had again: {reason}")
            }
            Self::SourceEnded { endpoint, session, lost, reason } => {
                write!(f, "{endpoint}: the source {session} is over: {reason}; ")?;
                write!(f, "{lost} of its packets were lost")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConnectFailure, DropReason, Problem};
    use std::time::Duration;

    #[test]
    fn events_are_sentences() {
        let (endpoint, peer) = ("tcp://127.0.0.1:5555", "tcp://192.0.2.1:40000");
        let after = Duration::from_millis(1500);
        let texts = [
            (
                MonitorEvent::Listening { endpoint: endpoint.into(), descriptor: None },
                "bound tcp://127.0.0.1:5555",
            ),
            (
                MonitorEvent::ConnectRetried { endpoint: endpoint.into(), after },
                "connecting to tcp://127.0.0.1:5555 again in 1.5s",
            ),
            (
                MonitorEvent::ConnectFailed {
                    endpoint: endpoint.into(),
                    reason: "refused".into(),
                    failure: ConnectFailure::Refused,
                },
                "cannot connect to tcp://127.0.0.1:5555: refused",
            ),
            (
                MonitorEvent::Disconnected {
                    endpoint: endpoint.into(),
                    peer: peer.into(),
                    routing_id: (*b"worker").into(),
                    reason: DisconnectReason::PeerClosed,
                    established: true,
                    descriptor: None,
                },
                "tcp://127.0.0.1:5555: worker at tcp://192.0.2.1:40000 is gone: the peer closed the \
                 connection",
            ),
            (
                MonitorEvent::Dropped {
                    endpoint: "".into(),
                    peer: "".into(),
                    routing_id: [0, 1].into(),
                    reason: DropReason::NoSuchPeer,
                    messages: 1,
                },
                "0x0001: 1 message was dropped: no peer has the routing id that their first frame names",
            ),
            (
                MonitorEvent::PacketsLost {
                    endpoint: "epgm://239.192.1.1:5555".into(),
                    session: "0123456789ab.7".into(),
                    first: 17,
                    packets: 2,
                    reason: "the source keeps them no longer".into(),
                },
                "epgm://239.192.1.1:5555: 2 packets of the source 0123456789ab.7 from number 17 on cannot be \
                 had again: the source keeps them no longer",
            ),
            (
                MonitorEvent::Problem {
                    problem: Problem::OptionTooLate {
                        option: "ipv6",
                        counts_for: "binds and connects from then on",
                    },
                    endpoint: "".into(),
                    peer: "".into(),
                    routing_id: [].into(),
                },
                "option ipv6 was set late: it counts for binds and connects from then on, not for those \
                 there are already",
            ),
        ];
        for (event, text) in texts {
            assert_eq!(event.to_string(), text);
        }
    }
}
