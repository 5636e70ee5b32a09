//! The NULL mechanism: both ends say READY with their properties, and that is all.

use std::sync::Arc;
use std::time::Instant;

use super::{Agreed, Credentials, Mechanism, Random};
use crate::command::{ERROR, READY, unexpected, write_command};
use crate::error::quote;
use crate::limits::SHORT_STRING_MAX;
use crate::{Config, ProtocolError};

/// One end of the dialogue. READY goes out without waiting for the peer's.
#[derive(Debug)]
pub(super) struct Null {
    config: Arc<Config>,
    ready_sent: bool,
    peer: Option<Agreed>,
}

impl Null {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Null { config, ready_sent: false, peer: None }
    }
}

impl Mechanism for Null {
    fn produce(
        &mut self,
        _: Instant,
        _: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        if !self.ready_sent {
            self.ready_sent = true;
            write_command(out, &[READY, &self.config.metadata()]);
        }
        Ok(())
    }

    fn process(
        &mut self,
        _: Instant,
        _: &mut Random<'_>,
        body: &[u8],
    ) -> Result<Option<Credentials>, ProtocolError> {
        if let Some(metadata) = body.strip_prefix(READY) {
            self.peer = Some(Agreed { metadata: metadata.to_vec(), protection: None });
            return Ok(None);
        }
        match body.strip_prefix(ERROR) {
            Some(reason) => Err(peer_error(reason)),
            None => Err(unexpected(body)),
        }
    }

    fn finish(&mut self) -> Option<Agreed> {
        self.peer.take_if(|_| self.ready_sent)
    }
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
