//! The options of a socket that say what it shows of itself, and whom it lets in.

use crate::auth::Authenticator;
#[cfg(feature = "curve")]
use crate::auth::{Certificate, CertificateError, CertificateFault};
use crate::error::Error;
use crate::kind::Kind;
use crate::options::{Secret, table};
use crate::socket::Socket;
#[cfg(feature = "curve")]
use ringmq_zmtp::{CurvePublicKey, CurveSecretKey};
use std::sync::Arc;

impl<K: Kind> Socket<K> {
    /// Whether this end judges peers by the names and passwords that they show (PLAIN); who does is in
    /// [`auth`](crate::auth). Default `false`.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_plain_server(true)?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PLAIN_SERVER")]
    pub fn set_plain_server(&self, on: bool) -> Result<(), Error> {
        self.set(&table::PLAIN_SERVER, on)
    }

    /// Whether this end is a server of PLAIN.
    ///
    /// # Examples
    /// ```
    /// assert!(!ringmq::Context::new().router()?.plain_server()?);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PLAIN_SERVER")]
    pub fn plain_server(&self) -> Result<bool, Error> {
        self.get(&table::PLAIN_SERVER)
    }

    /// The name that this end shows a server of PLAIN, at most 255 bytes; with an empty one it speaks NULL,
    /// which is the default.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if it is longer, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().dealer()?;
    /// socket.set_plain_username("alice")?;
    /// socket.set_plain_password("wonderland")?;
    /// socket.connect("tcp://127.0.0.1:9")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PLAIN_USERNAME")]
    pub fn set_plain_username(&self, username: impl AsRef<str>) -> Result<(), Error> {
        self.set(&table::PLAIN_USERNAME, username.as_ref().to_owned())
    }

    /// The name that was set.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Context::new().dealer()?.plain_username()?, "");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PLAIN_USERNAME")]
    pub fn plain_username(&self) -> Result<String, Error> {
        self.get(&table::PLAIN_USERNAME)
    }

    /// The password that this end shows a server of PLAIN, at most 255 bytes. It goes over the wire as it is.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if it is longer, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().dealer()?;
    /// socket.set_plain_username("alice")?;
    /// socket.set_plain_password("wonderland")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PLAIN_PASSWORD")]
    pub fn set_plain_password(&self, password: impl AsRef<[u8]>) -> Result<(), Error> {
        self.set(&table::PLAIN_PASSWORD, Secret::new(password))
    }

    /// The password that was set.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().dealer()?;
    /// socket.set_plain_password("wonderland")?;
    /// assert_eq!(socket.plain_password()?.as_bytes(), b"wonderland");
    /// assert_eq!(format!("{:?}", socket.plain_password()?), "(secret)");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PLAIN_PASSWORD")]
    pub fn plain_password(&self) -> Result<Secret, Error> {
        self.get(&table::PLAIN_PASSWORD)
    }

    /// In whose name peers are judged: a ZAP handler is told, and may have a rule for each. With one, peers of
    /// NULL are judged as well. At most 255 bytes; default empty.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if it is longer, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_zap_domain("global")?;
    /// assert_eq!(socket.zap_domain()?, "global");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_ZAP_DOMAIN")]
    pub fn set_zap_domain(&self, domain: impl AsRef<str>) -> Result<(), Error> {
        self.set(&table::ZAP_DOMAIN, domain.as_ref().to_owned())
    }

    /// The domain that was set.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Context::new().router()?.zap_domain()?, "");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_ZAP_DOMAIN")]
    pub fn zap_domain(&self) -> Result<String, Error> {
        self.get(&table::ZAP_DOMAIN)
    }

    /// Whether peers are turned away where there is a domain and nobody to ask. Default `false`: then those of
    /// NULL and CURVE are let in.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_zap_domain("global")?;
    /// socket.set_zap_enforce_domain(true)?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_ZAP_ENFORCE_DOMAIN")]
    pub fn set_zap_enforce_domain(&self, on: bool) -> Result<(), Error> {
        self.set(&table::ZAP_ENFORCE_DOMAIN, on)
    }

    /// Whether the domain is enforced.
    ///
    /// # Examples
    /// ```
    /// assert!(!ringmq::Context::new().router()?.zap_enforce_domain()?);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_ZAP_ENFORCE_DOMAIN")]
    pub fn zap_enforce_domain(&self) -> Result<bool, Error> {
        self.get(&table::ZAP_ENFORCE_DOMAIN)
    }

    /// Has an authenticator judge peers from now on, in the place of a ZAP handler; see
    /// [`auth`](crate::auth). Peers of NULL are judged by one that was there before the bind or connect.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::{Candidate, Denial};
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.set_authenticator(|candidate: Candidate| match candidate.peer_address() {
    ///     Some("127.0.0.1" | "::1") => candidate.allow(),
    ///     _ => candidate.deny(Denial::Credentials),
    /// })?;
    /// socket.bind("tcp://*:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_authenticator(
        &self,
        authenticator: impl Authenticator + 'static,
    ) -> Result<(), Error> {
        self.change_authenticator(Some(Arc::new(authenticator)))
    }

    /// Has no [authenticator](Self::set_authenticator) any more.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.set_authenticator(|candidate: ringmq::auth::Candidate| candidate.allow())?;
    /// socket.clear_authenticator()?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn clear_authenticator(&self) -> Result<(), Error> {
        self.change_authenticator(None)
    }

