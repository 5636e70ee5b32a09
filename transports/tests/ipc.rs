//! ipc descriptors over real Unix sockets: files, directories, abstract names, credentials.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use common::{connect_and_accept, ipc_bind, ipc_connect};
use ringmq_transports::address::describe;
use ringmq_transports::endpoint::IPC_NAME_MAX;
use ringmq_transports::error::{BindError, OptionError};
use ringmq_transports::ipc::{listen, start_connect, tune_stream};
use ringmq_transports::options::IpcOptions;
use socket2::Socket;
use tempfile::{TempDir, tempdir};

fn options() -> IpcOptions {
    IpcOptions::default()
}

fn text_of(path: &Path) -> String {
    format!("ipc://{}", path.display())
}

/// A directory and the endpoint of a socket in it that does not exist yet.
fn fresh() -> (TempDir, String) {
    let directory = tempdir().unwrap();
    let text = text_of(&directory.path().join("s"));
    (directory, text)
}

/// Connects to `resolved` and gives both ends.
fn pair(listener: &Socket, resolved: &str, options: &IpcOptions) -> (Socket, Socket) {
    let (connecting, peer) = start_connect(&ipc_connect(resolved), options).unwrap();
    let accepted = connect_and_accept(&connecting, &peer, listener);
    tune_stream(&accepted, options).unwrap();
    (connecting, accepted)
}

#[test]
fn a_path_is_listened_on_and_left_behind() {
    let (directory, text) = fresh();
    let (listener, resolved, guard) = listen(&ipc_bind(&text), &options()).unwrap();
    assert_eq!(resolved, text);
    let (connecting, _accepted) = pair(&listener, &resolved, &options());
    assert_eq!(describe(&connecting.peer_addr().unwrap()), text);
    assert_eq!(describe(&connecting.local_addr().unwrap()), "ipc://");
    drop((listener, guard));
    let left = fs::symlink_metadata(directory.path().join("s")).unwrap();
    assert!(left.file_type().is_socket());
}

#[test]
fn a_second_bind_takes_the_path_over() {
    let (_directory, text) = fresh();
    let (first, ..) = listen(&ipc_bind(&text), &options()).unwrap();
    let (second, ..) = listen(&ipc_bind(&text), &options()).unwrap();
    let _pair = pair(&second, &text, &options());
    let nobody = first.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn what_is_not_a_socket_is_never_removed() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"precious").unwrap();
    let socket = directory.path().join("socket");
    let (_listener, ..) = listen(&ipc_bind(&text_of(&socket)), &options()).unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&socket, &link).unwrap();
    for path in [file.as_path(), directory.path(), link.as_path()] {
        let error = listen(&ipc_bind(&text_of(path)), &options()).unwrap_err();
        assert!(error.to_string().contains("is not a socket"), "{error}");
        assert!(matches!(&error, BindError::NotASocket { path: named, .. } if named == path));
    }
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn a_directory_that_is_none_is_named() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"").unwrap();
    for parent in [file, directory.path().join("missing")] {
        let error = listen(&ipc_bind(&text_of(&parent.join("child"))), &options()).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("create that directory"), "{message}");
        assert!(
            matches!(&error, BindError::Directory { directory, .. } if *directory == parent),
            "{error:?}"
        );
    }
}

#[test]
fn a_directory_that_may_not_be_written_is_refused_with_a_remedy() {
    let (directory, text) = fresh();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(directory.path().join("probe"), b"").is_ok() {
        eprintln!("SKIPPED: this user may write to read-only directories");
        return;
    }
    let error = listen(&ipc_bind(&text), &options()).unwrap_err();
    assert!(error.to_string().contains("may write to"), "{error}");
    assert!(matches!(error, BindError::PermissionDenied { .. }), "{error:?}");
}

#[test]
fn the_wildcard_makes_a_private_directory_and_removes_it() {
    let (listener, resolved, guard) = listen(&ipc_bind("ipc://*"), &options()).unwrap();
    let path = Path::new(resolved.strip_prefix("ipc://").unwrap()).to_owned();
    let directory = path.parent().unwrap().to_owned();
    let name = directory.file_name().unwrap().to_str().unwrap();
    assert!(path.is_absolute() && path.ends_with("socket"), "{path:?}");
    assert!(name.starts_with("tmp") && name.len() == 9, "{name}");
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    let _pair = pair(&listener, &resolved, &options());
    let (_other, other_resolved, _other_guard) = listen(&ipc_bind("ipc://*"), &options()).unwrap();
    assert_ne!(resolved, other_resolved);
    drop(guard);
    assert!(!directory.exists());
}

