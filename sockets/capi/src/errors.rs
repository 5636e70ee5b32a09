//! Errors as C programs know them: `errno`, and what it says.

use std::ffi::{CStr, c_char, c_int};

use ringmq::{BindError, EndpointError, Error};

/// Where libzmq's own numbers begin.
const HAUSNUMERO: c_int = 156_384_712;
pub(crate) const EFSM: c_int = HAUSNUMERO + 51;
pub(crate) const ENOCOMPATPROTO: c_int = HAUSNUMERO + 52;
pub(crate) const ETERM: c_int = HAUSNUMERO + 53;
pub(crate) const EMTHREAD: c_int = HAUSNUMERO + 54;

/// The system's numbers that libzmq uses. Where a system lacks one, zmq.h gives it a number from the same
/// range.
pub(crate) mod system {
    #[cfg(windows)]
    pub(crate) use super::windows::*;
    #[cfg(unix)]
    pub(crate) use libc::{
        EACCES, EADDRINUSE, EADDRNOTAVAIL, EAGAIN, EBADF, EFAULT, EHOSTUNREACH, EINTR, EINVAL,
        EMFILE, ENAMETOOLONG, ENODEV, ENOENT, ENOMEM, ENOTSOCK, ENOTSUP, EPROTONOSUPPORT,
    };
}
use system::*;

/// What the C runtime of Windows has.
#[cfg(windows)]
mod windows {
    use std::ffi::c_int;
    pub(crate) const ENOENT: c_int = 2;
    pub(crate) const EINTR: c_int = 4;
    pub(crate) const EBADF: c_int = 9;
    pub(crate) const EAGAIN: c_int = 11;
    pub(crate) const ENOMEM: c_int = 12;
    pub(crate) const EACCES: c_int = 13;
    pub(crate) const EFAULT: c_int = 14;
    pub(crate) const ENODEV: c_int = 19;
    pub(crate) const EINVAL: c_int = 22;
    pub(crate) const EMFILE: c_int = 24;
    pub(crate) const ENAMETOOLONG: c_int = 38;
    pub(crate) const EADDRINUSE: c_int = 100;
    pub(crate) const EADDRNOTAVAIL: c_int = 101;
    pub(crate) const EHOSTUNREACH: c_int = 110;
    pub(crate) const ENOTSOCK: c_int = 128;
    pub(crate) const ENOTSUP: c_int = 129;
    pub(crate) const EPROTONOSUPPORT: c_int = 135;
}

/// A failure, as a C program is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) c_int);

pub(crate) type Result<T> = std::result::Result<T, Errno>;

impl From<Error> for Errno {
    fn from(error: Error) -> Self {
        Self(number(&error))
    }
}

impl From<ringmq::SendError> for Errno {
    fn from(failed: ringmq::SendError) -> Self {
        failed.error.into()
    }
}

fn number(error: &Error) -> c_int {
    match error {
        Error::WouldBlock | Error::Unfinished(_) => EAGAIN,
        Error::Interrupted => EINTR,
        Error::Terminated => ETERM,
        Error::Closed => ENOTSOCK,
        Error::NotSupported { .. } => ENOTSUP,
        Error::State(_) => EFSM,
        Error::HostUnreachable | Error::GaveUp { .. } => EHOSTUNREACH,
        Error::Endpoint(error) => of_endpoint(error),
        Error::Bind(error) => of_bind(error),
        Error::AddressInUse { .. } => EADDRINUSE,
        Error::NoSuchEndpoint { .. } | Error::AmbiguousEndpoint { .. } => ENOENT,
        Error::Io { error, .. } => error.raw_os_error().unwrap_or(EINVAL),
        _ => EINVAL,
    }
}

fn of_endpoint(error: &EndpointError) -> c_int {
    match error {
        EndpointError::ProtocolNotBuilt { .. } => EPROTONOSUPPORT,
        EndpointError::NameTooLong { .. } => ENAMETOOLONG,
        _ => EINVAL,
    }
}

fn of_bind(error: &BindError) -> c_int {
    let systems = |source: &std::io::Error, otherwise| source.raw_os_error().unwrap_or(otherwise);
    match error {
        BindError::AddressInUse { .. } | BindError::NotASocket { .. } => EADDRINUSE,
        BindError::AddressNotAvailable { .. } => EADDRNOTAVAIL,
        BindError::PermissionDenied { .. } => EACCES,
        BindError::Host { .. } => ENODEV,
        BindError::Wildcard { .. } => ENAMETOOLONG,
        BindError::NotSupported { .. } => EPROTONOSUPPORT,
        BindError::Directory { source, .. } => systems(source, ENOENT),
        BindError::Io { source, .. } => systems(source, EINVAL),
        _ => EINVAL,
    }
}

/// What a number of libzmq's own says; of others the system does.
fn own_text(number: c_int) -> Option<&'static CStr> {
    Some(match number {
        EFSM => c"Operation cannot be accomplished in current state",
        ENOCOMPATPROTO => c"The protocol is not compatible with the socket type",
        ETERM => c"Context was terminated",
        EMTHREAD => c"No thread available",
        EHOSTUNREACH => c"Host unreachable",
        _ => return None,
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_errno() -> c_int {
    errno::errno().0
}

/// The text stays where it is for as long as the process lives.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_strerror(number: c_int) -> *const c_char {
    if let Some(text) = own_text(number) {
        return text.as_ptr();
    }
    // SAFETY: any number may be asked about. Of a number that it knows the C library has the text for ever.
    unsafe { libc::strerror(number) }
}
