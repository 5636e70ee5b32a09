//! The figures that a measurement brings: what each is called, in which unit, and which way is better.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ringmq_bench::job::Outcome;
use ringmq_bench::stats::{RoundTrips, Summary};

use crate::measure;
use crate::measurement::Measurement;

/// What one measurement of one contender found.
pub(crate) struct Measured {
    /// What came through, and in which time.
    pub(crate) outcome: Outcome,
    /// CPU time that both processes together took for it, where that was asked for.
    pub(crate) cpu: Option<Duration>,
}

/// One figure of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Messages a second.
    Rate,
    /// CPU time of both processes for a million messages.
    CpuOfMillion,
    /// Half of the round trips took no longer.
    P50,
    /// 99 of 100 took no longer.
    P99,
    /// 999 of 1000 took no longer.
    P999,
    /// CPU time of both processes for a round trip.
    CpuOfTrip,
}

impl Figure {
    /// Those of a measurement; `in_tasks` for one whose ends are tasks.
    pub(crate) fn of(measurement: Measurement, in_tasks: bool) -> &'static [Figure] {
        match (measurement, in_tasks) {
            (Measurement::Latency, false) => &[Figure::P50, Figure::P99, Figure::P999],
            (Measurement::Latency, true) => &[Figure::P50, Figure::P99, Figure::CpuOfTrip],
            (_, false) => &[Figure::Rate],
            (_, true) => &[Figure::Rate, Figure::CpuOfMillion],
        }
    }

    /// What a case's name has after that of the measurement.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Figure::Rate => "",
            Figure::P50 => "-p50",
            Figure::P99 => "-p99",
            Figure::P999 => "-p999",
            Figure::CpuOfMillion | Figure::CpuOfTrip => "-cpu",
        }
    }

    /// The unit.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Figure::Rate => "M msg/s",
            Figure::CpuOfMillion => "ms CPU/M msg",
            Figure::P50 | Figure::P99 | Figure::P999 => "us",
            Figure::CpuOfTrip => "us CPU/trip",
        }
    }

    /// Whether less is better.
    pub(crate) fn is_cost(self) -> bool {
        self != Figure::Rate
    }

    /// Its value, in its unit.
    pub(crate) fn value(self, measured: &Measured) -> Result<f64> {
        let Measured { outcome, cpu } = measured;
        let ns = match self {
            Figure::Rate => return Ok(measure::rate(outcome)? / 1e6),
            Figure::CpuOfMillion | Figure::CpuOfTrip => {
                let cpu = cpu.context("nobody took the CPU time")?;
                // Nanoseconds for one are milliseconds for a million.
                let ns = cpu.as_nanos() as f64 / outcome.messages.max(1) as f64;
                return Ok(if self == Figure::CpuOfTrip { ns / 1e3 } else { ns });
            }
            Figure::P50 => summary(outcome).p50_ns,
            Figure::P99 => summary(outcome).p99_ns,
            Figure::P999 => summary(outcome).p999_ns,
        };
        Ok(ns as f64 / 1e3)
    }
}

fn summary(outcome: &Outcome) -> Summary {
    let mut trips = RoundTrips::default();
    trips.add(&outcome.histogram);
    trips.summary()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn cpu_time_is_told_for_a_trip_and_for_a_million_messages() {
        let outcome = Outcome { messages: 1_000, elapsed_ns: 1, histogram: vec![(7_000, 1_000)] };
        let measured = Measured { outcome, cpu: Some(Duration::from_millis(5)) };
        assert_eq!(Figure::CpuOfTrip.value(&measured).unwrap(), 5.0);
        assert_eq!(Figure::CpuOfMillion.value(&measured).unwrap(), 5_000.0);
        assert_eq!(Figure::P50.value(&measured).unwrap().round(), 7.0);
        let untold = Measured { cpu: None, ..measured };
        assert!(Figure::CpuOfTrip.value(&untold).is_err());
    }
}
