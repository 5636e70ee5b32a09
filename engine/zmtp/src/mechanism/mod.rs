//! The seam behind which the security mechanisms sit.
//!
//! A mechanism is the second part of a ZMTP 3 handshake: after the greetings it exchanges command
//! frames with its peer until both ends have accepted each other. It may have to ask somebody
//! outside whether the peer is to be let in (ZAP), and it may leave behind that all which follows
//! is [sealed](crate::Seal).
//!
//! It reads no clock and makes no random bytes: both are arguments.

mod authentication;
#[cfg(feature = "curve")]
mod curve;
mod null;
mod plain;

pub use authentication::{AuthAnswer, AuthRequest, Denial, ZapFault};
#[cfg(feature = "curve")]
pub use curve::{CurveClient, CurveKeyPair, CurvePublicKey, CurveSecretKey, CurveServer, KeyError};
pub use plain::{PlainClient, PlainServer};

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use crate::command::{self, ERROR};
use crate::error::quote;
use crate::limits::SHORT_STRING_MAX;
use crate::{Config, Protection, ProtocolError};
use null::Null;

/// Bytes of the mechanism's name in the greeting, padded with zeros.
pub(crate) const NAME_SIZE: usize = 20;

/// Fills memory with bytes that nobody can predict, all of it or none.
pub type Random<'a> = dyn FnMut(&mut [u8]) -> Result<(), NoRandomness> + 'a;

/// The system has no random bytes to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this end was given no random bytes")]
pub struct NoRandomness;

/// Which mechanism to use, with whatever it needs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MechanismConfig {
    /// No authentication, no encryption.
    Null,
    /// Any other one.
    Other(Arc<dyn MechanismFactory>),
}

/// Begins dialogues of one mechanism, with the keys or passwords of one socket.
pub trait MechanismFactory: Debug + Send + Sync {
    /// The name in the greeting: at most 20 of `A-Z 0-9 - _ . +`, of which those beyond are left
    /// out.
    fn name(&self) -> &'static str;

    /// Begins a dialogue.
    fn start(&self, config: &Arc<Config>) -> Box<dyn Mechanism>;

    /// Appends the command frame that tells a peer with which status of ZAP it was not let in.
    fn denial(&self, status: u16, out: &mut Vec<u8>) {
        command::error_frame(&status.to_string(), out);
    }
}

/// One end of a mechanism's dialogue. What it shows of itself as [`Debug`] holds no keys and no
/// passwords.
pub trait Mechanism: Debug + Send {
    /// What an authenticator is to know of the peer before this end says anything, if it is to be asked
    /// by then. Nothing else is called before the peer [is allowed](Self::allowed) in, and if it is not,
    /// nothing at all.
    fn asks_first(&self) -> Option<Credentials> {
        None
    }

    /// Appends the command frames that this end has to send now, if any. Called at the beginning,
    /// and whenever something has come in.
    ///
    /// # Errors
    /// The handshake has failed.
    fn produce(
        &mut self,
        now: Instant,
        random: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ProtocolError>;

    /// Takes the body of a command frame of the peer. If the peer is to be let in only by an
    /// authenticator, returns what that needs to know of it; then nothing is called before the peer
    /// [is allowed](Self::allowed) in, and if it is not, nothing at all.
    ///
    /// # Errors
    /// What the peer did wrong. The handshake has failed.
    fn process(
        &mut self,
        now: Instant,
        random: &mut Random<'_>,
        body: &[u8],
    ) -> Result<Option<Credentials>, ProtocolError>;

    /// The authenticator lets the peer in. Only for a mechanism that asks.
    fn allowed(&mut self) {}

    /// What has come of it, once both ends have accepted each other. Taken once.
    fn finish(&mut self) -> Option<Agreed>;
}

/// What a peer has to show for itself, in the mechanism's own order: for PLAIN a name and a
/// password, for CURVE a public key.
pub type Credentials = Vec<Vec<u8>>;

/// What a mechanism leaves behind.
#[derive(Debug)]
pub struct Agreed {
    /// What the peer says about itself: metadata, as it was sent.
    pub metadata: Vec<u8>,
    /// How what follows is protected; `None` if it is not.
    pub protection: Option<Protection>,
}

impl MechanismConfig {
    /// The name in the greeting.
    pub fn name(&self) -> &'static str {
        match self {
            MechanismConfig::Null => "NULL",
            MechanismConfig::Other(factory) => factory.name(),
        }
    }

    /// The name as it stands in the greeting.
    pub(crate) fn field(&self) -> [u8; NAME_SIZE] {
        let mut field = [0; NAME_SIZE];
        field.iter_mut().zip(self.name().bytes()).for_each(|(place, byte)| *place = byte);
        field
    }

    /// Appends the command frame that tells a peer that it was not let in, if it is to be told.
    pub(crate) fn deny(&self, denial: Denial, out: &mut Vec<u8>) {
        match (denial, self) {
            (Denial::Temporary, _) => {}
            (_, MechanismConfig::Null) => {
                command::error_frame(&denial.status().to_string(), out);
            }
            (_, MechanismConfig::Other(factory)) => factory.denial(denial.status(), out),
        }
    }

    /// Begins the dialogue.
    pub(crate) fn start(config: &Arc<Config>) -> Box<dyn Mechanism> {
        match &config.mechanism {
            MechanismConfig::Null => Box::new(Null::new(config.clone())),
            MechanismConfig::Other(factory) => factory.start(config),
        }
    }
}

/// The error that the body of a command frame stands for if it is an ERROR, by which a peer refuses this
/// end.
fn refused(body: &[u8]) -> Option<ProtocolError> {
    let data = body.strip_prefix(ERROR)?;
    let reason = data.split_first().and_then(|(&length, rest)| rest.get(..usize::from(length)));
    Some(match reason {
        Some(reason) => ProtocolError::PeerError { reason: quote(reason, SHORT_STRING_MAX) },
        None => ProtocolError::MalformedError,
    })
}

/// The body of a command frame, as it was meant where it is an ERROR of libzmq's PLAIN: whose name
/// begins with one byte that is neither its length nor its first letter.
fn without_libzmqs_slip(body: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    match body.strip_prefix(b"^RROR") {
        Some(data) => [ERROR, data].concat().into(),
        None => body.into(),
    }
}
