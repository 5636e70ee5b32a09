//! The end whose public key the other knows.

use std::sync::Arc;
use std::time::Instant;

use zeroize::Zeroizing;

use super::boxes::{self, MAC, SharedKey};
use super::keys::{CurveKeyPair, CurvePublicKey, CurveSecretKey, KEY};
use super::seal::{self, OF_CLIENT, OF_SERVER};
use super::{
    COOKIE, HELLO, HELLO_PADDING, HELLO_SIZE, INITIATE, LONG_NONCE, NAME, SHORT_NONCE, VERSION,
    VOUCH, WELCOME, malformed,
};
use crate::command::{READY, unexpected, write_command};
use crate::mechanism::{Agreed, Credentials, Mechanism, MechanismFactory, Random, refused};
use crate::{Config, ProtocolError};

/// The number of READY's nonce.
const OF_READY: u64 = 1;

/// CURVE as a server: an authenticator is asked about each client, with its public key as the only
/// credential.
///
/// # Examples
/// ```
/// use ringmq_zmtp::{Config, CurveSecretKey, CurveServer, MechanismConfig, SocketType};
/// use std::sync::Arc;
/// let server = CurveServer::new(CurveSecretKey::new([2; 32]));
/// let mut config = Config::new(SocketType::Router);
/// config.mechanism = MechanismConfig::Other(Arc::new(server));
/// ```
#[derive(Clone, Debug)]
pub struct CurveServer {
    keys: CurveKeyPair,
}

impl CurveServer {
    /// With this key, whose public half the clients know.
    pub fn new(secret: CurveSecretKey) -> Self {
        Self { keys: CurveKeyPair::from(secret) }
    }
}

impl MechanismFactory for CurveServer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&self, config: &Arc<Config>) -> Box<dyn Mechanism> {
        Box::new(CurveServerDialogue {
            config: config.clone(),
            keys: self.keys.clone(),
            state: CurveServerState::Hello,
            agreed: None,
        })
    }
}

#[derive(Debug)]
struct CurveServerDialogue {
    config: Arc<Config>,
    keys: CurveKeyPair,
    state: CurveServerState,
    agreed: Option<Agreed>,
}

#[derive(Debug)]
enum CurveServerState {
    Hello,
    /// WELCOME is to be sent.
    Welcome {
        client: CurvePublicKey,
        hello_key: SharedKey,
    },
    /// INITIATE is awaited, with the cookie that was sent.
    Initiate {
        client: CurvePublicKey,
        own: CurveKeyPair,
        cookie: Box<[u8; COOKIE]>,
    },
    /// The authenticator is asked.
    Asking(Introduced),
    /// READY is to be sent.
    Ready(Introduced),
    Done,
}

/// What INITIATE has brought.
#[derive(Debug)]
struct Introduced {
    key: SharedKey,
    /// The number of its nonce.
    number: u64,
    metadata: Vec<u8>,
}

impl CurveServerDialogue {
    /// Opens HELLO, which shows that the client knows this server's key.
    fn hello(&self, body: &[u8]) -> Result<CurveServerState, ProtocolError> {
        let rest = body[HELLO.len()..]
            .strip_prefix(VERSION)
            .filter(|_| body.len() == HELLO_SIZE)
            .ok_or_else(|| malformed("HELLO"))?;
        let parts = rest[HELLO_PADDING..]
            .split_first_chunk::<KEY>()
            .and_then(|(client, rest)| Some((client, rest.split_first_chunk::<SHORT_NONCE>()?)));
        let (client, (number, sealed)) = parts.ok_or_else(|| malformed("HELLO"))?;
        let client = CurvePublicKey::new(*client);
        let hello_key = SharedKey::agree(&client, &self.keys.secret)?;
        let nonce = boxes::counted(b"CurveZMQHELLO---", u64::from_be_bytes(*number));
        hello_key.open(&nonce, &mut sealed.to_vec())?;
        Ok(CurveServerState::Welcome { client, hello_key })
    }

