//! The CURVE mechanism (RFC 25 and 26): both ends prove that they have their keys, and everything after
//! that is encrypted and authenticated, with keys of its own for each connection.
//!
//! The client knows the server's public key beforehand; the server learns the client's, and asks its
//! authenticator about it. The cipher is fixed by the protocol: X25519 for the agreement, XSalsa20 and
//! Poly1305 for the boxes, as in NaCl. It comes from the crate dryoc: that is written in Rust, so
//! that it builds wherever ringmq does, runs in constant time, wipes what it has derived, picks AVX-512,
//! AVX2, SSE2 or NEON when the program runs, and its test vectors are those of libsodium. Salsa20 alone, for
//! short messages, comes from the crate salsa20, of which the same is true but for the vectors' width.
//!
//! [`boxes`] and [`message_key`] are all that touches keys; the dialogues ([`client`], [`server`]) and the [`seal`] of what
//! follows arrange bytes.

mod boxes;
mod client;
mod keys;
mod message_key;
mod seal;
mod server;

pub use client::CurveClient;
pub use keys::{CurveKeyPair, CurvePublicKey, CurveSecretKey, KeyError};
pub use server::CurveServer;

use crate::ProtocolError;

const NAME: &str = "CURVE";

const HELLO: &[u8] = b"\x05HELLO";
const WELCOME: &[u8] = b"\x07WELCOME";
const INITIATE: &[u8] = b"\x08INITIATE";
const MESSAGE: &[u8] = b"\x07MESSAGE";

/// What HELLO says of the version of CURVE.
const VERSION: &[u8] = &[1, 0];
/// Zeros in HELLO, which make it longer than WELCOME: no server can be used to multiply traffic.
const HELLO_PADDING: usize = 72;
/// Zeros in the box of HELLO.
const HELLO_ZEROS: usize = 64;
/// A whole HELLO.
const HELLO_SIZE: usize = 200;
/// A whole WELCOME.
const WELCOME_SIZE: usize = 168;
/// What the server gives the client to give back: a nonce, and a box of two keys.
const COOKIE: usize = LONG_NONCE + keys::KEY + keys::KEY + boxes::MAC;
/// By which the client proves that it has its own secret key: a nonce, and a box of two keys.
const VOUCH: usize = LONG_NONCE + keys::KEY + keys::KEY + boxes::MAC;

/// A nonce that is counted.
const SHORT_NONCE: usize = 8;
/// A nonce made of random bytes.
const LONG_NONCE: usize = 16;

/// The error for a command of the handshake that is not as it has to be.
fn malformed(command: &'static str) -> ProtocolError {
    ProtocolError::MalformedHandshake { command }
}
