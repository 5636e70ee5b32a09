//! A mechanism to be thrown away: it asks an authenticator, and then hides each frame by XOR. It
//! protects nothing, but goes through every seam that a real one needs.
//!
//! | from | frame |
//! |---|---|
//! | client | `05 HELLO`, eight random bytes, the client's name |
//! | server, once the authenticator has let that name in | `07 WELCOME`, eight random bytes, metadata (hidden) |
//! | client | `08 INITIATE`, metadata (hidden) |
//! | both, from then on | `07 MESSAGE`, number (8), flags and body (hidden), check (1) |
#![allow(dead_code)] // Two crates' tests use it, neither all of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringmq_pipe::frame;
use ringmq_zmtp::{
    Agreed, Config, Credentials, Mechanism, MechanismConfig, MechanismFactory, Open, Opened,
    Protection, ProtocolError, Random, Seal, SocketType,
};

pub(crate) const HELLO: &[u8] = b"\x05HELLO";
pub(crate) const WELCOME: &[u8] = b"\x07WELCOME";
pub(crate) const INITIATE: &[u8] = b"\x08INITIATE";
pub(crate) const MESSAGE: &[u8] = b"\x07MESSAGE";
/// How long after HELLO a server takes an INITIATE.
pub(crate) const FRESH: Duration = Duration::from_secs(5);

/// The settings of one end.
#[derive(Debug)]
pub(crate) enum Xor {
    Server,
    /// With its name.
    Client(&'static str),
}

/// The settings of a socket with this mechanism.
pub(crate) fn config(socket_type: SocketType, xor: Xor) -> Config {
    let mut config = Config::new(socket_type);
    config.mechanism = MechanismConfig::Other(Arc::new(xor));
    config.zap_domain = "global".to_owned();
    config
}

impl MechanismFactory for Xor {
    fn name(&self) -> &'static str {
        "XOR"
    }

    fn start(&self, config: &Arc<Config>) -> Box<dyn Mechanism> {
        let metadata = config.metadata();
        let turn = match self {
            Xor::Server => Turn::AwaitHello,
            Xor::Client(name) => Turn::SendHello(name),
        };
        Box::new(Dialogue { metadata, turn, key: [0; 8], agreed: None })
    }
}

#[derive(Debug)]
struct Dialogue {
    /// Of this end.
    metadata: Vec<u8>,
    turn: Turn,
    /// What both ends' random bytes are together, so far.
    key: [u8; 8],
    agreed: Option<Agreed>,
}

#[derive(Debug)]
enum Turn {
    SendHello(&'static str),
    AwaitWelcome,
    SendInitiate(Vec<u8>),
    AwaitHello,
    /// Until the authenticator has answered.
    Ask(Instant),
    SendWelcome(Instant),
    AwaitInitiate(Instant),
    Done,
}

fn hide(key: [u8; 8], number: u64, bytes: &mut [u8]) {
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte ^= key[at.wrapping_add(number as usize) % 8] ^ number as u8;
    }
}

fn command(body: &[u8], out: &mut Vec<u8>) {
    let mut header = [0; frame::LONG_HEADER];
    let size = frame::write(&mut header, frame::COMMAND, body.len());
    out.extend_from_slice(&header[..size]);
    out.extend_from_slice(body);
}

fn check(number: u64, content: &[u8]) -> u8 {
    let number = number.to_be_bytes();
    number.iter().chain(content).fold(0x55, |sum: u8, byte| sum.rotate_left(1) ^ byte)
}

impl Dialogue {
    fn mix(&mut self, bytes: &[u8]) {
        self.key.iter_mut().zip(bytes).for_each(|(key, byte)| *key ^= byte);
    }

    fn salt(&mut self, random: &mut Random<'_>) -> Result<[u8; 8], ProtocolError> {
        let mut salt = [0; 8];
        random(&mut salt)?;
        self.mix(&salt);
        Ok(salt)
    }

    fn hidden_metadata(&self) -> Vec<u8> {
        let mut metadata = self.metadata.clone();
        hide(self.key, 0, &mut metadata);
        metadata
    }

