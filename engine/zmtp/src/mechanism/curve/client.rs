//! The end that knows the other's public key.

use std::sync::Arc;
use std::time::Instant;

use zeroize::Zeroizing;

use super::boxes::{self, MAC, SharedKey};
use super::keys::{CurveKeyPair, CurvePublicKey, KEY};
use super::seal::{self, OF_CLIENT, OF_SERVER};
use super::{
    COOKIE, HELLO, HELLO_PADDING, HELLO_ZEROS, INITIATE, LONG_NONCE, NAME, SHORT_NONCE, VERSION,
    WELCOME, WELCOME_SIZE, malformed,
};
use crate::command::{READY, unexpected, write_command};
use crate::mechanism::{Agreed, Credentials, Mechanism, MechanismFactory, Random, refused};
use crate::{Config, ProtocolError};

/// The number of HELLO's nonce, and that of INITIATE's.
const OF_HELLO: u64 = 1;
const OF_INITIATE: u64 = 2;

/// CURVE as a client: only the server that has the secret key to the public one that is known here can
/// answer.
///
/// # Examples
/// ```
/// use ringmq_zmtp::{Config, CurveClient, CurveKeyPair, CurveSecretKey, MechanismConfig, SocketType};
/// use std::sync::Arc;
/// let keys = CurveKeyPair::from(CurveSecretKey::new([1; 32]));
/// let server = CurveKeyPair::from(CurveSecretKey::new([2; 32])).public;
/// let mut config = Config::new(SocketType::Dealer);
/// config.mechanism = MechanismConfig::Other(Arc::new(CurveClient::new(server, keys)));
/// ```
#[derive(Clone, Debug)]
pub struct CurveClient {
    server: CurvePublicKey,
    keys: CurveKeyPair,
}

impl CurveClient {
    /// Talks to whoever has the secret key to `server`, and shows that it has those `keys`.
    pub const fn new(server: CurvePublicKey, keys: CurveKeyPair) -> Self {
        Self { server, keys }
    }
}

impl MechanismFactory for CurveClient {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&self, config: &Arc<Config>) -> Box<dyn Mechanism> {
        Box::new(CurveClientDialogue {
            config: config.clone(),
            known: self.clone(),
            state: CurveClientState::Hello,
            agreed: None,
        })
    }
}

#[derive(Debug)]
struct CurveClientDialogue {
    config: Arc<Config>,
    known: CurveClient,
    state: CurveClientState,
    agreed: Option<Agreed>,
}

#[derive(Debug)]
enum CurveClientState {
    /// HELLO is to be sent.
    Hello,
    /// WELCOME is awaited, with the keys of this connection.
    Welcome {
        own: CurveKeyPair,
        hello_key: SharedKey,
    },
    /// INITIATE is to be sent.
    Initiate {
        own: CurveKeyPair,
        server: CurvePublicKey,
        cookie: Box<[u8; COOKIE]>,
    },
    /// READY is awaited.
    Ready {
        key: SharedKey,
    },
    Done,
}

