//! The guide keeps its word: what it calls complete is.

use ringmq::options::{ContextOption, SocketOption};

/// Where an option of libzmq's is looked for by who comes from there.
const FROM_LIBZMQ: &str = include_str!("../../src/guide/from_libzmq.md");

/// A table has the name between backquotes.
#[track_caller]
fn assert_named(name: &str) {
    let name = format!("`ZMQ_{}`", name.to_uppercase());
    assert!(FROM_LIBZMQ.contains(&name), "{name} is not in from_libzmq.md");
}

#[test]
fn every_option_that_libzmq_has_is_in_its_table() {
    for option in SocketOption::all().filter(|option| option.number().is_some()) {
        assert_named(option.name());
    }
    for option in ContextOption::all().filter(|option| option.number().is_some()) {
        assert_named(option.name());
    }
}
