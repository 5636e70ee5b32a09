//! Sessions over real connections, against a peer driven by hand: each test runs on mio and, where it
//! is to be had, on io_uring.

#[path = "../common/mod.rs"]
mod common;
mod peer;
mod rig;

mod backpressure;
#[cfg(target_os = "linux")]
mod cable;
mod carry;
mod closing;
mod handshake;
mod heartbeat;
mod hostile;
mod huge;
mod latest;
mod messages;
mod old_peers;
