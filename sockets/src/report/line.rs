//! An event as a line of the log: its level, its words and its fields.

use super::limit::Repeat;
use ringmq_engine::{ConnectFailure, DisconnectReason, MonitorEvent, Problem, RoutingIdText};
use ringmq_zmtp::SocketType;
use std::time::Duration;
use tracing::Level;

/// Who should read it, and how often.
fn level(event: &MonitorEvent, repeat: Repeat) -> Level {
    let first = repeat == Repeat::First;
    let told = match event {
        MonitorEvent::Listening { .. }
        | MonitorEvent::ConnectRetried { .. }
        | MonitorEvent::HandshakeSucceeded { .. }
        | MonitorEvent::SourceBegan { .. }
        | MonitorEvent::SourceEnded { .. }
        | MonitorEvent::Closed { .. } => Level::INFO,
        // The handshake is still to come, and says more.
        MonitorEvent::Accepted { .. }
        | MonitorEvent::Connected { .. }
        | MonitorEvent::RoutingIdAssigned { .. } => Level::DEBUG,
        MonitorEvent::AcceptFailed { .. }
        | MonitorEvent::Refused { .. }
        | MonitorEvent::GaveUp { .. }
        | MonitorEvent::Dropped { .. }
        | MonitorEvent::PacketsLost { .. }
        | MonitorEvent::Problem { .. } => Level::WARN,
        // A name does not come by itself. A server does, for a while.
        MonitorEvent::ConnectFailed { failure: ConnectFailure::Lookup, .. } => Level::WARN,
        MonitorEvent::ConnectFailed { .. } if first => Level::INFO,
        MonitorEvent::ConnectFailed { .. } => Level::WARN,
        MonitorEvent::HandshakeFailed { reason, .. } => match reason {
            DisconnectReason::Protocol(_) => Level::WARN,
            DisconnectReason::Panicked => Level::ERROR,
            _ => Level::INFO,
        },
        // Told of by the handshake.
        MonitorEvent::Disconnected { established: false, .. } => Level::DEBUG,
        MonitorEvent::Disconnected { reason, .. } => match reason {
            DisconnectReason::Protocol(_) => Level::WARN,
            DisconnectReason::Panicked => Level::ERROR,
            _ => Level::INFO,
        },
        _ => Level::DEBUG,
    };
    if repeat == Repeat::Held { Level::DEBUG } else { told }
}

/// What happened, in a few words that are always the same.
fn words(event: &MonitorEvent) -> &'static str {
    match event {
        MonitorEvent::Listening { .. } => "bound",
        MonitorEvent::Accepted { .. } => "a connection came in",
        MonitorEvent::AcceptFailed { .. } => "cannot accept a connection",
        MonitorEvent::Refused { .. } => "a connection was refused",
        MonitorEvent::Connected { .. } => "a connection was made",
        MonitorEvent::ConnectFailed { .. } => "cannot connect",
        MonitorEvent::ConnectRetried { .. } => "connecting again",
        MonitorEvent::HandshakeSucceeded { .. } => "connected",
        MonitorEvent::HandshakeFailed { .. } => "handshake failed",
        MonitorEvent::RoutingIdAssigned { .. } => "routing id assigned",
        MonitorEvent::Dropped { .. } => "messages dropped",
        MonitorEvent::SourceBegan { .. } => "a source has begun",
        MonitorEvent::PacketsLost { .. } => "packets lost",
        MonitorEvent::SourceEnded { .. } => "a source is over",
        MonitorEvent::Problem { problem, .. } => problem_name(*problem),
        MonitorEvent::Disconnected { reason: DisconnectReason::Local, .. } => "disconnected",
        MonitorEvent::Disconnected { .. } => "connection lost",
        MonitorEvent::GaveUp { .. } => "given up connecting",
        MonitorEvent::Closed { .. } => "closed",
        _ => "something happened",
    }
}

/// A problem in a few words.
pub(super) fn problem_name(problem: Problem) -> &'static str {
    match problem {
        Problem::NotSubscribed => "subscribed to nothing",
        Problem::NameNotBound => "inproc name not bound",
        Problem::NameInOtherContext => "inproc name bound in another context",
        Problem::NoBody => "message of a routing id alone",
        Problem::NoEnvelope => "message without an envelope",
        Problem::RoutingIdTaken => "routing id taken",
        Problem::RoutingIdTakenOver => "routing id taken over",
        Problem::SubscriptionsNotTaken => "subscriptions not taken",
        Problem::OptionTooLate { .. } => "option set late",
        _ => "problem",
    }
}

/// What is said of an event beside that. What there is nothing of is left out.
#[derive(Default)]
struct Fields<'a> {
    endpoint: &'a str,
    peer: &'a str,
    routing_id: &'a [u8],
    peer_type: Option<&'static str>,
    reason: Option<String>,
    messages: Option<u64>,
    /// Of a source of PGM.
    session: Option<&'a str>,
    first: Option<u32>,
    packets: Option<u64>,
    after: Option<Duration>,
    option: Option<&'static str>,
}

