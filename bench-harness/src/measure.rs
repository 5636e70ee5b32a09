//! One run of one case: fresh workers, a warm-up that finds the pace, and the phase that counts.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::case::{Case, Load, Side, Transport};
use crate::process::Worker;
use crate::protocol::{Cores, Job, Outcome, Phase};
use crate::stats;
use crate::worker::{both, timed};

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

/// How long the second side may take to say what it thinks went wrong.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A run that went well.
pub(crate) struct Run {
    /// What moved the messages, in words.
    pub(crate) subject: String,
    /// The phase that counts.
    pub(crate) outcome: Outcome,
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
    let mut link = Link::open(case, cores)?;
    let warm = link.warm_up(*pace)?;
    let (count, expected) = effort.messages(case.load, warm);
    let phase = Phase { count, load: case.load };
    let outcome = link.phase(phase, expected).context("in the measured phase")?;
    // Warming up goes as fast as it can, whatever is measured after it.
    let found = if case.load == Load::Closed { stats::rate(&outcome) } else { warm };
    *pace = Some(found).filter(|pace| *pace > 0.0);
    let subject = link.subject.clone();
    link.close()?;
    Ok(Run { subject, outcome })
}

/// The workers of one run.
struct Link {
    bind: Worker,
    /// None where one process is both ends.
    connect: Option<Worker>,
    subject: String,
    _socket_file: Option<SocketFile>,
}

impl Link {
    fn open(case: Case, cores: Cores) -> Result<Self> {
        let patience_ms = PATIENCE.as_millis() as u64;
        let (endpoint, socket_file) = endpoint(case.transport);
        let job = Job { case, side: None, endpoint, cores, patience_ms };
        let mut bind = Worker::start()?;
        if case.transport == Transport::Inproc {
            let opened = bind.open(&job, OPENING)?;
            let subject = opened.subject;
            return Ok(Self { bind, connect: None, subject, _socket_file: socket_file });
        }
        let mut connect = Worker::start()?;
        let opened = bind
            .open(&Job { side: Some(Side::Bind), ..job.clone() }, OPENING)
            .context("on the binding side")?;
        let job = Job { side: Some(Side::Connect), endpoint: opened.endpoint, ..job };
        connect.open(&job, OPENING).context("on the connecting side")?;
        let subject = opened.subject;
        Ok(Self { bind, connect: Some(connect), subject, _socket_file: socket_file })
    }

    /// Runs ever longer phases until one is long enough to tell the pace, in messages a second.
    fn warm_up(&mut self, last: Option<f64>) -> Result<f64> {
        let mut count = match last {
            Some(pace) => ((pace * WARM_UP.as_secs_f64() * 1.5) as u64).max(FIRST_PHASE),
            None => FIRST_PHASE,
        };
        let mut expected = last.unwrap_or(f64::INFINITY);
        loop {
            let outcome = self.phase(Phase::closed(count), expected).context("while warming up")?;
            expected = stats::rate(&outcome).max(1.0);
            let elapsed = Duration::from_nanos(outcome.elapsed_ns);
            if elapsed >= WARM_UP {
                return Ok(expected);
            }
            let growth = 1.5 * WARM_UP.as_secs_f64() / elapsed.as_secs_f64().max(1e-9);
            count = (count as f64 * growth.clamp(2.0, GROWTH)) as u64;
        }
    }

    /// Runs one phase, of which `pace` messages a second are expected.
    fn phase(&mut self, phase: Phase, pace: f64) -> Result<Outcome> {
        let expected = Duration::try_from_secs_f64(phase.count as f64 / pace).unwrap_or(PATIENCE);
        let deadline = Instant::now() + 2 * PATIENCE + OVERTIME * expected;
        self.bind.run(phase)?;
        if let Some(connect) = &mut self.connect {
            connect.run(phase)?;
        }
        let bind = self.bind.outcome(deadline).context("on the binding side");
        match &mut self.connect {
            Some(connect) => {
                // One side that failed leaves the other one waiting for what will not come.
                let deadline = if bind.is_ok() { deadline } else { Instant::now() + LAST_WORDS };
                let connect = connect.outcome(deadline).context("on the connecting side");
                let (bind, connect) = both(bind, connect)?;
                Ok(timed(bind, connect))
            }
            None => bind,
        }
    }

    fn close(self) -> Result<()> {
        if let Some(connect) = self.connect {
            connect.finish().context("on the connecting side")?;
        }
        self.bind.finish().context("on the binding side")
    }
}

/// An endpoint of its own for every run.
fn endpoint(transport: Transport) -> (String, Option<SocketFile>) {
    static RUN: AtomicU32 = AtomicU32::new(0);
    match transport {
        Transport::Tcp => ("tcp://127.0.0.1:*".to_owned(), None),
        Transport::Inproc => ("inproc://ringmq-bench".to_owned(), None),
        Transport::Ipc => {
            let run = RUN.fetch_add(1, Ordering::Relaxed);
            let name = format!("ringmq-bench-{}-{run}.sock", std::process::id());
            let path = std::env::temp_dir().join(name);
            (format!("ipc://{}", path.display()), Some(SocketFile(path)))
        }
    }
}

/// The file of a Unix socket, removed with the run.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever bound it may have removed it already.
        let _ = std::fs::remove_file(&self.0);
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
