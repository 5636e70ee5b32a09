//! Integration tests of the public API: one promise a test, over each transport and on each backend.
//!
//! One binary, because each links everything. See [`harness`] for how a promise becomes tests.

#![allow(clippy::unwrap_used)]

mod accept_filters;
mod again;
mod attending;
mod auth;
mod auth_files;
mod backends;
mod bad_input;
mod captures;
mod closing;
mod conflate;
mod connection_words;
mod datagram_waits;
mod datagrams;
mod departures;
mod descriptors;
mod ending;
mod ending_within_calls;
mod endpoints;
mod event_fd;
mod example_patterns;
mod examples;
mod exhaustion;
mod extremes;
mod fast_path;
mod figures;
mod floods;
mod flushing;
mod foreign;
mod forking;
mod futures;
mod given_listeners;
mod groups;
mod guide;
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
mod limits;
mod linger;
mod log_lines;
mod monitoring;
mod option_cases;
mod option_table;
mod options;
mod pair;
mod payloads;
mod pgm;
mod ping;
mod pipeline;
mod poller_changes;
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
#[cfg(target_os = "linux")]
mod services;
mod single_frames;
mod socks;
mod stream_sockets;
#[cfg(feature = "futures")]
mod streaming;
mod subscription_limits;
mod subscriptions_not_taken;
mod texts;
mod threads;
#[cfg(all(unix, feature = "tokio"))]
mod tokio_tasks;
mod tuning;
mod turns;
mod unflagged;
mod waiting_bytes;
mod waiting_room;
mod wakeups;
mod web_sockets;
mod wishes;
mod within;
mod wrong_answers;
mod zap;
