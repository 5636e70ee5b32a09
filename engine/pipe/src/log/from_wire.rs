//! Writing what came off the wire: runs of whole frames, and frames that arrive in pieces.

use super::APART;
use super::writer::LogWriter;
use crate::frame::{self, LONG_HEADER, MORE};

impl LogWriter {
    /// Copies a run of whole frames, exactly as they came off the wire: `messages` of them end a
    /// message, and the last `tail` bytes belong to a message that goes on. (When no message ends
    /// in the run, all of it goes on, whatever `tail` says.)
    ///
    /// Every body in it must be shorter than [`APART`].
    ///
    /// # Panics
    /// If there cannot be so many messages or such a tail in `frames`, or if a frame is too large.
    pub fn write_span(&mut self, mut frames: &[u8], mut messages: u32, tail: usize) {
        while frames.len() > self.room() {
            let part = whole_frames(frames, self.room());
            if part.bytes == 0 {
                let first = frame::parse(frames).map_or(LONG_HEADER, |header| {
                    assert!(header.body < APART as u64, "a long body in a run of frames");
                    header.size + header.body as usize
                });
                self.grow(first);
                continue;
            }
            let (these, rest) = frames.split_at(part.bytes);
            self.copy_in(these);
            self.frames_done(part.messages, part.tail, these.len());
            assert!(part.messages <= messages, "more messages than announced");
            messages -= part.messages;
            frames = rest;
        }
        if !frames.is_empty() {
            self.copy_in(frames);
            self.frames_done(messages, tail, frames.len());
        }
    }

    /// Starts a frame whose body of `body` bytes, shorter than [`APART`], arrives in pieces:
    /// follow with [`body`](Self::body) until it is whole, then [`end`](Self::end), and nothing in
    /// between but [`rollback`](Self::rollback).
    ///
    /// # Panics
    /// If the body is too long.
    pub fn begin(&mut self, flags: u8, body: usize) {
        assert!(body < APART, "a long body in pieces");
        let mut header = [0; LONG_HEADER];
        let size = frame::write(&mut header, flags, body);
        if self.room() < size + body {
            self.grow(size + body);
        }
        self.copy_in(&header[..size]);
        self.missing = Some(body);
    }

    /// A piece of the body that [`begin`](Self::begin) announced.
    ///
    /// # Panics
    /// If there is more of it than was announced.
    pub fn body(&mut self, bytes: &[u8]) {
        let left = self.missing.and_then(|body| body.checked_sub(bytes.len()));
        self.missing = Some(left.expect("no more of a body than its header announced"));
        self.copy_in(bytes);
    }

    /// The body that [`begin`](Self::begin) announced is whole; `flags` as there.
    ///
    /// # Panics
    /// If it is not.
    pub fn end(&mut self, flags: u8) {
        assert_eq!(self.missing.take(), Some(0), "bytes missing of a body");
        self.frames_done(u32::from(flags & MORE == 0), 0, frame::SHORT_HEADER);
    }
}

/// How much of a run of frames fits somewhere.
struct WholeFrames {
    bytes: usize,
    messages: u32,
    /// Bytes after the last frame that ends a message.
    tail: usize,
}

/// The longest run of whole frames at the start of `frames` that takes at most `room` bytes.
fn whole_frames(frames: &[u8], room: usize) -> WholeFrames {
    let mut part = WholeFrames { bytes: 0, messages: 0, tail: 0 };
    while let Some(header) = frame::parse(&frames[part.bytes..]) {
        let left = room - part.bytes;
        if header.body > (left.saturating_sub(header.size)) as u64 || header.size > left {
            break;
        }
        let size = header.size + header.body as usize;
        part.bytes += size;
        if header.flags & MORE == 0 {
            part.messages += 1;
            part.tail = 0;
        } else {
            part.tail += size;
        }
    }
    part
}
