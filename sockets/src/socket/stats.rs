//! What ZeroMQ never told its users: how each connection is doing.

use crate::inner::pipes::Pipe;
use crate::kind::Kind;
use crate::socket::Socket;
use std::sync::atomic::Ordering;

/// The figures of one connection, or of a connect that waits for its peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipeStats {
    /// The peer's routing id; empty if it has none or is not known yet.
    pub routing_id: Vec<u8>,
    /// Whether a peer is there.
    pub connected: bool,
    /// Messages sent by the application and not yet credited back: an upper bound of what is queued
    /// here (credits come in steps of half the high-water mark).
    pub queued: u64,
    /// The high-water mark that `queued` is held against; 0 is no limit.
    pub send_hwm: u32,
    /// Messages dropped for this connection because it was full, and messages from it that nobody was to
    /// receive.
    pub dropped: u64,
}

impl<K: Kind> Socket<K> {
    /// How many messages the socket has dropped: what [`stats`](Self::stats) tells for each connection, the
    /// same for the connections that are gone, and what came to no connection at all, such as copies that a
    /// [proxy](crate::proxy_with) could not give to its capture socket. What is still dropped of a
    /// connection's after it is gone, such as messages that outlast the linger time, is not in it.
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (publisher, subscriber) = (context.publisher()?, context.subscriber()?);
    /// publisher.set_send_hwm(10)?;
    /// subscriber.set_recv_hwm(10)?;
    /// publisher.bind("inproc://news")?;
    /// subscriber.subscribe("")?;
    /// subscriber.connect("inproc://news")?;
    /// for _ in 0..25 {
    ///     publisher.send("news")?; // of which 20 find room
    /// }
    /// assert_eq!(publisher.dropped(), 5);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn dropped(&self) -> u64 {
        let Ok(mut core) = self.inner.lock() else { return 0 };
        // A terminated socket can still tell what it has dropped.
        let _ = core.enter();
        core.dropped()
    }
}

impl<K: Kind> Socket<K> {
    /// How many messages the socket has sent that were given up undelivered after their endpoint was
    /// disconnected or the socket closed, because the [linger time](Self::set_linger) was over or their peer
    /// had gone. Each time that is an event, too
    /// ([`LingerGaveUp`](crate::MonitorEvent::LingerGaveUp)), as long as the socket is open.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let context = ringmq::Context::new();
    /// let push = context.push()?;
    /// push.set_linger(Some(Duration::ZERO))?;
    /// push.connect("tcp://127.0.0.1:9")?;
    /// push.send("to nobody")?;
    /// push.close();
    /// context.term();
    /// assert_eq!(push.gave_up(), 1);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn gave_up(&self) -> u64 {
        // Relaxed: a figure to look at.
        self.inner.shared.gave_up.load(Ordering::Relaxed)
    }
}

impl PipeStats {
    pub(crate) fn new(pipe: &Pipe) -> Self {
        let state = &pipe.end.state;
        Self {
            routing_id: pipe.peer.as_ref().map_or_else(Vec::new, |peer| peer.routing_id.clone()),
            connected: state.is_connected(),
            queued: pipe.end.tx.depth(),
            send_hwm: pipe.end.tx.hwm(),
            dropped: state.dropped.load(Ordering::Relaxed),
        }
    }
}
