//! `report.html`: one file that needs nothing else, light or dark as its reader's screen is.

mod commands;
mod method;
mod tables;
mod versus;

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Report, plots};
use crate::section::Section;

const STYLE: &str = include_str!("style.css");

/// Renders the report.
pub(super) fn render(report: &Report) -> Result<String> {
    let speed = plots::speed(&report.measured)?;
    let schedule = plots::schedule(&report.measured)?;
    let rivals = plots::versus(&report.versus)?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "ringmq: measured" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "ringmq beside the floor of this machine" }
                @for note in &report.notes { p.note { (note) } }
                @for failure in report.failures() { p.note { "FAILED: " (failure) } }
                (tables::in_short(report))
                h2 { "Speed" }
                (charts(&speed))
                @if !schedule.is_empty() {
                    h2 { "On a schedule" }
                    (method::schedule())
                    (charts(&schedule))
                }
                @if !report.versus.is_empty() {
                    h2 { "Beside other libraries" }
                    (versus::introduction(report))
                    (charts(&rivals))
                    (versus::table(report))
                }
                @for section in Section::ALL { (tables::section(report, section)) }
                h2 { "Machine and versions" }
                (facts(report))
                h2 { "How it was measured" }
                (method::rules(report))
                h2 { "To repeat it" }
                (commands::list(report))
            }
        }
    };
    Ok(page.into_string())
}

/// The charts are made by the plotting library, which escapes its texts.
fn charts(charts: &[String]) -> Markup {
    html! { div.charts { @for chart in charts { div { (PreEscaped(chart)) } } } }
}

fn facts(report: &Report) -> Markup {
    let machine = &report.machine;
    html! {
        div.wide { table.facts {
            @for (name, value) in machine.facts().into_iter().chain(machine.host.facts()) {
                tr {
                    td { (name) }
                    td { @if name == "command" { code { (value) } } @else { (value) } }
                }
            }
            @for (name, version) in crate::versus::versions(&report.versus) {
                tr { td { (name) } td { (version) } }
            }
            tr { td { "took" } td { (format!("{:.0} s", report.took.as_secs_f64())) } }
        } }
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
        assert_eq!(page.matches("<svg").count(), 5, "three of speed, two of the schedule");
        for wanted in [
            "50.0 %",
            "1 KiB",
            "a note &amp; more",
            "bare &lt;sockets&gt;",
            "command",
            "10,000 a second",
            "frequency governor",
            "prefers-color-scheme: dark",
            "--rate 10000 --transport tcp",
        ] {
            assert!(page.contains(wanted), "{wanted} is missing");
        }
        assert!(!page.contains("Beside other libraries"), "nobody compared any");
        for outside in ["<script", "<link", "<img", "src=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside} would need something else");
        }
    }

    #[test]
    fn a_comparison_adds_its_charts_and_its_table() {
        let mut report = sample::report();
        report.versus = sample::versus();
        let page = super::render(&report).unwrap();
        assert_eq!(page.matches("<svg").count(), 7);
        for wanted in ["Beside other libraries", "10.0 x", "4.3.4", "monocoque", "50.0 %"] {
            assert!(page.contains(wanted), "{wanted} is missing");
        }
    }
}
