//! The charts of `report.html`, as SVG: which there are, and what is on them.
//!
//! For each transport the throughput and its CPU time by message size, the curve of large bodies, and
//! the round trips by percentile; what was asked on a schedule by percentile and as a histogram; and a
//! chart of bars for cases that other libraries were compared in. Colours are fixed here; the style
//! sheet of the page replaces those that would not be seen on a dark ground.

mod bars;
mod lines;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::case::{Backend, Bodies, Case, Handling, Load, Transport, human_size};
use crate::cpu::CpuSeconds;
use crate::run::Measured;
use crate::section::{Section, manner};
use crate::table::gigabytes;
use crate::versus;
use lines::{Axes, Line};

/// Width of one letter in pixels, estimated high, since an SVG does not know its font.
const LETTER: i32 = 8;
const FONT: &str = "sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Throughput by size and round trips by percentile, of every transport that has any.
pub(super) fn speed(rows: &[Measured]) -> Result<Vec<String>> {
    let mut charts = Vec::new();
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        charts.extend(throughput(rows, transport)?);
        charts.extend(cpu(rows, transport)?);
        charts.extend(curve(rows, transport)?);
        let trips = Section::Trips;
        charts.extend(percentiles(&good(rows, trips, transport, Load::Closed), "round trips")?);
    }
    Ok(charts)
}

/// Questions on a schedule: a histogram and the percentiles of each rate and transport.
pub(super) fn schedule(rows: &[Measured]) -> Result<Vec<String>> {
    let mut charts = Vec::new();
    let mut seen = Vec::new();
    for row in rows {
        let of = (row.case.transport, row.case.load);
        if Section::of(&row.case) != Section::Schedule || seen.contains(&of) {
            continue;
        }
        seen.push(of);
        let rows = good(rows, Section::Schedule, of.0, of.1);
        charts.extend(histogram(&rows)?);
        charts.extend(percentiles(&rows, "questions")?);
    }
    Ok(charts)
}

/// Bars for every case that other libraries were measured in.
pub(super) fn versus(rows: &[versus::Row]) -> Result<Vec<String>> {
    bars::all(rows)
}

/// The rows of one transport and section that succeeded.
fn good(rows: &[Measured], section: Section, transport: Transport, load: Load) -> Vec<&Measured> {
    let here = |row: &&Measured| {
        let case = &row.case;
        Section::of(case) == section && case.transport == transport && case.load == load
    };
    rows.iter().filter(here).filter(|row| !row.good().is_empty()).collect()
}

fn throughput(rows: &[Measured], transport: Transport) -> Result<Option<String>> {
    let title = format!("{transport}: throughput by message size");
    let rows = good(rows, Section::Throughput, transport, Load::Closed);
    by_size(&rows, title, "million messages a second", |row| Some(row.median() / 1e6))
}

/// What a million messages cost.
fn cpu(rows: &[Measured], transport: Transport) -> Result<Option<String>> {
    let title = format!("{transport}: CPU time of both ends by message size");
    let rows = good(rows, Section::Throughput, transport, Load::Closed);
    by_size(&rows, title, "seconds a million messages", |row| {
        row.cpu_seconds(CpuSeconds::total).filter(|seconds| *seconds > 0.0)
    })
}

/// Bytes a second of bodies that are all one, by their size.
fn curve(rows: &[Measured], transport: Transport) -> Result<Option<String>> {
    let title = format!("{transport}: bytes a second by message size, clones of one body");
    let mut rows = good(rows, Section::Curve, transport, Load::Closed);
    let plain = (Bodies::Clone, Handling::Drop);
    rows.retain(|row| (row.case.bodies, row.case.handling) == plain);
    by_size(&rows, title, "10^9 bytes a second", |row| Some(gigabytes(row)))
}

/// A figure of `rows` over the size of the messages.
fn by_size(
    rows: &[&Measured],
    title: String,
    y: &str,
    figure: impl Fn(&Measured) -> Option<f64>,
) -> Result<Option<String>> {
    let lines = lines(rows, |row| {
        figure(row).map(|figure| (row.case.size.max(1) as f64, figure)).into_iter().collect()
    });
    let mut marks: Vec<f64> = lines.iter().flat_map(|line| &line.points).map(|p| p.0).collect();
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    let axes = Axes {
        title,
        x: "body of a message",
        y,
        marks,
        mark: &|size| human_size(size.round() as usize),
        dots: true,
    };
    lines::draw(&lines, &axes)
}

