//! The comparison with other libraries, as a table.

use maud::{Markup, html};

use super::super::Report;
use crate::case::human_size;
use crate::table::three_digits;
use crate::versus::{RIVALS, Row};

/// What the figures are and where they come from.
pub(super) fn introduction(report: &Report) -> Markup {
    let source = report.versus_from.as_deref().map(|path| path.display().to_string());
    html! {
        p {
            "Measured by " code { "ci/versus" } " in a run of its own: everybody through the same \
             driver, in the same process layout, in turns; medians. "
            @if let Some(source) = source { "Read from " code { (source) } ". " }
            "Below each figure: how many times as good ringmq is, whatever the unit; for the floor, \
             which share of it ringmq reaches. A blank is what a library cannot do."
        }
    }
}

/// Every row with every library.
pub(super) fn table(report: &Report) -> Markup {
    html! {
        div.wide { table {
            tr {
                @for name in ["transport", "what", "size", "backend"] { th.word { (name) } }
                th { "ringmq" } th { "floor" }
                @for (name, _) in RIVALS { th { (name) } }
                th.word { "unit" }
            }
            @for row in &report.versus { (line(row)) }
        } }
    }
}

fn line(row: &Row) -> Markup {
    // Rows were checked when they were read.
    let (transport, what, size) = row.parts().unwrap_or(("", "", 0));
    let floor = row.times(row.floor).map(|times| format!("{:.1} %", 100.0 * times));
    html! {
        tr {
            td.word { (transport) } td.word { (what.replace(['-', '/'], " ")) }
            td.word { (human_size(size)) } td.word { (row.backend) }
            td { b { (figure(row.ringmq)) } }
            (cell(row.floor, floor))
            @for (_, rival) in RIVALS {
                (cell(rival(row), row.times(rival(row)).map(times)))
            }
            td.word { (row.unit) }
        }
    }
}

fn cell(value: Option<f64>, ratio: Option<String>) -> Markup {
    html! {
        td {
            (figure(value))
            @if let Some(ratio) = ratio { br; span.ratio { (ratio) } }
        }
    }
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(String::new, three_digits)
}

/// `3.25 x`.
pub(super) fn times(times: f64) -> String {
    format!("{} x", three_digits(times))
}
