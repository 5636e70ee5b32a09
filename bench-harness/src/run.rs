//! Carrying a plan out, and what is found on the way.
//!
//! Cases that are compared with one another form a [`Group`] and run one right after the other; a
//! round runs every group once, and rounds are repeated, every other one backwards. So each case has a
//! neighbour in time to be compared with, and a machine that changes its speed changes both.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::case::{
    Backend, Bodies, Case, Handling, Kind, Load, Pattern, Sharing, Transport, human_size,
};
use crate::cpu::CpuSeconds;
use crate::job::Cores;
use crate::measure::{self, Effort, Run};
use crate::mechanism::Mechanism;
use crate::progress::Progress;
use crate::section;
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
    /// Per round that succeeded: CPU time of both ends for a million messages or round trips, where the
    /// system tells.
    pub(crate) cpu: Vec<CpuSeconds>,
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
            cpu: Vec::new(),
            trips: RoundTrips::default(),
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
                let mut trips = RoundTrips::default();
                trips.add(&outcome.histogram);
                self.trips.add(&outcome.histogram);
                let p50 = trips.summary().p50_ns as f64;
                (p50, format!("{} us", three_digits(p50 / 1e3)))
            }
        };
        self.rounds.push(Some(figure));
        self.cpu.extend(run.cpu.map(|cpu| cpu.of_a_million(outcome.messages)));
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

    /// Median over the rounds of a part of the CPU time for a million messages; nothing where the system
    /// does not tell.
    pub(crate) fn cpu_seconds(&self, part: impl Fn(CpuSeconds) -> f64) -> Option<f64> {
        let seconds: Vec<f64> = self.cpu.iter().copied().map(part).collect();
        (!seconds.is_empty()).then(|| stats::median(&seconds))
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
    let name = match (case.backend, case.mechanism, case.kind) {
        (Backend::FloorBlocking, Mechanism::Curve, Kind::Throughput) => "floor, one core",
        _ => backend_name(case.backend),
    };
    match case.spin_us {
        None => name.to_owned(),
        Some(us) => format!("{name}, spins {us} us"),
    }
}

fn backend_name(backend: Backend) -> &'static str {
    match backend {
        Backend::Floor => "floor",
        Backend::FloorBlocking => "floor, blocking",
        Backend::Auto => "ringmq",
        Backend::Uring => "ringmq uring",
        Backend::Mio => "ringmq mio",
    }
}

/// Names a case in one line.
pub(crate) fn title(case: &Case) -> String {
    format!("{} {}", subject(case), who(case))
}

/// Names what is measured in one line, without who moves it.
fn subject(case: &Case) -> String {
    let manner = section::manner(case);
    let gap = if manner.is_empty() { "" } else { " " };
    format!("{} {} {}{gap}{manner}", case.kind, case.transport, human_size(case.size))
}

/// One group of cases.
pub(crate) fn group<'a>(
    kind: Kind,
    transport: Transport,
    pattern: Pattern,
    size: usize,
    backends: impl IntoIterator<Item = &'a Backend>,
) -> Group {
    let case = |&backend| Case::usual(kind, transport, pattern, backend, size);
    backends.into_iter().map(case).collect()
}

/// One point of the curve.
pub(crate) fn point<'a>(
    transport: Transport,
    size: usize,
    bodies: Bodies,
    handling: Handling,
    backends: impl IntoIterator<Item = &'a Backend>,
) -> Group {
    let group = group(Kind::Throughput, transport, Pattern::PushPull, size, backends);
    group.into_iter().map(|case| Case { bodies, handling, ..case }).collect()
}

/// The same cases, and behind them those of ringmq once more that are to spin for so many microseconds
/// each time they wait.
pub(crate) fn and_spinning(spins: &[u32], group: Group) -> Group {
    let ours: Vec<Case> = group.iter().copied().filter(|case| !case.backend.is_floor()).collect();
    let spinning = spins
        .iter()
        .flat_map(|&us| ours.iter().map(move |&case| Case { spin_us: Some(us), ..case }));
    group.into_iter().chain(spinning).collect()
}

/// The same cases under another load, or on other cores.
pub(crate) fn under(load: Load, sharing: Sharing, group: Group) -> Group {
    group.into_iter().map(|case| Case { load, sharing, ..case }).collect()
}

