//! The tables of the results: their columns, and their form on a terminal.

use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle};

use crate::case::human_size;
use crate::cpu::CpuSeconds;
use crate::run::Measured;
use crate::section::{self, Section};
use crate::stats;

/// Everything that was measured, a table for each section; the rows of a section share one pattern.
pub(crate) fn render(measured: &[Measured]) -> String {
    let mut text = String::new();
    for section in Section::ALL {
        let rows: Vec<&Measured> =
            measured.iter().filter(|row| Section::of(&row.case) == section).collect();
        if !rows.is_empty() {
            let (title, pattern) = (section.title(), rows[0].case.pattern);
            text.push_str(&format!("{title} ({pattern})\n{}\n\n", table(&rows, section)));
        }
    }
    text.push_str(LEGEND);
    text
}

const LEGEND: &str = "\
Median of the rounds; +/- is half the distance between the best and the worst round. The ratio to the
floor is the median of the ratios within each round (throughput: higher is better; p50: lower).
CPU s/M: seconds of CPU time that all threads of both ends took for a million messages or round trips, of
them user in the programs and system in the kernel.
";

/// A column: its heading, and its text in a row that was measured.
pub(crate) type Column = (&'static str, fn(&Measured) -> String);

/// The columns of a section behind those that name the row.
pub(crate) fn columns(section: Section) -> &'static [Column] {
    match section {
        Section::Throughput | Section::Encrypted => &THROUGHPUT,
        Section::Curve => &CURVE,
        Section::Trips | Section::EncryptedTrips | Section::Sharing => &LATENCY,
        Section::Schedule => &SCHEDULE,
        Section::Pause => &PAUSE,
    }
}

const THROUGHPUT: [Column; 8] = [
    ("M msg/s", |row| three_digits(row.median() / 1e6)),
    ("GB/s", |row| three_digits(gigabytes(row))),
    ("+/-", spread),
    ("of floor", of_floor),
    CPU,
    USER,
    SYSTEM,
    ("messages", |row| row.messages.to_string()),
];

const CURVE: [Column; 8] = [
    ("GB/s", |row| three_digits(gigabytes(row))),
    ("+/-", spread),
    ("of floor", of_floor),
    ("CPU s/GB", |row| seconds(seconds_of_gigabyte(row, CpuSeconds::total))),
    ("user", |row| seconds(seconds_of_gigabyte(row, |cpu| cpu.user))),
    ("system", |row| seconds(seconds_of_gigabyte(row, |cpu| cpu.system))),
    ("M msg/s", |row| three_digits(row.median() / 1e6)),
    ("messages", |row| row.messages.to_string()),
];

const CPU: Column = ("CPU s/M", |row| seconds(row.cpu_seconds(CpuSeconds::total)));
const USER: Column = ("user", |row| seconds(row.cpu_seconds(|cpu| cpu.user)));
const SYSTEM: Column = ("system", |row| seconds(row.cpu_seconds(|cpu| cpu.system)));

const P50: Column = ("p50", |row| micros(row.median()));
const P90: Column = ("p90", |row| percentile(row, 10, row.summary().p90_ns));
const P99: Column = ("p99", |row| percentile(row, 100, row.summary().p99_ns));
const P999: Column = ("p99.9", |row| percentile(row, 1_000, row.summary().p999_ns));
const P9999: Column = ("p99.99", |row| percentile(row, 10_000, row.summary().p9999_ns));
const MAX: Column = ("max", |row| micros(row.summary().max_ns as f64));
const SPREAD: Column = ("+/-", spread);
const TO_FLOOR: Column =
    ("x floor", |row| row.to_floor.map_or_else(String::new, |ratio| format!("{ratio:.2}")));
const TRIPS: Column = ("trips", |row| row.summary().trips.to_string());

const LATENCY: [Column; 10] = [P50, P99, P999, MAX, SPREAD, TO_FLOOR, CPU, USER, SYSTEM, TRIPS];
const SCHEDULE: [Column; 12] =
    [P50, P90, P99, P999, P9999, MAX, SPREAD, TO_FLOOR, CPU, USER, SYSTEM, TRIPS];
const PAUSE: [Column; 9] = [P50, P99, MAX, SPREAD, TO_FLOOR, CPU, USER, SYSTEM, TRIPS];

/// Lines around the head and at the foot, none between the rows.
pub(crate) const STYLE: TableStyle =
    TableStyle::new().top_border(LINE).header_separator(LINE).bottom_border(LINE);
const LINE: LineStyle = LineStyle::none().fill('─').junction('─');

