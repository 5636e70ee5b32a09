//! The errors between endpoint text and a descriptor: who is wrong, and what to do.
//!
//! Each variant names what it concerns, so that its text is enough to act on, and the ZeroMQ errno
//! it stands for, so that the layers above need no table of texts. Text that came from a caller is
//! printed quoted and escaped.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// An endpoint that cannot be understood, or not by this build. The caller is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// A part of the text is malformed (`EINVAL`).
    #[error("endpoint {endpoint:?}: bad {part} {found:?}; allowed: {expected}")]
    Invalid {
        /// The whole endpoint as it was given.
        endpoint: String,
        /// Which part is wrong.
        part: EndpointPart,
        /// That part as it was given.
        found: String,
        /// What could stand there instead.
        expected: &'static str,
    },
    /// The text before `://` names a protocol that this build does not speak
    /// (`EPROTONOSUPPORT`).
    #[error(
        "endpoint {endpoint:?}: protocol {scheme:?} is not built in; \
         this build speaks tcp, ipc, inproc, ws, udp, epgm and pgm (in lower case)"
    )]
    ProtocolNotBuilt {
        /// The whole endpoint as it was given.
        endpoint: String,
        /// The protocol asked for.
        scheme: String,
    },
    /// An ipc path or an inproc name is longer than its limit (`ENAMETOOLONG`).
    #[error(
        "endpoint {endpoint:?}: {part} has {length} bytes, and {limit} is the limit here; \
         choose a shorter one"
    )]
    NameTooLong {
        /// The whole endpoint as it was given.
        endpoint: String,
        /// Which part is too long.
        part: EndpointPart,
        /// Its length in bytes.
        length: usize,
        /// The longest allowed, in bytes.
        limit: usize,
    },
    /// `ipc://@name` on a system without abstract names (`EINVAL`).
    #[error(
        "endpoint {endpoint:?}: abstract ipc names exist on Linux only; use a path, such as \
         ipc:///tmp/name"
    )]
    AbstractNotSupported {
        /// The whole endpoint as it was given.
        endpoint: String,
    },
}

/// A part of an endpoint's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndpointPart {
    /// What stands before `://`, together with that mark.
    Scheme,
    /// Everything after `://`.
    Address,
    /// Host of a tcp endpoint.
    Host,
    /// Port of a tcp endpoint.
    Port,
    /// What follows `%` in an IPv6 address.
    Zone,
    /// Host before the `;` of a tcp endpoint.
    SourceHost,
    /// Interface before the `;` of an endpoint for multicast.
    Interface,
    /// Port before the `;` of a tcp endpoint.
    SourcePort,
    /// Path of an ipc endpoint.
    Path,
    /// Name of an inproc endpoint.
    Name,
}

impl fmt::Display for EndpointPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "scheme",
            Self::Address => "address",
            Self::Host => "host",
            Self::Port => "port",
            Self::Zone => "zone",
            Self::SourceHost => "source host",
            Self::Interface => "interface",
            Self::SourcePort => "source port",
            Self::Path => "path",
            Self::Name => "name",
        })
    }
}

/// Why a listener could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody listens there already (`EADDRINUSE`).
    #[error("cannot bind {endpoint}: the address is in use; stop its owner or choose another one")]
    AddressInUse {
        /// The endpoint in canonical form.
        endpoint: String,
        /// What the system said.
        source: io::Error,
    },
    /// The address is not one of this machine's (`EADDRNOTAVAIL`).
    #[error(
        "cannot bind {endpoint}: the address does not belong to this machine; use one that does, \
         an interface name, or * for all"
    )]
    AddressNotAvailable {
        /// The endpoint in canonical form.
        endpoint: String,
        /// What the system said.
        source: io::Error,
    },
    /// The process may not listen there (`EACCES`).
    #[error("cannot bind {endpoint}: permission denied; {remedy}")]
    PermissionDenied {
        /// The endpoint in canonical form.
        endpoint: String,
        /// What to do.
        remedy: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The host is no address, interface or name of this machine (`ENODEV`).
    #[error("cannot bind {endpoint}: {source}")]
    Host {
        /// The endpoint in canonical form.
        endpoint: String,
        /// Why the host led to no address.
        source: ResolveError,
    },
    /// The ipc path exists and is not a socket, so it is not removed (`EADDRINUSE`).
    #[error(
        "cannot bind {endpoint}: {path:?} exists and is not a socket; move it away or choose \
         another path"
    )]
    NotASocket {
        /// The endpoint in canonical form.
        endpoint: String,
        /// What stands in the way.
        path: PathBuf,
    },
    /// The directory of an ipc path does not exist, is none, or cannot be written (`ENOENT`,
    /// `ENOTDIR`, `EROFS`).
    #[error(
        "cannot bind {endpoint}: no socket can be made in {directory:?} ({source}); create that \
         directory or choose one that this process may write to"
    )]
    Directory {
        /// The endpoint in canonical form.
        endpoint: String,
        /// The directory that the socket should have been made in.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path made for `ipc://*` does not fit (`ENAMETOOLONG`).
    #[error(
        "cannot bind {endpoint}: {path:?} is longer than the {limit} bytes a socket may have; \
         set TMPDIR to a shorter directory with a name in UTF-8"
    )]
    Wildcard {
        /// The endpoint in canonical form.
        endpoint: String,
        /// The path that did not fit.
        path: PathBuf,
        /// The longest path, in bytes.
        limit: usize,
    },
    /// The socket that was given to listen on is none that can be (`EINVAL`).
    #[error(
        "cannot listen for {endpoint} on the socket that was given: {why}; give one of that transport that listens"
    )]
    UnfitListener {
        /// The endpoint in canonical form.
        endpoint: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The descriptor refused an option (`EINVAL`, `EPERM`, ...).
    #[error("cannot bind {endpoint}: {source}")]
    Option {
        /// The endpoint in canonical form.
        endpoint: String,
        /// The option and the reason.
        source: OptionError,
    },
    /// The transport does not exist on this system (`EPROTONOSUPPORT`).
    #[error(
        "cannot bind {endpoint}: this system has no Unix sockets (Windows 10 has them from version 1803); use tcp on 127.0.0.1"
    )]
    NotSupported {
        /// The endpoint in canonical form.
        endpoint: String,
    },
    /// The system refused for another reason, such as descriptors used up (`EMFILE`).
    #[error("cannot bind {endpoint}: {action} failed: {source}")]
    Io {
        /// The endpoint in canonical form.
        endpoint: String,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    /// What the system said to an `action`.
    pub(crate) fn of_system(endpoint: &str, action: &'static str, source: io::Error) -> Self {
        let endpoint = endpoint.to_owned();
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse { endpoint, source },
            io::ErrorKind::AddrNotAvailable => Self::AddressNotAvailable { endpoint, source },
            io::ErrorKind::PermissionDenied => {
                let remedy = "ports below 1024 often need a privilege; choose a higher one";
                Self::PermissionDenied { endpoint, remedy, source }
            }
            _ => Self::Io { endpoint, action, source },
        }
    }

    /// The same, of an endpoint on a transport that is built on another one.
    pub(crate) fn at(mut self, on_top: String) -> Self {
        match &mut self {
            Self::AddressInUse { endpoint, .. }
            | Self::AddressNotAvailable { endpoint, .. }
            | Self::PermissionDenied { endpoint, .. }
            | Self::Host { endpoint, .. }
            | Self::NotASocket { endpoint, .. }
            | Self::Directory { endpoint, .. }
            | Self::Wildcard { endpoint, .. }
            | Self::UnfitListener { endpoint, .. }
            | Self::Option { endpoint, .. }
            | Self::NotSupported { endpoint, .. }
            | Self::Io { endpoint, .. } => *endpoint = on_top,
        }
        self
    }
}

