//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use ringmq::auth::CurvePublicKey;

use crate::case::{Backend, Kind, Load, Pattern, Sharing, Side, Transport};
use crate::curve::{CURVE_HELP, CurveArgs};
use crate::doctor::{DOCTOR_EXAMPLES, DoctorArgs};
use crate::job::Cores;
use crate::measure::Effort;
use crate::mechanism::Mechanism;
use crate::multicast::{MulticastArgs, Road};
use crate::pin::Pin;
use crate::scale::ScaleArgs;

/// Measures ringmq on this machine, beside the floor of bare sockets.
///
/// Without a subcommand: throughput and round-trip latency of tcp, ipc and inproc on every backend
/// that this machine can run, in under two minutes, with a table, report.html and report.json at the end.
/// Sender and receiver are processes of their own, inproc is two threads. Every message is numbered
/// and checked: lost, repeated, torn or reordered ones end the run with an error.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Cmd>,
    #[command(flatten)]
    pub(crate) suite: SuiteArgs,
}

const EXAMPLES: &str = "\
Examples:
  ringmq-bench                                       everything, in under two minutes
  ringmq-bench throughput --transport ipc --size 16,64,1k,64k
  ringmq-bench latency --backend uring,mio,floor,floor-blocking --seconds 2
  ringmq-bench throughput --pattern dealer-router --json result.json
  ringmq-bench doctor                                which backend this machine gets, and why

Two processes or two machines (give both the same --size and --count):
  here   ringmq-bench throughput --role bind --endpoint 'tcp://*:5555'
  there  ringmq-bench throughput --role connect --endpoint tcp://here:5555

Reading the figures:
  The floor is what bare sockets (for inproc: a bare ring) do in the same minute on the same cores.
  Compare ratios to the floor rather than absolute figures: a machine's clock and its other work
  change from minute to minute, and change both.";

#[derive(Debug, Subcommand)]
pub(crate) enum Cmd {
    /// Messages a second, one way, timed by the receiver from the first message to the last.
    #[command(after_help = THROUGHPUT_EXAMPLES)]
    Throughput(BenchArgs),
    /// Round trips: one at a time, each after a pause, or on a schedule.
    #[command(after_help = LATENCY_EXAMPLES)]
    Latency(LatencyArgs),
    /// GB/s and CPU time by the size of the bodies, how they are made and what becomes of them.
    #[command(after_help = CURVE_HELP)]
    Curve(CurveArgs),
    /// Many peers: memory, time and fairness with 10, 100, 1,000 and 10,000 of them.
    Scale(ScaleArgs),
    /// What this machine offers: the backend and why, io_uring's features, limits, and what to change.
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArgs),
    /// One end of a measurement; the program starts it by itself.
    #[command(hide = true)]
    Worker,
    /// One side of a scenario of `scale`; the program starts it by itself.
    #[command(hide = true)]
    ScaleWorker,
    /// One side of a measurement of multicast; the program starts it by itself.
    #[command(hide = true)]
    MulticastWorker,
}

const THROUGHPUT_EXAMPLES: &str = "\
Examples:
  ringmq-bench throughput                                  64 B over tcp, beside the floor
  ringmq-bench throughput --size 16,256,4k --backend uring,mio,floor --repeat 9
  ringmq-bench throughput --transport inproc --count 10000000
  ringmq-bench throughput --pattern pub-sub --json -       JSON on stdout, table on stderr
  ringmq-bench throughput --mechanism curve --size 64,1k,64k --backend uring,floor,floor-blocking
  ringmq-bench throughput --transport epgm --size 64,1k    beside libzmq and bare UDP
  ringmq-bench throughput --transport epgm --size 1k --loss 1,5
  ringmq-bench throughput --transport epgm --receivers 16 --stopped 1

Multicast goes between two network namespaces that the program makes, which takes Linux, the programs ip,
unshare and nsenter, and to be root or allowed to make namespaces of users. Over epgm it is the highest rate
at which nothing is lost; over udp what arrives of as much as can be sent.

Under CURVE the floor is the bare cipher, which nothing carries: one thread seals, another one
opens; as floor-blocking one thread does both. With --role the receiver says with which --server-key
the sender is to connect.

Between machines, as libzmq's local_thr and remote_thr; the receiver prints the result:
  receiver  ringmq-bench throughput --role bind --endpoint 'tcp://*:5555' --size 64 --count 5000000
  sender    ringmq-bench throughput --role connect --endpoint tcp://receiver:5555 --size 64 --count 5000000";

