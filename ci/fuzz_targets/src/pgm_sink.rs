//! What a receiver of PGM tells, held against what it was sent: for each source data and losses come in order,
//! nothing twice, and no number is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use ringmq_pgm::{
    DataBody, Fragment, Joined, Joiner, LossReason, OFFSET, PgmReceiver, PgmSink, SourceEnd,
    SourceHandle, Sqn, Tsi,
};

/// What was told of one source.
#[derive(Debug)]
struct Told {
    session: Tsi,
    /// The number that has to be next, and whether it is that or any later one: what is made of fragments has
    /// the numbers of all of them.
    next: Option<(Sqn, bool)>,
    delivered: u64,
    lost: u64,
    over: bool,
    joiner: Joiner,
    joined: bool,
}

/// What all sources of a receiver have told, and what they were sent.
#[derive(Debug, Default)]
pub(crate) struct StrictPgmSink {
    known: BTreeMap<SourceHandle, Told>,
    /// The data of packets without fragments: session, number, and what they are.
    said: BTreeSet<(Tsi, u32, u64)>,
    /// Sessions that have sent fragments.
    fragmented: BTreeSet<Tsi>,
    /// The longest that may be made of fragments.
    max_apdu: usize,
}

impl StrictPgmSink {
    pub(crate) fn new(max_apdu: usize) -> Self {
        StrictPgmSink { max_apdu, ..StrictPgmSink::default() }
    }

    /// The receiver is given a packet of data.
    pub(crate) fn said(&mut self, session: Tsi, data: &DataBody<'_>, fragment: Option<Fragment>) {
        if fragment.is_some() {
            self.fragmented.insert(session);
        } else {
            self.said.insert((session, data.sqn.0, digest(data.tsdu)));
        }
    }

    /// What a NAK asks for has to be missing.
    pub(crate) fn asked(&self, session: Tsi, sqn: Sqn) {
        let told = self.known.values().find(|told| told.session == session && !told.over);
        let told = told.unwrap_or_else(|| panic!("a NAK for {session}, which is over"));
        if let Some((next, _)) = told.next {
            assert!(sqn.since(next) >= 0, "a NAK for {sqn}, and {next} is next");
        }
    }

    /// What the receiver counts is what it has told.
    pub(crate) fn agrees_with(&self, receiver: &PgmReceiver, now: Instant) {
        for report in receiver.reports(now) {
            let told = &self.known[&report.source];
            assert_eq!(told.session, report.session);
            assert_eq!(told.lost, report.counters.lost, "lost");
            if !self.fragmented.contains(&told.session) {
                let held = report.held as u64;
                assert_eq!(told.delivered + held, report.counters.packets, "delivered or held");
            }
            assert!(!told.over || (report.missing, report.held) == (0, 0), "{report}");
        }
    }

    /// Whether nothing is known of any source that is not over.
    pub(crate) fn is_over(&self) -> bool {
        self.known.values().all(|told| told.over)
    }

    /// Something comes from `first` on, and then comes what is `count` later.
    fn arrive(&mut self, source: SourceHandle, first: Sqn, count: u32, exact: bool) -> &mut Told {
        let told = self.known.get_mut(&source).expect("it began");
        assert!(!told.over, "it has ended");
        if let Some((next, exact)) = told.next {
            let ahead = first.since(next);
            assert!(ahead == 0 || (ahead > 0 && !exact), "{first} comes, and {next} is next");
        }
        told.next = Some((first.plus(count), exact));
        told
    }
}

impl PgmSink for StrictPgmSink {
    fn began(&mut self, source: SourceHandle, session: Tsi) {
        let others = self.known.values().filter(|told| !told.over);
        assert!(others.into_iter().all(|told| told.session != session), "it is there already");
        let told = Told {
            session,
            next: None,
            delivered: 0,
            lost: 0,
            over: false,
            joiner: Joiner::default(),
            joined: false,
        };
        let before = self.known.insert(source, told);
        assert!(before.is_none_or(|before| before.over), "two sources with one handle");
    }

    fn data(&mut self, source: SourceHandle, sqn: Sqn, tsdu: &[u8]) {
        let session = self.known[&source].session;
        let whole = !self.fragmented.contains(&session);
        let known = self.said.contains(&(session, sqn.0, digest(tsdu)));
        assert!(known || !whole, "{sqn} was never sent like this");
        assert!(known || tsdu.len() <= self.max_apdu, "longer than it may be");
        let told = self.arrive(source, sqn, 1, whole);
        told.delivered += 1;
        let joined = told.joiner.data(tsdu);
        assert_eq!(joined, expected(told.joined, tsdu));
        told.joined = matches!(joined, Joined::Begin(_) | Joined::Continue(_));
        assert_eq!(told.joined, told.joiner.is_joined());
    }

    fn lost(&mut self, source: SourceHandle, first: Sqn, count: u32, _reason: LossReason) {
        assert!(count > 0, "a loss of nothing");
        let told = self.arrive(source, first, count, true);
        told.lost += u64::from(count);
        told.joiner.unjoin();
        told.joined = false;
    }

    fn ended(&mut self, source: SourceHandle, _end: SourceEnd) {
        let told = self.known.get_mut(&source).expect("it began");
        assert!(!told.over, "it ends twice");
        told.over = true;
    }
}

/// What a decoder is to do with the data of a packet.
fn expected(joined: bool, tsdu: &[u8]) -> Joined<'_> {
    if tsdu.len() < OFFSET {
        return Joined::Malformed;
    }
    let (offset, octets) = tsdu.split_at(OFFSET);
    match (usize::from(offset[0]) << 8 | usize::from(offset[1]), joined) {
        (0xFFFF, false) => Joined::Skipped,
        (0xFFFF, true) => Joined::Continue(octets),
        (at, _) if at > octets.len() => Joined::Malformed,
        (_, true) => Joined::Continue(octets),
        (at, false) => Joined::Begin(&octets[at..]),
    }
}

fn digest(octets: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    octets.hash(&mut hasher);
    hasher.finish()
}
