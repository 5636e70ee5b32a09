//! tcp endpoints to configured, non-blocking descriptors.
//!
//! [`listen`] ends with a descriptor to accept from, [`start_connect`] with one to connect: both
//! calls that wait are left to the engine. [`resolve`] alone may block for long, in the name
//! system; [`listen`] does so only for a host name. Every descriptor made here is non-blocking and
//! closed on exec.

pub(crate) mod endpoint;
mod lookup;
mod sockopt;
pub(crate) mod socks;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

pub(crate) use self::lookup::local;
pub use self::lookup::resolve;
pub(crate) use self::sockopt::before_use;
pub use self::sockopt::tune_stream;
use crate::address::{RemoteEnd, describe};
use crate::endpoint::{Host, TcpAddress, TcpEndpoint, Text};
use crate::error::{BindError, ConnectError, EndpointError, OptionError, ResolveError};
use crate::options::{DEFAULT_BACKLOG, TcpOptions};
use crate::owner::LinkOptions;
use crate::transport::{FirstStep, Listening, Transport};

/// Listens on `endpoint`; gives the descriptor and the resolved endpoint, with the real port.
///
/// With the option `ipv6`, `*` serves both address families, and IPv4 alone on a machine without
/// IPv6. An interface stands for its first address: IPv6 before IPv4 with the option, IPv4 only
/// without it. A source address in `endpoint` has no meaning here. What is accepted needs
/// [`tune_stream`].
///
/// ```
/// use ringmq_transports::endpoint::Endpoint;
/// use ringmq_transports::{options::TcpOptions, tcp};
///
/// let Endpoint::Tcp(endpoint) = Endpoint::parse_bind("tcp://127.0.0.1:*")? else { panic!() };
/// let (listener, resolved) = tcp::listen(&endpoint, &TcpOptions::default())?;
/// assert!(resolved.starts_with("tcp://127.0.0.1:"));
/// assert_ne!(listener.local_addr()?.as_socket().map(|addr| addr.port()), Some(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Says what is wrong with the address: in use, not ours, not permitted, unknown.
pub fn listen(endpoint: &TcpEndpoint, options: &TcpOptions) -> Result<(Socket, String), BindError> {
    let attempt = BindAttempt { endpoint, options };
    let address = endpoint.address();
    let local = lookup::local(address, options.ipv6)
        .map_err(|source| BindError::Host { endpoint: endpoint.to_string(), source })?;
    if address.host == Host::Any && options.ipv6 {
        let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, address.port));
        // A kernel without IPv6 makes no such socket; one that has it switched off has no such
        // address. Either way IPv4 is everything there is.
        if let Ok(socket) = attempt.socket(v6) {
            match attempt.listen(socket, v6) {
                Err(BindError::AddressNotAvailable { .. }) => {}
                outcome => return outcome,
            }
        }
    }
    attempt.listen(attempt.socket(local)?, local)
}

impl Transport for TcpEndpoint {
    fn parse_bind(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read_bind(text, address)
    }

    fn parse_connect(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read_connect(text, address)
    }

    fn listen(&self, options: &LinkOptions) -> Result<Listening, BindError> {
        let (socket, resolved) = listen(self, &options.tcp)?;
        Ok(Listening::new::<Self>(socket, resolved, None))
    }

    fn adopt(&self, listener: Socket) -> Result<Listening, BindError> {
        Listening::adopted(listener, self, |address| address.as_socket().is_some())
    }

    fn dial(&self, _: &LinkOptions) -> FirstStep<'_> {
        match self.as_numeric() {
            Some(address) => FirstStep::Addresses([address].into()),
            None => FirstStep::LookUp(self),
        }
    }

    fn dial_address(&self, address: SocketAddr, options: &LinkOptions) -> Result<Socket, String> {
        start_connect(address, self.source(), &options.tcp).map_err(|error| error.to_string())
    }

    fn admits(peer: &RemoteEnd, options: &LinkOptions) -> bool {
        let rules = &options.tcp.accepts;
        let address = peer.address.as_ref().and_then(|address| address.parse().ok());
        rules.is_empty() || address.is_some_and(|ip| rules.iter().any(|rule| rule.contains(ip)))
    }

    fn tune(accepted: &Socket, options: &LinkOptions) -> Result<(), OptionError> {
        tune_stream(accepted, &options.tcp)
    }
}

