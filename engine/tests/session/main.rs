//! Sessions over real connections, against a peer driven by hand: each test runs on mio and, where it
//! is to be had, on io_uring.

#[path = "../common/mod.rs"]
mod common;
mod harness;
mod peer;
mod sealed_peer;
#[path = "../../zmtp/tests/common/xor.rs"]
mod xor;

mod authentication;
mod backpressure;
#[cfg(target_os = "linux")]
mod cable;
mod closing;
mod conflated;
mod detached_pipe;
mod failing;
mod handshake;
mod heartbeat;
mod hostile;
mod huge;
mod messages;
mod old_peers;
mod sealed;
mod waiting_bytes;
