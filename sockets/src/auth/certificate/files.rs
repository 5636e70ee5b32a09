//! Certificates as files: read whole or not at all, and written so that nobody sees half of one, or a secret
//! that is not for him.

use super::error::{CertificateError, CertificateFault};
use super::{Certificate, MAX_SIZE};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What the name of a secret file has behind that of the public one.
pub(in crate::auth) const SECRET_SUFFIX: &str = "_secret";

/// The file for the secret certificate beside a public one.
pub(super) fn secret_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(SECRET_SUFFIX);
    name.into()
}

/// Reads a file, and what it says.
pub(super) fn read(path: &Path) -> Result<Certificate, CertificateError> {
    let bytes = read_bytes(path).map_err(|error| error.in_file(path))?;
    Certificate::parse(&bytes).map_err(|error| error.in_file(path))
}

fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, CertificateError> {
    let refused = |error| CertificateError::io(path, "cannot be read", error);
    // Before it is opened: that may wait, if it is a pipe, or have effects, if it is a device.
    let metadata = fs::metadata(path).map_err(refused)?;
    if !metadata.is_file() {
        return Err(CertificateFault::NotAFile.into());
    }
    // All of it at once: a copy that is left behind as memory grows would not be wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SIZE + 1));
    let file = File::open(path).map_err(refused)?;
    file.take(MAX_SIZE as u64 + 1).read_to_end(&mut bytes).map_err(refused)?;
    if bytes.len() > MAX_SIZE { Err(CertificateFault::TooLarge.into()) } else { Ok(bytes) }
}

/// Who may read a file that is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    Owner,
    Everybody,
}

/// Replaces a file by another one in one step, which nobody else can have read if it is for its owner.
pub(super) fn write(path: &Path, text: &str, audience: Audience) -> Result<(), CertificateError> {
    replace(path, text, audience)
        .map_err(|error| CertificateError::io(path, "cannot be written", error))
}

fn replace(path: &Path, text: &str, audience: Audience) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    // Hidden, so that a directory of certificates does not take it for one.
    builder.prefix(".certificate-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // Has them from the moment in which it is there; the process's mask takes more away.
        let mode = if audience == Audience::Owner { 0o600 } else { 0o644 };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = audience;
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    // Or else the new name might outlive a crash of the system, and what it stands for might not.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
