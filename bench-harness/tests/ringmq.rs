//! ringmq through the program itself: each road, backend and pattern, with few messages.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_plausible, results};

/// The backends of this machine, as the command line names them.
fn backends() -> String {
    match ringmq::Context::uring_available() {
        Ok(()) => "uring,mio".to_owned(),
        Err(_) => "mio".to_owned(),
    }
}

fn check(kind: &str, transport: &str, pattern: &str, sizes: &str) {
    let backends = backends();
    let found = results(&format!(
        "{kind} --transport {transport} --pattern {pattern} --backend {backends} --size {sizes} \
         --count 300"
    ));
    assert_eq!(found.len(), backends.split(',').count() * sizes.split(',').count());
    for result in &found {
        assert_plausible(result, kind, 300);
        assert_eq!(result["pattern"], pattern);
        let subject = result["subject"].as_str().unwrap();
        assert!(subject.contains(result["backend"].as_str().unwrap()), "{subject}");
    }
}

/// Every pattern over one road.
fn check_all(transport: &str) {
    for pattern in ["push-pull", "pub-sub", "dealer-router", "pair", "req-rep"] {
        check("throughput", transport, pattern, "64,64k");
    }
    for pattern in ["req-rep", "dealer-router", "pair"] {
        check("latency", transport, pattern, "64");
    }
}

#[test]
fn tcp() {
    check_all("tcp");
}

#[cfg(unix)]
#[test]
fn ipc() {
    check_all("ipc");
}

#[test]
fn inproc() {
    check_all("inproc");
}

#[test]
fn auto_says_what_it_chose_and_stands_beside_the_floor() {
    let found = results("throughput --count 300 --size 0,1,9,9000");
    assert_eq!(found.len(), 8, "ringmq and its floor for each size");
    for result in &found {
        assert_plausible(result, "throughput", 300);
        let ours = result["backend"] == "auto";
        assert_eq!(result["to_floor"].is_number(), ours, "{result}");
    }
}

#[test]
fn the_suite_writes_both_reports() {
    let folder = tempfile::tempdir().unwrap();
    let output = common::program("--repeat 1 --seconds 0.01 --pin off --out")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let html = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert_eq!(html.matches("<svg").count(), if cfg!(unix) { 6 } else { 4 });
    let json = std::fs::read(folder.path().join("report.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert!(json["machine"]["command"].is_string());
    assert!(json["results"].as_array().unwrap().iter().all(|result| result["failure"].is_null()));
    let table = String::from_utf8(output.stdout).unwrap();
    for wanted in ["Throughput", "Round trips", "p99.9", "report.html", "report.json"] {
        assert!(table.contains(wanted), "{wanted} is missing in\n{table}");
    }
}
