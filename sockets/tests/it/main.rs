//! Integration tests of the public API: one promise a test, over each transport and on each backend.
//!
//! One binary, because each links everything. See [`bed`] for how a promise becomes tests.

#![allow(clippy::unwrap_used)]

mod backends;
mod bad_input;
mod bed;
mod endpoints;
mod examples;
mod exhaustion;
mod futures;
mod huge;
mod hwm;
mod ipc;
mod leases;
mod leavers;
mod lifecycle;
mod linger;
mod monitoring;
mod options;
mod pair;
mod ping;
mod pipeline;
mod polling;
mod proxying;
mod pubsub;
mod raw;
mod reconnect;
mod reqrep;
mod router;
mod straight;
mod threads;
mod tuning;
mod unflagged;
mod wakeups;
