//! Which packets are missing, and what is done about it (RFC 3208, section 6.2).
//!
//! Missing packets that share a fate are one range, with one timer: a lost burst costs as much as a lost
//! packet. Ranges are cut apart where packets come or are asked for, and grow together where what is awaited
//! is the same again.
//!
//! Packets have numbers of 64 bits here, which do not wrap.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use super::answer_time::AnswerTime;
use super::config::PgmReceiverConfig;
use super::sink::LossReason;
use crate::packet::{NAK_LIST_MAX, Sqn};

/// How long to wait until it is looked again whether there is room for what is missing.
const POSTPONED: Duration = Duration::from_millis(30);

/// The least that an answer is waited for, however soon the last ones came.
const SHORTEST_WAIT: Duration = Duration::from_millis(2);

/// The numbers of one NAK: one in its body, others in its list.
pub(super) type NakNumbers = ArrayVec<[u8; 4], { NAK_LIST_MAX + 1 }>;

/// What is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GapPhase {
    /// That somebody else asks, until then.
    BackOff(Instant),
    /// Our turn to send.
    Asking,
    /// An NCF, until then.
    WaitNcf(Instant),
    /// The data, until then.
    WaitData(Instant),
    /// Nothing: it is to be told of when all before it is.
    Lost(LossReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    /// After the last packet.
    end: u64,
    phase: GapPhase,
    /// When they were asked for last, the first of them.
    asked: Option<Instant>,
    /// How often no NCF came, and no data.
    ncf_retries: u16,
    rdata_retries: u16,
}

impl Gap {
    /// How long it took to answer the last time that they were asked for, if an answer that comes now is the one to that.
    /// Where they were asked for twice and both may still be answered nobody knows which one is.
    fn answered_after(&self, now: Instant) -> Option<Duration> {
        let again = self.ncf_retries + self.rdata_retries > 0;
        let waits = matches!(self.phase, GapPhase::WaitNcf(_) | GapPhase::WaitData(_));
        self.asked.filter(|_| !(again && waits)).map(|asked| now.saturating_duration_since(asked))
    }

    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            GapPhase::BackOff(at) | GapPhase::WaitNcf(at) | GapPhase::WaitData(at) => Some(at),
            GapPhase::Asking | GapPhase::Lost(_) => None,
        }
    }

    /// Whether both are the same but for their packets, and when they were asked for before.
    fn shares_fate(&self, other: &Gap) -> bool {
        let fate = |gap: &Gap| Gap { end: 0, asked: None, ..*gap };
        fate(self) == fate(other)
    }
}

/// Who says that packets were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirmer {
    /// The source, by an NCF.
    Source,
    /// Another receiver, whose NAK went to all. It does not stand for the source's answer to ours.
    Receiver,
}

/// The missing packets of one source.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// By their first packet.
    ranges: BTreeMap<u64, Gap>,
    /// Those with a timer, and the first packet of each.
    deadlines: BTreeSet<(Instant, u64)>,
    /// Those that are to be asked for.
    asking: BTreeSet<u64>,
    /// The last packet that came because it was asked for came while it was waited for, and not after.
    near: bool,
    /// How long the source takes to answer.
    answer: AnswerTime,
}

