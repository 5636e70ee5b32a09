//! `ipc://path`, `ipc://@abstract` and, to bind, `ipc://*`.
//!
//! A parsed path always fits a socket address of this system and holds no NUL.

use std::fmt;
use std::path::Path;

use crate::endpoint::Text;
use crate::error::{EndpointError, EndpointPart};

/// Longest ipc name in bytes: what a socket address holds, less the NUL after a path or before an
/// abstract name (whose `@` is not counted twice: it stands where that NUL will be).
#[cfg(unix)]
pub const IPC_NAME_MAX: usize =
    size_of::<libc::sockaddr_un>() - std::mem::offset_of!(libc::sockaddr_un, sun_path) - 1;

/// Longest ipc name in bytes: what a socket address holds, less the NUL after a path.
#[cfg(windows)]
pub const IPC_NAME_MAX: usize = 107;

/// Where an ipc socket listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IpcEndpoint(IpcName);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum IpcName {
    Path(String),
    /// Without the leading `@`.
    Abstract(String),
    Wildcard,
}

impl IpcEndpoint {
    pub(super) fn read_bind(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        if address == "*" {
            return Ok(Self(IpcName::Wildcard));
        }
        Self::parse_named(text, address)
    }

    pub(super) fn read_connect(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        if address == "*" {
            let expected = "a path or @name (* is for binding; connect to what it resolved to)";
            return Err(text.invalid(EndpointPart::Path, address, expected));
        }
        Self::parse_named(text, address)
    }

    fn parse_named(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        if address.contains('\0') {
            return Err(text.invalid(EndpointPart::Path, address, "any path without NUL"));
        }
        let abstract_name = address.strip_prefix('@');
        if abstract_name == Some("") {
            return Err(text.invalid(EndpointPart::Path, address, "@ and a name, or a path"));
        }
        text.check_length(EndpointPart::Path, address, IPC_NAME_MAX)?;
        match abstract_name {
            None => Ok(Self(IpcName::Path(address.to_owned()))),
            Some(_) if cfg!(not(any(target_os = "linux", target_os = "android"))) => {
                Err(EndpointError::AbstractNotSupported { endpoint: text.0.to_owned() })
            }
            Some(name) => Ok(Self(IpcName::Abstract(name.to_owned()))),
        }
    }

    /// The path of the socket file; none for an abstract name and for `*`.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            IpcName::Path(path) => Some(Path::new(path)),
            IpcName::Abstract(_) | IpcName::Wildcard => None,
        }
    }

    /// The abstract name, without its `@`.
    #[must_use]
    pub fn abstract_name(&self) -> Option<&str> {
        match &self.0 {
            IpcName::Abstract(name) => Some(name),
            IpcName::Path(_) | IpcName::Wildcard => None,
        }
    }

    /// Whether this is `*`, a socket in a fresh directory of its own.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0 == IpcName::Wildcard
    }
}

/// The canonical text, scheme included.
impl fmt::Display for IpcEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            IpcName::Path(path) => write!(f, "ipc://{path}"),
            IpcName::Abstract(name) => write!(f, "ipc://@{name}"),
            IpcName::Wildcard => f.write_str("ipc://*"),
        }
    }
}
