//! The examples, run as their readers run them: as processes.

use crate::harness::{PATIENCE, eventually, patient};
use ringmq::Context;
use ringmq::auth::Certificate;
use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

/// An example under way; ended when the test gives up on it.
pub(crate) struct Example {
    name: &'static str,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Example {
    pub(crate) fn start<S: AsRef<str>>(name: &'static str, arguments: &[S]) -> Self {
        // Cargo puts examples beside the folder of the tests.
        let mut path = std::env::current_exe().unwrap();
        path.pop();
        path.pop();
        path.push(format!("examples/{name}{}", std::env::consts::EXE_SUFFIX));
        assert!(path.exists(), "{} is not built: cargo build --examples", path.display());
        let arguments = arguments.iter().map(AsRef::as_ref);
        let mut child = Command::new(path).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { name, child, output }
    }

    /// What follows `start` in the next line.
    pub(crate) fn line(&mut self, start: &str) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let rest = line.trim_end().strip_prefix(start);
        rest.unwrap_or_else(|| panic!("{}: {line:?} does not begin with {start:?}", self.name))
            .into()
    }

    /// The rest of the output, of an example that ends well.
    pub(crate) fn finish(self) -> String {
        let (succeeded, output) = self.end();
        assert!(succeeded, "{output}");
        output
    }

    /// Whether it ends well, and the rest of its output.
    pub(crate) fn end(mut self) -> (bool, String) {
        let (rest, succeeded) = self.rest();
        (succeeded, rest)
    }

    /// The rest of the output, and whether it has ended well.
    pub(crate) fn rest(&mut self) -> (String, bool) {
        let start = Instant::now();
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        eventually("it ends", || self.child.try_wait().unwrap().is_some());
        assert!(start.elapsed() < PATIENCE);
        (rest, self.child.wait().unwrap().success())
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // It has ended, or its test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ANYWHERE: [&str; 2] = ["--endpoint", "tcp://127.0.0.1:*"];

#[test]
fn hello() {
    let mut server = Example::start("hello_server", &[&ANYWHERE[..], &["--count", "5"]].concat());
    let endpoint = server.line("listening on ");
    let client = Example::start("hello_client", &["--endpoint", &endpoint, "--count", "5"]);
    let replies = client.finish();
    assert_eq!(replies.lines().count(), 5);
    assert!(replies.lines().all(|line| line.ends_with(": world")), "{replies}");
    assert_eq!(server.finish(), "received hello\n".repeat(5));
}

#[test]
fn hello_between_runtimes() {
    let mut server = Example::start("tokio_server", &[&ANYWHERE[..], &["--count", "6"]].concat());
    let endpoint = server.line("listening on ");
    let arguments = ["--endpoint", &endpoint, "--clients", "3", "--count", "2"];
    let replies = Example::start("smol_client", &arguments).finish();
    assert_eq!(replies.lines().count(), 6);
    assert!(replies.lines().all(|line| line.ends_with(": world")), "{replies}");
    assert_eq!(server.finish(), "received hello\n".repeat(6));
}

#[test]
fn weather() {
    let mut publisher =
        Example::start("weather_publisher", &[&ANYWHERE[..], &["--pause", "1"]].concat());
    let endpoint = publisher.line("listening on ");
    let subscribers = ["zurich", "l"].map(|place| {
        let arguments = ["--endpoint", &endpoint, "--place", place, "--count", "5"];
        Example::start("weather_subscriber", &arguments)
    });
    for (place, subscriber) in ["zurich", "l"].into_iter().zip(subscribers) {
        let line = subscriber.finish();
        assert!(line.starts_with(&format!("{place}: ")) && line.contains("of 5"), "{line}");
    }
}

#[test]
fn divide_and_conquer() {
    let mut sink = Example::start("sink", &[&ANYWHERE[..], &["--count", "40"]].concat());
    let results = sink.line("listening on ");
    let mut ventilator =
        Example::start("ventilator", &[&ANYWHERE[..], &["--count", "40"]].concat());
    let tasks = ventilator.line("listening on ");
    let _workers =
        [(); 2].map(|()| Example::start("worker", &["--tasks", &tasks, "--results", &results]));
    // The sum of the squares of 0 to 39.
    assert_eq!(sink.finish(), "the sum is 20540\n");
    assert_eq!(ventilator.finish(), "handed out 40 tasks\n");
}

#[test]
fn load_balancing() {
    let mut servers = [(); 3]
        .map(|()| Example::start("hello_server", &[&ANYWHERE[..], &["--count", "4"]].concat()));
    let endpoints: Vec<String> =
        servers.iter_mut().map(|server| server.line("listening on ")).collect();
    let arguments = [endpoints, vec!["--count".into(), "12".into()]].concat();
    let replies = Example::start("load_balanced_client", &arguments).finish();
    assert_eq!(replies.lines().count(), 12);
    for server in servers {
        assert_eq!(server.finish().lines().count(), 4, "each gets its share");
    }
}

#[test]
fn brokering() {
    const ANY: &str = "tcp://127.0.0.1:*";
    let arguments = ["--frontend", ANY, "--backend", ANY, "--control", ANY];
    let mut broker = Example::start("broker", &arguments);
    let frontend = broker.line("frontend on ");
    let backend = broker.line("backend on ");
    let control = broker.line("control on ");
    let context = Context::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let server = patient(context.rep().unwrap());
            server.connect(&backend).unwrap();
            for _ in 0..6 {
                assert_eq!(server.recv().unwrap(), "hello");
                server.send("served").unwrap();
            }
            // The last reply is on its way.
            server.set_linger(None).unwrap();
        });
        let clients = [(); 2]
            .map(|()| Example::start("hello_client", &["--endpoint", &frontend, "--count", "3"]));
        for client in clients {
            let replies = client.finish();
            assert_eq!(replies.matches(": served").count(), 3, "{replies}");
        }
        let remote = patient(context.pair().unwrap());
        remote.connect(&control).unwrap();
        remote.send("TERMINATE").unwrap();
        broker.finish();
    });
}

