//! The boxes of CURVE as somebody opens and closes them who has the keys of this connection: what both
//! ends read only behind a seal can be anything then.

use dryoc::classic::crypto_box;
use ringmq_zmtp::{CurveKeyPair, CurvePublicKey, CurveSecretKey};

use crate::random::Counting;

const MAC: usize = 16;
const NONCE: usize = 24;

/// A command with a box at its end: how its body begins, how its nonce begins, where the rest of the nonce
/// stands, and whether the key is that of HELLO or that of the connection.
struct Boxed {
    name: &'static [u8],
    nonce: &'static [u8],
    nonce_at: usize,
    of_hello: bool,
}

const MESSAGE: &[u8] = b"\x07MESSAGE";
const BOXED: [Boxed; 4] = [
    Boxed { name: b"\x05HELLO", nonce: b"CurveZMQHELLO---", nonce_at: 112, of_hello: true },
    Boxed { name: b"\x07WELCOME", nonce: b"WELCOME-", nonce_at: 8, of_hello: true },
    Boxed { name: b"\x08INITIATE", nonce: b"CurveZMQINITIATE", nonce_at: 105, of_hello: false },
    Boxed { name: b"\x05READY", nonce: b"CurveZMQREADY---", nonce_at: 6, of_hello: false },
];

/// The keys of two ends, those of this connection among them.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) client: CurveKeyPair,
    pub(crate) server: CurveKeyPair,
    /// Of HELLO and WELCOME, and of what follows.
    hello: [u8; 32],
    session: [u8; 32],
}

impl Keys {
    /// Of ends that make their random bytes of those seeds: both begin with their key for the connection.
    pub(crate) fn of(client_seed: u64, server_seed: u64) -> Self {
        let fixed = |byte| CurveKeyPair::from(CurveSecretKey::new([byte; 32]));
        let (client, server) = (fixed(0x43), fixed(0x53));
        let first = |seed| {
            let mut key = [0; 32];
            // Never fails: those bytes are counted.
            let _ = Counting::new(seed).fill(&mut key);
            CurveKeyPair::from(CurveSecretKey::new(key))
        };
        let (own, peers) = (first(client_seed), first(server_seed));
        Keys {
            hello: agree(&server.public, &own.secret),
            session: agree(&peers.public, &own.secret),
            client,
            server,
        }
    }

    /// Opens the box of the command that `flight` ends with, has its content edited, and closes it again.
    /// Leaves everything as it is if there is no such command, or its box was closed by somebody else.
    pub(crate) fn edit(
        &self,
        flight: &mut Vec<u8>,
        from_client: bool,
        edit: impl FnOnce(&mut Vec<u8>),
    ) {
        let message = if from_client { b"CurveZMQMESSAGEC" } else { b"CurveZMQMESSAGES" };
        let message = Boxed { name: MESSAGE, nonce: message, nonce_at: 8, of_hello: false };
        for command in BOXED.iter().chain([&message]) {
            let mut places = flight.windows(command.name.len());
            let Some(at) = places.position(|place| place == command.name) else { continue };
            let sealed_at = command.nonce_at + NONCE - command.nonce.len();
            let body = &flight[at..];
            if body.len() < sealed_at + MAC || at < 2 {
                continue;
            }
            let nonce = [command.nonce, &body[command.nonce_at..sealed_at]].concat();
            let Ok(nonce) = <[u8; NONCE]>::try_from(nonce) else { continue };
            let key = if command.of_hello { &self.hello } else { &self.session };
            let (mac, content) = body[sealed_at..].split_at(MAC);
            let Ok(mut mac) = <[u8; MAC]>::try_from(mac) else { continue };
            let mut content = content.to_vec();
            let opened = crypto_box::crypto_box_open_detached_afternm_inplace(
                &mut content,
                &mac,
                &nonce,
                key,
            );
            if opened.is_err() {
                continue;
            }
            edit(&mut content);
            crypto_box::crypto_box_detached_afternm_inplace(&mut content, &mut mac, &nonce, key);
            let body = [&body[..sealed_at], &mac, &content].concat();
            // A header of two bytes where the size before the name is that of the body.
            let short = usize::from(flight[at - 1]) == flight.len() - at;
            let header = if short { 2 } else { 9 };
            let flags = flight[at.saturating_sub(header)] & 4;
            flight.truncate(at.saturating_sub(header));
            flight.push(flags | 2);
            flight.extend_from_slice(&(body.len() as u64).to_be_bytes());
            flight.extend_from_slice(&body);
            return;
        }
    }
}

fn agree(public: &CurvePublicKey, secret: &CurveSecretKey) -> [u8; 32] {
    // Fails only for keys that nobody makes.
    crypto_box::crypto_box_beforenm(public.as_bytes(), secret.as_bytes()).unwrap_or_default()
}
