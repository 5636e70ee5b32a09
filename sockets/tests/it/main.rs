//! Integration tests of the public API: one promise a test, over each transport and on each backend.
//!
//! One binary, because each links everything. See [`bed`] for how a promise becomes tests.

#![allow(clippy::unwrap_used)]

mod backends;
mod bed;
mod pair;
mod ping;
mod pipeline;
mod pubsub;
mod reqrep;
mod router;
