//! The options of descriptors: of tcp, and some of ipc.
//!
//! They count for binds and connects made after they were set. Values that no system takes are refused
//! when they are set; so is what this system does not grant, where that can be tried beforehand.

use crate::error::Error;
use crate::kind::Kind;
use crate::options::invalid;
use crate::socket::Socket;
use ringmq_transports::error::OptionError;
use ringmq_transports::options::{Keepalive, TcpOptions};
use ringmq_transports::tcp::try_out;
use std::time::Duration;

/// Longest time to poll a device: a thread that does so for longer is lost to the machine.
const BUSY_POLL_MAX: Duration = Duration::from_secs(1);
/// Shortest time for an attempt to connect: timers are no finer.
const CONNECT_TIMEOUT_MIN: Duration = Duration::from_millis(1);
/// Sizes of buffers and times are numbers of 31 bits to the system.
const INT_MAX: u32 = i32::MAX as u32;
/// Bytes of an interface's name on Linux, which ends with a zero byte there.
const DEVICE_MAX: usize = 15;
/// What Linux takes for keep-alive probes: seconds, and how many.
const PROBE_SECONDS: std::ops::RangeInclusive<u64> = 1..=32_767;
const PROBES: std::ops::RangeInclusive<u32> = 1..=127;

impl<K: Kind> Socket<K> {
    /// Changes what tcp descriptors are made with, unless the system would refuse `option`.
    fn tcp_option(
        &self,
        option: &'static str,
        takes: &str,
        change: impl Fn(&mut TcpOptions),
    ) -> Result<(), Error> {
        let mut alone = TcpOptions::default();
        change(&mut alone);
        try_out(&alone).map_err(|error| match error {
            OptionError::Refused { source, .. } => {
                invalid(option, format!("it takes {takes} ({source})"))
            }
            OptionError::NotSupported { .. } => invalid(option, "only Linux has it"),
            error => invalid(option, error.to_string()),
        })?;
        self.option(|options| change(&mut options.tcp))
    }

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
    pub fn set_ipv6(&self, on: bool) -> Result<(), Error> {
        self.option(|options| options.tcp.ipv6 = on)
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
    pub fn set_backlog(&self, connections: u32) -> Result<(), Error> {
        self.option(|options| {
            options.tcp.backlog = Some(connections);
            options.ipc.backlog = Some(connections);
        })
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
    pub fn set_send_buffer(&self, bytes: Option<usize>) -> Result<(), Error> {
        check_buffer("send_buffer", bytes)?;
        self.option(|options| {
            options.tcp.send_buffer = bytes;
            options.ipc.send_buffer = bytes;
        })
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
    pub fn set_recv_buffer(&self, bytes: Option<usize>) -> Result<(), Error> {
        check_buffer("recv_buffer", bytes)?;
        self.option(|options| {
            options.tcp.recv_buffer = bytes;
            options.ipc.recv_buffer = bytes;
        })
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
    pub fn set_tos(&self, tos: u32) -> Result<(), Error> {
        if tos > 255 {
            return Err(invalid("tos", "it is one byte, 0 to 255"));
        }
        self.option(|options| options.tcp.tos = tos)
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
    pub fn set_priority(&self, priority: u32) -> Result<(), Error> {
        if priority > INT_MAX {
            return Err(invalid("priority", "it is 0 to 2147483647"));
        }
        let takes = "0 to 6, and more with CAP_NET_ADMIN (setcap cap_net_admin+ep PROGRAM)";
        self.tcp_option("priority", takes, |tcp| tcp.priority = priority)
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
    pub fn set_bind_to_device(&self, device: Option<&str>) -> Result<(), Error> {
        let name = |name: &str| {
            let other = |c: char| c.is_whitespace() || matches!(c, '\0' | '/' | ':');
            (1..=DEVICE_MAX).contains(&name.len()) && !name.contains(other)
        };
        if !device.is_none_or(name) {
            let reason = "names of interfaces have 1 to 15 bytes without spaces, slashes or colons";
            return Err(invalid("bind_to_device", reason));
        }
        let takes = "CAP_NET_RAW (setcap cap_net_raw+ep PROGRAM) or Linux 5.7";
        self.tcp_option("bind_to_device", takes, |tcp| {
            tcp.bind_to_device = device.map(str::to_owned);
        })
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
    pub fn set_max_rt(&self, limit: Option<Duration>) -> Result<(), Error> {
        let takes = "1 to 2147483647 milliseconds, or none at all for the system's choice";
        let millis = limit.map(|limit| limit.as_millis());
        if !millis.is_none_or(|millis| (1..=u128::from(INT_MAX)).contains(&millis)) {
            return Err(invalid("max_rt", format!("it takes {takes}")));
        }
        self.tcp_option("max_rt", takes, |tcp| tcp.max_rt = limit)
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
    pub fn set_busy_poll(&self, time: Duration) -> Result<(), Error> {
        if !time.is_zero() && (time.as_micros() == 0 || time > BUSY_POLL_MAX) {
            let reason = "it takes 1 microsecond to 1 second, or zero for the system's choice";
            return Err(invalid("busy_poll", reason));
        }
        self.option(|options| options.tcp.busy_poll = time.as_micros().try_into().unwrap_or(0))
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
    pub fn set_tcp_keepalive(&self, keepalive: Keepalive) -> Result<(), Error> {
        let seconds = |time: Option<Duration>| {
            time.is_none_or(|time| PROBE_SECONDS.contains(&time.as_secs()))
        };
        let Keepalive { idle, interval, count, .. } = &keepalive;
        let counted = count.is_none_or(|count| PROBES.contains(&count));
        if !(seconds(*idle) && seconds(*interval) && counted) {
            let reason = "times are 1 to 32767 seconds, and there are 1 to 127 probes";
            return Err(invalid("tcp_keepalive", reason));
        }
        self.option(|options| options.tcp.keepalive = keepalive)
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
    pub fn set_connect_timeout(&self, limit: Option<Duration>) -> Result<(), Error> {
        if limit.is_some_and(|limit| limit < CONNECT_TIMEOUT_MIN) {
            let reason = "it takes 1 millisecond or more, or none at all for the system's choice";
            return Err(invalid("connect_timeout", reason));
        }
        self.option(|options| options.tcp.connect_timeout = limit)
    }
}

fn check_buffer(option: &'static str, bytes: Option<usize>) -> Result<(), Error> {
    let fits = |bytes: usize| bytes > 0 && bytes <= INT_MAX as usize;
    if bytes.is_none_or(fits) {
        return Ok(());
    }
    Err(invalid(option, "it takes 1 to 2147483647 bytes, or none at all for the system's choice"))
}
