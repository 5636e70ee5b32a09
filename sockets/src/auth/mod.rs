//! Who is let in: authenticators, native and ZAP's.
//!
//! What a peer has to show for itself is its mechanism's business: nothing for NULL, a name and a password
//! for PLAIN, a key for CURVE, which is set by options of the [socket](crate::Socket). Whether that is
//! enough is for an authenticator to say, of the socket that is the server, or with NULL of any socket that
//! has one:
//!
//! | the socket has | a peer of NULL | of PLAIN | of CURVE |
//! |---|---|---|---|
//! | an [`Authenticator`] | asked | asked | asked |
//! | a ZAP handler in its context | asked, if there is a [domain](crate::Socket::set_zap_domain) | asked | asked, unless the domain is empty and enforced |
//! | neither | let in, unless the domain is [enforced](crate::Socket::set_zap_enforce_domain) | turned away | let in, unless the domain is enforced: encrypted, whoever it is |
//!
//! A ZAP handler ([RFC 27](https://rfc.zeromq.org/spec/27/)) is a REP or ROUTER socket of the same context
//! that has bound `inproc://zeromq.zap.01`; those of other ZeroMQ libraries, such as pyzmq's authenticators,
//! are written in the same way. An authenticator in Rust needs no socket and no thread:
//!
//! ```
//! use ringmq::auth::{Candidate, Denial};
//! use ringmq::Context;
//!
//! let context = Context::new();
//! let server = context.rep()?;
//! server.set_plain_server(true)?;
//! server.set_authenticator(|candidate: Candidate| match candidate.username() {
//!     Some("alice") if candidate.password() == Some(b"wonderland") => candidate.allow_as("alice"),
//!     _ => candidate.deny(Denial::Credentials),
//! })?;
//! let endpoint = server.bind("tcp://127.0.0.1:*")?;
//!
//! let client = context.req()?;
//! client.set_plain_username("alice")?;
//! client.set_plain_password("wonderland")?;
//! client.connect(&endpoint)?;
//! client.send("may I?")?;
//! let question = server.recv()?;
//! let known = question.properties().expect("of a peer that is connected");
//! assert_eq!(known.get("User-Id"), Some(&b"alice"[..]));
//! # Ok::<(), ringmq::Error>(())
//! ```
//!
//! # Keys in files
//! With CURVE, each side has a [`Certificate`]: a file with its public key to be given away, and beside it one
//! with the secret key, in the format of czmq and pyzmq. A server keeps those of its clients in a directory,
//! of which a [`CertificateStore`] is the authenticator; [`AddressRules`] say from where they may come.
//!
//! ```
//! # #[cfg(feature = "curve")]
//! # fn main() -> Result<(), ringmq::Error> {
//! use ringmq::Context;
//! use ringmq::auth::{AddressRules, Certificate, CertificateStore};
//! # let folder = tempfile::tempdir().expect("a directory");
//! # let home = folder.path();
//! # std::fs::create_dir(home.join("clients")).expect("a directory");
//!
//! // Once, where each of them is at home; of the client the server gets alice.key, and nothing else.
//! Certificate::generate()?.save(home.join("server.key"))?;
//! let mut alice = Certificate::generate()?;
//! alice.set("name", "Alice")?;
//! alice.save(home.join("alice.key"))?;
//! alice.save_public(home.join("clients/alice.key"))?;
//!
//! // The server.
//! let context = Context::new();
//! let server = context.pull()?;
//! server.set_certificate(&Certificate::load(home.join("server.key"))?)?;
//! server.set_curve_server(true)?;
//! let clients = CertificateStore::open(home.join("clients"))?;
//! server.set_authenticator(AddressRules::new().allow("127.0.0.0/8")?.then(clients))?;
//! let endpoint = server.bind("tcp://127.0.0.1:*")?;
//!
//! // The client.
//! let client = context.push()?;
//! client.set_certificate(&Certificate::load(home.join("alice.key"))?)?;
//! client.set_curve_server_key(Certificate::load_public(home.join("server.key"))?.public_key())?;
//! client.connect(&endpoint)?;
//! client.send("for the server's eyes only")?;
//!
//! let message = server.recv()?;
//! let sender = message.properties().expect("of a peer that is connected");
//! assert_eq!(sender.get("name"), Some(&b"Alice"[..]));
//! assert_eq!(sender.get("User-Id"), Some(alice.public_key().to_string().as_bytes()));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "curve"))]
//! # fn main() {}
//! ```
//!
//! # What becomes of those who are turned away
//! `User-Id` is the authenticator's word alone; under any other name a peer may tell of itself what nobody else
//! has said.
//!
//! Who is denied is told the status (400 or 500), and does not come again by itself; with
//! [`Denial::Temporary`] it is told nothing, and does. Every answer is an event of the socket's
//! [monitor](crate::Socket::monitor). As long as there is none, the handshake's
//! [time](crate::Socket::set_handshake_interval) runs.

mod address_rules;
mod candidate;
#[cfg(feature = "curve")]
mod certificate;
#[cfg(feature = "curve")]
mod certificate_store;
mod gate;
#[cfg(feature = "curve")]
mod keys;
mod zap;

pub use address_rules::AddressRules;
pub use candidate::{Authenticator, Candidate};
#[cfg(feature = "curve")]
pub use certificate::{Certificate, CertificateError, CertificateFault};
#[cfg(feature = "curve")]
pub use certificate_store::CertificateStore;
pub(crate) use gate::Gate;
#[cfg(feature = "curve")]
pub use keys::curve_keypair;
pub use ringmq_engine::UnixPeer;
#[cfg(feature = "curve")]
pub use ringmq_zmtp::{CurveKeyPair, CurvePublicKey, CurveSecretKey, KeyError};
pub use ringmq_zmtp::{Denial, Z85Error, z85_decode, z85_encode};
