//! Where the directory of `ipc://*` goes. The rest of ipc is tested from outside the crate.

use super::*;
use crate::endpoint::Endpoint;

#[test]
fn the_first_variable_that_names_a_directory_wins() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let wanted = directory.path().to_owned();
    let file = wanted.join("file");
    fs::write(&file, b"").expect("a file in it");
    let parent = wildcard_parent(|variable| match variable {
        "TMPDIR" => Some(file.clone().into()),
        "TEMPDIR" => Some(wanted.clone().into()),
        _ => None,
    });
    assert_eq!(parent, wanted);
}

#[test]
fn without_variables_it_is_the_current_directory() {
    let current = env::current_dir().expect("a current directory");
    assert_eq!(wildcard_parent(|_| None), current);
}

/// Listens on `ipc://*` with its directory below `parent`.
fn listen_below(parent: &Path) -> Result<(Socket, String, IpcGuard), BindError> {
    let Ok(Endpoint::Ipc(endpoint)) = Endpoint::parse_bind("ipc://*") else {
        panic!("ipc://* parses")
    };
    IpcBindAttempt { endpoint: &endpoint }.listen_in_new(parent, &IpcOptions::default())
}

#[test]
fn a_parent_too_long_for_a_socket_is_refused_and_left_empty() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let parent = directory.path().join("x".repeat(IPC_NAME_MAX));
    fs::create_dir(&parent).expect("a directory with a long name");
    let error = listen_below(&parent).expect_err("no socket address holds this");
    assert!(error.to_string().contains("set TMPDIR to a shorter directory"), "{error}");
    assert!(matches!(error, BindError::Wildcard { limit: IPC_NAME_MAX, .. }));
    assert_eq!(fs::read_dir(&parent).expect("the directory is there").count(), 0);
}

#[test]
fn a_parent_that_is_no_directory_is_named() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let error = listen_below(file.path()).expect_err("a file holds no directories");
    assert!(
        matches!(&error, BindError::Directory { directory, .. } if directory == file.path()),
        "{error:?}"
    );
}