const LATENCY_EXAMPLES: &str = "\
Examples:
  ringmq-bench latency                                     64 B over tcp, beside the floor
  ringmq-bench latency --transport ipc --backend auto,floor,floor-blocking
  ringmq-bench latency --pattern pair --pin 2,3 --seconds 5
  ringmq-bench latency --rate 10000,50000 --backend uring,mio,floor --seconds 5
  ringmq-bench latency --pause 1s,10ms,100us --backend uring,mio,floor-blocking
  ringmq-bench latency --rate 10000 --transport inproc --spin 200us
  ringmq-bench latency --share-core all --backend uring,mio,floor-blocking
  ringmq-bench latency --mechanism curve --size 64,1k --backend uring,mio,floor
  ringmq-bench latency --transport epgm                    to a group and back, between two namespaces

Under CURVE the floor of a round trip is two messages sealed and opened by one thread, and nothing
else: what ringmq takes beyond it compares with what it takes without --mechanism.

With --rate one thread sends what is due and looks for answers in between, without waiting for any, so
that questions go on while answers are outstanding (up to 500, or 64 KiB of them); the other side blocks
in its receive. Latency counts from the time at which a question was due, so that a stall shows in every
question that it held up (coordinated omission). With --spin there is a second row of ringmq, whose
threads spin so long each time they wait, as a program would ask for whose cores are idle otherwise. The asking thread yields its core between two looks if
it shares it with its I/O thread.

Between machines, as libzmq's local_lat and remote_lat; the asking side prints the result:
  answers  ringmq-bench latency --role bind --endpoint 'tcp://*:5555' --count 20000
  asks     ringmq-bench latency --role connect --endpoint tcp://answers:5555 --count 20000";

/// Options of the run without a subcommand.
#[derive(Debug, Args)]
pub(crate) struct SuiteArgs {
    /// Folder for report.html and report.json [default: ringmq-bench in cargo's target folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Rounds; each measures every case once
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) repeat: u16,
    /// Length of each single measurement; figures above 0.2 take the run over two minutes
    #[arg(long, default_value = "0.2", value_parser = seconds)]
    pub(crate) seconds: Duration,
    /// Cores: auto, off, SENDER,RECEIVER, or SENDER,RECEIVER,SENDER_IO,RECEIVER_IO
    #[arg(long, default_value = "auto")]
    pub(crate) pin: Pin,
    /// What ci/versus --json wrote, for a comparison with other libraries in report.html [default:
    /// versus.json in the output folder, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) versus: Option<PathBuf>,
}

/// Options of `latency`.
#[derive(Debug, Args)]
pub(crate) struct LatencyArgs {
    #[command(flatten)]
    pub(crate) bench: BenchArgs,
    /// Send so many messages a second whatever comes back, and take the time from when each was due
    #[arg(long, value_name = "PER_SECOND", value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) rate: Vec<u32>,
    /// Ask after an idle pause of so long each time [examples: 1s, 10ms, 100us]
    #[arg(long, value_delimiter = ',', value_parser = pause)]
    pub(crate) pause: Vec<u64>,
    /// Measure ringmq once more, with so long a spin before each sleep [examples: 50us, 1ms]
    #[arg(long, value_delimiter = ',', value_parser = spin)]
    pub(crate) spin: Vec<u32>,
    /// Have the application and the I/O thread of each side share a core, or all four threads one
    #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "side")]
    pub(crate) share_core: Option<Sharing>,
}

impl LatencyArgs {
    /// In which ways to ask.
    pub(crate) fn manner(&self) -> Manner {
        let rates = self.rate.iter().map(|&per_s| Load::Rate { per_s });
        let pauses = self.pause.iter().map(|&us| Load::Pause { us });
        let mut loads: Vec<Load> = rates.chain(pauses).collect();
        if loads.is_empty() {
            loads.push(Load::Closed);
        }
        let sharing = self.share_core.unwrap_or_default();
        Manner { loads, sharing, spins: self.spin.clone() }
    }
}

/// In which ways the messages of a subcommand are moved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) loads: Vec<Load>,
    pub(crate) sharing: Sharing,
    /// For how many microseconds ringmq is told to spin, beside what it does by itself.
    pub(crate) spins: Vec<u32>,
}

impl Manner {
    /// The one way of throughput: as fast as it goes.
    pub(crate) fn plain() -> Self {
        Self { loads: vec![Load::Closed], sharing: Sharing::AsPinned, spins: Vec::new() }
    }

    /// The cores that `--pin` chose, as `--share-core` has them used.
    pub(crate) fn cores(&self, pinned: Cores) -> Result<Cores> {
        pinned
            .shared(self.sharing)
            .context("--share-core keeps threads on cores: it needs two of them, and no --pin off")
    }
}

