//! The results as rows: one for each case and backend of ringmq, as they are printed and written.

use std::collections::BTreeMap;

use ringmq_bench::stats;
use serde::Serialize;

use crate::contender::{Contender, RIVALS};
use crate::measurement::Measurement;
use crate::rounds::ItemResults;

/// One case on one backend. Figures are medians of the rounds, ratios medians of the ratios within a
/// round.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// `<transport>/<what>/<bytes>`.
    pub(crate) case: String,
    /// The backend of ringmq.
    pub(crate) backend: Contender,
    /// `M msg/s` or `us`.
    pub(crate) unit: &'static str,
    /// ringmq on that backend.
    pub(crate) ringmq: Option<f64>,
    /// Bare sockets or bare memory.
    pub(crate) floor: Option<f64>,
    /// The rivals, by name.
    #[serde(flatten)]
    pub(crate) rivals: BTreeMap<String, Option<f64>>,
    /// ringmq as a multiple of the floor.
    pub(crate) to_floor: Option<f64>,
    /// How many times better ringmq is than each rival: faster, or quicker to answer.
    pub(crate) ahead: BTreeMap<String, f64>,
    /// The distance of the largest and the smallest round as a share of the median.
    pub(crate) spread: BTreeMap<String, f64>,
    /// Why a figure is missing, or how it is to be read.
    pub(crate) notes: BTreeMap<String, String>,
}

/// The rows of all results, in the order of the results.
pub(crate) fn rows(results: &[ItemResults]) -> Vec<Row> {
    let mut rows = Vec::new();
    for result in results {
        for (at, case) in result.item.cases().into_iter().enumerate() {
            for backend in [Contender::Uring, Contender::Mio] {
                if result.entries.iter().any(|entry| entry.contender == backend) {
                    rows.push(row(result, at, case.clone(), backend));
                }
            }
        }
    }
    rows
}

fn row(result: &ItemResults, at: usize, case: String, backend: Contender) -> Row {
    let latency = result.item.measurement == Measurement::Latency;
    let ours = result.figures(backend, at);
    let floor = result.figures(Contender::Floor, at);
    let mut row = Row {
        case,
        backend,
        unit: if latency { "us" } else { "M msg/s" },
        ringmq: median(&ours),
        floor: median(&floor),
        rivals: BTreeMap::new(),
        to_floor: stats::paired_ratio(&ours, &floor),
        ahead: BTreeMap::new(),
        spread: BTreeMap::new(),
        notes: BTreeMap::new(),
    };
    row.spread.extend(spread(&ours).map(|spread| ("ringmq".to_owned(), spread)));
    row.spread.extend(spread(&floor).map(|spread| ("floor".to_owned(), spread)));
    for rival in RIVALS {
        let theirs = result.figures(rival, at);
        let name = rival.to_string();
        let ahead = if latency {
            stats::paired_ratio(&theirs, &ours)
        } else {
            stats::paired_ratio(&ours, &theirs)
        };
        row.ahead.extend(ahead.map(|ahead| (name.clone(), ahead)));
        row.spread.extend(spread(&theirs).map(|spread| (name.clone(), spread)));
        row.rivals.insert(name, median(&theirs));
    }
    for entry in &result.entries {
        let name = match entry.contender {
            Contender::Uring | Contender::Mio if entry.contender != backend => continue,
            Contender::Uring | Contender::Mio => "ringmq".to_owned(),
            other => other.to_string(),
        };
        let note = entry.trouble.clone().or_else(|| entry.contender.remark(&result.item));
        row.notes.extend(note.map(|note| (name, note)));
    }
    row
}

/// The median of the rounds that went well.
fn median(rounds: &[Option<f64>]) -> Option<f64> {
    let good: Vec<f64> = rounds.iter().copied().flatten().collect();
    (!good.is_empty()).then(|| stats::median(&good))
}

/// The spread of the rounds that went well; of one there is none.
fn spread(rounds: &[Option<f64>]) -> Option<f64> {
    let good: Vec<f64> = rounds.iter().copied().flatten().collect();
    (good.len() > 1).then(|| stats::spread(&good))
}
