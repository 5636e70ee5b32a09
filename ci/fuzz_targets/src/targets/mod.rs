//! The targets: one for each thing that reads what others have written.
//!
//! To add one: a file here with `run` and `seeds`, a row below, a program in `fuzz_targets/` and its three
//! lines in `Cargo.toml`.

pub mod certificates;
pub mod connection;
pub mod curve;
pub mod decoder;
pub mod endpoints;
pub mod greeting;
pub mod null;
pub mod options;
pub mod pgm_receiver;
pub mod pgm_source;
pub mod plain;
pub mod sealed;
pub mod subscriptions;
pub mod web_socket;
pub mod z85;
pub mod zap;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its file's name.
    pub name: &'static str,
    /// Panics if what comes of these bytes is not as it has to be.
    pub run: fn(&[u8]),
    /// What to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($name:ident)*) => {
        /// All of them.
        pub const TARGETS: &[Target] =
            &[$(Target { name: stringify!($name), run: $name::run, seeds: $name::seeds }),*];
    };
}

targets! {
    greeting null plain curve decoder sealed connection subscriptions endpoints z85 zap certificates
    options web_socket pgm_source pgm_receiver
}
