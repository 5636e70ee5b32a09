//! ringmq through the program itself: each road, backend and pattern, with few messages.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::{assert_plausible, program, results, run};

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

/// Both kinds beside the bare cipher, over each road that leaves the process.
#[test]
fn under_curve() {
    let who = format!("floor,floor-blocking,{}", backends());
    let roads: &[&str] = if cfg!(unix) { &["tcp", "ipc"] } else { &["tcp"] };
    for (kind, sizes) in [("throughput", "0,1,64,5k,100k"), ("latency", "0,64,5k")] {
        for transport in roads {
            let found = results(&format!(
                "{kind} --transport {transport} --mechanism curve --size {sizes} --backend {who} \
                 --count 300"
            ));
            assert_eq!(found.len(), sizes.split(',').count() * who.split(',').count());
            for result in &found {
                assert_plausible(result, kind, 300);
                assert_eq!(result["mechanism"], "curve", "{result}");
                let of_floor = result["backend"].as_str().unwrap().starts_with("floor");
                let subject = result["subject"].as_str().unwrap();
                assert_eq!(subject.contains("bare cipher"), of_floor, "{subject}");
            }
        }
    }
}

#[test]
fn what_cannot_be_encrypted_is_refused() {
    let refused = |args: &str| {
        let output = run(args);
        assert!(!output.status.success(), "{args}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let inproc = refused("throughput --mechanism curve --transport inproc");
    assert!(inproc.contains("never leave"), "{inproc}");
    let rate = refused("latency --mechanism curve --rate 10");
    assert!(rate.contains("--backend"), "{rate}");
    let by_hand = "throughput --role connect --endpoint tcp://127.0.0.1:9 --backend mio";
    let keyless = refused(&format!("{by_hand} --mechanism curve"));
    assert!(keyless.contains("needs --server-key"), "{keyless}");
    let key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    let null = refused(&format!("{by_hand} --server-key {key}"));
    assert!(null.contains("needs --mechanism curve"), "{null}");
    let broken = refused(&format!("{by_hand} --mechanism curve --server-key short"));
    assert!(broken.contains("40 characters"), "{broken}");
}

/// The receiver, started by hand, says with which key the sender is to connect.
#[test]
fn two_sides_started_by_hand_encrypt() {
    let bind = "throughput --role bind --endpoint tcp://127.0.0.1:* --backend mio --pin off \
                --count 500 --mechanism curve --json";
    let mut child = program(bind).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut last_word = || {
        let line = lines.next().unwrap().unwrap();
        line.trim().rsplit(' ').next().unwrap().to_owned()
    };
    let (endpoint, key) = (last_word(), last_word());
    assert_eq!(key.len(), 40, "{key}");
    let mut connect =
        program("throughput --role connect --backend mio --pin off --count 500 --mechanism curve");
    let sent = connect.args(["--endpoint", &endpoint, "--server-key", &key]).output().unwrap();
    assert!(sent.status.success(), "{sent:?}");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_plausible(&report["results"][0], "throughput", 500);
    assert_eq!(report["results"][0]["mechanism"], "curve");
}

/// Every way of making bodies and of receiving them, small ones, large ones and some that fill no buffer.
#[test]
fn the_curve_has_every_point_beside_its_floor() {
    let backends = format!("floor,floor-blocking,{}", backends());
    let (sizes, transports) = ("100,5k,100k", if cfg!(unix) { "tcp,ipc" } else { "tcp" });
    let found = results(&format!(
        "curve --transport {transports} --size {sizes} --handling drop,keep,lines,bytes \
         --backend {backends} --seconds 0.01"
    ));
    let (roads, who) = (transports.split(',').count(), backends.split(',').count());
    assert_eq!(found.len(), roads * 3 * 3 * 4 * who);
    for result in &found {
        assert_plausible(result, "throughput", result["messages"].as_u64().unwrap());
        assert!(result["throughput"]["gb_per_s"].as_f64().unwrap() > 0.0, "{result}");
        let cpu = &result["cpu"]["s_per_gb"];
        assert!(cpu.as_f64().map_or(cfg!(not(unix)), |seconds| seconds > 0.0), "{result}");
        assert_eq!(result["to_floor"].is_number(), result["backend"] != "floor", "{result}");
    }
}

#[test]
fn ringmq_that_is_told_to_spin_has_a_row_of_its_own() {
    let backends = backends();
    let args = "latency --transport inproc --rate 20000 --spin 100us --count 300";
    let found = results(&format!("{args} --backend floor,{backends}"));
    assert_eq!(found.len(), 1 + 2 * backends.split(',').count());
    let spinning = found.iter().filter(|result| result["spin_us"] == 100);
    assert_eq!(spinning.count(), backends.split(',').count());
    for result in &found {
        assert_plausible(result, "latency", 300);
    }
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

/// Every way of asking over one road, for ringmq and both floors.
fn check_manners(transport: &str) {
    let backends = format!("{},floor,floor-blocking", backends());
    let count = backends.split(',').count();
    let latency = format!("latency --transport {transport} --backend {backends} --count 300");
    for args in ["--rate 20000", "--rate 20000 --pattern dealer-router", "--pause 100us"] {
        let found = results(&format!("{latency} {args}"));
        assert_eq!(found.len(), count);
        for result in &found {
            assert_plausible(result, "latency", 300);
            assert!(result["load"].is_object(), "{result}");
        }
    }
}

#[test]
fn tcp_on_a_schedule_and_after_pauses() {
    check_manners("tcp");
}

#[cfg(unix)]
#[test]
fn ipc_on_a_schedule_and_after_pauses() {
    check_manners("ipc");
}

#[test]
fn inproc_on_a_schedule_and_after_pauses() {
    check_manners("inproc");
}

/// More is under way than fits into the window, and into the buffers of a socket.
#[test]
fn a_rate_that_nobody_can_keep_shows_in_the_times() {
    let found = results("latency --rate 10000000 --count 3000 --size 64,64k --backend auto,floor");
    for result in &found {
        let ns = |field: &str| result["latency"][field].as_u64().unwrap();
        assert!(ns("p50_ns") > 100_000, "3,000 of them within 300 us: {result}");
    }
}

#[test]
fn threads_share_a_core_where_they_are_told_to() {
    let share = |how: &str| {
        let args = format!("latency --count 300 --repeat 1 --json - --share-core {how}");
        common::run(&args)
    };
    for how in ["side", "all"] {
        let output = share(how);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        if errors.contains("it needs two of them") {
            eprintln!("skipped: this machine has no two cores");
            return;
        }
        assert!(output.status.success(), "{errors}");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let pinned = &report["machine"]["pinned"];
        assert_eq!(pinned["connect"], pinned["connect_io"], "{pinned}");
        assert_eq!(pinned["bind"] == pinned["connect"], how == "all", "{pinned}");
        assert_eq!(report["results"][0]["sharing"], how);
    }
    assert!(!share("all --pin off").status.success(), "there is nothing to share");
}

#[test]
fn a_comparison_that_cannot_be_read_ends_the_suite_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("versus.json"), "[{}]").unwrap();
    let output = common::program("--out").arg(folder.path()).output().unwrap();
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("versus.json is not what") && errors.contains("`case`"), "{errors}");
}

