//! A process that forks: the child lets go of what it has inherited, at once and without doing anything to
//! its parent's connections.
#![cfg(unix)]

use crate::harness::{Harness, everywhere, within_patience};
use fork::Fork;
use ringmq::Error;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

everywhere![a_child_may_close_what_it_has_inherited];

/// Runs something in a child, and waits for its end; `false` if it did not come to a good one.
fn in_child(run: impl FnOnce() -> bool) -> bool {
    match fork::fork().unwrap() {
        Fork::Child => {
            let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
            std::process::exit(if matches!(good, Ok(true)) { 0 } else { 1 });
        }
        Fork::Parent(child) => {
            let child = Pid::from_raw(child);
            let mut status = None;
            let ended = within_patience(|| {
                status = waitpid(child, WaitOptions::NOHANG).unwrap();
                status.is_some()
            });
            if !ended {
                kill_process(child.unwrap(), Signal::KILL).unwrap();
                waitpid(child, WaitOptions::empty()).unwrap();
            }
            status.is_some_and(|(_, status)| status.exit_status() == Some(0))
        }
    }
}

fn a_child_may_close_what_it_has_inherited(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    push.send("before").unwrap();
    assert_eq!(pull.recv().unwrap(), "before");
    // More than is delivered: for that the parent would linger.
    push.set_linger(None).unwrap();
    push.connect("tcp://127.0.0.1:1").unwrap();
    let context = harness.context.clone();
    let (mut mine, mut socket) = (Some(context), Some((push, pull)));
    let good = in_child(|| {
        let context = mine.take().unwrap();
        let (push, pull) = socket.take().unwrap();
        let refused = matches!(context.pull(), Err(Error::Terminated));
        drop(push);
        context.shutdown();
        drop(pull);
        context.term();
        drop(context);
        refused
    });
    assert!(good, "the child hangs, or has panicked");
    let (push, pull) = socket.unwrap();
    push.disconnect("tcp://127.0.0.1:1").unwrap();
    for number in 0..100u8 {
        push.send([number]).unwrap();
        assert_eq!(pull.recv().unwrap(), [number], "as if there had been no child");
    }
}
