//! The options of descriptors: of tcp, and some of ipc.
//!
//! They count for binds and connects made after they were set.

use crate::error::Error;
use crate::kind::Kind;
use crate::options::{Secret, invalid, table};
use crate::socket::Socket;
use ringmq_transports::endpoint::TcpAddress;
use ringmq_transports::options::Keepalive;
use std::time::Duration;

impl<K: Kind> Socket<K> {
    /// Whether IPv6 addresses may be used. Default no.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// assert!(socket.bind("tcp://[::1]:*").is_err());
    /// socket.set_ipv6(true)?;
    /// socket.bind("tcp://*:*")?; // both families
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_IPV6")]
    pub fn set_ipv6(&self, on: bool) -> Result<(), Error> {
        self.set(&table::IPV6, on)
    }

    /// Connections that may wait to be accepted. Default: 4096, or what the system allows, which cuts
    /// down what is more.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.set_backlog(100)?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_BACKLOG")]
    pub fn set_backlog(&self, connections: u32) -> Result<(), Error> {
        self.set(&table::BACKLOG, connections)
    }

    /// The kernel's send buffer, 1 to 2,147,483,647 bytes, of which the system may grant less; `None`, the
    /// default, leaves it to the kernel for tcp and asks for 1 MiB for ipc.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for zero or more, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// socket.set_send_buffer(Some(64 * 1024))?;
    /// assert!(socket.set_send_buffer(Some(0)).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SNDBUF")]
    pub fn set_send_buffer(&self, bytes: Option<usize>) -> Result<(), Error> {
        self.set(&table::SNDBUF, bytes)
    }

    /// The kernel's receive buffer in bytes; see [`set_send_buffer`](Self::set_send_buffer).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.set_recv_buffer(Some(64 * 1024))?;
    /// socket.set_recv_buffer(None)?; // as the kernel likes
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_RCVBUF")]
    pub fn set_recv_buffer(&self, bytes: Option<usize>) -> Result<(), Error> {
        self.set(&table::RCVBUF, bytes)
    }

    /// The type of service of tcp packets (`IP_TOS`), 0 to 255. Default 0: the system's.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] above 255, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// socket.set_tos(0x10)?; // low delay
    /// assert!(socket.set_tos(256).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_TOS")]
    pub fn set_tos(&self, tos: u32) -> Result<(), Error> {
        self.set(&table::TOS, tos)
    }

    /// The queueing priority of what tcp connections send (`SO_PRIORITY`): 0 to 6, and up to 2,147,483,647
    /// for processes with `CAP_NET_ADMIN`. Default 0: the system's. Linux only.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for more, without the right to it, or on another system;
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// assert_eq!(socket.set_priority(6).is_ok(), cfg!(target_os = "linux"));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PRIORITY")]
    pub fn set_priority(&self, priority: u32) -> Result<(), Error> {
        self.set(&table::PRIORITY, priority)
    }

    /// The network interface, or VRF, that all tcp traffic is bound to, by a name of 1 to 15 bytes
    /// (`SO_BINDTODEVICE`); `None`, the default, leaves it to the routes. Linux only.
    ///
    /// An interface need not be there yet: a connect goes on trying until it is, a bind fails.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for what is no name, without the right to it (`CAP_NET_RAW` before
    /// Linux 5.7), or on another system; [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().pull()?;
    /// if socket.set_bind_to_device(Some("lo")).is_ok() {
    ///     socket.bind("tcp://*:*")?; // nobody else's business
    /// }
    /// assert!(socket.set_bind_to_device(Some("a name that is too long")).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_BINDTODEVICE")]
    pub fn set_bind_to_device(&self, device: Option<&str>) -> Result<(), Error> {
        self.set(&table::BINDTODEVICE, device.map(str::to_owned))
    }

    /// The SOCKS 5 proxy, `host:port`, through which tcp connections are made; `None`, the default, is none. The
    /// host names of endpoints are then the proxy's to look up.
    ///
    /// What can be seen of the connection from here is the proxy's: the address of the peer, in events and in
    /// `Peer-Address`.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for what is no address, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// socket.set_socks_proxy(Some("127.0.0.1:1080"))?;
    /// socket.connect("tcp://hidden.example.org:5555")?;
    /// assert!(socket.set_socks_proxy(Some("127.0.0.1")).is_err()); // without a port
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SOCKS_PROXY")]
    pub fn set_socks_proxy(&self, proxy: Option<&str>) -> Result<(), Error> {
        if let Some(Err(error)) = proxy.map(TcpAddress::read_proxy) {
            return Err(invalid("socks_proxy", error.to_string()));
        }
        self.set(&table::SOCKS_PROXY, proxy.map(str::to_owned))
    }

