//! What is wrong with a certificate, and where.

use ringmq_zmtp::KeyError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A certificate that cannot be read or written: the file, the line if it is about one, and what is wrong.
/// Never tells what the line says, as that may be a key.
///
/// # Examples
/// ```
/// use ringmq::auth::Certificate;
/// let wrong = Certificate::parse(b"curve\n    public-key = \"too short\"\n").unwrap_err();
/// assert_eq!(wrong.line(), Some(2));
/// assert_eq!(wrong.to_string(), "line 2: a key has 32 bytes, or 40 characters of Z85, not 9");
/// ```
#[derive(Clone, Debug, thiserror::Error)]
pub struct CertificateError {
    path: Option<PathBuf>,
    line: Option<usize>,
    #[source]
    fault: CertificateFault,
}

impl CertificateError {
    pub(super) fn at(line: usize, fault: impl Into<CertificateFault>) -> Self {
        Self { path: None, line: Some(line), fault: fault.into() }
    }

    pub(in crate::auth) fn io(path: &Path, action: &'static str, error: io::Error) -> Self {
        Self::from(CertificateFault::Io { action, error: Arc::new(error) }).in_file(path)
    }

    /// The same, of a file.
    pub(super) fn in_file(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// The file, or the directory; `None` if the certificate was not read from one.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::Certificate;
    /// let missing = Certificate::load("no/such.key").unwrap_err();
    /// assert!(missing.path().is_some_and(|path| path.ends_with("such.key")));
    /// ```
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The line, from 1, if it is about one.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::Certificate;
    /// assert_eq!(Certificate::parse(b"metadata\n  name = x\n").unwrap_err().line(), Some(2));
    /// assert_eq!(Certificate::parse(b"").unwrap_err().line(), None);
    /// ```
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// What is wrong.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::{Certificate, CertificateFault};
    /// let empty = Certificate::parse(b"# nothing but a comment\n").unwrap_err();
    /// assert!(matches!(empty.fault(), CertificateFault::NoPublicKey));
    /// ```
    pub fn fault(&self) -> &CertificateFault {
        &self.fault
    }
}

impl From<CertificateFault> for CertificateError {
    fn from(fault: CertificateFault) -> Self {
        Self { path: None, line: None, fault }
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => write!(f, "{}, line {line}: ", path.display())?,
            (Some(path), None) => write!(f, "{}: ", path.display())?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        self.fault.fmt(f)
    }
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// The system refused.
    #[error("{action}: {error}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The system's answer.
        error: Arc<io::Error>,
    },
    /// A directory, a device or the like.
    #[error("is no file")]
    NotAFile,
    /// Larger than any certificate: 64 KiB.
    #[error("has more than {} bytes: that is no certificate", super::MAX_SIZE)]
    TooLarge,
    /// Bytes that are no text in UTF-8, or control characters.
    #[error("is no text")]
    NotText,
    /// Sections begin at the line's beginning, their properties four spaces to the right.
    #[error("indent by four spaces, and by one step below a section")]
    Indentation,
    /// Neither `name`, nor `name = value`, nor a comment.
    #[error("write name = \"value\", a name alone or # and a comment")]
    Syntax,
    /// A quotation mark that nothing closes.
    #[error("the value's quotation mark is never closed")]
    Unclosed,
    /// One name twice in one place, so that readers would disagree which one counts.
    #[error("the same was said before")]
    Repeated,
    /// A name, or the name and the value together, with more bytes than other readers take: 255, and 1000.
    #[error("a name has at most 255 bytes, and 1000 with its value")]
    TooLong,
    /// A name of metadata that is none in this format.
    #[error("a name consists of letters and digits of ASCII and of $-_@.&+/, and / stands within")]
    Name,
    /// A value that this format cannot say.
    #[error("a value cannot have both kinds of quotation marks and a # or spaces around it")]
    Value,
    /// What is said to be a key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no `public-key` in a section `curve`.
    #[error("has no public-key in a section curve")]
    NoPublicKey,
    /// 32 zeros, which anybody may claim as a key.
    #[error("the public key is all zeros, and so is nobody's")]
    ZeroKey,
    /// The secret key is not that of the public one.
    #[error("the secret key does not belong to the public one")]
    KeysDiffer,
    /// A file for others has the secret key in it.
    #[error("a public certificate has a secret key in it: whoever has read it knows that key")]
    SecretInPublic,
    /// There is no secret key to be saved, or to be applied.
    #[error("the certificate has no secret key")]
    NoSecretKey,
}
