//! Every floor, through the program itself: all messages arrive, and the report says so.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use common::{assert_plausible, program, results, run};

fn check(kind: &str, transport: &str, backends: &str, sizes: &str) {
    let args =
        format!("{kind} --transport {transport} --backend {backends} --size {sizes} --count 500");
    let found = results(&args);
    assert_eq!(found.len(), backends.split(',').count() * sizes.split(',').count());
    for result in &found {
        assert_plausible(result, kind, 500);
        assert_eq!(result["transport"], transport);
    }
}

#[test]
fn tcp_throughput() {
    check("throughput", "tcp", "floor,floor-blocking", "0,1,8,64,255,256,64k,300k");
}

#[test]
fn tcp_latency() {
    check("latency", "tcp", "floor,floor-blocking", "0,64,100k --pattern pair");
}

#[cfg(unix)]
#[test]
fn ipc_throughput() {
    check("throughput", "ipc", "floor,floor-blocking", "0,64,256,64k");
}

#[cfg(unix)]
#[test]
fn ipc_latency() {
    check("latency", "ipc", "floor,floor-blocking", "64");
}

#[test]
fn inproc_throughput() {
    check("throughput", "inproc", "floor", "0,1,16,64,65,64k");
}

#[test]
fn inproc_latency() {
    check("latency", "inproc", "floor,floor-blocking", "64");
}

/// Starts the receiving side by hand; the port it listens on, once it does.
fn receiver(args: &str) -> (std::process::Child, String, BufReader<std::process::ChildStderr>) {
    let mut child = program(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    let endpoint = line.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(endpoint.starts_with("tcp://127.0.0.1:"), "{line}");
    (child, endpoint, errors)
}

const BIND: &str = "--role bind --endpoint tcp://127.0.0.1:* --backend floor --pin off --count 500";
const CONNECT: &str = "--role connect --backend floor --pin off --count 500 --endpoint";

#[test]
fn two_processes_started_by_hand_find_each_other() {
    let (child, endpoint, _errors) = receiver(&format!("throughput {BIND} --json"));
    let sender = run(&format!("throughput {CONNECT} {endpoint}"));
    assert!(sender.status.success(), "{sender:?}");
    assert!(sender.stdout.is_empty(), "the receiver prints the result: {sender:?}");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_plausible(&report["results"][0], "throughput", 500);
}

#[test]
fn a_message_that_is_not_the_expected_one_fails_the_run() {
    let (child, endpoint, mut errors) = receiver(&format!("throughput {BIND} --size 64"));
    run(&format!("throughput {CONNECT} {endpoint} --size 63"));
    let output = child.wait_with_output().unwrap();
    let mut text = String::new();
    errors.read_to_string(&mut text).unwrap();
    assert!(!output.status.success());
    assert!(text.contains("message 0 of 64 bytes was expected, but one of 63 bytes"), "{text}");
}

#[test]
fn a_round_trip_over_a_one_way_pattern_is_refused() {
    let output = run("latency --pattern push-pull");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("req-rep"));
}
