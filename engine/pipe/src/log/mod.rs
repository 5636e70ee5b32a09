//! The frame log: one direction of a pipe.
//!
//! A lock-free chain of segments between one writing and one reading thread. It holds messages as
//! ZMTP 3 frames, exactly as they go on the wire; bodies of [`ATTACH`] bytes and more are not
//! copied in but attached by reference behind their header.
//!
//! What always holds:
//! * A message becomes visible whole or not at all, however many frames and segments it takes.
//! * The writer is refused when `written - credited >= hwm`; the reader credits in steps of
//!   `(hwm + 1) / 2` messages (ZeroMQ's low-water mark), so a refused writer resumes when half is
//!   drained. A writer that counts bytes may ask for shorter steps; it is still told at the half.
//! * Every message is in `Segment::written` at once, but `Segment::published`, the word an awake
//!   reader polls, follows only every [`BATCH`] messages: the cache line that both sides want travels
//!   once a batch. A reader about to sleep looks at `written`, so nothing waits for a full batch.
//! * A reader that sleeps is woken once: whoever swaps its state back to awake tells it.
//! * Either end may go away at any time; the last to go frees what is left.

mod attached;
mod from_wire;
mod hwm;
mod in_place;
mod piece;
mod pool;
mod reader;
mod room;
mod segment;
mod shared;
mod shared_frame;
mod sleep;
mod to_wire;
mod writer;

pub use piece::Piece;
pub use reader::LogReader;
pub use shared_frame::{SharedEncoder, SharedFrame};
pub use sleep::{Sleep, settle};
pub use writer::{LogWriter, WriteError};

pub(crate) use shared::LogState;

use crate::frame::LONG_HEADER;
use crate::message::block::BLOCK;
use crate::sync::Arc;

/// Bodies of so many bytes and more, which is more than 8 KiB, are attached instead of copied:
/// measured on sockets, an iovec costs about as much as copying 4 to 8 KiB.
pub const ATTACH: usize = 8 * 1024 + 1;
/// As [`ATTACH`], where the reader is in the process and takes the body as it is. Measured with shared bytes:
/// 4 KiB are handed over 1.3 to 2.3 times as fast as they are copied.
pub const HAND_OVER: usize = 4 * 1024;
/// Bodies of so many bytes and more, which is more than 32 KiB, arrive in memory of their own. Shorter ones
/// are received into blocks, two or more in each, and stay there.
pub const APART: usize = 32 * 1024 + 1;
/// Bytes that are in a full-sized block at least when the next frame does not fit: as much as a
/// send takes.
pub const FULL: usize = BLOCK - ATTACH - LONG_HEADER;
/// Messages between two publications to an awake reader: the knee of the measured curve
/// (109 M/s at 1, 306 at 16, 394 at 64, 429 at 256). Fewer in models.
pub const BATCH: u32 = if cfg!(loom) { 2 } else { 64 };

/// Makes a log with a high-water mark of `hwm` messages; 0 is no limit.
///
/// # Examples
/// ```
/// use ringmq_pipe::{Message, log};
/// let (mut writer, mut reader) = log(1000);
/// writer.write(&mut Message::from("hello")).expect("room for 1000");
/// assert_eq!(reader.read().expect("one message"), *b"hello");
/// ```
pub fn log(hwm: u32) -> (LogWriter, LogReader) {
    crate::sync::asymmetric_fence::init();
    let shared = Arc::new(LogState::new(hwm));
    (LogWriter::new(shared.clone()), LogReader::new(shared))
}
