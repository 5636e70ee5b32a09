//! ipc on systems where a socket is a file of its own kind.

use std::ffi::OsStr;
use std::fs::{Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use socket2::{SockAddr, Socket};
use tempfile::TempDir;

/// Whether this is what a listener leaves behind.
pub(super) fn is_socket(file: &Metadata) -> bool {
    file.file_type().is_socket()
}

/// A fresh directory that only this user may enter.
pub(super) fn private_directory(parent: &Path) -> io::Result<TempDir> {
    let permissions = Permissions::from_mode(0o700);
    tempfile::Builder::new().prefix("tmp").permissions(permissions).tempdir_in(parent)
}

/// A Unix address in endpoint form; nothing for other families.
pub(crate) fn describe(address: &SockAddr) -> Option<String> {
    if !address.is_unix() {
        return None;
    }
    let path = address.as_pathname().map(Path::as_os_str);
    let name = address.as_abstract_namespace().map(OsStr::from_bytes);
    Some(match (path, name) {
        (Some(path), _) => format!("ipc://{}", path.to_string_lossy()),
        (None, Some(name)) => format!("ipc://@{}", name.to_string_lossy()),
        // The connecting side of a Unix stream usually has no name.
        (None, None) => "ipc://".to_owned(),
    })
}

/// `localhost:uid:gid:pid` of the process that connected or that listens.
#[cfg(target_os = "linux")]
pub(crate) fn peer_address(stream: &Socket) -> Option<String> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

    let peer = getsockopt(stream, PeerCredentials).ok()?;
    Some(format!("localhost:{}:{}:{}", peer.uid(), peer.gid(), peer.pid()))
}

/// Nothing: the credentials are Linux's.
#[cfg(not(target_os = "linux"))]
pub(crate) fn peer_address(_: &Socket) -> Option<String> {
    None
}
