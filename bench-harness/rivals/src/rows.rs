//! The results as rows: one for each case and backend of ringmq, as they are printed and written.

use std::collections::BTreeMap;

use ringmq_bench::stats;
use serde::Serialize;

use crate::block::Block;
use crate::contender::{Contender, rivals};
use crate::figure::Figure;
use crate::rounds::ItemResults;

/// One case on one backend. Figures are medians of the rounds, ratios medians of the ratios within a
/// round.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// `<transport>/<what>/<bytes>`, between tasks of tokio `<transport>/<runtime>/<what>/<bytes>`.
    pub(crate) case: String,
    /// The name of what was measured, of which this is one figure.
    #[serde(skip)]
    pub(crate) item: String,
    /// The backend of ringmq.
    pub(crate) backend: Contender,
    /// The unit of the figures.
    pub(crate) unit: &'static str,
    /// The table that it stands in.
    #[serde(skip)]
    pub(crate) block: Block,
    /// The figure.
    #[serde(skip)]
    pub(crate) figure: Figure,
    /// Bytes of each message.
    #[serde(skip)]
    pub(crate) size: usize,
    /// Whether the figure is a part of another one.
    #[serde(skip)]
    pub(crate) is_part: bool,
    /// ringmq on that backend.
    pub(crate) ringmq: Option<f64>,
    /// Bare sockets or bare memory; under CURVE the bare cipher.
    pub(crate) floor: Option<f64>,
    /// Under CURVE: the bare cipher on one core.
    #[serde(rename = "one-core", skip_serializing_if = "Option::is_none")]
    pub(crate) one_core: Option<f64>,
    /// Under CURVE: ringmq without it, in the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) null: Option<f64>,
    /// Between tasks: ringmq by calls that block.
    pub(crate) blocking: Option<f64>,
    /// The rivals, by name.
    #[serde(flatten)]
    pub(crate) rivals: BTreeMap<String, Option<f64>>,
    /// ringmq as a multiple of the floor.
    pub(crate) to_floor: Option<f64>,
    /// ringmq as a multiple of the bare cipher on one core.
    #[serde(rename = "to_one-core", skip_serializing_if = "Option::is_none")]
    pub(crate) to_one_core: Option<f64>,
    /// ringmq as a multiple of itself without encryption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to_null: Option<f64>,
    /// ringmq as a multiple of itself by calls that block.
    pub(crate) to_blocking: Option<f64>,
    /// The best rival.
    pub(crate) best: Option<String>,
    /// ringmq as a multiple of the best rival.
    pub(crate) to_best: Option<f64>,
    /// The figure of the best rival.
    pub(crate) best_figure: Option<f64>,
    /// Whether ringmq is first: no worse than the best rival, in CPU time at most 1.05 times it.
    /// Nothing where nobody else has a figure.
    pub(crate) is_first: Option<bool>,
    /// How many times better ringmq is than each rival: faster, quicker to answer, or cheaper.
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
        let null =
            |of: &&ItemResults| result.item.is_under_curve() && of.item == result.item.under_null();
        let null = results.iter().find(null);
        let cases = result.item.cases().into_iter().zip(result.item.figures());
        for (at, (case, &figure)) in cases.enumerate() {
            for backend in [Contender::Uring, Contender::Mio] {
                if result.entries.iter().any(|entry| entry.contender == backend) {
                    let row = row(result, at, case.clone(), figure, backend);
                    rows.push(beside_null(row, result, null, at));
                }
            }
        }
    }
    rows
}

