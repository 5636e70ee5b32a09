//! The options of a socket that say what its peers may hold at the most.

use crate::error::Error;
use crate::kind::{Kind, Publishes};
use crate::options::table;
use crate::socket::Socket;
use ringmq_transports::options::IpcPeerRule;

impl<K: Kind> Socket<K> {
    /// Accepts tcp connections from this address or network only, and from those that were given before:
    /// `192.0.2.7`, `2001:db8::/32`. `None` accepts all again, as it is by default. Others are closed as soon as
    /// they come, which is an [event](crate::MonitorEvent::AcceptFailed).
    ///
    /// [`AddressRules`](crate::auth::AddressRules) can deny as well, and tell the peer so.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for what is neither, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.set_tcp_accept_filter(Some("127.0.0.0/8"))?;
    /// socket.set_tcp_accept_filter(Some("::1"))?;
    /// socket.bind("tcp://*:*")?;
    /// assert!(socket.set_tcp_accept_filter(Some("localhost")).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_TCP_ACCEPT_FILTER")]
    pub fn set_tcp_accept_filter(&self, network: Option<&str>) -> Result<(), Error> {
        self.set(&table::TCP_ACCEPT_FILTER, network.map(str::to_owned))
    }

    /// Accepts ipc connections of this process, user or group only, and of those that were given before. `None`
    /// accepts all again, as it is by default. Others are closed as soon as they come, which is an
    /// [event](crate::MonitorEvent::AcceptFailed); so are all of them on a system that does not tell who they
    /// are of. Who is a member of a [group](crate::IpcPeerRule::Group) is asked of the system's user database each
    /// time, by an I/O thread: not a thing for one that is far away.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// # #[cfg(unix)] {
    /// use ringmq::IpcPeerRule;
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.set_ipc_accept_filter(Some(IpcPeerRule::User(1000)))?;
    /// socket.set_ipc_accept_filter(Some(IpcPeerRule::Group(100)))?;
    /// socket.bind("ipc://*")?;
    /// # }
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_IPC_FILTER_PID")]
    #[doc(alias = "ZMQ_IPC_FILTER_UID")]
    #[doc(alias = "ZMQ_IPC_FILTER_GID")]
    pub fn set_ipc_accept_filter(&self, rule: Option<IpcPeerRule>) -> Result<(), Error> {
        match rule {
            Some(IpcPeerRule::Process(pid)) => self.set(&table::IPC_FILTER_PID, Some(pid)),
            Some(IpcPeerRule::User(uid)) => self.set(&table::IPC_FILTER_UID, Some(uid)),
            Some(IpcPeerRule::Group(gid)) => self.set(&table::IPC_FILTER_GID, Some(gid)),
            None => [&table::IPC_FILTER_PID, &table::IPC_FILTER_UID, &table::IPC_FILTER_GID]
                .into_iter()
                .try_for_each(|filter| self.set(filter, None)),
        }
    }

