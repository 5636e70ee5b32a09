//! What ZeroMQ never told its users: how each connection is doing, and the socket in all.

use crate::inner::pipes::Pipe;
use crate::kind::Kind;
use crate::socket::Socket;
use crate::types::Traits;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The figures of one connection, or of a connect that waits for its peer.
///
/// What CONFLATE keeps the latest of is not counted: `sent`, `received` and `queued` are 0 there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipeStats {
    /// The endpoint that was bound or connected; empty if that has ended.
    pub endpoint: String,
    /// The address of the peer, such as `tcp://192.0.2.1:5555`; of one in the same process the endpoint.
    /// Empty as long as there was none, or if the system has none.
    pub peer: String,
    /// The peer's routing id, its own or the one that a ROUTER has chosen for it; empty if it has none or is
    /// not known yet.
    pub routing_id: Vec<u8>,
    /// Whether a peer is there.
    pub connected: bool,
    /// Messages sent by the application, whole ones, to this peer and those that were here before it. 0 of a
    /// type that does not send.
    pub sent: u64,
    /// Messages that the socket has taken from this connection. 0 of a type that does not receive.
    pub received: u64,
    /// Messages that wait to be sent. Within a process exact: what the peer has not received. Otherwise an
    /// upper bound (what is sent is counted in steps of half the high-water mark).
    pub queued: u64,
    /// Messages that have arrived and wait to be received; what the system still holds of the peer's is not
    /// among them. 0 of a type that does not receive.
    pub waiting: u64,
    /// The high-water mark that `queued` is held against; 0 is no limit.
    pub send_hwm: u32,
    /// The high-water mark that `waiting` is held against; 0 is no limit.
    pub recv_hwm: u32,
    /// Messages dropped for this connection: because it was full, or because the peer has left before they
    /// were sent, or received within the process. And messages from it that nobody was to receive.
    pub dropped: u64,
}

/// The figures of a socket since it was made: of all its connections, those that are gone too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketTotals {
    /// Messages given to connections: one that a PUB sends counts once for each subscriber that gets it.
    pub sent: u64,
    /// Messages taken from connections.
    pub received: u64,
    /// Messages dropped; see [`Socket::dropped`].
    pub dropped: u64,
    /// Messages that were taken and were for nobody: a PUB's that nobody has subscribed to, a ROUTER's for a
    /// routing id that no peer has, replies to and rests of messages for peers that are gone.
    pub to_nobody: u64,
    /// Messages that have arrived and wait to be received.
    pub waiting: u64,
    /// Connections that were turned away, because [a limit](crate::PeerLimit) was reached.
    pub refused: u64,
}

impl<K: Kind> Socket<K> {
    /// How many messages the socket has dropped: what [`stats`](Self::stats) tells for each connection, the
    /// same for the connections that are gone, with what was still queued for them, and what came to no
    /// connection at all, such as copies that a [proxy](crate::proxy_with) could not give to its capture
    /// socket. A connection that lingers after the socket has let it go may still add to it.
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

    /// What the socket has done in all; connections that are gone count too. Nothing from inside
    /// [`recv_with`](Self::recv_with).
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (router, dealer) = (context.router()?, context.dealer()?);
    /// router.bind("inproc://totals")?;
    /// dealer.connect("inproc://totals")?;
    /// dealer.send("hello")?;
    /// assert_eq!(router.totals().waiting, 1);
    /// router.recv_multipart()?;
    /// router.send_multipart(["nobody", "hello"])?;
    /// drop(dealer);
    /// let totals = router.totals();
    /// assert_eq!((totals.received, totals.to_nobody, totals.sent), (1, 1, 0));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn totals(&self) -> SocketTotals {
        let Ok(mut core) = self.inner.lock() else { return SocketTotals::default() };
        // As in `dropped`.
        let _ = core.enter();
        core.totals()
    }

    /// The figures of each connection and of each pending connect: who is there, what waits in either
    /// direction, what was sent, received and dropped. None from inside [`recv_with`](Self::recv_with).
    ///
    /// They are those of one moment for each direction of each connection, and not of one for all.
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// pull.bind("inproc://depth")?;
    /// push.connect("inproc://depth")?;
    /// push.send("one")?;
    /// let stats = &push.stats()[0];
    /// assert_eq!((stats.sent, stats.queued, stats.dropped), (1, 1, 0));
    /// assert_eq!(pull.stats()[0].waiting, 1);
    /// pull.recv()?;
    /// assert_eq!(push.stats()[0].queued, 0);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn stats(&self) -> Vec<PipeStats> {
        let Ok(mut core) = self.inner.lock() else { return Vec::new() };
        // A terminated socket has no pipes left to tell about.
        let _ = core.enter();
        core.sweep();
        let all = core.pipe_stats();
        drop(core);
        // The other socket's lock is taken while none is held: it may be asking the same.
        let look = |(mut stats, far): (PipeStats, Option<crate::inner::FarEnd>)| {
            if let Some(unread) = far.and_then(|(socket, key)| socket.waiting(key)) {
                stats.queued = stats.queued.min(unread);
            }
            stats
        };
        all.into_iter().map(look).collect()
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
    pub(crate) fn new(pipe: &Pipe, traits: &Traits, endpoint: Option<&Arc<str>>) -> Self {
        let (tx, rx) = (&pipe.end.tx, &pipe.end.rx);
        let of = |counts: bool, messages: u64| if counts { messages } else { 0 };
        Self {
            endpoint: endpoint.map_or_else(String::new, |endpoint| endpoint.to_string()),
            peer: pipe.connection.as_ref().map_or_else(String::new, |known| known.peer.to_string()),
            routing_id: pipe.routing_id().to_vec(),
            connected: pipe.end.state.is_connected() && !pipe.is_abandoned(),
            sent: of(traits.sends, pipe.sent()),
            received: of(traits.receives, pipe.received()),
            queued: tx.depth() - pipe.left_unread(),
            waiting: of(traits.receives, rx.waiting()),
            send_hwm: tx.hwm(),
            recv_hwm: rx.hwm(),
            dropped: pipe.dropped(),
        }
    }
}
