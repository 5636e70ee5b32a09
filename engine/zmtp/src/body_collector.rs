//! Whole bodies of frames, collected from a stream that may be cut anywhere, by whoever knows their lengths.

use std::fmt;

use zeroize::Zeroize;

use crate::ProtocolError;

/// Collects one body after another: at most `limit` bytes are ever held, and not much more than have arrived.
pub(crate) struct BodyCollector {
    /// The longest body accepted, in bytes.
    limit: u64,
    /// What is said instead of that if it is the limit of a message that is reached, not that of a frame.
    message_limit: Option<u64>,
    /// Memory that is taken at once for a body whose length only the peer vouches for, in bytes; more as it
    /// arrives.
    trust: usize,
    /// How long the body is that is being collected; `None` between bodies.
    length: Option<usize>,
    /// What there is of it.
    body: Vec<u8>,
    /// It comes in fragments, of which only the next one is announced.
    fragments: bool,
    /// Nothing of a body is left in memory that is given back.
    wipes: bool,
}

/// Without the body, which may be a password.
impl fmt::Debug for BodyCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyCollector").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl BodyCollector {
    pub(crate) fn new(limit: u64, trust: usize) -> Self {
        // No more than there are addresses for.
        let limit = limit.min(isize::MAX as u64);
        BodyCollector {
            limit,
            message_limit: None,
            trust,
            length: None,
            body: Vec::new(),
            fragments: false,
            wipes: false,
        }
    }

    /// For frames of messages that may have so many bytes: no frame can have more, with the `overhead` that it has
    /// beside them.
    pub(crate) fn within_message(mut self, most: Option<u64>, overhead: usize) -> Self {
        if let Some(most) = most {
            let limit = most.saturating_add(overhead as u64);
            if limit < self.limit {
                (self.limit, self.message_limit) = (limit, Some(most));
            }
        }
        self
    }

    /// For bodies that may hold a password: what there is of them is wiped before its memory is given back. Of
    /// those that are [taken](Self::take), that is for who has taken them.
    pub(crate) fn wiping(mut self) -> Self {
        self.wipes = true;
        self
    }

    /// So many bytes come next: of a new body, or more of the one that has begun.
    pub(crate) fn begin(&mut self, more: u64) -> Result<(), ProtocolError> {
        let length = more.saturating_add(self.body.len() as u64);
        match self.message_limit {
            _ if length <= self.limit => {}
            Some(limit) => return Err(ProtocolError::MessageTooLarge { limit }),
            None => return Err(ProtocolError::FrameTooLarge { length, limit: self.limit }),
        }
        self.fragments = self.length.is_some();
        self.length = Some(length as usize);
        Ok(())
    }

    /// How much of the body is there.
    pub(crate) fn collected(&self) -> usize {
        self.body.len()
    }

    /// What is there from a place on, to be changed in its place.
    pub(crate) fn tail_mut(&mut self, from: usize) -> &mut [u8] {
        self.body.get_mut(from..).unwrap_or_default()
    }

    /// Takes what is missing of the body from `input`; returns how much. Nothing between bodies.
    pub(crate) fn fill(&mut self, input: &[u8]) -> usize {
        let missing = self.length.unwrap_or_default().saturating_sub(self.body.len());
        let taken = missing.min(input.len());
        if self.body.capacity() - self.body.len() < taken {
            // Of many small fragments not all is copied for each.
            let least = if self.fragments { self.body.len() } else { 0 };
            let more = self.body.len().max(self.trust).max(taken);
            self.reserve(missing.min(more).max(least));
        }
        self.body.extend_from_slice(&input[..taken]);
        taken
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

    /// Whether a body has begun and was not taken.
    pub(crate) fn is_begun(&self) -> bool {
        self.length.is_some()
    }

    /// Whether a body is complete and waits to be taken.
    pub(crate) fn is_whole(&self) -> bool {
        self.length == Some(self.body.len())
    }

    /// Takes the complete body.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        (self.length, self.fragments) = (None, false);
        std::mem::take(&mut self.body)
    }
}

impl Drop for BodyCollector {
    fn drop(&mut self) {
        if self.wipes {
            self.body.zeroize();
        }
    }
}
