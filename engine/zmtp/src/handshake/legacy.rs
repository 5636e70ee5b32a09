//! The second part of a handshake with a ZMTP 1.0 or 2.0 peer: one frame with its routing id.

use crate::frame_collector::FrameCollector;
use crate::header::Framing;
use crate::limits::ROUTING_ID_MAX;
use crate::{Peer, ProtocolError, SocketType, Version};

/// Waits for the frame.
#[derive(Debug)]
pub(crate) struct Legacy {
    frame: FrameCollector,
    version: Version,
    socket_type: Option<SocketType>,
    /// Whether the peer sent no greeting, so that it may be anything at all.
    unversioned: bool,
    /// The first bytes of a peer that sent no greeting, and how many of them are known.
    began: [u8; 2],
    known: usize,
}

impl Legacy {
    /// After a greeting of revision 0 or 1.
    pub(crate) fn new(framing: Framing, socket_type: Option<SocketType>) -> Self {
        let version = if framing == Framing::V1 { Version::V1_0 } else { Version::V2_0 };
        let frame = FrameCollector::new(framing, ROUTING_ID_MAX as u64, 0);
        // libzmq does not check the type here either: XPUB and XSUB have no number in RFC 15.
        Legacy { frame, version, socket_type, unversioned: false, began: [0; 2], known: 0 }
    }

    /// After no greeting: what was taken for the beginning of one is that of the frame.
    pub(crate) fn unversioned(seen: &[u8]) -> Result<Self, ProtocolError> {
        let mut legacy = Legacy::new(Framing::V1, None);
        legacy.unversioned = true;
        legacy.input(seen)?;
        Ok(legacy)
    }

    /// Takes bytes of the peer, none beyond the frame; returns how many.
    pub(crate) fn input(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        for (place, byte) in self.began[self.known..].iter_mut().zip(input) {
            *place = *byte;
            self.known += 1;
        }
        let used = self.frame.fill(input)?;
        // Almost any stream of bytes can pass for ZMTP 1.0. That its first frame has no reserved
        // flag set (as in all of 2.x) is what tells it from other protocols, before a text of a
        // length nobody meant makes us wait until the time-out.
        if self.unversioned && self.frame.header().is_some_and(|header| header.reserved) {
            return Err(ProtocolError::NotZmtp { began: self.began });
        }
        Ok(used)
    }

    /// The peer, once its frame is whole.
    pub(crate) fn finish(&mut self) -> Option<Peer> {
        self.frame.is_whole().then(|| Peer {
            version: self.version,
            socket_type: self.socket_type,
            routing_id: self.frame.take(),
            metadata: Vec::new(),
        })
    }

    /// Whether the peer is of the 2.x family: no greeting, and no subscriptions on the wire.
    pub(crate) fn is_unversioned(&self) -> bool {
        self.unversioned
    }
}
