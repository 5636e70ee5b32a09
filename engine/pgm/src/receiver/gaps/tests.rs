//! Ranges, and when they are asked for.

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
    assert!(gaps.fill(20, now) && !gaps.fill(20, now) && gaps.fill(10, now) && gaps.fill(199, now));
    assert!(!gaps.fill(9, now) && !gaps.fill(200, now));
    assert_eq!(ranges(&gaps), [(11, 20, 'b'), (21, 199, 'b')]);
    gaps.on_timeout(now + MS, &config(), (true, u64::MAX), || unreachable!());
    assert_eq!(ranges(&gaps), [(11, 20, 'a'), (21, 199, 'a')]);

    let first = gaps.take_nak(now, &config(), MANY);
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
    assert!(gaps.take_nak(now, &config(), MANY).is_empty() && !gaps.wants_nak());
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
        naks += u32::from(!gaps.take_nak(now, &patient, MANY).is_empty());
    }
    now - start
}

#[test]
fn what_comes_in_time_or_late_says_how_soon_to_ask_again() {
    let (mut gaps, start) = (Gaps::default(), Instant::now());
    assert_eq!(third_time(&mut gaps, 5, start), (1 + 11 + 21) * MS);
    assert!(gaps.fill(5, start + 33 * MS), "while it is waited for");
    let later = start + 1000 * MS;
    assert_eq!(third_time(&mut gaps, 6, later), (1 + 11 + 11) * MS);
    gaps.on_timeout(later + 34 * MS, &config(), (true, u64::MAX), || later + 90 * MS);
    assert!(gaps.fill(6, later + 33 * MS), "when it is not waited for any more");
    // The answer took 10 ms, and may take three times as long.
    assert_eq!(third_time(&mut gaps, 7, later + 1000 * MS), (1 + 31 + 61) * MS);
}

#[test]
fn a_packet_is_lost_when_all_retries_were_in_vain() {
    let start = Instant::now();
    for (confirmed, reason) in [(false, LossReason::Unconfirmed), (true, LossReason::Unrepaired)] {
        let (mut gaps, mut now, mut naks) = (Gaps::default(), start, 0);
        gaps.open(5, 6, now + MS);
        while let Some(at) = gaps.timeout() {
            assert!(at > now);
            now = at;
            gaps.on_timeout(now, &config(), (true, u64::MAX), || now + 50 * MS);
            if gaps.wants_nak() {
                assert_eq!(sqns(&gaps.take_nak(now, &config(), MANY)), [5]);
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
    assert!(gaps.fill(7, now));
    gaps.give_up(1000, LossReason::TrailPassed);
    assert_eq!(ranges(&gaps), [(0, 7, 'x'), (8, 1000, 'x'), (1000, 1 << 31, 'b')]);
    assert!(gaps.fill(500, now));
    gaps.give_up(1000, LossReason::WindowFull);
    assert_eq!(gaps.take_lost(8), Some((500, LossReason::TrailPassed)));
    assert_eq!(gaps.take_lost(1000), None);
}
