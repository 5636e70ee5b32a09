//! ipc endpoints to configured, non-blocking descriptors of Unix stream sockets.
//!
//! Windows has those since version 10 1803; where a system has none, every call says so. What systems
//! differ in beyond that is in `unix.rs` and `windows.rs`, which have the same functions.

pub(crate) mod endpoint;
mod listen;

#[cfg(unix)]
#[path = "unix.rs"]
mod system;

#[cfg(windows)]
#[path = "windows.rs"]
mod system;

pub use listen::{IpcGuard, listen, start_connect, tune_stream};
pub(crate) use system::{describe, peer_address};
