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
pub(crate) use system::{describe, unix_peer};

use crate::endpoint::{IpcEndpoint, Text};
use crate::error::{BindError, EndpointError, OptionError};
use crate::owner::LinkOptions;
use crate::transport::{FirstStep, Listening, Transport};
use socket2::Socket;

impl Transport for IpcEndpoint {
    fn parse_bind(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read_bind(text, address)
    }

    fn parse_connect(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read_connect(text, address)
    }

    fn listen(&self, options: &LinkOptions) -> Result<Listening, BindError> {
        let (socket, resolved, guard) = listen(self, &options.ipc)?;
        Ok(Listening { socket, resolved, guard: Some(Box::new(guard)), tune: Self::tune })
    }

    fn dial(&self, options: &LinkOptions) -> FirstStep<'_> {
        match start_connect(self, &options.ipc) {
            Ok((socket, address)) => FirstStep::Connect(socket, address),
            Err(error) => FirstStep::Failed(error.to_string()),
        }
    }

    fn tune(accepted: &Socket, options: &LinkOptions) -> Result<(), OptionError> {
        tune_stream(accepted, &options.ipc)
    }
}
