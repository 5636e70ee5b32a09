//! The report: all that was found, for people (`report.html`) and for programs (`report.json`).

mod html;
mod json;
mod plots;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use crate::machine::Machine;
use crate::run::Measured;
use crate::versus;

/// A run that is over.
pub(crate) struct Report {
    /// Where it ran, and what was run.
    pub(crate) machine: Machine,
    /// Seconds since 1970 when it was over.
    pub(crate) finished: u64,
    /// How long it took.
    pub(crate) took: Duration,
    /// What was found.
    pub(crate) measured: Vec<Measured>,
    /// What a reader should know besides: doubts, and what could not be measured.
    pub(crate) notes: Vec<String>,
    /// The comparison with other libraries; empty if there is none.
    pub(crate) versus: Vec<versus::Row>,
    /// The file that it was read from.
    pub(crate) versus_from: Option<PathBuf>,
}

impl Report {
    /// Sums a run up.
    pub(crate) fn new(
        machine: Machine,
        took: Duration,
        measured: Vec<Measured>,
        notes: Vec<String>,
    ) -> Self {
        let finished = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let (versus, versus_from) = (Vec::new(), None);
        Self { machine, finished, took, measured, notes, versus, versus_from }
    }

    /// Errors of the cases that failed.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.measured
            .iter()
            .filter_map(|row| {
                let why = row.failure.as_ref()?;
                Some(format!("{}: {why}", crate::run::title(&row.case)))
            })
            .collect()
    }

    /// The report as JSON.
    pub(crate) fn json(&self) -> Result<String> {
        json::render(self)
    }

    /// Writes both files into `folder`, and says where they are.
    pub(crate) fn write(&self, folder: &Path) -> Result<[PathBuf; 2]> {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let html = folder.join("report.html");
        let json = folder.join("report.json");
        let write = |path: &Path, text: String| {
            fs::write(path, text).with_context(|| format!("writing {}", path.display()))
        };
        write(&html, html::render(self)?)?;
        write(&json, self.json()?)?;
        Ok([html, json])
    }
}

#[cfg(test)]
pub(super) mod sample {
    //! A report with one of everything.

    use super::*;
    use crate::case::{Backend, Kind, Load, Pattern, Sharing, Transport};
    use crate::cpu::CpuTime;
    use crate::job::{Cores, Outcome};
    use crate::measure::Run;
    use crate::run;

    pub(in crate::report) fn report() -> Report {
        let mut measured = Vec::new();
        let backends = [Backend::Floor, Backend::Uring];
        let rate = Load::Rate { per_s: 10_000 };
        for (kind, size, load) in [
            (Kind::Throughput, 16, Load::Closed),
            (Kind::Throughput, 1024, Load::Closed),
            (Kind::Latency, 64, Load::Closed),
            (Kind::Latency, 64, rate),
        ] {
            let group = run::group(kind, Transport::Tcp, Pattern::Pair, size, &backends);
            for case in run::under(load, Sharing::AsPinned, group) {
                let histogram = match kind {
                    Kind::Throughput => Vec::new(),
                    Kind::Latency => vec![(8_000, 900), (9_000, 99), (20_000, 1)],
                };
                let mut row = Measured::new(case);
                let outcome = Outcome { messages: 1001, elapsed_ns: 1_000_000, histogram };
                let cpu =
                    CpuTime { user: Duration::from_millis(2), system: Duration::from_millis(1) };
                row.add(Run { subject: "bare <sockets>".to_owned(), outcome, cpu: Some(cpu) });
                row.to_floor = (case.backend != Backend::Floor).then_some(0.5);
                measured.push(row);
            }
        }
        let machine = Machine::look(Cores::default());
        Report::new(machine, Duration::from_secs(3), measured, vec!["a note & more".to_owned()])
    }

    /// Two cases of a comparison, each on a backend of its own.
    pub(in crate::report) fn versus() -> Vec<versus::Row> {
        serde_json::from_str(versus::tests::GOOD).expect("the text is a good one")
    }
}
