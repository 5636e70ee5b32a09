//! A process that has used up its descriptors: errors, no harm, and recovery when some are free again.
//!
//! The server runs in a child process, which is this test binary again.
#![cfg(unix)]

use crate::harness::{Harness, PATIENCE, over_tcp};
use ringmq::{BackendChoice, Context, MonitorEvent};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

over_tcp![a_server_without_descriptors_recovers, those_who_come_and_go_use_up_no_descriptors];

/// Set for the child: which backend its server uses.
const CHILD: &str = "RINGMQ_TEST_EXHAUSTED";
/// Descriptors that the child may have.
const LIMIT: u64 = 40;
/// Descriptors for one whose peers come and go: far more than are there at a time.
const ROOM: u64 = 200;

/// The context of a child that may have so many descriptors; `None` when this is no child.
fn child_with(limit: u64) -> Option<Context> {
    let backend = std::env::var(CHILD).ok()?;
    let backend = if backend == "Uring" { BackendChoice::Uring } else { BackendChoice::Mio };
    // Before the listener is made: io_uring notes the limit when it is asked to accept.
    setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum: Some(limit) }).unwrap();
    Some(Context::builder().backend(backend).build().unwrap())
}

/// The child's part: does nothing when it is run as a test.
#[test]
fn exhausted_child() {
    let Some(context) = child_with(LIMIT) else { return };
    let pull = crate::harness::patient(context.pull().unwrap());
    let monitor = pull.monitor();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    println!("endpoint {endpoint}");
    crate::harness::await_event(&monitor, |event| {
        matches!(event, MonitorEvent::AcceptFailed { .. }).then_some(())
    });
    let spare = context.pull().unwrap();
    println!("refused: {}", spare.bind("tcp://127.0.0.1:*").unwrap_err());
    assert_eq!(pull.recv().unwrap(), "alive");
    println!("heard");
    crate::harness::eventually("there is room again", || spare.bind("tcp://127.0.0.1:*").is_ok());
    println!("recovered");
}

/// The child's part: does nothing when it is run as a test.
#[test]
fn visited_child() {
    let Some(context) = child_with(ROOM) else { return };
    let pull = crate::harness::patient(context.pull().unwrap());
    let monitor = pull.monitor();
    println!("endpoint {}", pull.bind("tcp://127.0.0.1:*").unwrap());
    let watch = std::thread::spawn(move || {
        let events = std::iter::from_fn(|| monitor.recv().ok());
        events.filter(|event| matches!(event, MonitorEvent::AcceptFailed { .. })).count()
    });
    pull.set_recv_timeout(None).unwrap();
    assert_eq!(pull.recv().unwrap(), "alive");
    drop(pull);
    println!("refused {}", watch.join().unwrap());
}

/// A child that runs one of the tests of this file, and how its lines are awaited: up to one that has
/// `start` in it, of which the rest is given.
fn child(harness: &Harness, test: &str) -> (Child, impl FnMut(&str) -> String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, format!("{:?}", harness.backend))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let await_line = move |start: &str| {
        let found =
            lines.find_map(|line| line.unwrap().split_once(start).map(|two| two.1.to_owned()));
        found.unwrap_or_else(|| panic!("the child ended before it said {start:?}"))
    };
    (child, await_line)
}

fn say_alive(harness: &Harness, endpoint: &str) {
    let push = harness.push();
    push.set_send_timeout(Some(PATIENCE)).unwrap();
    push.set_linger(Some(PATIENCE)).unwrap();
    push.connect(endpoint).unwrap();
    push.send("alive").unwrap();
}

fn those_who_come_and_go_use_up_no_descriptors(harness: &Harness) {
    const VISITORS: usize = 1500;
    let (mut child, mut await_line) = child(harness, "exhaustion::visited_child");
    let endpoint = await_line("endpoint ");
    let address = endpoint.strip_prefix("tcp://").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                (0..VISITORS).for_each(|_| drop(TcpStream::connect(address).unwrap()));
            });
        }
    });
    say_alive(harness, &endpoint);
    assert_eq!(await_line("refused "), "0", "visitors were turned away");
    assert!(child.wait().unwrap().success());
}

fn a_server_without_descriptors_recovers(harness: &Harness) {
    let (mut child, mut await_line) = child(harness, "exhaustion::exhausted_child");
    let endpoint = await_line("endpoint ");
    let address = endpoint.strip_prefix("tcp://").unwrap();
    let streams: Vec<_> = (0..LIMIT).map(|_| TcpStream::connect(address).unwrap()).collect();
    let error = await_line("refused: ");
    assert!(!error.is_empty());
    drop(streams);
    say_alive(harness, &endpoint);
    await_line("heard");
    await_line("recovered");
    assert!(child.wait().unwrap().success());
}
