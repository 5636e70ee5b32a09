//! `ringmq-peer soak`: long-lived sockets whose peers are killed and restarted at random.
//!
//! Every scenario is one socket of this process (a pattern, a transport, a backend, bound or
//! connected), a thread that works it, and a thread that looks after its peers. Afterwards the
//! process must hold what it held before: no descriptor, thread or memory more.

mod child;
mod peer_supervisor;
mod scenario;
mod worker;

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use ringmq::{AnySocket, Context};

use crate::pattern::mix;
use crate::socket::{Backend, Kind, set_option, set_slices};
use crate::usage::Usage;
use peer_supervisor::PeerSupervisor;
use scenario::{PAIRINGS, Scenario};

/// Ports below the range from which the system takes ephemeral ones, so that nobody grabs a port
/// between a peer's death and its successor.
const PORTS: std::ops::Range<u16> = 21_000..32_000;
/// How long closed connections and ended threads may take to leave the books.
const SETTLE: Duration = Duration::from_secs(30);
/// What the process may hold more of memory after the first third of the run, KiB: pools and
/// the allocator reach their size early.
const RSS_TOLERANCE_KIB: usize = 24 * 1024;

/// Flags of `ringmq-peer soak`.
#[derive(Debug, Args)]
pub(crate) struct SoakArgs {
    /// How long to go on, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Seed of all that is random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Backends of the long-lived sockets
    #[arg(long, value_delimiter = ',', default_value = "uring,mio")]
    backends: Vec<Backend>,
}

/// What a run of the soak may fail of.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SoakError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Socket(#[from] ringmq::Error),
}

/// Options that a kind of socket needs so that its losses can be told from its drops, and so that
/// a strict REQ does not wait for the dead.
fn options(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Pub | Kind::Sub => &["sndhwm=0", "rcvhwm=0"],
        Kind::Req => &["req_relaxed=1", "req_correlate=1"],
        _ => &[],
    }
}

