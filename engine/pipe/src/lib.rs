//! Messages, blocks, frame logs and mailboxes: what moves between the threads of ringmq.
//!
//! This crate knows memory and atomics. It does no I/O and gives frames no meaning beyond their
//! header: which flags say that more follows, and how long a body is.
//!
//! * [`Message`]: one frame's body, 64 bytes, small bodies inside.
//! * [`log()`]: one direction of a pipe, as ZMTP 3 frames, lock-free.
//! * [`conflated()`]: one direction that keeps the latest message only.
//! * [`pipe()`]: two directions with an end for each side.
//! * [`BiasedMutex`]: a lock for data that one thread uses nearly always.
//! * [`Section`]: what wakers and owners of buffers are kept out of.
//! * [`lease()`]: data that has an owner on one thread and is lent to others.
//! * [`Mailbox`] and [`Waiters`]: commands between threads, and who waits for them.

mod conflate;
mod cpu;
// Not in models: loom has no weak references, and nobody there looks.
#[cfg(not(loom))]
mod depth;
pub mod frame;
mod log;
mod message;
mod pipe;
mod pipe_state;
mod sync;

pub use conflate::{ConflatedReader, ConflatedWriter, conflated};
#[cfg(not(loom))]
pub use depth::{CreditGauge, PipeDepth};
pub use log::{
    APART, ATTACH, BATCH, FULL, HAND_OVER, LogReader, LogWriter, Piece, SharedEncoder, SharedFrame,
    Sleep, WriteError, log, settle,
};
pub use message::block::BLOCK;
pub use message::properties::{KnownPeer, Properties, PropertySource};
pub use message::{GROUP_MAX, GroupTooLong, INLINE, Message, MessagePeer};
pub use pipe::{Capacity, PipeEnd, PipeReader, PipeWriter, pipe};
pub use pipe_state::{PipeState, WhenOver};
pub use sync::biased_mutex::{BiasedMutex, BiasedMutexGuard, OwnerGuard, Reentered};
pub use sync::foreign::Section;
pub use sync::lease::{Lease, LeaseCheck, LeaseGuard, LeaseOwner, Tell, lease};
pub use sync::mailbox::Mailbox;
pub use sync::notify::{InlineReader, Notify};
pub use sync::sign::Sign;
pub use sync::waiters::Waiters;

/// Asks the kernel for what logs and locks need of it, once in a process. They do that themselves where
/// nobody has: but it takes 4 us while the process has one thread, and 8 to 14 ms when it has more (Linux
/// 6.18), so that whoever starts threads does it first.
///
/// # Examples
/// ```
/// ringmq_pipe::prepare();
/// let (mut writer, mut reader) = ringmq_pipe::log(1000);
/// # let _ = (&mut writer, &mut reader);
/// ```
pub fn prepare() {
    sync::asymmetric_fence::init();
}
