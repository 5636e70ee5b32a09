//! Whole frames, collected from a stream that may be cut anywhere.
//!
//! For the handshake, where frames are short, few, and come from a peer that nobody knows yet, and
//! for sealed ones, which can be opened only as a whole. At most `limit` bytes of body are ever
//! held, and not much more than have arrived.

use crate::ProtocolError;
use crate::body_collector::BodyCollector;
use crate::header::{Framing, Header, HeaderBuffer};

/// Collects one frame after another.
#[derive(Debug)]
pub(crate) struct FrameCollector {
    framing: Framing,
    buffer: HeaderBuffer,
    /// The header of the frame being collected, once that is whole.
    header: Option<Header>,
    body: BodyCollector,
}

impl FrameCollector {
    /// Takes bodies of up to `limit` bytes, and at once as much memory as `trust` for one.
    pub(crate) fn new(framing: Framing, limit: u64, trust: usize) -> Self {
        let buffer = HeaderBuffer::default();
        FrameCollector { framing, buffer, header: None, body: BodyCollector::new(limit, trust) }
    }

    /// See [`BodyCollector::within_message`].
    pub(crate) fn within_message(mut self, most: Option<u64>, overhead: usize) -> Self {
        self.body = self.body.within_message(most, overhead);
        self
    }

    /// See [`BodyCollector::wiping`].
    pub(crate) fn wiping(mut self) -> Self {
        self.body = self.body.wiping();
        self
    }

    /// Takes what is missing for [`is_whole`](Self::is_whole) from `input`; returns how much.
    pub(crate) fn fill(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let mut used = 0;
        if self.header.is_none() {
            let (taken, header) = self.buffer.fill(self.framing, input)?;
            used = taken;
            if let Some(Header { body: length, .. }) = header {
                self.body.begin(length)?;
            }
            self.header = header;
        }
        used += self.body.fill(&input[used..]);
        Ok(used)
    }

    /// The header, once that is whole.
    pub(crate) fn header(&self) -> Option<Header> {
        self.header
    }

    /// Whether there is anything of a frame.
    pub(crate) fn is_begun(&self) -> bool {
        self.header.is_some() || !self.buffer.is_empty()
    }

    /// Whether a frame is complete and waits to be taken.
    pub(crate) fn is_whole(&self) -> bool {
        self.body.is_whole()
    }

    /// Takes the body of the complete frame; what follows in the stream is the next frame.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.header = None;
        self.body.take()
    }
}
