//! `report.html`: one file that needs nothing else.

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Report, plots};
use crate::case::{Kind, human_size};
use crate::run::Measured;
use crate::stats;
use crate::table::{gigabytes, three_digits};

const STYLE: &str = "\
body { font: 15px/1.5 sans-serif; color: #222; max-width: 1300px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em } h2 { font-size: 1.2em; margin-top: 2em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .15em .9em; text-align: right; border-bottom: 1px solid #e4e4e4 }
th { border-bottom: 2px solid #999; white-space: nowrap }
th:nth-child(-n+3), td:nth-child(-n+3), .facts td { text-align: left }
.facts td:first-child { color: #666; white-space: nowrap }
.floor td { color: #777 } .failed td { color: #b00020 }
.charts { display: flex; flex-wrap: wrap; gap: 12px }
.charts svg { max-width: 100%; height: auto; border: 1px solid #eee }
code { background: #f4f4f4; padding: .1em .3em } .note { color: #8a4b00 }";

/// Renders the report.
pub(super) fn render(report: &Report) -> Result<String> {
    let charts = plots::all(&report.measured)?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "ringmq-bench" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "ringmq beside the floor of this machine" }
                (facts(report))
                @for note in &report.notes { p.note { (note) } }
                @for failure in report.failures() { p.note { "FAILED: " (failure) } }
                h2 { "Charts" }
                // The charts are made by the plotting library, which escapes its texts.
                div.charts { @for chart in &charts { div { (PreEscaped(chart)) } } }
                (table(report, Kind::Throughput))
                (table(report, Kind::Latency))
                (method(report))
            }
        }
    };
    Ok(page.into_string())
}

fn facts(report: &Report) -> Markup {
    html! {
        table.facts {
            @for (name, value) in report.machine.facts() {
                tr {
                    td { (name) }
                    td { @if name == "command" { code { (value) } } @else { (value) } }
                }
            }
            tr { td { "took" } td { (format!("{:.0} s", report.took.as_secs_f64())) } }
        }
    }
}

fn table(report: &Report, kind: Kind) -> Markup {
    let rows: Vec<&Measured> = report.measured.iter().filter(|row| row.case.kind == kind).collect();
    let (title, heads): (&str, &[&str]) = match kind {
        Kind::Throughput => ("Throughput, one way", &["M msg/s", "GB/s", "of floor"]),
        Kind::Latency => (
            "Round trips, in microseconds",
            &["p50", "p99", "p99.9", "max", "p50 : floor", "trips"],
        ),
    };
    html! {
        @if !rows.is_empty() {
            h2 { (title) }
            table {
                tr {
                    @for head in ["transport", "size", "who"].iter().chain(heads) { th { (head) } }
                    th { "+/-" }
                    th { "moved by" }
                }
                @for row in rows { (line(row, heads.len())) }
            }
        }
    }
}

fn line(row: &Measured, width: usize) -> Markup {
    let good = row.good();
    let class = match (good.is_empty(), row.case.backend.is_floor()) {
        (true, _) => "failed",
        (false, true) => "floor",
        (false, false) => "ours",
    };
    html! {
        tr class=(class) {
            td { (row.case.transport) }
            td { (human_size(row.case.size)) }
            td { (row.who()) }
            @if good.is_empty() {
                td colspan=(width + 1) { "failed" }
            } @else {
                @for cell in cells(row) { td { (cell) } }
                td { (format!("{:.0} %", 50.0 * stats::spread(&good))) }
            }
            td { (row.subject) }
        }
    }
}

fn cells(row: &Measured) -> Vec<String> {
    let micros = |ns: u64| three_digits(ns as f64 / 1e3);
    match row.case.kind {
        Kind::Throughput => vec![
            three_digits(row.median() / 1e6),
            three_digits(gigabytes(row)),
            row.to_floor.map_or_else(String::new, |ratio| format!("{:.1} %", 100.0 * ratio)),
        ],
        Kind::Latency => {
            let summary = row.summary();
            vec![
                three_digits(row.median() / 1e3),
                micros(summary.p99_ns),
                micros(summary.p999_ns),
                micros(summary.max_ns),
                row.to_floor.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
                summary.trips.to_string(),
            ]
        }
    }
}

fn method(report: &Report) -> Markup {
    let rounds = report.measured.iter().map(|row| row.rounds.len()).max().unwrap_or(0);
    html! {
        h2 { "How it was measured" }
        ul {
            li {
                (rounds) " rounds. In each, the cases of one transport and size ran one right after the \
                 other, in fresh processes (inproc: two threads of a fresh process), after a warm-up on \
                 the same connection. Figures are medians of the rounds; +/- is half the distance \
                 between the best and the worst of them; percentiles are those of all round trips \
                 together."
            }
            li {
                "Ratios to the floor are medians of the ratios within each round. They are what to \
                 compare: the clock and the other work of a machine change from minute to minute, and \
                 change both."
            }
            li {
                "Throughput is timed by the receiver from the first message to the last. Every message \
                 carries its number and is checked for length, number and last byte, every 64th as a \
                 whole; a message lost, repeated, torn or out of order would have failed the run."
            }
            li {
                "The floor of tcp and ipc: bare non-blocking sockets, both sides spinning; throughput \
                 with frames of ZMTP's shape in batches of 64 KiB (bodies of 32 KiB and more: 256 KiB), \
                 one write each; round trips of the \
                 bare bytes. The blocking floor sleeps in the kernel instead. The floor of inproc: an \
                 rtrb ring of 64-byte slots, published 64 at a time, whose slots carry a counted \
                 reference to bodies of over 64 bytes; round trips are two counters on cache lines of \
                 their own (blocking: condition variables), without a body."
            }
            li {
                "ringmq ran with its default options (over 256 KiB: with lower high-water marks), one \
                 send and one recv of an owned message each. Bodies of 8 KiB and more were sent as \
                 counted references, smaller ones from a slice."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::sample;

    #[test]
    fn the_page_is_whole_and_needs_nothing_else() {
        let page = super::render(&sample::report()).unwrap();
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
        assert_eq!(page.matches("<svg").count(), 2);
        for wanted in ["50.0 %", "1 KiB", "a note &amp; more", "bare &lt;sockets&gt;", "command"] {
            assert!(page.contains(wanted), "{wanted} is missing");
        }
        for outside in ["<script", "<link", "<img", "src="] {
            assert!(!page.contains(outside), "{outside} would need something else");
        }
    }
}
