//! What a monitor says of a handshake, in libzmq's terms.

use ringmq::{DisconnectReason, MonitorEvent, ProtocolError};
use serde_json::{Value, json};

/// The event for a driver: how a handshake has ended, or that a connection has. `None` for other events.
///
/// Twin of `Peer.do_outcome` in `ci/interop_lib/pyzmq_peer.py`.
pub(crate) fn outcome(event: &MonitorEvent) -> Option<Value> {
    let (outcome, value) = match event {
        MonitorEvent::HandshakeSucceeded { .. } => ("succeeded", 0),
        MonitorEvent::HandshakeFailed { reason, .. } => failure(reason),
        MonitorEvent::Disconnected { .. } => ("disconnected", 0),
        _ => return None,
    };
    Some(json!({ "outcome": outcome, "value": value, "text": event.to_string() }))
}

/// libzmq's event for a handshake that has failed, and its value.
fn failure(reason: &DisconnectReason) -> (&'static str, u32) {
    if let Some(status) = reason.auth_status() {
        return ("auth", status.into());
    }
    if let Some(code) = reason.protocol_code() {
        return ("protocol", code);
    }
    let errno = match reason {
        DisconnectReason::Protocol(ProtocolError::HandshakeTimeout) => EAGAIN,
        DisconnectReason::PeerClosed => EPIPE,
        DisconnectReason::Io(error) => error.raw_os_error().unwrap_or_default() as u32,
        _ => 0,
    };
    ("no_detail", errno)
}

/// Linux's numbers.
const EAGAIN: u32 = 11;
const EPIPE: u32 = 32;
