//! The results for people: tables, and below each why some figures are missing.

use std::collections::BTreeMap;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::contender::rivals;
use crate::rows::Row;

/// The tables of all rows, each with the notes below it: first where each library runs as it is
/// quickest, then between tasks of tokio.
pub(crate) fn print(rows: &[Row]) {
    for in_tasks in [false, true] {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.in_tasks == in_tasks).collect();
        if rows.is_empty() {
            continue;
        }
        println!("{}", table(&rows, in_tasks));
        if in_tasks {
            println!(
                "Second lines: spread of the rounds; under blocking and best ringmq as a multiple of \
                 it, under a rival how many times better ringmq is. Both ends are tasks of tokio, but \
                 blocking, which is ringmq on threads."
            );
        } else {
            println!(
                "Second lines: spread of the rounds; under the floor ringmq as a multiple of it, under \
                 a rival how many times better ringmq is."
            );
        }
        for (note, cases) in notes(&rows) {
            println!("{note}: {}", cases.join(", "));
        }
    }
}

fn table(rows: &[&Row], in_tasks: bool) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    let mut header = vec!["case".to_owned(), "ringmq on".to_owned(), "ringmq".to_owned()];
    header.push(if in_tasks { "blocking" } else { "floor" }.to_owned());
    header.extend(rivals(in_tasks).iter().map(ToString::to_string));
    if in_tasks {
        header.push("best".to_owned());
    }
    table.set_header(header);
    for row in rows {
        table.add_row(cells(row));
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn cells(row: &Row) -> Vec<String> {
    let spread = |name: &str| match row.spread.get(name) {
        Some(spread) => format!("±{:.0} %", spread * 50.0),
        None => String::new(),
    };
    let cell = |figure: Option<f64>, ratio: Option<f64>, name: &str| match figure {
        Some(figure) => {
            let ratio = ratio.map(|ratio| format!("{}x ", digits(ratio))).unwrap_or_default();
            format!("{}\n{ratio}{}", digits(figure), spread(name))
        }
        None => "-".to_owned(),
    };
    let mut cells = vec![
        format!("{}\n{}", row.case, row.unit),
        row.backend.to_string(),
        cell(row.ringmq, None, "ringmq"),
        if row.in_tasks {
            cell(row.blocking, row.to_blocking, "blocking")
        } else {
            cell(row.floor, row.to_floor, "floor")
        },
    ];
    for rival in rivals(row.in_tasks).iter().map(ToString::to_string) {
        let figure = row.rivals.get(&rival).copied().flatten();
        cells.push(cell(figure, row.ahead.get(&rival).copied(), &rival));
    }
    if row.in_tasks {
        let best = row.best.as_ref().zip(row.to_best);
        cells.push(best.map_or("-".to_owned(), |(who, by)| format!("{who}\n{}x", digits(by))));
    }
    cells
}

/// Every note with the cases that it belongs to.
fn notes<'a>(rows: &[&'a Row]) -> BTreeMap<String, Vec<&'a str>> {
    let mut notes: BTreeMap<String, Vec<&'a str>> = BTreeMap::new();
    for row in rows {
        for (who, note) in &row.notes {
            let cases = notes.entry(format!("{who}: {note}")).or_default();
            if cases.last() != Some(&row.case.as_str()) {
                cases.push(&row.case);
            }
        }
    }
    notes
}

/// Three digits of a figure.
pub(crate) fn digits(figure: f64) -> String {
    match figure.abs() {
        f if f >= 99.95 => format!("{figure:.0}"),
        f if f >= 9.995 => format!("{figure:.1}"),
        f if f >= 0.9995 => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_enough() {
        assert_eq!(["0.123", "1.23", "12.3", "123"], [0.1234, 1.234, 12.34, 123.4].map(digits));
    }
}
