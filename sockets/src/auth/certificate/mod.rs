//! Keys of CURVE in files, with what is known of who has them: czmq's certificates.

mod error;
mod files;
mod reader;
#[cfg(test)]
mod tests;
mod zpl;

pub use error::{CertificateError, CertificateFault};
pub(super) use files::SECRET_SUFFIX;

use super::keys::curve_keypair;
use crate::error::Error;
use files::Audience;
use reader::CertificateReader;
use ringmq_zmtp::{CurveKeyPair, CurvePublicKey, CurveSecretKey};
use std::fmt;
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of a certificate: some hundred lines, and what one is read into.
const MAX_SIZE: usize = 64 * 1024;
/// The sections of a certificate.
const METADATA: &str = "metadata";
const CURVE: &str = "curve";
/// What is in the section `curve`.
const PUBLIC_KEY: &str = "public-key";
const SECRET_KEY: &str = "secret-key";

const PUBLIC_BANNER: &str = "\
#   ZeroMQ CURVE Public Certificate
#   Give it away in a way in which nobody can exchange it for another one.
";
const SECRET_BANNER: &str = "\
#   ZeroMQ CURVE **Secret** Certificate
#   Give it to nobody, and leave its permissions as they are.
";

/// A public key of CURVE, with the secret one if it is one's own, and with metadata: names and texts, such as
/// who has it.
///
/// In files it has the format of czmq's zcert, which pyzmq reads and writes too: the public certificate in
/// `NAME`, the secret one, which has both keys, in `NAME_secret`. The secret key is wiped from memory when it
/// is dropped, and never shown.
///
/// # Examples
/// ```
/// use ringmq::auth::Certificate;
/// let folder = tempfile::tempdir().expect("a directory");
/// let mut own = Certificate::generate()?;
/// own.set("name", "Alice")?;
/// own.save(folder.path().join("alice.key"))?;
///
/// let public = Certificate::load_public(folder.path().join("alice.key"))?;
/// assert_eq!((public.get("name"), public.secret_key().is_some()), (Some("Alice"), false));
/// let secret = Certificate::load(folder.path().join("alice.key"))?;
/// assert_eq!((secret.public_key(), secret.secret_key().is_some()), (own.public_key(), true));
/// # Ok::<(), ringmq::Error>(())
/// ```
#[doc(alias = "zcert_t")]
#[derive(Clone)]
pub struct Certificate {
    public: CurvePublicKey,
    secret: Option<CurveSecretKey>,
    /// In the order in which it was said; can be written.
    metadata: Vec<(String, String)>,
}

impl Certificate {
    /// A certificate of a new pair of keys.
    ///
    /// # Errors
    /// [`Error::Io`], if the system has no random bytes.
    ///
    /// # Examples
    /// ```
    /// let certificate = ringmq::auth::Certificate::generate()?;
    /// println!("give this one away: {}", certificate.public_key());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zcert_new")]
    pub fn generate() -> Result<Self, Error> {
        curve_keypair().map(Self::from)
    }