    fn agree(&mut self, hidden: &[u8]) {
        let mut metadata = hidden.to_vec();
        hide(self.key, 0, &mut metadata);
        let protection = Protection {
            seal: Box::new(Mask { key: self.key, last: 0 }),
            open: Box::new(Mask { key: self.key, last: 0 }),
        };
        self.agreed = Some(Agreed { metadata, protection: Some(protection) });
        self.turn = Turn::Done;
    }
}

fn unexpected() -> ProtocolError {
    ProtocolError::UnexpectedCommand { name: "?".to_owned() }
}

impl Mechanism for Dialogue {
    fn produce(
        &mut self,
        _: Instant,
        random: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        match std::mem::replace(&mut self.turn, Turn::Done) {
            Turn::SendHello(name) => {
                let salt = self.salt(random)?;
                command(&[HELLO, &salt, name.as_bytes()].concat(), out);
                self.turn = Turn::AwaitWelcome;
            }
            Turn::SendWelcome(since) => {
                let salt = self.salt(random)?;
                command(&[WELCOME, &salt, &self.hidden_metadata()].concat(), out);
                self.turn = Turn::AwaitInitiate(since);
            }
            Turn::SendInitiate(hidden) => {
                command(&[INITIATE, &self.hidden_metadata()].concat(), out);
                self.agree(&hidden);
            }
            other => self.turn = other,
        }
        Ok(())
    }

    fn process(
        &mut self,
        now: Instant,
        _: &mut Random<'_>,
        body: &[u8],
    ) -> Result<Option<Credentials>, ProtocolError> {
        let of = |name| body.strip_prefix(name).ok_or_else(unexpected);
        match self.turn {
            Turn::AwaitHello => {
                let (salt, name) = of(HELLO)?.split_at_checked(8).ok_or_else(unexpected)?;
                self.mix(salt);
                self.turn = Turn::Ask(now);
                Ok(Some(vec![name.to_vec()]))
            }
            Turn::AwaitWelcome => {
                if let Some([_, reason @ ..]) = body.strip_prefix(b"\x05ERROR") {
                    let reason = String::from_utf8_lossy(reason).into_owned();
                    return Err(ProtocolError::PeerError { reason });
                }
                let (salt, hidden) = of(WELCOME)?.split_at_checked(8).ok_or_else(unexpected)?;
                self.mix(salt);
                self.turn = Turn::SendInitiate(hidden.to_vec());
                Ok(None)
            }
            Turn::AwaitInitiate(since) if now > since + FRESH => Err(unexpected()),
            Turn::AwaitInitiate(_) => {
                self.agree(of(INITIATE)?);
                Ok(None)
            }
            _ => Err(unexpected()),
        }
    }

    fn allowed(&mut self) {
        let Turn::Ask(since) = self.turn else { panic!("nobody was asked") };
        self.turn = Turn::SendWelcome(since);
    }

    fn finish(&mut self) -> Option<Agreed> {
        self.agreed.take()
    }
}

/// One direction after the handshake.
#[derive(Debug)]
struct Mask {
    key: [u8; 8],
    /// The number of the last frame.
    last: u64,
}

impl Seal for Mask {
    fn overhead(&self) -> usize {
        MESSAGE.len() + 8 + 1 + 1
    }

    fn seal(&mut self, flags: u8, body: &[u8], out: &mut Vec<u8>) {
        self.last += 1;
        let mut content = [&[flags], body].concat();
        let sum = check(self.last, &content);
        hide(self.key, self.last, &mut content);
        out.extend_from_slice(&[MESSAGE, &self.last.to_be_bytes(), &content, &[sum]].concat());
    }
}

impl Open for Mask {
    fn open(&mut self, sealed: Vec<u8>) -> Result<Opened, ProtocolError> {
        let message = sealed.strip_prefix(MESSAGE).ok_or(ProtocolError::BrokenSeal)?;
        let (number, content) = message.split_first_chunk().ok_or(ProtocolError::BrokenSeal)?;
        let number = u64::from_be_bytes(*number);
        let (sum, content) = content.split_last().ok_or(ProtocolError::BrokenSeal)?;
        if number <= self.last || content.is_empty() {
            return Err(ProtocolError::BrokenSeal);
        }
        self.last = number;
        let mut content = content.to_vec();
        hide(self.key, number, &mut content);
        if check(number, &content) != *sum {
            return Err(ProtocolError::BrokenSeal);
        }
        Ok(Opened { flags: content[0], bytes: content, body_at: 1 })
    }
}
