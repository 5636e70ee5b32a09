//! Processes that are told to end by a signal, while messages wait in them: the example `service`.

use crate::examples::Example;
use crate::harness::{GLANCE, patient};
use ringmq::{Context, Pull, Push};
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpListener;

const TASKS: u32 = 900;

/// A service that has done its tasks, with nobody there to take the results.
struct Service {
    example: Example,
    context: Context,
    /// Where it would like to send the results.
    results: String,
    _tasks: Push,
}

impl Service {
    fn start(arguments: &[&str]) -> Self {
        let context = Context::new();
        let tasks = patient(context.push().unwrap());
        let endpoint = tasks.bind("tcp://127.0.0.1:*").unwrap();
        // Nobody listens there until `receive` does.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let results = format!("tcp://{free}");
        let always = ["--tasks", &endpoint, "--results", &results];
        let mut example = Example::start("service", &[&always[..], arguments].concat());
        for number in 0..TASKS {
            tasks.send(number.to_string()).unwrap();
        }
        for number in 0..TASKS {
            assert_eq!(example.line("squared "), number.to_string());
        }
        Self { example, context, results, _tasks: tasks }
    }

    fn interrupt(&self) {
        let pid = Pid::from_raw(self.example.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
    }

    /// Ctrl-C, and it has heard that.
    fn end(&mut self) {
        self.interrupt();
        assert_eq!(self.example.line("ending"), "");
    }

    fn receive(&self) -> Pull {
        let pull = patient(self.context.pull().unwrap());
        pull.bind(&self.results).unwrap();
        for number in 0..TASKS {
            assert_eq!(pull.recv().unwrap(), &*(number * number).to_string());
        }
        pull
    }
}

#[test]
fn what_was_sent_before_ctrl_c_arrives() {
    let mut service = Service::start(&[]);
    service.end();
    let _results = service.receive();
    assert_eq!(service.example.finish(), "gave up 0 messages\n");
}

#[test]
fn returning_from_main_delivers_too() {
    let mut service = Service::start(&["--just-return"]);
    service.end();
    let _results = service.receive();
    assert_eq!(service.example.finish(), "");
}

#[test]
fn a_second_ctrl_c_gives_up() {
    for arguments in [&[][..], &["--just-return"]] {
        let mut service = Service::start(arguments);
        service.end();
        std::thread::sleep(GLANCE);
        assert!(service.example.is_running(), "it waits for a peer");
        service.interrupt();
        let said = service.example.finish();
        assert_eq!(said, if arguments.is_empty() { "gave up 900 messages\n" } else { "" });
    }
}

#[test]
fn patience_may_have_a_limit() {
    let mut service = Service::start(&["--patience", "0"]);
    service.end();
    let (said, success) = service.example.rest();
    assert!(!success);
    assert_eq!(said, format!("not delivered: messages still wait: 900 for {}\n", service.results));
}
