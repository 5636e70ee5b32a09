//! The NULL mechanism: both ends say READY with their properties, and that is all.

use std::sync::Arc;
use std::time::Instant;

use super::{Agreed, Credentials, Mechanism, Random, refused};
use crate::command::{READY, unexpected, write_command};
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
    /// If at all, the peer is judged by its address, as in libzmq before this end has said anything,
    /// whatever the peer does meanwhile.
    fn asks_first(&self) -> Option<Credentials> {
        self.config.judges_null().then(Vec::new)
    }

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
        Err(refused(body).unwrap_or_else(|| unexpected(body)))
    }

    fn finish(&mut self) -> Option<Agreed> {
        self.peer.take_if(|_| self.ready_sent)
    }
}
