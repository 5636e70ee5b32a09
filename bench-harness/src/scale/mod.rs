//! `ringmq-bench scale`: how ringmq's cost grows with the number of peers.
//!
//! Every [`scenario`] has two fresh processes, each with one [`role`]: one binds and one connects,
//! over loopback tcp with one I/O thread each. The parent tells both what to do next, step by step
//! ([`runner`]), and holds what they found against the budgets ([`figure`]). A scenario that does
//! not fit this machine is made smaller, and the report says so ([`limits`]).

mod args;
mod figure;
mod job;
mod limits;
mod memory;
mod page;
mod plot;
mod role;
mod role_worker;
mod row;
mod runner;
mod scenario;
mod table;

use std::fs;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

pub(crate) use args::ScaleArgs;
pub(crate) use role_worker::RoleWorker;

use crate::case::Backend;
use crate::job::Cores;
use crate::machine::Machine;
use crate::{commands, print, subject};
use page::Page;

/// Runs every scenario, prints the table, and writes both files.
pub(crate) fn run(args: &ScaleArgs) -> Result<()> {
    let start = Instant::now();
    let machine = Machine::look(Cores::default());
    let mut notes = machine.doubts();
    let backends = backends(args, &mut notes)?;
    let most = limits::peers(args.largest(), &mut notes);
    let scenarios = scenario::plan(args, &backends, most);
    commands::introduce(&machine);
    let outcomes = runner::all(&scenarios, args.window());
    let page = Page { machine, took: start.elapsed(), outcomes, notes };
    print::result(&table::render(&page))?;
    let folder = args.out.clone().unwrap_or_else(commands::default_folder);
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for (name, text) in [("scale.html", page.html()?), ("scale.json", page.json()?)] {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        print::result(&path.display().to_string())?;
    }
    let failures = page.failures();
    ensure!(
        failures.is_empty(),
        "{} of the scenarios failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
    Ok(())
}

/// The backends asked for, or all that this machine can run.
fn backends(args: &ScaleArgs, notes: &mut Vec<String>) -> Result<Vec<Backend>> {
    ensure!(!args.backend.iter().any(|b| b.is_floor()), "a floor has no sockets to make many of");
    let missing = subject::uring_missing();
    if !args.backend.is_empty() {
        if let Some(why) = missing.filter(|_| args.backend.contains(&Backend::Uring)) {
            anyhow::bail!("--backend uring: io_uring cannot be used here: {why}");
        }
        return Ok(args.backend.clone());
    }
    Ok(match missing {
        None => vec![Backend::Uring, Backend::Mio],
        Some(why) => {
            notes.push(format!("io_uring cannot be used here, so only mio was measured: {why}"));
            vec![Backend::Mio]
        }
    })
}
