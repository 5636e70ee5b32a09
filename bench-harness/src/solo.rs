//! One side only: the other one was started by hand, perhaps on another machine.
//!
//! No one tells the two sides how many messages there are, so both must be given the same size and
//! count. A tenth of the count goes ahead as a warm-up. The side that takes the time prints the result.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ringmq::auth::CurvePublicKey;

use crate::case::{Backend, Case, Kind, Side, Transport};
use crate::cli::{BenchArgs, Manner};
use crate::cpu::CpuTime;
use crate::ends;
use crate::job::{Job, Phase};
use crate::measure::Run;
use crate::mechanism::{Keys, Mechanism};
use crate::print;
use crate::run::Measured;
use crate::table::three_digits;

/// How long to wait for the other side to be started by hand, and for any one message after that.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages where no count is given: a second or less on most roads.
const THROUGHPUT_COUNT: u64 = 1_000_000;
/// Round trips where no count is given.
const LATENCY_COUNT: u64 = 10_000;
/// One in so many messages goes ahead as a warm-up.
const WARM_UP_SHARE: u64 = 10;

/// Is one side of a measurement; what was measured, if this side is the one that measures.
pub(crate) fn run(
    kind: Kind,
    side: Side,
    args: &BenchArgs,
    manner: &Manner,
) -> Result<Option<Measured>> {
    let endpoint = args.endpoint.clone().context("--role needs --endpoint")?;
    let case = case(kind, &endpoint, args, manner)?;
    case.check().map_err(anyhow::Error::msg)?;
    let count = args.count.unwrap_or(match kind {
        Kind::Throughput => THROUGHPUT_COUNT,
        Kind::Latency => LATENCY_COUNT,
    });
    let cores = manner.cores(args.pin.cores()?)?;
    let patience_ms = PATIENCE.as_millis() as u64;
    let keys = keys(side, args)?;
    let job = Job { case, side: Some(side), endpoint, cores, patience_ms, keys: keys.clone() };

    let opening = ends::open_on_its_core(&job, side)?;
    let opened = opening.opened;
    let (name, subject, endpoint) = (activity(side, kind), &opened.subject, &opened.endpoint);
    print::remark(&format!("{name}: {subject} on {endpoint}"));
    if let (Side::Bind, Some(keys)) = (side, keys) {
        let key = CurvePublicKey::new(keys.public);
        print::remark(&format!("the other side needs --server-key {key}"));
    }
    let mut end = (opening.finish)()?;
    end.run(Phase::closed((count / WARM_UP_SHARE).max(2))).context("while warming up")?;
    let (start, before) = (Instant::now(), CpuTime::of_this_process());
    let outcome = end.run(Phase { count, load: case.load }).context("in the measured phase")?;
    // Closing sends what is still on its way.
    drop(end);
    if let Some((after, before)) = CpuTime::of_this_process().zip(before) {
        let cpu = after.since(before).of_a_million(count);
        let (user, system) = (three_digits(cpu.user), three_digits(cpu.system));
        print::remark(&format!(
            "CPU of this side: user {user}, system {system} s a million messages"
        ));
    }
    if outcome.elapsed_ns == 0 {
        let took = start.elapsed().as_secs_f64();
        print::remark(&format!("moved {count} messages in {took:.3} s"));
        return Ok(None);
    }
    let mut measured = Measured::new(case);
    measured.add(Run { subject: opened.subject, outcome, cpu: None });
    Ok(Some(measured))
}

/// The keys of this side, if it encrypts.
fn keys(side: Side, args: &BenchArgs) -> Result<Option<Keys>> {
    match (args.mechanism, side, args.server_key) {
        (Mechanism::Null, _, None) => Ok(None),
        (Mechanism::Curve, Side::Bind, None) => Keys::of_server().map(Some),
        (Mechanism::Curve, Side::Connect, Some(server)) => Keys::of_client(server).map(Some),
        (Mechanism::Curve, Side::Connect, None) => {
            bail!("--mechanism curve needs --server-key: the side that binds says what it is")
        }
        (Mechanism::Null, _, Some(_)) => bail!("--server-key needs --mechanism curve"),
        (Mechanism::Curve, Side::Bind, Some(_)) => {
            bail!("--server-key is for the side that connects: the one that binds is the server")
        }
    }
}

fn activity(side: Side, kind: Kind) -> &'static str {
    match (side, kind) {
        (Side::Bind, Kind::Throughput) => "receiving",
        (Side::Bind, Kind::Latency) => "answering",
        (Side::Connect, Kind::Throughput) => "sending",
        (Side::Connect, Kind::Latency) => "asking",
    }
}

fn case(kind: Kind, endpoint: &str, args: &BenchArgs, manner: &Manner) -> Result<Case> {
    let transport = match endpoint.split_once("://") {
        Some(("tcp", _)) => Transport::Tcp,
        Some(("ipc", _)) => Transport::Ipc,
        Some(("inproc", _)) => bail!("inproc has both sides in one process: leave --role out"),
        _ => bail!("{endpoint}: write tcp://HOST:PORT or ipc://PATH"),
    };
    ensure!(args.size.len() == 1, "--role measures one --size at a time");
    let backend = match args.backend[..] {
        [] => Backend::Auto,
        [backend] => backend,
        _ => bail!("--role measures one --backend at a time"),
    };
    let [load] = manner.loads[..] else {
        bail!("--role measures one --rate or one --pause at a time");
    };
    let (pattern, size) = (args.pattern(kind, load), args.size[0]);
    let sharing = manner.sharing;
    let mechanism = args.mechanism;
    ensure!(
        mechanism.is_null() || !backend.is_floor(),
        "the bare cipher has no two sides: leave --role out"
    );
    let spin_us = match manner.spins[..] {
        [] => None,
        [us] => Some(us),
        _ => bail!("--role measures one --spin at a time"),
    };
    let case = Case::usual(kind, transport, pattern, backend, size);
    Ok(Case { load, sharing, spin_us, mechanism, ..case })
}
