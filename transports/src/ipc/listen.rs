//! Listening and connecting.
//!
//! A listener takes its path over from whoever held it, as ZeroMQ does, but removes nothing that
//! is not a socket. Its file stays when it closes, except in the directory made for `ipc://*`,
//! which goes with the [`IpcGuard`].

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};
use tempfile::TempDir;

use super::system;
use crate::endpoint::{IPC_NAME_MAX, IpcEndpoint};
use crate::error::{BindError, ConnectError, OptionError};
use crate::options::{DEFAULT_BACKLOG, IPC_BUFFER, IpcOptions};

/// Windows: the address family is not supported.
const WSAEAFNOSUPPORT: i32 = 10_047;

/// Keeps the directory of a listener on `ipc://*` in being; removes it when dropped. For every
/// other listener it does nothing.
#[derive(Debug)]
pub struct IpcGuard {
    _directory: Option<TempDir>,
}

/// Listens on `endpoint`; gives the descriptor, the endpoint to connect to, and what keeps that
/// endpoint's directory in being.
///
/// A socket file that exists is removed first: the newest listener has the path, and an older one
/// keeps only what it has accepted. What is accepted needs [`tune_stream`].
///
/// ```
/// use ringmq_transports::endpoint::Endpoint;
/// use ringmq_transports::{ipc, options::IpcOptions};
///
/// let directory = tempfile::tempdir()?;
/// let text = format!("ipc://{}/hello", directory.path().display());
/// let Endpoint::Ipc(endpoint) = Endpoint::parse_bind(&text)? else { panic!() };
/// let (_listener, resolved, _guard) = ipc::listen(&endpoint, &IpcOptions::default())?;
/// assert_eq!(resolved, text);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Names the path or the directory at fault, and what to do about it.
pub fn listen(
    endpoint: &IpcEndpoint,
    options: &IpcOptions,
) -> Result<(Socket, String, IpcGuard), BindError> {
    let attempt = IpcBindAttempt { endpoint };
    if endpoint.is_wildcard() {
        return attempt.listen_in_new(&wildcard_parent(|variable| env::var_os(variable)), options);
    }
    let path = endpoint.path();
    if let Some(path) = path {
        attempt.remove_stale(path)?;
    }
    let socket = attempt.listen(path, &socket_name(endpoint), options)?;
    Ok((socket, endpoint.to_string(), IpcGuard { _directory: None }))
}

/// Makes a descriptor ready to connect to `endpoint`, and the address to connect it to.
///
/// The connection is not begun: the caller does that. `EAGAIN` from it means that the listener's
/// backlog is full, not that the connection is under way. Afterwards the descriptor is as
/// [`tune_stream`] leaves it.
///
/// # Errors
/// Says whether an option or the system is the cause.
pub fn start_connect(
    endpoint: &IpcEndpoint,
    options: &IpcOptions,
) -> Result<(Socket, SockAddr), ConnectError> {
    let address = || endpoint.to_string();
    let io_error =
        |action| move |source| ConnectError::Io { address: endpoint.to_string(), action, source };
    let peer = SockAddr::unix(socket_name(endpoint)).map_err(io_error("making the address"))?;
    let socket = match new_socket() {
        Err(error) if is_not_supported(&error) => {
            return Err(ConnectError::NotSupported { address: address() });
        }
        socket => socket.map_err(io_error("socket"))?,
    };
    tune_stream(&socket, options)
        .map_err(|source| ConnectError::Option { address: address(), source })?;
    Ok((socket, peer))
}

/// Sets the buffer sizes of a connected or accepted stream; Linux does not hand them down from
/// the listener.
///
/// # Errors
/// Names the option that the system refused. The stream works without it; whether to keep it is
/// the caller's choice.
pub fn tune_stream(stream: &Socket, options: &IpcOptions) -> Result<(), OptionError> {
    let send = |bytes| stream.set_send_buffer_size(bytes);
    let recv = |bytes| stream.set_recv_buffer_size(bytes);
    buffer("send_buffer", options.send_buffer, send)?;
    buffer("recv_buffer", options.recv_buffer, recv)
}

/// One buffer: a size that was asked for must be had, our own wish need not.
fn buffer(
    option: &'static str,
    asked: Option<usize>,
    set: impl Fn(usize) -> io::Result<()>,
) -> Result<(), OptionError> {
    match asked {
        Some(bytes) => set(bytes).map_err(|source| OptionError::Refused { option, source }),
        None => {
            let _ = set(IPC_BUFFER);
            Ok(())
        }
    }
}

fn new_socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Whether the system has no Unix sockets: an old Windows, and Wine.
fn is_not_supported(error: &io::Error) -> bool {
    cfg!(windows) && error.raw_os_error() == Some(WSAEAFNOSUPPORT)
}