impl Gaps {
    /// How many ranges.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many packets, those that are lost among them. Looks at each range.
    pub(super) fn packets(&self) -> u64 {
        self.ranges.iter().map(|(first, gap)| gap.end - first).sum()
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub(super) fn wants_nak(&self) -> bool {
        !self.asking.is_empty()
    }

    /// Packets from `first` up to `end`, of which none was missing until now, are missing. They are asked for at
    /// `ask_at`.
    pub(super) fn open(&mut self, first: u64, end: u64, ask_at: Instant) {
        if first < end {
            let phase = GapPhase::BackOff(ask_at);
            self.insert(first, Gap { end, phase, asked: None, ncf_retries: 0, rdata_retries: 0 });
        }
    }

    /// How long an answer is waited for where it is `wait` at first.
    pub(super) fn patience(&self, wait: Duration, config: &PgmReceiverConfig) -> Duration {
        if config.longest_pause.is_zero() {
            return wait;
        }
        self.answer.patience(wait, (SHORTEST_WAIT.min(wait), config.longest_pause.max(wait)))
    }

    /// Packet `at` has come. False if it was not missing.
    pub(super) fn fill(&mut self, at: u64, now: Instant) -> bool {
        let Some(first) = self.containing(at) else { return false };
        let gap = self.remove(first);
        if let Some(took) = gap.answered_after(now) {
            self.answer.note(took);
        }
        match gap.phase {
            GapPhase::WaitNcf(_) | GapPhase::WaitData(_) => self.near = true,
            _ if gap.ncf_retries + gap.rdata_retries > 0 => self.near = false,
            _ => {}
        }
        if first < at {
            self.insert(first, Gap { end: at, ..gap });
        }
        if at + 1 < gap.end {
            self.insert(at + 1, gap);
        }
        true
    }

    /// All that is missing before `end` is lost.
    pub(super) fn give_up(&mut self, end: u64, reason: LossReason) {
        let mut at = 0;
        while let Some((first, gap)) = self.overlapping(at, end) {
            at = gap.end.min(end);
            if !matches!(gap.phase, GapPhase::Lost(_)) {
                self.change(first, (first, at), Gap { phase: GapPhase::Lost(reason), ..gap });
            }
        }
    }

    /// The packets from `next` on that are lost: after the last of them, and why. Forgets them.
    pub(super) fn take_lost(&mut self, next: u64) -> Option<(u64, LossReason)> {
        let gap = self.ranges.get(&next)?;
        let GapPhase::Lost(reason) = gap.phase else { return None };
        Some((self.remove(next).end, reason))
    }

    /// Packets from `begin` up to `end` were asked for, if they are missing: data are awaited until `until`.
    /// What would make more than `most` ranges is left as it is.
    pub(super) fn confirm(
        &mut self,
        (begin, end): (u64, u64),
        who: Confirmer,
        until: Instant,
        most: usize,
    ) {
        let mut at = begin;
        while let Some((first, gap)) = self.overlapping(at, end) {
            let from = at.max(first);
            at = gap.end.min(end);
            let parts = usize::from(first < from) + usize::from(at < gap.end);
            if self.ranges.len() + parts > most {
                continue;
            }
            let confirmed = match gap.phase {
                GapPhase::BackOff(_) | GapPhase::Asking => true,
                GapPhase::WaitNcf(_) => who == Confirmer::Source,
                GapPhase::WaitData(_) | GapPhase::Lost(_) => false,
            };
            if confirmed {
                self.change(first, (from, at), Gap { phase: GapPhase::WaitData(until), ..gap });
            }
        }
    }

    /// Goes on with what has waited until `now`. `back_off` makes times to wait before a NAK; what has waited together
    /// goes on together. What begins at `limit` or after it has to wait, however long.
    pub(super) fn on_timeout(
        &mut self,
        now: Instant,
        config: &PgmReceiverConfig,
        (can_ask, limit): (bool, u64),
        mut back_off: impl FnMut() -> Instant,
    ) {
        let [ncf_wait, rdata_wait] =
            [config.ncf_wait, config.rdata_wait].map(|wait| self.patience(wait, config));
        let mut last: Option<(Instant, Instant)> = None;
        let mut back_off = |at| match last {
            Some((of, until)) if of == at => until,
            _ => last.insert((at, back_off())).1,
        };
        while let Some((at, first)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            let mut gap = self.remove(first);
            gap.phase = match gap.phase {
                GapPhase::BackOff(_) if first >= limit => GapPhase::BackOff(now + POSTPONED),
                GapPhase::BackOff(_) if can_ask => GapPhase::Asking,
                // It is as if the NAK had got lost.
                GapPhase::BackOff(_) => GapPhase::WaitNcf(now + ncf_wait),
                GapPhase::WaitNcf(_) if gap.ncf_retries >= config.ncf_retries => {
                    GapPhase::Lost(LossReason::Unconfirmed)
                }
                GapPhase::WaitNcf(_) => {
                    gap.ncf_retries += 1;
                    let pause = config.pause_before(gap.ncf_retries, ncf_wait, self.near);
                    GapPhase::BackOff(back_off(at) + pause)
                }
                GapPhase::WaitData(_) if gap.rdata_retries >= config.rdata_retries => {
                    GapPhase::Lost(LossReason::Unrepaired)
                }
                GapPhase::WaitData(_) => {
                    gap.rdata_retries += 1;
                    let pause = config.pause_before(gap.rdata_retries, rdata_wait, self.near);
                    GapPhase::BackOff(back_off(at) + pause)
                }
                other => other,
            };
            debug_assert!(gap.deadline().is_none_or(|next| next > at), "time goes on");
            self.insert(first, gap);
        }
    }

    /// The path to the source is known now: what could not be asked for before is asked for.
    pub(super) fn ask_again(&mut self) {
        let waits = |gap: &Gap| matches!(gap.phase, GapPhase::WaitNcf(_));
        let waiting: Vec<u64> =
            self.ranges.iter().filter(|(_, gap)| waits(gap)).map(|(first, _)| *first).collect();
        for first in waiting {
            // It may have grown together with the one before it.
            if let Some(gap) = self.ranges.get(&first).copied() {
                self.change(first, (first, gap.end), Gap { phase: GapPhase::Asking, ..gap });
            }
        }
    }

    /// Takes the numbers of a NAK to be sent `now`, after which NCFs are awaited. A range of which not all fit is cut
    /// in two, unless there are `most` ranges already.
    pub(super) fn take_nak(
        &mut self,
        now: Instant,
        config: &PgmReceiverConfig,
        most: usize,
    ) -> NakNumbers {
        let phase = GapPhase::WaitNcf(now + self.patience(config.ncf_wait, config));
        let asked = |gap: Gap| Gap { phase, asked: Some(now), ..gap };
        let mut numbers = NakNumbers::new();
        while let Some(first) = self.asking.first().copied() {
            let room = numbers.remaining_capacity() as u64;
            if room == 0 {
                break;
            }
            let gap = self.ranges[&first];
            let end = gap.end.min(first + room);
            numbers.extend((first..end).map(|number| number_of(number).0.to_be_bytes()));
            if end == gap.end || self.ranges.len() < most {
                self.change(first, (first, end), asked(gap));
            } else {
                self.ask_uncut(first, end, asked);
            }
        }
        numbers
    }

    /// The packets of the range at `first` up to `end` are asked for, and there is no room for another range.
    /// They become a part of what was asked for before them; else it is as if the whole range were asked for.
    fn ask_uncut(&mut self, first: u64, end: u64, asked: impl Fn(Gap) -> Gap) {
        let gap = self.remove(first);
        let before = self.ranges.range(..first).next_back().map(|(begin, gap)| (*begin, *gap));
        let waits = |(_, b): &(u64, Gap)| b.end == first && matches!(b.phase, GapPhase::WaitNcf(_));
        let Some((begin, before)) = before.filter(waits) else {
            return self.insert(first, asked(gap));
        };
        self.remove(begin);
        self.insert(end, gap);
        let ncf_retries = before.ncf_retries.min(gap.ncf_retries);
        self.insert(begin, Gap { end, ncf_retries, ..asked(before) });
    }

    /// The range with `at` in it.
    fn containing(&self, at: u64) -> Option<u64> {
        let (first, gap) = self.ranges.range(..=at).next_back()?;
        (at < gap.end).then_some(*first)
    }

    /// The first range that has packets from `begin` up to `end`.
    fn overlapping(&self, begin: u64, end: u64) -> Option<(u64, Gap)> {
        if begin >= end {
            return None;
        }
        let found = self.containing(begin).map(|first| (first, self.ranges[&first]));
        found.or_else(|| self.ranges.range(begin..end).next().map(|(first, gap)| (*first, *gap)))
    }

    /// Makes the part of the range at `first` that is from `begin` up to `end` what `new` is.
    fn change(&mut self, first: u64, (begin, end): (u64, u64), new: Gap) {
        let old = self.remove(first);
        if first < begin {
            self.insert(first, Gap { end: begin, ..old });
        }
        if end < old.end {
            self.insert(end, old);
        }
        self.insert(begin, Gap { end, ..new });
    }

    /// Puts a range in, together with its neighbours if they are the same.
    fn insert(&mut self, mut first: u64, mut gap: Gap) {
        let before = self.ranges.range(..first).next_back().map(|(first, gap)| (*first, *gap));
        let joins = |(_, b): &(u64, Gap)| b.end == first && b.shares_fate(&gap);
        if let Some((begin, earlier)) = before.filter(joins) {
            self.remove(begin);
            first = begin;
            gap.asked = gap.asked.min(earlier.asked);
        }
        if let Some(after) = self.ranges.get(&gap.end).copied().filter(|a| a.shares_fate(&gap)) {
            self.remove(gap.end);
            gap.end = after.end;
            gap.asked = gap.asked.min(after.asked);
        }
        if let Some(at) = gap.deadline() {
            self.deadlines.insert((at, first));
        }
        if gap.phase == GapPhase::Asking {
            self.asking.insert(first);
        }
        self.ranges.insert(first, gap);
    }

    /// Takes a range out that is there.
    fn remove(&mut self, first: u64) -> Gap {
        let gap = self.ranges.remove(&first);
        debug_assert!(gap.is_some(), "ranges are asked for by what is known of them");
        let none = Gap {
            end: first,
            phase: GapPhase::Lost(LossReason::SourceEnded),
            asked: None,
            ncf_retries: 0,
            rdata_retries: 0,
        };
        let gap = gap.unwrap_or(none);
        if let Some(at) = gap.deadline() {
            self.deadlines.remove(&(at, first));
        }
        self.asking.remove(&first);
        gap
    }
}

/// The number as it is in packets.
pub(super) fn number_of(number: u64) -> Sqn {
    // The lower half is what goes on the wire.
    Sqn(number as u32)
}

#[cfg(test)]
mod tests;
