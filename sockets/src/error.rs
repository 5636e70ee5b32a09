//! What can go wrong, and who is at fault.

#[cfg(feature = "curve")]
use crate::auth::CertificateError;
use crate::context::unfinished::Unfinished;
use crate::socket::multipart::Multipart;
use ringmq_engine::{BackendUnavailable, StartError};
use ringmq_pipe::Reentered;
use ringmq_transports::error::{BindError, EndpointError};
use std::io;
use std::sync::Arc;

/// Why an operation on a socket or context failed.
///
/// The texts say what to do. [`Error::WouldBlock`], [`Error::Terminated`] and [`Error::Closed`] are part of
/// normal life;
/// [`State`](Self::State), [`NotSupported`](Self::NotSupported) and the endpoint and option errors are
/// the caller's mistakes; the others are the system's.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[doc(alias = "zmq_strerror")]
pub enum Error {
    /// A signal has ended the wait, which was [asked for](crate::interruptible) (`EINTR`). Nothing is lost: call again.
    #[error("a signal has ended the wait: call again to go on with it")]
    Interrupted,
    /// The operation cannot be done now, or not within the time-out (`EAGAIN`).
    #[error(
        "the operation would block, or its time-out has passed: try again later, or wait for longer"
    )]
    WouldBlock,
    /// The context was shut down or terminated (`ETERM`).
    #[error(
        "the context was terminated, or the socket is closed: nothing more can be done with it"
    )]
    Terminated,
    /// The socket was [closed](crate::Socket::close), by another thread for instance (`ENOTSOCK`). The other
    /// sockets of its context go on.
    #[error("the socket is closed")]
    Closed,
    /// This type of socket does not do that (`ENOTSUP`).
    #[error("a {socket} socket cannot {action}")]
    NotSupported {
        /// The socket's type.
        socket: &'static str,
        /// What was asked of it.
        action: &'static str,
    },
    /// This type of socket has messages of one frame, and was given the beginning of a longer one (`EINVAL`).
    #[error("a {socket} socket sends messages of one frame: put it into one, or use another type")]
    OneFrameOnly {
        /// The socket's type.
        socket: &'static str,
    },
    /// A DGRAM was given a message that is not an address and a body (`EINVAL`).
    #[error(
        "a DGRAM socket sends messages of two frames: where to, such as 192.0.2.1:5555, and the body"
    )]
    TwoFramesOnly,
    /// Not now: a REQ that waits for a reply cannot send, for instance (`EFSM`).
    #[error("not in this state: {0}")]
    State(&'static str),
    /// From inside [`recv_with`](crate::Socket::recv_with) this socket was called, which is taken until
    /// that returns (`EDEADLK`).
    #[error("the socket is taken by this very thread: call it when recv_with has returned")]
    Reentered,
    /// A ROUTER with the mandatory option has no such peer (`EHOSTUNREACH`).
    #[error("no peer has that routing id: it has left, or is not connected yet")]
    HostUnreachable,
    /// Nobody takes messages, and nobody is going to: the last connect of the socket has ended for good, as
    /// [its options](crate::Socket::set_reconnect_stop) want it, and nothing is bound. Said to those who
    /// would wait for room, until something is bound or connected again (`EHOSTUNREACH`).
    #[error(
        "the connect to {endpoint} has given up ({reason}) and was the last one: connect or bind again"
    )]
    GaveUp {
        /// The endpoint.
        endpoint: String,
        /// Why it has.
        reason: String,
    },
    /// The text of an endpoint is malformed, or its transport is not built (`EINVAL`,
    /// `EPROTONOSUPPORT`).
    #[error(transparent)]
    Endpoint(Arc<EndpointError>),
    /// The endpoint cannot be bound (`EADDRNOTAVAIL`, `EACCES`, `ENODEV`, ...).
    #[error(transparent)]
    Bind(Arc<BindError>),
    /// Somebody has the endpoint already (`EADDRINUSE`).
    #[error("cannot bind {endpoint}: it is in use; stop its owner, or choose another one")]
    AddressInUse {
        /// The endpoint.
        endpoint: String,
    },
    /// The socket has nothing bound or connected under that name (`ENOENT`).
    #[error("{endpoint} is neither bound nor connected here: use the text that bind returned")]
    NoSuchEndpoint {
        /// The endpoint.
        endpoint: String,
    },
    /// Several binds were given that text (`ENOENT`).
    #[error("{endpoint} was bound more than once: use the text that bind returned")]
    AmbiguousEndpoint {
        /// The text.
        endpoint: String,
    },
    /// A value that an option cannot have, or that the system does not grant (`EINVAL`).
    #[error("option {option} cannot be set: {reason}")]
    InvalidOption {
        /// The option.
        option: &'static str,
        /// What it takes, or what to do.
        reason: String,
    },
    /// There is no option of that number or name, or it cannot be read, or cannot be set, or not of
    /// a socket of this type (`EINVAL`).
    #[error("option {option}: {reason}")]
    NoSuchOption {
        /// The option, as it was called.
        option: String,
        /// What is the matter.
        reason: String,
    },
    /// What is no address and no network, for [`AddressRules`](crate::auth::AddressRules) (`EINVAL`).
    #[error("{rule} is no address rule: write 192.0.2.1, 192.0.2.0/24 or the same of IPv6")]
    AddressRule {
        /// The text.
        rule: String,
    },
    /// A certificate cannot be read, written or used (`EINVAL`, or the system's).
    #[cfg(feature = "curve")]
    #[error("certificate: {0}")]
    Certificate(Arc<CertificateError>),
    /// A message was to be taken apart into a number of frames that it does not have (`EPROTO`); see
    /// [`FrameCountError`].
    #[error("the message has {found} frames instead of {expected}")]
    FrameCount {
        /// How many it was to have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// Something was not finished in time (`EAGAIN`).
    #[error(transparent)]
    Unfinished(Arc<Unfinished>),
    /// The backend that was asked for is not to be had.
    #[error(transparent)]
    BackendUnavailable(#[from] BackendUnavailable),
    /// The system refused.
    #[error("{action}: {error}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The system's answer.
        error: Arc<io::Error>,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, error: io::Error) -> Self {
        Self::Io { action, error: Arc::new(error) }
    }

    /// Whether this is [`Error::WouldBlock`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// assert!(socket.try_recv().unwrap_err().is_would_block());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn is_would_block(&self) -> bool {
        matches!(self, Self::WouldBlock)
    }
}

