//! A ringmq socket as a peer process uses it: opened from flags, used in slices of time.

use std::time::Duration;

use clap::{Args, ValueEnum};
use ringmq::options::SocketOption;
use ringmq::{AnySocket, BackendChoice, Context, Error, Message, Multipart, SocketType};
use serde::{Deserialize, Serialize};

/// How long one blocking call may last before stop and deadline are looked at.
pub(crate) const SLICE: Duration = Duration::from_millis(20);

/// The socket types by the names that the driver uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub(crate) enum Kind {
    Pair,
    Pub,
    Sub,
    Xpub,
    Xsub,
    Req,
    Rep,
    Dealer,
    Router,
    Push,
    Pull,
}

impl From<Kind> for SocketType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Pair => Self::Pair,
            Kind::Pub => Self::Pub,
            Kind::Sub => Self::Sub,
            Kind::Xpub => Self::XPub,
            Kind::Xsub => Self::XSub,
            Kind::Req => Self::Req,
            Kind::Rep => Self::Rep,
            Kind::Dealer => Self::Dealer,
            Kind::Router => Self::Router,
            Kind::Push => Self::Push,
            Kind::Pull => Self::Pull,
        }
    }
}

/// Which backend to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[allow(missing_docs)]
pub(crate) enum Backend {
    Auto,
    Uring,
    Mio,
}

impl Backend {
    /// The name as a flag takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Uring => "uring",
            Self::Mio => "mio",
        }
    }
}

impl From<Backend> for BackendChoice {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Auto => Self::Auto,
            Backend::Uring => Self::Uring,
            Backend::Mio => Self::Mio,
        }
    }
}

/// The flags that open a socket.
#[derive(Debug, Args)]
pub(crate) struct SocketArgs {
    /// Socket type.
    #[arg(long = "type")]
    pub(crate) kind: Kind,
    /// Endpoint to bind to; may be repeated.
    #[arg(long)]
    pub(crate) bind: Vec<String>,
    /// Endpoint to connect to; may be repeated.
    #[arg(long)]
    pub(crate) connect: Vec<String>,
    /// Backend of the I/O threads.
    #[arg(long, default_value = "auto")]
    pub(crate) backend: Backend,
    /// Socket option as NAME=VALUE, set before bind and connect; may be repeated.
    #[arg(long = "option")]
    pub(crate) options: Vec<String>,
}

impl SocketArgs {
    /// Makes the socket, with slices as its time limits, and sets its options.
    pub(crate) fn open(&self) -> Result<(Context, AnySocket), Error> {
        let context = Context::builder().backend(self.backend.into()).build()?;
        let socket = context.socket(self.kind.into())?;
        set_slices(&socket, self.kind)?;
        for option in &self.options {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            set_option(&socket, name, value)?;
        }
        Ok((context, socket))
    }

    /// Binds and connects it.
    pub(crate) fn attach(&self, socket: &AnySocket) -> Result<(), Error> {
        for endpoint in &self.bind {
            socket.bind(endpoint)?;
        }
        for endpoint in &self.connect {
            socket.connect(endpoint)?;
        }
        Ok(())
    }
}

/// Limits every blocking call to a slice, in the directions that the type has.
pub(crate) fn set_slices(socket: &AnySocket, kind: Kind) -> Result<(), Error> {
    if !matches!(kind, Kind::Sub | Kind::Pull) {
        socket.set_send_timeout(Some(SLICE))?;
    }
    if !matches!(kind, Kind::Pub | Kind::Push) {
        socket.set_recv_timeout(Some(SLICE))?;
    }
    Ok(())
}

/// Sets an option by its name in the option table, which is libzmq's.
pub(crate) fn set_option(socket: &AnySocket, name: &str, value: &str) -> Result<(), Error> {
    let option = SocketOption::by_name(name)?;
    socket.set_option(option, &option.parse(value)?)
}

/// Sends one message within a slice; `false` if there was no room, or nobody to take it yet.
pub(crate) fn try_send<F: Into<Message>>(
    socket: &AnySocket,
    frames: impl IntoIterator<Item = F>,
    wait: bool,
) -> Result<bool, Error> {
    let message: Multipart = frames.into_iter().collect();
    let sent =
        if wait { socket.send_multipart(message) } else { socket.try_send_multipart(message) };
    match sent.map_err(Error::from) {
        Ok(()) => Ok(true),
        // A ROUTER has not met its peer yet; a strict REQ still waits for its answer.
        Err(Error::WouldBlock | Error::HostUnreachable | Error::State(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Receives one message within a slice.
pub(crate) fn try_receive(socket: &AnySocket, wait: bool) -> Result<Option<Multipart>, Error> {
    match if wait { socket.recv_multipart() } else { socket.try_recv_multipart() } {
        Ok(message) => Ok(Some(message)),
        Err(Error::WouldBlock | Error::State(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
