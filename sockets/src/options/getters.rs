//! The options of a socket, as they are read: a method for each that can be set.

use crate::error::Error;
use crate::inner::connection_words::RouterNotify;
use crate::kind::{
    ExchangesBytes, Filters, Greets, HearsSubscriptions, Kind, MissesPeers, NamesPeers, Probes,
    Publishes, Reconnects, Requests, Routes,
};
use crate::options::{Secret, table};
use crate::socket::Socket;
use crate::wait::Spin;
use ringmq_transports::options::{Keepalive, ReconnectStop};
use std::time::Duration;

/// Makes the methods of a kind of socket. An example sets the second value where the first one was.
macro_rules! getters {
    ($($(#[$doc:meta])* $kind:ident $context:literal
        $name:ident: $type:ty = $row:ident, $first:literal, $second:literal;)*) => {$(
        impl<K: $kind> Socket<K> {
            $(#[$doc])*
            ///
            #[doc = concat!("Set with [`set_", stringify!($name), "`](Self::set_", stringify!($name), ").")]
            ///
            /// # Errors
            /// [`Error::NoSuchOption`] if a socket of this type has none such,
            /// [`Error::Terminated`].
            ///
            /// # Examples
            /// ```
            /// # #[allow(unused_imports)]
            /// # use {ringmq::{ReconnectStop, RouterNotify, Spin}, std::time::Duration};
            #[doc = concat!("let socket = ringmq::Context::new().", $context, "()?;")]
            #[doc = concat!("assert_eq!(socket.", stringify!($name), "()?, ", $first, ");")]
            #[doc = concat!("socket.set_", stringify!($name), "(", $second, ")?;")]
            #[doc = concat!("assert_eq!(socket.", stringify!($name), "()?, ", $second, ");")]
            /// # Ok::<(), ringmq::Error>(())
            /// ```
            pub fn $name(&self) -> Result<$type, Error> {
                self.get(&table::$row)
            }
        }
    )*};
}

getters! {
    /// How many messages may wait here for one peer; 0 is no limit.
    #[doc(alias = "ZMQ_SNDHWM")]
    Kind "push" send_hwm: u32 = SNDHWM, "1000", "10";
    /// How many messages of one peer may wait here to be received; 0 is no limit.
    #[doc(alias = "ZMQ_RCVHWM")]
    Kind "pull" recv_hwm: u32 = RCVHWM, "1000", "10";
    /// How long messages are kept after the socket is closed or disconnected; `None` is for ever.
    #[doc(alias = "ZMQ_LINGER")]
    Kind "push" linger: Option<Duration> = LINGER, "None", "Some(Duration::from_secs(1))";
    /// How long a blocking send waits for room; `None` is for ever.
    #[doc(alias = "ZMQ_SNDTIMEO")]
    Kind "push" send_timeout: Option<Duration> = SNDTIMEO, "None", "Some(Duration::ZERO)";
    /// How long a blocking receive waits for a message; `None` is for ever.
    #[doc(alias = "ZMQ_RCVTIMEO")]
    Kind "pull" recv_timeout: Option<Duration> = RCVTIMEO, "None", "Some(Duration::ZERO)";
    /// How long a thread that waits for a message looks for it before it blocks.
    Kind "rep" spin: Spin = SPIN, "Spin::Adaptive", "Spin::Off";
    /// Whether messages are queued only for connections that are established.
    #[doc(alias = "ZMQ_IMMEDIATE")]
    Kind "push" immediate: bool = IMMEDIATE, "false", "true";
    /// Whether each connection keeps only its latest message.
    #[doc(alias = "ZMQ_CONFLATE")]
    Kind "push" conflate: bool = CONFLATE, "false", "true";
    /// The name under which ROUTER peers know this socket; empty if they choose.
    #[doc(alias = "ZMQ_ROUTING_ID")]
    Kind "dealer" routing_id: Vec<u8> = ROUTING_ID, "b\"\"", "b\"alice\"";
    /// Which I/O threads serve the socket, bit 0 for the first; 0 for any.
    #[doc(alias = "ZMQ_AFFINITY")]
    Kind "pull" affinity: u64 = AFFINITY, "0", "0b10";
    /// Longest frame in bytes that a peer may send; `None` is no limit.
    #[doc(alias = "ZMQ_MAXMSGSIZE")]
    Kind "pull" max_message_size: Option<u64> = MAXMSGSIZE, "None", "Some(1 << 20)";
    /// How long a peer may take for the handshake; `None` is for ever.
    #[doc(alias = "ZMQ_HANDSHAKE_IVL")]
    Kind "pull" handshake_interval: Option<Duration> = HANDSHAKE_IVL,
        "Some(Duration::from_secs(30))", "None";
    /// Time between attempts to connect; `None` gives up after the first failure or loss.
    #[doc(alias = "ZMQ_RECONNECT_IVL")]
    Kind "req" reconnect_interval: Option<Duration> = RECONNECT_IVL,
        "Some(Duration::from_millis(100))", "None";
    /// Longest time between attempts to connect; zero keeps the interval as it is.
    #[doc(alias = "ZMQ_RECONNECT_IVL_MAX")]
    Kind "req" reconnect_interval_max: Duration = RECONNECT_IVL_MAX,
        "Duration::ZERO", "Duration::from_secs(10)";
    /// What ends a connect for good.
    #[doc(alias = "ZMQ_RECONNECT_STOP")]
    Kind "push" reconnect_stop: ReconnectStop = RECONNECT_STOP, "ReconnectStop::NEVER",
        "ReconnectStop { handshake_failed: true, ..ReconnectStop::NEVER }";
    /// Time between PINGs to a silent or busy peer; zero sends none.
    #[doc(alias = "ZMQ_HEARTBEAT_IVL")]
    Kind "dealer" heartbeat_interval: Duration = HEARTBEAT_IVL,
        "Duration::ZERO", "Duration::from_secs(1)";
    /// How long a peer may be silent after a PING; zero is for ever, `None` the interval.
    #[doc(alias = "ZMQ_HEARTBEAT_TIMEOUT")]
    Kind "dealer" heartbeat_timeout: Option<Duration> = HEARTBEAT_TIMEOUT,
        "None", "Some(Duration::from_secs(1))";
    /// How long peers should wait for the next sign of life after a PING; zero does not ask for that.
    #[doc(alias = "ZMQ_HEARTBEAT_TTL")]
    Kind "dealer" heartbeat_ttl: Duration = HEARTBEAT_TTL,
        "Duration::ZERO", "Duration::from_secs(5)";
    /// How many networks a message to a group crosses.
    #[doc(alias = "ZMQ_MULTICAST_HOPS")]
    Kind "radio" multicast_hops: u32 = MULTICAST_HOPS, "1", "4";
    /// Whether members of a group on this machine get what is sent to it.
    #[doc(alias = "ZMQ_MULTICAST_LOOP")]
    Kind "radio" multicast_loop: bool = MULTICAST_LOOP, "true", "false";
    /// The longest packet of PGM in bytes, headers counted.
    #[doc(alias = "ZMQ_MULTICAST_MAXTPDU")]
    Kind "publisher" multicast_max_tpdu: u32 = MULTICAST_MAXTPDU, "1500", "9000";
    /// How fast a PUB sends over PGM at the most, in kilobits a second.
    #[doc(alias = "ZMQ_RATE")]
    Kind "publisher" rate: u32 = RATE, "100_000", "4_000_000";
    /// For how long a PUB keeps what it has sent over PGM.
    #[doc(alias = "ZMQ_RECOVERY_IVL")]
    Kind "publisher" recovery_interval: Duration = RECOVERY_IVL,
        "Duration::from_secs(10)", "Duration::from_secs(2)";
    /// Whether IPv6 addresses may be used.
    #[doc(alias = "ZMQ_IPV6")]
    Kind "pull" ipv6: bool = IPV6, "false", "true";
    /// Connections that may wait to be accepted.
    #[doc(alias = "ZMQ_BACKLOG")]
    Kind "pull" backlog: u32 = BACKLOG, "4096", "100";
    /// The kernel's send buffer in bytes; `None` leaves it to the kernel for tcp and asks for 1 MiB for
    /// ipc.
    #[doc(alias = "ZMQ_SNDBUF")]
    Kind "push" send_buffer: Option<usize> = SNDBUF, "None", "Some(65536)";
    /// The kernel's receive buffer in bytes; `None` as for the send buffer.
    #[doc(alias = "ZMQ_RCVBUF")]
    Kind "pull" recv_buffer: Option<usize> = RCVBUF, "None", "Some(65536)";
    /// The type of service of tcp packets; 0 is the system's.
    #[doc(alias = "ZMQ_TOS")]
    Kind "push" tos: u32 = TOS, "0", "0x10";
    /// How long one attempt to connect may take; `None` is as long as the system tries.
    #[doc(alias = "ZMQ_CONNECT_TIMEOUT")]
    Kind "req" connect_timeout: Option<Duration> = CONNECT_TIMEOUT,
        "None", "Some(Duration::from_secs(2))";
    /// For how long the kernel may poll the network device on a read; zero is the system's choice.
    #[doc(alias = "ZMQ_BUSY_POLL")]
    Kind "pull" busy_poll: Duration = BUSY_POLL, "Duration::ZERO", "Duration::from_micros(50)";
    /// Whether subscribers get what does *not* start with any of their prefixes.
    #[doc(alias = "ZMQ_INVERT_MATCHING")]
    Filters "publisher" invert_matching: bool = INVERT_MATCHING, "false", "true";
    /// Whether sending to a routing id that no peer has is an error.
    #[doc(alias = "ZMQ_ROUTER_MANDATORY")]
    Routes "router" mandatory: bool = ROUTER_MANDATORY, "false", "true";
    /// Whether a new peer with a routing id that is taken takes it over.
    #[doc(alias = "ZMQ_ROUTER_HANDOVER")]
    Routes "router" handover: bool = ROUTER_HANDOVER, "false", "true";
    /// Whether the beginning and the end of each connection are received, as messages without bytes.
    #[doc(alias = "ZMQ_STREAM_NOTIFY")]
    ExchangesBytes "stream" stream_notify: bool = STREAM_NOTIFY, "true", "false";
    /// The routing id for the peer of the next connect; empty if none is set, or a connect has it.
    #[doc(alias = "ZMQ_CONNECT_ROUTING_ID")]
    NamesPeers "router" connect_routing_id: Vec<u8> = CONNECT_ROUTING_ID, "b\"\"", "b\"worker\"";
    /// Whether requests carry a number that replies must carry too.
    #[doc(alias = "ZMQ_REQ_CORRELATE")]
    Requests "req" correlate: bool = REQ_CORRELATE, "false", "true";
    /// Whether a new request may be sent before the last one was answered.
    #[doc(alias = "ZMQ_REQ_RELAXED")]
    Requests "req" relaxed: bool = REQ_RELAXED, "false", "true";
    /// Whether each new peer is sent an empty message.
    #[doc(alias = "ZMQ_PROBE_ROUTER")]
    Probes "dealer" probe_router: bool = PROBE_ROUTER, "false", "true";
    /// Whether sending waits for a subscriber that is full.
    #[doc(alias = "ZMQ_XPUB_NODROP")]
    Publishes "publisher" no_drop: bool = XPUB_NODROP, "false", "true";
    /// Whether also subscriptions to topics that others have are received.
    #[doc(alias = "ZMQ_XPUB_VERBOSE")]
    HearsSubscriptions "xpub" verbose: bool = XPUB_VERBOSE, "false", "true";
    /// Whether all subscriptions and all cancellations are received.
    #[doc(alias = "ZMQ_XPUB_VERBOSER")]
    HearsSubscriptions "xpub" verboser: bool = XPUB_VERBOSER, "false", "true";
    /// Whether subscriptions take effect only when the application makes them.
    #[doc(alias = "ZMQ_XPUB_MANUAL")]
    HearsSubscriptions "xpub" manual: bool = XPUB_MANUAL, "false", "true";
    /// Whether that is so and the first message after a subscription goes to that peer alone.
    #[doc(alias = "ZMQ_XPUB_MANUAL_LAST_VALUE")]
    HearsSubscriptions "xpub" manual_last_value: bool = XPUB_MANUAL_LAST_VALUE, "false", "true";
    /// The message that every peer is sent first; empty for none.
    #[doc(alias = "ZMQ_HELLO_MSG")]
    Greets "dealer" hello_message: Vec<u8> = HELLO_MSG, "b\"\"", "b\"ready\"";
    /// The message that is received when a peer is gone; empty for none.
    #[doc(alias = "ZMQ_DISCONNECT_MSG")]
    MissesPeers "router" disconnect_message: Vec<u8> = DISCONNECT_MSG, "b\"\"", "b\"gone\"";
    /// The message that is received when a connection that this socket has made is lost; empty for none.
    #[doc(alias = "ZMQ_HICCUP_MSG")]
    Reconnects "dealer" hiccup_message: Vec<u8> = HICCUP_MSG, "b\"\"", "b\"lost\"";
    /// Whether an empty message is received where a connection begins and where it ends.
    #[doc(alias = "ZMQ_ROUTER_NOTIFY")]
    Routes "router" router_notify: RouterNotify = ROUTER_NOTIFY, "RouterNotify::NEVER",
        "RouterNotify { connect: true, disconnect: true }";
    /// The message that each new subscriber is sent first; empty for none.
    #[doc(alias = "ZMQ_XPUB_WELCOME_MSG")]
    HearsSubscriptions "xpub" welcome_message: Vec<u8> = XPUB_WELCOME_MSG, "b\"\"", "b\"hello\"";
}

impl<K: Kind> Socket<K> {
    /// The properties that the application has [set](Self::set_metadata), by name.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().dealer()?;
    /// socket.set_metadata("X-Version", b"7")?;
    /// assert_eq!(socket.metadata()?, [("X-Version".to_owned(), b"7".to_vec())]);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_METADATA")]
    pub fn metadata(&self) -> Result<Vec<(String, Vec<u8>)>, Error> {
        self.get(&table::METADATA)
    }

    /// The queueing priority of what tcp connections send; 0 is the system's. Set with
    /// [`set_priority`](Self::set_priority).
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// let set = socket.set_priority(6).is_ok(); // on Linux
    /// assert_eq!(socket.priority()?, if set { 6 } else { 0 });
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PRIORITY")]
    pub fn priority(&self) -> Result<u32, Error> {
        self.get(&table::PRIORITY)
    }

    /// The network interface that all tcp traffic is bound to; `None` leaves it to the routes. Set
    /// with [`set_bind_to_device`](Self::set_bind_to_device).
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// let set = socket.set_bind_to_device(Some("lo")).is_ok(); // on Linux
    /// assert_eq!(socket.bind_to_device()?.as_deref(), set.then_some("lo"));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_BINDTODEVICE")]
    pub fn bind_to_device(&self) -> Result<Option<String>, Error> {
        self.get(&table::BINDTODEVICE)
    }

    /// The SOCKS 5 proxy through which tcp connections are made; `None` for none. Set with
    /// [`set_socks_proxy`](Self::set_socks_proxy).
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// assert_eq!(socket.socks_proxy()?, None);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SOCKS_PROXY")]
    pub fn socks_proxy(&self) -> Result<Option<String>, Error> {
        self.get(&table::SOCKS_PROXY)
    }

    /// The name that the proxy is told; empty for no login. Set with
    /// [`set_socks_username`](Self::set_socks_username).
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// assert_eq!(socket.socks_username()?, "");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SOCKS_USERNAME")]
    pub fn socks_username(&self) -> Result<String, Error> {
        self.get(&table::SOCKS_USERNAME)
    }

    /// The password that the proxy is told. Set with [`set_socks_password`](Self::set_socks_password).
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// assert_eq!(socket.socks_password()?.as_bytes(), b"");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SOCKS_PASSWORD")]
    pub fn socks_password(&self) -> Result<Secret, Error> {
        self.get(&table::SOCKS_PASSWORD)
    }

    /// How long what a tcp connection has sent may stay without an acknowledgement; `None` leaves
    /// it to the system. Set with [`set_max_rt`](Self::set_max_rt).
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().push()?;
    /// let limit = Some(Duration::from_secs(5));
    /// let set = socket.set_max_rt(limit).is_ok(); // on Linux
    /// assert_eq!(socket.max_rt()?, limit.filter(|_| set));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_TCP_MAXRT")]
    pub fn max_rt(&self) -> Result<Option<Duration>, Error> {
        self.get(&table::TCP_MAXRT)
    }

    /// TCP's own probes of idle connections; what is `None` is the system's. Set with
    /// [`set_tcp_keepalive`](Self::set_tcp_keepalive).
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::Keepalive;
    /// let socket = ringmq::Context::new().push()?;
    /// let keepalive = Keepalive { enabled: Some(true), ..Keepalive::default() };
    /// socket.set_tcp_keepalive(keepalive.clone())?;
    /// assert_eq!(socket.tcp_keepalive()?, keepalive);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_TCP_KEEPALIVE")]
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_CNT")]
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_IDLE")]
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_INTVL")]
    pub fn tcp_keepalive(&self) -> Result<Keepalive, Error> {
        let mut core = self.inner.lock()?;
        core.enter()?;
        Ok(core.options.tcp.keepalive.clone())
    }
}