/// Runs the soak; whether everything was as it should.
pub(crate) fn run(args: &SoakArgs) -> Result<bool, SoakError> {
    let folder = std::env::temp_dir().join(format!("ringmq-soak-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = run_in(&folder, args);
    std::fs::remove_dir_all(&folder)?;
    result
}

fn run_in(folder: &Path, args: &SoakArgs) -> Result<bool, SoakError> {
    println!("soak: {} s, seed {}, backends {:?}", args.seconds, args.seed, args.backends);
    let before = Usage::now()?;
    let mut contexts = Vec::new();
    let mut scenarios: Vec<(Scenario, AnySocket)> = Vec::new();
    for &backend in &args.backends {
        let context = Context::builder().backend(backend.into()).build()?;
        for scenario in plan(folder, backend, args.seed)? {
            let socket = open(&context, &scenario)?;
            scenarios.push((scenario, socket));
        }
        contexts.push(context);
    }
    let idle = Usage::now()?;
    let warm = work(&scenarios, Duration::from_secs(args.seconds))?;
    let left = settle(idle.fds, idle.threads)?;
    let mut good = report(&scenarios);
    for (_, socket) in &scenarios {
        socket.set_linger(Some(Duration::ZERO))?;
    }
    drop(scenarios);
    for context in contexts {
        context.term();
    }
    let after = settle(before.fds, before.threads)?;
    good &= judge("descriptors, sockets open", idle.fds, left.fds, 0);
    good &= judge("threads, sockets open", idle.threads, left.threads, 0);
    good &= judge("memory, KiB", warm.rss_kib, left.rss_kib, RSS_TOLERANCE_KIB);
    good &= judge("descriptors, all closed", before.fds, after.fds, 0);
    good &= judge("threads, all closed", before.threads, after.threads, 0);
    Ok(good)
}

/// One scenario for each pairing and transport; each pairing binds on one and connects on the
/// other.
fn plan(folder: &Path, backend: Backend, seed: u64) -> io::Result<Vec<Scenario>> {
    let mut scenarios = Vec::new();
    for (i, pairing) in PAIRINGS.into_iter().enumerate() {
        for transport in 0..2 {
            let seed = mix(seed ^ (scenarios.len() as u64) ^ ((backend as u64) << 32));
            let endpoint = match transport {
                0 => format!("tcp://127.0.0.1:{}", free_port(seed)?),
                _ => format!("ipc://{}", socket_file(folder, backend, i).display()),
            };
            scenarios.push(Scenario::new(
                pairing,
                backend,
                (i / 2 + transport) % 2 == 0,
                endpoint,
                seed,
            ));
        }
    }
    Ok(scenarios)
}

fn socket_file(folder: &Path, backend: Backend, number: usize) -> PathBuf {
    folder.join(format!("{}-{number}", backend.name()))
}

/// A port on which nobody listens, searched from a place that the seed gives.
fn free_port(seed: u64) -> io::Result<u16> {
    let count = u64::from(PORTS.end - PORTS.start);
    (0..count)
        .map(|i| PORTS.start + ((seed.wrapping_add(i)) % count) as u16)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .ok_or_else(|| io::Error::other("no free port"))
}

fn open(context: &Context, scenario: &Scenario) -> Result<AnySocket, SoakError> {
    let socket = context.socket(scenario.kind.into())?;
    set_slices(&socket, scenario.kind)?;
    for option in options(scenario.kind) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        set_option(&socket, name, value)?;
    }
    if scenario.kind == Kind::Sub {
        socket.subscribe("")?;
    }
    if scenario.binds {
        socket.bind(&scenario.endpoint)?;
    } else {
        socket.connect(&scenario.endpoint)?;
    }
    Ok(socket)
}

/// Lets all scenarios work; answers what the process held after a third of the time.
fn work(scenarios: &[(Scenario, AnySocket)], time: Duration) -> io::Result<Usage> {
    let end = Instant::now() + time;
    thread::scope(|scope| {
        for (scenario, socket) in scenarios {
            scope.spawn(move || worker::work(scenario, socket));
            scope.spawn(move || {
                PeerSupervisor::new(scenario, socket.monitor()).work(end);
                scenario.over.store(true, Ordering::Release);
            });
        }
        thread::sleep(time / 3);
        Usage::now()
    })
}

/// Waits until the process holds no more than this; answers what it holds in the end.
fn settle(fds: usize, threads: usize) -> io::Result<Usage> {
    let end = Instant::now() + SETTLE;
    loop {
        let usage = Usage::now()?;
        if (usage.fds <= fds && usage.threads <= threads) || Instant::now() > end {
            return Ok(usage);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Prints what every scenario counted; whether none of them has a fault.
fn report(scenarios: &[(Scenario, AnySocket)]) -> bool {
    println!(
        "{:<28} {:>6} {:>6} {:>10} {:>8}",
        "scenario", "killed", "closed", "delivered", "lost"
    );
    let mut good = true;
    let mut total = [0; 4];
    for (scenario, _) in scenarios {
        scenario.judge_received();
        let counts = scenario.counts.all();
        print_counts(&scenario.name, counts);
        for (sum, count) in total.iter_mut().zip(counts) {
            *sum += count;
        }
        for fault in scenario.faults() {
            println!("    FAULT: {fault}");
            good = false;
        }
    }
    print_counts("all", total);
    println!("lost: in flight when a peer was killed or left; all else came whole, once, in order");
    good
}

fn print_counts(name: &str, [killed, closed, delivered, lost]: [u64; 4]) {
    println!("{name:<28} {killed:>6} {closed:>6} {delivered:>10} {lost:>8}");
}

/// Prints a figure of before and after; whether it grew by no more than the tolerance.
fn judge(what: &str, before: usize, after: usize, tolerance: usize) -> bool {
    let good = after <= before + tolerance;
    let verdict = if good { "ok" } else { "LEAK" };
    println!("{what}: {before} before, {after} after (at most {tolerance} more): {verdict}");
    good
}
