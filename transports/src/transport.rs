//! The table of transports.
//!
//! A transport is a folder beside this file and a row here. From the rows come [`Endpoint`], its
//! parsing, and the way from an endpoint to what its transport does.

use crate::address::{RemoteEnd, describe};
use crate::datagram::DatagramTransport;
use crate::endpoint::{
    InprocName, IpcEndpoint, PgmEndpoint, TcpEndpoint, Text, UdpEndpoint, WsEndpoint,
};
use crate::error::{BindError, EndpointError, OptionError};
use crate::owner::LinkOptions;
use ringmq_zmtp::Carrier;
use socket2::{SockAddr, Socket, Type};
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;

/// What a transport does for a listener or a connecter. Implemented by its form of endpoint.
pub(crate) trait Transport: fmt::Display + Sized {
    /// Reads what follows `scheme://`, to bind.
    fn parse_bind(text: Text<'_>, address: &str) -> Result<Self, EndpointError>;

    /// Reads what follows `scheme://`, to connect.
    fn parse_connect(text: Text<'_>, address: &str) -> Result<Self, EndpointError>;

    /// Binds and listens. May block for as long as the system takes to look a host name up.
    fn listen(&self, _options: &LinkOptions) -> Result<Listening, BindError> {
        Err(BindError::NotSupported { endpoint: self.to_string() })
    }

    /// Listens on what somebody else has bound, and gives away: the endpoint only says on which transport.
    fn adopt(&self, _listener: Socket) -> Result<Listening, BindError> {
        Err(BindError::UnfitListener {
            endpoint: self.to_string(),
            why: "nothing is listened on with this transport",
        })
    }

    /// How an attempt to connect begins.
    fn dial(&self, _options: &LinkOptions) -> FirstStep<'_> {
        FirstStep::Never("nothing is dialed on this transport")
    }

    /// Makes a descriptor ready to connect to one of the addresses of a name; the error in words.
    fn dial_address(&self, _: SocketAddr, _: &LinkOptions) -> Result<Socket, String> {
        Err("this transport has no names to look up".into())
    }

    /// What it does if it carries datagrams; then it does nothing of the above.
    fn datagrams(&self) -> Option<&dyn DatagramTransport> {
        None
    }

    /// What carries the frames of a connection that was made to it.
    fn carrier(&self) -> Carrier {
        Carrier::Stream
    }

    /// Whether a peer is one of those whose connections are accepted.
    fn admits(_peer: &RemoteEnd, _options: &LinkOptions) -> bool {
        true
    }

    /// Sets the options of a connection that was accepted.
    fn tune(_accepted: &Socket, _options: &LinkOptions) -> Result<(), OptionError> {
        Ok(())
    }
}

/// An endpoint that is bound.
pub(crate) struct Listening {
    pub(crate) socket: Socket,
    /// The endpoint to connect to.
    pub(crate) resolved: String,
    /// Keeps the endpoint's name in being.
    pub(crate) guard: Option<Box<dyn Send>>,
    /// What carries the frames of the connections that are accepted.
    pub(crate) carrier: Carrier,
    /// See [`Transport::admits`].
    pub(crate) admits: Admits,
    /// See [`Transport::tune`].
    pub(crate) tune: Tune,
}

impl Listening {
    pub(crate) fn new<T: Transport>(
        socket: Socket,
        resolved: String,
        guard: Option<Box<dyn Send>>,
    ) -> Self {
        let carrier = Carrier::Stream;
        Self { socket, resolved, guard, carrier, admits: T::admits, tune: T::tune }
    }

    /// On what somebody else has bound, if that is a listener with such an address.
    pub(crate) fn adopted<T: Transport>(
        listener: Socket,
        asked: &T,
        is_fit: impl FnOnce(&SockAddr) -> bool,
    ) -> Result<Self, BindError> {
        let unfit = |why| BindError::UnfitListener { endpoint: asked.to_string(), why };
        let failed =
            |action| move |source| BindError::Io { endpoint: asked.to_string(), action, source };
        let local = listener.local_addr().map_err(failed("getsockname"))?;
        if !is_fit(&local) {
            return Err(unfit("it has an address of another kind"));
        }
        if listener.r#type().map_err(failed("getsockopt"))? != Type::STREAM {
            return Err(unfit("it carries no stream"));
        }
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
        if !listener.is_listener().map_err(failed("getsockopt"))? {
            return Err(unfit("it does not listen"));
        }
        listener.set_nonblocking(true).map_err(failed("fcntl"))?;
        #[cfg(unix)]
        listener.set_cloexec(true).map_err(failed("fcntl"))?;
        Ok(Self::new::<T>(listener, describe(&local), None))
    }
}

pub(crate) type Admits = fn(&RemoteEnd, &LinkOptions) -> bool;
pub(crate) type Tune = fn(&Socket, &LinkOptions) -> Result<(), OptionError>;

