//! The table that is printed at the end.

use comfy_table::{Cell, CellAlignment, Table};

use super::page::Page;
use super::row::{Row, curve};
use super::runner;
use crate::table::{STYLE, three_digits};

const LEGEND: &str = "\
Each: what one connection, subscription or message costs. Growth: that, as a multiple of what it costs
at the step before; 1 is linear. Memory is that of the process, without the kernel's.";

/// The columns before those of figures.
const NAMES: usize = 3;

/// Everything that was found, as one table for each workload.
pub(super) fn render(page: &Page) -> String {
    let mut text = String::new();
    let rows = page.rows();
    for group in rows.chunk_by(|a, b| a.scenario.workload == b.scenario.workload) {
        text.push_str(&format!("{}\n{}\n\n", group[0].scenario.workload.title(), table(group)));
    }
    for failure in page.failures() {
        text.push_str(&format!("FAILED: {failure}\n"));
    }
    text.push_str(LEGEND);
    for note in &page.notes {
        text.push_str(&format!("\nnote: {note}"));
    }
    text
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    let many = rows[0].scenario.workload.many();
    table.set_header(["figure", "who", many, "value", "each", "growth", "budget", ""]);
    for column in table.column_iter_mut() {
        if column.index >= NAMES - 1 && column.index <= NAMES + 3 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut last = None;
    for row in rows {
        let new = last.replace(curve(row)) != Some(curve(row));
        let names =
            if new { (row.metric.title(), runner::backend(&row.scenario)) } else { ("", "") };
        let cells = [names.0.to_owned(), names.1.to_owned(), row.scenario.size.to_string()];
        table.add_row(cells.into_iter().chain(figures(row)).map(Cell::new));
    }
    table
}

/// What there is to say about a figure, column by column.
pub(super) fn figures(row: &Row) -> [String; 5] {
    let with_unit = |value: f64, unit: &str| format!("{} {unit}", amount(value));
    [
        with_unit(row.value, row.unit).trim_end().to_owned(),
        row.cost.map_or_else(String::new, |(cost, unit)| with_unit(cost, unit)),
        row.growth.map_or_else(String::new, |growth| format!("x {}", three_digits(growth))),
        row.budget.map_or_else(String::new, |budget| budget.to_string()),
        match row.within {
            Some(true) => "within".to_owned(),
            Some(false) => "MISSED".to_owned(),
            None => String::new(),
        },
    ]
}

/// Three digits; of large numbers millions or thousands.
fn amount(value: f64) -> String {
    match value {
        1e6.. => format!("{} M", three_digits(value / 1e6)),
        1e4.. => format!("{} k", three_digits(value / 1e3)),
        _ => three_digits(value),
    }
}

#[cfg(test)]
mod tests {
    use super::super::page::sample;
    use super::*;

    #[test]
    fn a_budget_that_is_missed_shows() {
        let text = render(&sample::page());
        let wanted = ["5000 B", "<= 4096", "MISSED", "x 2.00", "10.0 k", "a note", "10000"];
        for wanted in wanted {
            assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
        }
        assert_eq!(text.matches("until all are connected").count(), 1, "a curve is named once");
    }
}
