//! ipc on systems where a socket is a file of its own kind.

use std::ffi::OsStr;
use std::fs::{Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use ringmq_engine::UnixPeer;
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

/// Whether a user is a member of a group beside his own.
pub(super) fn is_member(uid: u32, gid: u32) -> bool {
    use nix::unistd::{Gid, Group, Uid, User};

    let Ok(Some(group)) = Group::from_gid(Gid::from_raw(gid)) else { return false };
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) else { return false };
    group.mem.contains(&user.name)
}

/// The process that connected, or that listens.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn unix_peer(stream: &Socket) -> Option<UnixPeer> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

    let peer = getsockopt(stream, PeerCredentials).ok()?;
    Some(UnixPeer::new(u32::try_from(peer.pid()).unwrap_or(0), peer.uid(), peer.gid()))
}

/// The process that connected, or that listens; which one it is only Apple's systems tell.
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd"
))]
pub(crate) fn unix_peer(stream: &Socket) -> Option<UnixPeer> {
    let (uid, gid) = nix::unistd::getpeereid(stream).ok()?;
    Some(UnixPeer::new(process(stream), uid.as_raw(), gid.as_raw()))
}

#[cfg(target_vendor = "apple")]
fn process(stream: &Socket) -> u32 {
    use nix::sys::socket::{getsockopt, sockopt::LocalPeerPid};

    getsockopt(stream, LocalPeerPid).ok().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0)
}

#[cfg(any(
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd"
))]
fn process(_: &Socket) -> u32 {
    0
}

/// Nothing: this system is not known to tell.
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd"
)))]
pub(crate) fn unix_peer(_: &Socket) -> Option<UnixPeer> {
    None
}
