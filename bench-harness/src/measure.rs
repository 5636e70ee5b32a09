//! One run of one case: fresh workers, a warm-up that finds the pace, and the phase that counts.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::case::{Case, Load, Side};
use crate::cpu::CpuTime;
use crate::endpoint::{self, SocketFile};
use crate::ends::Ends;
use crate::job::{Account, Cores, Job, Outcome, Phase};
use crate::mechanism::Keys;
use crate::stats;
use crate::worker::{Pair, Worker};

/// The hidden subcommand of a worker.
const SUBCOMMAND: &str = "worker";

/// Longest wait for any one message. A good run waits microseconds; a machine that is busy with other
/// things may keep a process from its core for seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Longest that a worker may take to make its sockets; more than its own patience, so that it can say
/// itself what it waited for.
const OPENING: Duration = Duration::from_secs(30);
/// Shortest warm-up that tells the pace: TCP has grown its buffers by then.
const WARM_UP: Duration = Duration::from_millis(20);
/// Messages of the first warm-up phase.
const FIRST_PHASE: u64 = 64;
/// Most that one warm-up phase grows over the one before.
const GROWTH: f64 = 16.0;
/// How many times its expected duration a phase may take before it is given up.
const OVERTIME: u32 = 20;

/// How much to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Effort {
    /// So many messages.
    Count(u64),
    /// About so long.
    Time(Duration),
}

/// Fewest questions after a pause, however long the pause: fewer have no median.
const FEWEST_PAUSES: u64 = 3;

impl Effort {
    /// How many messages that is, and how many of them a second are to be expected, where `pace` a
    /// second go one after the other.
    fn messages(self, load: Load, pace: f64) -> (u64, f64) {
        let (wanted, fewest) = match load {
            Load::Closed => (pace, 2),
            Load::Rate { per_s } => (f64::from(per_s), 2),
            Load::Pause { us } => (1.0 / (us as f64 / 1e6 + 1.0 / pace), FEWEST_PAUSES),
        };
        let count = match self {
            Effort::Count(count) => count,
            Effort::Time(time) => ((time.as_secs_f64() * wanted) as u64).max(fewest),
        };
        // A rate may be more than anybody can keep.
        (count.max(2), wanted.min(pace))
    }
}

/// A run that went well.
pub(crate) struct Run {
    /// What moved the messages, in words.
    pub(crate) subject: String,
    /// The phase that counts.
    pub(crate) outcome: Outcome,
    /// CPU time that both ends took for it, where the system tells.
    pub(crate) cpu: Option<CpuTime>,
}

/// Measures `case` once. `pace` remembers how many messages a second it moved the last time.
pub(crate) fn measure(
    case: Case,
    cores: Cores,
    effort: Effort,
    pace: &mut Option<f64>,
) -> Result<Run> {
    let cores = cores
        .shared(case.sharing)
        .context("the threads that are to share a core are not kept on any")?;
    let mut workers = Workers::open(case, cores)?;
    let warm = workers.warm_up(*pace)?;
    let (count, expected) = effort.messages(case.load, warm);
    let phase = Phase { count, load: case.load };
    let before = workers.cpu_at_rest()?;
    let outcome = workers.phase(phase, expected).context("in the measured phase")?.outcome;
    let after = workers.cpu_at_rest()?;
    let cpu = after.zip(before).map(|(after, before)| after.since(before));
    // Warming up goes as fast as it can, whatever is measured after it.
    let found = if case.load == Load::Closed { stats::rate(&outcome) } else { warm };
    *pace = Some(found).filter(|pace| *pace > 0.0);
    let Workers { pair, subject, _socket_file } = workers;
    pair.finish()?;
    Ok(Run { subject, outcome, cpu })
}

/// The workers of one run.
struct Workers {
    pair: Pair<Ends>,
    subject: String,
    _socket_file: Option<SocketFile>,
}

impl Workers {
    fn open(case: Case, cores: Cores) -> Result<Self> {
        let patience_ms = PATIENCE.as_millis() as u64;
        let (endpoint, socket_file) = endpoint::fresh(case.transport);
        let two = !case.is_within_a_process();
        let [keys, client] = Keys::for_both(case.mechanism)?;
        let side = two.then_some(Side::Bind);
        let job = Job { case, side, endpoint, cores, patience_ms, keys };
        let connect =
            |endpoint| Job { side: Some(Side::Connect), endpoint, keys: client, ..job.clone() };
        let start = |_| Worker::start(SUBCOMMAND, Stdio::inherit());
        let (pair, opened) = Pair::open(start, &job, two.then_some(connect), OPENING)?;
        Ok(Self { pair, subject: opened.subject, _socket_file: socket_file })
    }

    /// Runs ever longer phases until one is long enough to tell the pace, in messages a second.
    fn warm_up(&mut self, last: Option<f64>) -> Result<f64> {
        let mut count = match last {
            Some(pace) => ((pace * WARM_UP.as_secs_f64() * 1.5) as u64).max(FIRST_PHASE),
            None => FIRST_PHASE,
        };
        let mut expected = last.unwrap_or(f64::INFINITY);
        loop {
            let phase = Phase::closed(count);
            let Account { outcome, .. } =
                self.phase(phase, expected).context("while warming up")?;
            expected = stats::rate(&outcome).max(1.0);
            let elapsed = Duration::from_nanos(outcome.elapsed_ns);
            if elapsed >= WARM_UP {
                return Ok(expected);
            }
            let growth = 1.5 * WARM_UP.as_secs_f64() / elapsed.as_secs_f64().max(1e-9);
            count = (count as f64 * growth.clamp(2.0, GROWTH)) as u64;
        }
    }

    /// CPU time of all processes so far, told by a phase of nothing: everything that was sent before has
    /// arrived.
    fn cpu_at_rest(&mut self) -> Result<Option<CpuTime>> {
        Ok(self.phase(Phase::closed(0), 1.0).context("while its CPU time was taken")?.cpu)
    }

    /// Runs one phase, of which `pace` messages a second are expected.
    fn phase(&mut self, phase: Phase, pace: f64) -> Result<Account> {
        let expected = Duration::try_from_secs_f64(phase.count as f64 / pace).unwrap_or(PATIENCE);
        let deadline = Instant::now() + 2 * PATIENCE + OVERTIME * expected;
        let (bind, connect) = self.pair.run(&phase, Side::Bind, deadline)?;
        Ok(Account::of_both(bind, connect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_and_a_pause_decide_how_much_fits() {
        let half = Effort::Time(Duration::from_millis(500));
        assert_eq!(half.messages(Load::Closed, 50_000.0), (25_000, 50_000.0));
        assert_eq!(half.messages(Load::Rate { per_s: 10_000 }, 50_000.0), (5_000, 10_000.0));
        assert_eq!(half.messages(Load::Pause { us: 10_000 }, 1e9).0, 49);
        assert_eq!(half.messages(Load::Pause { us: 1_000_000 }, 1e5).0, FEWEST_PAUSES);
        assert_eq!(half.messages(Load::Rate { per_s: 10_000 }, 100.0), (5_000, 100.0));
        assert_eq!(Effort::Count(7).messages(Load::Rate { per_s: 1 }, 1e5), (7, 1.0));
    }
}
