//! ipc endpoints to configured, non-blocking descriptors of Unix sockets.
//!
//! The choice between systems with Unix sockets and those without is made here and nowhere else:
//! both modules have the same functions, and those of the second say that ipc is not supported.

#[cfg(unix)]
#[path = "unix.rs"]
mod system;

#[cfg(not(unix))]
#[path = "unsupported.rs"]
mod system;

pub use self::system::{IpcGuard, listen, start_connect, tune_stream};
pub(crate) use self::system::{describe, peer_address};