    /// How many connections each bind may have at once; `None` is no limit. One more is turned away, which is
    /// an event of the [monitor](Self::monitor) and counted in [`totals`](Self::totals). Default 100,000.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_max_connections(Some(1000))?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_max_connections(&self, connections: Option<u32>) -> Result<(), Error> {
        self.set(&table::MAX_CONNECTIONS, connections)
    }

    /// The limit that was set.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Context::new().router()?.max_connections()?, Some(100_000));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_connections(&self) -> Result<Option<u32>, Error> {
        self.get(&table::MAX_CONNECTIONS)
    }

    /// How many connections each bind may have at once from one address; over ipc, from one process, where the
    /// system tells which it is. `None` is no limit. One more is turned away. Default 50,000.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_max_connections_per_address(Some(10))?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_max_connections_per_address(&self, connections: Option<u32>) -> Result<(), Error> {
        self.set(&table::MAX_CONNECTIONS_PER_ADDRESS, connections)
    }

    /// The limit that was set.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// assert_eq!(socket.max_connections_per_address()?, Some(50_000));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_connections_per_address(&self) -> Result<Option<u32>, Error> {
        self.get(&table::MAX_CONNECTIONS_PER_ADDRESS)
    }

    /// How many connections of each bind may be at their handshakes at once; `None` is no limit. Default 8,192.
    ///
    /// When one more comes, another one has to go: of the address that has the most handshakes under way (of IPv6
    /// the network of 64 bits), and there of those whose greeting is all there or of the others, whichever are more,
    /// one drawn by lot. So whoever opens connections without end keeps nobody of another address out, and from its own those who
    /// come again get in.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_max_handshakes(Some(100))?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_max_handshakes(&self, connections: Option<u32>) -> Result<(), Error> {
        self.set(&table::MAX_HANDSHAKES, connections)
    }

    /// The limit that was set.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Context::new().router()?.max_handshakes()?, Some(8192));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_handshakes(&self) -> Result<Option<u32>, Error> {
        self.get(&table::MAX_HANDSHAKES)
    }

    /// How many frames a message of a peer may have; `None` is no limit. A peer that sends more loses its
    /// connection, for a message that never ends is kept until it does. Default 1,000,000.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_max_parts(Some(10))?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_max_parts(&self, frames: Option<u32>) -> Result<(), Error> {
        self.set(&table::MAX_PARTS, frames)
    }

    /// The limit that was set.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Context::new().router()?.max_parts()?, Some(1_000_000));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_parts(&self) -> Result<Option<u32>, Error> {
        self.get(&table::MAX_PARTS)
    }

    /// How many bytes a message of a peer may have, over tcp or ipc: the bodies of all its frames together, where
    /// [`max_message_size`](Self::set_max_message_size) is of one frame. `None` is no limit, and the default. A
    /// peer that sends more, or begins a frame that will be more, loses its connection.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_max_message_bytes(Some(16 << 20))?; // 16 MiB
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_max_message_bytes(&self, bytes: Option<u64>) -> Result<(), Error> {
        self.set(&table::MAX_MESSAGE_BYTES, bytes)
    }

    /// The limit that was set.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Context::new().router()?.max_message_bytes()?, None);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_message_bytes(&self) -> Result<Option<u64>, Error> {
        self.get(&table::MAX_MESSAGE_BYTES)
    }

    /// How many bytes of one peer may wait to be received; `None` is no limit. At the limit nothing more is read
    /// from that peer until some is taken, as at the [high-water mark](Self::set_recv_hwm), which counts messages: the
    /// peer has to wait, and nothing is lost. A message that is longer than the limit arrives all the same, as nothing
    /// else waits then. What peers in the same process send is not counted. Default 1 GiB.
    ///
    /// What all peers may have wait together is an option of the
    /// [context](crate::ContextBuilder::max_waiting_bytes).
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_max_waiting_bytes(Some(10_000_000))?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_max_waiting_bytes(&self, bytes: Option<u64>) -> Result<(), Error> {
        self.set(&table::MAX_WAITING_BYTES, bytes)
    }

    /// The limit that was set.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Context::new().router()?.max_waiting_bytes()?, Some(1 << 30));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_waiting_bytes(&self) -> Result<Option<u64>, Error> {
        self.get(&table::MAX_WAITING_BYTES)
    }
}

impl<K: Publishes> Socket<K> {
    /// How many topics a peer may have subscribed to at once; `None` is no limit. One more, and it loses its
    /// connection and all its subscriptions, which is an event of the [monitor](Self::monitor) and counted in
    /// [`totals`](Self::totals). Default 1,000,000.
    ///
    /// A topic counts once, however often the peer subscribes to it, and until it unsubscribes. Counts at once;
    /// who has more already may keep them. In [manual mode](Self::set_manual) what a peer asks for counts, and
    /// not what it gets. Peers of the same process are not limited.
    ///
    /// A peer that is refused comes again after its reconnect interval, with all its subscriptions: it gets in
    /// when those are few enough. To its publisher, a [proxy](crate::proxy) is one peer that has subscribed to
    /// what all subscribers of its own want: there, take care to allow for all of them.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().publisher()?;
    /// socket.set_max_subscriptions(Some(1000))?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_max_subscriptions(&self, topics: Option<u32>) -> Result<(), Error> {
        self.set(&table::MAX_SUBSCRIPTIONS, topics)
    }

    /// The limit that was set.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().publisher()?;
    /// assert_eq!(socket.max_subscriptions()?, Some(1_000_000));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_subscriptions(&self) -> Result<Option<u32>, Error> {
        self.get(&table::MAX_SUBSCRIPTIONS)
    }

    /// How many bytes the topics may have together that a peer has subscribed to; `None` is no limit. More, and
    /// it loses its connection, as with [more topics](Self::set_max_subscriptions). Default 64 MiB.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().publisher()?;
    /// socket.set_max_subscription_bytes(Some(64 << 10))?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_max_subscription_bytes(&self, bytes: Option<u64>) -> Result<(), Error> {
        self.set(&table::MAX_SUBSCRIPTION_BYTES, bytes)
    }

    /// The limit that was set.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().publisher()?;
    /// assert_eq!(socket.max_subscription_bytes()?, Some(64 << 20));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_subscription_bytes(&self) -> Result<Option<u64>, Error> {
        self.get(&table::MAX_SUBSCRIPTION_BYTES)
    }
}
