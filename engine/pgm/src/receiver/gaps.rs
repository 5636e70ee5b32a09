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

use super::config::PgmReceiverConfig;
use super::sink::LossReason;
use crate::packet::{NAK_LIST_MAX, Sqn};

/// How long to wait until it is looked again whether there is room for what is missing.
const POSTPONED: Duration = Duration::from_millis(30);

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
    /// How often no NCF came, and no data.
    ncf_retries: u16,
    rdata_retries: u16,
}

impl Gap {
    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            GapPhase::BackOff(at) | GapPhase::WaitNcf(at) | GapPhase::WaitData(at) => Some(at),
            GapPhase::Asking | GapPhase::Lost(_) => None,
        }
    }

    /// Whether both are the same but for their packets.
    fn shares_fate(&self, other: &Gap) -> bool {
        Gap { end: 0, ..*self } == Gap { end: 0, ..*other }
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
            self.insert(first, Gap { end, phase, ncf_retries: 0, rdata_retries: 0 });
        }
    }

    /// Packet `at` has come. False if it was not missing.
    pub(super) fn fill(&mut self, at: u64) -> bool {
        let Some(first) = self.containing(at) else { return false };
        let gap = self.remove(first);
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

    /// Goes on with what has waited until `now`. `back_off` makes times to wait before a NAK. What begins at `limit` or
    /// after it has to wait, however long.
    pub(super) fn on_timeout(
        &mut self,
        now: Instant,
        config: &PgmReceiverConfig,
        (can_ask, limit): (bool, u64),
        mut back_off: impl FnMut() -> Instant,
    ) {
        while let Some((at, first)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            let mut gap = self.remove(first);
            gap.phase = match gap.phase {
                GapPhase::BackOff(_) if first >= limit => GapPhase::BackOff(now + POSTPONED),
                GapPhase::BackOff(_) if can_ask => GapPhase::Asking,
                // It is as if the NAK had got lost.
                GapPhase::BackOff(_) => GapPhase::WaitNcf(now + config.ncf_wait),
                GapPhase::WaitNcf(_) if gap.ncf_retries >= config.ncf_retries => {
                    GapPhase::Lost(LossReason::Unconfirmed)
                }
                GapPhase::WaitNcf(_) => {
                    gap.ncf_retries += 1;
                    let pause = config.pause_before(gap.ncf_retries, config.ncf_wait, self.near);
                    GapPhase::BackOff(back_off() + pause)
                }
                GapPhase::WaitData(_) if gap.rdata_retries >= config.rdata_retries => {
                    GapPhase::Lost(LossReason::Unrepaired)
                }
                GapPhase::WaitData(_) => {
                    gap.rdata_retries += 1;
                    let pause =
                        config.pause_before(gap.rdata_retries, config.rdata_wait, self.near);
                    GapPhase::BackOff(back_off() + pause)
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

    /// Takes the numbers of a NAK to be sent now, after which NCFs are awaited until `until`. A range of which
    /// not all fit is cut in two, unless there are `most` ranges already.
    pub(super) fn take_nak(&mut self, until: Instant, most: usize) -> NakNumbers {
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
                self.change(first, (first, end), Gap { phase: GapPhase::WaitNcf(until), ..gap });
            } else {
                self.ask_uncut(first, end, until);
            }
        }
        numbers
    }

    /// The packets of the range at `first` up to `end` are asked for, and there is no room for another range.
    /// They become a part of what was asked for before them; else it is as if the whole range were asked for.
    fn ask_uncut(&mut self, first: u64, end: u64, until: Instant) {
        let gap = self.remove(first);
        let phase = GapPhase::WaitNcf(until);
        let before = self.ranges.range(..first).next_back().map(|(begin, gap)| (*begin, *gap));
        let waits = |(_, b): &(u64, Gap)| b.end == first && matches!(b.phase, GapPhase::WaitNcf(_));
        let Some((begin, before)) = before.filter(waits) else {
            return self.insert(first, Gap { phase, ..gap });
        };
        self.remove(begin);
        self.insert(end, gap);
        let ncf_retries = before.ncf_retries.min(gap.ncf_retries);
        self.insert(begin, Gap { end, phase, ncf_retries, ..before });
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
        if let Some((begin, _)) = before.filter(|(_, b)| b.end == first && b.shares_fate(&gap)) {
            self.remove(begin);
            first = begin;
        }
        if let Some(after) = self.ranges.get(&gap.end).copied().filter(|a| a.shares_fate(&gap)) {
            self.remove(gap.end);
            gap.end = after.end;
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
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    /// More ranges than there are.
    const MANY: usize = usize::MAX;

    /// The packets of all ranges, and a letter for what each awaits. Looks that the lists agree.
    fn ranges(gaps: &Gaps) -> Vec<(u64, u64, char)> {
        let timed = gaps.ranges.iter().filter_map(|(first, gap)| Some((gap.deadline()?, *first)));
        assert_eq!(timed.collect::<BTreeSet<_>>(), gaps.deadlines);
        let letter = |(first, gap): (&u64, &Gap)| {
            assert_eq!(gaps.asking.contains(first), gap.phase == GapPhase::Asking);
            let letter = match gap.phase {
                GapPhase::BackOff(_) => 'b',
                GapPhase::Asking => 'a',
                GapPhase::WaitNcf(_) => 'n',
                GapPhase::WaitData(_) => 'd',
                GapPhase::Lost(_) => 'x',
            };
            (*first, gap.end, letter)
        };
        gaps.ranges.iter().map(letter).collect()
    }

    fn config() -> PgmReceiverConfig {
        let config = PgmReceiverConfig::new([239, 0, 0, 1].into(), 1);
        PgmReceiverConfig { ncf_retries: 1, rdata_retries: 1, ..config }
    }

    fn sqns(numbers: &NakNumbers) -> Vec<u32> {
        numbers.iter().map(|number| u32::from_be_bytes(*number)).collect()
    }

    #[test]
    fn a_range_is_cut_where_packets_come_and_are_asked_for_and_grows_together_again() {
        let now = Instant::now();
        let mut gaps = Gaps::default();
        gaps.open(10, 200, now + MS);
        assert!(gaps.fill(20) && !gaps.fill(20) && gaps.fill(10) && gaps.fill(199));
        assert!(!gaps.fill(9) && !gaps.fill(200));
        assert_eq!(ranges(&gaps), [(11, 20, 'b'), (21, 199, 'b')]);
        gaps.on_timeout(now + MS, &config(), (true, u64::MAX), || unreachable!());
        assert_eq!(ranges(&gaps), [(11, 20, 'a'), (21, 199, 'a')]);

        let first = gaps.take_nak(now + 9 * MS, MANY);
        assert_eq!(sqns(&first), (11..20).chain(21..75).collect::<Vec<_>>());
        assert_eq!(ranges(&gaps), [(11, 20, 'n'), (21, 75, 'n'), (75, 199, 'a')]);
        gaps.confirm((60, 80), Confirmer::Source, now + 8 * MS, MANY);
        let cut = [(11, 20, 'n'), (21, 60, 'n'), (60, 80, 'd'), (80, 199, 'a')];
        assert_eq!(ranges(&gaps), cut);
        // What another receiver asks for is no answer to us.
        gaps.confirm((0, 70), Confirmer::Receiver, now + 8 * MS, MANY);
        assert_eq!(ranges(&gaps), cut);
        gaps.confirm((80, 500), Confirmer::Receiver, now + 8 * MS, MANY);
        gaps.confirm((0, 80), Confirmer::Source, now + 8 * MS, MANY);
        assert_eq!(ranges(&gaps), [(11, 20, 'd'), (21, 199, 'd')]);
        assert!(gaps.take_nak(now, MANY).is_empty() && !gaps.wants_nak());
        assert_eq!((gaps.len(), gaps.packets()), (2, 9 + 178));
    }

    /// How long it takes until a packet that does not come is asked for the third time.
    fn third_time(gaps: &mut Gaps, at: u64, start: Instant) -> Duration {
        let patient = PgmReceiverConfig {
            ncf_retries: 50,
            ncf_wait: 10 * MS,
            longest_pause: 300 * MS,
            ..config()
        };
        let (mut now, mut naks) = (start, 0);
        gaps.open(at, at + 1, now + MS);
        while naks < 3 {
            now = gaps.timeout().expect("it is asked for again");
            gaps.on_timeout(now, &patient, (true, u64::MAX), || now + MS);
            naks += u32::from(!gaps.take_nak(now + patient.ncf_wait, MANY).is_empty());
        }
        now - start
    }

    #[test]
    fn what_comes_in_time_or_late_says_how_soon_to_ask_again() {
        let (mut gaps, start) = (Gaps::default(), Instant::now());
        assert_eq!(third_time(&mut gaps, 5, start), (1 + 11 + 21) * MS);
        assert!(gaps.fill(5), "while it is waited for");
        let later = start + 1000 * MS;
        assert_eq!(third_time(&mut gaps, 6, later), (1 + 11 + 11) * MS);
        gaps.on_timeout(later + 34 * MS, &config(), (true, u64::MAX), || later + 90 * MS);
        assert!(gaps.fill(6), "when it is not waited for any more");
        assert_eq!(third_time(&mut gaps, 7, later + 1000 * MS), (1 + 11 + 21) * MS);
    }

    #[test]
    fn a_packet_is_lost_when_all_retries_were_in_vain() {
        let start = Instant::now();
        for (confirmed, reason) in
            [(false, LossReason::Unconfirmed), (true, LossReason::Unrepaired)]
        {
            let (mut gaps, mut now, mut naks) = (Gaps::default(), start, 0);
            gaps.open(5, 6, now + MS);
            while let Some(at) = gaps.timeout() {
                assert!(at > now);
                now = at;
                gaps.on_timeout(now, &config(), (true, u64::MAX), || now + 50 * MS);
                if gaps.wants_nak() {
                    assert_eq!(sqns(&gaps.take_nak(now + 200 * MS, MANY)), [5]);
                    naks += 1;
                    if confirmed {
                        gaps.confirm((5, 6), Confirmer::Source, now + 200 * MS, MANY);
                    }
                }
            }
            assert_eq!((naks, now - start), (2, 451 * MS));
            assert_eq!(ranges(&gaps), [(5, 6, 'x')]);
            assert_eq!((gaps.take_lost(4), gaps.take_lost(5)), (None, Some((6, reason))));
            assert!(gaps.is_empty());
        }
    }

    #[test]
    fn without_a_path_nothing_is_asked_until_there_is_one() {
        let mut now = Instant::now();
        let mut gaps = Gaps::default();
        gaps.open(5, 9, now + MS);
        now += MS;
        gaps.on_timeout(now, &config(), (false, u64::MAX), || unreachable!());
        assert_eq!(ranges(&gaps), [(5, 9, 'n')]);
        gaps.ask_again();
        assert_eq!(ranges(&gaps), [(5, 9, 'a')]);
    }

    #[test]
    fn what_is_given_up_is_lost_and_may_still_come() {
        let now = Instant::now();
        let mut gaps = Gaps::default();
        gaps.open(0, 1 << 31, now);
        assert!(gaps.fill(7));
        gaps.give_up(1000, LossReason::TrailPassed);
        assert_eq!(ranges(&gaps), [(0, 7, 'x'), (8, 1000, 'x'), (1000, 1 << 31, 'b')]);
        assert!(gaps.fill(500));
        gaps.give_up(1000, LossReason::WindowFull);
        assert_eq!(gaps.take_lost(8), Some((500, LossReason::TrailPassed)));
        assert_eq!(gaps.take_lost(1000), None);
    }
}
