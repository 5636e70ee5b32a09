//! `report.json`.

use anyhow::Result;
use serde::Serialize;

use super::Report;
use crate::case::{Case, Kind};
use crate::cpu::CpuSeconds;
use crate::machine::Machine;
use crate::run::Measured;
use crate::stats::{self, Summary};
use crate::table::{gigabytes, seconds_of_gigabyte};

/// Raised whenever a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Root<'a> {
    schema: u32,
    tool: &'static str,
    finished_unix_s: u64,
    took_s: f64,
    machine: &'a Machine,
    notes: &'a [String],
    results: Vec<Row<'a>>,
}

/// One case.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    case: Case,
    who: String,
    subject: &'a str,
    /// Messages or round trips of each repeat.
    messages: u64,
    /// Largest minus smallest repeat, as a share of the median.
    spread: f64,
    /// Messages a second, or the median round trip in nanoseconds, of each repeat; null for one that
    /// failed or was left out.
    repeats: &'a [Option<f64>],
    /// Median over the repeats of the ratio to the floor of the same repeat.
    to_floor: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throughput: Option<Throughput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<Latency>,
    /// CPU time of both ends; left out where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<Cpu<'a>>,
    failure: &'a Option<String>,
}

/// Seconds of CPU time of both ends that a million messages or round trips take: medians, and each
/// repeat that succeeded.
#[derive(Serialize)]
struct Cpu<'a> {
    s_per_million: f64,
    user_s_per_million: f64,
    system_s_per_million: f64,
    /// For 10^9 bytes of bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    s_per_gb: Option<f64>,
    repeats: &'a [CpuSeconds],
}

#[derive(Serialize)]
struct Throughput {
    msgs_per_s: f64,
    gb_per_s: f64,
}

#[derive(Serialize)]
struct Latency {
    /// Median over the repeats of their median.
    p50_median_ns: f64,
    #[serde(flatten)]
    summary: Summary,
    /// Pairs of a share of the round trips and the nanoseconds that it took at most.
    percentiles: Vec<(f64, u64)>,
}

/// Renders the report.
pub(super) fn render(report: &Report) -> Result<String> {
    let root = Root {
        schema: SCHEMA,
        tool: env!("CARGO_PKG_NAME"),
        finished_unix_s: report.finished,
        took_s: report.took.as_secs_f64(),
        machine: &report.machine,
        notes: &report.notes,
        results: report.measured.iter().map(row).collect(),
    };
    Ok(serde_json::to_string_pretty(&root)?)
}

fn row(measured: &Measured) -> Row<'_> {
    let good = measured.good();
    let kind = (!good.is_empty()).then_some(measured.case.kind);
    Row {
        case: measured.case,
        who: measured.who(),
        subject: &measured.subject,
        messages: measured.messages,
        spread: stats::spread(&good),
        repeats: &measured.rounds,
        to_floor: measured.to_floor,
        throughput: (kind == Some(Kind::Throughput))
            .then(|| Throughput { msgs_per_s: measured.median(), gb_per_s: gigabytes(measured) }),
        latency: (kind == Some(Kind::Latency)).then(|| Latency {
            p50_median_ns: measured.median(),
            summary: measured.summary(),
            percentiles: percentiles(measured),
        }),
        cpu: cpu(measured),
        failure: &measured.failure,
    }
}

fn cpu(measured: &Measured) -> Option<Cpu<'_>> {
    Some(Cpu {
        s_per_million: measured.cpu_seconds(CpuSeconds::total)?,
        user_s_per_million: measured.cpu_seconds(|cpu| cpu.user)?,
        system_s_per_million: measured.cpu_seconds(|cpu| cpu.system)?,
        s_per_gb: seconds_of_gigabyte(measured, CpuSeconds::total),
        repeats: &measured.cpu,
    })
}

fn percentiles(measured: &Measured) -> Vec<(f64, u64)> {
    let share = |nines: f64| 1.0 - 10f64.powf(-nines);
    measured.trips.curve().into_iter().map(|(nines, ns)| (share(nines), ns)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::sample;

    #[test]
    fn a_program_finds_what_it_looks_for() {
        let text = super::render(&sample::report()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["schema"], 1);
        assert!(json["machine"]["kernel"].is_string());
        let first = &json["results"][0];
        assert_eq!(first["kind"], "throughput");
        assert_eq!(first["backend"], "floor");
        assert_eq!(first["throughput"]["msgs_per_s"], 1e6);
        assert!(first.get("latency").is_none());
        let user = first["cpu"]["user_s_per_million"].as_f64().unwrap();
        assert!((1.99..2.01).contains(&user), "2 ms for 1001 messages: {user}");
        assert_eq!(first["cpu"]["repeats"][0]["user"], user);
        let last = &json["results"][5];
        assert_eq!(last["latency"]["trips"], 1000);
        assert_eq!(last["to_floor"], 0.5);
        assert!(last["latency"]["p99_ns"].as_u64().unwrap() >= 9_000);
    }
}