fn fields(event: &MonitorEvent) -> Fields<'_> {
    let none = Fields::default;
    match event {
        MonitorEvent::Listening { endpoint, .. } | MonitorEvent::Closed { endpoint } => {
            Fields { endpoint, ..none() }
        }
        MonitorEvent::Accepted { endpoint, peer, .. }
        | MonitorEvent::Connected { endpoint, peer, .. } => Fields { endpoint, peer, ..none() },
        MonitorEvent::AcceptFailed { endpoint, error } => {
            Fields { endpoint, reason: Some(error.to_string()), ..none() }
        }
        MonitorEvent::Refused { endpoint, peer, limit } => {
            Fields { endpoint, peer, reason: Some(limit.to_string()), ..none() }
        }
        MonitorEvent::ConnectFailed { endpoint, reason, .. }
        | MonitorEvent::GaveUp { endpoint, reason } => {
            Fields { endpoint, reason: Some(reason.to_string()), ..none() }
        }
        MonitorEvent::ConnectRetried { endpoint, after } => {
            Fields { endpoint, after: Some(*after), ..none() }
        }
        MonitorEvent::HandshakeSucceeded { endpoint, peer, identity } => Fields {
            endpoint,
            peer,
            routing_id: &identity.routing_id,
            peer_type: identity.socket_type.map(SocketType::name),
            ..none()
        },
        MonitorEvent::HandshakeFailed { endpoint, peer, reason } => {
            Fields { endpoint, peer, reason: Some(reason.to_string()), ..none() }
        }
        MonitorEvent::RoutingIdAssigned { endpoint, peer, routing_id } => {
            Fields { endpoint, peer, routing_id, ..none() }
        }
        MonitorEvent::Dropped { endpoint, peer, routing_id, reason, messages } => Fields {
            endpoint,
            peer,
            routing_id,
            reason: Some(reason.to_string()),
            messages: Some(*messages),
            ..none()
        },
        MonitorEvent::Problem { problem, endpoint, peer, routing_id } => {
            let option = match problem {
                Problem::OptionTooLate { option, .. } => Some(*option),
                _ => None,
            };
            let reason = Some(problem.to_string());
            Fields { endpoint, peer, routing_id, reason, option, ..none() }
        }
        MonitorEvent::Disconnected { endpoint, peer, routing_id, reason, .. } => {
            Fields { endpoint, peer, routing_id, reason: Some(reason.to_string()), ..none() }
        }
        other => of_source(other),
    }
}

/// The same of what is said of a source of PGM.
fn of_source(event: &MonitorEvent) -> Fields<'_> {
    let none = Fields::default;
    match event {
        MonitorEvent::SourceBegan { endpoint, session } => {
            Fields { endpoint, session: Some(session), ..none() }
        }
        MonitorEvent::PacketsLost { endpoint, session, first, packets, reason } => Fields {
            endpoint,
            session: Some(session),
            first: Some(*first),
            packets: Some(*packets),
            reason: Some(reason.to_string()),
            ..none()
        },
        MonitorEvent::SourceEnded { endpoint, session, lost, reason } => Fields {
            endpoint,
            session: Some(session),
            packets: Some(*lost),
            reason: Some(reason.to_string()),
            ..none()
        },
        _ => none(),
    }
}

/// Writes the line of an event.
pub(super) fn write(socket_type: SocketType, event: &MonitorEvent, repeat: Repeat) {
    let Fields { endpoint, peer, routing_id, peer_type, reason, messages, after, option, .. } =
        fields(event);
    let Fields { session, first, packets, .. } = fields(event);
    let (messages, repeated) = match (repeat, messages) {
        (Repeat::Again(held), Some(messages)) => (Some(messages.saturating_add(held)), None),
        (Repeat::Again(held), None) => (None, Some(held)),
        (Repeat::First | Repeat::Held, messages) => (messages, None),
    };
    macro_rules! line {
        ($level:ident) => {
            tracing::event!(
                target: "ringmq",
                Level::$level,
                socket = socket_type.name(),
                endpoint = some(endpoint).map(tracing::field::display),
                peer = some(peer).map(tracing::field::display),
                routing_id = (!routing_id.is_empty())
                    .then(|| tracing::field::display(RoutingIdText(routing_id))),
                peer_type,
                option,
                messages,
                session,
                first,
                packets,
                after = after.map(tracing::field::debug),
                repeated,
                reason,
                "{}",
                words(event)
            )
        };
    }
    match level(event, repeat) {
        Level::ERROR => line!(ERROR),
        Level::WARN => line!(WARN),
        Level::INFO => line!(INFO),
        _ => line!(DEBUG),
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
