//! ZeroMQ sockets on io_uring: whole messages between threads, processes and machines, without a
//! broker, wire-compatible with every ZeroMQ peer.
//!
//! A [`Context`] makes sockets, one type a pattern, so that what a pattern cannot do does not compile:
//! a [`Pull`] has no `send`. Every socket takes any number of [binds](Socket::bind) and
//! [connects](Socket::connect) over `tcp://`, `ipc://` and `inproc://`. The same socket can be used
//! blocking ([`recv`](Socket::recv)), trying ([`try_recv`](Socket::try_recv)) and async
//! ([`recv_async`](Socket::recv_async)) under any executor: see the [`async_guide`].
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

#[doc = include_str!("async_guide.md")]
pub mod async_guide {}
mod context;
mod context_builder;
mod error;
mod inner;
pub mod kind;
pub mod options;
mod poller;
mod proxy;
mod routing;
mod socket;
mod subscription;
pub mod tuning;
mod types;
mod wait;

pub use context::Context;
pub use context_builder::ContextBuilder;
pub use error::{Error, SendError};
pub use poller::{Interest, Poller, Ready};
pub use proxy::{ProxyOptions, proxy, proxy_with};
pub use ringmq_engine::{
    BackendChoice, BackendKind, BackendReport, DisconnectReason, Found, Granted, MonitorEvent,
    RingSize, TuningReport, UringCause, UringFeature, UringRefusal, UringReport,
};
pub use ringmq_pipe::{GroupTooLong, Message, Properties};
pub use ringmq_transports::error::{BindError, EndpointError};
pub use ringmq_transports::options::{Keepalive, ReconnectStop};
pub use ringmq_zmtp::{Peer, ProtocolError, SocketType, Version};
pub use socket::Socket;
pub use socket::frames::{FrameIter, IntoFrames};
pub use socket::monitor::Monitor;
pub use socket::multipart::Multipart;
pub use socket::payload::Payload;
pub use socket::recv::{Frame, RecvFuture, RecvMultipartFuture};
pub use socket::send::{SendFuture, SendMultipartFuture};
#[cfg(feature = "futures")]
pub use socket::sink::MessageSink;
pub use socket::stats::PipeStats;
#[cfg(feature = "futures")]
pub use socket::stream::MessageStream;
pub use wait::Spin;

/// Exclusive pair.
pub type Pair = Socket<kind::PairKind>;
/// Publisher.
pub type Pub = Socket<kind::PubKind>;
/// Subscriber.
pub type Sub = Socket<kind::SubKind>;
/// Publisher that hears of subscriptions.
pub type XPub = Socket<kind::XPubKind>;
/// Subscriber whose subscriptions are messages.
pub type XSub = Socket<kind::XSubKind>;
/// Requester.
pub type Req = Socket<kind::ReqKind>;
/// Replier.
pub type Rep = Socket<kind::RepKind>;
/// Asynchronous requester.
pub type Dealer = Socket<kind::DealerKind>;
/// Asynchronous replier.
pub type Router = Socket<kind::RouterKind>;
/// Head of a pipeline.
pub type Push = Socket<kind::PushKind>;
/// Tail of a pipeline.
pub type Pull = Socket<kind::PullKind>;
/// A socket whose type is known at run time only.
pub type AnySocket = Socket<kind::AnyKind>;