/// Options of `throughput` and `latency`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// The road
    #[arg(long, value_enum, default_value_t = Road::Connected(Transport::Tcp))]
    pub(crate) transport: Road,
    /// Body of each message; several sizes make a table [examples: 64, 1k, 64k, 1m]
    #[arg(long, value_delimiter = ',', default_value = "64", value_parser = size)]
    pub(crate) size: Vec<usize>,
    /// Messages, or round trips, of each measurement [default: as many as --seconds allow;
    /// with --role: 1000000, or 10000 round trips]
    #[arg(long, conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(2..))]
    pub(crate) count: Option<u64>,
    /// Length of each measurement
    #[arg(long, default_value = "0.5", value_parser = seconds)]
    pub(crate) seconds: Duration,
    /// Socket types, the sending or asking one first [default: push-pull; req-rep for latency, pair
    /// with --rate]
    #[arg(long, value_enum)]
    pub(crate) pattern: Option<Pattern>,
    /// The security mechanism
    #[arg(long, value_enum, default_value_t)]
    pub(crate) mechanism: Mechanism,
    /// With --role connect and --mechanism curve: the key that the other side says it has
    #[arg(long, value_name = "KEY", requires = "role")]
    pub(crate) server_key: Option<CurvePublicKey>,
    /// Who moves the messages; several are compared in turns [default: auto,floor; with --role: auto]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) backend: Vec<Backend>,
    /// Cores: auto, off, SENDER,RECEIVER, or SENDER,RECEIVER,SENDER_IO,RECEIVER_IO
    #[arg(long, default_value = "auto")]
    pub(crate) pin: Pin,
    /// Write JSON, to stdout if no file (or -) is given; the table then goes to stderr
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,
    /// Rounds; medians are reported
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) repeat: u16,
    /// Be one side only, the other one being started by hand or on another machine
    #[arg(long, value_enum, requires = "endpoint", conflicts_with_all = ["transport", "seconds", "repeat"])]
    pub(crate) role: Option<Side>,
    /// Where to bind or connect, with --role: tcp://HOST:PORT or ipc://PATH
    #[arg(long, requires = "role")]
    pub(crate) endpoint: Option<String>,
    #[command(flatten)]
    pub(crate) multicast: MulticastArgs,
}

impl BenchArgs {
    /// The pattern asked for, or the usual one.
    pub(crate) fn pattern(&self, kind: Kind, load: Load) -> Pattern {
        self.pattern.unwrap_or(match (kind, load) {
            (Kind::Throughput, _) => Pattern::PushPull,
            (Kind::Latency, Load::Rate { .. }) => Pattern::Pair,
            (Kind::Latency, Load::Closed | Load::Pause { .. }) => Pattern::ReqRep,
        })
    }

    /// The backends asked for, or ringmq beside its floor.
    pub(crate) fn backends(&self, sharing: Sharing) -> Vec<Backend> {
        match (self.backend.is_empty(), sharing) {
            (true, Sharing::All) => vec![Backend::Auto, Backend::FloorBlocking],
            (true, _) => vec![Backend::Auto, Backend::Floor],
            (false, _) => self.backend.clone(),
        }
    }

    /// How much to measure.
    pub(crate) fn effort(&self) -> Effort {
        self.count.map_or(Effort::Time(self.seconds), Effort::Count)
    }
}

