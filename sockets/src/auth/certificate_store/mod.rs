//! A directory of certificates that says who is let in: czmq's certificate store.
//!
//! Files are read on a thread of their own, which ends when nobody waits for it, as I/O threads must not wait
//! for a disk. A peer that comes when it is time to look again waits for the look, and for nothing else.

mod directory;
#[cfg(test)]
mod tests;

use super::candidate::{Authenticator, Candidate};
use super::certificate::{Certificate, CertificateError};
use directory::{Directory, Members};
use ringmq_engine::spawn_in_background;
use ringmq_zmtp::{CurvePublicKey, Denial};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How often a directory is looked at, unless somebody says otherwise: seldom enough to cost nothing, and
/// soon enough for whoever has saved a file and tries it.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// An authenticator that lets in whoever has the key of a certificate in a directory.
///
/// Each file in the directory and in those below it is a public certificate, but for hidden ones (`.name`),
/// secret ones (`name_secret`), and what links to directories lead to. The peer's messages have the property
/// `User-Id`, which is its key in Z85, and those of its certificate's metadata. Who has another key, or does
/// not speak CURVE, is told that it is denied (status 400).
///
/// Files may come, go and change at any time. Whether they have is looked up when somebody comes, at most once
/// in an [interval](Self::set_reload_interval), by their names, times and sizes, on a thread that the peer
/// waits for and nobody else. Connections that there are already go on. A file that is no certificate lets nobody
/// in and is told of at WARN once; while the system refuses to read one, or the whole directory, whoever is
/// not known is turned away for [now](Denial::Temporary).
///
/// Clones are the same store.
///
/// # Examples
/// ```
/// use ringmq::auth::{Certificate, CertificateStore};
/// let clients = tempfile::tempdir().expect("a directory");
/// let store = CertificateStore::open(clients.path())?;
/// let server = ringmq::Context::new().router()?;
/// server.set_certificate(&Certificate::generate()?)?;
/// server.set_curve_server(true)?;
/// server.set_authenticator(store)?;
/// server.bind("tcp://127.0.0.1:*")?;
/// # Ok::<(), ringmq::Error>(())
/// ```
#[doc(alias = "zcertstore_t")]
#[derive(Clone)]
pub struct CertificateStore {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    state: Mutex<StoreState>,
    /// Locked while the directory is looked at; not to be locked with the state's lock held.
    directory: Mutex<Directory>,
}

struct StoreState {
    members: Arc<Members>,
    interval: Duration,
    /// When the last look began; `None` before the first.
    looked: Option<Instant>,
    /// Those who came when it was time to look again.
    waiting: Vec<Candidate>,
    /// How many there are when those are looked for that are gone.
    look_at: usize,
    /// Whether there is a thread for them.
    is_looking: bool,
    /// What was told of the directory itself.
    told: Option<String>,
}

impl CertificateStore {
    /// Reads a directory.
    ///
    /// # Errors
    /// [`CertificateError`] if the directory cannot be read. Files in it that are no certificates are told
    /// of, and passed over.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::{Certificate, CertificateStore};
    /// let clients = tempfile::tempdir().expect("a directory");
    /// let alice = Certificate::generate()?;
    /// alice.save_public(clients.path().join("alice.key"))?;
    /// let store = CertificateStore::open(clients.path())?;
    /// assert!(store.get(&alice.public_key()).is_some());
    /// assert!(CertificateStore::open("no/such/directory").is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zcertstore_new")]
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CertificateError> {
        let state = StoreState {
            members: Arc::default(),
            interval: DEFAULT_INTERVAL,
            looked: None,
            waiting: Vec::new(),
            look_at: 0,
            is_looking: false,
            told: None,
        };
        let shared = Arc::new(Shared {
            path: path.as_ref().to_owned(),
            state: Mutex::new(state),
            directory: Mutex::default(),
        });
        shared.look()?;
        Ok(Self { shared })
    }

    /// How long what was read counts, until somebody comes and the directory is looked at again. Default 1 s;
    /// with zero each peer that comes is judged by what is there after it has come.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::CertificateStore;
    /// use std::time::Duration;
    /// let clients = tempfile::tempdir().expect("a directory");
    /// let store = CertificateStore::open(clients.path())?;
    /// // Only when it is told to.
    /// store.set_reload_interval(Duration::MAX);
    /// store.reload()?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_reload_interval(&self, interval: Duration) {
        self.shared.state().interval = interval;
    }

    /// Looks at the directory now, on the calling thread, which waits for the disk.
    ///
    /// # Errors
    /// [`CertificateError`] if the directory cannot be read. Then nobody is let in until it can.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::{Certificate, CertificateStore};
    /// let clients = tempfile::tempdir().expect("a directory");
    /// let store = CertificateStore::open(clients.path())?;
    /// let alice = Certificate::generate()?;
    /// alice.save_public(clients.path().join("alice.key"))?;
    /// store.reload()?;
    /// assert!(store.get(&alice.public_key()).is_some());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn reload(&self) -> Result<(), CertificateError> {
        self.shared.look()
    }

    /// The certificate of a key, if there was one at the last look.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::{Candidate, Certificate, CertificateStore, Denial};
    /// let clients = tempfile::tempdir().expect("a directory");
    /// let store = CertificateStore::open(clients.path())?;
    /// let clerks_only = move |candidate: Candidate| {
    ///     let known = candidate.public_key().and_then(|key| store.get(&key));
    ///     match known.as_ref().and_then(|certificate| certificate.get("role")) {
    ///         Some("clerk") => candidate.allow_as("a clerk"),
    ///         _ => candidate.deny(Denial::Credentials),
    ///     }
    /// };
    /// ringmq::Context::new().rep()?.set_authenticator(clerks_only)?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zcertstore_lookup")]
    pub fn get(&self, key: &CurvePublicKey) -> Option<Certificate> {
        let members = self.shared.state().members.clone();
        members.certificates.get(key).map(|certificate| (**certificate).clone())
    }
}

