//! What a receiver tells.

use crate::packet::{Sqn, Tsi};

/// A source that a receiver knows. Its number is small, and given again only after the source has
/// [ended](PgmSink::ended).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceHandle(pub(crate) u32);

impl SourceHandle {
    /// The number, for a table.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Why packets are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LossReason {
    /// The source has moved on: it can send them no more.
    #[error("the source keeps them no longer")]
    TrailPassed,
    /// Newer packets have pushed them out of the receive window.
    #[error("the receive window is too small")]
    WindowFull,
    /// No NCF came after any of the NAKs, or the path to the source was never told.
    #[error("the source never confirmed that it heard of it")]
    Unconfirmed,
    /// NCFs came, but no data.
    #[error("the source confirmed, but never sent them again")]
    Unrepaired,
    /// They came, but are parts of something whose other parts did not, or that is too large.
    #[error("what they are fragments of is not complete, or too large")]
    Fragments,
    /// The source has ended, or is no longer known.
    #[error("the source has ended")]
    SourceEnded,
}

/// Why a source is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceEnd {
    /// It has said so, and all is delivered.
    #[error("it has closed its session")]
    Fin,
    /// It has said that it stops in disorder.
    #[error("it has reset its session")]
    Reset,
    /// Nothing was heard from it for too long.
    #[error("it is silent")]
    Expired,
    /// There are too many sources, and it was silent for longer than others.
    #[error("there are too many sources")]
    Evicted,
}

/// What a [`PgmReceiver`](crate::PgmReceiver) delivers to. For each source, data and losses come in the order of their
/// sequence numbers, and no number is missing.
pub trait PgmSink {
    /// A source is new. What it sent before is not asked for.
    fn began(&mut self, source: SourceHandle, session: Tsi) {
        let _ = (source, session);
    }

    /// The data of packet `sqn`; or what was made of fragments, of which `sqn` has the first.
    fn data(&mut self, source: SourceHandle, sqn: Sqn, tsdu: &[u8]);

    /// `count` packets from `first` on will not come. What follows does.
    fn lost(&mut self, source: SourceHandle, first: Sqn, count: u32, reason: LossReason);

    /// Nothing more will come from a source.
    fn ended(&mut self, source: SourceHandle, end: SourceEnd) {
        let _ = (source, end);
    }
}
