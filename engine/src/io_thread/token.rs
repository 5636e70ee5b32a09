//! Names of the state machines that an I/O thread runs.

use std::sync::atomic::{AtomicU64, Ordering};

/// The name of one handler, never used again: a completion or a notice that comes late finds nobody
/// rather than somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(u64);

/// Tokens share a completion's 64 bits with the kind of the operation.
#[cfg(target_os = "linux")]
pub(crate) const TOKEN_BITS: u32 = 60;

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Token {
    /// A token that nobody had before: at one a nanosecond they last for 36 years.
    pub fn unique() -> Self {
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn raw(self) -> u64 {
        self.0
    }

    /// As the key of a [`Notify`](ringmq_pipe::Notify).
    pub fn key(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn from_key(key: usize) -> Self {
        Self(key as u64)
    }
}