    /// The public key.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::{Certificate, curve_keypair};
    /// let keys = curve_keypair()?;
    /// assert_eq!(Certificate::from(keys.public).public_key(), keys.public);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn public_key(&self) -> CurvePublicKey {
        self.public
    }

    /// The secret key, if this is not somebody else's certificate.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::{Certificate, curve_keypair};
    /// let keys = curve_keypair()?;
    /// assert!(Certificate::from(keys.public).secret_key().is_none());
    /// assert!(Certificate::from(keys).secret_key().is_some());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn secret_key(&self) -> Option<&CurveSecretKey> {
        self.secret.as_ref()
    }

    /// A text of the metadata.
    ///
    /// # Examples
    /// ```
    /// let mut certificate = ringmq::auth::Certificate::generate()?;
    /// certificate.set("email", "alice@example.com")?;
    /// assert_eq!(certificate.get("email"), Some("alice@example.com"));
    /// assert_eq!(certificate.get("name"), None);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zcert_meta")]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.metadata().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The names and texts of the metadata, in their order.
    ///
    /// # Examples
    /// ```
    /// let mut certificate = ringmq::auth::Certificate::generate()?;
    /// certificate.set("name", "Alice")?;
    /// certificate.set("role", "clerk")?;
    /// assert!(certificate.metadata().eq([("name", "Alice"), ("role", "clerk")]));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zcert_meta_keys")]
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata.iter().map(|(name, value)| (&name[..], &value[..]))
    }

    /// Adds to the metadata, or exchanges what is said under that name.
    ///
    /// # Errors
    /// [`CertificateError`] if the format cannot say it: a name has up to 255 letters and digits of ASCII and
    /// `$-_@.&+/`; a text has no line breaks and other control characters, not both kinds of quotation marks
    /// if there is a `#` or space around it, and with its name up to 1000 bytes.
    ///
    /// # Examples
    /// ```
    /// let mut certificate = ringmq::auth::Certificate::generate()?;
    /// certificate.set("name", "Alice \"The Queen\" Liddell")?;
    /// assert!(certificate.set("full name", "Alice").is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zcert_set_meta")]
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), CertificateError> {
        zpl::check(name, value)?;
        match self.metadata.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.metadata.push((name.to_owned(), value.to_owned())),
        }
        Ok(())
    }

    /// Reads what a file says, public or secret: the sections `metadata` and `curve` of ZPL. What else is
    /// in it is passed over.
    ///
    /// # Errors
    /// [`CertificateError`], with the line.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::Certificate;
    /// let certificate = Certificate::parse(
    ///     b"# ZeroMQ CURVE Public Certificate
    /// metadata
    ///     name = \"Alice\"
    /// curve
    ///     public-key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"
    /// ")?;
    /// assert_eq!(certificate.get("name"), Some("Alice"));
    /// # Ok::<(), ringmq::auth::CertificateError>(())
    /// ```
    pub fn parse(text: &[u8]) -> Result<Self, CertificateError> {
        if text.len() > MAX_SIZE {
            return Err(CertificateFault::TooLarge.into());
        }
        let mut reader = CertificateReader::default();
        for line in zpl::lines(text) {
            reader.take(&line?)?;
        }
        reader.certificate()
    }

    /// Reads `path_secret` if there is such a file, and else `path`: one's own certificate, with the
    /// secret key.
    ///
    /// # Errors
    /// [`CertificateError`], with the file and the line.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::Certificate;
    /// let folder = tempfile::tempdir().expect("a directory");
    /// let path = folder.path().join("server.key");
    /// Certificate::generate()?.save(&path)?;
    /// assert!(Certificate::load(&path)?.secret_key().is_some());
    /// assert!(Certificate::load(folder.path().join("server.key_secret"))?.secret_key().is_some());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zcert_load")]
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CertificateError> {
        let path = path.as_ref();
        match files::read(&files::secret_path(path)) {
            Err(error) if is_missing(&error) => files::read(path),
            read => read,
        }
    }

    /// Reads `path`, the certificate of somebody else: of the server to connect to, for instance.
    ///
    /// # Errors
    /// [`CertificateError`], with the file and the line; also if there is a secret key in it, as that is
    /// none any more.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::Certificate;
    /// let folder = tempfile::tempdir().expect("a directory");
    /// let path = folder.path().join("server.key");
    /// Certificate::generate()?.save(&path)?;
    /// let client = ringmq::Context::new().dealer()?;
    /// client.set_curve_server_key(Certificate::load_public(&path)?.public_key())?;
    /// assert!(Certificate::load_public(folder.path().join("server.key_secret")).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn load_public(path: impl AsRef<Path>) -> Result<Self, CertificateError> {
        let path = path.as_ref();
        let read = files::read(path)?;
        match read.secret {
            Some(_) => Err(CertificateError::from(CertificateFault::SecretInPublic).in_file(path)),
            None => Ok(read),
        }
    }

    /// Writes the public certificate to `path` and the secret one to `path_secret`, in the place of what
    /// is there: [`save_secret`](Self::save_secret) and [`save_public`](Self::save_public).
    ///
    /// # Errors
    /// [`CertificateError`] of the system's, or if there is no secret key.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::Certificate;
    /// let folder = tempfile::tempdir().expect("a directory");
    /// Certificate::generate()?.save(folder.path().join("server.key"))?;
    /// assert!(folder.path().join("server.key").exists());
    /// assert!(folder.path().join("server.key_secret").exists());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zcert_save")]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CertificateError> {
        let path = path.as_ref();
        // This one first: a public key is not to be given away whose secret could not be kept.
        self.save_secret(files::secret_path(path))?;
        self.save_public(path)
    }

    /// Writes the public key and the metadata to `path`, in one step in the place of what is there.
    ///
    /// # Errors
    /// [`CertificateError`] of the system's.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::Certificate;
    /// let folder = tempfile::tempdir().expect("a directory");
    /// let path = folder.path().join("alice.key");
    /// Certificate::generate()?.save_public(&path)?;
    /// assert!(!std::fs::read_to_string(&path).expect("a file").contains("secret-key"));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zcert_save_public")]
    pub fn save_public(&self, path: impl AsRef<Path>) -> Result<(), CertificateError> {
        self.save_as(path.as_ref(), Audience::Everybody)
    }

    /// Writes both keys and the metadata to `path`, in one step in the place of what is there. The file has
    /// mode 0600 before anything is in it; on Windows it is for whom the directory is.
    ///
    /// # Errors
    /// [`CertificateError`] of the system's, or if there is no secret key.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::Certificate;
    /// let folder = tempfile::tempdir().expect("a directory");
    /// let path = folder.path().join("own.secret");
    /// Certificate::generate()?.save_secret(&path)?;
    /// assert!(Certificate::load(&path)?.secret_key().is_some());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zcert_save_secret")]
    pub fn save_secret(&self, path: impl AsRef<Path>) -> Result<(), CertificateError> {
        self.save_as(path.as_ref(), Audience::Owner)
    }

    fn save_as(&self, path: &Path, audience: Audience) -> Result<(), CertificateError> {
        let text =
            self.text(audience).map_err(|fault| CertificateError::from(fault).in_file(path))?;
        files::write(path, &text, audience)
    }

    /// What is in a file.
    fn text(&self, audience: Audience) -> Result<Zeroizing<String>, CertificateFault> {
        // More than it takes, so that no copy of a secret is left behind as the memory grows.
        let metadata = self.metadata().map(|(name, value)| name.len() + value.len() + 10);
        let mut text = Zeroizing::new(String::with_capacity(1024 + metadata.sum::<usize>()));
        let secret = match (audience, &self.secret) {
            (Audience::Everybody, _) => None,
            (Audience::Owner, Some(secret)) => Some(secret.to_z85()),
            (Audience::Owner, None) => return Err(CertificateFault::NoSecretKey),
        };
        let banner = if secret.is_some() { SECRET_BANNER } else { PUBLIC_BANNER };
        for part in [banner, "\n", METADATA, "\n"] {
            text.push_str(part);
        }
        for (name, value) in self.metadata() {
            zpl::write(&mut text, name, value)?;
        }
        text.push_str(CURVE);
        text.push('\n');
        zpl::write(&mut text, PUBLIC_KEY, &self.public.to_string())?;
        if let Some(secret) = secret {
            zpl::write(&mut text, SECRET_KEY, &secret)?;
        }
        if text.len() > MAX_SIZE { Err(CertificateFault::TooLarge) } else { Ok(text) }
    }
}

fn is_missing(error: &CertificateError) -> bool {
    let missing = io::ErrorKind::NotFound;
    matches!(error.fault(), CertificateFault::Io { error, .. } if error.kind() == missing)
}

impl From<CurveKeyPair> for Certificate {
    fn from(keys: CurveKeyPair) -> Self {
        Self::from(keys.secret)
    }
}

/// Of the secret key, and of the public one that belongs to it.
impl From<CurveSecretKey> for Certificate {
    fn from(secret: CurveSecretKey) -> Self {
        Self { public: secret.public_key(), secret: Some(secret), metadata: Vec::new() }
    }
}

/// Somebody else's.
impl From<CurvePublicKey> for Certificate {
    fn from(public: CurvePublicKey) -> Self {
        Self { public, secret: None, metadata: Vec::new() }
    }
}

/// Without the secret key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("public", &self.public)
            .field("has_secret", &self.secret.is_some())
            .field("metadata", &self.metadata)
            .finish()
    }
}
