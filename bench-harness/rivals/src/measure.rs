//! One measurement: fresh workers, a warm-up that finds the pace, and the phase that counts.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::case::{Side, Transport};
use crate::contender::Contender;
use crate::job::Job;
use crate::measurement::Measurement;
use crate::parent::Worker;
use crate::plan::Item;
use crate::protocol::{Cores, Outcome};
use crate::stats;

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
/// How long the second side may take to say what it thinks went wrong.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Measures `contender` in `item` once.
pub(crate) fn measure(item: &Item, contender: Contender, cores: Cores) -> Result<Outcome> {
    let mut workers = Workers::open(item, contender, cores)?;
    if item.measurement == Measurement::PubSub {
        workers.gather()?;
    }
    let pace = workers.warm_up()?;
    let count = ((TIME.as_secs_f64() * pace) as u64).max(2);
    workers.phase(count, pace).context("in the measured phase")
}

/// The workers of one measurement, the one that binds first. Killed when dropped.
struct Workers {
    bind: Worker,
    /// None where one process is both ends.
    connect: Option<Worker>,
    _socket_file: Option<SocketFile>,
}

impl Workers {
    fn open(item: &Item, contender: Contender, cores: Cores) -> Result<Self> {
        let Item { measurement, transport, size } = *item;
        let (endpoint, _socket_file) = endpoint(transport);
        let job = Job { contender, measurement, transport, size, side: None, endpoint, cores };
        let deadline = Instant::now() + OPENING;
        let mut bind = Worker::start()?;
        if transport == Transport::Inproc {
            bind.open(&job, deadline)?;
            return Ok(Self { bind, connect: None, _socket_file });
        }
        let mut connect = Worker::start()?;
        let job = Job { side: Some(Side::Bind), ..job };
        let endpoint = bind.open(&job, deadline).context("on the binding side")?;
        let job = Job { side: Some(Side::Connect), endpoint, ..job };
        connect.open(&job, deadline).context("on the connecting side")?;
        Ok(Self { bind, connect: Some(connect), _socket_file })
    }

    /// Publishes until every subscriber receives it.
    fn gather(&mut self) -> Result<()> {
        for _ in 0..BEGINNINGS {
            let outcome = self.phase(1, 1.0).context("while the subscribers gather")?;
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
            let outcome = self.phase(count, expected).context("while warming up")?;
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

    /// Runs one phase, of which `pace` messages a second are expected.
    fn phase(&mut self, count: u64, pace: f64) -> Result<Outcome> {
        let expected = Duration::try_from_secs_f64(count as f64 / pace).unwrap_or_default();
        let deadline = Instant::now() + PATIENCE + OVERTIME * expected;
        self.bind.run(count)?;
        let Some(connect) = &mut self.connect else {
            return self.bind.outcome(deadline);
        };
        connect.run(count)?;
        let bind = self.bind.outcome(deadline);
        // One side that failed leaves the other one waiting for what will not come.
        let deadline = if bind.is_ok() { deadline } else { Instant::now() + LAST_WORDS };
        let connect = connect.outcome(deadline);
        match (bind, connect) {
            (Ok(bind), Ok(connect)) => Ok(if connect.elapsed_ns > 0 { connect } else { bind }),
            (Err(why), Ok(_)) => Err(why.context("on the binding side")),
            (Ok(_), Err(why)) => Err(why.context("on the connecting side")),
            (Err(bind), Err(connect)) => bail!("{bind:#}; and the connecting side: {connect:#}"),
        }
    }
}

/// Messages a second of a phase.
pub(crate) fn rate(outcome: &Outcome) -> Result<f64> {
    ensure!(outcome.elapsed_ns > 0, "the phase took no time");
    Ok(stats::rate(outcome))
}

/// An endpoint of its own for every measurement.
fn endpoint(transport: Transport) -> (String, Option<SocketFile>) {
    static RUN: AtomicU32 = AtomicU32::new(0);
    match transport {
        Transport::Tcp => ("tcp://127.0.0.1:0".to_owned(), None),
        Transport::Inproc => ("inproc://rivals".to_owned(), None),
        Transport::Ipc => {
            let run = RUN.fetch_add(1, Ordering::Relaxed);
            let name = format!("ringmq-rivals-{}-{run}.sock", std::process::id());
            let path = std::env::temp_dir().join(name);
            (format!("ipc://{}", path.display()), Some(SocketFile(path)))
        }
    }
}

/// The file of a Unix socket, removed with the measurement.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever bound it may have removed it already.
        let _ = std::fs::remove_file(&self.0);
    }
}
