//! What a source has sent and heard.

use std::fmt;

/// Counts since the source was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceCounters {
    /// Data packets, each counted once.
    pub packets: u64,
    /// Their octets, without headers of IP and UDP.
    pub bytes: u64,
    /// Data packets that were sent again.
    pub repairs: u64,
    /// Their octets.
    pub repair_bytes: u64,
    /// SPMs sent.
    pub spms: u64,
    /// NCFs sent.
    pub ncfs: u64,
    /// NCFs that were not sent, because there were too many NAKs.
    pub ncfs_held_back: u64,
    /// NAKs for this session.
    pub naks: u64,
    /// Numbers in them.
    pub nak_numbers: u64,
    /// Numbers among these that were sent again already in the answer to another NAK, or are not in the window.
    pub nak_numbers_idle: u64,
    /// NAKs for this session with other addresses or another port than it has, or that ask for parity.
    pub naks_refused: u64,
    /// SPMRs for this session.
    pub spmrs: u64,
    /// Packets that are for nobody here: of other sessions, or of a type that a source has no use for.
    pub ignored: u64,
    /// What was no packet.
    pub malformed: u64,
}

impl fmt::Display for SourceCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SourceCounters { packets, bytes, repairs, naks, nak_numbers, spms, .. } = self;
        write!(
            f,
            "{packets} packets ({bytes} bytes), {repairs} of them again after {naks} NAKs for {nak_numbers}, \
             {spms} SPMs; {} NAKs refused, {} NCFs held back, {} malformed",
            self.naks_refused, self.ncfs_held_back, self.malformed
        )
    }
}
