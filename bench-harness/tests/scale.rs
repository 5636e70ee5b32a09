//! `scale` through the program itself, with few peers.
#![allow(clippy::unwrap_used)]

mod common;

use serde_json::Value;

#[test]
fn every_workload_is_run_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let output = common::program("scale --quick --peers 3,5 --backend auto --out")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    let json = std::fs::read(folder.path().join("scale.json")).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["failures"].as_array().unwrap().len(), 0);
    let rows = json["results"].as_array().unwrap();
    for workload in ["idle", "idle-sockets", "busy", "storm", "topics", "fanout", "echo"] {
        let rows_of_it: Vec<_> = rows.iter().filter(|row| row["play"] == workload).collect();
        assert!(!rows_of_it.is_empty(), "{workload} is missing");
        for row in rows_of_it {
            assert!(row["value"].as_f64().is_some_and(f64::is_finite), "{row}");
        }
    }
    assert!(table.contains("slowest peer"), "{table}");
    assert!(rows.iter().all(|row| row["metric"] != "messages"), "it is no figure of its own");
    for workload in ["busy", "fanout", "echo"] {
        let of_it = rows.iter().filter(|row| row["play"] == workload);
        let parts = of_it.filter(|row| row["metric"] == "user" || row["metric"] == "system");
        let seconds: f64 = parts.filter_map(|row| row["value"].as_f64()).sum();
        assert!(seconds > 0.0 || cfg!(not(unix)), "{workload} took no CPU time");
    }
    let html = std::fs::read_to_string(folder.path().join("scale.html")).unwrap();
    assert!(html.contains("<svg") && html.ends_with("</html>"));
}
