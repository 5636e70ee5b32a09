//! What the tests of the engine share: running a test on both backends, and running one in a process
//! of its own.
#![allow(clippy::unwrap_used, dead_code, unused_macros, unused_imports)]

use ringmq_engine::{BackendKind, uring_available};
use socket2::{Domain, Socket, Type};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long anything may take that is expected to happen: far longer than it does.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Set in a process that was started for one test.
const ALONE: &str = "RINGMQ_TEST_ALONE";

/// Makes two tests of each function: one with mio, one with io_uring.
macro_rules! on_each_backend {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {$(
        $(#[$attribute])*
        mod $name {
            #[test]
            fn mio() {
                super::$name(ringmq_engine::BackendKind::Mio);
            }

            #[test]
            fn uring() {
                $crate::common::if_uring(concat!(module_path!(), "::uring"), super::$name);
            }
        }
    )*};
}

/// As [`on_each_backend`], each test in a process of its own: for those that count descriptors or
/// change limits.
macro_rules! on_each_backend_alone {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {$(
        $(#[$attribute])*
        mod $name {
            #[test]
            fn mio() {
                $crate::common::alone(concat!(module_path!(), "::mio"), &[], || {
                    super::$name(ringmq_engine::BackendKind::Mio)
                });
            }

            #[test]
            fn uring() {
                let name = concat!(module_path!(), "::uring");
                $crate::common::alone(name, &[], || {
                    $crate::common::if_uring(name, super::$name)
                });
            }
        }
    )*};
}

pub(crate) use {on_each_backend, on_each_backend_alone};

/// Both ends of a connection within this machine: of Unix sockets, where they come in pairs.
#[cfg(unix)]
pub(crate) fn stream_pair() -> (Socket, Socket) {
    Socket::pair(Domain::UNIX, Type::STREAM, None).unwrap()
}

/// The same over tcp, with buffers as small as those of Unix sockets.
#[cfg(not(unix))]
pub(crate) fn stream_pair() -> (Socket, Socket) {
    tcp_pair_with(|socket| {
        socket.set_send_buffer_size(BUFFER).unwrap();
        socket.set_recv_buffer_size(BUFFER).unwrap();
    })
}

#[cfg(not(unix))]
const BUFFER: usize = 100 * 1024;

/// Both ends of a connection over loopback tcp.
pub(crate) fn tcp_pair() -> (Socket, Socket) {
    tcp_pair_with(|_| {})
}

/// Sockets have what `prepare` does to them from the beginning.
fn tcp_pair_with(prepare: fn(&Socket)) -> (Socket, Socket) {
    let tcp = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        prepare(&socket);
        socket
    };
    let listener = tcp();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(1).unwrap();
    let near = tcp();
    near.connect(&listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

/// Whether what looks like Windows is Wine.
pub(crate) fn under_wine() -> bool {
    cfg!(windows) && std::env::var_os("RINGMQ_TEST_UNDER_WINE").is_some()
}

/// Runs a test with io_uring, or says on the terminal that it was skipped.
pub(crate) fn if_uring(name: &str, test: fn(BackendKind)) {
    match uring_available() {
        Ok(()) => test(BackendKind::Uring),
        Err(reason) => skipped(name, &reason),
    }
}

/// Says so where the test runner does not keep it for itself.
pub(crate) fn skipped(name: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {reason}");
}

/// Runs the test called `name`, with that environment, in a process of its own.
pub(crate) fn alone(name: &str, environment: &[(&str, &str)], test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    // The name begins with that of this crate, which the test runner leaves out.
    let name = name.split_once("::").map_or(name, |(_, name)| name);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1"])
        .env_remove("RINGMQ_BACKEND")
        .envs(environment.iter().copied())
        .env(ALONE, "1")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{name} alone: {}\n{text}", output.status);
    assert!(text.contains("1 passed"), "there is no test called {name}\n{text}");
}
