//! What a person may want to know of a receiver.

use core::net::{IpAddr, SocketAddr};
use std::fmt;
use std::time::Duration;

use super::sink::SourceHandle;
use crate::packet::{PacketError, Tsi};

/// Counts of one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiveCounters {
    /// Packets of data that were new, and are delivered or wait to be.
    pub packets: u64,
    /// Octets of data in them.
    pub bytes: u64,
    /// Packets among them that were missing, and came as RDATA.
    pub repaired: u64,
    /// Packets among them that were missing, and came late as ODATA.
    pub reordered: u64,
    /// Packets of data that were there already, or are older than what is delivered.
    pub duplicates: u64,
    /// Packets that were found to be missing.
    pub missed: u64,
    /// Packets that are lost.
    pub lost: u64,
    /// NAKs sent.
    pub naks: u64,
    /// Numbers in them.
    pub nak_numbers: u64,
    /// NCFs that came.
    pub ncfs: u64,
    /// NAKs of other receivers that came.
    pub foreign_naks: u64,
    /// SPMs that came and were new.
    pub spms: u64,
    /// SPMRs sent.
    pub spm_requests: u64,
    /// Packets with this source's id that came from another address. They are ignored.
    pub impostors: u64,
    /// Packets that are too far ahead, and were not followed by another one there. They are ignored.
    pub strays: u64,
    /// Packets that there was no memory for, or none any more. They are asked for again.
    pub refused: u64,
    /// Packets that contradict themselves.
    pub malformed: u64,
}

/// Counts of all that belongs to no source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverTotals {
    /// What was no packet of PGM, or contradicted itself and is of no source that is known.
    pub malformed: u64,
    /// What was wrong with the last that was none.
    pub last_fault: Option<PacketError>,
    /// Packets for another port.
    pub elsewhere: u64,
    /// Packets that a receiver has no use for: POLL, parity, NAKs for sources that are not known, and the like.
    pub ignored: u64,
    /// Sources that were ever known.
    pub sources: u64,
    /// Sources that were forgotten because they were silent.
    pub expired: u64,
    /// Sources that were forgotten because there were too many.
    pub evicted: u64,
}

/// One source, as it is now. Its `Display` is a line for people.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SourceReport<'a> {
    /// Which source.
    pub source: SourceHandle,
    /// Its session.
    pub session: Tsi,
    /// Where its packets come from.
    pub address: SocketAddr,
    /// Where NAKs go to; `None` if no SPM has come.
    pub path: Option<IpAddr>,
    /// Since when nothing was heard.
    pub silent: Duration,
    /// Whether it has said that it ends.
    pub ending: bool,
    /// Packets that are missing now.
    pub missing: u64,
    /// Packets that wait for these.
    pub held: usize,
    /// What was counted.
    pub counters: &'a ReceiveCounters,
}

impl fmt::Display for SourceReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SourceReport { session, address, missing, held, counters, .. } = self;
        let ReceiveCounters { packets, bytes, repaired, lost, duplicates, naks, .. } = counters;
        write!(
            f,
            "{session} at {address}: {packets} packets ({bytes} bytes), {repaired} repaired, {lost} lost, \
             {duplicates} duplicates, {naks} NAKs; now {missing} missing, {held} held, silent for {:.1?}",
            self.silent
        )?;
        for (count, what) in [
            (counters.reordered, "late"),
            (counters.refused, "refused for lack of memory"),
            (counters.impostors, "from another address"),
            (counters.strays, "too far ahead"),
            (counters.malformed, "malformed"),
        ] {
            if count > 0 {
                write!(f, "; {count} {what}")?;
            }
        }
        match (self.path, self.ending) {
            (None, _) => f.write_str("; no SPM yet"),
            (_, true) => f.write_str("; it ends"),
            _ => Ok(()),
        }
    }
}