/// As `ci/versus --json` writes it, where a library has no figure.
const VERSUS: &str = r#"[{"case": "tcp/throughput/64", "backend": "uring", "unit": "M msg/s",
    "ringmq": 50.0, "floor": 100.0, "libzmq": 5.0, "omq": null, "monocoque": null, "rzmq": null,
    "zmqrs": null}]"#;

#[test]
fn the_suite_writes_both_reports() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("versus.json"), VERSUS).unwrap();
    let output = common::program("--repeat 1 --seconds 0.01 --pin off --out")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let html = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    // Three of each road (two where the system tells no CPU time), one of each curve, two of each
    // schedule, one of the comparison.
    assert_eq!(html.matches("<svg").count(), if cfg!(unix) { 16 } else { 10 });
    assert!(html.contains("Beside other libraries") && html.contains("10.0 x"));
    let json = std::fs::read(folder.path().join("report.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert!(json["machine"]["command"].is_string());
    assert!(json["results"].as_array().unwrap().iter().all(|result| result["failure"].is_null()));
    let table = String::from_utf8(output.stdout).unwrap();
    for wanted in ["Throughput", "Round trips", "p99.99", "after 1 s", "report.html", "report.json"]
    {
        assert!(table.contains(wanted), "{wanted} is missing in\n{table}");
    }
}
