//! The plan of a whole run and the order it is carried out in.
//!
//! Cases that are compared with one another form a [`Group`] and run one right after the other; a
//! round runs every group once, and rounds are repeated, every other one backwards. So each case has a
//! neighbour in time to be compared with, and a machine that changes its speed changes both.

use std::time::{Duration, Instant};

use crate::case::{Backend, Case, Kind, Pattern, Transport, human_size};
use crate::measure::{self, Effort, Run};
use crate::progress::Progress;
use crate::protocol::Cores;
use crate::stats::{self, RoundTrips, Summary};
use crate::table::three_digits;

/// Cases that differ in the backend only.
pub(crate) type Group = Vec<Case>;

/// How a plan is carried out.
pub(crate) struct Settings {
    /// Cores to stay on.
    pub(crate) cores: Cores,
    /// Messages or time of each run.
    pub(crate) effort: Effort,
    /// Rounds.
    pub(crate) repeats: usize,
    /// No new round, and no further group of one, begins after this long.
    pub(crate) budget: Option<Duration>,
}

/// All that was found out about one case.
pub(crate) struct Measured {
    /// What was measured.
    pub(crate) case: Case,
    /// What moved the messages, in words; empty where no run succeeded.
    pub(crate) subject: String,
    /// Messages of the last run.
    pub(crate) messages: u64,
    /// Per round: messages a second, or the median round trip in nanoseconds.
    pub(crate) rounds: Vec<Option<f64>>,
    /// All round trips of all rounds; empty for throughput.
    pub(crate) trips: RoundTrips,
    /// Median over the rounds of the ratio to the floor: higher is better for throughput, lower for
    /// latency.
    pub(crate) to_floor: Option<f64>,
    /// Why a run failed, if one did; the case is left out of later rounds.
    pub(crate) failure: Option<String>,
    pace: Option<f64>,
}

impl Measured {
    /// Nothing known yet about `case`.
    pub(crate) fn new(case: Case) -> Self {
        Self {
            case,
            subject: String::new(),
            messages: 0,
            rounds: Vec::new(),
            trips: RoundTrips::new(),
            to_floor: None,
            failure: None,
            pace: None,
        }
    }

    /// Adds what one run found, and says it in a few words.
    pub(crate) fn add(&mut self, run: Run) -> String {
        let outcome = run.outcome;
        let (figure, words) = match self.case.kind {
            Kind::Throughput => {
                let rate = stats::rate(&outcome);
                (rate, format!("{} M msg/s", three_digits(rate / 1e6)))
            }
            Kind::Latency => {
                let mut trips = RoundTrips::new();
                trips.add(&outcome.histogram);
                self.trips.add(&outcome.histogram);
                let p50 = trips.summary().p50_ns as f64;
                (p50, format!("{} us", three_digits(p50 / 1e3)))
            }
        };
        self.rounds.push(Some(figure));
        self.subject = run.subject;
        self.messages = outcome.messages;
        words
    }

    /// The rounds that succeeded.
    pub(crate) fn good(&self) -> Vec<f64> {
        self.rounds.iter().copied().flatten().collect()
    }

    /// Median of the rounds.
    pub(crate) fn median(&self) -> f64 {
        stats::median(&self.good())
    }

    /// The usual figures of all round trips together.
    pub(crate) fn summary(&self) -> Summary {
        self.trips.summary()
    }

    /// The name of the case's subject in a table or a legend.
    pub(crate) fn who(&self) -> String {
        who(&self.case)
    }
}

/// The name of a subject in a table or a legend.
pub(crate) fn who(case: &Case) -> String {
    match case.backend {
        Backend::Floor => "floor".to_owned(),
        Backend::FloorBlocking => "floor, blocking".to_owned(),
        Backend::Auto => "ringmq".to_owned(),
        Backend::Uring => "ringmq uring".to_owned(),
        Backend::Mio => "ringmq mio".to_owned(),
    }
}

/// Names a case in one line.
pub(crate) fn title(case: &Case) -> String {
    format!("{} {} {} {}", case.kind, case.transport, human_size(case.size), who(case))
}

/// Every kind of thing that a newcomer wants to know, on the backends given.
pub(crate) fn suite(backends: &[Backend]) -> Vec<Group> {
    let transports =
        [Transport::Tcp, Transport::Ipc, Transport::Inproc].into_iter().filter(|t| t.supported());
    let mut groups = Vec::new();
    for transport in transports {
        let ours: &[Backend] =
            if transport == Transport::Inproc { &[Backend::Auto] } else { backends };
        for size in SUITE_SIZES {
            let members = [Backend::Floor].iter().chain(ours);
            groups.push(group(Kind::Throughput, transport, Pattern::PushPull, size, members));
        }
        let members = [Backend::Floor, Backend::FloorBlocking];
        let members = members.iter().chain(ours);
        groups.push(group(Kind::Latency, transport, Pattern::ReqRep, SUITE_TRIP, members));
    }
    groups
}

