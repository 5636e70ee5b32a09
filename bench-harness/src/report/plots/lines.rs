//! Charts of lines, with a strip above that holds title and legend, so that no text can lie on a line.
//!
//! Both axes are logarithmic, since a road's sizes and times span decades.

use anyhow::{Result, anyhow};
use plotters::coord::combinators::{BindKeyPoints, IntoLogRange};
use plotters::prelude::*;

use super::{Area, Drawn, FONT, LETTER};
use crate::table::three_digits;

/// Width and height of a chart in pixels of the SVG; two stand side by side on a laptop.
const SIZE: (u32, u32) = (620, 400);
/// Height of the strip above the chart, in pixels.
const STRIP: u32 = 62;

/// A line of a chart.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) color: RGBColor,
    pub(super) points: Vec<(f64, f64)>,
}

/// What a chart says about its axes.
pub(super) struct Axes<'a> {
    pub(super) title: String,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    /// Marks of the x axis; round numbers if there are none.
    pub(super) marks: Vec<f64>,
    /// Their text.
    pub(super) mark: &'a dyn Fn(f64) -> String,
    /// Whether the points were measured one by one, rather than a curve.
    pub(super) dots: bool,
}

/// Draws a chart; none where there is nothing to see.
pub(super) fn draw(lines: &[Line], axes: &Axes<'_>) -> Result<Option<String>> {
    if lines.iter().all(|line| line.points.is_empty()) {
        return Ok(None);
    }
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    draw_on(&root, lines, axes).map_err(|error| anyhow!("drawing {}: {error}", axes.title))?;
    drop(root);
    Ok(Some(svg))
}

fn draw_on(root: &Area<'_>, lines: &[Line], axes: &Axes<'_>) -> Drawn {
    root.fill(&WHITE)?;
    let (strip, body) = root.split_vertically(STRIP);
    draw_strip(&strip, lines, &axes.title)?;

    let all = || lines.iter().flat_map(|line| &line.points);
    let (x0, x1) = bounds(all().map(|point| point.0));
    let (y0, y1) = bounds(all().map(|point| point.1));
    // A little air, and half a decade at least, so that noise does not look like a difference.
    let (y0, y1) = (y0 / 1.25, (y1 * 1.25).max(y0 * 3.0));
    let given = axes.marks.iter().copied().filter(|x| (x0..=x1).contains(x));
    let marks = if axes.marks.is_empty() { round_numbers(x0, x1) } else { given.collect() };
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
pub(super) fn short(value: f64) -> String {
    let text = if value >= 1.0 { format!("{value:.0}") } else { three_digits(value) };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_short() {
        assert_eq!(round_numbers(0.9, 25.0), [1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(round_numbers(0.9, 9_000.0), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!([0.05, 0.5, 1.0, 200.0].map(short), ["0.05", "0.5", "1", "200"]);
    }
}
