//! What an authenticator is asked, and what it may answer: ZAP (RFC 27), without its frames.

use std::fmt;

use zeroize::Zeroize;

use super::Credentials;
use crate::metadata;

/// The version of ZAP in its frames.
const ZAP_VERSION: &[u8] = b"1.0";

/// A question to an authenticator: whether a peer is to be let in. What the peer has shown is wiped when this is
/// dropped.
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

impl AuthRequest {
    /// The frames by which ZAP asks its handler, with that number of the question and that address of the
    /// peer.
    ///
    /// # Examples
    /// ```
    /// use ringmq_zmtp::AuthRequest;
    /// let request = AuthRequest {
    ///     domain: "global".into(),
    ///     routing_id: b"srv".to_vec(),
    ///     mechanism: "PLAIN",
    ///     credentials: vec![b"admin".to_vec(), b"secret".to_vec()],
    /// };
    /// let frames = request.zap_frames("1", "127.0.0.1");
    /// assert_eq!(frames.concat(), b"1.01global127.0.0.1srvPLAINadminsecret");
    /// ```
    pub fn zap_frames<'a>(&'a self, id: &'a str, address: &'a str) -> Vec<&'a [u8]> {
        let head = [
            &b""[..],
            ZAP_VERSION,
            id.as_bytes(),
            self.domain.as_bytes(),
            address.as_bytes(),
            &self.routing_id,
            self.mechanism.as_bytes(),
        ];
        head.into_iter().chain(self.credentials.iter().map(Vec::as_slice)).collect()
    }
}

impl Drop for AuthRequest {
    fn drop(&mut self) {
        self.credentials.zeroize();
    }
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
    /// It has said something else than what ZAP has an authenticator say: the peer is not let in.
    Unusable(ZapFault),
}

/// What is wrong with the reply of a ZAP handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZapFault {
    /// It does not begin with an empty frame.
    #[error("it does not begin with an empty frame")]
    Delimiter,
    /// It has fewer or more than seven frames.
    #[error("it has not seven frames")]
    Frames,
    /// It is for another question, or for none.
    #[error("it answers what nobody has asked")]
    RequestId,
    /// It is of another version than 1.0.
    #[error("it is not of version 1.0")]
    Version,
    /// Its status is none of 200, 300, 400 and 500.
    #[error("its status is none of 200, 300, 400 and 500")]
    Status,
    /// Its metadata is not as ZMTP writes it.
    #[error("its metadata is malformed")]
    Metadata,
}

impl ZapFault {
    /// libzmq's `ZMQ_PROTOCOL_ERROR_ZAP_` for it.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq_zmtp::ZapFault::Version.code(), 0x2000_0003);
    /// ```
    pub const fn code(self) -> u32 {
        match self {
            ZapFault::Delimiter => 0x2000_0000,
            ZapFault::Frames => 0x2000_0001,
            ZapFault::RequestId => 0x2000_0002,
            ZapFault::Version => 0x2000_0003,
            ZapFault::Status => 0x2000_0004,
            ZapFault::Metadata => 0x2000_0005,
        }
    }
}

impl AuthAnswer {
    /// Reads the reply of a ZAP handler; also to which question it is, if it says so.
    ///
    /// # Examples
    /// ```
    /// use ringmq_zmtp::{AuthAnswer, Denial, ZapFault};
    /// let reply: [&[u8]; 7] = [b"", b"1.0", b"7", b"400", b"no such user", b"", b""];
    /// let (id, answer) = AuthAnswer::from_zap(&reply);
    /// assert_eq!((id, answer), (Some(&b"7"[..]), AuthAnswer::Deny(Denial::Credentials)));
    /// let (_, answer) = AuthAnswer::from_zap(&reply[..6]);
    /// assert_eq!(answer, AuthAnswer::Unusable(ZapFault::Frames));
    /// ```
    pub fn from_zap<'a>(frames: &[&'a [u8]]) -> (Option<&'a [u8]>, Self) {
        let id = frames.get(2).copied();
        let answer = read_zap(frames).unwrap_or_else(AuthAnswer::Unusable);
        (id, answer)
    }
}

fn read_zap(frames: &[&[u8]]) -> Result<AuthAnswer, ZapFault> {
    let &[delimiter, version, _, status, _, user_id, properties] = frames else {
        return Err(ZapFault::Frames);
    };
    if !delimiter.is_empty() {
        return Err(ZapFault::Delimiter);
    }
    if version != ZAP_VERSION {
        return Err(ZapFault::Version);
    }
    let properties = metadata::parse(properties).map_err(|_| ZapFault::Metadata)?;
    Ok(match status {
        b"200" => AuthAnswer::Allow { user_id: user_id.to_vec(), properties },
        b"300" => AuthAnswer::Deny(Denial::Temporary),
        b"400" => AuthAnswer::Deny(Denial::Credentials),
        b"500" => AuthAnswer::Deny(Denial::Internal),
        _ => return Err(ZapFault::Status),
    })
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
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq_zmtp::Denial::Credentials.status(), 400);
    /// ```
    pub const fn status(self) -> u16 {
        match self {
            Denial::Temporary => 300,
            Denial::Credentials => 400,
            Denial::Internal => 500,
        }
    }
}
