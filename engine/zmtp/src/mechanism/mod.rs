//! The seam behind which the security mechanisms sit.
//!
//! A mechanism is the second part of a ZMTP 3 handshake: after the greetings it exchanges command
//! frames with its peer until both ends have accepted each other.

mod null;

use std::fmt::Debug;
use std::sync::Arc;

use crate::{Config, ProtocolError};
use null::Null;

/// Bytes of the mechanism's name in the greeting, padded with zeros.
pub(crate) const NAME_SIZE: usize = 20;

/// Which mechanism to use, with whatever it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MechanismConfig {
    /// No authentication, no encryption.
    Null,
}

/// One end of a mechanism's dialogue.
pub(crate) trait Mechanism: Debug + Send {
    /// Appends the command frames that this end has to send now, if any.
    fn produce(&mut self, out: &mut Vec<u8>);

    /// Takes the body of a command frame of the peer.
    fn process(&mut self, body: &[u8]) -> Result<(), ProtocolError>;

    /// The properties of the peer, once both ends have accepted each other. Taken once.
    fn finish(&mut self) -> Option<Vec<(String, Vec<u8>)>>;
}

impl MechanismConfig {
    /// The name in the greeting.
    pub const fn name(&self) -> &'static str {
        match self {
            MechanismConfig::Null => "NULL",
        }
    }

    /// The name as it stands in the greeting.
    pub(crate) fn field(&self) -> [u8; NAME_SIZE] {
        let mut field = [0; NAME_SIZE];
        field[..self.name().len()].copy_from_slice(self.name().as_bytes());
        field
    }

    /// Begins the dialogue.
    pub(crate) fn start(config: &Arc<Config>) -> Box<dyn Mechanism> {
        match config.mechanism {
            MechanismConfig::Null => Box::new(Null::new(config.clone())),
        }
    }
}
