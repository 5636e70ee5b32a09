//! A process that has used up its descriptors: errors, no harm, and recovery when some are free again.
//!
//! The server runs in a child process, which is this test binary again.
#![cfg(unix)]

use crate::bed::{Bed, PATIENCE, over_tcp};
use ringmq::{BackendChoice, Context, MonitorEvent};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};

over_tcp![a_server_without_descriptors_recovers];

/// Set for the child: which backend its server uses.
const CHILD: &str = "RINGMQ_TEST_EXHAUSTED";
/// Descriptors that the child may have.
const LIMIT: u64 = 40;

/// The child's part: does nothing when it is run as a test.
#[test]
fn exhausted_child() {
    let Ok(backend) = std::env::var(CHILD) else { return };
    let backend = if backend == "Uring" { BackendChoice::Uring } else { BackendChoice::Mio };
    // Before the listener is made: io_uring notes the limit when it is asked to accept.
    setrlimit(Resource::Nofile, Rlimit { current: Some(LIMIT), maximum: Some(LIMIT) }).unwrap();
    let context = Context::builder().backend(backend).build().unwrap();
    let pull = crate::bed::patient(context.pull().unwrap());
    let monitor = pull.monitor();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    println!("endpoint {endpoint}");
    crate::bed::await_event(&monitor, |event| {
        matches!(event, MonitorEvent::AcceptFailed { .. }).then_some(())
    });
    let spare = context.pull().unwrap();
    println!("refused: {}", spare.bind("tcp://127.0.0.1:*").unwrap_err());
    assert_eq!(pull.recv().unwrap(), "alive");
    println!("heard");
    crate::bed::eventually("there is room again", || spare.bind("tcp://127.0.0.1:*").is_ok());
    println!("recovered");
}

fn a_server_without_descriptors_recovers(bed: &Bed) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "exhaustion::exhausted_child", "--nocapture"])
        .env(CHILD, format!("{:?}", bed.backend))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut await_line = |start: &str| {
        let found =
            lines.find_map(|line| line.unwrap().split_once(start).map(|two| two.1.to_owned()));
        found.unwrap_or_else(|| panic!("the child ended before it said {start:?}"))
    };
    let endpoint = await_line("endpoint ");
    let address = endpoint.strip_prefix("tcp://").unwrap();
    let streams: Vec<_> = (0..LIMIT).map(|_| TcpStream::connect(address).unwrap()).collect();
    let error = await_line("refused: ");
    assert!(!error.is_empty());
    drop(streams);
    let push = bed.push();
    push.set_send_timeout(Some(PATIENCE)).unwrap();
    push.connect(&endpoint).unwrap();
    push.send("alive").unwrap();
    await_line("heard");
    await_line("recovered");
    assert!(child.wait().unwrap().success());
}
