//! What a socket says to each peer first, and what it receives of itself where a connection begins and ends.

use super::Core;
use crate::Message;
use crate::socket::payload::Outgoing;
use bytes::Bytes;
use ringmq_zmtp::SocketType;

/// Whether a ROUTER receives an empty message, after the routing id of the peer, where a connection begins and
/// where it ends.
///
/// # Examples
/// ```
/// use ringmq::RouterNotify;
/// let context = ringmq::Context::new();
/// let (router, dealer) = (context.router()?, context.dealer()?);
/// router.set_router_notify(RouterNotify { connect: true, ..RouterNotify::NEVER })?;
/// dealer.set_routing_id("worker")?;
/// dealer.connect(&router.bind("tcp://127.0.0.1:*")?)?;
/// let frames = router.recv_multipart()?;
/// assert_eq!((&frames[0][..], frames[1].len()), (&b"worker"[..], 0));
/// # Ok::<(), ringmq::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RouterNotify {
    /// A peer is there: its handshake is done. `ZMQ_NOTIFY_CONNECT`, 1.
    pub connect: bool,
    /// It is gone. `ZMQ_NOTIFY_DISCONNECT`, 2.
    pub disconnect: bool,
}

impl RouterNotify {
    /// Neither.
    pub const NEVER: Self = Self { connect: false, disconnect: false };
}

/// See the [module's documentation](self). Those of bytes are none if they are empty.
#[derive(Debug, Default)]
pub(crate) struct ConnectionWords {
    /// Sent to each peer before everything else.
    pub(crate) hello: Bytes,
    /// Received when an accepted connection is over.
    pub(crate) disconnect: Bytes,
    /// Received when a connection is over that this side has made, and makes again.
    pub(crate) hiccup: Bytes,
    pub(crate) notify: RouterNotify,
}

impl ConnectionWords {
    pub(crate) fn new(socket_type: SocketType) -> Self {
        // A STREAM's pattern keeps them from an application that does not want them.
        let always = socket_type == SocketType::Stream;
        Self { notify: RouterNotify { connect: always, disconnect: always }, ..Self::default() }
    }

    /// What a peer is sent first.
    pub(crate) fn hello(&self) -> Option<Message> {
        message(&self.hello)
    }

    /// What is received first of a connection.
    pub(crate) fn beginning(&self) -> Option<Message> {
        self.notify.connect.then(Message::new)
    }

    /// What is received last.
    pub(crate) fn end(&self, connected: bool) -> [Option<Message>; 2] {
        let last = if connected { &self.hiccup } else { &self.disconnect };
        [self.notify.disconnect.then(Message::new), message(last)]
    }

    /// What is received last of another socket of this process, whichever side has connected.
    pub(crate) fn last_of_neighbour(&self) -> Option<Message> {
        message(&self.disconnect)
    }
}

impl Core {
    /// Says hello to a socket of this process.
    pub(super) fn greet(&mut self, key: usize) {
        let hello = self.shared.words().hello();
        // A pipe without room is not new, one without a reader needs no greeting.
        let _ = hello.map(|mut hello| self.pipes.write(key, &mut Outgoing::Owned(&mut hello)));
    }
}

/// Some bytes as a message, unless there are none.
fn message(bytes: &Bytes) -> Option<Message> {
    (!bytes.is_empty()).then(|| Message::from(bytes.clone()))
}