/// Why a descriptor for a connection could not be made. The peer has not been asked yet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The peer's address is IPv6 while the option is off.
    #[error("cannot connect to {address}: {source}")]
    Address {
        /// The peer.
        address: String,
        /// Why its address cannot be used.
        source: ResolveError,
    },
    /// The source address cannot be used.
    #[error("cannot connect to {address}: source {from:?}: {source}")]
    Source {
        /// The peer.
        address: String,
        /// The local address asked for.
        from: String,
        /// Why it cannot be used.
        source: ResolveError,
    },
    /// The source address was refused by the system (`EADDRINUSE`, `EADDRNOTAVAIL`).
    #[error(
        "cannot connect to {address}: binding the source {from:?} failed: {source}; use an address \
         of this machine and a free port, or *"
    )]
    SourceBind {
        /// The peer.
        address: String,
        /// The local address asked for.
        from: String,
        /// What the system said.
        source: io::Error,
    },
    /// The descriptor refused an option.
    #[error("cannot connect to {address}: {source}")]
    Option {
        /// The peer.
        address: String,
        /// The option and the reason.
        source: OptionError,
    },
    /// The transport does not exist on this system (`EPROTONOSUPPORT`).
    #[error(
        "cannot connect to {address}: this system has no Unix sockets (Windows 10 has them from version 1803); use tcp"
    )]
    NotSupported {
        /// The peer.
        address: String,
    },
    /// The system refused for another reason, such as descriptors used up (`EMFILE`).
    #[error("cannot connect to {address}: {action} failed: {source}")]
    Io {
        /// The peer.
        address: String,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a host led to no address. All who asked for the same name get the same error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The name system does not know the host, or cannot be asked now.
    #[error("host {host:?} is not known: {source}; check the name and the resolver's set-up")]
    UnknownHost {
        /// The host.
        host: String,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A host to bind is neither an interface nor a name.
    #[error(
        "{host:?} is neither a network interface with a usable address here nor a known host \
         ({source}); use *, an IP address or an interface name"
    )]
    UnknownLocal {
        /// The host.
        host: String,
        /// What the system said to the name.
        source: Arc<io::Error>,
    },
    /// A source host is not an interface; names are not looked up there.
    #[error("{host:?} is no network interface with an address of the peer's family")]
    UnknownInterface {
        /// The host.
        host: String,
    },
    /// The source is of one address family and the peer of the other.
    #[error("{host:?} and the peer are not of the same address family")]
    FamilyMismatch {
        /// The source host.
        host: String,
    },
    /// The zone after `%` is no interface of this machine.
    #[error("zone {zone:?} is no network interface of this machine; use its name or its number")]
    UnknownZone {
        /// The zone.
        zone: String,
    },
    /// The host has IPv6 addresses only, and the option is off.
    #[error("{host:?} is an IPv6 address, and the option ipv6 is off; switch it on")]
    Ipv6Disabled {
        /// The host.
        host: String,
    },
    /// Too many names wait already.
    #[error("{0} names wait to be looked up already; try again later")]
    QueueFull(usize),
    /// No resolver thread could be started.
    #[error("no thread can be started to look the name up: {0}")]
    Thread(#[source] Arc<io::Error>),
    /// The resolver was dropped while the lookup waited.
    #[error("the resolver was shut down before the name was looked up")]
    ShutDown,
}

/// A descriptor option that the system refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// The system said no to the value, or the process lacks a privilege.
    #[error("option {option} was refused by the system: {source}")]
    Refused {
        /// Name of the field in the options.
        option: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The option does not exist here.
    #[error("option {option} does not exist on this system; leave it unset")]
    NotSupported {
        /// Name of the field in the options.
        option: &'static str,
    },
}
