//! `scale.html` and `scale.json`.

use std::time::Duration;

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;

use super::row::{self, Row, curve};
use super::runner::{self, ScenarioResult};
use super::{plot, table};
use crate::machine::Machine;

/// Raised whenever a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

const STYLE: &str = "\
body { font: 15px/1.5 sans-serif; color: #222; max-width: 1300px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em } h2 { font-size: 1.2em; margin-top: 2em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .15em .9em; text-align: right; border-bottom: 1px solid #e4e4e4 }
th { border-bottom: 2px solid #999; white-space: nowrap }
th:nth-child(-n+2), td:nth-child(-n+2), .facts td { text-align: left }
.facts td:first-child { color: #666; white-space: nowrap }
.missed td { color: #b00020 } .note { color: #8a4b00 } code { background: #f4f4f4 }
.charts { display: flex; flex-wrap: wrap; gap: 12px }
.charts svg { max-width: 100%; height: auto; border: 1px solid #eee }";

/// A run that is over.
pub(super) struct Page {
    /// Where it ran, and what was run.
    pub(super) machine: Machine,
    /// How long it took.
    pub(super) took: Duration,
    /// What was found.
    pub(super) outcomes: Vec<ScenarioResult>,
    /// What a reader should know besides.
    pub(super) notes: Vec<String>,
}

#[derive(Serialize)]
struct Root<'a> {
    schema: u32,
    tool: &'static str,
    took_s: f64,
    machine: &'a Machine,
    notes: &'a [String],
    failures: Vec<String>,
    results: Vec<Row>,
}

impl Page {
    /// What was found, row by row.
    pub(super) fn rows(&self) -> Vec<Row> {
        row::rows(&self.outcomes)
    }

    /// Errors of the scenarios that failed.
    pub(super) fn failures(&self) -> Vec<String> {
        let failed = |outcome: &ScenarioResult| {
            let why = outcome.failure.as_ref()?;
            Some(format!("{}: {why}", runner::title(&outcome.scenario)))
        };
        self.outcomes.iter().filter_map(failed).collect()
    }

    /// What moved the messages, in words, each once.
    fn subjects(&self) -> Vec<&str> {
        let all = self.outcomes.iter().map(|outcome| outcome.subject.as_str());
        let mut subjects: Vec<&str> = all.filter(|subject| !subject.is_empty()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects
    }

    /// For programs.
    pub(super) fn json(&self) -> Result<String> {
        let root = Root {
            schema: SCHEMA,
            tool: env!("CARGO_PKG_NAME"),
            took_s: self.took.as_secs_f64(),
            machine: &self.machine,
            notes: &self.notes,
            failures: self.failures(),
            results: self.rows(),
        };
        Ok(serde_json::to_string_pretty(&root)?)
    }

    /// For people: one file that needs nothing else.
    pub(super) fn html(&self) -> Result<String> {
        let rows = self.rows();
        let charts = plot::all(&rows)?;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width";
                    title { "ringmq-bench scale" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    h1 { "ringmq with many peers" }
                    (self.facts())
                    @for note in &self.notes { p.note { (note) } }
                    @for failure in self.failures() { p.note { "FAILED: " (failure) } }
                    h2 { "Cost of each, by how many there are" }
                    // The charts are made by the plotting library, which escapes its texts.
                    div.charts { @for chart in &charts { div { (PreEscaped(chart)) } } }
                    @for group in rows.chunk_by(|a, b| a.scenario.workload == b.scenario.workload) {
                        (figures(group))
                    }
                    (method())
                }
            }
        };
        Ok(page.into_string())
    }

    fn facts(&self) -> Markup {
        html! {
            table.facts {
                @for (name, value) in self.machine.facts() {
                    tr {
                        td { (name) }
                        td { @if name == "command" { code { (value) } } @else { (value) } }
                    }
                }
                @for subject in self.subjects() { tr { td { "moved by" } td { (subject) } } }
                tr { td { "took" } td { (format!("{:.0} s", self.took.as_secs_f64())) } }
            }
        }
    }
}

fn figures(rows: &[Row]) -> Markup {
    let mut last = None;
    html! {
        h2 { (rows[0].scenario.workload.title()) }
        table {
            tr {
                @for head in ["figure", "who", rows[0].scenario.workload.many()] { th { (head) } }
                @for head in ["value", "each", "growth", "budget", ""] { th { (head) } }
            }
            @for row in rows {
                @let new = last.replace(curve(row)) != Some(curve(row));
                tr.missed[row.within == Some(false)] {
                    td { @if new { (row.metric.title()) } }
                    td { @if new { (runner::backend(&row.scenario)) } }
                    td { (row.scenario.size) }
                    @for cell in table::figures(row) { td { (cell) } }
                }
            }
        }
    }
}

fn method() -> Markup {
    html! {
        h2 { "How it was measured" }
        ul {
            li {
                "Every figure is that of one run of two fresh processes, one that binds and one that \
                 connects, over loopback tcp, each with one I/O thread and one thread that uses the \
                 sockets; options are the default ones unless the list below says otherwise."
            }
            li {
                "Growth is the cost of one as a multiple of what it was at the step before: 1 is linear, \
                 below 1 is better than linear."
            }
            li {
                "Memory is the proportional set size of the process (elsewhere its resident size) with \
                 all connections, less what it was before the first, divided by their number. The \
                 kernel's own memory is not in it. The burst is 100 messages of 64 bytes on each \
                 connection."
            }
            li {
                "CPU time is that of all threads of both processes, between two moments of rest; of \
                 busy senders it is what they took while the receiver counted, and a little longer."
            }
            li {
                "Busy: 64 bytes a message, every sender always has more; the slowest peer's part is its \
                 messages in the window as a share of the mean of all, which is 2,000 at least."
            }
            li {
                "Storm: from the making of the first socket until the last subscriber has received the \
                 one message that the publisher sends once all subscriptions have arrived."
            }
            li {
                "Subscriptions: ten subscribers share them; half of them cancel theirs one by one, the \
                 others leave. The publisher has no high-water mark."
            }
            li {
                "Fan-out: the publisher waits for slow subscribers instead of dropping. Echo: sixteen \
                 messages of each DEALER are on their way at a time."
            }
        }
    }
}

#[cfg(test)]
pub(super) mod sample {
    //! A page with a little on it.

    use super::*;
    use crate::job::Cores;
    use crate::scale::row::sample;

    pub(in crate::scale) fn page() -> Page {
        let mut outcomes = sample::outcomes();
        outcomes[0].failure = Some("it <broke>".to_owned());
        Page {
            machine: Machine::look(Cores::default()),
            took: Duration::from_secs(1),
            outcomes,
            notes: vec!["a note & more".to_owned()],
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::sample;

    #[test]
    fn the_page_is_whole_and_needs_nothing_else() {
        let page = sample::page().html().unwrap();
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
        assert_eq!(page.matches("<svg").count(), 2);
        for wanted in ["x 2.00", "MISSED", "a note &amp; more", "it &lt;broke&gt;"] {
            assert!(page.contains(wanted), "{wanted} is missing");
        }
        for outside in ["<script", "<link", "<img", "src="] {
            assert!(!page.contains(outside), "{outside} would need something else");
        }
    }

    #[test]
    fn a_program_finds_what_it_looks_for() {
        let json: serde_json::Value =
            serde_json::from_str(&sample::page().json().unwrap()).unwrap();
        let row = &json["results"][1];
        assert_eq!((&row["play"], &row["metric"]), (&"idle".into(), &"bound-memory".into()));
        assert_eq!((&row["size"], &row["backend"]), (&10_000.into(), &"mio".into()));
        assert_eq!((&row["within"], &row["budget"]["most"]), (&false.into(), &4096.0.into()));
        assert!(json["failures"][0].as_str().unwrap().contains("broke"));
    }
}
