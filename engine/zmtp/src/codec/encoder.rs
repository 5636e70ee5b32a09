//! The writing half of a connection: from the content of a frame log to bytes for the peer.
//!
//! A log holds ZMTP 3 frames, subscriptions as SUBSCRIBE and CANCEL commands. That is just what a
//! 3.1 peer reads, so to such a peer whole stretches of the log go out as they are; for others
//! every frame is translated.

use ringmq_pipe::frame;

use super::foreign::FrameWriter;
use super::legacy;
use crate::Version;
use crate::command::{PING, PONG, write_command};
use crate::limits::CONTEXT_MAX;

/// Writes for one peer.
///
/// ```
/// use ringmq_zmtp::{Encoder, Version, subscribe_frame};
///
/// let mut old = Encoder::new(Version::V3_0);
/// assert!(!old.is_verbatim());
/// let mut out = Vec::new();
/// old.translate(0x04, b"\x09SUBSCRIBEab", &mut out);
/// assert_eq!(out, b"\0\x03\x01ab");
/// ```
#[derive(Debug)]
pub struct Encoder {
    version: Version,
    form: Form,
}

/// What becomes of a frame of the log.
#[derive(Debug)]
enum Form {
    /// It goes out as it is.
    Verbatim,
    /// It is translated, for a peer of an older version.
    Legacy,
    /// It is translated, if the version asks for that, and then takes another form.
    Foreign(Box<dyn FrameWriter>),
}

impl Encoder {
    /// Writes for a peer of that version.
    pub fn new(version: Version) -> Self {
        let form = if version >= Version::V3_1 { Form::Verbatim } else { Form::Legacy };
        Encoder { version, form }
    }

    /// Writes what `frames` makes of the frames for a peer of that version.
    pub(crate) fn foreign(version: Version, frames: Box<dyn FrameWriter>) -> Self {
        Encoder { version, form: Form::Foreign(frames) }
    }

    /// Whether the log goes out as it is. Never changes during a connection.
    #[inline]
    pub fn is_verbatim(&self) -> bool {
        matches!(self.form, Form::Verbatim)
    }

    /// Appends to `out` what stands for a frame of the log with that `flags` byte and that whole
    /// `body`. It may be nothing: a version without commands is not bothered with any.
    ///
    /// What was translated goes out once, and in this order: it may be numbered.
    pub fn translate(&mut self, flags: u8, body: &[u8], out: &mut Vec<u8>) {
        let Some((flags, body)) = legacy::translate(self.version, flags, body) else { return };
        match &mut self.form {
            Form::Verbatim | Form::Legacy => {
                legacy::write_header(self.version, flags, body.len() as u64, out);
                out.extend_from_slice(&body);
            }
            Form::Foreign(frames) => frames.write(flags, &body, out),
        }
    }

    /// Whether the body of a frame with these `flags` goes out as it is, behind
    /// [a header](Self::translate_header) of its own.
    pub fn keeps_body(&self, flags: u8) -> bool {
        flags & frame::COMMAND == 0 && !matches!(self.form, Form::Foreign(_))
    }

    /// Appends the header alone of a frame whose body of `body` bytes is sent from elsewhere. Only
    /// for those whose [body is kept](Self::keeps_body).
    pub fn translate_header(&mut self, flags: u8, body: u64, out: &mut Vec<u8>) {
        legacy::write_header(self.version, flags, body, out);
    }

    /// Appends a PING, when a [`Heartbeat`](crate::Heartbeat) says so. Nothing before ZMTP 3.
    pub fn ping(&mut self, ttl: u16, out: &mut Vec<u8>) {
        match &mut self.form {
            Form::Foreign(frames) => frames.ping(ttl, out),
            Form::Verbatim | Form::Legacy => self.command(&[PING, &ttl.to_be_bytes()], out),
        }
    }

    /// Appends the answer to a PING with that context, of which 16 bytes count, on a
    /// WebSocket 125. Nothing before ZMTP 3.
    pub fn pong(&mut self, context: &[u8], out: &mut Vec<u8>) {
        match &mut self.form {
            Form::Foreign(frames) => frames.pong(context, out),
            Form::Verbatim | Form::Legacy => {
                self.command(&[PONG, &context[..context.len().min(CONTEXT_MAX)]], out);
            }
        }
    }

    /// Appends what tells the peer that nothing more comes, behind all that was sent. Nothing but on a WebSocket.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        if let Form::Foreign(frames) = &mut self.form {
            frames.close(out);
        }
    }

    fn command(&self, parts: &[&[u8]], out: &mut Vec<u8>) {
        if self.version >= Version::V3_0 {
            write_command(out, parts);
        }
    }
}
