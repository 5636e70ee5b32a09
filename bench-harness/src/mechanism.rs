//! Whether what goes over a wire is encrypted, and the keys that this takes.

use std::fmt;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use ringmq::auth::{CurveKeyPair, CurvePublicKey, CurveSecretKey, curve_keypair};
use ringmq::{Socket, kind};
use serde::{Deserialize, Serialize};

/// The security mechanism of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// Nothing is encrypted.
    #[default]
    Null,
    /// CURVE, the end that binds being its server: the floor is the bare cipher
    Curve,
}

impl Mechanism {
    /// Whether it is the one that goes without saying.
    pub(crate) fn is_null(&self) -> bool {
        *self == Self::Null
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Null => "NULL",
            Self::Curve => "CURVE",
        })
    }
}

/// What one end of a connection has to know under CURVE. Made for one connection and good for no other.
#[derive(Clone, Serialize, Deserialize)]
pub struct Keys {
    /// Its public key.
    pub public: [u8; 32],
    /// Its secret key.
    pub secret: [u8; 32],
    /// The public key of its server; the server itself has none.
    pub server: Option<[u8; 32]>,
}

impl Keys {
    /// New ones for both ends: first those of the server, which binds.
    ///
    /// # Errors
    ///
    /// If the system has no random bytes.
    pub fn of_both() -> Result<[Self; 2]> {
        let server = Self::of_server()?;
        let client = Self::of_client(CurvePublicKey::new(server.public))?;
        Ok([server, client])
    }

    /// New ones for both ends if `mechanism` takes any: first those of the server, which binds.
    ///
    /// # Errors
    ///
    /// If the system has no random bytes.
    pub fn for_both(mechanism: Mechanism) -> Result<[Option<Self>; 2]> {
        match mechanism {
            Mechanism::Null => Ok([None, None]),
            Mechanism::Curve => Ok(Self::of_both()?.map(Some)),
        }
    }

    /// New ones for a server.
    pub(crate) fn of_server() -> Result<Self> {
        Ok(Self::new(&curve_keypair()?, None))
    }

    /// New ones for a client of that server.
    pub(crate) fn of_client(server: CurvePublicKey) -> Result<Self> {
        Ok(Self::new(&curve_keypair()?, Some(server)))
    }

    fn new(own: &CurveKeyPair, server: Option<CurvePublicKey>) -> Self {
        let server = server.map(|key| *key.as_bytes());
        Self { public: *own.public.as_bytes(), secret: *own.secret.as_bytes(), server }
    }

    /// Has a socket of ringmq use them, for whatever it binds or connects from now on.
    ///
    /// # Errors
    ///
    /// If the context is gone.
    pub fn give_to<K: kind::Kind>(&self, socket: &Socket<K>) -> Result<()> {
        socket.set_curve_public_key(CurvePublicKey::new(self.public))?;
        socket.set_curve_secret_key(CurveSecretKey::new(self.secret))?;
        match self.server {
            None => socket.set_curve_server(true).context("making a server of a socket"),
            Some(key) => {
                let set = socket.set_curve_server_key(CurvePublicKey::new(key));
                set.context("telling a socket its server")
            }
        }
    }
}

/// Shows no secret.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = if self.server.is_some() { "client" } else { "server" };
        write!(f, "Keys(of a {role}, {})", CurvePublicKey::new(self.public))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_client_knows_its_server_and_the_server_nobody() {
        let [server, client] = Keys::of_both().unwrap();
        assert_eq!((server.server, client.server), (None, Some(server.public)));
        for keys in [&server, &client] {
            let public = CurveSecretKey::new(keys.secret).public_key();
            assert_eq!(public.as_bytes(), &keys.public);
        }
        assert!(Keys::for_both(Mechanism::Null).unwrap().iter().all(Option::is_none));
    }

    #[test]
    fn no_secret_is_shown_and_all_keys_reach_the_worker() {
        let [_, client] = Keys::of_both().unwrap();
        let shown = format!("{client:?}");
        assert!(shown.starts_with("Keys(of a client, "), "{shown}");
        assert!(!shown.contains(&*CurveSecretKey::new(client.secret).to_z85()), "{shown}");
        let read: Keys = serde_json::from_str(&serde_json::to_string(&client).unwrap()).unwrap();
        assert_eq!(read.public, client.public);
        assert_eq!((read.secret, read.server), (client.secret, client.server));
    }
}
