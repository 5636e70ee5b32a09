//! The options of a socket, as its user sets them.
//!
//! Unless it says otherwise, an option counts for binds and connects made after it was set.

use crate::core::Core;
use crate::error::Error;
use crate::kind::Kind;
use crate::options::{Options, invalid};
use crate::pattern::Setting;
use crate::socket::Socket;
use crate::wait::Spin;
use ringmq_transports::options::Keepalive;
use ringmq_zmtp::SocketType;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Longest time-to-live of a heartbeat: 65,535 tenths of a second.
const TTL_MAX: Duration = Duration::from_millis(6_553_599);

/// Longest time to poll a device: a thread that does so for longer is lost to the machine.
const BUSY_POLL_MAX: Duration = Duration::from_secs(1);

impl<K: Kind> Socket<K> {
    fn change<T>(&self, change: impl FnOnce(&mut Core) -> Result<T, Error>) -> Result<T, Error> {
        let mut core = self.inner.lock();
        core.enter()?;
        // Whatever it is that changes: the next bind or connect looks at the options anew.
        core.options.shared = None;
        change(&mut core)
    }

    fn option(&self, change: impl FnOnce(&mut Options)) -> Result<(), Error> {
        self.change(|core| {
            change(&mut core.options);
            Ok(())
        })
    }

    /// How many messages may wait here for one peer; 0 is no limit. Default 1000. Counts at once, also
    /// for the connections there are.
    ///
    /// What happens above it is the pattern's business: PUSH, DEALER, REQ and PAIR wait, PUB and ROUTER
    /// drop for that peer. Within a process the marks of both sockets add up.
    ///
    /// # Errors
    /// [`Error::Terminated`], as every option.
    pub fn set_send_hwm(&self, messages: u32) -> Result<(), Error> {
        self.change(|core| {
            core.options.send_hwm = messages;
            core.shared.send_hwm.store(messages, Ordering::Relaxed);
            core.pipes.iter().filter(|(_, pipe)| !pipe.direct).for_each(|(_, pipe)| {
                pipe.end.tx.set_hwm(messages);
            });
            Ok(())
        })
    }

