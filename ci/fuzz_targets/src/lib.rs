//! What a fuzzer does with the parts of ringmq that read bytes and text of others.
//!
//! A [target](targets) is a function of bytes, which panics if one of its invariants does not hold. Beside
//! "does not panic" those are: what is allocated is in [proportion](memory) to what has come in; no more is
//! taken than there is; wherever a stream is cut, it leads to the same; what was decoded and is encoded
//! again is decoded to the same.
//!
//! Each has a program in `fuzz_targets/`, which `ci/fuzz` runs, and [`seeds`], most of them made of the
//! vectors of `engine/zmtp/tests/vectors`. What a fuzzer has found out leads into new code is kept in
//! `corpus/`, what has been a finding in `findings/`; `cargo test -p ringmq-fuzz` runs all three.
// Read by those who change it, with private items.
#![allow(rustdoc::private_intra_doc_links)]

pub mod seeds;
pub mod targets;

mod boxes;
mod clear;
mod cuts;
mod decoding;
mod duel;
mod end;
mod input;
mod memory;
mod partner;
mod pgm;
mod pgm_sink;
mod random;

/// The strict sink and the streams of the protocol's own tests.
#[path = "../../../engine/zmtp/tests/common/mod.rs"]
mod common;
/// No other crate can see it.
#[path = "../../../sockets/src/subscription/mod.rs"]
#[allow(dead_code, unused_imports)]
mod subscription;

// As it is called in the files of the module above.
use ringmq_pipe::Message;