/// Body sizes of the suite's throughput, in bytes: small ones where a message's own cost shows, large
/// ones where memory does.
const SUITE_SIZES: [usize; 5] = [16, 64, 1 << 10, 8 << 10, 64 << 10];
/// Body size of the suite's round trips, in bytes.
const SUITE_TRIP: usize = 64;

/// One group of cases.
pub(crate) fn group<'a>(
    kind: Kind,
    transport: Transport,
    pattern: Pattern,
    size: usize,
    backends: impl IntoIterator<Item = &'a Backend>,
) -> Group {
    let case = |&backend| Case { kind, transport, pattern, backend, size };
    backends.into_iter().map(case).collect()
}

/// Carries the plan out.
pub(crate) fn carry_out(plan: &[Group], settings: &Settings) -> Vec<Measured> {
    let start = Instant::now();
    let mut found: Vec<Vec<Measured>> =
        plan.iter().map(|group| group.iter().copied().map(Measured::new).collect()).collect();
    let runs = plan.iter().map(Vec::len).sum::<usize>() * settings.repeats;
    let mut progress = Progress::new(runs);
    for round in 0..settings.repeats {
        for group in &mut found {
            if round > 0 && settings.budget.is_some_and(|budget| start.elapsed() > budget) {
                continue;
            }
            run_group(group, round, settings, &mut progress);
        }
    }
    progress.finish();
    for group in &mut found {
        compare(group);
    }
    found.into_iter().flatten().collect()
}

/// Runs every member once, in every other round from the last to the first.
fn run_group(group: &mut [Measured], round: usize, settings: &Settings, progress: &mut Progress) {
    let mut members: Vec<&mut Measured> = group.iter_mut().collect();
    if round % 2 == 1 {
        members.reverse();
    }
    let mut results = Vec::new();
    for member in members {
        progress.begin(&title(&member.case));
        let result = run_once(member, settings, progress);
        results.push(format!("{} {result}", member.who()));
        progress.end();
    }
    if let Some(Measured { case, .. }) = group.first() {
        let size = human_size(case.size);
        progress.line(&format!("{} {} {size}: {}", case.kind, case.transport, results.join("; ")));
    }
}

/// Runs one case once; what came out of it, in a few words.
fn run_once(member: &mut Measured, settings: &Settings, progress: &Progress) -> String {
    if member.failure.is_some() {
        member.rounds.push(None);
        return "left out".to_owned();
    }
    match measure::measure(member.case, settings.cores, settings.effort, &mut member.pace) {
        Ok(run) => member.add(run),
        Err(error) => {
            let why = format!("{error:#}");
            progress.note(&format!("{} FAILED: {why}", title(&member.case)));
            member.rounds.push(None);
            member.failure = Some(why);
            "failed".to_owned()
        }
    }
}

/// Sets every member of a group beside the group's floor.
fn compare(group: &mut [Measured]) {
    let floor = group.iter().find(|member| member.case.backend == Backend::Floor);
    let Some(floor) = floor.map(|floor| floor.rounds.clone()) else {
        return;
    };
    for member in group {
        if member.case.backend != Backend::Floor {
            member.to_floor = stats::paired_ratio(&member.rounds, &floor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_sets_everything_beside_a_floor() {
        let plan = suite(&[Backend::Uring, Backend::Mio]);
        for group in &plan {
            assert_eq!(group[0].backend, Backend::Floor);
            assert!(group.iter().any(|case| !case.backend.is_floor()));
            assert!(group.iter().all(|case| case.check().is_ok()));
        }
        let latency = plan.iter().filter(|group| group[0].kind == Kind::Latency).count();
        assert_eq!(latency, plan.len() / (SUITE_SIZES.len() + 1));
    }

    #[test]
    fn a_group_is_compared_round_by_round() {
        let plan = suite(&[Backend::Mio]);
        let mut group: Vec<Measured> = plan[0].iter().copied().map(Measured::new).collect();
        group[0].rounds = vec![Some(100.0), Some(50.0)];
        group[1].rounds = vec![Some(25.0), Some(12.5)];
        compare(&mut group);
        assert_eq!(group[1].to_floor, Some(0.25));
        assert_eq!(group[0].to_floor, None);
    }
}
