//! What happened in all scenarios.

use std::fmt;
use std::ops::AddAssign;

/// Sums.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    /// Data packets of sources, each once, and those sent again.
    pub(crate) sent: u64,
    pub(crate) resent: u64,
    /// Data packets that receivers delivered, messages in them, those that were repaired, and those lost.
    pub(crate) delivered: u64,
    pub(crate) messages: u64,
    pub(crate) repaired: u64,
    pub(crate) late: u64,
    pub(crate) missed: u64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    pub(crate) naks: u64,
    pub(crate) nak_numbers: u64,
    pub(crate) refused: u64,
    pub(crate) ncfs: u64,
    pub(crate) sources_ended: u64,
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Summary) {
        self.sent += other.sent;
        self.resent += other.resent;
        self.delivered += other.delivered;
        self.messages += other.messages;
        self.repaired += other.repaired;
        self.late += other.late;
        self.missed += other.missed;
        self.lost += other.lost;
        self.duplicates += other.duplicates;
        self.naks += other.naks;
        self.nak_numbers += other.nak_numbers;
        self.refused += other.refused;
        self.ncfs += other.ncfs;
        self.sources_ended += other.sources_ended;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = |count: u64| count as f64 / self.missed.max(1) as f64;
        writeln!(f, "{} packets sent, {} again", self.sent, self.resent)?;
        writeln!(
            f,
            "  delivered {} packets with {} messages, {} duplicates, {} refused, {} sources ended",
            self.delivered, self.messages, self.duplicates, self.refused, self.sources_ended
        )?;
        write!(
            f,
            "  missed {}: {} repaired, {} late, {} lost; for each {:.2} NAKs with {:.2} numbers, {} NCFs heard",
            self.missed,
            self.repaired,
            self.late,
            self.lost,
            per(self.naks),
            per(self.nak_numbers),
            self.ncfs
        )
    }
}