/// The headings of the columns that name a row of a section: the last one says who.
pub(crate) fn names(section: Section) -> Vec<&'static str> {
    ["transport", "size"].into_iter().chain(section.manner()).chain(["who"]).collect()
}

/// What stands below them, but for who it is.
pub(crate) fn place(row: &Measured) -> Vec<String> {
    let case = &row.case;
    let manner = Section::of(case).manner().map(|_| section::manner(case));
    [case.transport.to_string(), human_size(case.size)].into_iter().chain(manner).collect()
}

fn table(rows: &[&Measured], section: Section) -> Table {
    let (names, columns) = (names(section), columns(section));
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(names.iter().copied().chain(columns.iter().map(|(name, _)| *name)));
    for column in table.column_iter_mut() {
        let is_text = column.index == 0 || (2..names.len()).contains(&column.index);
        if !is_text {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut last = Vec::new();
    for row in rows {
        let place = place(row);
        let again = place == last;
        let shown = |text: &String| Cell::new(if again { "" } else { text.as_str() });
        let mut cells: Vec<Cell> = place.iter().map(shown).collect();
        cells.push(Cell::new(row.who()));
        last = place;
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

/// CPU time of both ends for 10^9 bytes of bodies; nothing where the system does not tell, or there is no
/// body.
pub(crate) fn seconds_of_gigabyte(row: &Measured, part: impl Fn(CpuSeconds) -> f64) -> Option<f64> {
    // A million bodies of so many bytes are as many times 10^6 bytes.
    let size = Some(row.case.size as f64).filter(|size| *size > 0.0)?;
    Some(row.cpu_seconds(part)? * 1e3 / size)
}

fn of_floor(row: &Measured) -> String {
    row.to_floor.map_or_else(String::new, |ratio| format!("{:.1} %", 100.0 * ratio))
}

fn spread(row: &Measured) -> String {
    match row.good().as_slice() {
        [] | [_] => String::new(),
        rounds => format!("{:.0} %", 50.0 * stats::spread(rounds)),
    }
}

fn seconds(cpu: Option<f64>) -> String {
    cpu.map_or_else(|| "-".to_owned(), three_digits)
}

fn micros(ns: f64) -> String {
    three_digits(ns / 1e3)
}

/// A percentile that one in `one_in` round trips exceeds, if there were that many.
fn percentile(row: &Measured, one_in: u64, ns: u64) -> String {
    if row.summary().trips < one_in { "-".to_owned() } else { micros(ns as f64) }
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
    use std::time::Duration;

    use super::*;
    use crate::case::{Backend, Bodies, Case, Kind, Load, Pattern, Sharing, Transport};
    use crate::cpu::CpuTime;
    use crate::job::Outcome;
    use crate::measure::Run;
    use crate::run;

    fn measured(kind: Kind, backend: Backend) -> Measured {
        let pattern = Pattern::ReqRep;
        let case = run::group(kind, Transport::Tcp, pattern, 64, &[backend])[0];
        let mut measured = Measured::new(case);
        let histogram = vec![(8_000, 98), (9_000, 1), (12_000, 1)];
        let outcome = Outcome { messages: 1_000_001, elapsed_ns: 100_000_000, histogram };
        let (user, system) = (Duration::from_millis(250), Duration::from_secs(4));
        let cpu = Some(CpuTime { user, system });
        measured.add(Run { subject: "something".to_owned(), outcome, cpu });
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
        for wanted in ["4.25", "0.250", "4.00"] {
            assert!(line("tcp").contains(wanted), "CPU time {wanted} is missing in\n{text}");
        }
    }

    #[test]
    fn a_point_of_the_curve_is_laid_out() {
        let mut row = measured(Kind::Throughput, Backend::Mio);
        row.case = Case { size: 1_000, bodies: Bodies::Clone, ..row.case };
        let text = render(&[row]);
        // 10 M msg/s of 1,000 bytes, and 4.25 s for a million of them.
        for wanted in ["bodies, receiver", "clone, drop", "CPU s/GB", " 10.0 ", " 4.25 "] {
            assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
        }
    }

    #[test]
    fn latency_is_laid_out() {
        let text = render(&[measured(Kind::Latency, Backend::Auto)]);
        for wanted in ["p99.9", "8.00", "9.0", "12.0", "ringmq", " - "] {
            assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
        }
    }

    #[test]
    fn a_schedule_is_laid_out_with_its_rate() {
        let mut row = measured(Kind::Latency, Backend::Mio);
        row.case = run::under(Load::Rate { per_s: 10_000 }, Sharing::AsPinned, vec![row.case])[0];
        let text = render(&[row]);
        for wanted in ["10,000 a second", "p99.99", "from when they were due", " - "] {
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
