//! The PLAIN mechanism (RFC 24): a name and a password, in clear text.
//!
//! The client says HELLO with both, the server asks its authenticator and says WELCOME, and then each
//! tells its properties, in INITIATE and READY. What follows is not protected: for networks that one
//! trusts, or below TLS.

mod client;
mod server;

pub use client::PlainClient;
pub use server::PlainServer;

const NAME: &str = "PLAIN";

const HELLO: &[u8] = b"\x05HELLO";
const WELCOME: &[u8] = b"\x07WELCOME";
const INITIATE: &[u8] = b"\x08INITIATE";
