//! That what the other tests run on is what they say.

use crate::harness::{Harness, over_tcp};
use ringmq::{BackendChoice, BackendKind};

over_tcp![the_backend_asked_for_is_used];

fn the_backend_asked_for_is_used(harness: &Harness) {
    let expected = match harness.backend {
        BackendChoice::Uring => BackendKind::Uring,
        _ => BackendKind::Mio,
    };
    assert_eq!(harness.context.backend().unwrap().kind, expected);
}

/// Where nothing may be skipped, a machine without io_uring fails.
#[test]
#[cfg(target_os = "linux")]
fn io_uring_is_here_or_its_tests_are_skipped() {
    let skips_are_failures = std::env::var_os("CI").is_some();
    if let Err(reason) = ringmq::Context::uring_available() {
        assert!(!skips_are_failures, "no io_uring here: {reason}");
        eprintln!("SKIPPED: every test on io_uring: {reason}");
    }
}

/// Whoever asks for it elsewhere is told so, and not given something else.
#[test]
#[cfg(not(target_os = "linux"))]
fn io_uring_is_refused_where_it_cannot_be() {
    let error = ringmq::Context::builder().backend(BackendChoice::Uring).build().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("uring was asked for") && text.contains("Linux"), "{text}");
}