#[test]
fn multicast() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let all = "received 200, missing 0, out of order 0, up to 200\ndropped 0\n";
    for (receive, send, transport) in [("subscribe", "publish", "epgm"), ("dish", "radio", "udp")] {
        let group = format!("{transport}://127.0.0.1;239.192.9.1:{port}");
        let count = [&group[..], "--count", "200"];
        let mut receiver = Example::start("multicast", &[&[receive][..], &count].concat());
        assert_eq!(receiver.line("listening on "), group);
        let sent = Example::start("multicast", &[&[send][..], &count].concat()).finish();
        assert!(sent.ends_with("sent 200\ndropped 0\n"), "{sent}");
        let received = receiver.finish();
        assert!(received.starts_with(all), "{received}");
        assert_eq!(received.contains("has begun"), transport == "epgm", "{received}");
    }
    let answering = ["answer", "udp://127.0.0.1:*", "--count", "20"];
    let mut answering = Example::start("multicast", &answering);
    let endpoint = answering.line("listening on ");
    let to = endpoint.strip_prefix("udp://").unwrap();
    let asking = ["ask", "udp://127.0.0.1:*", to, "--count", "20"];
    let answers = Example::start("multicast", &asking).finish();
    let all = all.replace("200", "20");
    assert!(answers.ends_with(&all), "{answers}");
    assert_eq!(answering.finish(), all);
}

#[test]
fn certificates() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (made, copy) = (path("a.key"), path("b.key"));
    let shown = Example::start("certificate", &["new", &made, "name=Alice"]).finish();
    let key = Certificate::load(&made).unwrap().public_key();
    assert_eq!(shown, format!("{key}\nname = Alice\n"));
    assert_eq!(Example::start("certificate", &["copy", &made, &copy]).finish(), "");
    assert_eq!(Example::start("certificate", &["show", &copy]).finish(), shown);
    assert!(Certificate::load(&copy).unwrap().secret_key().is_some());
}
