//! Endpoint text and what it means: `transport://address`.
//!
//! Parsing is strict and pure: no name is looked up, no file is touched, and nothing that is not
//! understood is skipped. What parses prints in one canonical form, and that form parses to the
//! same value. Binding and connecting have different grammars, so each has its own function.

use crate::error::{EndpointError, EndpointPart};
pub use crate::inproc::endpoint::InprocName;
pub use crate::ipc::endpoint::{IPC_NAME_MAX, IpcEndpoint};
pub use crate::pgm::endpoint::{PgmCarrier, PgmEndpoint};
pub use crate::tcp::endpoint::{Host, TcpAddress, TcpEndpoint};
pub use crate::transport::Endpoint;
pub use crate::udp::endpoint::UdpEndpoint;
pub use crate::ws::endpoint::WsEndpoint;

/// A whole endpoint as the caller gave it, which every error repeats.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl<'a> Text<'a> {
    pub(crate) fn split_scheme(self) -> Result<(&'a str, &'a str), EndpointError> {
        const FORM: &str = "transport://address, such as tcp://127.0.0.1:5555";
        let Some((scheme, address)) = self.0.split_once("://") else {
            return Err(self.invalid(EndpointPart::Scheme, self.0, FORM));
        };
        // The characters a URI scheme may have, in either case.
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if scheme.is_empty() || !scheme.chars().all(known) {
            return Err(self.invalid(EndpointPart::Scheme, scheme, FORM));
        }
        Ok((scheme, address))
    }

    /// The error of a transport that is not built, whether ZeroMQ has it (norm, tipc, ...)
    /// or not.
    pub(crate) fn not_built(self, scheme: &str) -> EndpointError {
        let (endpoint, scheme) = (self.0.to_owned(), scheme.to_owned());
        EndpointError::ProtocolNotBuilt { endpoint, scheme }
    }

    /// What follows the scheme, if that is anything.
    pub(crate) fn some_address(self, address: &str) -> Result<&str, EndpointError> {
        if address.is_empty() {
            return Err(self.invalid(EndpointPart::Address, address, "something after ://"));
        }
        Ok(address)
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
