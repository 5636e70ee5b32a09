//! `ringmq-peer attack`: what bad peers may do to a socket, while a good client uses it as fast as it can.
//!
//! Three processes: the server, whose memory and descriptors are looked at; its good client; and this one, which
//! attacks, and takes no more than a share of one core for it.

mod acts;
#[allow(clippy::module_inception)]
mod attack;
mod bytes;
mod catalogue;
mod client;
mod field;
mod fight;
mod newcomer;
mod outcome;
mod part;
mod relay;
mod report;
mod server;
mod watch;
mod wire;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use peak_alloc::PeakAlloc;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::socket::Backend;
use attack::{Attack, Transport};
use catalogue::attacks;
use fight::{Extent, Fight};
use outcome::Outcome;
use part::Part;

/// Counts what is allocated: the resident memory of a process does not tell what it has given back.
#[global_allocator]
pub(crate) static HEAP: PeakAlloc = PeakAlloc;

/// Descriptors of the process that attacks: more than any attack takes.
const DESCRIPTORS: u64 = 4096;

const FULL: Extent = Extent { rounds: 5, window: Duration::from_millis(150), quiet: 4, fight: 6 };
const QUICK: Extent = Extent { rounds: 1, window: Duration::from_millis(50), quiet: 3, fight: 5 };
/// What is not judged is not measured for long.
const WITHOUT_SPEED: Extent =
    Extent { rounds: 1, window: Duration::from_millis(5), quiet: 1, fight: 1 };
/// A fault of speed counts when it is seen so often: a machine may be busy with other things.
const TRIES: usize = 3;

/// Flags of `ringmq-peer attack`.
#[derive(Debug, Args)]
pub(crate) struct AttackArgs {
    /// One short round of each attack instead of five long ones
    #[arg(long)]
    quick: bool,
    /// Judge only what does not rest on the clock: the server lives, the good client loses nothing, attackers are
    /// refused and counted, memory is bounded, and memory and descriptors come back
    #[arg(long)]
    no_speed: bool,
    /// Only these attacks
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// Backends of the server and its good client
    #[arg(long, value_delimiter = ',', default_value = "uring,mio")]
    backends: Vec<Backend>,
    /// Print what there is, and attack nobody
    #[arg(long)]
    list: bool,
    /// Write all figures to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// This process is a part of a run, as JSON
    #[arg(long, hide = true)]
    part: Option<String>,
}

/// Why an attack, or a whole run, has not come to an end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttackError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Socket(#[from] ringmq::Error),
    /// The server, or its client, is not what it should be.
    #[error("{0}")]
    Broken(String),
    #[error("one more good client does not get in")]
    KeptOut,
    /// The attacker has not met with what it had expected.
    #[error("{0}")]
    Unexpected(String),
}

/// Runs the attacks; whether all of them have failed.
pub(crate) fn run(args: &AttackArgs) -> Result<bool, AttackError> {
    if let Some(part) = &args.part {
        return match serde_json::from_str(part).map_err(io::Error::from)? {
            Part::Server(plan) => server::run(&plan).map(|()| true),
            Part::Client(plan) => client::run(&plan).map(|()| true),
        };
    }
    let chosen = choose(&args.only)?;
    if args.list {
        for attack in chosen {
            println!("{:<24}{}", attack.name, attack.sentence);
        }
        return Ok(true);
    }
    raise_descriptors()?;
    let folder = std::env::temp_dir().join(format!("ringmq-attack-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = run_in(&folder, &chosen, args);
    std::fs::remove_dir_all(&folder)?;
    result
}

fn choose(only: &[String]) -> Result<Vec<&'static Attack>, AttackError> {
    if let Some(unknown) = only.iter().find(|name| attacks().all(|attack| attack.name != **name)) {
        return Err(AttackError::Unexpected(format!("no attack {unknown:?}; see --list")));
    }
    let is_chosen =
        |attack: &&Attack| only.is_empty() || only.iter().any(|name| name == attack.name);
    Ok(attacks().filter(is_chosen).collect())
}

/// As many descriptors as the largest crowd takes, where the system lets us have them.
fn raise_descriptors() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(DESCRIPTORS, |most| most.min(DESCRIPTORS));
    if limit.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })?;
    }
    Ok(())
}

fn run_in(
    folder: &Path,
    chosen: &[&'static Attack],
    args: &AttackArgs,
) -> Result<bool, AttackError> {
    let began = Instant::now();
    let mut outcomes = Vec::new();
    for &backend in &args.backends {
        for (number, attack) in chosen.iter().enumerate() {
            let socket_file = folder.join(format!("{}-{number}", backend.name()));
            let outcome = fight(attack, backend, &socket_file, args);
            report::tell(&outcome);
            outcomes.push(outcome);
        }
    }
    report::table(&outcomes);
    if let Some(file) = &args.json {
        report::json(&outcomes, file)?;
    }
    let faulty = outcomes.iter().filter(|outcome| !outcome.faults.is_empty()).count();
    println!(
        "{} attacks, {faulty} with faults, {:.0} s",
        outcomes.len(),
        began.elapsed().as_secs_f64()
    );
    Ok(faulty == 0)
}

/// One attack on a server of its own.
fn fight(attack: &'static Attack, backend: Backend, file: &Path, args: &AttackArgs) -> Outcome {
    let extent = match (args.no_speed, args.quick) {
        (true, _) => WITHOUT_SPEED,
        (false, true) => QUICK,
        (false, false) => FULL,
    };
    let endpoint = match attack.transport {
        Transport::Tcp => "tcp://127.0.0.1:*".to_owned(),
        Transport::Ipc => format!("ipc://{}", file.display()),
    };
    let mut tries = 0;
    loop {
        tries += 1;
        let fought = Fight::start(attack, backend, extent, endpoint.clone()).and_then(Fight::run);
        let mut outcome = fought.unwrap_or_else(|error| Outcome::broken(attack, backend, &error));
        let was_whole = outcome.faults.is_empty();
        if !args.no_speed {
            outcome.judge_speed();
        }
        if !was_whole || outcome.faults.is_empty() || tries == TRIES {
            return outcome;
        }
    }
}
