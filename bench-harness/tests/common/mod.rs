//! Runs the program that was built, with little to do, and reads its JSON.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;

/// The program with these arguments, separated by spaces.
pub(crate) fn program(args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringmq-bench"));
    command.args(args.split_whitespace());
    command
}

/// Runs to the end.
pub(crate) fn run(args: &str) -> Output {
    program(args).output().unwrap()
}

/// Runs once, without pinning and with few messages; the results of its JSON report.
#[allow(dead_code)] // Each test file is a crate of its own and uses what it needs.
pub(crate) fn results(args: &str) -> Vec<Value> {
    let output = run(&format!("{args} --repeat 1 --pin off --json -"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args} ended with {}:\n{errors}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], 1);
    let results = report["results"].as_array().unwrap().clone();
    for result in &results {
        let cpu = result["cpu"]["s_per_million"].as_f64();
        assert!(cpu.map_or(cfg!(not(unix)), |seconds| seconds > 0.0), "{result}");
    }
    results
}

/// Asserts that a result of `kind` counted `count` messages and found plausible figures.
#[allow(dead_code)] // Each test file is a crate of its own and uses what it needs.
pub(crate) fn assert_plausible(result: &Value, kind: &str, count: u64) {
    assert_eq!(result["kind"], kind, "{result}");
    assert_eq!(result["messages"], count, "{result}");
    assert!(result["failure"].is_null(), "{result}");
    assert!(!result["subject"].as_str().unwrap().is_empty(), "{result}");
    if kind == "throughput" {
        assert!(result["throughput"]["msgs_per_s"].as_f64().unwrap() > 0.0, "{result}");
    } else {
        let ns = |field: &str| result["latency"][field].as_u64().unwrap();
        assert_eq!(ns("trips"), count, "{result}");
        assert!(0 < ns("p50_ns") && ns("p50_ns") <= ns("p99_ns"), "{result}");
        assert!(ns("p99_ns") <= ns("p999_ns") && ns("p999_ns") <= ns("max_ns"), "{result}");
    }
}
