//! The tables of the page.

use maud::{Markup, html};

use super::super::Report;
use crate::case::{Backend, Kind, Transport, human_size};
use crate::cpu::CpuSeconds;
use crate::run::Measured;
use crate::section::Section;
use crate::table::{self, three_digits};

/// Body of the messages that the summary is about, in bytes.
const SHORT: usize = 64;

/// A row for each transport and backend, with what most people look for.
pub(super) fn in_short(report: &Report) -> Markup {
    let subjects = subjects(report);
    html! {
        @if !subjects.is_empty() {
            h2 { "In short: messages of " (human_size(SHORT)) }
            div.wide { table.short {
                tr {
                    th.word { "transport" } th.word { "who" }
                    th { "M msg/s" } th { "of floor" }
                    th { "CPU s/M" }
                    th { "round trip, us" } th { "x floor" } th { "CPU s/M" }
                    @if !report.versus.is_empty() { th { "x libzmq, one way" } th { "round trip" } }
                }
                @for (transport, backend) in subjects {
                    (short_line(report, transport, backend))
                }
            } }
        }
    }
}

/// What of ringmq was measured at the summary's size.
fn subjects(report: &Report) -> Vec<(Transport, Backend)> {
    let mut subjects = Vec::new();
    for row in report.measured.iter().filter(|row| plain(row) && !row.case.backend.is_floor()) {
        let subject = (row.case.transport, row.case.backend);
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    subjects
}

/// Whether a row succeeded and is of the summary's size, measured without further ado.
fn plain(row: &Measured) -> bool {
    let section = Section::of(&row.case);
    let usual = matches!(section, Section::Throughput | Section::Trips);
    usual && row.case.size == SHORT && !row.good().is_empty()
}

fn short_line(report: &Report, transport: Transport, backend: Backend) -> Markup {
    let row = |kind| {
        let here = |row: &&Measured| {
            let case = &row.case;
            plain(row) && (case.kind, case.transport, case.backend) == (kind, transport, backend)
        };
        report.measured.iter().find(here)
    };
    let (speed, trip) = (row(Kind::Throughput), row(Kind::Latency));
    let name = speed.or(trip).map_or_else(String::new, Measured::who);
    let figure = |row: Option<&Measured>, unit| {
        row.map_or_else(String::new, |row| three_digits(row.median() / unit))
    };
    let ratio = |row: Option<&Measured>, text: &dyn Fn(f64) -> String| {
        row.and_then(|row| row.to_floor).map_or_else(String::new, text)
    };
    let cpu = |row: Option<&Measured>| {
        let seconds = row.and_then(|row| row.cpu_seconds(CpuSeconds::total));
        seconds.map_or_else(String::new, three_digits)
    };
    html! {
        tr {
            td.word { (transport) } td.word { (name) }
            td { b { (figure(speed, 1e6)) } }
            td { (ratio(speed, &|ratio| format!("{:.1} %", 100.0 * ratio))) }
            td { (cpu(speed)) }
            td { b { (figure(trip, 1e3)) } }
            td { (ratio(trip, &|ratio| format!("{ratio:.2}"))) }
            td { (cpu(trip)) }
            @if !report.versus.is_empty() {
                td { (times_libzmq(report, transport, backend, "throughput")) }
                td { (times_libzmq(report, transport, backend, "latency-p50")) }
            }
        }
    }
}

/// How many times as good as libzmq, where that was compared.
fn times_libzmq(report: &Report, transport: Transport, backend: Backend, what: &str) -> String {
    let (transport, backend) = (transport.to_string(), backend.to_string());
    let here = |row: &&crate::versus::Row| {
        let same = backend == "auto" || row.backend == backend;
        same && row.parts().is_ok_and(|case| case == (transport.as_str(), what, SHORT))
    };
    let row = report.versus.iter().find(here);
    row.and_then(|row| row.times(row.libzmq)).map_or_else(String::new, super::versus::times)
}

/// Everything that was measured of one section; nothing if that is nothing.
pub(super) fn section(report: &Report, section: Section) -> Markup {
    let rows: Vec<&Measured> =
        report.measured.iter().filter(|row| Section::of(&row.case) == section).collect();
    let (names, columns) = (table::names(section), table::columns(section));
    html! {
        @if let [first, ..] = rows[..] {
            h2 { (section.title()) " (" (first.case.pattern) ")" }
            div.wide { table {
                tr {
                    @for name in &names { th.word { (name) } }
                    @for (name, _) in columns { th { (name) } }
                    th.word { "moved by" }
                }
                @for row in rows { (line(row, columns)) }
            } }
        }
    }
}

fn line(row: &Measured, columns: &[table::Column]) -> Markup {
    let failed = row.good().is_empty();
    let class = match (failed, row.case.backend.is_floor()) {
        (true, _) => "failed",
        (false, true) => "floor",
        (false, false) => "ours",
    };
    html! {
        tr class=(class) {
            @for name in table::place(row) { td.word { (name) } }
            td.word { (row.who()) }
            @if failed {
                td colspan=(columns.len()) { "failed" }
            } @else {
                @for (_, text) in columns { td { (text(row)) } }
            }
            td.word { (row.subject) }
        }
    }
}
