//! ZeroMQ sockets on io_uring: whole messages between threads, processes and machines, without a
//! broker, wire-compatible with every ZeroMQ peer.
//!
//! A [`Context`] makes sockets, one type a pattern, so that what a pattern cannot do does not compile:
//! a [`Pull`] has no `send`. Every socket takes any number of [binds](Socket::bind) and
//! [connects](Socket::connect) over `tcp://`, `ipc://`, `inproc://` and `ws://`. The same socket can be used
//! blocking ([`recv`](Socket::recv)), trying ([`try_recv`](Socket::try_recv)) and async
//! ([`recv_async`](Socket::recv_async)) under any executor: see the [page on tasks](guide::tasks).
//!
//! ```
//! let context = ringmq::Context::new();
//! let server = context.rep()?;
//! let endpoint = server.bind("tcp://127.0.0.1:*")?;
//! std::thread::spawn(move || -> Result<(), ringmq::Error> {
//!     while let Ok(request) = server.recv() {
//!         server.send(request)?;
//!     }
//!     Ok(())
//! });
//! let client = context.req()?;
//! client.connect(&endpoint)?;
//! client.send("hello")?;
//! assert_eq!(client.recv()?, "hello");
//! # context.shutdown();
//! # Ok::<(), ringmq::Error>(())
//! ```
//!
//! The [`guide`] says what one has to know of ZeroMQ, and how to come here from another library of it.
//!
//! # What is told
//! What happens to a socket's connections is told in three ways: as an event to those who
//! [watch the socket](Socket::monitor), as figures to those who [ask](Socket::stats), of the whole socket
//! [too](Socket::totals), and as a line of the log.
//!
//! The log is [`tracing`]'s, with the target `ringmq`. With the feature `log` it is that of the `log` crate as
//! well, as long as no `tracing` subscriber is set up. It has the levels
//! * ERROR for what is broken in here: something has panicked;
//! * WARN for what a person has to see to: a host that is not known, a server that cannot be reached for a
//!   minute, a handshake that is refused, a connect that has given up, a routing id that is taken, messages
//!   that are dropped, and each [`Problem`], such as a SUB that has subscribed to nothing;
//! * INFO for what a person would ask: bound, connected, lost, connecting again, closed;
//! * DEBUG for the rest, and for what is said over and over: of the same thing one line a minute is told at
//!   its level, with a count (`repeated`) of those between, and of messages that a connection drops one in
//!   ten seconds.
//!
//! Each line has the fields `socket` (its type), and as far as there is one `endpoint`, `peer` (the address),
//! `routing_id`, and `reason`: a sentence, with what to do. It is written in a span `socket` or, of what
//! happens on a connection, in a span `connection` within that. Messages that are sent and received are not
//! logged, and cost nothing for it.

pub mod auth;
mod constants;
mod context;
mod context_builder;
mod error;
mod error_kind;
pub mod guide;
mod inner;
pub mod kind;
pub mod options;
mod poller;
mod proxy;
mod report;
mod routing;
mod socket;
mod subscription;
pub mod tuning;
mod types;
mod wait;

pub use constants::{REFERENCED_FROM, VERSION, ZMTP_VERSION};
pub use context::unfinished::{Unfinished, Waiting};
pub use context::{Context, TermFuture};
pub use context_builder::ContextBuilder;
pub use error::{Error, FrameCountError, SendError};
pub use error_kind::ErrorKind;
pub use inner::connection_words::RouterNotify;
pub use poller::{Interest, Poller, Ready};
pub use proxy::{ProxyOptions, proxy, proxy_with};
pub use ringmq_engine::{
    BackendChoice, BackendKind, BackendReport, ConnectFailure, DisconnectReason, DropReason, Found,
    Granted, MonitorEvent, PeerLimit, Problem, RingSize, RoutingIdText, TuningReport, UringCause,
    UringFeature, UringRefusal, UringReport,
};
pub use ringmq_pipe::{GroupTooLong, Message, MessagePeer, Properties};
pub use ringmq_transports::error::{BindError, EndpointError};
pub use ringmq_transports::options::{IpcPeerRule, Keepalive, ReconnectStop};
pub use ringmq_zmtp::{Peer, ProtocolError, SocketType, Version};
pub use socket::Socket;
pub use socket::close::CloseFuture;
pub use socket::events::SocketEvents;
pub use socket::flush::FlushFuture;
pub use socket::frames::{FrameIter, FrameIterMut, IntoFrames};
pub use socket::given_listener::OwnedListener;
pub use socket::monitor::Monitor;
pub use socket::multipart::Multipart;
pub use socket::payload::Payload;
pub use socket::recv::{Frame, RecvFuture, RecvMultipartFuture};
pub use socket::send::{SendFuture, SendMultipartFuture};
#[cfg(feature = "futures")]
pub use socket::sink::MessageSink;
pub use socket::stats::{PipeStats, SocketTotals};
#[cfg(feature = "futures")]
pub use socket::stream::MessageStream;
pub use wait::{Spin, always_interruptible, interruptible};

