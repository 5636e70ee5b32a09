//! The options of a socket, as its user sets them.
//!
//! Unless it says otherwise, an option counts for binds and connects made after it was set.

use crate::error::Error;
use crate::kind::Kind;
use crate::options::row::OptionRow;
use crate::options::table;
use crate::socket::Socket;
use crate::types::Setting;
use crate::wait::Spin;
use ringmq_transports::options::ReconnectStop;
use std::time::Duration;

impl<K: Kind> Socket<K> {
    pub(crate) fn set<T>(&self, option: &OptionRow<T>, value: T) -> Result<(), Error> {
        option.store(&self.inner, value)
    }

    pub(crate) fn get<T>(&self, option: &OptionRow<T>) -> Result<T, Error> {
        option.load(&self.inner)
    }

    /// How many messages may wait here for one peer; 0 is no limit. Default 1000. Counts at once, also
    /// for the connections there are.
    ///
    /// What happens above it is the pattern's business: PUSH, DEALER, REQ and PAIR wait, PUB and ROUTER
    /// drop for that peer. Within a process the marks of both sockets add up.
    ///
    /// # Errors
    /// [`Error::Terminated`], as every option.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// socket.set_send_hwm(2)?;
    /// socket.connect("inproc://slow")?;
    /// socket.send(&[1])?;
    /// socket.send(&[2])?;
    /// assert!(socket.try_send(&[3]).unwrap_err().error.is_would_block());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SNDHWM")]
    pub fn set_send_hwm(&self, messages: u32) -> Result<(), Error> {
        self.set(&table::SNDHWM, messages)
    }

    /// How many messages of one peer may wait here to be received; 0 is no limit. Default 1000. Counts
    /// at once, also for the connections there are.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.set_recv_hwm(10)?; // of each peer
    /// socket.set_recv_hwm(0)?; // as many as come
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_RCVHWM")]
    pub fn set_recv_hwm(&self, messages: u32) -> Result<(), Error> {
        self.set(&table::RCVHWM, messages)
    }

    /// How long messages that are not delivered yet are kept after the socket is closed or
    /// disconnected; `None` is for ever, zero drops them. Default `None`, for SUB and XSUB zero. Counts
    /// at once.
    ///
    /// It can be set when the socket is closed or its context is shut down, too: what lingers of it then
    /// lingers for so much longer from now on. Of sockets that are gone
    /// [the context](crate::Context::set_linger) changes it.
    ///
    /// # Errors
    /// [`Error::Reentered`] from inside [`recv_with`](Socket::recv_with).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let context = ringmq::Context::new();
    /// let socket = context.push()?;
    /// socket.set_linger(Some(Duration::ZERO))?;
    /// socket.connect("tcp://127.0.0.1:9")?;
    /// socket.send("nobody is going to miss it")?;
    /// drop(socket);
    /// context.term(); // does not wait
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_LINGER")]
    pub fn set_linger(&self, linger: Option<Duration>) -> Result<(), Error> {
        self.set(&table::LINGER, linger)
    }

    /// How long a blocking send waits for room; `None` is for ever. Default `None`. Counts at once.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().push()?;
    /// socket.set_send_timeout(Some(Duration::from_millis(1)))?;
    /// let failed = socket.send("to nobody").unwrap_err();
    /// assert!(failed.error.is_would_block());
    /// assert_eq!(failed.message, "to nobody".into());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SNDTIMEO")]
    pub fn set_send_timeout(&self, timeout: Option<Duration>) -> Result<(), Error> {
        self.set(&table::SNDTIMEO, timeout)
    }

    /// How long a blocking receive waits for a message; `None` is for ever. Default `None`. Counts at
    /// once.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.set_recv_timeout(Some(Duration::ZERO))?; // as if it were tried
    /// assert!(socket.recv().unwrap_err().is_would_block());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_RCVTIMEO")]
    pub fn set_recv_timeout(&self, timeout: Option<Duration>) -> Result<(), Error> {
        self.set(&table::RCVTIMEO, timeout)
    }

    /// How long a thread that waits for a message looks for it again and again before it blocks. A
    /// [context](crate::ContextBuilder::spin) has a default for its sockets, which is
    /// [`Spin::Adaptive`].
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::Spin;
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().rep()?;
    /// socket.set_spin(Spin::Fixed(Duration::from_micros(200)))?; // a core to spare
    /// socket.set_spin(Spin::Off)?; // no core to spare
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_spin(&self, spin: Spin) -> Result<(), Error> {
        self.set(&table::SPIN, spin)
    }

