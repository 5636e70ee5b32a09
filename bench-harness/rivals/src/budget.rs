//! What ringmq is to reach under CURVE, and whether it does.

use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::block::Block;
use crate::figure::Figure;
use crate::rows::Row;
use crate::table::{STYLE, digits};

/// Bytes of body from which on the cipher is most of the work.
const LARGE: usize = 1 << 10;
/// As a multiple of libzmq's rate, that of small bodies and that of large ones.
const SMALL_TO_LIBZMQ: f64 = 4.0;
const LARGE_TO_LIBZMQ: f64 = 2.0;
/// As a multiple of the bare cipher's rate where one core seals and another one opens, that of large bodies.
const TO_CIPHER: f64 = 0.75;
/// As a multiple of a round trip without encryption, one with it, what the cipher takes apart.
const TO_NULL: f64 = 1.3;

/// One demand on one row.
#[derive(Debug, PartialEq)]
struct Demand {
    what: &'static str,
    /// Nothing where the run does not tell.
    is: Option<f64>,
    needs: Option<f64>,
    at_most: bool,
}

impl Demand {
    fn at_least(what: &'static str, needs: f64, is: Option<f64>) -> Self {
        Self { what, is, needs: Some(needs), at_most: false }
    }

    /// Whether it is met, where the run tells.
    fn is_met(&self) -> Option<bool> {
        let (is, needs) = (self.is?, self.needs?);
        Some(if self.at_most { is <= needs } else { is >= needs })
    }
}

/// The demands on a row.
fn demands(row: &Row) -> Vec<Demand> {
    match row.figure {
        Figure::Rate => {
            let libzmq = row.ahead.get("libzmq").copied();
            if row.size < LARGE {
                return vec![Demand::at_least("x libzmq", SMALL_TO_LIBZMQ, libzmq)];
            }
            vec![
                Demand::at_least("x libzmq", LARGE_TO_LIBZMQ, libzmq),
                Demand::at_least("x bare cipher", TO_CIPHER, row.to_floor),
            ]
        }
        Figure::P50 => {
            let needs = row.null.zip(row.floor).map(|(null, boxes)| TO_NULL * null + boxes);
            let what = "us: 1.3 x NULL, and the cipher";
            vec![Demand { what, is: row.ringmq, needs, at_most: true }]
        }
        _ => Vec::new(),
    }
}

/// Prints every demand on the rows under CURVE and whether it is met; nothing where there are none.
pub(crate) fn print(rows: &[Row]) {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["under CURVE", "ringmq on", "what", "is", "needs", ""]);
    let (mut met, mut judged) = (0, 0);
    for row in rows.iter().filter(|row| row.block == Block::UnderCurve) {
        for demand in demands(row) {
            let verdict = demand.is_met();
            judged += usize::from(verdict.is_some());
            met += usize::from(verdict == Some(true));
            let figure = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), digits);
            let sign = if demand.at_most { "<=" } else { ">=" };
            table.add_row([
                row.case.clone(),
                row.backend.to_string(),
                demand.what.to_owned(),
                figure(demand.is),
                format!("{sign} {}", figure(demand.needs)),
                verdict.map_or("", |met| if met { "ok" } else { "MISSED" }).to_owned(),
            ]);
        }
    }
    if table.is_empty() {
        return;
    }
    for column in [3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    println!("{table}");
    println!("{met} of {judged} met.");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ringmq_bench::case::Transport;

    use super::*;
    use crate::contender::Contender;
    use crate::measurement::Measurement;
    use crate::plan;
    use crate::rounds::{Entry, ItemResults};
    use crate::rows;

    /// The rows of ringmq on mio of one case under CURVE, and of the same under NULL.
    fn rows_of(measurement: Measurement, size: usize, figures: &[(Contender, f64)]) -> Vec<Row> {
        let here = |item: &&plan::Item| {
            let what = (item.measurement, item.size, item.transport);
            item.is_under_curve() && what == (measurement, size, Transport::Tcp)
        };
        let item = *plan::items(false).iter().find(here).unwrap();
        let entry = |&(who, figure)| Entry::found(who, vec![figure; item.figures().len()]);
        let encrypted = ItemResults { item, entries: figures.iter().map(entry).collect() };
        let null = vec![entry(&(Contender::Mio, 10.0))];
        let null = ItemResults { item: item.under_null(), entries: null };
        rows::rows(&[null, encrypted])
    }

    fn verdicts(measurement: Measurement, size: usize, figures: &[(Contender, f64)]) -> Vec<bool> {
        let rows = rows_of(measurement, size, figures);
        let encrypted = rows.iter().filter(|row| row.block == Block::UnderCurve);
        encrypted.flat_map(demands).map(|demand| demand.is_met().unwrap()).collect()
    }

    #[test]
    fn a_rate_is_set_beside_libzmq_and_the_cipher() {
        use Contender::{Floor, Libzmq, Mio};
        let rate = |size, ours| {
            let figures = [(Floor, 4.0), (Mio, ours), (Libzmq, 1.0)];
            verdicts(Measurement::Throughput, size, &figures)
        };
        assert_eq!((rate(64, 4.0), rate(64, 3.9)), (vec![true], vec![false]));
        assert_eq!(rate(1 << 10, 3.0), [true, true]);
        assert_eq!(rate(1 << 10, 2.9), [true, false]);
        assert_eq!(rate(64 << 10, 1.9), [false, false]);
    }

    #[test]
    fn a_round_trip_is_set_beside_null() {
        use Contender::{Floor, Mio};
        // 1.3 times 10 us, and 2 us of the cipher.
        let trip = |ours| verdicts(Measurement::Latency, 64, &[(Floor, 2.0), (Mio, ours)]);
        assert_eq!((trip(15.0), trip(15.1)), (vec![true], vec![false]));
    }

    #[test]
    fn what_the_run_does_not_tell_is_not_judged() {
        let rows = rows_of(Measurement::Throughput, 64, &[(Contender::Mio, 1.0)]);
        let demands: Vec<Demand> =
            rows.iter().filter(|row| row.block == Block::UnderCurve).flat_map(demands).collect();
        assert_eq!(demands, [Demand::at_least("x libzmq", SMALL_TO_LIBZMQ, None)]);
        assert_eq!(demands[0].is_met(), None);
    }
}
