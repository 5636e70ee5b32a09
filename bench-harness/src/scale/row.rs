//! The rows of the report: every figure with what it costs each, how that grows, and its budget.

use serde::Serialize;

use super::figure::{Budget, Metric};
use super::runner::{self, ScenarioResult};
use super::scenario::{Scenario, Workload};

/// One figure of one scenario.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    /// What was run.
    #[serde(flatten)]
    pub(super) scenario: Scenario,
    /// What was measured.
    pub(super) metric: Metric,
    /// In this unit.
    pub(super) unit: &'static str,
    /// The figure.
    pub(super) value: f64,
    /// What each of the many costs, and the unit of that.
    pub(super) cost: Option<(f64, &'static str)>,
    /// That, as a multiple of what it costs with fewer of them, the step of the curve before.
    pub(super) growth: Option<f64>,
    /// The most, or the least, that the figure may be.
    pub(super) budget: Option<Budget>,
    /// Whether it is.
    pub(super) within: Option<bool>,
}

/// Lays out what was found, a curve after the other.
pub(super) fn rows(outcomes: &[ScenarioResult]) -> Vec<Row> {
    let mut rows: Vec<Row> = outcomes.iter().flat_map(of).collect();
    rows.sort_by_key(|row| {
        (row.scenario.workload, row.metric, row.scenario.backend, row.scenario.size)
    });
    for at in 1..rows.len() {
        let (fewer, many) = (&rows[at - 1], &rows[at]);
        if curve(fewer) == curve(many)
            && let (Some((before, _)), Some((now, _))) = (fewer.cost, many.cost)
        {
            rows[at].growth = (before > 0.0).then_some(now / before);
        }
    }
    rows
}

/// What the points of one curve share.
pub(super) fn curve(row: &Row) -> (Workload, Metric, &'static str) {
    (row.scenario.workload, row.metric, runner::backend(&row.scenario))
}

fn of(outcome: &ScenarioResult) -> impl Iterator<Item = Row> {
    outcome.found.iter().map(|&(metric, value)| {
        let scenario = outcome.scenario;
        let budget = Budget::of(&scenario, metric);
        Row {
            scenario,
            metric,
            unit: metric.unit(),
            value,
            cost: metric.cost(value, scenario.size),
            growth: None,
            budget,
            within: budget.map(|budget| budget.holds(value)),
        }
    })
}

#[cfg(test)]
pub(super) mod sample {
    //! One curve of two points.

    use super::*;
    use crate::case::Backend;

    pub(in crate::scale) fn outcomes() -> Vec<ScenarioResult> {
        let outcome = |size, seconds, memory| ScenarioResult {
            scenario: Scenario { workload: Workload::Idle, backend: Backend::Mio, size },
            subject: "ringmq on mio".to_owned(),
            found: vec![(Metric::JoinTime, seconds), (Metric::BoundMemory, memory)],
            failure: None,
        };
        vec![outcome(100, 0.01, 10_000.0), outcome(10_000, 2.0, 5_000.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_that_of_the_cost_of_one() {
        let rows = rows(&sample::outcomes());
        let growth: Vec<_> = rows.iter().map(|row| (row.metric, row.growth)).collect();
        let memory = Metric::BoundMemory;
        let time = Metric::JoinTime;
        assert_eq!(growth, [(memory, None), (memory, Some(0.5)), (time, None), (time, Some(2.0))]);
        assert_eq!(rows[1].within, Some(false), "5,000 B are too many");
    }
}
