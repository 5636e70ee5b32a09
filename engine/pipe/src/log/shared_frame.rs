//! One frame for many logs: encoded once, in memory that all of them refer to.
//!
//! A [`SharedEncoder`] writes frames one behind the other into a block. A log that gets a run of
//! them holds a segment over that stretch of the block, which grows with every frame of the run and
//! costs no copy; the first frame after a gap begins another segment.
//!
//! Whoever refers to a block keeps all of it. So a log does that only if it gets a good part of the
//! encoder's frames, and copies them otherwise: what a subscriber of a rare topic has not read yet
//! may be one small frame of each block.
//!
//! What always holds: bytes of the block that a log refers to are never written again; a log's
//! writer itself writes none of them, because such a segment has no room for it.
#![allow(unsafe_code)]

use super::APART;
use super::segment::Segment;
use super::writer::{LogWriter, WriteError};
use crate::frame::{self, LONG_HEADER};
use crate::message::block::{BLOCK, Block};

/// Bytes of an encoder's block. In models small enough that a few frames need a second one.
const BLOCK_SIZE: usize = if cfg!(loom) { 64 } else { BLOCK };
/// Bytes of an encoder's block that a log must have got, of this one or of the one before, to refer
/// to it: what it keeps is less than ten times what it holds, even if it gets next to nothing of
/// every other.
const WORTH_KEEPING: usize = BLOCK_SIZE / 4;

/// Where a publisher encodes its messages. One thread at a time, the one that writes the logs.
#[derive(Default)]
pub struct SharedEncoder {
    /// The block, and how much of it is written.
    block: Option<(Block, usize)>,
    /// How many blocks there were, with this one; wraps.
    blocks: u64,
}

/// A frame that a [`SharedEncoder`] has encoded.
pub struct SharedFrame<'a> {
    block: &'a Block,
    /// Which of the encoder's blocks that is.
    block_number: u64,
    /// Where in the block it is.
    offset: usize,
    len: usize,
    /// Bytes of that before the body.
    header: usize,
    flags: u8,
}

impl SharedEncoder {
    /// An encoder without a block; it takes one with its first frame.
    pub const fn new() -> Self {
        Self { block: None, blocks: 0 }
    }

    /// Encodes a frame.
    ///
    /// # Panics
    /// If the body has [`APART`] bytes or more: a block has no room for it.
    pub fn encode(&mut self, flags: u8, body: &[u8]) -> SharedFrame<'_> {
        assert!(body.len() < APART, "a large body is attached to each log");
        let needed = LONG_HEADER + body.len();
        let fits = |(block, written): &(Block, usize)| block.capacity() - written >= needed;
        let block = self.block.take().filter(fits).unwrap_or_else(|| {
            self.blocks = self.blocks.wrapping_add(1);
            (Block::new(BLOCK_SIZE.max(needed)), 0)
        });
        let (block, bytes) = self.block.insert(block);
        let offset = *bytes;
        // SAFETY: `needed` bytes from there are within the block, and in no log: those refer only
        // to what is before them.
        let header = unsafe { write_frame(block.data().add(offset), flags, body) };
        *bytes += header + body.len();
        let len = header + body.len();
        SharedFrame { block, block_number: self.blocks, offset, len, header, flags }
    }
}

/// Writes a header and a body, and says how long the header is.
///
/// # Safety
/// `to` is valid for writes of [`LONG_HEADER`] bytes more than the body has.
unsafe fn write_frame(to: *mut u8, flags: u8, body: &[u8]) -> usize {
    let mut header = [0; LONG_HEADER];
    let size = frame::write(&mut header, flags, body.len());
    // SAFETY: promised by the caller.
    unsafe {
        to.cast::<[u8; LONG_HEADER]>().write(header);
        std::ptr::copy_nonoverlapping(body.as_ptr(), to.add(size), body.len());
    }
    size
}

impl SharedFrame<'_> {
    /// The flags of the frame.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    fn start(&self) -> *mut u8 {
        // SAFETY: within the block.
        unsafe { self.block.data().add(self.offset) }
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        // SAFETY: written by `SharedEncoder::encode`, and never again.
        unsafe {
            let body = self.start().add(self.header);
            std::slice::from_raw_parts(body, self.len - self.header)
        }
    }
}

/// What a log got of an encoder's block.
#[derive(Default)]
pub(super) struct BlockShare {
    /// Which block it had a frame of last.
    block_number: u64,
    bytes: usize,
    /// It refers to that block.
    refers: bool,
}

impl BlockShare {
    /// Whether a log with this share refers to the block of a frame that it is about to get.
    fn is_worth_keeping(&mut self, frame: &SharedFrame<'_>) -> bool {
        if self.block_number != frame.block_number {
            let is_next = self.block_number.wrapping_add(1) == frame.block_number;
            let refers = is_next && self.bytes >= WORTH_KEEPING;
            *self = Self { block_number: frame.block_number, bytes: 0, refers };
        }
        self.refers |= self.bytes >= WORTH_KEEPING;
        self.refers
    }
}

impl LogWriter {
    /// Writes a frame that was encoded for several logs; otherwise as [`write`](Self::write).
    /// Cheapest for a log that got the frame before it too. One that gets few of the encoder's
    /// frames has them copied, and one that gets many of them, but not the one before, pays about
    /// as much as for four copies of a small body.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn write_shared(&mut self, frame: &SharedFrame<'_>) -> Result<(), WriteError> {
        self.ready()?;
        let refers = self.runs_up_to(frame) || self.begins_run(frame);
        self.share.bytes += frame.len;
        if !refers {
            self.append(frame.flags, frame.body());
            return Ok(());
        }
        let start = self.bytes;
        self.current().writing(start, frame.len);
        self.bytes += frame.len;
        self.capacity = self.bytes;
        self.frame_written(frame.flags, start);
        Ok(())
    }

    /// Whether the frame is right behind the last byte of the current segment. (An address in the
    /// block of the encoder follows none of a block of the log's own: there is a header between any
    /// two.)
    #[inline]
    fn runs_up_to(&self, frame: &SharedFrame<'_>) -> bool {
        self.data.wrapping_add(self.bytes) == frame.start()
    }

    /// Begins a segment at the frame, unless that is to be copied.
    #[inline(never)]
    fn begins_run(&mut self, frame: &SharedFrame<'_>) -> bool {
        // What may have to be taken back has to be in memory of the log's own.
        let refers = self.share.is_worth_keeping(frame) && !self.open;
        if refers {
            self.leave_own_block(frame.block);
            let left = frame.block.capacity() - frame.offset;
            self.link(Segment::borrowed(frame.block.clone(), frame.offset, left), false);
        }
        refers
    }
}
