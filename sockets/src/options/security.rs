//! What a socket shows of itself, and wants to be shown.

use super::invalid;
use super::value::Secret;
use crate::error::Error;
#[cfg(feature = "curve")]
use ringmq_zmtp::{CurveClient, CurveKeyPair, CurvePublicKey, CurveSecretKey, CurveServer};
use ringmq_zmtp::{MechanismConfig, PlainClient, PlainServer};
use std::sync::Arc;

/// The mechanism that a socket was given last, by whichever of its options, as in libzmq.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MechanismChoice {
    #[default]
    Null,
    Plain,
    #[cfg(feature = "curve")]
    Curve,
}

impl MechanismChoice {
    /// libzmq's number.
    pub(crate) const fn number(self) -> u32 {
        match self {
            MechanismChoice::Null => 0,
            MechanismChoice::Plain => 1,
            #[cfg(feature = "curve")]
            MechanismChoice::Curve => 2,
        }
    }
}

/// See the [module's documentation](self).
#[derive(Clone, Default)]
pub(crate) struct SecurityOptions {
    mechanism: MechanismChoice,
    as_server: bool,
    /// Empty if there is none, as the password.
    username: String,
    password: Secret,
    #[cfg(feature = "curve")]
    public: Option<CurvePublicKey>,
    #[cfg(feature = "curve")]
    secret: Option<CurveSecretKey>,
    #[cfg(feature = "curve")]
    server: Option<CurvePublicKey>,
}

impl SecurityOptions {
    pub(crate) fn mechanism(&self) -> MechanismChoice {
        self.mechanism
    }

    fn is_server(&self, mechanism: MechanismChoice) -> bool {
        self.as_server && self.mechanism == mechanism
    }

    /// Is the server of a mechanism from now on, or not any more.
    fn set_server(&mut self, mechanism: MechanismChoice, on: bool) {
        self.as_server = on;
        self.mechanism = if on { mechanism } else { MechanismChoice::Null };
    }

    /// Is a client of a mechanism from now on.
    fn set_client(&mut self, mechanism: MechanismChoice) {
        self.as_server = false;
        self.mechanism = mechanism;
    }

    pub(crate) fn plain_server(&self) -> bool {
        self.is_server(MechanismChoice::Plain)
    }

    pub(crate) fn set_plain_server(&mut self, on: bool) {
        self.set_server(MechanismChoice::Plain, on);
    }

    pub(crate) fn username(&self) -> &str {
        &self.username
    }

    pub(crate) fn set_username(&mut self, username: String) {
        self.set_client(if username.is_empty() {
            MechanismChoice::Null
        } else {
            MechanismChoice::Plain
        });
        self.username = username;
    }

    pub(crate) fn password(&self) -> &Secret {
        &self.password
    }

    pub(crate) fn set_password(&mut self, password: Secret) {
        // With a name, an empty password is one.
        let none = password.as_bytes().is_empty() && self.username.is_empty();
        self.set_client(if none { MechanismChoice::Null } else { MechanismChoice::Plain });
        self.password = password;
    }

    /// What a bind or connect is made with.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], where something is missing.
    pub(crate) fn config(&self) -> Result<MechanismConfig, Error> {
        Ok(match self.mechanism {
            MechanismChoice::Null => MechanismConfig::Null,
            MechanismChoice::Plain if self.as_server => {
                MechanismConfig::Other(Arc::new(PlainServer))
            }
            MechanismChoice::Plain => {
                let client = PlainClient::new(&self.username, self.password.as_bytes())
                    .map_err(|error| invalid("plain_username", error.to_string()))?;
                MechanismConfig::Other(Arc::new(client))
            }
            #[cfg(feature = "curve")]
            MechanismChoice::Curve => self.curve()?,
        })
    }
}

#[cfg(feature = "curve")]
impl SecurityOptions {
    pub(crate) fn curve_server(&self) -> bool {
        self.is_server(MechanismChoice::Curve)
    }

    pub(crate) fn set_curve_server(&mut self, on: bool) {
        self.set_server(MechanismChoice::Curve, on);
    }

    pub(crate) fn public_key(&self) -> Option<CurvePublicKey> {
        self.public
    }

    pub(crate) fn set_public_key(&mut self, key: Option<CurvePublicKey>) {
        self.mechanism = MechanismChoice::Curve;
        self.public = key;
    }

    pub(crate) fn secret_key(&self) -> Option<&CurveSecretKey> {
        self.secret.as_ref()
    }

    pub(crate) fn set_secret_key(&mut self, key: Option<CurveSecretKey>) {
        self.mechanism = MechanismChoice::Curve;
        self.secret = key;
    }

    pub(crate) fn server_key(&self) -> Option<CurvePublicKey> {
        self.server
    }

    pub(crate) fn set_server_key(&mut self, key: Option<CurvePublicKey>) {
        self.set_client(MechanismChoice::Curve);
        self.server = key;
    }

    fn curve(&self) -> Result<MechanismConfig, Error> {
        let missing = |option, what| Err(invalid(option, format!("CURVE needs {what}")));
        let Some(secret) = self.secret.clone() else {
            return missing("curve_secret_key", "the secret key of this end");
        };
        if self.as_server {
            return Ok(MechanismConfig::Other(Arc::new(CurveServer::new(secret))));
        }
        let Some(server) = self.server else {
            return missing("curve_server_key", "the server's public key at a client");
        };
        let keys = CurveKeyPair::from(secret);
        // Said by the same people who have said the secret one, and may be wrong.
        if self.public.is_some_and(|public| public != keys.public) {
            return Err(invalid("curve_public_key", "it does not belong to the secret key"));
        }
        Ok(MechanismConfig::Other(Arc::new(CurveClient::new(server, keys))))
    }
}
