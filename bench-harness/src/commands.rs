//! The subcommands: from the arguments to the exit status.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser as _;

use crate::case::{Backend, Kind, Sharing, Transport};
use crate::cli::{BenchArgs, Cli, Cmd, Manner, SuiteArgs};
use crate::curve::CurveArgs;
use crate::ends::Ends;
use crate::job::Cores;
use crate::machine::Machine;
use crate::measure::Effort;
use crate::multicast::{PeerWorker, Road};
use crate::report::Report;
use crate::run::{Group, Settings};
use crate::scale::RoleWorker;
use crate::{doctor, multicast, plan, print, run, scale, solo, subject, table, versus, worker};

/// Does what the arguments of this process say; 0 only if every message of every case arrived, in
/// order and intact.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => suite(&cli.suite),
        Some(Cmd::Throughput(args)) => bench(Kind::Throughput, &args, &Manner::plain()),
        Some(Cmd::Latency(args)) => bench(Kind::Latency, &args.bench, &args.manner()),
        Some(Cmd::Curve(args)) => curve(&args),
        Some(Cmd::Scale(args)) => scale::run(&args),
        Some(Cmd::Doctor(args)) => doctor::run(&args),
        Some(Cmd::Worker) => worker::serve(Ends::default()),
        Some(Cmd::ScaleWorker) => worker::serve(RoleWorker::default()),
        Some(Cmd::MulticastWorker) => worker::serve(PeerWorker::default()),
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
    let folder = args.out.clone().unwrap_or_else(default_folder);
    // Before a minute is spent on measuring.
    let versus = comparison(args.versus.as_deref(), &folder)?;
    let machine = Machine::look(cores);
    let mut notes = machine.doubts();
    let backends = ours(&mut notes);
    introduce(&machine);
    let pinned = cores.shared(Sharing::All).is_some();
    if !pinned {
        notes.push("Nothing was kept on a core, so nothing was made to share one.".to_owned());
    }
    let (mut measured, mut cut_short) = (Vec::new(), Vec::new());
    for stage in plan::suite(&backends, pinned) {
        let settings = Settings {
            cores,
            effort: Effort::Time(args.seconds * stage.length),
            repeats: stage.rounds(args.repeat),
            budget: Some(stage.budget(args.seconds)),
        };
        let found = run::carry_out(&stage.groups, &settings);
        let fewest = found.iter().map(|row| row.rounds.len()).min().unwrap_or(0);
        if fewest < settings.repeats {
            cut_short.push(fewest);
        }
        measured.extend(found);
    }
    if let Some(fewest) = cut_short.iter().min() {
        notes.push(format!(
            "Time ran out: some cases were measured in {fewest} of {} rounds only.",
            args.repeat
        ));
    }
    let mut report = Report::new(machine, start.elapsed(), measured, notes);
    (report.versus, report.versus_from) = versus;
    print::result(&text(&report))?;
    for path in report.write(&folder)? {
        print::result(&path.display().to_string())?;
    }
    verdict(&report)
}

/// The comparison with other libraries that was asked for, or that lies in the output folder; and
/// where it was read.
fn comparison(asked: Option<&Path>, folder: &Path) -> Result<(Vec<versus::Row>, Option<PathBuf>)> {
    let found = folder.join("versus.json");
    match asked {
        None if !found.exists() => Ok((Vec::new(), None)),
        None => Ok((versus::read(&found)?, Some(found))),
        Some(path) => Ok((versus::read(path)?, Some(path.to_owned()))),
    }
}

/// `throughput` and `latency`.
fn bench(kind: Kind, args: &BenchArgs, manner: &Manner) -> Result<()> {
    let transport = match args.transport {
        Road::Connected(transport) => transport,
        Road::Group(over) => return multicast::run(kind, over, args, manner),
    };
    ensure!(
        !args.multicast.asked(),
        "--loss, --receivers, --stopped, --mbit and --libzmq are for --transport epgm and udp"
    );
    let start = Instant::now();
    let cores = manner.cores(args.pin.cores()?)?;
    let machine = Machine::look(cores);
    let measured = match args.role {
        Some(side) => match solo::run(kind, side, args, manner)? {
            Some(measured) => vec![measured],
            None => return Ok(()),
        },
        None => {
            let plan = plan(kind, transport, args, manner)?;
            introduce(&machine);
            run::carry_out(&plan, &bench_settings(args, cores))
        }
    };
    let notes = machine.doubts();
    tell(&Report::new(machine, start.elapsed(), measured, notes), args.json.as_deref())
}

/// `curve`.
fn curve(args: &CurveArgs) -> Result<()> {
    let start = Instant::now();
    let cores = args.pin.cores()?;
    let machine = Machine::look(cores);
    let mut notes = machine.doubts();
    let backends = args.backends(&ours(&mut notes));
    refuse_missing(&backends)?;
    let plan = args.plan(&backends);
    check(&plan)?;
    introduce(&machine);
    let settings = Settings {
        cores,
        effort: Effort::Time(args.time()),
        repeats: usize::from(args.rounds()),
        budget: None,
    };
    let measured = run::carry_out(&plan, &settings);
    tell(&Report::new(machine, start.elapsed(), measured, notes), args.json.as_deref())
}

/// Prints a report, or writes it as JSON, and fails if anything did.
fn tell(report: &Report, json: Option<&Path>) -> Result<()> {
    let text = text(report);
    match json {
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
    verdict(report)
}

/// The backends of ringmq that this machine can run.
fn ours(notes: &mut Vec<String>) -> Vec<Backend> {
    if let Some(why) = subject::uring_missing() {
        notes.push(format!("io_uring cannot be used here, so only mio was measured: {why}"));
        return vec![Backend::Mio];
    }
    vec![Backend::Uring, Backend::Mio]
}

/// Fails if a backend was asked for that this machine cannot run.
pub(crate) fn refuse_missing(backends: &[Backend]) -> Result<()> {
    if backends.contains(&Backend::Uring)
        && let Some(why) = subject::uring_missing()
    {
        bail!("--backend uring: io_uring cannot be used here: {why}");
    }
    Ok(())
}

/// Fails if a case cannot be measured.
fn check(plan: &[Group]) -> Result<()> {
    for case in plan.iter().flatten() {
        case.check().map_err(anyhow::Error::msg)?;
    }
    Ok(())
}

/// One group of cases for each size and load asked for.
fn plan(kind: Kind, transport: Transport, args: &BenchArgs, manner: &Manner) -> Result<Vec<Group>> {
    let backends = args.backends(manner.sharing);
    refuse_missing(&backends)?;
    let mut groups = Vec::new();
    for &load in &manner.loads {
        for &size in &args.size {
            let pattern = args.pattern(kind, load);
            let group = run::group(kind, transport, pattern, size, &backends);
            let group = run::with(args.mechanism, run::under(load, manner.sharing, group));
            groups.push(run::and_spinning(&manner.spins, group));
        }
    }
    check(&groups)?;
    Ok(groups)
}

fn bench_settings(args: &BenchArgs, cores: Cores) -> Settings {
    Settings { cores, effort: args.effort(), repeats: usize::from(args.repeat), budget: None }
}

pub(crate) fn introduce(machine: &Machine) {
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
pub(crate) fn default_folder() -> PathBuf {
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
