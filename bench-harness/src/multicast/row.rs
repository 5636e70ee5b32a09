//! The rows of the table: how each comes to its figures.

use anyhow::Result;

use super::args::GroupTransport;
use super::hosts::Cable;
use super::job::Subject;
use super::search;
use super::trial::{Point, Stage, Trial};
use crate::case::{Backend, Kind, human_size};
use crate::progress::Progress;
use crate::stats::{self, RoundTrips};
use crate::table::three_digits;

/// Lowerings of a rate after which a row is given up.
const MOST_LOWERINGS: u32 = 30;
/// Messages a second, of somebody of whom nothing is known yet: a trial that has too many takes long.
const FIRST_GUESS: f64 = 50_000.0;
/// The same, where the rate says how many there are.
const UNKNOWN: f64 = 1_000_000.0;
/// Bytes that a short message takes beside its body, about: to guess how many there are in a second.
const OVERHEAD: usize = 3;

/// What one subject does at one point.
pub(crate) struct Row {
    /// What is measured.
    pub(crate) point: Point,
    /// Who is.
    pub(crate) subject: Subject,
    /// What moved the messages, in words.
    pub(crate) words: String,
    /// The rate that the source is told; none until it is found, and where there is no such thing.
    pub(crate) kbit_per_s: Option<u32>,
    /// Messages a second of each round, or the median round trip in nanoseconds.
    pub(crate) rounds: Vec<f64>,
    /// About what arrives a second, if no round says so yet.
    pace: Option<f64>,
    /// The share that was lost in each round.
    pub(crate) lost: Vec<f64>,
    /// All round trips.
    pub(crate) trips: RoundTrips,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
}

impl Row {
    fn new(point: Point, subject: Subject) -> Self {
        let (words, rounds, lost, trips) = Default::default();
        Self {
            point,
            subject,
            words,
            kbit_per_s: None,
            rounds,
            pace: None,
            lost,
            trips,
            failure: None,
        }
    }

    /// Median of the rounds.
    pub(crate) fn median(&self) -> f64 {
        stats::median(&self.rounds)
    }

    /// Who it is, in the table.
    pub(crate) fn who(&self) -> &'static str {
        match self.subject {
            Subject::Libzmq => "libzmq",
            Subject::Backend(Backend::Floor) if self.point.kind == Kind::Throughput => "floor",
            Subject::Backend(Backend::Floor) => "floor, spinning",
            Subject::Backend(Backend::FloorBlocking) => "floor, blocking",
            Subject::Backend(Backend::Auto) => "ringmq",
            Subject::Backend(Backend::Uring) => "ringmq uring",
            Subject::Backend(Backend::Mio) => "ringmq mio",
        }
    }

    /// What it is measured with, in the table.
    pub(crate) fn how(&self) -> String {
        let cable = match self.point.cable {
            Cable::Whole => None,
            Cable::Loses(percent) => Some(format!("{percent} % lost")),
        };
        let receivers = match (self.point.receivers, self.point.stopped) {
            (1, _) => None,
            (all, 0) => Some(format!("{all} receivers")),
            (all, stopped) => Some(format!("{all} receivers, {stopped} stopped")),
        };
        [cable, receivers].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Names it in one line.
    pub(crate) fn title(&self) -> String {
        let Point { kind, over, size, .. } = self.point;
        let how = self.how();
        let gap = if how.is_empty() { "" } else { " " };
        format!("{kind} {} {}{gap}{how}, {}", over.name(), human_size(size), self.who())
    }

    /// Whether it has to arrive whole at a rate that is found out.
    fn is_paced(&self) -> bool {
        self.point.kind == Kind::Throughput && self.has_rate()
    }

    /// Whether its source is told a rate.
    pub(crate) fn has_rate(&self) -> bool {
        let bare = matches!(self.subject, Subject::Backend(backend) if backend.is_floor());
        self.point.over == GroupTransport::Epgm && !bare
    }

    fn add(&mut self, trial: Trial) {
        self.words = trial.subject;
        self.lost.push(trial.lost);
        if self.point.kind == Kind::Throughput {
            self.rounds.push(trial.rate);
            return;
        }
        let mut trips = RoundTrips::default();
        trips.add(&trial.trips);
        self.trips.add(&trial.trips);
        self.rounds.push(trips.summary().p50_ns as f64);
    }
}

/// What is measured of one size: every point with every subject.
pub(crate) struct Group {
    rows: Vec<Row>,
    subjects: usize,
}

impl Group {
    /// All that there is of it.
    pub(crate) fn of(points: &[Point], subjects: &[Subject]) -> Self {
        let rows = |point: &Point| {
            subjects.iter().map(|subject| Row::new(*point, *subject)).collect::<Vec<_>>()
        };
        Self { rows: points.iter().flat_map(rows).collect(), subjects: subjects.len() }
    }
}