/// Reads a length of time in seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "give seconds, like 0.5 or 2".to_owned())?;
    if !(0.01..=600.0).contains(&seconds) {
        return Err("give at least 0.01 and at most 600 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Longest pause, in microseconds: beyond it a side would think that its peer is gone.
const LONGEST_PAUSE_US: u64 = 5_000_000;

/// Reads a pause: a whole number with its unit. The result is in microseconds.
fn pause(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let wrong = || "give a time with its unit, like 1s, 10ms or 100us".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let unit = match &text[digits.len()..] {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        _ => return Err(wrong()),
    };
    match number.checked_mul(unit) {
        Some(us @ 1..=LONGEST_PAUSE_US) => Ok(us),
        _ => Err("give at least 1us and at most 5s".to_owned()),
    }
}

/// Reads how long to spin; the result is in microseconds.
fn spin(text: &str) -> Result<u32, String> {
    let us = pause(text)?;
    u32::try_from(us).map_err(|_| "that is too long to spin".to_owned())
}

/// Reads a size in bytes with an optional k or m for KiB and MiB.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match lower[digits.len()..].trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        _ => return Err("give bytes, like 64, 1k (1 KiB) or 1m (1 MiB)".to_owned()),
    };
    digits
        .parse::<usize>()
        .ok()
        .and_then(|size| size.checked_mul(1 << shift))
        .ok_or_else(|| "give bytes, like 64, 1k (1 KiB) or 1m (1 MiB)".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_and_times_are_read() {
        assert_eq!(size("64"), Ok(64));
        assert_eq!(size("1k"), Ok(1024));
        assert_eq!(size("64KiB"), Ok(65536));
        assert_eq!(size("2MB"), Ok(2 << 20));
        assert!(size("1g").is_err());
        assert!(size("-1").is_err());
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(seconds("0").is_err());
        assert!(seconds("NaN").is_err());
    }

    #[test]
    fn lists_and_defaults_are_read() {
        let line = "ringmq-bench throughput --size 16,1k --backend uring,floor --count 1000";
        let Some(Cmd::Throughput(args)) = Cli::parse_from(line.split(' ')).command else {
            panic!("a throughput command");
        };
        assert_eq!(args.size, [16, 1024]);
        assert_eq!(args.backends(Sharing::AsPinned), [Backend::Uring, Backend::Floor]);
        assert_eq!(args.pattern(Kind::Throughput, Load::Closed), Pattern::PushPull);
        assert_eq!(args.effort(), Effort::Count(1000));

        let Some(Cmd::Latency(args)) = Cli::parse_from(["ringmq-bench", "latency"]).command else {
            panic!("a latency command");
        };
        assert_eq!(args.manner(), Manner::plain());
        let args = args.bench;
        assert_eq!(args.backends(Sharing::AsPinned), [Backend::Auto, Backend::Floor]);
        assert_eq!(args.backends(Sharing::All), [Backend::Auto, Backend::FloorBlocking]);
        assert_eq!(args.pattern(Kind::Latency, Load::Closed), Pattern::ReqRep);
        assert_eq!(args.pattern(Kind::Latency, Load::Rate { per_s: 1 }), Pattern::Pair);
        assert_eq!(args.effort(), Effort::Time(Duration::from_millis(500)));
    }

    #[test]
    fn ways_to_ask_are_read() {
        let parse = |line: &str| match Cli::try_parse_from(line.split(' ')).map(|cli| cli.command) {
            Ok(Some(Cmd::Latency(args))) => Some(args.manner()),
            _ => None,
        };
        let manner = parse("ringmq-bench latency --rate 10000,50 --pause 1s,10ms --share-core");
        let loads = vec![
            Load::Rate { per_s: 10_000 },
            Load::Rate { per_s: 50 },
            Load::Pause { us: 1_000_000 },
            Load::Pause { us: 10_000 },
        ];
        assert_eq!(manner, Some(Manner { loads, sharing: Sharing::Side, spins: Vec::new() }));
        let spins = parse("ringmq-bench latency --spin 50us,1ms").map(|manner| manner.spins);
        assert_eq!(spins, Some(vec![50, 1_000]));
        let all = parse("ringmq-bench latency --share-core all").map(|manner| manner.sharing);
        assert_eq!(all, Some(Sharing::All));
        for wrong in ["--rate 0", "--rate x", "--pause 1", "--pause 6s", "--share-core as-pinned"] {
            assert_eq!(parse(&format!("ringmq-bench latency {wrong}")), None, "{wrong}");
        }
        assert_eq!(parse("ringmq-bench throughput --rate 1"), None);
    }

    #[test]
    fn json_goes_to_stdout_unless_a_file_is_named() {
        let json = |line: &str| match Cli::parse_from(line.split(' ')).command {
            Some(Cmd::Latency(args)) => args.bench.json,
            _ => None,
        };
        assert_eq!(json("ringmq-bench latency"), None);
        assert_eq!(json("ringmq-bench latency --json"), Some("-".into()));
        assert_eq!(json("ringmq-bench latency --json x.json"), Some("x.json".into()));
    }

    #[test]
    fn a_role_needs_an_endpoint_and_takes_both_vocabularies() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(parse("ringmq-bench latency --role bind").is_err());
        assert!(parse("ringmq-bench latency --endpoint tcp://*:1").is_err());
        for role in ["bind", "receiver", "connect", "sender"] {
            let line = format!("ringmq-bench latency --role {role} --endpoint tcp://a:1");
            assert!(parse(&line).is_ok(), "{role}");
        }
    }

    #[test]
    fn without_a_subcommand_it_is_the_suite() {
        let cli = Cli::parse_from(["ringmq-bench", "--out", "somewhere"]);
        assert!(cli.command.is_none());
        assert_eq!(cli.suite.repeat, 3);
    }
}
