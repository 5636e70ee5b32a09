//! A stretch of a log's memory on its way to the kernel.

use crate::frame;
use crate::log::ATTACH;
use crate::message::Message;
use crate::message::block::Block;
use crate::message::opaque::Ids;
use crate::message::slice::Slice;

/// A stretch of memory that a log holds, kept alive by itself.
#[derive(Clone)]
pub struct Piece {
    pub(super) memory: Memory,
    /// Messages that end with this piece; credited when it has been sent.
    pub messages: u32,
    /// The last message in this piece goes on in the next one.
    pub open: bool,
}

#[derive(Clone)]
pub(super) enum Memory {
    /// Frames, of which the last may have its body in the next piece.
    Frames(Slice<Block>),
    /// Frames that were never in a log.
    Made(Message),
    /// The body of the frame whose header ends the piece before.
    Body(Message),
}

impl Piece {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.memory {
            Memory::Frames(slice) => slice,
            Memory::Made(message) | Memory::Body(message) => message,
        }
    }

    /// Whether this is the body of the frame whose header ends the piece before.
    pub fn is_body(&self) -> bool {
        matches!(self.memory, Memory::Body(_))
    }

    /// Drops the first `bytes` bytes, in which `messages` messages end.
    ///
    /// # Panics
    /// If there are not so many bytes.
    pub fn skip(&mut self, bytes: usize, messages: u32) {
        if bytes > 0 {
            match &mut self.memory {
                Memory::Frames(slice) => slice.advance(bytes),
                Memory::Made(message) | Memory::Body(message) => {
                    *message = Message::from(message.clone().into_bytes().slice(bytes..));
                }
            }
        }
        self.messages -= messages;
    }

    /// Frames with bodies shorter than [`ATTACH`], as if they had been in a log: `messages` of them end
    /// a message. If they are `open`, the next piece goes on with the last message.
    pub fn of_frames(frames: Vec<u8>, messages: u32, open: bool) -> Self {
        Self { memory: Memory::Made(frames.into()), messages, open }
    }

    /// A frame as pieces, as if it had been in a log.
    pub fn of_frame(frame: Message) -> Vec<Self> {
        let open = frame.more();
        let messages = u32::from(!open);
        let mut frames = vec![0; frame::LONG_HEADER];
        let size = frame::write(&mut frames, frame.flags(), frame.len());
        frames.truncate(size);
        if frame.len() < ATTACH && !frame.is_lent() {
            frames.extend_from_slice(&frame);
            return vec![Self::of_frames(frames, messages, open)];
        }
        vec![Self::of_frames(frames, 0, true), Self { memory: Memory::Body(frame), messages, open }]
    }
}

impl From<&Piece> for Message {
    /// The bytes as a message, without a copy unless they are few.
    fn from(piece: &Piece) -> Self {
        match &piece.memory {
            Memory::Frames(slice) => Self::from_slice(0, slice.refer(), Ids::NONE),
            Memory::Made(message) | Memory::Body(message) => message.clone(),
        }
    }
}
