//! Endpoint text and what it means: `transport://address`.
//!
//! Parsing is strict and pure: no name is looked up, no file is touched, and nothing that is not
//! understood is skipped. What parses prints in one canonical form, and that form parses to the
//! same value. Binding and connecting have different grammars, so each has its own function.

use std::fmt;

use crate::error::{EndpointError, EndpointPart};
pub use crate::inproc::endpoint::InprocName;
pub use crate::ipc::endpoint::{IPC_NAME_MAX, IpcEndpoint};
pub use crate::tcp::endpoint::{Host, TcpAddress, TcpEndpoint};

/// Where a socket listens, or what it connects to.
///
/// ```
/// use ringmq_transports::endpoint::Endpoint;
///
/// let everywhere = Endpoint::parse_bind("tcp://*:0")?;
/// assert_eq!(everywhere.to_string(), "tcp://*:*");
/// let peer = Endpoint::parse_connect("tcp://192.0.2.1:*;::1:5555")?;
/// assert_eq!(peer.to_string(), "tcp://192.0.2.1:*;[::1]:5555");
///
/// let error = Endpoint::parse_connect("tcp://localhost:99999").unwrap_err();
/// assert!(error.to_string().contains(r#"bad port "99999""#));
/// # Ok::<(), ringmq_transports::error::EndpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Bytes over TCP, to this machine or another.
    Tcp(TcpEndpoint),
    /// Bytes over a Unix socket, on this machine.
    Ipc(IpcEndpoint),
    /// Messages within one context.
    Inproc(InprocName),
}

impl Endpoint {
    /// Reads an endpoint to listen on.
    ///
    /// # Errors
    /// Says which part is malformed and what may stand there, or that the protocol is not built.
    pub fn parse_bind(text: &str) -> Result<Self, EndpointError> {
        let (scheme, address) = Text(text).split_scheme()?;
        Ok(match scheme {
            Scheme::Tcp => Self::Tcp(TcpEndpoint::parse_bind(Text(text), address)?),
            Scheme::Ipc => Self::Ipc(IpcEndpoint::parse_bind(Text(text), address)?),
            Scheme::Inproc => Self::Inproc(InprocName::parse(Text(text), address)?),
        })
    }

    /// Reads an endpoint to connect to.
    ///
    /// # Errors
    /// Says which part is malformed and what may stand there, or that the protocol is not built.
    pub fn parse_connect(text: &str) -> Result<Self, EndpointError> {
        let (scheme, address) = Text(text).split_scheme()?;
        Ok(match scheme {
            Scheme::Tcp => Self::Tcp(TcpEndpoint::parse_connect(Text(text), address)?),
            Scheme::Ipc => Self::Ipc(IpcEndpoint::parse_connect(Text(text), address)?),
            Scheme::Inproc => Self::Inproc(InprocName::parse(Text(text), address)?),
        })
    }
}

/// The canonical text.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(endpoint) => endpoint.fmt(f),
            Self::Ipc(endpoint) => endpoint.fmt(f),
            Self::Inproc(name) => name.fmt(f),
        }
    }
}

/// The protocols this build speaks.
pub(crate) enum Scheme {
    Tcp,
    Ipc,
    Inproc,
}

/// A whole endpoint as the caller gave it, which every error repeats.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl<'a> Text<'a> {
    pub(crate) fn split_scheme(self) -> Result<(Scheme, &'a str), EndpointError> {
        const FORM: &str = "transport://address, such as tcp://127.0.0.1:5555";
        let Some((scheme, address)) = self.0.split_once("://") else {
            return Err(self.invalid(EndpointPart::Scheme, self.0, FORM));
        };
        // The characters a URI scheme may have, in either case.
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if scheme.is_empty() || !scheme.chars().all(known) {
            return Err(self.invalid(EndpointPart::Scheme, scheme, FORM));
        }
        let parsed = match scheme {
            "tcp" => Scheme::Tcp,
            "ipc" => Scheme::Ipc,
            "inproc" => Scheme::Inproc,
            // Every other one, whether ZeroMQ has it (udp, pgm, epgm, ws, ...) or not.
            _ => {
                let (endpoint, scheme) = (self.0.to_owned(), scheme.to_owned());
                return Err(EndpointError::ProtocolNotBuilt { endpoint, scheme });
            }
        };
        if address.is_empty() {
            return Err(self.invalid(EndpointPart::Address, address, "something after ://"));
        }
        Ok((parsed, address))
    }

    pub(crate) fn invalid(
        self,
        part: EndpointPart,
        found: &str,
        expected: &'static str,
    ) -> EndpointError {
        EndpointError::Invalid {
            endpoint: self.0.to_owned(),
            part,
            found: found.to_owned(),
            expected,
        }
    }

    pub(crate) fn check_length(
        self,
        part: EndpointPart,
        name: &str,
        limit: usize,
    ) -> Result<(), EndpointError> {
        let length = name.len();
        if length <= limit {
            return Ok(());
        }
        Err(EndpointError::NameTooLong { endpoint: self.0.to_owned(), part, length, limit })
    }
}
