//! The end that has a name and a password to show.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use ringmq_pipe::frame::LONG_HEADER;
use zeroize::Zeroizing;

use super::{HELLO, INITIATE, NAME, WELCOME};
use crate::command::{READY, unexpected, write_command};
use crate::limits::SHORT_STRING_MAX;
use crate::mechanism::{
    Agreed, Credentials, Mechanism, MechanismFactory, Random, refused, without_libzmqs_slip,
};
use crate::{Config, ConfigError, ProtocolError};

/// The longest HELLO: its header, its name, and two short strings.
const HELLO_MAX: usize = LONG_HEADER + HELLO.len() + 2 * (1 + SHORT_STRING_MAX);

/// PLAIN as a client: shows a name and a password.
///
/// # Examples
/// ```
/// use ringmq_zmtp::{Config, MechanismConfig, PlainClient, SocketType};
/// use std::sync::Arc;
/// let mut config = Config::new(SocketType::Dealer);
/// let client = PlainClient::new("admin", "secret")?;
/// config.mechanism = MechanismConfig::Other(Arc::new(client));
/// # Ok::<(), ringmq_zmtp::ConfigError>(())
/// ```
pub struct PlainClient {
    username: String,
    password: Zeroizing<Vec<u8>>,
}

impl PlainClient {
    /// With these credentials.
    ///
    /// # Errors
    /// [`ConfigError::CredentialTooLong`] if one of them has more than 255 bytes.
    pub fn new(username: &str, password: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let password = password.as_ref();
        let length = username.len().max(password.len());
        if length > SHORT_STRING_MAX {
            return Err(ConfigError::CredentialTooLong { length });
        }
        Ok(Self { username: username.to_owned(), password: Zeroizing::new(password.to_vec()) })
    }
}

/// Without the password.
impl fmt::Debug for PlainClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainClient").field("username", &self.username).finish_non_exhaustive()
    }
}

impl MechanismFactory for PlainClient {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&self, config: &Arc<Config>) -> Box<dyn Mechanism> {
        // With room for all of it, so that it is copied nowhere else.
        let mut hello = Vec::with_capacity(HELLO_MAX);
        let length = |text: &[u8]| [text.len() as u8];
        write_command(
            &mut hello,
            &[
                HELLO,
                &length(self.username.as_bytes()),
                self.username.as_bytes(),
                &length(&self.password),
                &self.password,
            ],
        );
        let hello = Zeroizing::new(hello);
        Box::new(PlainClientDialogue {
            config: config.clone(),
            state: PlainClientState::Hello(hello),
            peer: None,
        })
    }
}

#[derive(Debug)]
struct PlainClientDialogue {
    config: Arc<Config>,
    state: PlainClientState,
    peer: Option<Agreed>,
}

enum PlainClientState {
    /// HELLO is to be sent.
    Hello(Zeroizing<Vec<u8>>),
    Welcome,
    /// INITIATE is to be sent.
    Initiate,
    Ready,
    Done,
}

/// HELLO holds the password.
impl fmt::Debug for PlainClientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PlainClientState::Hello(_) => "Hello",
            PlainClientState::Welcome => "Welcome",
            PlainClientState::Initiate => "Initiate",
            PlainClientState::Ready => "Ready",
            PlainClientState::Done => "Done",
        })
    }
}

impl Mechanism for PlainClientDialogue {
    fn produce(
        &mut self,
        _: Instant,
        _: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        match &self.state {
            PlainClientState::Hello(hello) => {
                out.extend_from_slice(hello);
                self.state = PlainClientState::Welcome;
            }
            PlainClientState::Initiate => {
                write_command(out, &[INITIATE, &self.config.metadata()]);
                self.state = PlainClientState::Ready;
            }
            PlainClientState::Welcome | PlainClientState::Ready | PlainClientState::Done => {}
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
        match &self.state {
            PlainClientState::Welcome if body.starts_with(WELCOME) => {
                if body.len() > WELCOME.len() {
                    return Err(ProtocolError::MalformedHandshake { command: "WELCOME" });
                }
                self.state = PlainClientState::Initiate;
            }
            PlainClientState::Ready if body.starts_with(READY) => {
                let metadata = body[READY.len()..].to_vec();
                self.peer = Some(Agreed { metadata, protection: None });
                self.state = PlainClientState::Done;
            }
            _ => return Err(unexpected(body)),
        }
        Ok(None)
    }

    fn finish(&mut self) -> Option<Agreed> {
        self.peer.take()
    }
}