/// Makes a descriptor ready to connect to `peer`, from `source` where that is given.
///
/// The connection is not begun: the caller does that, in its own way. Afterwards the descriptor
/// is as [`tune_stream`] leaves it, so that call is needed for accepted ones only.
///
/// # Errors
/// Says whether the peer's address, the source, an option or the system is the cause.
pub fn start_connect(
    peer: SocketAddr,
    source: Option<&TcpAddress>,
    options: &TcpOptions,
) -> Result<Socket, ConnectError> {
    let address = || describe(&peer.into());
    if peer.is_ipv6() && !options.ipv6 {
        let source = ResolveError::Ipv6Disabled { host: peer.ip().to_string() };
        return Err(ConnectError::Address { address: address(), source });
    }
    let socket = new_socket(peer).map_err(|source| ConnectError::Io {
        address: address(),
        action: "socket",
        source,
    })?;
    sockopt::before_use(&socket, peer, options)
        .and_then(|()| tune_stream(&socket, options))
        .map_err(|source| ConnectError::Option { address: address(), source })?;
    if let Some(from) = source {
        bind_source(&socket, peer, from)?;
    }
    Ok(socket)
}

/// Whether the system would take these options: tried on a descriptor that goes nowhere. A device that
/// is not there may come yet.
///
/// # Errors
/// Names the option that it refuses, or does not have.
pub fn try_out(options: &TcpOptions) -> Result<(), OptionError> {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // That descriptors are used up says nothing of the options.
    let Ok(socket) = new_socket(nowhere) else { return Ok(()) };
    match sockopt::before_use(&socket, nowhere, options) {
        Err(error) if sockopt::is_no_device(&error) => Ok(()),
        result => result.and_then(|()| tune_stream(&socket, options)),
    }
}

/// Binds the local end of a connection that is to be made.
fn bind_source(socket: &Socket, peer: SocketAddr, from: &TcpAddress) -> Result<(), ConnectError> {
    let address = || describe(&peer.into());
    let local = lookup::source(from, peer).map_err(|source| ConnectError::Source {
        address: address(),
        from: from.to_string(),
        source,
    })?;
    // A fixed source port would otherwise stay barred for a minute after each connection.
    reuse_address(socket).and_then(|()| socket.bind(&local.into())).map_err(|source| {
        ConnectError::SourceBind { address: address(), from: from.to_string(), source }
    })
}

fn new_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Lets an address be bound that old connections still linger on. Elsewhere the option means
/// something else: on Windows it would let two processes share a port.
fn reuse_address(socket: &Socket) -> io::Result<()> {
    if cfg!(unix) { socket.set_reuse_address(true) } else { Ok(()) }
}

/// One call of [`listen`].
struct BindAttempt<'a> {
    endpoint: &'a TcpEndpoint,
    options: &'a TcpOptions,
}

impl BindAttempt<'_> {
    fn socket(&self, local: SocketAddr) -> Result<Socket, BindError> {
        new_socket(local).map_err(|source| self.error("socket", source))
    }

    fn listen(&self, socket: Socket, local: SocketAddr) -> Result<(Socket, String), BindError> {
        let option = |source| BindError::Option { endpoint: self.endpoint.to_string(), source };
        sockopt::before_use(&socket, local, self.options).map_err(option)?;
        reuse_address(&socket).map_err(|source| self.error("setting SO_REUSEADDR", source))?;
        if local.is_ipv6() && local.ip().is_unspecified() {
            socket
                .set_only_v6(false)
                .map_err(|source| option(OptionError::Refused { option: "ipv6", source }))?;
        }
        let backlog = self.options.backlog.unwrap_or(DEFAULT_BACKLOG);
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        socket.bind(&local.into()).map_err(|source| self.error("bind", source))?;
        socket.listen(backlog).map_err(|source| self.error("listen", source))?;
        let local = socket.local_addr().map_err(|source| self.error("getsockname", source))?;
        Ok((socket, describe(&local)))
    }

    fn error(&self, action: &'static str, source: io::Error) -> BindError {
        BindError::of_system(&self.endpoint.to_string(), action, source)
    }
}
