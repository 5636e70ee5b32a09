//! A mechanism that seals frames without hiding anything, so that a fuzzer gets at what is behind a seal:
//! READY with metadata of each end, and then in each outer frame a byte of flags, one that says where the
//! body begins, and the rest.

use std::sync::Arc;
use std::time::Instant;

use ringmq_zmtp::{
    Agreed, Config, Credentials, Mechanism, MechanismFactory, Open, Opened, Protection,
    ProtocolError, Random, Seal,
};

const READY: &[u8] = b"\x05READY";
/// What comes before the body, if the second byte does not say otherwise.
const HEAD: usize = 2;

#[derive(Debug)]
pub(crate) struct Clear;

impl MechanismFactory for Clear {
    fn name(&self) -> &'static str {
        "CLEAR"
    }

    fn start(&self, config: &Arc<Config>) -> Box<dyn Mechanism> {
        Box::new(Dialogue { ready: Some([READY, &config.metadata()].concat()), metadata: None })
    }
}

#[derive(Debug)]
struct Dialogue {
    /// To be sent.
    ready: Option<Vec<u8>>,
    /// Of the peer.
    metadata: Option<Vec<u8>>,
}

impl Mechanism for Dialogue {
    fn produce(
        &mut self,
        _: Instant,
        _: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        if let Some(ready) = self.ready.take() {
            out.extend([ringmq_pipe::frame::COMMAND, ready.len() as u8]);
            out.extend(ready);
        }
        Ok(())
    }

    fn process(
        &mut self,
        _: Instant,
        _: &mut Random<'_>,
        body: &[u8],
    ) -> Result<Option<Credentials>, ProtocolError> {
        let metadata = body.strip_prefix(READY).ok_or(ProtocolError::BrokenSeal)?;
        self.metadata = Some(metadata.to_vec());
        Ok(None)
    }

    fn finish(&mut self) -> Option<Agreed> {
        let protection = Protection { seal: Box::new(Pane), open: Box::new(Pane) };
        Some(Agreed { metadata: self.metadata.take()?, protection: Some(protection) })
    }
}

#[derive(Debug)]
struct Pane;

impl Seal for Pane {
    fn overhead(&self) -> usize {
        HEAD
    }

    fn seal(&mut self, flags: u8, body: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&[flags, HEAD as u8]);
        out.extend_from_slice(body);
    }
}

impl Open for Pane {
    fn open(&mut self, sealed: Vec<u8>) -> Result<Opened, ProtocolError> {
        let &[flags, body_at, ..] = sealed.as_slice() else {
            return Err(ProtocolError::BrokenSeal);
        };
        Ok(Opened { flags, body_at: usize::from(body_at).min(sealed.len()), bytes: sealed })
    }
}
