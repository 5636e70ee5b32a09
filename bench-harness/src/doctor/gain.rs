//! What one backend is worth beside the other: the table of the README, where both were measured in one
//! run, so that there is one place for those figures.

use serde::Serialize;

/// The page with the table.
const README: &str = include_str!("../../../README.md");
/// Headings of its columns.
const URING: &str = "ringmq, io_uring";
const MIO: &str = "ringmq, mio";

/// One case of that table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Figure {
    /// The case, with its unit where a new one begins.
    pub(super) case: String,
    pub(super) uring: f64,
    pub(super) mio: f64,
    /// How much better io_uring was, in per cent: more messages, or less time.
    pub(super) uring_ahead_percent: f64,
}

/// The cases for which both backends have a figure.
pub(super) fn figures() -> Vec<Figure> {
    read(README)
}

fn read(page: &str) -> Vec<Figure> {
    let mut rows = page.lines().map(cells).skip_while(|cells| !cells.contains(&URING));
    let Some(head) = rows.next() else { return Vec::new() };
    let column = |name| head.iter().position(|cell| *cell == name);
    let (Some(uring), Some(mio)) = (column(URING), column(MIO)) else { return Vec::new() };
    let figure = |row: Vec<&str>| {
        let number = |column: usize| row.get(column)?.parse::<f64>().ok().filter(|n| *n > 0.0);
        let (uring, mio) = (number(uring)?, number(mio)?);
        let case = (*row.first()?).to_owned();
        // Times are better when they are shorter.
        let ahead = if case.contains("round trip") { mio / uring } else { uring / mio };
        Some(Figure {
            case,
            uring,
            mio,
            uring_ahead_percent: (1000.0 * (ahead - 1.0)).round() / 10.0,
        })
    };
    rows.take_while(|cells| !cells.is_empty()).filter_map(figure).collect()
}

/// The cells of a line of a table; none for other lines.
fn cells(line: &str) -> Vec<&str> {
    let inner = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    inner.map_or_else(Vec::new, |inner| inner.split('|').map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
| folder | what |
|---|---|

| | floor | ringmq, io_uring | ringmq, mio |
|---|---|---|---|
| tcp, 16 B, M messages/s | 9 | 3 | 2 |
| ipc | 9 | - | 2 |
| tcp round trip, us | 9 | 8 | 4 |

| later | 1 | 1 | 1 |
";

    #[test]
    fn both_directions_of_better_are_read() {
        let figures = read(PAGE);
        let cases: Vec<_> =
            figures.iter().map(|f| (f.case.as_str(), f.uring_ahead_percent)).collect();
        assert_eq!(cases, [("tcp, 16 B, M messages/s", 50.0), ("tcp round trip, us", -50.0)]);
        assert!(read("no table").is_empty());
    }

    #[test]
    fn the_readme_has_the_table() {
        let figures = figures();
        assert!(figures.iter().any(|figure| figure.case.contains("tcp, 64 B")));
        assert!(figures.iter().any(|figure| figure.case.contains("tcp round trip")));
    }
}