/// Exclusive pair.
#[doc(alias = "ZMQ_PAIR")]
pub type Pair = Socket<kind::PairKind>;
/// Publisher.
#[doc(alias = "ZMQ_PUB")]
pub type Pub = Socket<kind::PubKind>;
/// Subscriber.
#[doc(alias = "ZMQ_SUB")]
pub type Sub = Socket<kind::SubKind>;
/// Publisher that hears of subscriptions.
#[doc(alias = "ZMQ_XPUB")]
pub type XPub = Socket<kind::XPubKind>;
/// Subscriber whose subscriptions are messages.
#[doc(alias = "ZMQ_XSUB")]
pub type XSub = Socket<kind::XSubKind>;
/// Requester.
#[doc(alias = "ZMQ_REQ")]
pub type Req = Socket<kind::ReqKind>;
/// Replier.
#[doc(alias = "ZMQ_REP")]
pub type Rep = Socket<kind::RepKind>;
/// Asynchronous requester.
#[doc(alias = "ZMQ_DEALER")]
pub type Dealer = Socket<kind::DealerKind>;
/// Asynchronous replier.
#[doc(alias = "ZMQ_ROUTER")]
pub type Router = Socket<kind::RouterKind>;
/// Head of a pipeline.
#[doc(alias = "ZMQ_PUSH")]
pub type Push = Socket<kind::PushKind>;
/// Tail of a pipeline.
#[doc(alias = "ZMQ_PULL")]
pub type Pull = Socket<kind::PullKind>;
/// Exchanges bytes with peers that speak no ZMTP.
#[doc(alias = "ZMQ_STREAM")]
pub type StreamSocket = Socket<kind::StreamKind>;
/// Answers each peer by its number, messages of one frame.
#[doc(alias = "ZMQ_SERVER")]
pub type Server = Socket<kind::ServerKind>;
/// Asks servers, messages of one frame.
#[doc(alias = "ZMQ_CLIENT")]
pub type Client = Socket<kind::ClientKind>;
/// Sends to groups.
#[doc(alias = "ZMQ_RADIO")]
pub type Radio = Socket<kind::RadioKind>;
/// Receives what is for the groups that it has joined.
#[doc(alias = "ZMQ_DISH")]
pub type Dish = Socket<kind::DishKind>;
/// Tail of a pipeline, messages of one frame.
#[doc(alias = "ZMQ_GATHER")]
pub type Gather = Socket<kind::GatherKind>;
/// Head of a pipeline, messages of one frame.
#[doc(alias = "ZMQ_SCATTER")]
pub type Scatter = Socket<kind::ScatterKind>;
/// Addresses each peer by its number. (The name `Peer` is that of [what is known of a peer](Peer).)
#[doc(alias = "ZMQ_PEER")]
pub type PeerSocket = Socket<kind::PeerKind>;
/// Exclusive pair, messages of one frame.
#[doc(alias = "ZMQ_CHANNEL")]
pub type Channel = Socket<kind::ChannelKind>;
/// Exchanges datagrams with whoever speaks udp.
#[doc(alias = "ZMQ_DGRAM")]
pub type Dgram = Socket<kind::DgramKind>;
/// A socket whose type is known at run time only.
pub type AnySocket = Socket<kind::AnyKind>;
