//! Whole frames, collected from a stream that may be cut anywhere.
//!
//! For the handshake, where frames are short, few, and come from a peer that nobody knows yet, and
//! for sealed ones, which can be opened only as a whole. At most `limit` bytes of body are ever
//! held, and not much more than have arrived.

use std::fmt;

use zeroize::Zeroize;

use crate::ProtocolError;
use crate::header::{Framing, Header, HeaderBuffer};

/// Collects one frame after another.
pub(crate) struct FrameCollector {
    framing: Framing,
    /// The longest body accepted, in bytes.
    limit: u64,
    /// Memory that is taken at once for a body whose length only the peer vouches for, in bytes; more as it
    /// arrives.
    trust: usize,
    buffer: HeaderBuffer,
    /// The header of the frame being collected, once that is whole.
    header: Option<Header>,
    /// What there is of the body.
    body: Vec<u8>,
    /// Nothing of a body is left in memory that is given back.
    wipes: bool,
}

/// Without the body, which may be a password.
impl fmt::Debug for FrameCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameCollector").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl FrameCollector {
    pub(crate) fn new(framing: Framing, limit: u64, trust: usize) -> Self {
        let buffer = HeaderBuffer::default();
        // No more than there are addresses for.
        let limit = limit.min(isize::MAX as u64);
        FrameCollector {
            framing,
            limit,
            trust,
            buffer,
            header: None,
            body: Vec::new(),
            wipes: false,
        }
    }

    /// For frames that may hold a password: what there is of them is wiped before its memory is given back. Of
    /// those that are [taken](Self::take), that is for who has taken them.
    pub(crate) fn wiping(mut self) -> Self {
        self.wipes = true;
        self
    }

    /// Takes what is missing for [`is_whole`](Self::is_whole) from `input`; returns how much.
    pub(crate) fn fill(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let mut used = 0;
        if self.header.is_none() {
            let (taken, header) = self.buffer.fill(self.framing, input)?;
            used = taken;
            if let Some(Header { body: length, .. }) = header
                && length > self.limit
            {
                return Err(ProtocolError::FrameTooLarge { length, limit: self.limit });
            }
            self.header = header;
        }
        if let Some(header) = self.header {
            let rest = &input[used..];
            let missing = header.body as usize - self.body.len();
            let taken = missing.min(rest.len());
            if self.body.capacity() - self.body.len() < taken {
                let more = self.body.len().max(self.trust).max(taken);
                self.reserve(missing.min(more));
            }
            self.body.extend_from_slice(&rest[..taken]);
            used += taken;
        }
        Ok(used)
    }

    fn reserve(&mut self, more: usize) {
        if !self.wipes {
            return self.body.reserve_exact(more);
        }
        let mut larger = Vec::with_capacity(self.body.len() + more);
        larger.extend_from_slice(&self.body);
        self.body.zeroize();
        self.body = larger;
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
        self.header.is_some_and(|header| header.body as usize == self.body.len())
    }

    /// Takes the body of the complete frame; what follows in the stream is the next frame.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.header = None;
        std::mem::take(&mut self.body)
    }
}

impl Drop for FrameCollector {
    fn drop(&mut self) {
        if self.wipes {
            self.body.zeroize();
        }
    }
}
