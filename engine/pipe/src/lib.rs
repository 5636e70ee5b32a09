//! Messages, blocks, frame logs and mailboxes: what moves between the threads of ringmq.
//!
//! This crate knows memory and atomics. It does no I/O and gives frames no meaning beyond their
//! header: which flags say that more follows, and how long a body is.
//!
//! * [`Message`]: one frame's body, 64 bytes, small bodies inside.
//! * [`log()`]: one direction of a pipe, as ZMTP 3 frames, lock-free.
//! * [`latest()`]: one direction that keeps the latest message only.
//! * [`pipe()`]: two directions with an end for each side.
//! * [`Exclusive`]: a lock for data that one thread uses nearly always.
//! * [`Section`]: what wakers and owners of buffers are kept out of.
//! * [`lease()`]: data that has a home thread and is lent to others.
//! * [`Mailbox`] and [`Waiters`]: commands between threads, and who waits for them.

mod barrier;
mod block;
mod copy;
mod exclusive;
mod foreign;
pub mod frame;
mod latest;
mod lease;
mod log;
mod mailbox;
mod message;
mod pipe;
mod prefetch;
mod slice;
mod small;
mod sync;
mod thread;
mod wake;

pub use block::BLOCK;
pub use exclusive::{Exclusive, ExclusiveGuard, OwnerGuard, Reentered};
pub use foreign::Section;
pub use latest::{LatestReader, LatestWriter, latest};
pub use lease::{Held, Home, Lease, Look, Tell, lease};
pub use log::{
    ATTACH, BATCH, Encoded, FULL, LogReader, LogWriter, Piece, Press, Refused, Sleep, log, settle,
};
pub use mailbox::{Mailbox, Waiters};
pub use message::{INLINE, Message};
pub use pipe::{Bound, Inlet, Outlet, PipeEnd, PipeState, Slot, pipe};
pub use wake::Notify;
