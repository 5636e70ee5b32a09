//! ipc where the system has no Unix sockets that can be reached safely: every call says so.

use socket2::{SockAddr, Socket};

use crate::endpoint::IpcEndpoint;
use crate::error::{BindError, ConnectError, OptionError};
use crate::options::IpcOptions;

/// What stands for a listener's file; there are none here.
#[derive(Debug)]
pub struct IpcGuard(());

/// Refuses.
///
/// # Errors
/// Always: ipc is not supported on this system.
pub fn listen(
    endpoint: &IpcEndpoint,
    _: &IpcOptions,
) -> Result<(Socket, String, IpcGuard), BindError> {
    Err(BindError::NotSupported { endpoint: endpoint.to_string() })
}

/// Refuses.
///
/// # Errors
/// Always: ipc is not supported on this system.
pub fn start_connect(
    endpoint: &IpcEndpoint,
    _: &IpcOptions,
) -> Result<(Socket, SockAddr), ConnectError> {
    Err(ConnectError::NotSupported { address: endpoint.to_string() })
}

/// Does nothing: there are no such streams here.
///
/// # Errors
/// None.
pub fn tune_stream(_: &Socket, _: &IpcOptions) -> Result<(), OptionError> {
    Ok(())
}

pub(crate) fn describe(_: &SockAddr) -> Option<String> {
    None
}

pub(crate) fn peer_address(_: &Socket) -> Option<String> {
    None
}
