//! The plots of `report.html`, as SVG.
//!
//! One chart for each transport and kind: throughput by message size, and the latency distribution by
//! percentile. Both axes are logarithmic, since a road's sizes and times span decades. A strip above
//! the chart holds title and legend, so no text can lie on a line.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::combinators::{BindKeyPoints, IntoLogRange};
use plotters::prelude::*;

use crate::case::{Backend, Case, Kind, Transport, human_size};
use crate::run::Measured;
use crate::table::three_digits;

/// Width and height of a chart in pixels of the SVG; two stand side by side on a laptop.
const SIZE: (u32, u32) = (620, 400);
/// Height of the strip above the chart, in pixels.
const STRIP: u32 = 62;
/// Width of one letter of the legend in pixels, estimated high, since an SVG does not know its font.
const LETTER: i32 = 8;
const FONT: &str = "sans-serif";

/// A line of a chart.
struct Line {
    name: String,
    color: RGBColor,
    points: Vec<(f64, f64)>,
}

/// What a chart says about its axes.
struct Axes<'a> {
    title: String,
    x: &'a str,
    y: &'a str,
    /// Marks of the x axis, and their text.
    marks: Vec<f64>,
    mark: &'a dyn Fn(f64) -> String,
    /// Whether the points were measured one by one, rather than a curve.
    dots: bool,
}

/// Throughput of one transport by message size; none where nothing of it was measured.
pub(super) fn throughput(rows: &[Measured], transport: Transport) -> Result<Option<String>> {
    let lines = lines(rows, transport, Kind::Throughput, |row| {
        vec![(row.case.size.max(1) as f64, row.median() / 1e6)]
    });
    let mut marks: Vec<f64> = lines.iter().flat_map(|line| &line.points).map(|p| p.0).collect();
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    let axes = Axes {
        title: format!("{transport}: throughput by message size"),
        x: "body of a message",
        y: "million messages a second",
        marks,
        mark: &|size| human_size(size.round() as usize),
        dots: true,
    };
    draw(&lines, &axes)
}

/// Distribution of the round trips of one transport; none where nothing of it was measured.
pub(super) fn latency(rows: &[Measured], transport: Transport) -> Result<Option<String>> {
    let lines = lines(rows, transport, Kind::Latency, |row| {
        let micros = |(nines, ns): (f64, u64)| (10f64.powf(nines), ns.max(1) as f64 / 1e3);
        row.trips.curve().into_iter().map(micros).collect()
    });
    let sizes = rows.iter().find(|row| is(&row.case, transport, Kind::Latency));
    let size = sizes.map_or_else(String::new, |row| human_size(row.case.size));
    let axes = Axes {
        title: format!("{transport}: round trips of {size} by percentile"),
        x: "share of the round trips that took no longer",
        y: "microseconds",
        // One in so many took longer.
        marks: vec![1.0, 2.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6],
        mark: &|one_in| percent(1.0 - 1.0 / one_in),
        dots: false,
    };
    draw(&lines, &axes)
}

/// `99.9 %`, without the noise that binary fractions bring.
fn percent(share: f64) -> String {
    let digits = format!("{:.4}", 100.0 * share);
    format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
}

fn is(case: &Case, transport: Transport, kind: Kind) -> bool {
    case.transport == transport && case.kind == kind
}

/// Collects one line for each subject, in the order of the rows.
fn lines(
    rows: &[Measured],
    transport: Transport,
    kind: Kind,
    points: impl Fn(&Measured) -> Vec<(f64, f64)>,
) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for row in rows {
        if !is(&row.case, transport, kind) || row.good().is_empty() {
            continue;
        }
        let (name, new) = (row.who(), points(row));
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.points.extend(new),
            None => lines.push(Line { name, color: color(row.case.backend), points: new }),
        }
    }
    lines
}

/// Colours that people with any kind of sight can tell apart; the floors are grey.
fn color(backend: Backend) -> RGBColor {
    match backend {
        Backend::Floor => RGBColor(70, 70, 70),
        Backend::FloorBlocking => RGBColor(165, 165, 165),
        Backend::Uring => RGBColor(213, 94, 0),
        Backend::Mio => RGBColor(0, 114, 178),
        Backend::Auto => RGBColor(0, 158, 115),
    }
}

