//! The end that has its authenticator judge a name and a password.

use std::sync::Arc;
use std::time::Instant;

use super::{HELLO, INITIATE, NAME, WELCOME};
use crate::command::{READY, unexpected, write_command};
use crate::mechanism::{
    Agreed, Credentials, Mechanism, MechanismFactory, Random, refused, without_libzmqs_slip,
};
use crate::{Config, ProtocolError};

/// PLAIN as a server: an authenticator is asked about each peer, with its name and its password as
/// the credentials.
///
/// # Examples
/// ```
/// use ringmq_zmtp::{Config, MechanismConfig, PlainServer, SocketType};
/// use std::sync::Arc;
/// let mut config = Config::new(SocketType::Router);
/// config.mechanism = MechanismConfig::Other(Arc::new(PlainServer));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PlainServer;

impl MechanismFactory for PlainServer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&self, config: &Arc<Config>) -> Box<dyn Mechanism> {
        Box::new(PlainServerDialogue {
            config: config.clone(),
            state: PlainServerState::Hello,
            metadata: None,
        })
    }

    fn denial(&self, status: u16, out: &mut Vec<u8>) {
        // As libzmq writes it, whose clients know no other form: the name's length and its first
        // letter have become one wrong byte.
        let reason = status.to_string();
        write_command(out, &[b"^RROR", &[reason.len() as u8], reason.as_bytes()]);
    }
}

#[derive(Debug)]
struct PlainServerDialogue {
    config: Arc<Config>,
    state: PlainServerState,
    /// Of the peer.
    metadata: Option<Vec<u8>>,
}

#[derive(Debug, PartialEq)]
enum PlainServerState {
    Hello,
    /// The authenticator is asked.
    Asking,
    /// WELCOME is to be sent.
    Welcome,
    Initiate,
    /// READY is to be sent.
    Ready,
    Done,
}

impl Mechanism for PlainServerDialogue {
    fn produce(
        &mut self,
        _: Instant,
        _: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        match self.state {
            PlainServerState::Welcome => {
                write_command(out, &[WELCOME]);
                self.state = PlainServerState::Initiate;
            }
            PlainServerState::Ready => {
                write_command(out, &[READY, &self.config.metadata()]);
                self.state = PlainServerState::Done;
            }
            PlainServerState::Hello
            | PlainServerState::Asking
            | PlainServerState::Initiate
            | PlainServerState::Done => {}
        }
        Ok(())
    }

    fn process(
        &mut self,
        _: Instant,
        _: &mut Random<'_>,
        body: &[u8],
    ) -> Result<Option<Credentials>, ProtocolError> {
        if let Some(error) = refused(&without_libzmqs_slip(body)) {
            return Err(error);
        }
        match self.state {
            PlainServerState::Hello if body.starts_with(HELLO) => {
                let credentials = credentials(&body[HELLO.len()..])
                    .ok_or(ProtocolError::MalformedHandshake { command: "HELLO" })?;
                self.state = PlainServerState::Asking;
                return Ok(Some(credentials));
            }
            PlainServerState::Initiate if body.starts_with(INITIATE) => {
                self.metadata = Some(body[INITIATE.len()..].to_vec());
                self.state = PlainServerState::Ready;
            }
            _ => return Err(unexpected(body)),
        }
        Ok(None)
    }

    fn allowed(&mut self) {
        if self.state == PlainServerState::Asking {
            self.state = PlainServerState::Welcome;
        }
    }

    fn finish(&mut self) -> Option<Agreed> {
        let metadata = self.metadata.take_if(|_| self.state == PlainServerState::Done)?;
        Some(Agreed { metadata, protection: None })
    }
}

/// A name and a password, each after its length, and nothing more.
fn credentials(data: &[u8]) -> Option<Credentials> {
    let (username, rest) = short_string(data)?;
    let (password, rest) = short_string(rest)?;
    rest.is_empty().then(|| vec![username.to_vec(), password.to_vec()])
}

fn short_string(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = data.split_first()?;
    rest.split_at_checked(usize::from(length))
}