    /// The name that the [proxy](Self::set_socks_proxy) is told, at most 255 bytes. Empty, the default, is no
    /// login at all.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a longer one, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// socket.set_socks_proxy(Some("127.0.0.1:1080"))?;
    /// socket.set_socks_username("alice")?;
    /// socket.set_socks_password("rabbit")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SOCKS_USERNAME")]
    pub fn set_socks_username(&self, name: impl Into<String>) -> Result<(), Error> {
        self.set(&table::SOCKS_USERNAME, name.into())
    }

    /// The password that goes with the [name](Self::set_socks_username), at most 255 bytes. It goes to the proxy
    /// as it is: whoever listens on the way can read it.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a longer one, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// socket.set_socks_password("rabbit")?;
    /// assert_eq!(socket.socks_password()?.as_bytes(), b"rabbit");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SOCKS_PASSWORD")]
    pub fn set_socks_password(&self, password: impl AsRef<[u8]>) -> Result<(), Error> {
        self.set(&table::SOCKS_PASSWORD, Secret::new(password))
    }

    /// How long what a tcp connection has sent may stay without an acknowledgement before it counts as
    /// lost (`TCP_USER_TIMEOUT`): 1 to 2,147,483,647 milliseconds, in whole ones; `None`, the default,
    /// leaves it to the system. Linux only.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for another time or on another system, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().push()?;
    /// let set = socket.set_max_rt(Some(Duration::from_secs(5)));
    /// assert_eq!(set.is_ok(), cfg!(target_os = "linux"));
    /// assert!(socket.set_max_rt(Some(Duration::ZERO)).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_TCP_MAXRT")]
    pub fn set_max_rt(&self, limit: Option<Duration>) -> Result<(), Error> {
        self.set(&table::TCP_MAXRT, limit)
    }

    /// For how long the kernel may poll the network device when a tcp connection of this socket is read
    /// and has nothing (`SO_BUSY_POLL`), instead of
    /// [what the context has](crate::ContextBuilder::busy_poll); in whole microseconds, at most 1 second.
    /// Zero leaves it to the system. A wish: a refusal is traced.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for less than a microsecond or more than a second,
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().pull()?;
    /// socket.set_busy_poll(Duration::from_micros(50))?;
    /// assert!(socket.set_busy_poll(Duration::from_secs(2)).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_BUSY_POLL")]
    pub fn set_busy_poll(&self, time: Duration) -> Result<(), Error> {
        self.set(&table::BUSY_POLL, time)
    }

    /// TCP's own probes of idle connections: after 1 to 32,767 seconds, every 1 to 32,767 seconds, 1 to
    /// 127 of them. Default: the system's.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for other numbers, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::Keepalive;
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().push()?;
    /// let idle = Some(Duration::from_secs(30));
    /// socket.set_tcp_keepalive(Keepalive { enabled: Some(true), idle, ..Keepalive::default() })?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_TCP_KEEPALIVE")]
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_CNT")]
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_IDLE")]
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_INTVL")]
    pub fn set_tcp_keepalive(&self, keepalive: Keepalive) -> Result<(), Error> {
        let Keepalive { enabled, idle, interval, count } = keepalive;
        table::TCP_KEEPALIVE_IDLE.check(&idle)?;
        table::TCP_KEEPALIVE_INTVL.check(&interval)?;
        table::TCP_KEEPALIVE_CNT.check(&count)?;
        let mut core = self.inner.lock()?;
        core.enter()?;
        table::TCP_KEEPALIVE.put(&mut core, enabled)?;
        table::TCP_KEEPALIVE_IDLE.put(&mut core, idle)?;
        table::TCP_KEEPALIVE_INTVL.put(&mut core, interval)?;
        table::TCP_KEEPALIVE_CNT.put(&mut core, count)
    }

    /// How long one attempt to connect may take, a millisecond at least; `None`, the default, is as long as
    /// the system tries.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for less than 1 millisecond, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let socket = ringmq::Context::new().req()?;
    /// socket.set_connect_timeout(Some(Duration::from_secs(2)))?;
    /// assert!(socket.set_connect_timeout(Some(Duration::ZERO)).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CONNECT_TIMEOUT")]
    pub fn set_connect_timeout(&self, limit: Option<Duration>) -> Result<(), Error> {
        self.set(&table::CONNECT_TIMEOUT, limit)
    }
}
