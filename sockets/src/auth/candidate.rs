//! A peer that wants to be let in, and who decides.

use ringmq_engine::{Applicant, Connection, UnixPeer};
#[cfg(feature = "curve")]
use ringmq_zmtp::CurvePublicKey;
use ringmq_zmtp::{AuthAnswer, Denial};
use std::fmt;
use std::sync::Arc;

/// Decides whether peers are let in. Any `Fn(Candidate)` is one.
///
/// # Examples
/// ```
/// use ringmq::auth::{Authenticator, Candidate, Denial};
/// use std::sync::mpsc::{Receiver, Sender, channel};
/// use std::sync::Mutex;
///
/// /// Leaves the decision to another thread.
/// struct Asking(Mutex<Sender<Candidate>>);
///
/// impl Authenticator for Asking {
///     fn authenticate(&self, candidate: Candidate) {
///         // Nobody is there to decide: that drops the candidate, which is turned away for now.
///         let _ = self.0.lock().map(|sender| sender.send(candidate));
///     }
/// }
///
/// let (sender, candidates) = channel();
/// let context = ringmq::Context::new();
/// let server = context.pull()?;
/// server.set_authenticator(Asking(Mutex::new(sender)))?;
/// let endpoint = server.bind("tcp://127.0.0.1:*")?;
/// let client = context.push()?;
/// client.connect(&endpoint)?;
/// client.send("hello")?;
/// let candidate = candidates.recv().expect("somebody comes");
/// assert_eq!((candidate.mechanism(), candidate.peer_address()), ("NULL", Some("127.0.0.1")));
/// candidate.allow();
/// assert_eq!(server.recv()?, "hello");
/// # Ok::<(), ringmq::Error>(())
/// ```
pub trait Authenticator: Send + Sync {
    /// Is asked by a thread that does I/O, which does nothing else meanwhile: what takes longer is to be done
    /// elsewhere, with the candidate.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::{Authenticator, Candidate};
    /// struct Everybody;
    /// impl Authenticator for Everybody {
    ///     fn authenticate(&self, candidate: Candidate) {
    ///         candidate.allow();
    ///     }
    /// }
    /// ringmq::Context::new().pull()?.set_authenticator(Everybody)?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    fn authenticate(&self, candidate: Candidate);
}

impl<F: Fn(Candidate) + Send + Sync> Authenticator for F {
    fn authenticate(&self, candidate: Candidate) {
        self(candidate);
    }
}

/// A peer that waits to be let in. May be answered at any time and from any thread; dropped without an
/// answer, it is turned away for [now](Denial::Temporary).
pub struct Candidate {
    /// `None` once it is answered.
    applicant: Option<Applicant>,
    endpoint: Arc<str>,
    peer_address: Option<Arc<str>>,
    unix_peer: Option<UnixPeer>,
}

impl Candidate {
    pub(super) fn new(applicant: Applicant, connection: &Connection) -> Self {
        Self {
            applicant: Some(applicant),
            endpoint: connection.endpoint.clone(),
            peer_address: connection.peer_address.clone(),
            unix_peer: connection.unix_peer,
        }
    }