/// How an attempt to connect begins.
pub(crate) enum FirstStep<'a> {
    /// The name is to be looked up.
    LookUp(&'a TcpEndpoint),
    /// These addresses are to be tried, one after the other.
    Addresses(VecDeque<SocketAddr>),
    /// This descriptor is to be connected to this address.
    Connect(Socket, SockAddr),
    /// It cannot be made now, for this reason.
    Failed(String),
    /// It can never be made, for this reason.
    Never(&'static str),
}

macro_rules! transports {
    ($($(#[$doc:meta])* $scheme:literal $name:ident($endpoint:ty);)*) => {
        /// Where a socket listens, or what it connects to.
        ///
        /// ```
        /// use ringmq_transports::endpoint::Endpoint;
        ///
        /// let everywhere = Endpoint::parse_bind("tcp://*:0")?;
        /// assert_eq!(everywhere.to_string(), "tcp://*:*");
        /// let peer = Endpoint::parse_connect("tcp://192.0.2.1:*;::1:5555")?;
        /// assert_eq!(peer.to_string(), "tcp://192.0.2.1:*;[::1]:5555");
        ///
        /// let error = Endpoint::parse_connect("tcp://localhost:99999").unwrap_err();
        /// assert!(error.to_string().contains(r#"bad port "99999""#));
        /// # Ok::<(), ringmq_transports::error::EndpointError>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum Endpoint {
            $($(#[$doc])* $name($endpoint),)*
        }

        impl Endpoint {
            /// Reads an endpoint to listen on.
            ///
            /// # Errors
            /// Says which part is malformed and what may stand there, or that the protocol is not built.
            pub fn parse_bind(text: &str) -> Result<Self, EndpointError> {
                let (scheme, address) = Text(text).split_scheme()?;
                match scheme {
                    $($scheme => {
                        let address = Text(text).some_address(address)?;
                        <$endpoint>::parse_bind(Text(text), address).map(Self::$name)
                    })*
                    other => Err(Text(text).not_built(other)),
                }
            }

            /// Reads an endpoint to connect to.
            ///
            /// # Errors
            /// Says which part is malformed and what may stand there, or that the protocol is not built.
            pub fn parse_connect(text: &str) -> Result<Self, EndpointError> {
                let (scheme, address) = Text(text).split_scheme()?;
                match scheme {
                    $($scheme => {
                        let address = Text(text).some_address(address)?;
                        <$endpoint>::parse_connect(Text(text), address).map(Self::$name)
                    })*
                    other => Err(Text(text).not_built(other)),
                }
            }

            /// See [`Transport::listen`].
            pub(crate) fn listen(&self, options: &LinkOptions) -> Result<Listening, BindError> {
                match self {
                    $(Self::$name(endpoint) => endpoint.listen(options),)*
                }
            }

            /// See [`Transport::adopt`].
            pub(crate) fn adopt(&self, listener: Socket) -> Result<Listening, BindError> {
                match self {
                    $(Self::$name(endpoint) => endpoint.adopt(listener),)*
                }
            }

            /// See [`Transport::dial`].
            pub(crate) fn dial(&self, options: &LinkOptions) -> FirstStep<'_> {
                match self {
                    $(Self::$name(endpoint) => endpoint.dial(options),)*
                }
            }

            /// See [`Transport::carrier`].
            pub(crate) fn carrier(&self) -> Carrier {
                match self {
                    $(Self::$name(endpoint) => endpoint.carrier(),)*
                }
            }

            /// Whether it carries datagrams, rather than connections.
            pub fn is_of_datagrams(&self) -> bool {
                self.datagrams().is_some()
            }

            /// See [`Transport::datagrams`].
            pub(crate) fn datagrams(&self) -> Option<&dyn DatagramTransport> {
                match self {
                    $(Self::$name(endpoint) => endpoint.datagrams(),)*
                }
            }

            /// See [`Transport::dial_address`].
            pub(crate) fn dial_address(
                &self,
                address: SocketAddr,
                options: &LinkOptions,
            ) -> Result<Socket, String> {
                match self {
                    $(Self::$name(endpoint) => endpoint.dial_address(address, options),)*
                }
            }
        }

        /// The canonical text.
        impl fmt::Display for Endpoint {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name(endpoint) => endpoint.fmt(f),)*
                }
            }
        }
    };
}

transports! {
    /// Bytes over TCP, to this machine or another.
    "tcp" Tcp(TcpEndpoint);
    /// Bytes over a Unix socket, on this machine.
    "ipc" Ipc(IpcEndpoint);
    /// WebSockets over TCP, as programs in browsers open them.
    "ws" Ws(WsEndpoint);
    /// Messages as datagrams, to one address or to a group.
    "udp" Udp(UdpEndpoint);
    /// PGM in datagrams of udp: published to a group, with repairs.
    "epgm" Epgm(PgmEndpoint);
    /// PGM on IP itself.
    "pgm" Pgm(PgmEndpoint);
    /// Messages within one context. Nothing is listened on or dialed: see
    /// [`Inproc`](crate::inproc::Inproc).
    "inproc" Inproc(InprocName);
}