/// The same cases under a security mechanism.
pub(crate) fn with(mechanism: Mechanism, group: Group) -> Group {
    group.into_iter().map(|case| Case { mechanism, ..case }).collect()
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

/// From this pause on the members of a group are measured all at once: they do nothing for nearly all
/// of the time, and would take a minute of it one after the other.
const LONG_PAUSE_US: u64 = 100_000;

/// Runs every member once, in every other round from the last to the first.
fn run_group(group: &mut [Measured], round: usize, settings: &Settings, progress: &mut Progress) {
    let Some(case) = group.first().map(|first| first.case) else {
        return;
    };
    let mut members: Vec<&mut Measured> = group.iter_mut().collect();
    if round % 2 == 1 {
        members.reverse();
    }
    let outcomes: Vec<Option<Result<Run>>> = match case.load {
        Load::Pause { us } if us >= LONG_PAUSE_US => {
            progress.begin(&subject(&case));
            run_together(&mut members, Duration::from_micros(us), settings)
        }
        _ => {
            let one = |member: &mut &mut Measured| {
                progress.begin(&title(&member.case));
                run_once(member, settings)
            };
            members.iter_mut().map(one).collect()
        }
    };
    let mut results = Vec::new();
    for (member, outcome) in members.into_iter().zip(outcomes) {
        results.push(format!("{} {}", member.who(), note(member, outcome, progress)));
        progress.end();
    }
    progress.line(&format!("{}: {}", subject(&case), results.join("; ")));
}

/// Runs one case once, unless it failed before.
fn run_once(member: &mut Measured, settings: &Settings) -> Option<Result<Run>> {
    let run = || measure::measure(member.case, settings.cores, settings.effort, &mut member.pace);
    member.failure.is_none().then(run)
}

/// Runs all members once at the same time, their questions spread over the pause.
fn run_together(
    members: &mut [&mut Measured],
    pause: Duration,
    settings: &Settings,
) -> Vec<Option<Result<Run>>> {
    let apart = pause / members.len().max(1) as u32;
    thread::scope(|scope| {
        let mut runs = Vec::new();
        for member in members {
            runs.push(scope.spawn(|| run_once(member, settings)));
            thread::sleep(apart);
        }
        let panicked = |_| Some(Err(anyhow!("the thread that measured it panicked")));
        runs.into_iter().map(|run| run.join().unwrap_or_else(panicked)).collect()
    })
}

/// Keeps what came out of a run; says it in a few words.
fn note(member: &mut Measured, outcome: Option<Result<Run>>, progress: &Progress) -> String {
    match outcome {
        Some(Ok(run)) => member.add(run),
        Some(Err(error)) => {
            let why = format!("{error:#}");
            progress.note(&format!("{} FAILED: {why}", title(&member.case)));
            member.rounds.push(None);
            member.failure = Some(why);
            "failed".to_owned()
        }
        None => {
            member.rounds.push(None);
            "left out".to_owned()
        }
    }
}

/// Sets every member of a group beside the group's floor: the spinning one, if it has both.
fn compare(group: &mut [Measured]) {
    let floors = [Backend::Floor, Backend::FloorBlocking];
    let of = |backend| group.iter().find(|member| member.case.backend == backend);
    let Some(floor) = floors.into_iter().find_map(of) else {
        return;
    };
    let (backend, floor) = (floor.case.backend, floor.rounds.clone());
    for member in group {
        if member.case.backend != backend {
            member.to_floor = stats::paired_ratio(&member.rounds, &floor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(backends: &[Backend]) -> Vec<Measured> {
        let cases = super::group(Kind::Throughput, Transport::Tcp, Pattern::PushPull, 64, backends);
        cases.into_iter().map(Measured::new).collect()
    }

    #[test]
    fn a_group_is_compared_round_by_round() {
        let mut group = group(&[Backend::Floor, Backend::Mio]);
        group[0].rounds = vec![Some(100.0), Some(50.0)];
        group[1].rounds = vec![Some(25.0), Some(12.5)];
        compare(&mut group);
        assert_eq!(group[1].to_floor, Some(0.25));
        assert_eq!(group[0].to_floor, None);
    }

    #[test]
    fn those_that_are_told_to_spin_stand_behind_the_others() {
        let group = super::group(
            Kind::Latency,
            Transport::Tcp,
            Pattern::Pair,
            64,
            &[Backend::Floor, Backend::Mio],
        );
        let names: Vec<String> = and_spinning(&[200], group).iter().map(who).collect();
        assert_eq!(names, ["floor", "ringmq mio", "ringmq mio, spins 200 us"]);
    }

    #[test]
    fn where_nobody_spins_the_floor_is_the_one_that_blocks() {
        let mut group = group(&[Backend::FloorBlocking, Backend::Mio]);
        group[0].rounds = vec![Some(10.0)];
        group[1].rounds = vec![Some(5.0)];
        compare(&mut group);
        assert_eq!((group[0].to_floor, group[1].to_floor), (None, Some(0.5)));
    }
}
