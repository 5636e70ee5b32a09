//! The results for people: tables, and below each why some figures are missing.

use std::collections::BTreeMap;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use crate::block::Block;
use crate::contender::rivals;
use crate::rows::Row;

/// The tables of all rows, each with the notes below it.
pub(crate) fn print(rows: &[Row]) {
    for block in Block::ALL {
        let shown = |row: &&Row| row.block == block && !row.is_part;
        let rows: Vec<&Row> = rows.iter().filter(shown).collect();
        if rows.is_empty() {
            continue;
        }
        println!("{}", table(&rows, block));
        println!("{}", block.legend());
        for (note, cases) in notes(&rows) {
            println!("{note}: {}", cases.join(", "));
        }
    }
}

/// Lines around the head and at the foot, none between the rows.
pub(crate) const STYLE: TableStyle =
    TableStyle::new().top_border(LINE).header_separator(LINE).bottom_border(LINE);
const LINE: LineStyle = LineStyle::none().fill('─').junction('─');

/// Beside the best other: every figure of ringmq on either backend as a multiple of the best rival's,
/// and a mark where it is not first.
pub(crate) fn print_standing(rows: &[Row]) {
    let rows: Vec<&Row> = rows.iter().filter(|row| !row.is_part && row.best.is_some()).collect();
    if rows.is_empty() {
        return;
    }
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["case", "unit", "ringmq on", "ringmq", "best other", "", "x best", ""]);
    let mut last = "";
    for row in &rows {
        let again = std::mem::replace(&mut last, &row.case) == row.case;
        let figure = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), digits);
        let mark = if row.is_first == Some(false) { "NOT FIRST" } else { "" };
        table.add_row([
            if again { String::new() } else { row.case.clone() },
            if again { String::new() } else { row.unit.to_owned() },
            row.backend.to_string(),
            figure(row.ringmq),
            row.best.clone().unwrap_or_default(),
            figure(row.best_figure),
            figure(row.to_best),
            mark.to_owned(),
        ]);
    }
    for column in [3, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    println!("{table}");
    let judged = rows.iter().filter(|row| row.is_first.is_some()).count();
    let first = rows.iter().filter(|row| row.is_first == Some(true)).count();
    println!(
        "x best: ringmq as a multiple of the best other, the median of the ratios within each round. \
         First in {first} of {judged}: a rate at least as high, a time no longer, CPU time at most 1.05 \
         times the best other's."
    );
}

fn table(rows: &[&Row], block: Block) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    let mut header = vec!["case".to_owned(), "ringmq on".to_owned(), "ringmq".to_owned()];
    header.extend(block.own_columns().iter().map(ToString::to_string));
    header.extend(rivals(block == Block::Tasks).iter().map(ToString::to_string));
    if block == Block::Tasks {
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
    ];
    cells.extend(match row.block {
        Block::Sockets => vec![cell(row.floor, row.to_floor, "floor")],
        Block::UnderCurve => vec![
            cell(row.null, row.to_null, ""),
            cell(row.floor, row.to_floor, "floor"),
            cell(row.one_core, row.to_one_core, "one-core"),
        ],
        Block::Tasks => vec![cell(row.blocking, row.to_blocking, "blocking")],
    });
    for rival in rivals(row.block == Block::Tasks).iter().map(ToString::to_string) {
        let figure = row.rivals.get(&rival).copied().flatten();
        cells.push(cell(figure, row.ahead.get(&rival).copied(), &rival));
    }
    if row.block == Block::Tasks {
        let best = row.best.as_ref().zip(row.to_best);
        cells.push(best.map_or("-".to_owned(), |(who, by)| format!("{who}\n{}x", digits(by))));
    }
    cells
}

/// Every note with what it belongs to.
fn notes<'a>(rows: &[&'a Row]) -> BTreeMap<String, Vec<&'a str>> {
    let mut notes: BTreeMap<String, Vec<&'a str>> = BTreeMap::new();
    for row in rows {
        for (who, note) in &row.notes {
            let cases = notes.entry(format!("{who}: {note}")).or_default();
            if cases.last() != Some(&row.item.as_str()) {
                cases.push(&row.item);
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
        f if f >= 0.09995 => format!("{figure:.3}"),
        f if f >= 0.009995 => format!("{figure:.4}"),
        _ => format!("{figure:.5}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_enough() {
        assert_eq!(["0.123", "1.23", "12.3", "123"], [0.1234, 1.234, 12.34, 123.4].map(digits));
        assert_eq!(["0.0123", "0.00123", "0.100"], [0.01234, 0.001234, 0.09996].map(digits));
    }
}