    fn change_authenticator(
        &self,
        authenticator: Option<Arc<dyn Authenticator>>,
    ) -> Result<(), Error> {
        let mut core = self.inner.lock()?;
        core.enter()?;
        core.options.zmtp.asks_about_null = authenticator.is_some();
        core.options.shared = None;
        core.shared.gate.set_authenticator(authenticator);
        Ok(())
    }
}

#[cfg(feature = "curve")]
impl<K: Kind> Socket<K> {
    /// Has this end show the keys of its own certificate: sets the
    /// [secret key](Self::set_curve_secret_key) and the [public one](Self::set_curve_public_key).
    ///
    /// # Errors
    /// [`Error::Certificate`] if it has no secret key, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::Certificate;
    /// let own = Certificate::generate()?;
    /// let server = ringmq::Context::new().router()?;
    /// server.set_certificate(&own)?;
    /// server.set_curve_server(true)?;
    /// assert_eq!(server.curve_public_key()?, Some(own.public_key()));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zcert_apply")]
    pub fn set_certificate(&self, certificate: &Certificate) -> Result<(), Error> {
        let Some(secret) = certificate.secret_key() else {
            return Err(CertificateError::from(CertificateFault::NoSecretKey).into());
        };
        self.set_curve_secret_key(secret.clone())?;
        self.set_curve_public_key(certificate.public_key())
    }

    /// Whether this end is the server of CURVE: it has a [secret key](Self::set_curve_secret_key), and its
    /// clients know the public one. Who of them is let in is in [`auth`](crate::auth). Default `false`.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::curve_keypair;
    /// let (server_keys, client_keys) = (curve_keypair()?, curve_keypair()?);
    /// let context = ringmq::Context::new();
    /// let (server, client) = (context.pull()?, context.push()?);
    /// server.set_curve_server(true)?;
    /// server.set_curve_secret_key(server_keys.secret)?;
    /// client.set_curve_secret_key(client_keys.secret)?;
    /// client.set_curve_server_key(server_keys.public)?;
    /// client.connect(&server.bind("tcp://127.0.0.1:*")?)?;
    /// client.send("for your eyes only")?;
    /// assert_eq!(server.recv()?, "for your eyes only");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CURVE_SERVER")]
    pub fn set_curve_server(&self, on: bool) -> Result<(), Error> {
        self.set(&table::CURVE_SERVER, on)
    }

    /// Whether this end is a server of CURVE.
    ///
    /// # Examples
    /// ```
    /// assert!(!ringmq::Context::new().router()?.curve_server()?);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CURVE_SERVER")]
    pub fn curve_server(&self) -> Result<bool, Error> {
        self.get(&table::CURVE_SERVER)
    }

    /// The public key of this end. Need not be set, as it follows from the
    /// [secret one](Self::set_curve_secret_key); one that does not is an error of the next connect.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let keys = ringmq::auth::curve_keypair()?;
    /// let socket = ringmq::Context::new().dealer()?;
    /// socket.set_curve_public_key(keys.public)?;
    /// assert_eq!(socket.curve_public_key()?, Some(keys.public));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CURVE_PUBLICKEY")]
    pub fn set_curve_public_key(
        &self,
        key: impl Into<Option<CurvePublicKey>>,
    ) -> Result<(), Error> {
        self.set(&table::CURVE_PUBLICKEY, key.into())
    }

    /// The public key that was set.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Context::new().router()?.curve_public_key()?, None);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CURVE_PUBLICKEY")]
    pub fn curve_public_key(&self) -> Result<Option<CurvePublicKey>, Error> {
        self.get(&table::CURVE_PUBLICKEY)
    }

    /// The secret key of this end, without which CURVE cannot be spoken.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_curve_server(true)?;
    /// let refused = socket.bind("tcp://127.0.0.1:*").unwrap_err();
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "option curve_secret_key cannot be set: CURVE needs the secret key of this end"
    /// );
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CURVE_SECRETKEY")]
    pub fn set_curve_secret_key(
        &self,
        key: impl Into<Option<CurveSecretKey>>,
    ) -> Result<(), Error> {
        self.set(&table::CURVE_SECRETKEY, key.into())
    }

    /// The secret key that was set.
    ///
    /// # Examples
    /// ```
    /// assert!(ringmq::Context::new().router()?.curve_secret_key()?.is_none());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CURVE_SECRETKEY")]
    pub fn curve_secret_key(&self) -> Result<Option<CurveSecretKey>, Error> {
        self.get(&table::CURVE_SECRETKEY)
    }

    /// The public key of the server to which this end connects: only who has the secret one can answer.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::CurvePublicKey;
    /// let key: CurvePublicKey = "clgZ-e%xUjbVPRmFBC3.xni{%HKPKMCq)ULs9%EC".parse().expect("a key");
    /// let socket = ringmq::Context::new().dealer()?;
    /// socket.set_curve_server_key(key)?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CURVE_SERVERKEY")]
    pub fn set_curve_server_key(
        &self,
        key: impl Into<Option<CurvePublicKey>>,
    ) -> Result<(), Error> {
        self.set(&table::CURVE_SERVERKEY, key.into())
    }

    /// The server's key that was set.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Context::new().dealer()?.curve_server_key()?, None);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CURVE_SERVERKEY")]
    pub fn curve_server_key(&self) -> Result<Option<CurvePublicKey>, Error> {
        self.get(&table::CURVE_SERVERKEY)
    }
}