impl Authenticator for CertificateStore {
    fn authenticate(&self, candidate: Candidate) {
        if candidate.public_key().is_none() {
            return candidate.deny(Denial::Credentials);
        }
        let shared = &self.shared;
        let mut state = shared.state();
        if !state.is_due(Instant::now()) {
            let members = state.members.clone();
            drop(state);
            return members.judge(candidate);
        }
        let gone = state.wait(candidate);
        let is_looking = std::mem::replace(&mut state.is_looking, true);
        drop(state);
        drop(gone);
        if is_looking {
            return;
        }
        let working = shared.clone();
        // The handle is dropped: nobody waits for it.
        if let Err(error) = spawn_in_background("ringmq-certs", move || working.work()) {
            tracing::warn!(target: "ringmq", %error, "no thread to read certificates: peers wait");
            // They are turned away for now.
            drop(shared.give_up());
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, StoreState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges those who wait, until nobody does.
    fn work(&self) {
        let _looking = Looking(self);
        while let Some(waiting) = self.take_waiting() {
            if self.state().is_due(Instant::now()) {
                // Told already.
                let _ = self.look();
            }
            let members = self.state().members.clone();
            waiting.into_iter().for_each(|candidate| members.judge(candidate));
        }
    }

    /// Those who have come so far; if there are none, the thread has said that it ends.
    fn take_waiting(&self) -> Option<Vec<Candidate>> {
        let mut state = self.state();
        let waiting = std::mem::take(&mut state.waiting);
        state.is_looking = !waiting.is_empty();
        state.is_looking.then_some(waiting)
    }

    /// There is no thread: whoever comes next has another one look.
    fn give_up(&self) -> Vec<Candidate> {
        let mut state = self.state();
        state.is_looking = false;
        std::mem::take(&mut state.waiting)
    }

    /// Looks at the directory, and tells what is wrong with it. To be called with no lock held.
    fn look(&self) -> Result<(), CertificateError> {
        let mut directory = self.directory.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        let result = directory.look(&self.path, SystemTime::now());
        let members = match &result {
            Ok(_) => directory.members(),
            Err(_) => Members::default(),
        };
        // In the order of the looks.
        let mut state = self.state();
        let told = std::mem::replace(
            &mut state.told,
            result.as_ref().err().map(CertificateError::to_string),
        );
        let is_told = state.told.is_none() || state.told == told;
        state.looked = Some(began);
        let before = std::mem::replace(&mut state.members, Arc::new(members));
        drop(state);
        drop(directory);
        drop(before);
        match result {
            Ok(faults) => {
                for error in faults {
                    tracing::warn!(target: "ringmq", %error, "a certificate is passed over");
                }
                Ok(())
            }
            Err(error) => {
                if !is_told {
                    tracing::warn!(target: "ringmq", %error, "no certificates: nobody is let in");
                }
                Err(error)
            }
        }
    }
}

/// The thread that looks, for which somebody else stands in if it panics.
struct Looking<'a>(&'a Shared);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            drop(self.0.give_up());
        }
    }
}

impl StoreState {
    /// Has a candidate wait. While a disk hangs, those who have given up would pile up; they are looked for
    /// only now and then, so that each who comes costs the same.
    fn wait(&mut self, candidate: Candidate) -> Vec<Candidate> {
        let mut gone = Vec::new();
        if self.waiting.len() >= self.look_at {
            gone = self.waiting.extract_if(.., |candidate| candidate.is_gone()).collect();
            self.look_at = (self.waiting.len() * 2).max(16);
        }
        self.waiting.push(candidate);
        gone
    }

    /// Whether it is time to look again.
    fn is_due(&self, now: Instant) -> bool {
        self.looked.is_none_or(|looked| now.saturating_duration_since(looked) >= self.interval)
    }
}

impl Members {
    fn judge(&self, candidate: Candidate) {
        let known = candidate.public_key().map(|key| (key, self.certificates.get(&key)));
        match known {
            Some((key, Some(certificate))) => {
                let metadata = certificate.metadata();
                let metadata = metadata.map(|(name, value)| (name, value.as_bytes()));
                candidate.allow_with(&key.to_string(), metadata);
            }
            Some((_, None)) if !self.complete => candidate.deny(Denial::Temporary),
            _ => candidate.deny(Denial::Credentials),
        }
    }
}

impl fmt::Debug for CertificateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.shared.state().members.clone();
        f.debug_struct("CertificateStore")
            .field("path", &self.shared.path)
            .field("certificates", &members.certificates.len())
            .finish_non_exhaustive()
    }
}
