//! What an authenticator is asked, and what it may answer: ZAP (RFC 27), without its frames.

use std::fmt;

use super::Credentials;

/// A question to an authenticator: whether a peer is to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthRequest {
    /// Whom the peer wants to talk to: the settings' [`zap_domain`](crate::Config::zap_domain).
    pub domain: String,
    /// The routing id of this end; libzmq, too, tells its own and not the peer's.
    pub routing_id: Vec<u8>,
    /// The name of the mechanism.
    pub mechanism: &'static str,
    /// What the peer has shown.
    pub credentials: Credentials,
}

/// Credentials are secrets: they do not belong in a log.
impl fmt::Debug for AuthRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthRequest")
            .field("domain", &self.domain)
            .field("routing_id", &self.routing_id)
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}

/// The answer of an authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthAnswer {
    /// The peer is let in.
    Allow {
        /// Who it is; empty if the authenticator does not say. Becomes the property `User-Id`.
        user_id: Vec<u8>,
        /// What else is known of it. Goes before what the peer says of itself under the same name.
        properties: Vec<(String, Vec<u8>)>,
    },
    /// It is not.
    Deny(Denial),
}

/// Why a peer is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// For reasons that may be gone soon. The peer is not told.
    Temporary,
    /// For what it has shown.
    Credentials,
    /// The authenticator is at fault, or there is none.
    Internal,
}

impl Denial {
    /// ZAP's status code.
    pub const fn status(self) -> u16 {
        match self {
            Denial::Temporary => 300,
            Denial::Credentials => 400,
            Denial::Internal => 500,
        }
    }
}
