//! The messages of one source, out of its packets.

use super::waiting::WaitingMessages;
use ringmq_engine::Unpacked;
use ringmq_pgm::{Joined, Joiner};
use ringmq_pipe::{APART, Message, PipeWriter, frame};
use ringmq_zmtp::{
    Command, Config, Decoder, ProtocolError, ShortRun, Sink, TRUST, Version, short_frames_from_v1,
};

/// See the [module's documentation](self).
pub(super) struct Assembly {
    joiner: Joiner,
    decoder: Decoder,
    message: OpenFrames,
    max_body: Option<u64>,
    /// Whether a message begins next.
    between_messages: bool,
    /// Messages of one short frame are always within the limits.
    takes_short: bool,
    /// Frames of a run as the pipe has them.
    run: Vec<u8>,
}

/// The message that is not complete.
struct OpenFrames {
    /// Its frames, all but the one that comes.
    frames: Vec<Message>,
    /// The frame that comes.
    flags: u8,
    body: Vec<u8>,
    /// Bytes of all of them.
    bytes: u64,
    max_frames: u64,
    max_bytes: u64,
    /// There is more of it than there may be.
    exceeded: bool,
}

/// Where whole messages go.
struct AssemblySink<'a> {
    open: &'a mut OpenFrames,
    pipe: &'a mut PipeWriter,
    waiting: &'a mut WaitingMessages,
}

impl Assembly {
    /// With the limits of a connection.
    pub(super) fn new(config: &Config) -> Self {
        Self {
            joiner: Joiner::default(),
            decoder: decoder(config.max_body),
            message: OpenFrames {
                frames: Vec::new(),
                flags: 0,
                body: Vec::new(),
                bytes: 0,
                max_frames: config.max_parts.map_or(u64::MAX, u64::from),
                max_bytes: config.max_message_bytes.unwrap_or(u64::MAX),
                exceeded: false,
            },
            max_body: config.max_body,
            between_messages: false,
            takes_short: config.max_parts != Some(0)
                && [config.max_body, config.max_message_bytes]
                    .iter()
                    .all(|limit| limit.is_none_or(|limit| limit >= ShortRun::LONGEST_BODY)),
            run: Vec::new(),
        }
    }

    /// Takes the data of the next packet, for which the pipe has room.
    pub(super) fn take(
        &mut self,
        tsdu: &[u8],
        (pipe, waiting): (&mut PipeWriter, &mut WaitingMessages),
        intake: &mut Unpacked,
    ) {
        let octets = match self.joiner.data(tsdu) {
            Joined::Continue(octets) => octets,
            Joined::Begin(octets) => {
                self.decoder = decoder(self.max_body);
                self.between_messages = true;
                octets
            }
            Joined::Skipped => return,
            Joined::Malformed => {
                intake.malformed += 1;
                return self.message.clear();
            }
        };
        let decoded = self.decode(octets, pipe, waiting);
        if decoded.is_err() || self.message.exceeded {
            intake.malformed += 1;
            self.lost();
        }
    }

    /// Writes the messages in there: runs of short ones in one piece, others frame by frame.
    fn decode(
        &mut self,
        mut octets: &[u8],
        pipe: &mut PipeWriter,
        waiting: &mut WaitingMessages,
    ) -> Result<(), ProtocolError> {
        while !octets.is_empty() && !self.message.exceeded {
            if self.between_messages && self.takes_short {
                let taken = self.write_run(octets, pipe, waiting);
                octets = &octets[taken..];
            }
            let mut sink = AssemblySink { open: &mut self.message, pipe, waiting };
            let decoded = self.decoder.decode(octets, 1, &mut sink)?;
            self.between_messages = decoded.messages > 0 || octets.is_empty();
            octets = &octets[decoded.consumed..];
        }
        Ok(())
    }

    /// Writes the run of messages of one short frame each that comes next; how many octets that takes.
    fn write_run(
        &mut self,
        octets: &[u8],
        pipe: &mut PipeWriter,
        waiting: &mut WaitingMessages,
    ) -> usize {
        let Some(log) = pipe.as_log_mut() else { return 0 };
        self.run.clear();
        let run = short_frames_from_v1(octets, &mut self.run);
        if run.messages > 0 {
            log.write_span(&self.run, run.messages, 0);
            waiting.wrote(run.messages, run.bytes as u64);
        }
        run.bytes
    }

    /// Bytes that are kept of the message that is not complete.
    pub(super) fn open_bytes(&self) -> u64 {
        let frames: usize = self.message.frames.iter().map(|frame| frame.len()).sum();
        (frames + self.message.body.len()) as u64
    }

    /// Packets are missing: what follows goes on at the next message.
    pub(super) fn lost(&mut self) {
        self.joiner.unjoin();
        self.message.clear();
    }
}

fn decoder(max_body: Option<u64>) -> Decoder {
    Decoder::new(Version::V1_0, max_body, APART)
}

impl OpenFrames {
    fn clear(&mut self) {
        self.frames = Vec::new();
        self.body = Vec::new();
        self.bytes = 0;
        self.exceeded = false;
    }

    /// Counts a frame that begins.
    fn begin(&mut self, flags: u8, body: u64) {
        self.flags = flags;
        self.body.clear();
        self.bytes = self.bytes.saturating_add(body);
        let frames = self.frames.len() as u64 + 1;
        self.exceeded |= frames > self.max_frames || self.bytes > self.max_bytes;
        if !self.exceeded {
            // No more than is likely to come is trusted to come.
            self.body.reserve(usize::try_from(body).unwrap_or(TRUST).min(TRUST));
        }
    }
}

impl AssemblySink<'_> {
    /// Writes the message that is complete: whatever the mark says, as the rest of its packet was let in.
    fn write(&mut self) {
        let body = &mut self.open.body;
        if let Some(log) = self.pipe.as_log_mut()
            && self.open.frames.is_empty()
            && body.len() < APART
        {
            log.begin(0, body.len());
            log.body(body);
            return log.end(0);
        }
        let last = Message::from(std::mem::take(body));
        for frame in self.open.frames.drain(..).chain([last]) {
            self.pipe.write_uncounted(frame.flags(), frame);
        }
    }
}

impl Sink for AssemblySink<'_> {
    fn span(&mut self, frames: &[u8], _: usize, _: usize) {
        // Frames of ZMTP 1.0 are never as those of a log; nothing would be lost if they were.
        let mut rest = frames;
        while let Some(header) = frame::parse(rest) {
            let (body, after) = rest[header.size..].split_at(header.body as usize);
            self.begin(header.flags, header.body);
            self.body(body);
            self.end();
            rest = after;
        }
    }

    fn begin(&mut self, flags: u8, body: u64) {
        self.open.begin(flags, body);
    }

    fn body(&mut self, bytes: &[u8]) {
        if !self.open.exceeded {
            self.open.body.extend_from_slice(bytes);
        }
    }

    fn end(&mut self) {
        if self.open.exceeded {
            return;
        }
        if self.open.flags & frame::MORE != 0 {
            let mut frame = Message::from(std::mem::take(&mut self.open.body));
            frame.set_more(true);
            return self.open.frames.push(frame);
        }
        self.write();
        self.waiting.wrote(1, self.open.bytes);
        self.open.frames.clear();
        self.open.bytes = 0;
    }

    fn command(&mut self, _: Command<'_>) {}
}
