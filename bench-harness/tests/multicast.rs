//! Multicast through the program itself: between two namespaces, or a reason why not.
#![allow(clippy::unwrap_used)]

mod common;

use common::run;
use serde_json::Value;

/// The rows of a run; nothing where namespaces cannot be made, which it has to say.
fn rows(arguments: &str) -> Option<Vec<Value>> {
    let output = run(&format!("{arguments} --libzmq /none --json -"));
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        assert!(said.contains("two network namespaces with a cable"), "{said}");
        return None;
    }
    assert!(said.contains("libzmq is left out"), "{said}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn all_of_epgm_arrives() {
    let many = "throughput --transport epgm --size 64,3000 --mbit 200 --count 2000 --repeat 1 --receivers 2";
    for row in rows(many).into_iter().flatten().filter(|row| row["who"] == "ringmq") {
        assert_eq!(row["lost"], serde_json::json!([0.0]), "{row}");
        assert!(row["rounds"][0].as_f64().unwrap() > 0.0, "{row}");
    }
}

#[test]
fn round_trips_come_back() {
    for transport in ["epgm", "udp"] {
        let few = format!("latency --transport {transport} --count 2000 --repeat 1");
        for row in rows(&few).into_iter().flatten() {
            assert!(row["p50_ns"].as_u64().unwrap() > 0, "{row}");
        }
    }
}

#[test]
fn what_only_connections_have_is_refused() {
    for (words, reason) in [
        ("throughput --transport epgm --pattern push-pull", "leave"),
        ("throughput --transport epgm --size 7", "8 bytes or more"),
        ("throughput --transport epgm --receivers 2 --stopped 2", "not all of them"),
        ("latency --transport udp --receivers 2", "one receiver"),
        ("latency --transport epgm --pause 1ms", "for connections"),
        ("throughput --loss 5", "for --transport epgm"),
    ] {
        let output = run(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(reason), "{words}: {said}");
    }
}
