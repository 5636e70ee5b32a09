//! The second part of a handshake on a WebSocket without a mechanism: one frame with a routing id.

use crate::body_collector::BodyCollector;
use crate::codec::FrameReader;
use crate::limits::ROUTING_ID_MAX;
use crate::web_socket::frames::WebSocketReader;
use crate::{Peer, ProtocolError, Version};

/// Waits for the frame.
#[derive(Debug)]
pub(super) struct Introduction(WebSocketReader);

impl Introduction {
    /// Of a client, whose frames are `masked`, or of a server.
    pub(super) fn new(masked: bool) -> Self {
        let body = BodyCollector::new(ROUTING_ID_MAX as u64, 0);
        Introduction(WebSocketReader::new(masked, body))
    }

    /// Takes bytes of the peer, none beyond the frame; returns how many, and the peer once it is known.
    pub(super) fn input(&mut self, bytes: &[u8]) -> Result<(usize, Option<Peer>), ProtocolError> {
        let mut used = 0;
        while used < bytes.len() {
            let (taken, frame) = self.0.read(&bytes[used..])?;
            used += taken;
            // Which a WebSocket may send at any time.
            let Some(frame) = frame.filter(|frame| !frame.is_beat()) else { continue };
            if frame.flags != 0 {
                let what = "is no routing id, which comes first";
                return Err(ProtocolError::WebSocketFrame { what });
            }
            let peer = Peer {
                version: Version::V3_1,
                socket_type: None,
                routing_id: frame.body().to_vec(),
                metadata: Vec::new(),
            };
            return Ok((used, Some(peer)));
        }
        Ok((used, None))
    }
}