    /// Whether messages are queued only for connections that stand. Default: no, a connect has its
    /// queue from the start.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// socket.set_immediate(true)?;
    /// socket.connect("tcp://127.0.0.1:9")?;
    /// assert!(socket.try_send("nobody is there").is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_IMMEDIATE")]
    pub fn set_immediate(&self, on: bool) -> Result<(), Error> {
        self.set(&table::IMMEDIATE, on)
    }

    /// Whether each connection keeps only its latest message, with all its frames; high-water marks do
    /// not count for messages then. Subscriptions are no messages: none is lost. For PUSH, PULL, PUB, SUB
    /// and DEALER. Default no.
    ///
    /// For binds and connects made from then on. Of two sockets in one process that share a connection,
    /// the setting of the one that connects counts.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for the other types, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (push, pull) = (context.push()?, context.pull()?);
    /// push.set_conflate(true)?;
    /// pull.bind("inproc://latest")?;
    /// push.connect("inproc://latest")?;
    /// push.send("old")?;
    /// push.send("new")?;
    /// assert_eq!(pull.recv()?, "new");
    /// assert!(context.req()?.set_conflate(true).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CONFLATE")]
    pub fn set_conflate(&self, on: bool) -> Result<(), Error> {
        self.set(&table::CONFLATE, on)
    }

    /// The name under which ROUTER peers know this socket: 1 to 255 bytes, told by REQ, DEALER and ROUTER.
    /// Default: they choose.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for another length or a first byte of zero, which is kept for the
    /// names that ROUTERs choose; [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (router, dealer) = (context.router()?, context.dealer()?);
    /// dealer.set_routing_id("alice")?;
    /// router.bind("inproc://named")?;
    /// dealer.connect("inproc://named")?;
    /// dealer.send("hello")?;
    /// assert_eq!(router.recv_multipart()?, ["alice", "hello"].into());
    /// assert!(dealer.set_routing_id("").is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_ROUTING_ID")]
    pub fn set_routing_id(&self, id: impl AsRef<[u8]>) -> Result<(), Error> {
        self.set(&table::ROUTING_ID, id.as_ref().to_vec())
    }

    /// Sends a property of the application, `X-name`, to each peer over tcp or ipc in the handshake. All
    /// of them together have at most 61,440 bytes: names, values, and 5 for each.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a name that does not start with `X-` or is malformed, or if they do not
    /// fit; [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().dealer()?;
    /// socket.set_metadata("X-Version", b"7")?;
    /// assert!(socket.set_metadata("Version", b"7").is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_METADATA")]
    pub fn set_metadata(&self, name: &str, value: &[u8]) -> Result<(), Error> {
        self.set(&table::METADATA, vec![(name.to_owned(), value.to_vec())])
    }

    /// Which I/O threads serve the socket, bit 0 for the first; 0 for any, as are bits that stand for no
    /// thread. Default 0.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::builder().io_threads(2).build()?;
    /// let (urgent, other) = (context.pull()?, context.pull()?);
    /// urgent.set_affinity(0b01)?; // the first I/O thread
    /// other.set_affinity(0b10)?; // the second one
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_AFFINITY")]
    pub fn set_affinity(&self, mask: u64) -> Result<(), Error> {
        self.set(&table::AFFINITY, mask)
    }

    /// Longest frame in bytes that a peer may send, over tcp or ipc; one that sends a longer one is
    /// disconnected. Default `None`: no limit. Subscriptions and the like are frames, too; the handshake has a
    /// limit of its own, 64 KiB a frame.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.set_max_message_size(Some(1 << 20))?; // 1 MiB a frame
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_MAXMSGSIZE")]
    pub fn set_max_message_size(&self, bytes: Option<u64>) -> Result<(), Error> {
        self.set(&table::MAXMSGSIZE, bytes)
    }

    /// How long a peer may take for the handshake, a millisecond at least; `None` is for ever. Default 30
    /// seconds.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for less than 1 millisecond, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.set_handshake_interval(Some(Duration::from_secs(5)))?;
    /// assert!(socket.set_handshake_interval(Some(Duration::ZERO)).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_HANDSHAKE_IVL")]
    pub fn set_handshake_interval(&self, limit: Option<Duration>) -> Result<(), Error> {
        self.set(&table::HANDSHAKE_IVL, limit)
    }

    /// Time between attempts to connect, to which up to as much is added at random; `None` gives up
    /// after the first failure or loss. Default 100 milliseconds.
    ///
    /// When the last connect of a socket has given up and nothing is bound, sends that would wait, and
    /// those that do wait already, get [`Error::GaveUp`].
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for zero, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().req()?;
    /// socket.set_reconnect_interval(Some(Duration::from_secs(1)))?;
    /// socket.set_reconnect_interval(None)?; // one attempt
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_RECONNECT_IVL")]
    pub fn set_reconnect_interval(&self, interval: Option<Duration>) -> Result<(), Error> {
        self.set(&table::RECONNECT_IVL, interval)
    }