#[test]
fn the_longest_path_works() {
    let directory = tempdir().unwrap();
    let start = directory.path().to_str().unwrap().len() + 1;
    let name = "x".repeat(IPC_NAME_MAX - start);
    let text = text_of(&directory.path().join(name));
    let (listener, resolved, _guard) = listen(&ipc_bind(&text), &options()).unwrap();
    let (connecting, _accepted) = pair(&listener, &resolved, &options());
    assert_eq!(describe(&connecting.peer_addr().unwrap()), text);
}

#[test]
fn a_refused_option_is_named() {
    // A pipe is no socket, so that every option is refused.
    let (reader, _writer) = std::io::pipe().unwrap();
    let not_a_socket = Socket::from(std::os::fd::OwnedFd::from(reader));
    let asked = IpcOptions { send_buffer: Some(1), ..options() };
    let error = tune_stream(&not_a_socket, &asked).unwrap_err();
    assert!(matches!(error, OptionError::Refused { option: "send_buffer", .. }), "{error:?}");
}

/// What only Linux has, or lets one read back.
#[cfg(target_os = "linux")]
mod linux {
    use ringmq_transports::address::RemoteEnd;
    use ringmq_transports::options::IPC_BUFFER;

    use super::*;

    #[test]
    fn abstract_names_leave_no_file_and_are_used_once() {
        // Abstract names are the whole machine's; the process id keeps two runs apart.
        let short = format!("@ringmq-test-{}", std::process::id());
        let longest = format!("{short:x<IPC_NAME_MAX$}");
        for name in [short, longest] {
            let text = format!("ipc://{name}");
            let (listener, resolved, _guard) = listen(&ipc_bind(&text), &options()).unwrap();
            assert_eq!(resolved, text);
            let (connecting, _accepted) = pair(&listener, &resolved, &options());
            assert_eq!(describe(&connecting.peer_addr().unwrap()), text);
            let again = listen(&ipc_bind(&text), &options()).unwrap_err();
            assert!(matches!(again, BindError::AddressInUse { .. }), "{again:?}");
        }
    }

    #[test]
    fn the_peer_address_tells_user_group_and_process() {
        let (_directory, text) = fresh();
        let (listener, resolved, _guard) = listen(&ipc_bind(&text), &options()).unwrap();
        let (connecting, accepted) = pair(&listener, &resolved, &options());
        let own = fs::metadata("/proc/self").unwrap();
        let (uid, gid) = {
            use std::os::unix::fs::MetadataExt;
            (own.uid(), own.gid())
        };
        let expected = format!("localhost:{uid}:{gid}:{}", std::process::id());
        for end in [&accepted, &connecting] {
            let remote = RemoteEnd::of(end);
            assert_eq!(remote.address.as_deref(), Some(expected.as_str()));
            let peer = remote.unix_peer.unwrap();
            assert_eq!((peer.pid, peer.uid, peer.gid), (Some(std::process::id()), uid, gid));
        }
    }

    #[test]
    fn buffers_are_large_unless_set() {
        let limit = |which: &str| -> usize {
            let text = fs::read_to_string(format!("/proc/sys/net/core/{which}")).unwrap();
            text.trim().parse().unwrap()
        };
        let (_directory, text) = fresh();
        let (listener, resolved, _guard) = listen(&ipc_bind(&text), &options()).unwrap();
        let (connecting, accepted) = pair(&listener, &resolved, &options());
        for stream in [&connecting, &accepted] {
            // Linux grants twice what is asked for, up to its limit.
            let (send, recv) =
                (stream.send_buffer_size().unwrap(), stream.recv_buffer_size().unwrap());
            assert_eq!(send, 2 * IPC_BUFFER.min(limit("wmem_max")));
            assert_eq!(recv, 2 * IPC_BUFFER.min(limit("rmem_max")));
        }
        let small =
            IpcOptions { send_buffer: Some(20_000), recv_buffer: Some(30_000), ..options() };
        listener.set_nonblocking(true).unwrap();
        let (connecting, accepted) = pair(&listener, &resolved, &small);
        for stream in [&connecting, &accepted] {
            assert_eq!(stream.send_buffer_size().unwrap(), 40_000);
            assert_eq!(stream.recv_buffer_size().unwrap(), 60_000);
        }
    }
}
