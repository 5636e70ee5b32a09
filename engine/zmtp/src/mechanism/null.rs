//! The NULL mechanism: both ends say READY with their properties, and that is all.

use std::sync::Arc;

use super::Mechanism;
use crate::command::{ERROR, READY, unexpected, write_command};
use crate::error::quote;
use crate::limits::SHORT_STRING_MAX;
use crate::metadata::{self, IDENTITY, SOCKET_TYPE};
use crate::{Config, ProtocolError};

/// One end of the dialogue. READY goes out without waiting for the peer's.
#[derive(Debug)]
pub(crate) struct Null {
    config: Arc<Config>,
    ready_sent: bool,
    peer: Option<Vec<(String, Vec<u8>)>>,
}

impl Null {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Null { config, ready_sent: false, peer: None }
    }
}

impl Mechanism for Null {
    fn produce(&mut self, out: &mut Vec<u8>) {
        if !self.ready_sent {
            self.ready_sent = true;
            write_command(out, &[READY, &own_properties(&self.config)]);
        }
    }

    fn process(&mut self, body: &[u8]) -> Result<(), ProtocolError> {
        if let Some(properties) = body.strip_prefix(READY) {
            self.peer = Some(metadata::parse(properties)?);
            return Ok(());
        }
        match body.strip_prefix(ERROR) {
            Some(reason) => Err(peer_error(reason)),
            None => Err(unexpected(body)),
        }
    }

    fn finish(&mut self) -> Option<Vec<(String, Vec<u8>)>> {
        self.peer.take_if(|_| self.ready_sent)
    }
}

/// What this end says about itself, in libzmq's order.
fn own_properties(config: &Config) -> Vec<u8> {
    let mut out = Vec::new();
    metadata::write(&mut out, SOCKET_TYPE, config.socket_type.name().as_bytes());
    if config.socket_type.announces_routing_id() {
        metadata::write(&mut out, IDENTITY, config.routing_id());
    }
    for (name, value) in config.properties() {
        metadata::write(&mut out, name, value);
    }
    out
}

/// The error that an ERROR command stands for, from what follows its name.
fn peer_error(data: &[u8]) -> ProtocolError {
    let Some((&length, rest)) = data.split_first() else {
        return ProtocolError::MalformedError;
    };
    match rest.get(..usize::from(length)) {
        Some(reason) => ProtocolError::PeerError { reason: quote(reason, SHORT_STRING_MAX) },
        None => ProtocolError::MalformedError,
    }
}
