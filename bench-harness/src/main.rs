//! `ringmq-bench`: measures ringmq on this machine, beside the floor of bare sockets.
//!
//! The parent plans and reports ([`run`], [`report`]); workers, processes of their own, move the
//! messages ([`worker`], [`floor`], [`subject`]). It exits with 0 only if every message of every case
//! arrived, in order and intact.

mod case;
mod cli;
mod connect;
mod end;
mod floor;
mod machine;
mod measure;
mod patience;
mod payload;
mod pin;
mod pool;
mod print;
mod process;
mod progress;
mod protocol;
mod report;
mod run;
mod solo;
mod stats;
mod subject;
mod table;
mod worker;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser as _;

use case::{Backend, Kind};
use cli::{BenchArgs, Cli, Cmd, SuiteArgs};
use machine::Machine;
use measure::Effort;
use protocol::Cores;
use report::Report;
use run::{Group, Settings};

/// After this long the suite starts no further round of a group, so that it ends within a minute on
/// machines that are slower than those it was planned for.
const SUITE_BUDGET: Duration = Duration::from_secs(45);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => suite(&cli.suite),
        Some(Cmd::Throughput(args)) => bench(Kind::Throughput, &args),
        Some(Cmd::Latency(args)) => bench(Kind::Latency, &args),
        Some(Cmd::Worker) => worker::serve(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::remark(&format!("ringmq-bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The run without a subcommand.
fn suite(args: &SuiteArgs) -> Result<()> {
    let start = Instant::now();
    let cores = args.pin.cores()?;
    let machine = Machine::look(cores);
    let mut notes = machine.doubts();
    let mut backends = vec![Backend::Uring, Backend::Mio];
    if let Some(why) = subject::uring_missing() {
        notes.push(format!("io_uring cannot be used here, so only mio was measured: {why}"));
        backends = vec![Backend::Mio];
    }
    introduce(&machine);
    let plan = run::suite(&backends);
    let settings = Settings {
        cores,
        effort: Effort::Time(args.seconds),
        repeats: usize::from(args.repeat),
        budget: Some(SUITE_BUDGET.max(args.seconds * 225)),
    };
    let measured = run::carry_out(&plan, &settings);
    let fewest = measured.iter().map(|row| row.rounds.len()).min().unwrap_or(0);
    if fewest < settings.repeats {
        notes.push(format!(
            "Time ran out: some cases were measured in {fewest} of {} rounds only.",
            settings.repeats
        ));
    }
    let report = Report::new(machine, start.elapsed(), measured, notes);
    print::result(&text(&report))?;
    let folder = args.out.clone().unwrap_or_else(default_folder);
    for path in report.write(&folder)? {
        print::result(&path.display().to_string())?;
    }
    verdict(&report)
}

/// `throughput` and `latency`.
fn bench(kind: Kind, args: &BenchArgs) -> Result<()> {
    let start = Instant::now();
    let cores = args.pin.cores()?;
    let machine = Machine::look(cores);
    let measured = match args.role {
        Some(role) => match solo::play(kind, role, args)? {
            Some(measured) => vec![measured],
            None => return Ok(()),
        },
        None => {
            let plan = plan(kind, args)?;
            introduce(&machine);
            run::carry_out(&plan, &bench_settings(args, cores))
        }
    };
    let notes = machine.doubts();
    let report = Report::new(machine, start.elapsed(), measured, notes);
    let text = text(&report);
    match args.json.as_deref() {
        None => print::result(&text)?,
        Some(path) if path == Path::new("-") => {
            print::remark(&text);
            print::result(&report.json()?)?;
        }
        Some(path) => {
            print::result(&text)?;
            std::fs::write(path, report.json()?)
                .with_context(|| format!("writing {}", path.display()))?;
        }
    }
    verdict(&report)
}

/// One group of cases for each size asked for.
fn plan(kind: Kind, args: &BenchArgs) -> Result<Vec<Group>> {
    let backends = args.backends();
    if backends.contains(&Backend::Uring)
        && let Some(why) = subject::uring_missing()
    {
        bail!("--backend uring: io_uring cannot be used here: {why}");
    }
    let groups: Vec<Group> = args
        .size
        .iter()
        .map(|&size| run::group(kind, args.transport, args.pattern(kind), size, &backends))
        .collect();
    for case in groups.iter().flatten() {
        case.check().map_err(anyhow::Error::msg)?;
    }
    Ok(groups)
}

fn bench_settings(args: &BenchArgs, cores: Cores) -> Settings {
    Settings { cores, effort: args.effort(), repeats: usize::from(args.repeat), budget: None }
}

fn introduce(machine: &Machine) {
    for (name, value) in machine.facts() {
        print::remark(&format!("{name:20} {value}"));
    }
}

/// What is printed at the end.
fn text(report: &Report) -> String {
    let notes = report.notes.iter().map(|note| format!("note: {note}\n"));
    table::render(&report.measured) + &notes.collect::<String>()
}

/// `ringmq-bench` in cargo's target folder, wherever that is.
fn default_folder() -> PathBuf {
    let by_variable = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let by_place = || {
        let program = std::env::current_exe().ok()?;
        let target = program.parent()?.parent()?;
        target.join("CACHEDIR.TAG").exists().then(|| target.to_owned())
    };
    by_variable.or_else(by_place).unwrap_or_else(|| PathBuf::from("target")).join("ringmq-bench")
}

/// Fails if anything did.
fn verdict(report: &Report) -> Result<()> {
    let failures = report.failures();
    ensure!(
        failures.is_empty(),
        "{} of the cases failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
    Ok(())
}
