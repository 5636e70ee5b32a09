//! The curves of `scale.html`: what one costs, by how many there are. Both axes are logarithmic.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::combinators::{BindKeyPoints, IntoLogRange};
use plotters::prelude::*;

use super::figure::Metric;
use super::row::{Row, curve};
use super::runner;
use super::scenario::Workload;
use crate::case::Backend;
use crate::table::three_digits;

/// Width and height of a chart in pixels of the SVG; three stand side by side on a wide screen.
const SIZE: (u32, u32) = (410, 300);
/// Height of the strip above the chart, which holds title and legend, in pixels.
const STRIP: u32 = 58;
/// Width of one entry of the legend, in pixels.
const ENTRY: i32 = 90;
const FONT: &str = "sans-serif";

/// A chart for every figure that has a cost and was measured for more than one number of peers.
pub(super) fn all(rows: &[Row]) -> Result<Vec<String>> {
    let mut charts = Vec::new();
    let same =
        |a: &Row, b: &Row| (a.scenario.workload, a.metric) == (b.scenario.workload, b.metric);
    for rows in rows.chunk_by(same) {
        let lines: Vec<Line> =
            rows.chunk_by(|a, b| curve(a) == curve(b)).filter_map(line).collect();
        if lines.iter().all(|line| line.points.len() < 2) {
            continue;
        }
        let (workload, metric) = (rows[0].scenario.workload, rows[0].metric);
        let unit = rows[0].cost.map_or("", |(_, unit)| unit);
        charts.push(draw(&lines, workload, metric, unit)?);
    }
    Ok(charts)
}

/// One backend's costs.
struct Line {
    name: &'static str,
    color: RGBColor,
    points: Vec<(f64, f64)>,
}

fn line(rows: &[Row]) -> Option<Line> {
    let point = |row: &Row| {
        let (cost, _) = row.cost.filter(|(cost, _)| *cost > 0.0 && cost.is_finite())?;
        Some((row.scenario.size as f64, cost))
    };
    let points: Vec<_> = rows.iter().filter_map(point).collect();
    let first = rows.first().filter(|_| !points.is_empty())?;
    Some(Line {
        name: runner::backend(&first.scenario),
        color: color(first.scenario.backend),
        points,
    })
}

/// The colours of the other report.
fn color(backend: Backend) -> RGBColor {
    match backend {
        Backend::Uring => RGBColor(213, 94, 0),
        Backend::Mio => RGBColor(0, 114, 178),
        _ => RGBColor(0, 158, 115),
    }
}

fn draw(lines: &[Line], workload: Workload, metric: Metric, unit: &str) -> Result<String> {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    let drawn = draw_on(&root, lines, workload, metric, unit);
    drawn.map_err(|error| anyhow!("drawing {}: {error}", metric.title()))?;
    drop(root);
    Ok(svg)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_on(
    root: &Area<'_>,
    lines: &[Line],
    workload: Workload,
    metric: Metric,
    unit: &str,
) -> Drawn {
    root.fill(&WHITE)?;
    let (strip, body) = root.split_vertically(STRIP);
    strip.draw(&Text::new(workload.title(), (12, 6), (FONT, 14)))?;
    strip.draw(&Text::new(metric.title(), (12, 23), (FONT, 13)))?;
    for (x, line) in (12..).step_by(ENTRY as usize).zip(lines) {
        strip.draw(&PathElement::new([(x, 49), (x + 20, 49)], line.color.stroke_width(3)))?;
        strip.draw(&Text::new(line.name, (x + 26, 42), (FONT, 12)))?;
    }
    let all = || lines.iter().flat_map(|line| &line.points);
    let (x0, x1) = bounds(all().map(|point| point.0));
    let (y0, y1) = bounds(all().map(|point| point.1));
    // A decade at least, so that noise does not look like growth.
    let (y0, y1) = (y0 / 2.0, (y1 * 2.0).max(y0 * 5.0));
    let mut chart = ChartBuilder::on(&body)
        .margin_left(10)
        .margin_right(18)
        .margin_bottom(4)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(
            (x0 / 1.3..x1 * 1.3).log_scale().with_key_points(powers(x0, x1)),
            (y0..y1).log_scale().with_key_points(steps(y0, y1)),
        )?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(222, 222, 222))
        .axis_style(RGBColor(120, 120, 120))
        .label_style((FONT, 12))
        .x_desc(workload.many())
        .y_desc(format!("{unit} each"))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| if *y >= 1.0 { format!("{y:.0}") } else { three_digits(*y) })
        .draw()?;
    for line in lines {
        let style = line.color.stroke_width(2);
        chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        let dot = |point: &(f64, f64)| Circle::new(*point, 3, line.color.filled());
        chart.draw_series(line.points.iter().map(dot))?;
    }
    root.present()?;
    Ok(())
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let ends = (f64::INFINITY, f64::NEG_INFINITY);
    values.fold(ends, |(low, high), value| (low.min(value), high.max(value)))
}

/// The powers of ten from `low` to `high`.
fn powers(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    (first..=last).map(|power| 10f64.powi(power)).collect()
}

/// 1, 2 and 5 times the powers of ten; over more than two decades the powers only.
fn steps(low: f64, high: f64) -> Vec<f64> {
    let steps: &[f64] = if high / low > 100.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let all = powers(low, high).into_iter().flat_map(|power| steps.iter().map(move |s| s * power));
    all.filter(|value| (low..=high).contains(value)).collect()
}
