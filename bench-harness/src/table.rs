//! The tables that are printed at the end.

use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle};

use crate::case::{Kind, human_size};
use crate::run::Measured;
use crate::stats;

/// Everything that was measured, as one table of throughput and one of latency; the rows of a kind
/// share one pattern.
pub(crate) fn render(measured: &[Measured]) -> String {
    let tables = [
        ("Throughput, one way", Kind::Throughput, &THROUGHPUT[..]),
        ("Round trips in microseconds", Kind::Latency, &LATENCY[..]),
    ];
    let mut text = String::new();
    for (title, kind, columns) in tables {
        let rows: Vec<&Measured> = measured.iter().filter(|row| row.case.kind == kind).collect();
        if !rows.is_empty() {
            let pattern = rows[0].case.pattern;
            text.push_str(&format!("{title} ({pattern})\n{}\n\n", table(&rows, columns)));
        }
    }
    text.push_str(LEGEND);
    text
}

const LEGEND: &str = "\
Median of the rounds; +/- is half the distance between the best and the worst round. The ratio to the
floor is the median of the ratios within each round (throughput: higher is better; p50: lower).
";

/// A column: its heading, and its text in a row that was measured.
type Column = (&'static str, fn(&Measured) -> String);

const THROUGHPUT: [Column; 5] = [
    ("M msg/s", |row| three_digits(row.median() / 1e6)),
    ("GB/s", |row| three_digits(gigabytes(row))),
    ("+/-", spread),
    ("of floor", |row| {
        row.to_floor.map_or_else(String::new, |ratio| format!("{:.1} %", 100.0 * ratio))
    }),
    ("messages", |row| row.messages.to_string()),
];

const LATENCY: [Column; 7] = [
    ("p50", |row| micros(row.median())),
    ("p99", |row| micros(row.summary().p99_ns as f64)),
    ("p99.9", |row| micros(row.summary().p999_ns as f64)),
    ("max", |row| micros(row.summary().max_ns as f64)),
    ("+/-", spread),
    ("x floor", |row| row.to_floor.map_or_else(String::new, |ratio| format!("{ratio:.2}"))),
    ("trips", |row| row.summary().trips.to_string()),
];

/// Lines around the head and at the foot, none between the rows.
const STYLE: TableStyle =
    TableStyle::new().top_border(LINE).header_separator(LINE).bottom_border(LINE);
const LINE: LineStyle = LineStyle::none().fill('─').junction('─');

fn table(rows: &[&Measured], columns: &[Column]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    let names = ["transport", "size", "who"].into_iter();
    table.set_header(names.chain(columns.iter().map(|(name, _)| *name)));
    for column in table.column_iter_mut() {
        if column.index != 0 && column.index != 2 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut last = None;
    for row in rows {
        let place = (row.case.transport, row.case.size);
        let (transport, size) = if last.replace(place) == Some(place) {
            (String::new(), String::new())
        } else {
            (row.case.transport.to_string(), human_size(row.case.size))
        };
        let mut cells = vec![Cell::new(transport), Cell::new(size), Cell::new(row.who())];
        match &row.failure {
            Some(_) if row.good().is_empty() => cells.push(Cell::new("FAILED")),
            _ => cells.extend(columns.iter().map(|(_, text)| Cell::new(text(row)))),
        }
        table.add_row(cells);
    }
    table
}

/// Payload in 10^9 bytes a second; headers do not count.
pub(crate) fn gigabytes(row: &Measured) -> f64 {
    row.median() * row.case.size as f64 / 1e9
}

fn spread(row: &Measured) -> String {
    match row.good().as_slice() {
        [] | [_] => String::new(),
        rounds => format!("{:.0} %", 50.0 * stats::spread(rounds)),
    }
}

fn micros(ns: f64) -> String {
    three_digits(ns / 1e3)
}

/// Three digits that mean something, whatever the size of the number.
pub(crate) fn three_digits(value: f64) -> String {
    if value <= 0.0 {
        return "0".to_owned();
    }
    // Digits before the point, or minus the zeros after it; rounding may carry over into one more.
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    let before = rounded.log10().floor() as i32 + 1;
    format!("{value:.*}", usize::try_from(3 - before).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Backend, Pattern, Transport};
    use crate::measure::Run;
    use crate::protocol::Outcome;
    use crate::run;

    fn measured(kind: Kind, backend: Backend) -> Measured {
        let pattern = Pattern::ReqRep;
        let case = run::group(kind, Transport::Tcp, pattern, 64, &[backend])[0];
        let mut measured = Measured::new(case);
        let histogram = vec![(8_000, 98), (9_000, 1), (12_000, 1)];
        let outcome = Outcome { messages: 1_000_001, elapsed_ns: 100_000_000, histogram };
        measured.add(Run { subject: "something".to_owned(), outcome });
        measured
    }

    #[test]
    fn throughput_is_laid_out() {
        let mut ours = measured(Kind::Throughput, Backend::Mio);
        ours.to_floor = Some(0.451);
        let text = render(&[measured(Kind::Throughput, Backend::Floor), ours]);
        let line = |who: &str| text.lines().find(|line| line.contains(who)).unwrap_or_default();
        assert!(line("ringmq mio").contains("45.1 %"), "{text}");
        assert!(line("tcp").contains("10.0"), "{text}");
        assert!(line("tcp").contains("0.640"), "{text}");
        assert!(!line("ringmq mio").contains("tcp"), "the road is named once:\n{text}");
        assert!(!text.contains("Round trips"), "{text}");
    }

    #[test]
    fn latency_is_laid_out() {
        let text = render(&[measured(Kind::Latency, Backend::Auto)]);
        for wanted in ["p99.9", "8.00", "9.0", "12.0", "ringmq"] {
            assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
        }
    }

    #[test]
    fn a_failure_shows() {
        let case = measured(Kind::Latency, Backend::Uring).case;
        let mut failed = Measured::new(case);
        failed.failure = Some("why".to_owned());
        assert!(render(&[failed]).contains("FAILED"));
    }

    #[test]
    fn numbers_keep_three_digits() {
        let texts = [1234.5, 123.4, 12.34, 9.999, 0.9999, 0.1234, 0.000123, 0.0].map(three_digits);
        assert_eq!(texts, ["1234", "123", "12.3", "10.0", "1.00", "0.123", "0.000123", "0"]);
    }
}
