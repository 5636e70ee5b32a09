//! The figures that a measurement brings: what each is called, in which unit, and which way is better.

use anyhow::{Context as _, Result};
use ringmq_bench::cpu::CpuTime;
use ringmq_bench::job::Outcome;
use ringmq_bench::stats::{RoundTrips, Summary};

use crate::measure;
use crate::measurement::Measurement;

/// What one measurement of one contender found.
pub(crate) struct Measured {
    /// What came through, and in which time.
    pub(crate) outcome: Outcome,
    /// CPU time that both ends together took for it.
    pub(crate) cpu: CpuTime,
    /// Bytes of each message.
    pub(crate) size: usize,
}

/// One figure of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Messages a second.
    Rate,
    /// Bytes of bodies a second.
    Bytes,
    /// Half of the round trips took no longer.
    P50,
    /// 99 of 100 took no longer.
    P99,
    /// 999 of 1000 took no longer.
    P999,
    /// CPU time of both ends for a million messages or round trips.
    Cpu(Part),
    /// CPU time of both ends for 10^9 bytes of bodies.
    CpuOfBytes(Part),
    /// CPU time of both ends for one start and stop.
    CpuOfStart(Part),
}

/// A part of the CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Both of the others.
    Whole,
    /// In the program.
    User,
    /// In the kernel.
    System,
}

use Part::{System, User, Whole};

impl Figure {
    /// Those of a measurement.
    pub(crate) fn of(measurement: Measurement) -> &'static [Figure] {
        use Figure::{Bytes, Cpu, CpuOfBytes, CpuOfStart, P50, P99, P999, Rate};
        match measurement {
            Measurement::Latency => &[P50, P99, P999, Cpu(Whole), Cpu(User), Cpu(System)],
            Measurement::Curve => &[Bytes, CpuOfBytes(Whole), CpuOfBytes(User), CpuOfBytes(System)],
            Measurement::StartStop => &[CpuOfStart(Whole), CpuOfStart(User), CpuOfStart(System)],
            _ => &[Rate, Cpu(Whole), Cpu(User), Cpu(System)],
        }
    }

    /// What a case's name has after that of the measurement.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Figure::Rate | Figure::Bytes => "",
            Figure::P50 => "-p50",
            Figure::P99 => "-p99",
            Figure::P999 => "-p999",
            Figure::Cpu(part) | Figure::CpuOfBytes(part) | Figure::CpuOfStart(part) => match part {
                Whole => "-cpu",
                User => "-cpu-user",
                System => "-cpu-system",
            },
        }
    }

    /// The unit.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Figure::Rate => "M msg/s",
            Figure::Bytes => "GB/s",
            Figure::P50 | Figure::P99 | Figure::P999 => "us",
            Figure::Cpu(_) => "s CPU/M",
            Figure::CpuOfBytes(_) => "s CPU/GB",
            Figure::CpuOfStart(_) => "ms CPU",
        }
    }

    /// Whether less is better.
    pub(crate) fn is_cost(self) -> bool {
        !matches!(self, Figure::Rate | Figure::Bytes)
    }

    /// Whether this is CPU time.
    pub(crate) fn is_cpu(self) -> bool {
        matches!(self, Figure::Cpu(_) | Figure::CpuOfBytes(_) | Figure::CpuOfStart(_))
    }

    /// Whether this is a part of another figure: written down, but not judged.
    pub(crate) fn is_part(self) -> bool {
        matches!(
            self,
            Figure::Cpu(User | System)
                | Figure::CpuOfBytes(User | System)
                | Figure::CpuOfStart(User | System)
        )
    }

    /// Its value, in its unit.
    pub(crate) fn value(self, measured: &Measured) -> Result<f64> {
        let Measured { outcome, cpu, size } = measured;
        let seconds = |part| {
            let million = cpu.of_a_million(outcome.messages);
            match part {
                Whole => million.total(),
                User => million.user,
                System => million.system,
            }
        };
        Ok(match self {
            Figure::Rate => measure::rate(outcome)? / 1e6,
            Figure::Bytes => measure::rate(outcome)? * *size as f64 / 1e9,
            Figure::P50 => summary(outcome)?.p50_ns as f64 / 1e3,
            Figure::P99 => summary(outcome)?.p99_ns as f64 / 1e3,
            Figure::P999 => summary(outcome)?.p999_ns as f64 / 1e3,
            Figure::Cpu(part) => seconds(part),
            // A million bodies of so many bytes are as many times 10^6 bytes.
            Figure::CpuOfBytes(part) => seconds(part) * 1e3 / *size as f64,
            // Seconds for a million are microseconds for one.
            Figure::CpuOfStart(part) => seconds(part) / 1e3,
        })
    }
}

fn summary(outcome: &Outcome) -> Result<Summary> {
    let mut trips = RoundTrips::default();
    trips.add(&outcome.histogram);
    (!outcome.histogram.is_empty()).then(|| trips.summary()).context("no round trip was timed")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    #[test]
    fn cpu_time_is_told_for_what_was_moved() {
        let outcome = Outcome { messages: 1_000, elapsed_ns: 1, histogram: vec![(7_000, 1_000)] };
        let ms = Duration::from_millis;
        let cpu = CpuTime { user: ms(2), system: ms(3) };
        let measured = Measured { outcome, cpu, size: 1_000 };
        let value = |figure: Figure| figure.value(&measured).unwrap();
        assert_eq!(value(Figure::Cpu(Whole)), 5.0, "seconds a million");
        assert_eq!([value(Figure::Cpu(User)), value(Figure::Cpu(System))], [2.0, 3.0]);
        assert_eq!(value(Figure::CpuOfBytes(Whole)), 5.0, "1,000,000 bytes took 5 ms");
        assert_eq!(value(Figure::CpuOfStart(Whole)), 0.005, "5 us each, in ms");
        assert_eq!(value(Figure::P50).round(), 7.0);
        let untimed = Measured { outcome: Outcome::default(), ..measured };
        assert!(Figure::P50.value(&untimed).is_err());
    }
}