    /// The mechanism: `NULL`, `PLAIN` or `CURVE`.
    ///
    /// # Examples
    /// ```
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(|candidate: ringmq::auth::Candidate| {
    ///     if candidate.mechanism() == "CURVE" {
    ///         candidate.allow();
    ///     }
    /// })?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn mechanism(&self) -> &str {
        self.applicant.as_ref().map_or("", |applicant| applicant.request().mechanism)
    }

    /// The endpoint that was bound or connected.
    ///
    /// # Examples
    /// ```
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(|candidate: ringmq::auth::Candidate| {
    ///     println!("somebody has come to {}", candidate.endpoint());
    ///     candidate.allow();
    /// })?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where the peer is, if the system says so: over tcp its address without a port, over ipc on Linux
    /// `localhost:uid:gid:pid`.
    ///
    /// # Examples
    /// ```
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(|candidate: ringmq::auth::Candidate| match candidate.peer_address() {
    ///     Some("127.0.0.1") => candidate.allow(),
    ///     _ => candidate.deny(ringmq::auth::Denial::Credentials),
    /// })?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn peer_address(&self) -> Option<&str> {
        self.peer_address.as_deref()
    }

    /// The process at the other end of an ipc connection, as the system vouches for it on Linux, macOS and the
    /// BSDs; `None` elsewhere, and over other transports.
    ///
    /// # Examples
    /// ```
    /// # #[cfg(target_os = "linux")]
    /// # fn main() -> Result<(), ringmq::Error> {
    /// use ringmq::auth::{Candidate, Denial};
    /// use std::os::unix::fs::MetadataExt;
    ///
    /// let own = std::fs::metadata("/proc/self").expect("this process").uid();
    /// let context = ringmq::Context::new();
    /// let server = context.pull()?;
    /// server.set_authenticator(move |candidate: Candidate| match candidate.unix_peer() {
    ///     Some(peer) if peer.uid == own => candidate.allow_as(&format!("user {}", peer.uid)),
    ///     _ => candidate.deny(Denial::Credentials),
    /// })?;
    /// let endpoint = server.bind("ipc://*")?;
    /// let client = context.push()?;
    /// client.connect(&endpoint)?;
    /// client.send("from this very user")?;
    /// assert_eq!(server.recv()?, "from this very user");
    /// # Ok(())
    /// # }
    /// # #[cfg(not(target_os = "linux"))]
    /// # fn main() {}
    /// ```
    pub fn unix_peer(&self) -> Option<UnixPeer> {
        self.unix_peer
    }

    /// The [domain](crate::Socket::set_zap_domain) of the socket.
    ///
    /// # Examples
    /// ```
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(|candidate: ringmq::auth::Candidate| {
    ///     assert_eq!(candidate.domain(), "");
    ///     candidate.allow();
    /// })?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn domain(&self) -> &str {
        self.applicant.as_ref().map_or("", |applicant| &applicant.request().domain)
    }

    /// What the peer has shown, in the mechanism's order.
    ///
    /// # Examples
    /// ```
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(|candidate: ringmq::auth::Candidate| match candidate.credentials() {
    ///     [] => candidate.allow(), // NULL
    ///     _ => candidate.deny(ringmq::auth::Denial::Credentials),
    /// })?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn credentials(&self) -> &[Vec<u8>] {
        self.applicant.as_ref().map_or(&[], |applicant| &applicant.request().credentials)
    }

    /// The name that a peer of PLAIN has shown, if it is text.
    ///
    /// # Examples
    /// ```
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(|candidate: ringmq::auth::Candidate| match candidate.username() {
    ///     Some("alice") => candidate.allow_as("alice"),
    ///     _ => candidate.deny(ringmq::auth::Denial::Credentials),
    /// })?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn username(&self) -> Option<&str> {
        match (self.mechanism(), self.credentials()) {
            ("PLAIN", [name, _]) => std::str::from_utf8(name).ok(),
            _ => None,
        }
    }

    /// The password that a peer of PLAIN has shown.
    ///
    /// # Examples
    /// ```
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(|candidate: ringmq::auth::Candidate| match candidate.password() {
    ///     Some(b"wonderland") => candidate.allow(),
    ///     _ => candidate.deny(ringmq::auth::Denial::Credentials),
    /// })?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn password(&self) -> Option<&[u8]> {
        match (self.mechanism(), self.credentials()) {
            ("PLAIN", [_, password]) => Some(password),
            _ => None,
        }
    }

    /// The key that a peer of CURVE has proved to be its own.
    ///
    /// # Examples
    /// ```
    /// let known = ringmq::auth::curve_keypair()?.public;
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(move |candidate: ringmq::auth::Candidate| match candidate.public_key() {
    ///     Some(key) if key == known => candidate.allow(),
    ///     _ => candidate.deny(ringmq::auth::Denial::Credentials),
    /// })?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[cfg(feature = "curve")]
    pub fn public_key(&self) -> Option<CurvePublicKey> {
        match (self.mechanism(), self.credentials()) {
            ("CURVE", [key]) => CurvePublicKey::try_from(&key[..]).ok(),
            _ => None,
        }
    }

    /// Whether the peer has gone, or was given up, so that an answer makes no difference any more.
    ///
    /// # Examples
    /// ```
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(|candidate: ringmq::auth::Candidate| {
    ///     assert!(!candidate.is_gone());
    ///     candidate.allow();
    /// })?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn is_gone(&self) -> bool {
        self.applicant.as_ref().is_none_or(Applicant::is_gone)
    }

    /// Lets the peer in.
    ///
    /// # Examples
    /// ```
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(|candidate: ringmq::auth::Candidate| candidate.allow())?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn allow(self) {
        self.allow_with("", []);
    }

    /// Lets the peer in as somebody: each message of it has the property `User-Id`.
    ///
    /// # Examples
    /// ```
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(|candidate: ringmq::auth::Candidate| candidate.allow_as("alice"))?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn allow_as(self, user_id: &str) {
        self.allow_with(user_id, []);
    }

    /// Lets the peer in as somebody, or as nobody if that is empty, with more properties for its messages.
    ///
    /// # Examples
    /// ```
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(|candidate: ringmq::auth::Candidate| {
    ///     candidate.allow_with("alice", [("Role", &b"clerk"[..])]);
    /// })?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn allow_with<'a>(
        self,
        user_id: &str,
        properties: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) {
        let properties =
            properties.into_iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
        self.answer(AuthAnswer::Allow { user_id: user_id.into(), properties });
    }

    /// Turns the peer away.
    ///
    /// # Examples
    /// ```
    /// let server = ringmq::Context::new().pull()?;
    /// server.set_authenticator(|candidate: ringmq::auth::Candidate| {
    ///     candidate.deny(ringmq::auth::Denial::Temporary); // we are closed on Sundays
    /// })?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn deny(self, denial: Denial) {
        self.answer(AuthAnswer::Deny(denial));
    }

    fn answer(mut self, answer: AuthAnswer) {
        if let Some(applicant) = self.applicant.take() {
            applicant.answer(answer);
        }
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        if let Some(applicant) = self.applicant.take() {
            applicant.answer(AuthAnswer::Deny(Denial::Temporary));
        }
    }
}

/// Without what the peer has shown.
impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("mechanism", &self.mechanism())
            .field("endpoint", &self.endpoint)
            .field("peer_address", &self.peer_address)
            .field("domain", &self.domain())
            .finish_non_exhaustive()
    }
}
