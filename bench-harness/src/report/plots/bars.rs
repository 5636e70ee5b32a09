//! Charts of bars: one for each case, with ringmq, the floor and every library that has a figure.
//!
//! Bars begin at zero, so that their lengths compare as the figures do.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::{Area, BLUE, DARK_GREY, Drawn, FONT, GREEN, LETTER, ORANGE};
use crate::case::human_size;
use crate::table::three_digits;
use crate::versus::{RIVALS, Row};

/// Width of a chart in pixels of the SVG; three stand side by side on a laptop.
const WIDTH: i32 = 410;
/// Height of title and of a bar with the gap below it, in pixels.
const TITLE: i32 = 34;
const STEP: i32 = 24;
const BAR: i32 = 17;
/// Where bars begin and where the longest one ends: room for a name before and a figure behind.
const BEGIN: i32 = 100;
const END: i32 = WIDTH - 6 * LETTER - 10;
/// The other libraries, who are all the same to this chart.
const RIVAL: RGBColor = RGBColor(204, 121, 167);

struct Bar {
    name: String,
    figure: f64,
    color: RGBColor,
}

/// Bodies whose cases have a chart, in bytes; the table has all.
const DRAWN: [usize; 3] = [64, 1 << 10, 16 << 10];

/// A chart for each case of some sizes, in the order of the rows. What is measured a second time in
/// another way, or is a part of a figure, has none.
pub(super) fn all(rows: &[Row]) -> Result<Vec<String>> {
    let mut cases: Vec<(&str, &str, usize)> = Vec::new();
    for row in rows {
        let case = row.parts()?;
        let (_, what, size) = case;
        let part = what.ends_with("-user") || what.ends_with("-system");
        let drawn = DRAWN.contains(&size) && !part && !what.starts_with("first/");
        if drawn && !cases.contains(&case) {
            cases.push(case);
        }
    }
    let mut charts = Vec::new();
    for case in cases {
        let rows: Vec<&Row> =
            rows.iter().filter(|row| row.parts().is_ok_and(|it| it == case)).collect();
        let (transport, what, size) = case;
        let [first, ..] = rows[..] else { continue };
        let better = if first.more_is_better() { "more is better" } else { "less is better" };
        let (what, size) = (what.replace('-', " "), human_size(size));
        let title = format!("{transport} {what}, {size}, {} ({better})", first.unit);
        charts.push(draw(&title, &bars(&rows))?);
    }
    Ok(charts)
}

/// ringmq on each backend; then what the backends' rows share, of which the first has it.
fn bars(rows: &[&Row]) -> Vec<Bar> {
    let ours = rows.iter().filter_map(|row| {
        let color = match row.backend.as_str() {
            "uring" => ORANGE,
            "mio" => BLUE,
            _ => GREEN,
        };
        Some(Bar { name: format!("ringmq {}", row.backend), figure: row.ringmq?, color })
    });
    let first_of = |figure: &dyn Fn(&Row) -> Option<f64>| rows.iter().find_map(|row| figure(row));
    let floor = first_of(&|row| row.floor).map(|figure| Bar {
        name: "floor".to_owned(),
        figure,
        color: DARK_GREY,
    });
    let rivals = RIVALS.iter().filter_map(|(name, figure)| {
        Some(Bar { name: (*name).to_owned(), figure: first_of(figure)?, color: RIVAL })
    });
    floor.into_iter().chain(ours).chain(rivals).collect()
}

fn draw(title: &str, bars: &[Bar]) -> Result<String> {
    let height = TITLE + STEP * bars.len() as i32 + 6;
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (WIDTH as u32, height as u32)).into_drawing_area();
    draw_on(&root, title, bars).map_err(|error| anyhow!("drawing {title}: {error}"))?;
    drop(root);
    Ok(svg)
}

fn draw_on(root: &Area<'_>, title: &str, bars: &[Bar]) -> Drawn {
    root.fill(&WHITE)?;
    root.draw(&Text::new(title.to_owned(), (10, 9), (FONT, 14)))?;
    let longest = bars.iter().map(|bar| bar.figure).fold(f64::MIN_POSITIVE, f64::max);
    for (number, bar) in bars.iter().enumerate() {
        let top = TITLE + STEP * number as i32;
        let end = BEGIN + (bar.figure / longest * f64::from(END - BEGIN)).round() as i32;
        root.draw(&Text::new(bar.name.clone(), (10, top + 3), (FONT, 13)))?;
        // At least a pixel: a bar that is not seen looks like a figure that is missing.
        let corners = [(BEGIN, top), (end.max(BEGIN + 1), top + BAR)];
        root.draw(&Rectangle::new(corners, bar.color.filled()))?;
        let figure = three_digits(bar.figure);
        root.draw(&Text::new(figure, (end + 6, top + 3), (FONT, 13)))?;
    }
    root.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::sample;
    use super::*;

    #[test]
    fn every_case_has_a_chart_with_those_that_were_measured() {
        let charts = all(&sample::versus()).unwrap();
        assert_eq!(charts.len(), 2);
        for wanted in ["tcp throughput, 64 B, M msg/s (more is better)", "ringmq uring", "libzmq"] {
            assert!(charts[0].contains(wanted), "{wanted} is missing in\n{}", charts[0]);
        }
        assert!(!charts[0].contains("rzmq"), "it has no figure");
        assert!(charts[1].contains("less is better") && charts[1].contains("rzmq"));
    }
}
