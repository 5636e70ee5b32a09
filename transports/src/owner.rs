//! What a socket gives its transports.

use ringmq_engine::{EndpointId, PipeEnd};
use ringmq_zmtp::Peer;
use std::sync::Arc;
use std::time::Duration;

/// What every connection of a bind or connect is made with.
#[derive(Clone)]
pub struct Settings {
    /// Which bind or connect this is.
    pub endpoint_id: EndpointId,
    /// The options of the socket.
    pub options: Arc<LinkOptions>,
}

/// The options of a socket that its binds and connects are made with: all those made while the options
/// do not change share them.
pub struct LinkOptions {
    /// The protocol's settings.
    pub zmtp: Arc<ringmq_zmtp::Config>,
    /// For tcp descriptors.
    pub tcp: crate::options::TcpOptions,
    /// For ipc descriptors.
    pub ipc: crate::options::IpcOptions,
    /// For datagrams to groups.
    pub multicast: crate::options::MulticastOptions,
    /// How many connections a bind may have.
    pub limits: crate::options::BindLimits,
    /// Bytes of one peer that may wait for the application; `None` is no limit.
    pub max_waiting_bytes: Option<u64>,
    /// Messages that peers send are not wanted.
    pub discard_inbound: bool,
    /// Time between attempts to connect; `None` for a single attempt.
    pub reconnect_interval: Option<Duration>,
    /// Longest time between attempts; zero for no exponential backoff.
    pub reconnect_max: Duration,
    /// What ends the attempts for good.
    pub reconnect_stop: crate::options::ReconnectStop,
}

/// The far end of a pipe within a process, on its way to the socket that has bound the name.
pub struct Offer {
    /// The end. Its high-water marks are those of the connecting socket: whoever takes it adds its own.
    pub end: PipeEnd,
    /// Who connects.
    pub peer: Arc<Peer>,
    /// To be called by whoever takes the end, with who that is.
    pub taken: Taken,
}

/// Learns which socket has taken an [`Offer`].
pub type Taken = Box<dyn FnOnce(&Arc<Peer>) + Send>;
