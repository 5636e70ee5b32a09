//! The arithmetic: medians, spreads, ratios and round-trip histograms.
//!
//! Repeats are summed up by their median, because the disturbances of a machine only ever make a run
//! slower; the spread says how far to trust it. Ratios are taken within a round, between neighbours in
//! time, and only then summed up: a machine that changes its clock between rounds changes both.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::job::Outcome;

/// Longest round trip that is told apart, in nanoseconds; a minute, far above any patience.
const LONGEST_NS: u64 = 60_000_000_000;
/// Decimal digits that are kept of each round trip.
const DIGITS: u8 = 3;

/// Round-trip times of one or several runs.
#[derive(Clone)]
pub struct RoundTrips(Histogram<u64>);

impl Default for RoundTrips {
    /// None so far.
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS)
            .expect("the bounds are constants that the histogram accepts");
        Self(histogram)
    }
}

impl RoundTrips {
    /// Adds one.
    #[inline]
    pub fn record(&mut self, trip: Duration) {
        self.0.saturating_record(trip.as_nanos() as u64);
    }

    /// Adds those of a worker.
    pub fn add(&mut self, pairs: &[(u64, u64)]) {
        for &(ns, times) in pairs {
            self.0.saturating_record_n(ns, times);
        }
    }

    /// All of them, as pairs of nanoseconds and how often.
    pub fn pairs(&self) -> Vec<(u64, u64)> {
        self.0
            .iter_recorded()
            .map(|step| (step.value_iterated_to(), step.count_at_value()))
            .collect()
    }

    /// The figures that a table shows.
    pub fn summary(&self) -> Summary {
        let at = |quantile| self.0.value_at_quantile(quantile);
        Summary {
            trips: self.0.len(),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            p9999_ns: at(0.9999),
            max_ns: self.0.max(),
        }
    }

    /// A histogram whose bars are equally wide on a logarithmic scale, from the first that is not empty
    /// to the last.
    pub(crate) fn bins(&self) -> Vec<Bin> {
        let bin_of = |ns: u64| ((ns.max(1) as f64).log10() * BINS_A_DECADE).floor() as i32;
        let mut counts: BTreeMap<i32, u64> = BTreeMap::new();
        for step in self.0.iter_recorded() {
            *counts.entry(bin_of(step.value_iterated_to())).or_default() += step.count_at_value();
        }
        let (Some((&first, _)), Some((&last, _))) =
            (counts.first_key_value(), counts.last_key_value())
        else {
            return Vec::new();
        };
        let edge = |bin: i32| 10f64.powf(f64::from(bin) / BINS_A_DECADE);
        let total = self.0.len() as f64;
        let bar = |bin| {
            let count = counts.get(&bin).map_or(0.5, |&count| count as f64);
            Bin { from_ns: edge(bin), to_ns: edge(bin + 1), share: count / total }
        };
        (first..=last).map(bar).collect()
    }

    /// The curve of the distribution: how many nines, and the time that this share stays below. Ends
    /// where a single round trip would make up the rest.
    pub(crate) fn curve(&self) -> Vec<(f64, u64)> {
        let most = (self.0.len().max(1) as f64).log10();
        let steps = (most * STEPS_A_NINE).floor() as u32;
        (0..=steps)
            .map(|step| f64::from(step) / STEPS_A_NINE)
            .map(|nines| (nines, self.0.value_at_quantile(1.0 - 10f64.powf(-nines))))
            .collect()
    }
}

/// Bars of a histogram between, say, 10 and 100 microseconds.
const BINS_A_DECADE: f64 = 12.0;

/// One bar of a histogram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bin {
    /// The shortest time in it, in nanoseconds.
    pub(crate) from_ns: f64,
    /// The shortest time beyond it, in nanoseconds.
    pub(crate) to_ns: f64,
    /// Share of all round trips; never zero, so that it can be drawn on a logarithmic scale: where
    /// there is none, half of what one would be.
    pub(crate) share: f64,
}