    /// Longest time between attempts to connect: each wait is twice the one before until then. Zero,
    /// the default, keeps the interval as it is.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().req()?;
    /// socket.set_reconnect_interval(Some(Duration::from_millis(100)))?;
    /// socket.set_reconnect_interval_max(Duration::from_secs(10))?; // 0.1, 0.2, 0.4 ... 10, 10
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_RECONNECT_IVL_MAX")]
    pub fn set_reconnect_interval_max(&self, longest: Duration) -> Result<(), Error> {
        self.set(&table::RECONNECT_IVL_MAX, longest)
    }

    /// What ends a connect for good, as if there were no [interval](Self::set_reconnect_interval): nobody
    /// listens, the handshake fails, or the application has disconnected it. Default
    /// [`ReconnectStop::NEVER`]: attempts go on, whatever answers. Counts for connects made after it was
    /// set.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Error, ReconnectStop};
    /// let context = Context::new();
    /// let push = context.push()?;
    /// push.set_immediate(true)?; // no queue before there is a peer
    /// push.set_reconnect_stop(ReconnectStop { connection_refused: true, ..ReconnectStop::NEVER })?;
    /// push.connect("tcp://127.0.0.1:1")?; // nobody listens there
    /// assert!(matches!(push.send("hello").unwrap_err().error, Error::GaveUp { .. }));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_RECONNECT_STOP")]
    pub fn set_reconnect_stop(&self, conditions: ReconnectStop) -> Result<(), Error> {
        self.set(&table::RECONNECT_STOP, conditions)
    }

    /// Time between PINGs to a silent or busy peer, a millisecond at least; zero, the default, sends none.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for what is between zero and 1 millisecond, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().dealer()?;
    /// socket.set_heartbeat_interval(Duration::from_secs(1))?;
    /// assert!(socket.set_heartbeat_interval(Duration::from_nanos(1)).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_HEARTBEAT_IVL")]
    pub fn set_heartbeat_interval(&self, interval: Duration) -> Result<(), Error> {
        self.set(&table::HEARTBEAT_IVL, interval)
    }

    /// How long a peer may be silent after a PING, a millisecond at least; `None`, the default, is as long
    /// as the interval, and zero is for ever.
    ///
    /// The time begins when the system has taken the PING. A peer that is busy with messages, so that it
    /// cannot get to a PING behind them, is not cut off: on Linux, over tcp, its system answers for it, and
    /// if that does not do so for this time, or half a second if that is longer, the peer is gone. On other
    /// systems it is left to tcp's own limits. A peer over ipc exists until its end is closed.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for what is between zero and 1 millisecond, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().dealer()?;
    /// socket.set_heartbeat_interval(Duration::from_secs(1))?;
    /// socket.set_heartbeat_timeout(Some(Duration::from_secs(3)))?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_HEARTBEAT_TIMEOUT")]
    pub fn set_heartbeat_timeout(&self, timeout: Option<Duration>) -> Result<(), Error> {
        self.set(&table::HEARTBEAT_TIMEOUT, timeout)
    }

    /// How long peers should wait for the next sign of life after a PING, 0.1 to 6553.5 seconds; zero, the
    /// default, does not ask for that. In tenths of a second, rounded down.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for another time, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().dealer()?;
    /// socket.set_heartbeat_interval(Duration::from_secs(1))?;
    /// socket.set_heartbeat_ttl(Duration::from_secs(5))?; // peers give up after 5 seconds without one
    /// assert!(socket.set_heartbeat_ttl(Duration::from_secs(7000)).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_HEARTBEAT_TTL")]
    pub fn set_heartbeat_ttl(&self, ttl: Duration) -> Result<(), Error> {
        self.set(&table::HEARTBEAT_TTL, ttl)
    }

    /// How many distinct subscriptions the socket has (SUB, XSUB) or its subscribers have (PUB, XPUB). None
    /// from inside [`recv_with`](Self::recv_with).
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().subscriber()?;
    /// socket.subscribe("weather")?;
    /// socket.subscribe("weather")?;
    /// socket.subscribe("news")?;
    /// assert_eq!(socket.topics(), 2);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_TOPICS_COUNT")]
    pub fn topics(&self) -> usize {
        let Ok(mut core) = self.inner.lock() else { return 0 };
        // What is known of a terminated socket is as good as anything.
        let _ = core.enter();
        core.topics()
    }

    pub(crate) fn setting(&self, name: &'static str, setting: Setting<'_>) -> Result<(), Error> {
        let mut core = self.inner.lock()?;
        core.enter()?;
        core.set(name, setting)
    }
}
