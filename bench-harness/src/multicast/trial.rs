//! One trial: fresh workers on both hosts, a greeting that is heard, and the phase that counts.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::args::GroupTransport;
use super::hosts::{Cable, Hosts};
use super::job::{Heard, PATIENCE, PeerJob, PeerStep, QUIET, Subject, endpoint, other};
use super::peer::PeerWorker;
use super::theirs::Theirs;
use crate::case::{Kind, Side};
use crate::job::Cores;
use crate::worker::{Pair, Worker};

/// The hidden subcommand of a worker.
pub(crate) const SUBCOMMAND: &str = "multicast-worker";
/// Longest that a worker may take to open its sockets.
const OPENING: Duration = Duration::from_secs(30);
/// So often is a greeting tried before it is given up.
const ATTEMPTS: u32 = 30;
/// Round trips that go ahead of those that count.
const WARM_UP: u64 = 200;

/// What is measured, but for who does it and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// Throughput or round trips.
    pub(crate) kind: Kind,
    /// What carries the messages.
    pub(crate) over: GroupTransport,
    /// Body of each, in bytes.
    pub(crate) size: usize,
    /// What is between the hosts.
    pub(crate) cable: Cable,
    /// Sockets that receive, and of them those that stop.
    pub(crate) receivers: u16,
    /// See there.
    pub(crate) stopped: u16,
}

/// What a trial brought.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    /// What moved the messages, in words.
    pub(crate) subject: String,
    /// Messages a second, at the receiver that got the fewest.
    pub(crate) rate: f64,
    /// The share of the messages that did not come, there.
    pub(crate) lost: f64,
    /// Round trips as pairs of nanoseconds and how often.
    pub(crate) trips: Vec<(u64, u64)>,
}

/// Where trials take place.
pub(crate) struct Stage {
    /// The hosts.
    pub(crate) hosts: Hosts,
    /// libzmq, where it can be had.
    pub(crate) theirs: Option<Theirs>,
    /// Cores to stay on.
    pub(crate) cores: Cores,
}

impl Stage {
    /// Measures once: `count` messages, or round trips.
    pub(crate) fn trial(
        &self,
        point: Point,
        subject: Subject,
        kbit_per_s: u32,
        count: u64,
    ) -> Result<Trial> {
        self.hosts.set(point.cable)?;
        let job = |side| self.job(point, subject, kbit_per_s, side);
        let start = |side| self.start(subject, side);
        let connect = Some(|_| job(Side::Connect));
        let (mut pair, opened) = Pair::open(start, &job(Side::Bind), connect, OPENING)?;
        join(&mut pair)?;
        let deadline = |count| Instant::now() + 2 * (PATIENCE + QUIET) + patience(count);
        if point.kind == Kind::Latency {
            pair.run(&PeerStep::Measure(WARM_UP), Side::Connect, deadline(WARM_UP))?;
        }
        let step = PeerStep::Measure(count);
        let (bind, connect) = pair.run(&step, Side::Bind, deadline(count))?;
        pair.finish()?;
        let worst = bind.tallies.iter().min_by_key(|tally| tally.received);
        let received = worst.map_or(0, |tally| tally.received);
        let elapsed_ns = bind.tallies.iter().map(|tally| tally.elapsed_ns).max().unwrap_or(0);
        Ok(Trial {
            subject: opened.subject,
            rate: received.saturating_sub(1) as f64 / (elapsed_ns.max(1) as f64 / 1e9),
            lost: 1.0 - received as f64 / count as f64,
            trips: connect.map(|connect| connect.trips).unwrap_or_default(),
        })
    }

    fn job(&self, point: Point, subject: Subject, kbit_per_s: u32, side: Side) -> PeerJob {
        let Point { over, size, .. } = point;
        let echo = point.kind == Kind::Latency;
        let receives = side == Side::Bind;
        PeerJob {
            subject,
            over,
            side,
            echo,
            outgoing: endpoint(over, side, side),
            incoming: endpoint(over, side, other(side)),
            size,
            kbit_per_s,
            receivers: if echo { 1 } else { point.receivers },
            stopped: if receives { point.stopped } else { 0 },
            cores: [self.cores.of(side), self.cores.io_of(side)],
        }
    }

    fn start(&self, subject: Subject, side: Side) -> Result<Worker<PeerWorker>> {
        let command = match subject {
            Subject::Libzmq => {
                let theirs = self.theirs.as_ref().context("libzmq is not there")?;
                let mut command = self.hosts.command(side, &theirs.program());
                command.args(theirs.arguments());
                command
            }
            Subject::Backend(_) => {
                let program = std::env::current_exe().context("finding this program's own file")?;
                let mut command = self.hosts.command(side, &program);
                command.arg(SUBCOMMAND);
                command
            }
        };
        Worker::start_command(command, Stdio::inherit())
    }
}

/// Greets until every receiver has heard it: what is sent before is not for them.
fn join(pair: &mut Pair<PeerWorker>) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let deadline = Instant::now() + 2 * PATIENCE;
        let (bind, connect) = pair.run(&PeerStep::Join, Side::Connect, deadline)?;
        if bind.joined && connect.is_none_or(|connect: Heard| connect.joined) {
            return Ok(());
        }
    }
    bail!("no receiver heard a greeting: nothing that is sent arrives")
}

/// How long so many messages may take, at the slowest.
fn patience(count: u64) -> Duration {
    Duration::from_secs(60) + Duration::from_micros(100 * count)
}
