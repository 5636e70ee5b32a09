//! `inproc://name`: any name of 1 to 256 bytes, compared byte by byte within one context.

use std::fmt;

use crate::endpoint::Text;
use crate::error::{EndpointError, EndpointPart};
use crate::options::INPROC_NAME_MAX;
use crate::transport::Transport;

/// The name of an inproc endpoint, without its scheme.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InprocName(String);

impl InprocName {
    fn read(text: Text<'_>, name: &str) -> Result<Self, EndpointError> {
        text.check_length(EndpointPart::Name, name, INPROC_NAME_MAX)?;
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The canonical text, scheme included.
impl fmt::Display for InprocName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inproc://{}", self.0)
    }
}

impl Transport for InprocName {
    fn parse_bind(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read(text, address)
    }

    fn parse_connect(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read(text, address)
    }
}