fn draw(lines: &[Line], axes: &Axes<'_>) -> Result<Option<String>> {
    if lines.iter().all(|line| line.points.is_empty()) {
        return Ok(None);
    }
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    draw_on(&root, lines, axes).map_err(|error| anyhow!("drawing {}: {error}", axes.title))?;
    drop(root);
    Ok(Some(svg))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_on(root: &Area<'_>, lines: &[Line], axes: &Axes<'_>) -> Drawn {
    root.fill(&WHITE)?;
    let (strip, body) = root.split_vertically(STRIP);
    draw_strip(&strip, lines, &axes.title)?;

    let all = || lines.iter().flat_map(|line| &line.points);
    let (x0, x1) = bounds(all().map(|point| point.0));
    let (y0, y1) = bounds(all().map(|point| point.1));
    // A little air, and half a decade at least, so that noise does not look like a difference.
    let (y0, y1) = (y0 / 1.25, (y1 * 1.25).max(y0 * 3.0));
    let marks: Vec<f64> = axes.marks.iter().copied().filter(|x| (x0..=x1).contains(x)).collect();
    let air = (x1 / x0).powf(0.03).max(1.05);
    let mut chart = ChartBuilder::on(&body)
        .margin_left(14)
        .margin_right(24)
        .margin_bottom(6)
        .x_label_area_size(46)
        .y_label_area_size(58)
        .build_cartesian_2d(
            (x0 / air..x1 * air).log_scale().with_key_points(marks),
            (y0..y1).log_scale().with_key_points(round_numbers(y0, y1)),
        )?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(222, 222, 222))
        .axis_style(RGBColor(120, 120, 120))
        .label_style((FONT, 13))
        .axis_desc_style((FONT, 14))
        .x_desc(axes.x)
        .y_desc(axes.y)
        .x_label_formatter(&|x| (axes.mark)(*x))
        .y_label_formatter(&|y| short(*y))
        .draw()?;
    for line in lines {
        let style = line.color.stroke_width(2);
        chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        if axes.dots {
            let dot = |point: &(f64, f64)| Circle::new(*point, 3, line.color.filled());
            chart.draw_series(line.points.iter().map(dot))?;
        }
    }
    root.present()?;
    Ok(())
}

/// Title and legend, above the chart.
fn draw_strip(strip: &Area<'_>, lines: &[Line], title: &str) -> Drawn {
    strip.draw(&Text::new(title.to_owned(), (14, 10), (FONT, 17)))?;
    let mut x = 14;
    for line in lines {
        let sample = vec![(x, 46), (x + 22, 46)];
        strip.draw(&PathElement::new(sample, line.color.stroke_width(3)))?;
        strip.draw(&Text::new(line.name.clone(), (x + 28, 39), (FONT, 13)))?;
        x += 28 + 20 + LETTER * line.name.len() as i32;
    }
    Ok(())
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// 1, 2 and 5 times the powers of ten between `low` and `high`; over many decades the powers only.
fn round_numbers(low: f64, high: f64) -> Vec<f64> {
    let decades = (high / low).log10();
    let steps: &[f64] = if decades > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let first = low.log10().floor() as i32;
    let last = high.log10().ceil() as i32;
    (first..=last)
        .flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)))
        .filter(|value| (low..=high).contains(value))
        .collect()
}

/// A round number without the zeros that say nothing.
fn short(value: f64) -> String {
    let text = if value >= 1.0 { format!("{value:.0}") } else { three_digits(value) };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Every chart that the report has something for, as SVG.
pub(super) fn all(rows: &[Measured]) -> Result<Vec<String>> {
    let mut charts = Vec::new();
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        charts.extend(throughput(rows, transport)?);
        charts.extend(latency(rows, transport)?);
    }
    Ok(charts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::sample;
    use super::*;

    #[test]
    fn charts_name_their_axes_and_lines() {
        let rows = sample::report().measured;
        let charts = all(&rows).unwrap();
        assert_eq!(charts.len(), 2, "one for each kind of the one transport measured");
        for wanted in ["million messages a second", "1 KiB", "floor", "ringmq uring"] {
            assert!(charts[0].contains(wanted), "{wanted} is missing in\n{}", charts[0]);
        }
        for wanted in ["microseconds", "99.9 %", "50 %"] {
            assert!(charts[1].contains(wanted), "{wanted} is missing in\n{}", charts[1]);
        }
    }

    #[test]
    fn marks_are_round_and_short() {
        assert_eq!(round_numbers(0.9, 25.0), [1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(round_numbers(0.9, 9_000.0), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!([0.05, 0.5, 1.0, 200.0].map(short), ["0.05", "0.5", "1", "200"]);
        assert_eq!(percent(0.999), "99.9 %");
        assert_eq!(percent(0.0), "0 %");
    }
}