impl CurveClientDialogue {
    fn hello(
        &self,
        random: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<CurveClientState, ProtocolError> {
        let own = CurveKeyPair::generate(random)?;
        let hello_key = SharedKey::agree(&self.known.server, &own.secret)?;
        let mut sealed = Vec::new();
        let nonce = boxes::counted(b"CurveZMQHELLO---", OF_HELLO);
        hello_key.append(&nonce, &[&[0; HELLO_ZEROS]], &mut sealed);
        write_command(
            out,
            &[
                HELLO,
                VERSION,
                &[0; HELLO_PADDING],
                own.public.as_bytes(),
                &OF_HELLO.to_be_bytes(),
                &sealed,
            ],
        );
        Ok(CurveClientState::Welcome { own, hello_key })
    }

    fn initiate(
        &self,
        own: &CurveKeyPair,
        server: &CurvePublicKey,
        cookie: &[u8; COOKIE],
        random: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<CurveClientState, ProtocolError> {
        let CurveClient { server: known_server, keys } = &self.known;
        let mut bytes = [0; LONG_NONCE];
        random(&mut bytes)?;
        let mut vouch = bytes.to_vec();
        SharedKey::agree(server, &keys.secret)?.append(
            &boxes::random(b"VOUCH---", &bytes),
            &[own.public.as_bytes(), known_server.as_bytes()],
            &mut vouch,
        );
        let key = SharedKey::agree(server, &own.secret)?;
        let mut sealed = Vec::new();
        key.append(
            &boxes::counted(b"CurveZMQINITIATE", OF_INITIATE),
            &[keys.public.as_bytes(), &vouch, &self.config.metadata()],
            &mut sealed,
        );
        write_command(out, &[INITIATE, cookie, &OF_INITIATE.to_be_bytes(), &sealed]);
        Ok(CurveClientState::Ready { key })
    }
}

impl Mechanism for CurveClientDialogue {
    fn produce(
        &mut self,
        _: Instant,
        random: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        match &self.state {
            CurveClientState::Hello => self.state = self.hello(random, out)?,
            CurveClientState::Initiate { own, server, cookie } => {
                self.state = self.initiate(own, server, cookie, random, out)?;
            }
            CurveClientState::Welcome { .. }
            | CurveClientState::Ready { .. }
            | CurveClientState::Done => {}
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
        match std::mem::replace(&mut self.state, CurveClientState::Done) {
            CurveClientState::Welcome { own, hello_key } if body.starts_with(WELCOME) => {
                let (server, cookie) = open_welcome(&hello_key, body)?;
                self.state = CurveClientState::Initiate { own, server, cookie };
            }
            CurveClientState::Ready { key } if body.starts_with(READY) => {
                let (number, metadata) = open_ready(&key, &body[READY.len()..])?;
                let protection =
                    seal::protection(Arc::new(key), (OF_CLIENT, OF_INITIATE), (OF_SERVER, number));
                self.agreed = Some(Agreed { metadata, protection: Some(protection) });
            }
            _ => return Err(unexpected(body)),
        }
        Ok(None)
    }

    fn finish(&mut self) -> Option<Agreed> {
        self.agreed.take()
    }
}

/// The server's key for this connection, and what it wants to have back.
fn open_welcome(
    key: &SharedKey,
    body: &[u8],
) -> Result<(CurvePublicKey, Box<[u8; COOKIE]>), ProtocolError> {
    let (nonce, sealed) = body[WELCOME.len()..]
        .split_first_chunk::<LONG_NONCE>()
        .filter(|_| body.len() == WELCOME_SIZE)
        .ok_or_else(|| malformed("WELCOME"))?;
    let mut sealed = Zeroizing::new(sealed.to_vec());
    let content = key.open(&boxes::random(b"WELCOME-", nonce), &mut sealed)?;
    let (server, cookie) =
        content.split_first_chunk::<KEY>().ok_or_else(|| malformed("WELCOME"))?;
    let cookie = cookie.try_into().map_err(|_| malformed("WELCOME"))?;
    Ok((CurvePublicKey::new(*server), Box::new(cookie)))
}

/// The number of READY's nonce, and the server's metadata.
fn open_ready(key: &SharedKey, data: &[u8]) -> Result<(u64, Vec<u8>), ProtocolError> {
    let (number, sealed) = data
        .split_first_chunk::<SHORT_NONCE>()
        .filter(|(_, sealed)| sealed.len() >= MAC)
        .ok_or_else(|| malformed("READY"))?;
    let number = u64::from_be_bytes(*number);
    let mut sealed = sealed.to_vec();
    let metadata = key.open(&boxes::counted(b"CurveZMQREADY---", number), &mut sealed)?.to_vec();
    Ok((number, metadata))
}
