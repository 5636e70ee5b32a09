//! One measurement: fresh workers, a warm-up that finds the pace, and the phase that counts.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ringmq_bench::case::{Side, Transport};
use ringmq_bench::endpoint::{self, SocketFile};
use ringmq_bench::job::{Cores, Outcome};
use ringmq_bench::stats;
use ringmq_bench::worker::{Pair, Worker};

use crate::contender::Contender;
use crate::figure::Measured;
use crate::job::{Account, Job};
use crate::measurement::Measurement;
use crate::plan::Item;
use crate::work::Ends;

/// The argument that makes this program a worker.
pub(crate) const SUBCOMMAND: &str = "worker";
/// How long the phase that counts is to take; below a tenth of a second the scheduler shows.
const TIME: Duration = Duration::from_millis(250);
/// Shortest warm-up that tells the pace: TCP has grown its buffers by then.
const WARM_UP: Duration = Duration::from_millis(25);
/// Longest that sockets may take to be made.
const OPENING: Duration = Duration::from_secs(5);
/// Longest that a phase may take beyond [`OVERTIME`] times what it should.
const PATIENCE: Duration = Duration::from_secs(4);
/// How many times its expected duration a phase may take before it is given up.
const OVERTIME: u32 = 6;
/// Messages of the first phase; many peers need some for each.
const FIRST_PHASE: u64 = 64;
/// Most that one warm-up phase grows over the one before.
const GROWTH: f64 = 16.0;
/// How often a publisher may begin before all of its subscribers receive it.
const BEGINNINGS: u32 = 25;

/// Measures `contender` in `item` once. Tasks of tokio are nobody's to keep on a core.
pub(crate) fn measure(item: &Item, contender: Contender, cores: Cores) -> Result<Measured> {
    let cores = if item.flavor.is_some() { Cores::default() } else { cores };
    let mut workers = Workers::open(item, contender, cores)?;
    if item.measurement == Measurement::PubSub {
        workers.gather()?;
    }
    let pace = workers.warm_up()?;
    let count = ((TIME.as_secs_f64() * pace) as u64).max(2);
    if item.flavor.is_none() {
        let Account { outcome, .. } = workers.phase(count, pace).context(MEASURED)?;
        return Ok(Measured { outcome, cpu: None });
    }
    let before = workers.cpu_at_rest()?;
    let Account { outcome, .. } = workers.phase(count, pace).context(MEASURED)?;
    let cpu = workers.cpu_at_rest()?.checked_sub(before);
    Ok(Measured { outcome, cpu })
}

/// Where an error came up, if it did so at last.
const MEASURED: &str = "in the measured phase";

/// The workers of one measurement. Killed when dropped.
struct Workers {
    pair: Pair<Ends>,
    _socket_file: Option<SocketFile>,
}

impl Workers {
    fn open(item: &Item, contender: Contender, cores: Cores) -> Result<Self> {
        let Item { measurement, transport, size, flavor } = *item;
        let (endpoint, _socket_file) = endpoint::fresh(transport);
        let two = transport != Transport::Inproc;
        let side = two.then_some(Side::Bind);
        let job = Job { contender, measurement, transport, size, flavor, side, endpoint, cores };
        let connect = |endpoint| Job { side: Some(Side::Connect), endpoint, ..job.clone() };
        // What a rival prints while it fails is in its reply, or it is noise.
        let start = || Worker::start(SUBCOMMAND, Stdio::null());
        let (pair, _) = Pair::open(start, &job, two.then_some(connect), OPENING)
            .context("while it made its sockets")?;
        Ok(Self { pair, _socket_file })
    }

    /// Publishes until every subscriber receives it.
    fn gather(&mut self) -> Result<()> {
        for _ in 0..BEGINNINGS {
            let Account { outcome, .. } =
                self.phase(1, 1.0).context("while the subscribers gather")?;
            if outcome.messages == crate::measurement::MANY as u64 {
                return Ok(());
            }
        }
        bail!("not all subscribers received any of {BEGINNINGS} messages")
    }

    /// Runs ever longer phases until one is long enough to tell the pace, in the counts of a phase a
    /// second.
    fn warm_up(&mut self) -> Result<f64> {
        let mut count = FIRST_PHASE;
        let mut expected = f64::INFINITY;
        loop {
            let start = Instant::now();
            let Account { outcome, .. } =
                self.phase(count, expected).context("while warming up")?;
            ensure!(outcome.messages > 0, "no message came through");
            let elapsed = match outcome.elapsed_ns {
                0 => start.elapsed(),
                ns => Duration::from_nanos(ns),
            };
            expected = (count as f64 / elapsed.as_secs_f64().max(1e-9)).max(1.0);
            if elapsed >= WARM_UP {
                return Ok(expected);
            }
            let growth = 1.5 * WARM_UP.as_secs_f64() / elapsed.as_secs_f64().max(1e-9);
            count = (count as f64 * growth.clamp(2.0, GROWTH)) as u64;
        }
    }

    /// CPU time of all processes so far, told by a phase of nothing: all that came before has arrived,
    /// so that a sender has also sent what it had only queued.
    fn cpu_at_rest(&mut self) -> Result<Duration> {
        Ok(self.phase(0, 1.0).context("while its CPU time was taken")?.cpu)
    }

    /// Runs one phase, of which `pace` messages a second are expected.
    fn phase(&mut self, count: u64, pace: f64) -> Result<Account> {
        let expected = Duration::try_from_secs_f64(count as f64 / pace).unwrap_or_default();
        let deadline = Instant::now() + PATIENCE + OVERTIME * expected;
        let (bind, connect) = self.pair.run(&count, Side::Bind, deadline)?;
        let cpu = bind.cpu + connect.as_ref().map_or(Duration::ZERO, |connect| connect.cpu);
        let outcome = Outcome::timed(bind.outcome, connect.map(|connect| connect.outcome));
        Ok(Account { outcome, cpu })
    }
}

/// Messages a second of a phase.
pub(crate) fn rate(outcome: &Outcome) -> Result<f64> {
    ensure!(outcome.elapsed_ns > 0, "the phase took no time");
    Ok(stats::rate(outcome))
}
