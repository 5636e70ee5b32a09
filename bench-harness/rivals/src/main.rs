//! ringmq beside its rivals, measured by one driver: see `ci/versus --help`.
//!
//! The parent plans, starts two worker processes for each measurement (one over inproc), sums up and
//! prints. The loops, the checks, the floors, the sockets of ringmq and the talk with workers are those
//! of `ringmq_bench`, so that there is one definition of a floor and of a message; what is new here are
//! the rivals (`rival`), the loops for awaited calls (`awaited`), one socket with many peers
//! (`many_peers`) and ends that are tasks of tokio (`tasks`).

mod awaited;
mod block;
mod budget;
mod cli;
mod consume;
mod contender;
mod figure;
mod flavor;
mod job;
mod local_end;
mod many_peers;
mod measure;
mod measurement;
mod plan;
mod rival;
mod rounds;
mod rows;
mod table;
mod tasks;
mod versions;
mod work;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Parser as _;
use ringmq_bench::pin::Pin;

use crate::contender::Contender;
use crate::measure::Manner;

fn main() -> ExitCode {
    let result = if std::env::args().nth(1).as_deref() == Some(measure::SUBCOMMAND) {
        work::serve()
    } else {
        compare(&cli::Args::parse())
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures what was asked for, and prints it.
fn compare(args: &cli::Args) -> Result<()> {
    let who = args.who();
    let mut items = plan::items(args.quick);
    items.retain(|item| item.cases().iter().any(|case| case.contains(&args.only)));
    ensure!(!items.is_empty(), "--only {}: no case has that in its name", args.only);
    ensure!(
        who.iter().any(|who| matches!(who, Contender::Uring | Contender::Mio)),
        "--who: name uring or mio too, since every row sets one of them beside the others"
    );
    // Made now, so that a name that cannot be written is not found out after an hour.
    let json = args.json.as_deref().map(create).transpose()?;
    if let Some(load) = load().filter(|load| *load > COMPANY) {
        eprintln!("this machine is not idle (load {load:.2}): trust the ratios at most");
    }
    let settings = rounds::Settings {
        manner: Manner { cores: Pin::Auto.cores()?, time: args.time() },
        rounds: args.rounds.into(),
        contenders: who,
    };
    let rows = rows::rows(&rounds::run(&items, &settings));
    println!("{}", versions::line());
    table::print(&rows);
    table::print_standing(&rows);
    budget::print(&rows);
    if let (Some(mut file), Some(path)) = (json, &args.json) {
        write(&mut file, &rows).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Processes that wanted a core during the last minute, above which a run has company.
const COMPANY: f64 = 0.5;

/// How many there were, where the system tells.
fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("--json {}", path.display()))
}

fn write(file: &mut File, rows: &[rows::Row]) -> Result<()> {
    serde_json::to_writer_pretty(&mut *file, rows)?;
    Ok(file.write_all(b"\n")?)
}