/// How rows come to their figures.
pub(crate) struct Rounds<'a> {
    pub(crate) stage: &'a Stage,
    /// How long a trial is to take.
    pub(crate) seconds: f64,
    /// Or how many messages it is to have.
    pub(crate) count: Option<u64>,
    pub(crate) repeats: usize,
    /// The rate to begin with, where it is not searched for.
    pub(crate) kbit_per_s: Option<u32>,
}

impl Rounds<'_> {
    /// Measures every row.
    pub(crate) fn carry_out(&self, groups: Vec<Group>) -> Vec<Row> {
        let total = groups.iter().map(|group| group.rows.len() * (1 + self.repeats)).sum();
        let mut progress = Progress::new(total);
        let mut all = Vec::new();
        for Group { mut rows, subjects } in groups {
            for at in 0..rows.len() {
                let first = at.checked_sub(subjects).and_then(|_| rows[at % subjects].kbit_per_s);
                progress.begin(&format!("{}: which rate it keeps up with", rows[at].title()));
                let row = &mut rows[at];
                let found = self.prepare(row, first);
                row.failure = found.err().map(|error| format!("{error:#}"));
                progress.end();
                if let Some(kbit) = row.kbit_per_s.filter(|_| row.is_paced()) {
                    progress.line(&format!("{}: at {} Mbit/s", row.title(), kbit / 1000));
                }
            }
            for _ in 0..self.repeats {
                for row in &mut rows {
                    progress.begin(&row.title());
                    if row.failure.is_none() {
                        row.failure = self.round(row).err().map(|error| format!("{error:#}"));
                    }
                    progress.end();
                    progress.line(&brought(row));
                }
            }
            all.extend(rows);
        }
        progress.finish();
        all
    }

    /// Finds the rate of a row: by a search, or from that of the row that it is set beside.
    fn prepare(&self, row: &mut Row, first: Option<u32>) -> Result<()> {
        let most = search::highest(row.subject == Subject::Libzmq);
        if !row.is_paced() {
            row.kbit_per_s = Some(most);
            return Ok(());
        }
        let mut best: f64 = FIRST_GUESS;
        let try_it = |kbit_per_s| {
            let found = self.trial(row.point, row.subject, kbit_per_s, Some(2.0 * best))?;
            best = best.max(found.rate);
            Ok(found)
        };
        let found = match first.or(self.kbit_per_s) {
            Some(first) => Some(first.min(most)),
            None => search::find(most, try_it)?,
        };
        row.pace = (best > FIRST_GUESS).then_some(best);
        row.kbit_per_s = found;
        anyhow::ensure!(found.is_some(), "it loses messages at any rate");
        Ok(())
    }

    /// One round; where it has to arrive whole, at a lower rate if it does not, and then only that counts.
    fn round(&self, row: &mut Row) -> Result<()> {
        for _ in 0..MOST_LOWERINGS {
            let kbit_per_s = row.kbit_per_s.unwrap_or(1);
            let last = row.rounds.last().or(row.pace.as_ref()).copied();
            let trial = self.trial(row.point, row.subject, kbit_per_s, last)?;
            if trial.lost == 0.0 || !row.is_paced() {
                row.add(trial);
                return Ok(());
            }
            row.pace = Some(trial.rate);
            row.kbit_per_s = Some(search::lower(kbit_per_s));
            row.rounds.clear();
            row.lost.clear();
        }
        anyhow::bail!("it loses messages even at {} kbit/s", row.kbit_per_s.unwrap_or(0))
    }

    /// One trial of as many messages as `last` a second, or as the rate, allow.
    fn trial(&self, point: Point, subject: Subject, kbit: u32, last: Option<f64>) -> Result<Trial> {
        let by_rate = f64::from(kbit) * 125.0 / (point.size + OVERHEAD) as f64;
        let guess = match point.kind {
            Kind::Throughput => by_rate.min(last.unwrap_or(UNKNOWN)),
            Kind::Latency => last.map_or(10_000.0, |ns| 1e9 / ns),
        };
        let count = self.count.unwrap_or((guess * self.seconds) as u64).max(2_000);
        self.stage.trial(point, subject, kbit, count)
    }
}

/// What a round brought, in a few words.
fn brought(row: &Row) -> String {
    let title = row.title();
    match (&row.failure, row.rounds.last()) {
        (Some(why), _) => format!("{title}: FAILED: {why}"),
        (None, Some(rate)) if row.point.kind == Kind::Throughput => {
            format!("{title}: {} M msg/s", three_digits(rate / 1e6))
        }
        (None, Some(ns)) => format!("{title}: {} us", three_digits(ns / 1e3)),
        (None, None) => title,
    }
}