    /// How many messages of one peer may wait here to be received; 0 is no limit. Default 1000. Counts
    /// at once, also for the connections there are.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_recv_hwm(&self, messages: u32) -> Result<(), Error> {
        self.change(|core| {
            core.options.recv_hwm = messages;
            core.shared.recv_hwm.store(messages, Ordering::Relaxed);
            core.pipes.iter().filter(|(_, pipe)| !pipe.direct).for_each(|(_, pipe)| {
                pipe.end.rx.set_hwm(messages);
            });
            Ok(())
        })
    }

    /// How long messages that are not delivered yet are kept after the socket is closed or
    /// disconnected; `None` is for ever, zero drops them. Default `None`, for SUB and XSUB zero. Counts
    /// at once.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_linger(&self, linger: Option<Duration>) -> Result<(), Error> {
        self.option(|options| options.linger = linger)
    }

    /// How long a blocking send waits for room; `None` is for ever. Default `None`. Counts at once.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_send_timeout(&self, timeout: Option<Duration>) -> Result<(), Error> {
        self.option(|options| options.send_timeout = timeout)
    }

    /// How long a blocking receive waits for a message; `None` is for ever. Default `None`. Counts at
    /// once.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_recv_timeout(&self, timeout: Option<Duration>) -> Result<(), Error> {
        self.option(|options| options.recv_timeout = timeout)
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
        self.option(|options| options.spin = spin)
    }

    /// Whether messages are queued only for connections that stand. Default: no, a connect has its
    /// queue from the start.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_immediate(&self, on: bool) -> Result<(), Error> {
        self.option(|options| options.immediate = on)
    }

    /// Whether each connection keeps only its latest message, of one frame; high-water marks do not
    /// count then. For PUSH, PULL, PUB, SUB and DEALER. Default no.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for the other types, [`Error::Terminated`].
    pub fn set_conflate(&self, on: bool) -> Result<(), Error> {
        use SocketType::{Dealer, Pub, Pull, Push, Sub};
        if on && !matches!(self.socket_type(), Dealer | Pub | Pull | Push | Sub) {
            return Err(invalid("conflate", "only PUSH, PULL, PUB, SUB and DEALER have it"));
        }
        self.change(|core| {
            core.options.conflate = on;
            core.shared.conflate.store(on, Ordering::Relaxed);
            Ok(())
        })
    }

    /// The name under which ROUTER peers know this socket: 1 to 255 octets. Default: they choose.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for another length or a first octet of zero, which is kept for the
    /// names that ROUTERs choose; [`Error::Terminated`].
    pub fn set_routing_id(&self, id: impl AsRef<[u8]>) -> Result<(), Error> {
        let id = id.as_ref();
        match id {
            [] => return Err(invalid("routing_id", "it has 1 to 255 octets")),
            [0, ..] => {
                return Err(invalid("routing_id", "ids that start with a zero are automatic"));
            }
            _ => {}
        }
        self.change(|core| {
            let set = core.options.zmtp.set_routing_id(id);
            set.map_err(|error| invalid("routing_id", error.to_string()))
        })
    }

    /// Sends a property of the application, `X-name`, to each peer in the handshake.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a name that does not start with `X-` or is malformed;
    /// [`Error::Terminated`].
    pub fn set_metadata(&self, name: &str, value: &[u8]) -> Result<(), Error> {
        self.change(|core| {
            let set = core.options.zmtp.set_property(name, value);
            set.map_err(|error| invalid("metadata", error.to_string()))
        })
    }

    /// Which I/O threads serve the socket, bit 0 for the first; 0 for any. Default 0.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_affinity(&self, mask: u64) -> Result<(), Error> {
        self.option(|options| options.affinity = mask)
    }

    /// Longest frame in octets that a peer may send; one that sends a longer one is disconnected.
    /// Default `None`: no limit.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_max_message_size(&self, octets: Option<u64>) -> Result<(), Error> {
        self.option(|options| options.zmtp.max_body = octets)
    }

    /// How long a peer may take for the handshake; `None` is for ever. Default 30 seconds.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_handshake_interval(&self, limit: Option<Duration>) -> Result<(), Error> {
        self.option(|options| options.zmtp.handshake_timeout = limit)
    }

    /// Time between attempts to connect, to which up to as much is added at random; `None` gives up
    /// after the first failure or loss. Default 100 milliseconds.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for zero, [`Error::Terminated`].
    pub fn set_reconnect_interval(&self, interval: Option<Duration>) -> Result<(), Error> {
        if interval == Some(Duration::ZERO) {
            return Err(invalid("reconnect_interval", "it is more than zero, or none at all"));
        }
        self.option(|options| options.reconnect_interval = interval)
    }

    /// Longest time between attempts to connect: each wait is twice the one before until then. Zero,
    /// the default, keeps the interval as it is.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_reconnect_interval_max(&self, longest: Duration) -> Result<(), Error> {
        self.option(|options| options.reconnect_max = longest)
    }

    /// Time between PINGs to a silent or busy peer; zero, the default, sends none.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_heartbeat_interval(&self, interval: Duration) -> Result<(), Error> {
        self.option(|options| options.heartbeat_interval = interval)
    }

    /// How long a peer may be silent after a PING; `None`, the default, is as long as the interval.
    ///
    /// The time begins when the system has taken the PING. A peer that is busy with messages, so that it
    /// cannot get to a PING behind them, is not cut off: on Linux, over tcp, its system answers for it, and
    /// if that does not do so for this time, or half a second if that is longer, the peer is gone. On other
    /// systems it is left to tcp's own limits. A peer over ipc exists until its end is closed.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_heartbeat_timeout(&self, timeout: Option<Duration>) -> Result<(), Error> {
        self.option(|options| options.heartbeat_timeout = timeout)
    }

    /// How long peers should wait for the next sign of life after a PING; zero, the default, does not
    /// ask for that. In tenths of a second, rounded down.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] above 6553.5 seconds, [`Error::Terminated`].
    pub fn set_heartbeat_ttl(&self, ttl: Duration) -> Result<(), Error> {
        if ttl > TTL_MAX {
            return Err(invalid("heartbeat_ttl", "at most 6553.5 seconds fit on the wire"));
        }
        self.option(|options| options.heartbeat_ttl = ttl)
    }

    /// Whether IPv6 addresses may be used. Default no.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_ipv6(&self, on: bool) -> Result<(), Error> {
        self.option(|options| options.tcp.ipv6 = on)
    }

    /// Connections that may wait to be accepted. Default: 4096, or what the system allows.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_backlog(&self, connections: u32) -> Result<(), Error> {
        self.option(|options| {
            options.tcp.backlog = Some(connections);
            options.ipc.backlog = Some(connections);
        })
    }

    /// The kernel's send buffer in octets; `None`, the default, leaves it to the kernel for tcp and
    /// asks for 1 MiB for ipc.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_send_buffer(&self, octets: Option<usize>) -> Result<(), Error> {
        self.option(|options| {
            options.tcp.send_buffer = octets;
            options.ipc.send_buffer = octets;
        })
    }

    /// The kernel's receive buffer in octets; see [`set_send_buffer`](Self::set_send_buffer).
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_recv_buffer(&self, octets: Option<usize>) -> Result<(), Error> {
        self.option(|options| {
            options.tcp.recv_buffer = octets;
            options.ipc.recv_buffer = octets;
        })
    }

    /// The type of service of tcp packets (`IP_TOS`). Default 0: the system's.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] above 255, [`Error::Terminated`].
    pub fn set_tos(&self, tos: u32) -> Result<(), Error> {
        if tos > 255 {
            return Err(invalid("tos", "it is one octet"));
        }
        self.option(|options| options.tcp.tos = tos)
    }

    /// For how long the kernel may poll the network device when a tcp connection of this socket is read
    /// and has nothing (`SO_BUSY_POLL`), instead of
    /// [what the context has](crate::ContextBuilder::busy_poll); in whole microseconds, at most 1 second.
    /// Zero leaves it to the system. A wish: a refusal is traced.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for less than a microsecond or more than a second,
    /// [`Error::Terminated`].
    pub fn set_busy_poll(&self, time: Duration) -> Result<(), Error> {
        if !time.is_zero() && (time.as_micros() == 0 || time > BUSY_POLL_MAX) {
            let reason = "it takes 1 microsecond to 1 second, or zero for the system's choice";
            return Err(invalid("busy_poll", reason));
        }
        self.option(|options| options.tcp.busy_poll = time.as_micros().try_into().unwrap_or(0))
    }

    /// TCP's own probes of idle connections. Default: the system's.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_tcp_keepalive(&self, keepalive: Keepalive) -> Result<(), Error> {
        self.option(|options| options.tcp.keepalive = keepalive)
    }

    /// How long one attempt to connect may take; `None`, the default, is as long as the system tries.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn set_connect_timeout(&self, limit: Option<Duration>) -> Result<(), Error> {
        self.option(|options| options.tcp.connect_timeout = limit)
    }

    /// How many distinct subscriptions the socket has (SUB, XSUB) or its subscribers have (PUB, XPUB).
    pub fn topics(&self) -> usize {
        let mut core = self.inner.lock();
        // What is known of a terminated socket is as good as anything.
        let _ = core.enter();
        core.topics()
    }

    pub(crate) fn setting(&self, name: &'static str, setting: Setting<'_>) -> Result<(), Error> {
        self.change(|core| core.set(name, setting))
    }
}
