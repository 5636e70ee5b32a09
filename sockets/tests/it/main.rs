//! Integration tests of the public API: one promise a test, over each transport and on each backend.
//!
//! One binary, because each links everything. See [`harness`] for how a promise becomes tests.

#![allow(clippy::unwrap_used)]

mod again;
mod backends;
mod bad_input;
mod conflate;
mod descriptors;
mod endpoints;
mod examples;
mod exhaustion;
mod extremes;
mod fast_path;
mod foreign;
mod forking;
mod futures;
mod handover;
mod harness;
mod heartbeats;
mod huge;
mod hunting;
mod hwm;
mod ipc;
mod leases;
mod leavers;
mod lifecycle;
mod linger;
mod monitoring;
mod option_table;
mod options;
mod pair;
mod ping;
mod pipeline;
mod polling;
mod properties;
mod proxying;
mod pubsub;
mod raw;
mod reconnect;
mod reconnect_stop;
mod reqrep;
mod resubscribe;
mod router;
#[cfg(feature = "futures")]
mod streaming;
mod texts;
mod threads;
#[cfg(all(unix, feature = "tokio"))]
mod tokio_tasks;
mod tuning;
mod turns;
mod unflagged;
mod wakeups;
mod wishes;
mod wrong_answers;