    /// Says WELCOME, with a key for this connection. The key to the cookie is forgotten: the client has
    /// to give back just what it was given, and nobody has to look into it for that.
    fn welcome(
        client: CurvePublicKey,
        hello_key: &SharedKey,
        random: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<CurveServerState, ProtocolError> {
        let own = CurveKeyPair::generate(random)?;
        let mut cookie_key = Zeroizing::new([0; KEY]);
        let (mut cookie_nonce, mut nonce) = ([0; LONG_NONCE], [0; LONG_NONCE]);
        random(&mut cookie_key[..])?;
        random(&mut cookie_nonce)?;
        random(&mut nonce)?;
        let mut cookie = cookie_nonce.to_vec();
        SharedKey::of(cookie_key).append(
            &boxes::random(b"COOKIE--", &cookie_nonce),
            &[client.as_bytes(), own.secret.as_bytes()],
            &mut cookie,
        );
        let mut sealed = Vec::new();
        hello_key.append(
            &boxes::random(b"WELCOME-", &nonce),
            &[own.public.as_bytes(), &cookie],
            &mut sealed,
        );
        write_command(out, &[WELCOME, &nonce, &sealed]);
        let cookie = <[u8; COOKIE]>::try_from(cookie).map_err(|_| malformed("WELCOME"))?;
        Ok(CurveServerState::Initiate { client, own, cookie: Box::new(cookie) })
    }

    /// Opens INITIATE; returns the client's key, which it has proved to be its own.
    fn initiate(
        &self,
        client: &CurvePublicKey,
        own: &CurveKeyPair,
        cookie: &[u8; COOKIE],
        body: &[u8],
    ) -> Result<(CurvePublicKey, Introduced), ProtocolError> {
        let parts = body[INITIATE.len()..]
            .split_first_chunk::<COOKIE>()
            .and_then(|(cookie, rest)| Some((cookie, rest.split_first_chunk::<SHORT_NONCE>()?)))
            .filter(|(_, (_, sealed))| sealed.len() >= MAC + KEY + VOUCH);
        let (returned, (number, sealed)) = parts.ok_or_else(|| malformed("INITIATE"))?;
        if returned != cookie {
            return Err(ProtocolError::BrokenSeal);
        }
        let number = u64::from_be_bytes(*number);
        let key = SharedKey::agree(client, &own.secret)?;
        let mut sealed = sealed.to_vec();
        let content = key.open(&boxes::counted(b"CurveZMQINITIATE", number), &mut sealed)?;
        let (known_as, rest) = content.split_at_mut(KEY);
        let known_as = CurvePublicKey::try_from(&*known_as).map_err(|_| malformed("INITIATE"))?;
        let (vouch, metadata) = rest.split_at_mut(VOUCH);
        let metadata = metadata.to_vec();
        let (nonce, vouch) =
            vouch.split_first_chunk_mut::<LONG_NONCE>().ok_or_else(|| malformed("INITIATE"))?;
        // Nobody else can have closed this box, and nobody can have copied it from another connection.
        let vouched = SharedKey::agree(&known_as, &own.secret)?
            .open(&boxes::random(b"VOUCH---", nonce), vouch)?;
        if *vouched != [*client.as_bytes(), *self.keys.public.as_bytes()].concat() {
            return Err(ProtocolError::KeyExchange);
        }
        Ok((known_as, Introduced { key, number, metadata }))
    }

    fn ready(&mut self, introduced: Introduced, out: &mut Vec<u8>) {
        let Introduced { key, number, metadata } = introduced;
        let mut sealed = Vec::new();
        let nonce = boxes::counted(b"CurveZMQREADY---", OF_READY);
        key.append(&nonce, &[&self.config.metadata()], &mut sealed);
        write_command(out, &[READY, &OF_READY.to_be_bytes(), &sealed]);
        let protection =
            seal::protection(Arc::new(key), (OF_SERVER, OF_READY), (OF_CLIENT, number));
        self.agreed = Some(Agreed { metadata, protection: Some(protection) });
    }
}

impl Mechanism for CurveServerDialogue {
    fn produce(
        &mut self,
        _: Instant,
        random: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        match std::mem::replace(&mut self.state, CurveServerState::Done) {
            CurveServerState::Welcome { client, hello_key } => {
                self.state = Self::welcome(client, &hello_key, random, out)?;
            }
            CurveServerState::Ready(introduced) => self.ready(introduced, out),
            other => self.state = other,
        }
        Ok(())
    }

    fn process(
        &mut self,
        _: Instant,
        _: &mut Random<'_>,
        body: &[u8],
    ) -> Result<Option<Credentials>, ProtocolError> {
        if let Some(error) = refused(body) {
            return Err(error);
        }
        match &self.state {
            CurveServerState::Hello if body.starts_with(HELLO) => self.state = self.hello(body)?,
            CurveServerState::Initiate { client, own, cookie } if body.starts_with(INITIATE) => {
                let (known_as, introduced) = self.initiate(client, own, cookie, body)?;
                self.state = CurveServerState::Asking(introduced);
                return Ok(Some(vec![known_as.as_bytes().to_vec()]));
            }
            _ => return Err(unexpected(body)),
        }
        Ok(None)
    }

    fn allowed(&mut self) {
        self.state = match std::mem::replace(&mut self.state, CurveServerState::Done) {
            CurveServerState::Asking(introduced) => CurveServerState::Ready(introduced),
            other => other,
        };
    }

    fn finish(&mut self) -> Option<Agreed> {
        self.agreed.take()
    }
}
