//! The parent's side: has two workers run a scenario, and collects what they found.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::figure::Metric;
use super::job::{Amount, Found, PATIENCE, RoleJob, Step, StepAccount};
use super::role_worker::RoleWorker;
use super::scenario::{Scenario, Workload};
use crate::case::{Backend, Side};
use crate::cpu::CpuTime;
use crate::progress::Progress;
use crate::worker::{Pair, Worker};

/// The hidden subcommand of a worker.
const SUBCOMMAND: &str = "scale-worker";
/// Longest that a step may take: its roles give up before that, and say on what.
const STEP: Duration = Duration::from_secs(90);
/// Messages of the run that tells the pace, all senders together.
const WARM_UP: usize = 50_000;
/// Messages of a burst on each connection that is to be idle again.
const BURST: u64 = 100;
/// Messages that are matched against the subscriptions.
const MATCHES: u64 = 200_000;

/// What came of a scenario.
pub(crate) struct ScenarioResult {
    /// What was run.
    pub(crate) scenario: Scenario,
    /// What moved the messages, in words.
    pub(crate) subject: String,
    /// What was found.
    pub(crate) found: Found,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
}

/// The name of a scenario for a person.
pub(crate) fn title(scenario: &Scenario) -> String {
    format!(
        "{}, {} {}, {}",
        scenario.workload.title(),
        scenario.size,
        scenario.workload.many(),
        backend(scenario)
    )
}

/// The name of a backend for a person.
pub(crate) fn backend(scenario: &Scenario) -> &'static str {
    match scenario.backend {
        Backend::Uring => "uring",
        Backend::Mio => "mio",
        _ => "auto",
    }
}

/// Runs all scenarios, one after the other.
pub(crate) fn all(scenarios: &[Scenario], window: Duration) -> Vec<ScenarioResult> {
    let mut progress = Progress::new(scenarios.len());
    let mut outcomes = Vec::new();
    for scenario in scenarios {
        progress.begin(&title(scenario));
        let (mut subject, mut found) = (String::new(), Found::new());
        let done = run_scenario(*scenario, window, &mut subject, &mut found);
        let failure = done.err().map(|error| format!("{error:#}"));
        outcomes.push(ScenarioResult { scenario: *scenario, subject, found, failure });
        progress.end();
    }
    outcomes
}

fn run_scenario(
    scenario: Scenario,
    window: Duration,
    subject: &mut String,
    found: &mut Found,
) -> Result<()> {
    let mut workers = ScenarioWorkers::open(scenario, subject)?;
    let (joined, cpu) = workers.costed(&Step::Join).context("while the peers came together")?;
    found.extend(joined);
    if let Some(CpuTime { user, system }) = cpu {
        found.push((Metric::JoinUser, user.as_secs_f64()));
        found.push((Metric::JoinSystem, system.as_secs_f64()));
    }
    let messages = |messages| Amount { messages, ..Amount::default() };
    let measures = match scenario.workload {
        // The memory, a burst, and the memory once more.
        Workload::Idle | Workload::IdleSockets => vec![messages(0), messages(BURST), messages(0)],
        Workload::Busy => vec![Amount { millis: window.as_millis() as u64, ..Amount::default() }],
        Workload::Topics => vec![messages(MATCHES)],
        Workload::Fanout | Workload::Echo => vec![workers.pace(scenario.size, window)?],
        Workload::Storm => Vec::new(),
    };
    for amount in measures {
        let step = Step::Measure(amount);
        let (measured, cpu) = workers.costed(&step).context("while it was measured")?;
        found.extend(with_cpu(measured, cpu));
    }
    found.extend(workers.step(&Step::Leave).context("while the peers left")?.found);
    workers.0.finish()
}

/// What was found, with the CPU time for a million messages in the place of how many were counted.
fn with_cpu(mut found: Found, cpu: Option<CpuTime>) -> Found {
    let counted = found.iter().position(|(metric, _)| *metric == Metric::Messages);
    let messages = counted.map(|at| found.remove(at).1);
    if let Some((cpu, messages)) = cpu.zip(messages) {
        let seconds = cpu.of_a_million(messages as u64);
        found.extend([(Metric::User, seconds.user), (Metric::System, seconds.system)]);
    }
    found
}

/// The two workers of a scenario.
struct ScenarioWorkers(Pair<RoleWorker>);

impl ScenarioWorkers {
    fn open(scenario: Scenario, subject: &mut String) -> Result<Self> {
        let endpoint = "tcp://127.0.0.1:*".to_owned();
        let bind = RoleJob { scenario, side: Side::Bind, endpoint };
        let connect = |endpoint| RoleJob { scenario, side: Side::Connect, endpoint };
        let start = |_| Worker::start(SUBCOMMAND, Stdio::inherit());
        let (pair, opened) = Pair::open(start, &bind, Some(connect), PATIENCE)?;
        *subject = opened.subject;
        Ok(Self(pair))
    }

    /// Has both do one thing; what both found, and the CPU time of both so far.
    fn step(&mut self, step: &Step) -> Result<StepAccount> {
        let deadline = Instant::now() + STEP;
        let (mut both, connect) = self.0.run(step, Side::Connect, deadline)?;
        if let Some(connect) = connect {
            both.found.extend(connect.found);
            both.cpu = both.cpu.zip(connect.cpu).map(|(bind, connect)| bind + connect);
        }
        Ok(both)
    }

    /// The same between two moments of rest; and the CPU time that both took for it.
    fn costed(&mut self, step: &Step) -> Result<(Found, Option<CpuTime>)> {
        let before = self.step(&Step::Rest)?.cpu;
        let found = self.step(step)?.found;
        let after = self.step(&Step::Rest)?.cpu;
        Ok((found, after.zip(before).map(|(after, before)| after.since(before))))
    }

    /// How many messages each sender can send in the window.
    fn pace(&mut self, senders: usize, window: Duration) -> Result<Amount> {
        let few = (WARM_UP / senders).max(20) as u64;
        let step = Step::Measure(Amount { messages: few, ..Amount::default() });
        let found = self.step(&step).context("while warming up")?.found;
        let rate = found.iter().find(|(metric, _)| *metric == Metric::Rate);
        let rate = rate.map_or(0.0, |(_, rate)| *rate);
        let messages = (rate * window.as_secs_f64()) as u64 / senders as u64;
        Ok(Amount { messages: messages.max(few), ..Amount::default() })
    }
}
