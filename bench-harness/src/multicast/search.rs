//! The highest rate at which nothing is lost.
//!
//! A source of PGM sends at the rate that it is told, and nobody tells it that a receiver is slower: above some rate
//! what arrives has gaps that cannot be repaired any more, or less arrives than at a lower one. So the rate is doubled
//! until a trial goes wrong or no more comes of it, and then narrowed down.

use anyhow::Result;

use super::trial::Trial;

/// Where it begins, and where it ends: libzmq computes the latter in 32 bits.
const LOWEST: u32 = 20_000;
const HIGHEST: u32 = 2_000_000;
const HIGHEST_OF_OURS: u32 = 20_000_000;
/// Halvings between a rate that went well and one that did not.
const STEPS: u32 = 3;
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

/// The highest rate up to `most`, in kilobits a second, of which `trial` loses nothing; none if it does of every one.
pub(crate) fn find(most: u32, mut trial: impl FnMut(u32) -> Result<Trial>) -> Result<Option<u32>> {
    let mut best: Option<(u32, f64)> = None;
    let mut too_high = None;
    let mut kbit_per_s = LOWEST;
    loop {
        let found = trial(kbit_per_s)?;
        if found.lost > 0.0 {
            too_high = Some(kbit_per_s);
            break;
        }
        if best.is_some_and(|(_, rate)| found.rate < rate * GAIN) {
            // More is sent for, and no more comes: what limits it is not this.
            best = best.filter(|(_, rate)| *rate >= found.rate).or(Some((kbit_per_s, found.rate)));
            break;
        }
        best = Some((kbit_per_s, found.rate));
        if kbit_per_s == most {
            break;
        }
        kbit_per_s = most.min(kbit_per_s.saturating_mul(2));
    }
    let (Some((mut good, _)), Some(mut bad)) = (best, too_high) else {
        return Ok(best.map(|(kbit_per_s, _)| kbit_per_s));
    };
    for _ in 0..STEPS {
        let middle = (f64::from(good) * f64::from(bad)).sqrt() as u32;
        if trial(middle)?.lost > 0.0 {
            bad = middle;
        } else {
            good = middle;
        }
    }
    Ok(Some(good))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Somebody who keeps up with `limit` kilobits a second, and then loses or sends no more.
    fn somebody(limit: u32, loses: bool) -> impl FnMut(u32) -> Result<Trial> {
        move |kbit_per_s| {
            let over = kbit_per_s > limit;
            let lost = if over && loses { 0.1 } else { 0.0 };
            let rate = f64::from(kbit_per_s.min(limit));
            Ok(Trial { subject: String::new(), rate, lost, trips: Vec::new() })
        }
    }

    #[test]
    fn the_highest_rate_without_a_loss_is_found() {
        for limit in [21_000, 100_000, 777_000] {
            let found = find(HIGHEST, somebody(limit, true)).unwrap().unwrap();
            assert!(
                found <= limit && f64::from(found) > 0.9 * f64::from(limit),
                "{found} of {limit}"
            );
        }
        assert_eq!(find(HIGHEST, somebody(1_000, true)).unwrap(), None);
        assert_eq!(find(HIGHEST, somebody(u32::MAX, true)).unwrap(), Some(HIGHEST));
    }

    #[test]
    fn who_sends_no_faster_is_not_asked_to() {
        let mut most = 0;
        let mut slow = somebody(100_000, false);
        let found = find(HIGHEST, |rate| {
            most = most.max(rate);
            slow(rate)
        });
        let found = found.unwrap().unwrap();
        assert!((100_000..=400_000).contains(&found) && most <= 400_000, "{found} {most}");
    }

    #[test]
    fn a_failure_ends_it() {
        assert!(find(HIGHEST, |_| anyhow::bail!("on purpose")).is_err());
    }
}
