//! ipc endpoints: paths, abstract names, and what cannot be bound.

use crate::harness::{Harness, place};
use ringmq::Error;
use std::path::Path;

/// Makes tests of promises over ipc, on every backend.
macro_rules! over_ipc {
    ($($(#[$attribute:meta])* $promise:ident),* $(,)?) => {$(
        $(#[$attribute])*
        mod $promise {
            super::place!($promise mio Ipc Mio);
            super::place!($promise uring Ipc Uring);
        }
    )*};
}

over_ipc![
    a_path_is_bound,
    an_abstract_name_leaves_no_file,
    a_wildcard_path_goes_away,
    a_directory_that_is_not_there,
    #[cfg(unix)]
    a_directory_that_cannot_be_written,
    a_file_that_is_no_socket_is_kept,
];

/// A message through an endpoint.
fn try_out(harness: &Harness, endpoint: &str) {
    let (push, pull) = (harness.push(), harness.pull());
    assert_eq!(pull.bind(endpoint).unwrap(), endpoint);
    push.connect(endpoint).unwrap();
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
}

fn a_path_is_bound(harness: &Harness) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    try_out(harness, &format!("ipc://{}", path.display()));
    // Another process, or this one again, takes the path over.
    try_out(harness, &format!("ipc://{}", path.display()));
}

fn an_abstract_name_leaves_no_file(harness: &Harness) {
    if cfg!(target_os = "linux") {
        let name = format!("ringmq-test-{}-{:?}", std::process::id(), harness.backend);
        try_out(harness, &format!("ipc://@{name}"));
        assert!(!Path::new(&name).exists() && !Path::new(&format!("@{name}")).exists());
    }
}

fn a_wildcard_path_goes_away(harness: &Harness) {
    let pull = harness.pull();
    let endpoint = pull.bind("ipc://*").unwrap();
    let path = Path::new(endpoint.strip_prefix("ipc://").unwrap()).to_owned();
    assert!(path.exists());
    drop(pull);
    crate::harness::eventually("the path is removed", || !path.exists());
}

fn a_directory_that_is_not_there(harness: &Harness) {
    let folder = tempfile::tempdir().unwrap();
    let pull = harness.pull();
    let missing = format!("ipc://{}/none/socket", folder.path().display());
    let error = pull.bind(&missing).unwrap_err();
    assert!(matches!(error, Error::Bind(_)) && error.to_string().contains("none"), "{error}");
    pull.bind("ipc://*").unwrap();
}

#[cfg(unix)]
fn a_directory_that_cannot_be_written(harness: &Harness) {
    // Root writes anywhere, but not here.
    let pull = harness.pull();
    let error = pull.bind("ipc:///proc/ringmq").unwrap_err();
    assert!(matches!(error, Error::Bind(_)) && error.to_string().contains("/proc"), "{error}");
    pull.bind("ipc://*").unwrap();
}

fn a_file_that_is_no_socket_is_kept(harness: &Harness) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "precious").unwrap();
    let error = harness.pull().bind(&format!("ipc://{}", file.path().display())).unwrap_err();
    assert!(matches!(error, Error::Bind(_)), "{error}");
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "precious");
}

/// Whoever asks for it all the same is told what there is instead.
#[test]
fn without_unix_sockets_there_is_a_clear_error() {
    if crate::harness::has_unix_sockets() {
        return;
    }
    let context = ringmq::Context::new();
    let pull = context.pull().unwrap();
    for error in [pull.bind("ipc://*").unwrap_err(), pull.bind("ipc://socket").unwrap_err()] {
        assert!(error.to_string().contains("use tcp"), "{error}");
    }
}

#[test]
fn a_path_too_long_for_a_socket_is_refused() {
    let pull = ringmq::Context::new().pull().unwrap();
    let endpoint = format!("ipc:///tmp/{}", "x".repeat(200));
    for error in [pull.bind(&endpoint).unwrap_err(), pull.connect(&endpoint).unwrap_err()] {
        assert!(error.to_string().contains("choose a shorter one"), "{error}");
    }
}