/// The times of `what` as a curve over the share that took no longer.
fn percentiles(rows: &[&Measured], what: &str) -> Result<Option<String>> {
    let lines = lines(rows, |row| {
        let micros = |(nines, ns): (f64, u64)| (10f64.powf(nines), ns.max(1) as f64 / 1e3);
        row.trips.curve().into_iter().map(micros).collect()
    });
    let axes = Axes {
        title: title(rows, &format!("{what} by percentile")),
        x: &format!("share of the {what} that took no longer"),
        y: "microseconds",
        // One in so many took longer.
        marks: vec![1.0, 2.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6],
        mark: &|one_in| percent(1.0 - 1.0 / one_in),
        dots: false,
    };
    lines::draw(&lines, &axes)
}

/// How many questions took how long, as the outline of a histogram.
fn histogram(rows: &[&Measured]) -> Result<Option<String>> {
    let lines = lines(rows, |row| {
        let bins = row.trips.bins();
        let outline = bins.iter().flat_map(|bin| {
            let (from, to) = (bin.from_ns.max(1.0) / 1e3, bin.to_ns / 1e3);
            [(from, 100.0 * bin.share), (to, 100.0 * bin.share)]
        });
        outline.collect()
    });
    let axes = Axes {
        title: title(rows, "histogram"),
        x: "microseconds from when a question was due to its answer",
        y: "% of the questions",
        marks: Vec::new(),
        mark: &lines::short,
        dots: false,
    };
    lines::draw(&lines, &axes)
}

/// Names what all of `rows` have in common, and what is shown of it.
fn title(rows: &[&Measured], shown: &str) -> String {
    let Some(case) = rows.first().map(|row| row.case) else {
        return String::new();
    };
    let (size, manner) = (human_size(case.size), manner(&case));
    let gap = if manner.is_empty() { "" } else { ", " };
    format!("{}, {size}{gap}{manner}: {shown}", case.transport)
}

/// `99.9 %`, without the noise that binary fractions bring.
fn percent(share: f64) -> String {
    let digits = format!("{:.4}", 100.0 * share);
    format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// One line for each subject, in the order of the rows.
fn lines(rows: &[&Measured], points: impl Fn(&Measured) -> Vec<(f64, f64)>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for row in rows {
        let (name, new) = (row.who(), points(row));
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.points.extend(new),
            None => lines.push(Line { name, color: color(&row.case), points: new }),
        }
    }
    lines
}

const DARK_GREY: RGBColor = RGBColor(70, 70, 70);
const LIGHT_GREY: RGBColor = RGBColor(165, 165, 165);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
const BLUE: RGBColor = RGBColor(0, 114, 178);
const GREEN: RGBColor = RGBColor(0, 158, 115);

/// Colours that people with any kind of sight can tell apart; the floors are grey, and ringmq that was
/// told to spin is paler than ringmq as it is.
fn color(case: &Case) -> RGBColor {
    let color = match case.backend {
        Backend::Floor => DARK_GREY,
        Backend::FloorBlocking => LIGHT_GREY,
        Backend::Uring => ORANGE,
        Backend::Mio => BLUE,
        Backend::Auto => GREEN,
    };
    let pale = |part: u8| part.midpoint(u8::MAX);
    match case.spin_us {
        None => color,
        Some(_) => RGBColor(pale(color.0), pale(color.1), pale(color.2)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::sample;
    use super::*;

    #[test]
    fn charts_name_their_axes_and_lines() {
        let rows = sample::report().measured;
        let charts = speed(&rows).unwrap();
        assert_eq!(charts.len(), 3, "rate, CPU time and round trips of the one transport measured");
        for wanted in ["million messages a second", "1 KiB", "floor", "ringmq uring"] {
            assert!(charts[0].contains(wanted), "{wanted} is missing in\n{}", charts[0]);
        }
        assert!(charts[1].contains("seconds a million messages"), "{}", charts[1]);
        for wanted in ["microseconds", "99.9 %", "50 %"] {
            assert!(charts[2].contains(wanted), "{wanted} is missing in\n{}", charts[2]);
        }
    }

    #[test]
    fn a_schedule_has_a_histogram_and_percentiles() {
        let rows = sample::report().measured;
        let charts = schedule(&rows).unwrap();
        assert_eq!(charts.len(), 2);
        for wanted in ["10,000 a second", "% of the questions", "ringmq uring"] {
            assert!(charts[0].contains(wanted), "{wanted} is missing in\n{}", charts[0]);
        }
        assert!(charts[1].contains("by percentile"), "{}", charts[1]);
    }

    #[test]
    fn percentages_are_short() {
        assert_eq!(percent(0.999), "99.9 %");
        assert_eq!(percent(0.0), "0 %");
    }
}
