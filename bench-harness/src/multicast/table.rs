//! The table that is printed at the end, and the same as JSON.

use comfy_table::{Cell, CellAlignment, Table};
use serde::Serialize;

use super::args::GroupTransport;
use super::job::Subject;
use super::row::Row;
use crate::case::{Backend, Kind, human_size};
use crate::stats;
use crate::table::{STYLE, three_digits};

const LEGEND: [(GroupTransport, &str); 2] = [
    (
        GroupTransport::Epgm,
        "\
The highest rate at which every message of every round arrives, once and in order; the source sends as told by
rate. The floor is bare UDP, as many bodies in a datagram as fit and as many datagrams in a run, which nothing
paces and nobody repairs: what it loses is shown. Median of the rounds; +/- is half the distance between the best
and the worst. Kept: of what the first row of the same subject has.",
    ),
    (
        GroupTransport::Udp,
        "\
What arrives of as much as can be sent; what is lost on the way is shown. The floor is bare UDP, a body in each
datagram and as many datagrams in a run as go (UDP_SEGMENT, UDP_GRO). Median of the rounds; +/- is half the
distance between the best and the worst. Kept: of what the first row of the same subject has.",
    ),
];

/// Everything that was found.
pub(crate) fn render(kind: Kind, over: GroupTransport, rows: &[Row], notes: &[String]) -> String {
    let title = match kind {
        Kind::Throughput => "to a group, one way",
        Kind::Latency => "round trips to a group and back, in microseconds",
    };
    let mut text = format!("{}: {title}\n", over.name());
    for group in rows.chunk_by(|a, b| a.point.size == b.point.size) {
        text.push_str(&format!("{}\n", table(group)));
    }
    for failure in rows.iter().filter_map(failure) {
        text.push_str(&format!("FAILED: {failure}\n"));
    }
    if kind == Kind::Throughput {
        let legend = LEGEND.iter().find(|(of, _)| *of == over);
        text.push_str(legend.map_or("", |(_, legend)| legend));
    } else {
        text.push_str("The floor is bare UDP sockets in the same groups. x floor: the median to that of a floor.");
    }
    for note in notes {
        text.push_str(&format!("\nnote: {note}"));
    }
    text
}

/// Why a row failed, with its name.
pub(crate) fn failure(row: &Row) -> Option<String> {
    row.failure.as_ref().map(|why| format!("{}: {why}", row.title()))
}

/// The row of another subject at the same point, or of the same subject at the first.
fn beside(rows: &[Row], row: &Row, subject: Subject) -> Option<f64> {
    let of = rows.iter().find(|other| other.subject == subject && other.point == row.point)?;
    Some(row.median() / of.median()).filter(|ratio| ratio.is_finite() && of.subject != row.subject)
}

fn kept(rows: &[Row], row: &Row) -> Option<f64> {
    let first = rows.iter().find(|other| other.subject == row.subject)?;
    (first.point != row.point).then(|| row.median() / first.median())
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    let latency = rows[0].point.kind == Kind::Latency;
    table.set_header(match latency {
        true => vec![
            "size",
            "how",
            "who",
            "p50",
            "p99",
            "p99.9",
            "max",
            "+/-",
            "x floor",
            "x blocking",
            "x libzmq",
            "trips",
        ],
        false => vec![
            "size",
            "how",
            "who",
            "Mbit/s told",
            "M msg/s",
            "MB/s",
            "+/-",
            "lost",
            "of floor",
            "x libzmq",
            "kept",
        ],
    });
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for row in rows {
        let names = [human_size(row.point.size), row.how(), row.who().to_owned()];
        let figures = match (row.rounds.is_empty(), latency) {
            (true, _) => vec!["FAILED".to_owned()],
            (false, true) => trips(rows, row),
            (false, false) => speed(rows, row),
        };
        table.add_row(names.into_iter().chain(figures).map(Cell::new));
    }
    table
}

fn speed(rows: &[Row], row: &Row) -> Vec<String> {
    let rate = row.median();
    let floor = beside(rows, row, Subject::Backend(Backend::Floor));
    vec![
        told(row).map_or_else(String::new, |kbit| three_digits(f64::from(kbit) / 1e3)),
        three_digits(rate / 1e6),
        three_digits(rate * row.point.size as f64 / 1e6),
        percent(stats::spread(&row.rounds) / 2.0),
        percent(stats::median(&row.lost)),
        floor.map_or_else(String::new, percent),
        beside(rows, row, Subject::Libzmq).map_or_else(String::new, times),
        kept(rows, row).map_or_else(String::new, percent),
    ]
}

fn trips(rows: &[Row], row: &Row) -> Vec<String> {
    let summary = row.trips.summary();
    let micros = |ns: u64| three_digits(ns as f64 / 1e3);
    let to = |subject| beside(rows, row, subject).map_or_else(String::new, times);
    vec![
        three_digits(row.median() / 1e3),
        micros(summary.p99_ns),
        micros(summary.p999_ns),
        micros(summary.max_ns),
        percent(stats::spread(&row.rounds) / 2.0),
        to(Subject::Backend(Backend::Floor)),
        to(Subject::Backend(Backend::FloorBlocking)),
        to(Subject::Libzmq),
        summary.trips.to_string(),
    ]
}

/// The rate that the source was told, if it was.
fn told(row: &Row) -> Option<u32> {
    row.kbit_per_s.filter(|_| row.has_rate())
}

fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent > 0.0 && percent < 10.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

fn times(ratio: f64) -> String {
    format!("{ratio:.2}")
}

/// A row as JSON.
#[derive(Serialize)]
pub(crate) struct Record {
    transport: GroupTransport,
    kind: Kind,
    size: usize,
    /// What is between the hosts and who listens, in words.
    how: String,
    who: &'static str,
    subject: String,
    kbit_per_s: Option<u32>,
    /// Messages a second of each round, or the median round trip in nanoseconds.
    rounds: Vec<f64>,
    lost: Vec<f64>,
    p50_ns: u64,
    p99_ns: u64,
    p999_ns: u64,
    failure: Option<String>,
}

/// All rows as JSON.
pub(crate) fn records(rows: &[Row]) -> Vec<Record> {
    let record = |row: &Row| {
        let summary = row.trips.summary();
        Record {
            transport: row.point.over,
            kind: row.point.kind,
            size: row.point.size,
            how: row.how(),
            who: row.who(),
            subject: row.words.clone(),
            kbit_per_s: told(row),
            rounds: row.rounds.clone(),
            lost: row.lost.clone(),
            p50_ns: summary.p50_ns,
            p99_ns: summary.p99_ns,
            p999_ns: summary.p999_ns,
            failure: row.failure.clone(),
        }
    };
    rows.iter().map(record).collect()
}
