//! The highest rate at which nothing is lost.
//!
//! A source of PGM sends at the rate that it is told, and nobody tells it that a receiver is slower: above some rate
//! less arrives than at a lower one, as repairs take the place of what is new, or there are gaps that cannot be repaired
//! any more. So the rate is doubled until no more comes of it, and then narrowed down around the best.

use anyhow::Result;

use super::trial::Trial;

/// Where it begins, and where it ends: libzmq computes the latter in 32 bits.
const LOWEST: u32 = 20_000;
const HIGHEST: u32 = 2_000_000;
const HIGHEST_OF_OURS: u32 = 20_000_000;
/// How often rates between the best and its neighbours are tried.
const STEPS: u32 = 2;
/// So much more has to arrive at twice the rate that it is worth to go on.
const GAIN: f64 = 1.1;
/// What a rate is lowered to that turned out to be too high.
const LOWER: f64 = 0.9;

/// Kilobits a second that a subject may be told.
pub(crate) fn highest(is_libzmq: bool) -> u32 {
    if is_libzmq { HIGHEST } else { HIGHEST_OF_OURS }
}

/// A rate a step lower.
pub(crate) fn lower(kbit_per_s: u32) -> u32 {
    (f64::from(kbit_per_s) * LOWER) as u32
}

/// Up to `most` kilobits a second: the one at which most arrives and nothing is lost in `trial`; none if something is
/// at every one.
pub(crate) fn find(most: u32, trial: impl FnMut(u32) -> Result<Trial>) -> Result<Option<u32>> {
    let mut tried = Tried { trial, all: Vec::new() };
    let (mut kbit_per_s, mut wrong) = (LOWEST, 0);
    // One rate that is too high may have been bad luck.
    while wrong < 2 && !tried.has(kbit_per_s) {
        let best = tried.best().map_or(0.0, |(_, arrived)| arrived);
        let arrived = tried.at(kbit_per_s)?;
        wrong = if arrived < best * GAIN { wrong + 1 } else { 0 };
        kbit_per_s = most.min(kbit_per_s.saturating_mul(2));
    }
    for _ in 0..STEPS {
        let Some((best, _)) = tried.best() else { return Ok(None) };
        for neighbour in tried.between(best) {
            tried.at(neighbour)?;
        }
    }
    Ok(tried.best().map(|(kbit_per_s, _)| kbit_per_s))
}

/// What trials have found.
struct Tried<F> {
    trial: F,
    /// Rates, and what arrived at each: nothing, where any was lost.
    all: Vec<(u32, f64)>,
}

impl<F: FnMut(u32) -> Result<Trial>> Tried<F> {
    fn has(&self, kbit_per_s: u32) -> bool {
        self.all.iter().any(|(tried, _)| *tried == kbit_per_s)
    }

    /// Tries a rate; messages a second.
    fn at(&mut self, kbit_per_s: u32) -> Result<f64> {
        let found = (self.trial)(kbit_per_s)?;
        let arrived = if found.lost > 0.0 { 0.0 } else { found.rate };
        self.all.push((kbit_per_s, arrived));
        Ok(arrived)
    }

    fn best(&self) -> Option<(u32, f64)> {
        let best = self.all.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
        best.filter(|(_, arrived)| *arrived > 0.0)
    }

    /// Rates halfway from `best` to the next that were tried.
    fn between(&self, best: u32) -> Vec<u32> {
        let rates = || self.all.iter().map(|(kbit_per_s, _)| *kbit_per_s);
        let below = rates().filter(|rate| *rate < best).max();
        let above = rates().filter(|rate| *rate > best).min();
        let middle = |other: u32| (f64::from(best) * f64::from(other)).sqrt() as u32;
        below.into_iter().chain(above).map(middle).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Somebody who keeps up with `limit` kilobits a second, and above that loses, or has less arrive.
    fn somebody(limit: u32, loses: bool) -> impl FnMut(u32) -> Result<Trial> {
        move |kbit_per_s| {
            let over = kbit_per_s > limit;
            let lost = if over && loses { 0.1 } else { 0.0 };
            let rate = f64::from(if over { limit / 2 } else { kbit_per_s });
            Ok(Trial { subject: String::new(), rate, lost, trips: Vec::new() })
        }
    }

    #[test]
    fn the_best_rate_without_a_loss_is_found() {
        for limit in [21_000, 100_000, 777_000] {
            for loses in [true, false] {
                let found = find(HIGHEST, somebody(limit, loses)).unwrap().unwrap();
                let near = found <= limit && f64::from(found) > 0.8 * f64::from(limit);
                assert!(near, "{found} of {limit}");
            }
        }
        assert_eq!(find(HIGHEST, somebody(1_000, true)).unwrap(), None);
        assert_eq!(find(HIGHEST, somebody(u32::MAX, true)).unwrap(), Some(HIGHEST));
    }

    #[test]
    fn who_has_no_more_arrive_is_not_told_more() {
        let mut most = 0;
        let mut slow = somebody(100_000, false);
        find(HIGHEST, |rate| {
            most = most.max(rate);
            slow(rate)
        })
        .unwrap();
        assert!(most <= 400_000, "{most}");
    }

    #[test]
    fn a_failure_ends_it() {
        assert!(find(HIGHEST, |_| anyhow::bail!("on purpose")).is_err());
    }
}
