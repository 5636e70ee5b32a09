//! Messages that the last connection has left and that the next one has no use for.

use super::outbound::{FrameBody, frames};
use ringmq_pipe::{Piece, frame};

/// Removes the messages whose first frame `is_stale`, by its flags and its body, and returns how
/// many those were. The others are copied if there is any such message, as far as their bodies are
/// small.
pub(super) fn remove(pieces: &mut Vec<Piece>, is_stale: impl Fn(u8, &[u8]) -> bool) -> u32 {
    let mut kept = Kept::default();
    let (mut removed, mut stale, mut first) = (0, false, true);
    for (header, body) in frames(pieces) {
        let last = header.flags & frame::MORE == 0;
        if first {
            stale = match &body {
                FrameBody::Copied(bytes) => is_stale(header.flags, bytes),
                FrameBody::Attached(piece) => is_stale(header.flags, piece.bytes()),
            };
        }
        if stale {
            removed += u32::from(last);
        } else {
            kept.add(header, &body);
        }
        first = last;
    }
    if removed > 0 {
        *pieces = kept.finish();
    }
    removed
}

/// Frames, put together as pieces.
#[derive(Default)]
struct Kept {
    pieces: Vec<Piece>,
    /// The last of them that are not in a piece yet, and how many messages end there.
    frames: Vec<u8>,
    messages: u32,
}

impl Kept {
    fn add(&mut self, header: frame::FrameHeader, body: &FrameBody<'_>) {
        let mut bytes = [0; frame::LONG_HEADER];
        let size = frame::write(&mut bytes, header.flags, header.body as usize);
        self.frames.extend_from_slice(&bytes[..size]);
        match body {
            FrameBody::Copied(bytes) => {
                self.frames.extend_from_slice(bytes);
                self.messages += u32::from(header.flags & frame::MORE == 0);
            }
            FrameBody::Attached(piece) => {
                let frames = std::mem::take(&mut self.frames);
                self.pieces.push(Piece::of_frames(
                    frames,
                    std::mem::take(&mut self.messages),
                    true,
                ));
                self.pieces.push((*piece).clone());
            }
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        if !self.frames.is_empty() {
            self.pieces.push(Piece::of_frames(self.frames, self.messages, false));
        }
        self.pieces
    }
}
