//! `throughput` and `latency` over epgm and udp: to a group, between two network namespaces that the program makes.
//!
//! Nobody is connected to anybody, so that nothing holds a sender back and what is lost is a figure like others. What
//! is measured over epgm is therefore the highest rate at which nothing is lost ([`search`]); over udp, what arrives of
//! as much as can be sent. The subjects ([`ours`], [`bare`], [`theirs`]) run through the same loops ([`peer`]), libzmq
//! through the same in C; a [`trial`] has fresh workers on both [`hosts`], and rounds of trials alternate between all.

mod args;
mod bare;
mod hosts;
mod job;
mod ours;
mod peer;
mod row;
mod search;
mod table;
mod theirs;
mod trial;

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};

pub(crate) use args::{GroupTransport, MulticastArgs, Road};
pub(crate) use peer::PeerWorker;

use crate::case::{Backend, Kind};
use crate::cli::{BenchArgs, Manner};
use crate::machine::Machine;
use crate::{commands, print};
use hosts::{Cable, Hosts};
use job::{NUMBER, Subject};
use row::{Group, Rounds};
use theirs::Theirs;
use trial::{Point, Stage};

/// Measures, and prints a table or JSON.
pub(crate) fn run(
    kind: Kind,
    over: GroupTransport,
    args: &BenchArgs,
    manner: &Manner,
) -> Result<()> {
    ensure!(
        *manner == Manner::plain(),
        "--rate, --pause, --spin and --share-core are for connections"
    );
    refuse(kind, args)?;
    commands::refuse_missing(&backends(kind, args))?;
    let cores = args.pin.cores()?;
    let machine = Machine::look(cores);
    let hosts = Hosts::make()?;
    commands::introduce(&machine);
    let mut notes = machine.doubts();
    let theirs = match args.multicast.receivers {
        1 => Theirs::make(over, args.multicast.libzmq.as_deref()),
        _ => Err(anyhow!("it is measured with one receiver only")),
    };
    if let Err(error) = &theirs {
        notes.push(format!("libzmq is left out: {error:#}"));
    }
    let mut subjects: Vec<Subject> =
        backends(kind, args).into_iter().map(Subject::Backend).collect();
    subjects.extend(theirs.is_ok().then_some(Subject::Libzmq));
    let stage = Stage { hosts, theirs: theirs.ok(), cores };
    let rounds = Rounds {
        stage: &stage,
        seconds: args.seconds.as_secs_f64(),
        count: args.count,
        repeats: args.repeat.into(),
        kbit_per_s: args.multicast.mbit.map(|mbit| mbit * 1000),
    };
    let group = |size: &usize| Group::of(&points(kind, over, *size, &args.multicast), &subjects);
    let rows = rounds.carry_out(args.size.iter().map(group).collect());
    let text = table::render(kind, over, &rows, &notes);
    let json = || serde_json::to_string_pretty(&table::records(&rows)).context("writing JSON");
    match args.json.as_deref() {
        None => print::result(&text)?,
        Some(path) if path == Path::new("-") => {
            print::remark(&text);
            print::result(&json()?)?;
        }
        Some(path) => {
            print::result(&text)?;
            std::fs::write(path, json()?).with_context(|| format!("writing {}", path.display()))?;
        }
    }
    let failures: Vec<String> = rows.iter().filter_map(table::failure).collect();
    ensure!(failures.is_empty(), "{} of the rows failed:\n{}", failures.len(), failures.join("\n"));
    Ok(())
}

/// Fails if something was asked for that only connections have.
fn refuse(kind: Kind, args: &BenchArgs) -> Result<()> {
    let of_connections = args.role.is_some() || args.pattern.is_some() || !args.mechanism.is_null();
    ensure!(
        !of_connections,
        "epgm has PUB and SUB and udp RADIO and DISH, without CURVE, between namespaces of this machine: leave \
         --pattern, --mechanism and --role out"
    );
    ensure!(
        args.size.iter().all(|size| *size >= NUMBER),
        "a message has a number: give 8 bytes or more"
    );
    let many = &args.multicast;
    ensure!(
        kind == Kind::Throughput || (many.receivers == 1 && many.stopped.is_none()),
        "a round trip has one receiver"
    );
    ensure!(
        many.stopped.is_none_or(|stopped| (1..many.receivers).contains(&stopped)),
        "--stopped is how many of --receivers stop: at least 1, and not all of them"
    );
    Ok(())
}

/// The backends asked for, or ringmq beside its floor.
fn backends(kind: Kind, args: &BenchArgs) -> Vec<Backend> {
    match (args.backend.is_empty(), kind) {
        (false, _) => args.backend.clone(),
        (true, Kind::Throughput) => vec![Backend::Floor, Backend::Auto],
        (true, Kind::Latency) => vec![Backend::Floor, Backend::FloorBlocking, Backend::Auto],
    }
}

/// What is measured of one size: the first of them is what the others are set beside.
fn points(kind: Kind, over: GroupTransport, size: usize, args: &MulticastArgs) -> Vec<Point> {
    let cable = if args.loss.is_empty() { Cable::Whole } else { Cable::Loses(0) };
    let first = Point { kind, over, size, cable, receivers: args.receivers, stopped: 0 };
    let mut all = vec![first];
    all.extend(args.loss.iter().map(|&loss| Point { cable: Cable::Loses(loss), ..first }));
    all.extend(args.stopped.map(|stopped| Point { stopped, ..first }));
    all
}