fn row(result: &ItemResults, at: usize, case: String, figure: Figure, backend: Contender) -> Row {
    let block = Block::of(&result.item);
    let ours = result.figures(backend, at);
    let floor = result.figures(Contender::Floor, at);
    let one_core = result.figures(Contender::OneCore, at);
    let blocking = result.figures(backend.blocking(), at);
    let mut row = Row {
        case,
        item: result.item.name(),
        backend,
        unit: figure.unit(),
        block,
        figure,
        size: result.item.size,
        is_part: figure.is_part(),
        ringmq: median(&ours),
        floor: median(&floor),
        one_core: median(&one_core),
        null: None,
        blocking: median(&blocking),
        rivals: BTreeMap::new(),
        to_floor: stats::paired_ratio(&ours, &floor),
        to_one_core: stats::paired_ratio(&ours, &one_core),
        to_null: None,
        to_blocking: stats::paired_ratio(&ours, &blocking),
        best: None,
        to_best: None,
        best_figure: None,
        is_first: None,
        ahead: BTreeMap::new(),
        spread: BTreeMap::new(),
        notes: notes(result, backend),
    };
    let own =
        [("ringmq", &ours), ("floor", &floor), ("one-core", &one_core), ("blocking", &blocking)];
    for (name, rounds) in own {
        row.spread.extend(spread(rounds).map(|spread| (name.to_owned(), spread)));
    }
    for &rival in rivals(block == Block::Tasks) {
        let theirs = result.figures(rival, at);
        let name = rival.to_string();
        let ahead = if figure.is_cost() {
            stats::paired_ratio(&theirs, &ours)
        } else {
            stats::paired_ratio(&ours, &theirs)
        };
        row.ahead.extend(ahead.map(|ahead| (name.clone(), ahead)));
        row.spread.extend(spread(&theirs).map(|spread| (name.clone(), spread)));
        row.rivals.insert(name, median(&theirs));
    }
    if let Some(best) = best(result, at, figure) {
        let theirs = result.figures(best, at);
        row.to_best = stats::paired_ratio(&ours, &theirs);
        row.best_figure = median(&theirs);
        row.is_first = row.to_best.map(|ratio| is_first(figure, ratio));
        row.best = Some(best.to_string());
    }
    row
}

/// The same row with what ringmq does without encryption, where that is known.
fn beside_null(row: Row, result: &ItemResults, null: Option<&ItemResults>, at: usize) -> Row {
    let null = null.map(|null| null.figures(row.backend, at)).unwrap_or_default();
    let to_null = stats::paired_ratio(&result.figures(row.backend, at), &null);
    Row { null: median(&null), to_null, ..row }
}

/// As a multiple of the best, the CPU time with which one is still first.
const LEEWAY: f64 = 1.05;

/// Whether one is first whose figure is `ratio` times that of the best of the others.
fn is_first(figure: Figure, ratio: f64) -> bool {
    match (figure.is_cpu(), figure.is_cost()) {
        (true, _) => ratio <= LEEWAY,
        (false, true) => ratio <= 1.0,
        (false, false) => ratio >= 1.0,
    }
}

/// The rival with the best median.
fn best(result: &ItemResults, at: usize, figure: Figure) -> Option<Contender> {
    let medians = rivals(result.item.flavor.is_some())
        .iter()
        .filter_map(|&rival| Some((rival, median(&result.figures(rival, at))?)));
    let sorts = |(_, a): &(Contender, f64), (_, b): &(Contender, f64)| a.total_cmp(b);
    let best = if figure.is_cost() { medians.min_by(sorts) } else { medians.max_by(sorts) };
    best.map(|(rival, _)| rival)
}

/// The notes of the entries that stand in the row of `backend`, by the names of their columns.
fn notes(result: &ItemResults, backend: Contender) -> BTreeMap<String, String> {
    let mut notes = BTreeMap::new();
    for entry in &result.entries {
        let name = match entry.contender {
            own if own == backend => "ringmq".to_owned(),
            own if own == backend.blocking() => "blocking".to_owned(),
            own if own.is_ringmq() => continue,
            other => other.to_string(),
        };
        let note = entry.trouble.clone().or_else(|| entry.contender.remark(&result.item));
        notes.extend(note.map(|note| (name, note)));
    }
    notes
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Part;

    #[test]
    fn first_is_who_is_no_worse_than_the_best_other() {
        assert!(is_first(Figure::Rate, 1.0) && !is_first(Figure::Rate, 0.99));
        assert!(is_first(Figure::P99, 1.0) && !is_first(Figure::P99, 1.01));
        let cpu = Figure::Cpu(Part::Whole);
        assert!(is_first(cpu, 1.05) && !is_first(cpu, 1.06));
    }
}
