//! The results for people: a table, and below it why some figures are missing.

use std::collections::BTreeMap;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::contender::RIVALS;
use crate::rows::Row;

/// The table of all rows and the notes below it.
pub(crate) fn print(rows: &[Row]) {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    let mut header = vec!["case".to_owned(), "ringmq on".to_owned(), "ringmq".to_owned()];
    header.push("floor".to_owned());
    header.extend(RIVALS.map(|rival| rival.to_string()));
    table.set_header(header);
    for row in rows {
        table.add_row(cells(row));
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    println!(
        "Second lines: spread of the rounds; under the floor ringmq as a multiple of it, under a rival \
         how many times better ringmq is."
    );
    for (note, cases) in notes(rows) {
        println!("{note}: {}", cases.join(", "));
    }
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
        cell(row.floor, row.to_floor, "floor"),
    ];
    for rival in RIVALS.map(|rival| rival.to_string()) {
        let figure = row.rivals.get(&rival).copied().flatten();
        cells.push(cell(figure, row.ahead.get(&rival).copied(), &rival));
    }
    cells
}

/// Every note with the cases that it belongs to.
fn notes(rows: &[Row]) -> BTreeMap<String, Vec<&str>> {
    let mut notes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
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
