//! ipc on Windows, where a socket is a file with a reparse point.

use std::fs::Metadata;
use std::io;
use std::os::windows::fs::MetadataExt;
use std::path::Path;

use ringmq_engine::UnixPeer;
use socket2::{SockAddr, Socket};
use tempfile::TempDir;

/// `FILE_ATTRIBUTE_REPARSE_POINT`.
const REPARSE_POINT: u32 = 0x400;

/// Whether this is what a listener leaves behind: an empty file that the file system leaves to somebody
/// else, and no link.
pub(super) fn is_socket(file: &Metadata) -> bool {
    let foreign = file.file_attributes() & REPARSE_POINT != 0;
    foreign && !file.is_symlink() && !file.is_dir() && file.len() == 0
}

/// A fresh directory, with the rights of the one it is in: a user's own `TMP` admits only that user.
pub(super) fn private_directory(parent: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("tmp").tempdir_in(parent)
}

/// A Unix address in endpoint form, without its path; nothing for other families.
pub(crate) fn describe(address: &SockAddr) -> Option<String> {
    address.is_unix().then(|| "ipc://".to_owned())
}

/// Nothing: Windows does not tell.
pub(crate) fn unix_peer(_: &Socket) -> Option<UnixPeer> {
    None
}

/// Not known: nobody asks of a peer that is not known.
pub(super) fn is_member(_: u32, _: u32) -> bool {
    false
}
