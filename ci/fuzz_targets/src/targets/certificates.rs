//! Certificates: keys of CURVE and metadata in czmq's form of text, read and written.
//!
//! Input: the text of a file.

use std::path::Path;

use ringmq::auth::{Certificate, CertificateError, CertificateFault, CurveKeyPair, CurveSecretKey};
use tempfile::TempDir;

use crate::memory::{FIXED, LISTED, bounded};

/// Larger ones are refused, in bytes.
const LARGEST: usize = 64 * 1024;
/// What is written beside the properties, in bytes: comments, sections, keys.
const FRAME: usize = 1024;

/// All that a certificate says: the public key, the secret one, and the metadata.
type Said = (String, Option<String>, Vec<(String, String)>);

/// Panics if what is read is not sound, or is read as something else after it was written; if an error names a
/// line that is not there; or if more memory is taken than is in proportion.
pub fn run(data: &[u8]) {
    let read = bounded(FIXED + LISTED * data.len(), || Certificate::parse(data));
    let lines = data.split(|&byte| byte == b'\n').count();
    match &read {
        Ok(certificate) => {
            sound(certificate);
            written(certificate, data.len());
        }
        Err(error) => {
            assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "{error}");
            assert!(error.path().is_none() && !error.to_string().is_empty());
        }
    }
    line_ends(data, lines, &read);
    property(data);
}

fn said(certificate: &Certificate) -> Said {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let secret = certificate.secret_key().map(|key| key.to_z85().to_string());
    (certificate.public_key().to_string(), secret, certificate.metadata().map(owned).collect())
}

fn sound(certificate: &Certificate) {
    assert_ne!(certificate.public_key().as_bytes(), &[0; 32], "nobody's");
    if let Some(secret) = certificate.secret_key() {
        assert_eq!(secret.public_key(), certificate.public_key(), "somebody else's");
        let key = secret.to_z85();
        let shown = |text: &str| text.contains(&key[..]);
        // Whoever writes it into the metadata, too, has given it away.
        let told = certificate.metadata().any(|(name, value)| shown(name) || shown(value));
        assert!(told || !shown(&format!("{certificate:?}")), "shown");
    }
    for (name, value) in certificate.metadata() {
        assert_eq!(certificate.get(name), Some(value), "{name} has two values");
    }
}

/// In files: they are what can be written.
fn written(certificate: &Certificate, size: usize) {
    let folder = folder();
    let expected = said(certificate);
    let public = folder.path().join("public");
    if !saved(certificate.save_public(&public), size) {
        return;
    }
    let read = loaded(Certificate::load_public(&public));
    assert_eq!(said(&read), (expected.0.clone(), None, expected.2.clone()), "for everybody");
    let own = folder.path().join("own");
    match certificate.save_secret(&own) {
        Err(error) if certificate.secret_key().is_none() => {
            assert!(matches!(error.fault(), CertificateFault::NoSecretKey), "{error}");
        }
        result => {
            if saved(result, size) {
                assert_eq!(said(&loaded(Certificate::load(&own))), expected, "for the owner");
                let told = Certificate::load_public(&own).map(|read| said(&read)).is_ok();
                assert!(!told, "a secret is taken for something public");
            }
        }
    }
}

/// Whether it was written. All that was read can be, but for what is larger in our form than a file may be.
fn saved(result: Result<(), CertificateError>, size: usize) -> bool {
    let Err(error) = result else { return true };
    assert!(matches!(error.fault(), CertificateFault::TooLarge), "{error}");
    assert!(2 * size + FRAME > LARGEST, "{size} bytes are too many");
    false
}

fn loaded(read: Result<Certificate, CertificateError>) -> Certificate {
    read.unwrap_or_else(|error| panic!("what was written: {error}"))
}

/// A file that went through Windows says the same.
fn line_ends(data: &[u8], lines: usize, read: &Result<Certificate, CertificateError>) {
    if data.len() + lines > LARGEST {
        return;
    }
    let windows = data.split(|&byte| byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
    match (read, Certificate::parse(&windows)) {
        (Ok(read), Ok(again)) => assert_eq!(said(read), said(&again)),
        (Err(error), Err(again)) => assert_eq!(error.to_string(), again.to_string()),
        (read, again) => panic!("{read:?} and {again:?}"),
    }
}

/// What stands before and after the first `=`, as a property that somebody sets: what is taken can be written,
/// and is read as the same.
fn property(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((name, value)) = text.split_once('=') else { return };
    let mut certificate =
        Certificate::from(CurveKeyPair::from(CurveSecretKey::new([7; 32])).public);
    if certificate.set(name, value).is_err() {
        return assert_eq!(certificate.metadata().count(), 0, "refused, and kept");
    }
    let folder = folder();
    let path = folder.path().join("set");
    assert!(saved(certificate.save_public(&path), data.len()));
    let read = loaded(Certificate::load(&path));
    assert_eq!(read.metadata().collect::<Vec<_>>(), [(name, value)]);
}

/// Where files are written, in memory if there is such a place.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.unwrap_or_else(|error| panic!("no folder to write to: {error}"))
}

/// Certificates of each form, and what is wrong with some.
pub fn seeds() -> Vec<Vec<u8>> {
    let keys = CurveKeyPair::from(CurveSecretKey::new([7; 32]));
    let (public, secret) = (keys.public.to_string(), keys.secret.to_z85());
    let metadata = "metadata\n    name = \"Somebody\"\n    it.is = 'say \"so\"'\n    bare = a b # c\n    none\n";
    let curve = format!("curve\n    public-key = \"{public}\"\n");
    let owner = format!("{curve}    secret-key = '{}' # nobody's\n", &secret[..]);
    let zeros = "0".repeat(40);
    [
        curve.clone(),
        owner.clone(),
        format!("#   ZeroMQ CURVE Public Certificate\n\n{metadata}{curve}"),
        format!("{owner}{metadata}other\n    section\n        and = below\n"),
        // As czmq writes one whose secret it does not know.
        format!("{metadata}{curve}    secret-key = \"{zeros}\"\n"),
        format!("curve\n    public-key = \"{zeros}\"\n"),
        format!("curve\n    public-key = \"{public}\"\n    secret-key = \"{public}\"\n"),
        format!("{curve}{curve}"),
        format!("{metadata}{metadata}{curve}"),
        format!("{curve}    public-key = {public}\r\n"),
        format!("metadata\n    a = 1\n    a = 2\n{curve}"),
        "curve\n    public-key = \"short\"\n".to_owned(),
        "metadata\n  a = b\n".to_owned(),
        "a = \"b\n".to_owned(),
        "a = b' \"c\"\n".to_owned(),
        "\u{feff}curve\n".to_owned(),
        String::new(),
    ]
    .map(String::into_bytes)
    .to_vec()
}
