//! The message that has not ended yet: nothing but this limits how many frames it has, and how many bytes
//! those have together.

use ringmq_pipe::frame;
use ringmq_zmtp::ProtocolError;

/// See the [module's documentation](self).
pub(crate) struct OpenMessage {
    frames: usize,
    /// Of the bodies of these frames.
    bytes: u64,
    most_frames: usize,
    most_bytes: u64,
    /// One had more: nothing of it, and nothing after it, is taken any more.
    exceeded: Option<Exceeded>,
}

/// What a message had too much of.
#[derive(Clone, Copy)]
enum Exceeded {
    Frames,
    Bytes,
}

/// A run of whole frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    /// Bytes of the frames, headers included.
    pub(super) bytes: usize,
    /// How many messages end in it, counting each command as one.
    pub(super) messages: usize,
    /// Bytes at its end that belong to a message that goes on.
    pub(super) tail: usize,
}

impl OpenMessage {
    /// With as many frames, and as many bytes, as a message may have; `None` is no limit.
    pub(crate) fn new(most_frames: Option<u32>, most_bytes: Option<u64>) -> Self {
        Self {
            frames: 0,
            bytes: 0,
            most_frames: most_frames.map_or(usize::MAX, |most| most as usize),
            most_bytes: most_bytes.unwrap_or(u64::MAX),
            exceeded: None,
        }
    }

    /// A `run` came, which is at the start of `frames`. Says what of it is to be taken: all, or the whole messages
    /// before one that has too much. Frames are looked at only where that can be, or where they have to be
    /// counted for what follows.
    #[inline]
    pub(super) fn run(&mut self, frames: &[u8], run: Run) -> Run {
        // A frame has two bytes at least.
        let fits = self.frames == 0
            && run.bytes / 2 <= self.most_frames
            && run.bytes as u64 <= self.most_bytes;
        match fits {
            true if run.tail == 0 => run,
            true => {
                self.count(&frames[run.bytes - run.tail..run.bytes]);
                run
            }
            false => match self.count(&frames[..run.bytes]) {
                whole if self.is_exceeded() => whole,
                _ => run,
            },
        }
    }

    /// Counts frames up to one that is too much: says which whole messages come before that.
    fn count(&mut self, frames: &[u8]) -> Run {
        let (mut at, mut whole) = (0, Run::default());
        while let Some(frame::FrameHeader { flags, size, body }) = frame::parse(&frames[at..]) {
            self.frame(flags, body);
            if self.is_exceeded() {
                break;
            }
            at += size + body as usize;
            if flags & frame::MORE == 0 {
                whole = Run { bytes: at, messages: whole.messages + 1, tail: 0 };
            }
        }
        whole
    }

    /// A frame came, or begins.
    #[inline]
    pub(super) fn frame(&mut self, flags: u8, body: u64) {
        if flags & frame::COMMAND != 0 {
            return;
        }
        let frames = self.frames + 1;
        let bytes = self.bytes.saturating_add(body);
        if frames > self.most_frames {
            self.exceeded = Some(Exceeded::Frames);
        } else if bytes > self.most_bytes {
            self.exceeded = Some(Exceeded::Bytes);
        }
        let goes_on = flags & frame::MORE != 0;
        (self.frames, self.bytes) = if goes_on { (frames, bytes) } else { (0, 0) };
    }

    /// Whether nothing more is taken.
    #[inline]
    pub(super) fn is_exceeded(&self) -> bool {
        self.exceeded.is_some()
    }

    /// # Errors
    /// [`ProtocolError::TooManyParts`] or [`ProtocolError::MessageTooLarge`].
    pub(super) fn check(&self) -> Result<(), ProtocolError> {
        match self.exceeded {
            None => Ok(()),
            Some(Exceeded::Frames) => {
                Err(ProtocolError::TooManyParts { limit: self.most_frames as u64 })
            }
            Some(Exceeded::Bytes) => Err(ProtocolError::MessageTooLarge { limit: self.most_bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of these flags and lengths, as a run in which `messages` end, with a tail that is counted.
    fn run(frames: &[(u8, usize)]) -> (Vec<u8>, Run) {
        let (mut bytes, mut run) = (Vec::new(), Run::default());
        let mut ended = 0;
        for &(flags, len) in frames {
            let mut header = [0; frame::LONG_HEADER];
            let size = frame::write(&mut header, flags, len);
            bytes.extend_from_slice(&header[..size]);
            bytes.resize(bytes.len() + len, 7);
            if flags & frame::MORE == 0 {
                run.messages += 1;
                ended = bytes.len();
            }
        }
        (run.bytes, run.tail) = (bytes.len(), bytes.len() - ended);
        (bytes, run)
    }

    fn taken(open: &mut OpenMessage, frames: &[(u8, usize)]) -> (usize, usize, usize) {
        let (mut bytes, run) = run(frames);
        // A part of the next one, which is not to be looked at.
        bytes.extend_from_slice(&[MORE, 200, 7]);
        let Run { bytes, messages, tail } = open.run(&bytes, run);
        (bytes, messages, tail)
    }

    const MORE: u8 = frame::MORE;

    #[test]
    fn what_comes_before_a_message_of_too_many_frames_is_taken() {
        let mut open = OpenMessage::new(Some(2), None);
        assert_eq!(taken(&mut open, &[(MORE, 1), (0, 1), (0, 300), (MORE, 1)]), (318, 2, 3));
        assert!(open.check().is_ok());
        // The end of that one, another, a command, and one too long.
        let frames = [(0, 1), (0, 2), (frame::COMMAND, 9), (MORE, 0), (MORE, 0), (0, 0), (0, 5)];
        assert_eq!(taken(&mut open, &frames), (3 + 4 + 11, 3, 0));
        assert_eq!(open.check(), Err(ProtocolError::TooManyParts { limit: 2 }));
    }

    #[test]
    fn what_comes_before_a_message_of_too_many_bytes_is_taken() {
        let mut open = OpenMessage::new(None, Some(100));
        assert_eq!(taken(&mut open, &[(0, 100), (MORE, 60)]), (102 + 62, 1, 62));
        assert_eq!(taken(&mut open, &[(MORE, 40), (0, 0), (frame::COMMAND, 150)]), (196, 2, 0));
        assert!(open.check().is_ok());
        assert_eq!(taken(&mut open, &[(0, 100), (MORE, 100), (0, 1)]), (102, 1, 0));
        assert_eq!(open.check(), Err(ProtocolError::MessageTooLarge { limit: 100 }));
    }

    #[test]
    fn a_frame_that_announces_too_much_is_too_much() {
        let mut open = OpenMessage::new(None, Some(u64::MAX - 1));
        open.frame(MORE, 1 << 62);
        assert!(!open.is_exceeded());
        open.frame(MORE, u64::MAX);
        assert!(open.check().is_err());
    }
}
