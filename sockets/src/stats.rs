//! What ZeroMQ never told its users: how each connection is doing.

use crate::core::pipes::Pipe;
use std::sync::atomic::Ordering;

/// The figures of one connection, or of a connect that waits for its peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipeStats {
    /// The peer's routing id; empty if it has none or is not known yet.
    pub routing_id: Vec<u8>,
    /// Whether a peer is there.
    pub connected: bool,
    /// Messages sent by the application and not yet credited back: an upper bound of what is queued
    /// here (credits come in steps of half the high-water mark).
    pub queued: u64,
    /// The high-water mark that `queued` is held against; 0 is no limit.
    pub send_hwm: u32,
    /// Messages dropped for this connection because it was full.
    pub dropped: u64,
}

impl PipeStats {
    pub(crate) fn new(pipe: &Pipe) -> Self {
        let state = &pipe.end.state;
        Self {
            routing_id: pipe.peer.as_ref().map_or_else(Vec::new, |peer| peer.routing_id.clone()),
            connected: state.is_connected(),
            queued: pipe.end.tx.depth(),
            send_hwm: pipe.end.tx.hwm(),
            dropped: state.dropped.load(Ordering::Relaxed),
        }
    }
}