impl From<Reentered> for Error {
    fn from(_: Reentered) -> Self {
        Self::Reentered
    }
}

impl From<Unfinished> for Error {
    fn from(left: Unfinished) -> Self {
        Self::Unfinished(Arc::new(left))
    }
}

impl From<EndpointError> for Error {
    fn from(error: EndpointError) -> Self {
        Self::Endpoint(Arc::new(error))
    }
}

impl From<BindError> for Error {
    fn from(error: BindError) -> Self {
        match error {
            BindError::AddressInUse { endpoint, .. } => Self::AddressInUse { endpoint },
            error => Self::Bind(Arc::new(error)),
        }
    }
}

#[cfg(feature = "curve")]
impl From<CertificateError> for Error {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(Arc::new(error))
    }
}

impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Backend(error) => Self::BackendUnavailable(error),
            StartError::Thread(error) => Self::io("starting an I/O thread", error),
            StartError::Setting(error) => {
                Self::InvalidOption { option: error.setting, reason: error.reason }
            }
        }
    }
}

/// A message that was not sent, and why. The message is whole: what was not sent can be sent again.
///
/// Matched on by its [`kind`](Self::kind), or as a whole:
/// ```
/// use ringmq::{Context, Error, SendError};
/// let socket = Context::new().push()?;
/// match socket.try_send("to nobody") {
///     Ok(()) => println!("sent"),
///     Err(SendError { error: Error::WouldBlock, message }) => assert_eq!(message[0], "to nobody"),
///     Err(failed) => return Err(failed.into()),
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct SendError {
    /// Why.
    #[source]
    pub error: Error,
    /// The message as it was given.
    pub message: Multipart,
}

impl From<SendError> for Error {
    fn from(failed: SendError) -> Self {
        failed.error
    }
}

/// A message does not have the number of frames that it was to be [taken apart](Multipart) into. It is in
/// here, whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message has {} frames instead of {expected}", message.len())]
pub struct FrameCountError {
    /// How many frames it was to have.
    pub expected: usize,
    /// The message.
    pub message: Multipart,
}
