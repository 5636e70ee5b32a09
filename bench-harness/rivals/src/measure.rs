//! One measurement: fresh workers, a warm-up that finds the pace, and the phase that counts.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ringmq_bench::case::{Side, Transport};
use ringmq_bench::cpu::CpuTime;
use ringmq_bench::endpoint::{self, SocketFile};
use ringmq_bench::job::{Account, Cores, Outcome};
use ringmq_bench::mechanism::Keys;
use ringmq_bench::stats;
use ringmq_bench::worker::{Pair, Worker};

use crate::contender::Contender;
use crate::figure::Measured;
use crate::job::Job;
use crate::measurement::Measurement;
use crate::plan::{Form, Item};
use crate::work::{Ends, Step};

/// The argument that makes this program a worker.
pub(crate) const SUBCOMMAND: &str = "worker";
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
/// Messages that arrive in a second, as far as is expected where nothing has told the pace.
const UNTOLD_PACE: f64 = 20_000.0;
/// Most that one warm-up phase grows over the one before.
const GROWTH: f64 = 16.0;
/// How often a publisher may begin before all of its subscribers receive it.
const BEGINNINGS: u32 = 25;
/// Starts and stops in one measurement.
const STARTS: u64 = 8;

/// How it is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Cores to stay on.
    pub(crate) cores: Cores,
    /// How long the phase that counts is to take; below a tenth of a second the scheduler shows.
    pub(crate) time: Duration,
}

/// Measures `contender` in `item` once. Tasks of tokio are nobody's to keep on a core.
pub(crate) fn measure(item: &Item, contender: Contender, manner: Manner) -> Result<Measured> {
    let cores = if item.flavor.is_some() { Cores::default() } else { manner.cores };
    if item.measurement == Measurement::StartStop {
        return starts(item, contender, cores);
    }
    let mut workers = Workers::open(item, contender, cores)?;
    if item.measurement.publishes() {
        workers.gather(item)?;
    }
    let (count, pace) = match item.form {
        Form::First => (item.first_count(), UNTOLD_PACE / item.measurement.copies() as f64),
        Form::Steady => {
            let pace = workers.warm_up()?;
            (((manner.time.as_secs_f64() * pace) as u64).max(2), pace)
        }
    };
    let before = workers.cpu_at_rest()?;
    let outcome = workers.phase(count, pace).context("in the measured phase")?.outcome;
    let cpu = workers.cpu_at_rest()?.since(before);
    if item.measurement == Measurement::Publish {
        let (came, sent) = (outcome.messages, count * item.measurement.copies());
        ensure!(came == sent, "of {sent} messages {came} arrived, although none was to be dropped");
    }
    Ok(Measured { outcome, cpu, size: item.size })
}

/// Measures what [`STARTS`] fresh pairs of processes take from before their context until after it, each
/// with one message.
fn starts(item: &Item, contender: Contender, cores: Cores) -> Result<Measured> {
    let mut cpu = CpuTime::default();
    for _ in 0..STARTS {
        let mut workers = Workers::open(item, contender, cores)?;
        workers.phase(1, UNTOLD_PACE).context("with its only message")?;
        let ended = workers.step(&Step::End, PATIENCE).context("while it ended")?;
        cpu = cpu + ended.cpu.context(UNTOLD)?;
    }
    let outcome = Outcome { messages: STARTS, ..Outcome::default() };
    Ok(Measured { outcome, cpu, size: item.size })
}

/// Why there is no CPU time.
const UNTOLD: &str = "the system does not tell the CPU time of a process";

/// The workers of one measurement. Killed when dropped.
struct Workers {
    pair: Pair<Ends>,
    _socket_files: Vec<SocketFile>,
}

impl Workers {
    fn open(item: &Item, contender: Contender, cores: Cores) -> Result<Self> {
        let Item { measurement, transport, size, flavor, mechanism, .. } = *item;
        let [keys, client] = Keys::for_both(mechanism)?;
        let (endpoint, socket_file) = endpoint::fresh(transport);
        let (credit, credit_file) = endpoint::fresh(Transport::Ipc);
        let credit = PathBuf::from(credit.trim_start_matches("ipc://"));
        let two = transport != Transport::Inproc && !contender.is_bare_cipher(item);
        let side = two.then_some(Side::Bind);
        let one_body = measurement == Measurement::Curve;
        let measurement = measurement.of_sockets();
        let job = Job {
            contender,
            measurement,
            transport,
            size,
            one_body,
            flavor,
            side,
            endpoint,
            credit,
            cores,
            mechanism,
            keys,
        };
        let connect =
            |endpoint| Job { side: Some(Side::Connect), endpoint, keys: client, ..job.clone() };
        let program = contender.program()?;
        // What a rival prints while it fails is in its reply, or it is noise.
        let start = |_| Worker::start_program(&program, SUBCOMMAND, Stdio::null());
        let (pair, _) = Pair::open(start, &job, two.then_some(connect), OPENING)
            .context("while it made its sockets")?;
        Ok(Self { pair, _socket_files: socket_file.into_iter().chain(credit_file).collect() })
    }

    /// Publishes until every subscriber receives it.
    fn gather(&mut self, item: &Item) -> Result<()> {
        for _ in 0..BEGINNINGS {
            let Account { outcome, .. } =
                self.phase(1, 1.0).context("while the subscribers gather")?;
            if outcome.messages == item.measurement.copies() {
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

    /// CPU time of all processes since they began to make their sockets, told by a phase of nothing: all
    /// that came before has arrived, so that a sender has also sent what it had only queued.
    fn cpu_at_rest(&mut self) -> Result<CpuTime> {
        let account = self.phase(0, 1.0).context("while its CPU time was taken")?;
        account.cpu.context(UNTOLD)
    }

    /// Runs one phase, of which `pace` messages a second are expected.
    fn phase(&mut self, count: u64, pace: f64) -> Result<Account> {
        let expected = Duration::try_from_secs_f64(count as f64 / pace).unwrap_or_default();
        self.step(&Step::Phase(count), PATIENCE + OVERTIME * expected)
    }

    /// Has both sides do one step within `limit`.
    fn step(&mut self, step: &Step, limit: Duration) -> Result<Account> {
        let (bind, connect) = self.pair.run(step, Side::Bind, Instant::now() + limit)?;
        Ok(Account::of_both(bind, connect))
    }
}

/// Messages a second of a phase.
pub(crate) fn rate(outcome: &Outcome) -> Result<f64> {
    ensure!(outcome.elapsed_ns > 0, "the phase took no time");
    Ok(stats::rate(outcome))
}