/// The name as the kernel takes it: a path, or NUL and an abstract name.
fn socket_name(endpoint: &IpcEndpoint) -> PathBuf {
    match (endpoint.path(), endpoint.abstract_name()) {
        (Some(path), _) => path.to_owned(),
        (None, Some(name)) => PathBuf::from(format!("\0{name}")),
        // `*` names nothing; the kernel refuses to connect to nobody.
        (None, None) => PathBuf::new(),
    }
}

/// One call of [`listen`].
struct IpcBindAttempt<'a> {
    endpoint: &'a IpcEndpoint,
}

impl IpcBindAttempt<'_> {
    /// `path` is where a file will be, for the errors; `name` is what the kernel takes.
    fn listen(
        &self,
        path: Option<&Path>,
        name: &Path,
        options: &IpcOptions,
    ) -> Result<Socket, BindError> {
        let io_error = |action| {
            let endpoint = self.endpoint.to_string();
            move |source| BindError::Io { endpoint, action, source }
        };
        let address = SockAddr::unix(name).map_err(io_error("making the address"))?;
        let socket = match new_socket() {
            Err(error) if is_not_supported(&error) => {
                return Err(BindError::NotSupported { endpoint: self.endpoint.to_string() });
            }
            socket => socket.map_err(io_error("socket"))?,
        };
        tune_stream(&socket, options)
            .map_err(|source| BindError::Option { endpoint: self.endpoint.to_string(), source })?;
        socket.bind(&address).map_err(|source| self.error(path, "bind", source))?;
        let backlog = options.backlog.unwrap_or(DEFAULT_BACKLOG);
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        socket.listen(backlog).map_err(|source| self.error(path, "listen", source))?;
        Ok(socket)
    }

    /// Takes the path over from an earlier listener, dead or alive.
    fn remove_stale(&self, path: &Path) -> Result<(), BindError> {
        let stale = match fs::symlink_metadata(path) {
            Ok(stale) => stale,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(self.error(Some(path), "looking at the path", source)),
        };
        if !system::is_socket(&stale) {
            let (endpoint, path) = (self.endpoint.to_string(), path.to_owned());
            return Err(BindError::NotASocket { endpoint, path });
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => {
                outcome.map_err(|source| self.error(Some(path), "removing the old socket", source))
            }
        }
    }

    /// Listens in a fresh directory below `parent` that only this user may enter.
    fn listen_in_new(
        &self,
        parent: &Path,
        options: &IpcOptions,
    ) -> Result<(Socket, String, IpcGuard), BindError> {
        let directory = system::private_directory(parent)
            .map_err(|source| self.directory_error(parent, "making a directory", source))?;
        let path = directory.path().join("socket");
        let fits = path.to_str().filter(|path| path.len() <= IPC_NAME_MAX);
        let Some(resolved) = fits.map(|path| format!("ipc://{path}")) else {
            let endpoint = self.endpoint.to_string();
            return Err(BindError::Wildcard { endpoint, path, limit: IPC_NAME_MAX });
        };
        let socket = self.listen(Some(&path), &path, options)?;
        Ok((socket, resolved, IpcGuard { _directory: Some(directory) }))
    }

    fn error(&self, path: Option<&Path>, action: &'static str, source: io::Error) -> BindError {
        let endpoint = self.endpoint.to_string();
        if source.kind() == io::ErrorKind::AddrInUse {
            return BindError::AddressInUse { endpoint, source };
        }
        match path {
            Some(path) => self.directory_error(parent_of(path), action, source),
            None => BindError::Io { endpoint, action, source },
        }
    }

    fn directory_error(
        &self,
        directory: &Path,
        action: &'static str,
        source: io::Error,
    ) -> BindError {
        let endpoint = self.endpoint.to_string();
        match source.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::ReadOnlyFilesystem => {
                BindError::Directory { endpoint, directory: directory.to_owned(), source }
            }
            io::ErrorKind::PermissionDenied => {
                let remedy = "choose a directory that this user may write to and search";
                BindError::PermissionDenied { endpoint, remedy, source }
            }
            _ => BindError::Io { endpoint, action, source },
        }
    }
}

/// The directory a path lies in; a bare file name lies in the current one.
fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where the directory of `ipc://*` is made: the first of ZeroMQ's variables that names a
/// directory, else the current one.
fn wildcard_parent(variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let mut set = ["TMPDIR", "TEMPDIR", "TMP"].into_iter().filter_map(variable).map(PathBuf::from);
    let parent = set.find(|directory| directory.is_dir()).unwrap_or_else(|| PathBuf::from("."));
    // The endpoint should hold wherever the peer was started. Where that cannot be had, the
    // relative path still holds here.
    std::path::absolute(&parent).unwrap_or(parent)
}

#[cfg(test)]
mod tests;
