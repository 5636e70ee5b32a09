//! What a session gives a backend to send in one go: stretches of memory, in order.

use crate::backend::CALL;
use bytes::Bytes;
use ringmq_pipe::Piece;
use std::collections::VecDeque;
use std::io::IoSlice;

/// One stretch of a [`Batch`]. It keeps its memory alive by itself, so a batch that the kernel still
/// reads can outlive the session that made it.
pub enum BatchPart {
    /// A stretch of a frame log.
    Piece(Piece),
    /// Bytes made for the wire: greetings, commands, frames in an older framing.
    Bytes {
        /// The bytes.
        bytes: Bytes,
        /// Messages that end with them, to be credited when they are sent.
        messages: u32,
    },
}

impl BatchPart {
    /// The bytes to send.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Piece(piece) => piece.bytes(),
            Self::Bytes { bytes, .. } => bytes,
        }
    }

    /// Messages to credit once these bytes are sent.
    pub fn messages(&self) -> u32 {
        match self {
            Self::Piece(piece) => piece.messages,
            Self::Bytes { messages, .. } => *messages,
        }
    }
}

/// Parts to send, and how far the first of them is sent already.
#[derive(Default)]
pub struct Batch {
    parts: VecDeque<BatchPart>,
    sent: usize,
}

impl Batch {
    /// Makes room for `parts` more. A connection that says little keeps what it took for one part.
    pub(crate) fn expect(&mut self, parts: usize) {
        if self.parts.capacity() == 0 {
            self.parts.reserve_exact(parts);
        }
    }

    /// Adds a part at the end.
    pub fn push(&mut self, part: BatchPart) {
        if !part.bytes().is_empty() || part.messages() > 0 {
            self.parts.push_back(part);
        }
    }

    /// Whether nothing is left to send.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The stretches that are left, `most` of them at the most, and together no longer than one call to the
    /// system is asked to send.
    pub fn slices(&self, most: usize) -> impl Iterator<Item = &[u8]> {
        self.slices_within(most, CALL)
    }

    /// As [`slices`](Self::slices), and `room` bytes at the most; the last of them may be cut.
    fn slices_within(&self, most: usize, mut room: usize) -> impl Iterator<Item = &[u8]> {
        let mut skip = self.sent;
        self.parts.iter().take(most).map_while(move |part| {
            let left = &part.bytes()[std::mem::take(&mut skip)..];
            let some = (room > 0).then(|| &left[..left.len().min(room)])?;
            room -= some.len();
            Some(some)
        })
    }

    /// As [`slices`](Self::slices), in the form of a vectored write.
    pub fn io_slices(&self, most: usize) -> impl Iterator<Item = IoSlice<'_>> {
        self.slices(most).map(IoSlice::new)
    }

    /// Notes that `bytes` more are sent; returns how many messages that completed.
    pub fn advance(&mut self, bytes: usize) -> u32 {
        self.sent += bytes;
        let mut messages = 0;
        while let Some(part) = self.parts.front() {
            let len = part.bytes().len();
            if self.sent < len {
                break;
            }
            self.sent -= len;
            messages += part.messages();
            self.parts.pop_front();
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(parts: &[&'static [u8]]) -> Batch {
        let mut batch = Batch::default();
        for bytes in parts {
            batch.push(BatchPart::Bytes { bytes: Bytes::from_static(bytes), messages: 1 });
        }
        batch
    }

    /// What is sent with calls that each take so much.
    fn sent(mut batch: Batch, most: usize, room: usize) -> (Vec<u8>, u32) {
        let (mut bytes, mut messages) = (Vec::new(), 0);
        while !batch.is_empty() {
            let call: Vec<&[u8]> = batch.slices_within(most, room).collect();
            let call = call.concat();
            assert!(call.len() <= room);
            messages += batch.advance(call.len());
            bytes.extend(call);
        }
        (bytes, messages)
    }

    #[test]
    fn no_call_is_asked_for_more_than_it_may_be() {
        let parts: [&[u8]; 4] = [b"one", b"", b"four", b"eleven bytes"];
        for room in 1..=21 {
            for most in 1..=5 {
                assert_eq!(sent(batch(&parts), most, room), (parts.concat(), 4), "{room} {most}");
            }
        }
    }

    #[test]
    fn a_batch_of_many_gib_is_cut_where_a_call_ends() {
        // One stretch of memory, over and over: 4 GiB of it, in 4 MiB.
        let stretch = Bytes::from(vec![7; 4 << 20]);
        let mut batch = Batch::default();
        for _ in 0..1024 {
            batch.push(BatchPart::Bytes { bytes: stretch.clone(), messages: 1 });
        }
        batch.advance(1);
        for left in [(4 << 30) - 1, (3 << 30) - 1, (2 << 30) - 1, (1 << 30) - 1] {
            let call: usize = batch.slices(1024).map(<[u8]>::len).sum();
            assert_eq!(call, left.min(CALL));
            let vectored: usize = batch.io_slices(1024).map(|slice| slice.len()).sum();
            assert_eq!(vectored, call);
            batch.advance(call);
        }
        assert!(batch.is_empty());
    }
}