/// Points of the curve between, say, 99 % and 99.9 %.
const STEPS_A_NINE: f64 = 20.0;

/// The usual figures of a distribution, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// How many round trips there were.
    pub trips: u64,
    /// Half of them took no longer.
    pub p50_ns: u64,
    /// 90 of 100 took no longer.
    pub p90_ns: u64,
    /// 99 of 100 took no longer.
    pub p99_ns: u64,
    /// 999 of 1000 took no longer.
    pub p999_ns: u64,
    /// 9999 of 10000 took no longer; of fewer, this is the longest.
    pub p9999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// Messages a second of one outcome, from its first message to its last; 0 where nothing was timed.
pub fn rate(outcome: &Outcome) -> f64 {
    if outcome.elapsed_ns == 0 {
        return 0.0;
    }
    outcome.messages.saturating_sub(1) as f64 * 1e9 / outcome.elapsed_ns as f64
}

/// The middle value, or the mean of the middle two; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The distance between the largest and the smallest value as a share of the median; 0 of one value.
pub fn spread(values: &[f64]) -> f64 {
    let middle = median(values);
    if middle == 0.0 {
        return 0.0;
    }
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (most - least) / middle
}

/// The median of the ratios of the rounds that both have; `None` where they share none.
pub fn paired_ratio(ours: &[Option<f64>], floor: &[Option<f64>]) -> Option<f64> {
    let ratios: Vec<f64> = ours
        .iter()
        .zip(floor)
        .filter_map(|(ours, floor)| Some(((*ours)?, (*floor)?)))
        .filter(|&(_, floor)| floor > 0.0)
        .map(|(ours, floor)| ours / floor)
        .collect();
    (!ratios.is_empty()).then(|| median(&ratios))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_spreads() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(spread(&[9.0, 10.0, 11.0]), 0.2);
        assert_eq!(spread(&[5.0]), 0.0);
    }

    #[test]
    fn a_ratio_pairs_neighbours_in_time() {
        // The machine was half as fast in the second round; the ratio does not see it.
        let ours = [Some(50.0), Some(25.0), None];
        let floor = [Some(100.0), Some(50.0), Some(100.0)];
        assert_eq!(paired_ratio(&ours, &floor), Some(0.5));
        assert_eq!(paired_ratio(&ours, &[]), None);
    }

    #[test]
    fn a_rate_leaves_out_the_message_that_starts_the_clock() {
        let outcome = Outcome { messages: 11, elapsed_ns: 1_000_000_000, histogram: Vec::new() };
        assert_eq!(rate(&outcome), 10.0);
        assert_eq!(rate(&Outcome::default()), 0.0);
    }

    #[test]
    fn round_trips_survive_the_journey_between_processes() {
        let mut there = RoundTrips::default();
        for us in 1..=1000 {
            there.record(Duration::from_micros(us));
        }
        let mut here = RoundTrips::default();
        here.add(&there.pairs());
        let summary = here.summary();
        assert_eq!(summary, there.summary());
        assert_eq!(summary.trips, 1000);
        assert!((499_000..=501_500).contains(&summary.p50_ns), "{summary:?}");
        assert!((999_000..=1_001_000).contains(&summary.max_ns), "{summary:?}");
        let curve = here.curve();
        assert_eq!(curve.first().map(|point| point.0), Some(0.0));
        assert_eq!(curve.last().map(|point| point.0), Some(3.0));
    }

    #[test]
    fn a_histogram_holds_every_round_trip_in_its_place() {
        let mut trips = RoundTrips::default();
        trips.add(&[(10_000, 98), (1_000_000, 2)]);
        let bins = trips.bins();
        assert_eq!(bins.len(), 25, "two decades of twelve, and the first");
        assert!(bins[0].from_ns <= 10_000.0 && bins[0].to_ns > 10_000.0, "{:?}", bins[0]);
        assert_eq!((bins[0].share, bins[1].share, bins[24].share), (0.98, 0.005, 0.02));
        assert!(RoundTrips::default().bins().is_empty());
    }
}
