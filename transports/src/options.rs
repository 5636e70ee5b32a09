//! What a socket may ask of its tcp and ipc descriptors, and the bounds of this crate.
//!
//! Plain data: nothing here is checked before [`tcp`](crate::tcp) or [`ipc`](crate::ipc) applies
//! it to a descriptor. Every default leaves the choice to the system, except where a line says why
//! it does not.

use crate::network::Network;
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// Connections the kernel may hold for a listener until they are accepted, unless set otherwise. (It
/// may cut that down: Linux to `net.core.somaxconn`, which is the same number by default.)
///
/// ZeroMQ's default is 100. Of 5,000 subscribers that connect at once, most then find the queue full,
/// and tcp tries again after one second and after three: 1.8 to 2.7 s until all are there on a busy
/// machine of two cores, 0.6 to 1.7 s with this.
pub const DEFAULT_BACKLOG: u32 = 4096;

/// Bytes asked for each direction of an ipc connection when the options leave it unset.
///
/// A Unix socket has no auto-tuning: at the usual 208 KiB a blocking reader of 64 KiB batches lost
/// 40 to 60 % of the throughput. The kernel may grant less; that is no error.
pub const IPC_BUFFER: usize = 1024 * 1024;

/// Bytes of one peer that may wait for the application, unless set otherwise: 1 GiB, as much as 1,000 messages, the
/// default high-water mark, of a megabyte each.
pub const DEFAULT_MAX_WAITING_BYTES: u64 = 1024 * 1024 * 1024;

/// Longest inproc name, in bytes. ZeroMQ's documented limit.
pub const INPROC_NAME_MAX: usize = 256;

/// Longest host name, in bytes, as the domain name system has it.
pub const HOST_NAME_MAX: usize = 253;

/// Longest zone or interface name in an endpoint, in bytes: twice what any supported system
/// allows.
pub const ZONE_MAX: usize = 32;

/// Addresses kept of one name lookup. A connecter tries them in turn, and no sensible name has
/// more; the answer comes from the network.
pub const RESOLVED_MAX: usize = 16;

/// Names that may wait for a resolver thread. A connecter waits for one at most, and those that wait for
/// the same name share it.
pub const RESOLVE_QUEUE: usize = 1024;

/// Names that are looked up at a time, each on a thread of its own: one more waits until the system has
/// given one of them up, which takes ten seconds and more where a name server is silent. Threads that have
/// nothing to do end, so this costs only whoever has that many bad names.
pub const RESOLVE_THREADS: usize = 32;

/// Options of tcp listeners and connections.
///
/// ```
/// use ringmq_transports::options::TcpOptions;
///
/// let options = TcpOptions { ipv6: true, ..TcpOptions::default() };
/// assert_eq!(options.backlog, None);
/// assert_eq!(options.send_buffer, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// `SO_SNDBUF` in bytes; unset leaves the kernel's auto-tuning on, which measured best.
    pub send_buffer: Option<usize>,
    /// `SO_RCVBUF` in bytes; unset leaves the kernel's auto-tuning on.
    pub recv_buffer: Option<usize>,
    /// Connections that may wait to be accepted; unset is [`DEFAULT_BACKLOG`].
    pub backlog: Option<u32>,
    /// Whether IPv6 addresses may be used; then `*` listens on both families.
    pub ipv6: bool,
    /// Type of service (`IP_TOS`, `IPV6_TCLASS`); 0 leaves the system's choice.
    pub tos: u32,
    /// Probes on idle connections.
    pub keepalive: Keepalive,
    /// How long sent data may stay unacknowledged (`TCP_USER_TIMEOUT`). Linux only.
    pub max_rt: Option<Duration>,
    /// The interface or VRF that all traffic is bound to (`SO_BINDTODEVICE`). Linux only.
    pub bind_to_device: Option<String>,
    /// Queueing priority of sent packets (`SO_PRIORITY`); 0 leaves the system's choice. Linux only.
    pub priority: u32,
    /// Microseconds the kernel may poll the device on a receive (`SO_BUSY_POLL`); 0 leaves the
    /// system's choice. A wish: raising it needs a capability, and only Linux has it; a refusal is
    /// traced.
    pub busy_poll: u32,
    /// How long one connection attempt may take; unset waits as long as the system does. Kept here
    /// for the connecter: no descriptor option corresponds to it.
    pub connect_timeout: Option<Duration>,
    /// The SOCKS 5 proxy through which connections are made, `host:port`.
    pub socks_proxy: Option<String>,
    /// What that proxy is told of who asks.
    pub socks_login: SocksLogin,
    /// From where connections are accepted; from everywhere if there are none.
    pub accepts: Vec<Network>,
}

/// A name and a password for a SOCKS 5 proxy, each of at most 255 bytes. Without a name there is no login.
///
/// ```
/// use ringmq_transports::options::SocksLogin;
///
/// let login = SocksLogin { username: "alice".into(), password: b"rabbit".to_vec().into() };
/// assert!(!format!("{login:?}").contains("rabbit"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SocksLogin {
    /// The name.
    pub username: String,
    /// The password, which is zeroed when it is dropped.
    pub password: Zeroizing<Vec<u8>>,
}

/// Without the password.
impl fmt::Debug for SocksLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocksLogin").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Keep-alive probes of a tcp connection; each field that is unset stays as the system has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// Probes on or off. The other fields count only when this is `Some(true)`.
    pub enabled: Option<bool>,
    /// Silence before the first probe; whole seconds.
    pub idle: Option<Duration>,
    /// Time between probes; whole seconds.
    pub interval: Option<Duration>,
    /// Unanswered probes after which the connection counts as dead.
    pub count: Option<u32>,
}

/// What ends a connect for good. By default nothing does: attempts go on, with their back-off, whatever
/// answers at the endpoint.
///
/// With a condition that holds, the connecter ends as it does where no interval is set, and what was queued
/// for the peer is dropped.
///
/// ```
/// use ringmq_transports::options::ReconnectStop;
///
/// let stop = ReconnectStop { connection_refused: true, ..ReconnectStop::NEVER };
/// assert_eq!(ReconnectStop::default(), ReconnectStop::NEVER);
/// assert!(stop != ReconnectStop::NEVER);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReconnectStop {
    /// The system refuses the connection (`ECONNREFUSED`), or the path of an ipc endpoint does not exist
    /// (`ENOENT`): nobody listens there. Of a name with several addresses, all have to refuse. ZeroMQ's
    /// `ZMQ_RECONNECT_STOP_CONN_REFUSED`, 1.
    pub connection_refused: bool,
    /// A connection was made and ended before its handshake was done: the peer left or fell silent, is of
    /// another type of socket, or speaks another protocol. `ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED`, 2.
    pub handshake_failed: bool,
    /// The application has disconnected the endpoint: what is still to be sent is sent over the connection
    /// that stands, and no other one is made for it within the linger time.
    /// `ZMQ_RECONNECT_STOP_AFTER_DISCONNECT`, 4.
    pub after_disconnect: bool,
}

impl ReconnectStop {
    /// None of the conditions.
    pub const NEVER: Self =
        Self { connection_refused: false, handshake_failed: false, after_disconnect: false };
}

/// Options of what is sent to groups.
///
/// ```
/// use ringmq_transports::options::MulticastOptions;
///
/// assert_eq!(MulticastOptions::default(), MulticastOptions {
///     hops: 1,
///     loopback: true,
///     max_tpdu: 1500,
///     rate: 100_000,
///     recovery: std::time::Duration::from_secs(10),
/// });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MulticastOptions {
    /// How many networks it crosses (`IP_MULTICAST_TTL`, `IPV6_MULTICAST_HOPS`). Default 1: none but the own one.
    pub hops: u32,
    /// Whether members on this machine get it too (`IP_MULTICAST_LOOP`). Default yes.
    pub loopback: bool,
    /// Longest packet of PGM in bytes, the headers of IP and udp among them. Default 1500.
    pub max_tpdu: u16,
    /// How fast a source of PGM sends at the most, in kilobits a second. Default 100,000.
    pub rate: u32,
    /// For how long it keeps what it has sent, so that losses can be repaired. Default 10 seconds.
    pub recovery: Duration,
}

impl Default for MulticastOptions {
    fn default() -> Self {
        Self {
            hops: 1,
            loopback: true,
            max_tpdu: 1500,
            rate: 100_000,
            recovery: Duration::from_secs(10),
        }
    }
}

/// How many connections a bind may have at once; `None` is no limit.
///
/// ```
/// use ringmq_transports::options::BindLimits;
///
/// assert_eq!(BindLimits::default().handshakes, Some(8192));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindLimits {
    /// In all. Default 100,000.
    pub connections: Option<u32>,
    /// From one address; over ipc, from one process, where the system tells which it is. Default 50,000.
    pub per_address: Option<u32>,
    /// Whose handshake is not done. Default 8,192.
    pub handshakes: Option<u32>,
}

impl Default for BindLimits {
    fn default() -> Self {
        Self { connections: Some(100_000), per_address: Some(50_000), handshakes: Some(8192) }
    }
}

/// Options of ipc listeners and connections.
///
/// ```
/// use ringmq_transports::options::IpcOptions;
///
/// assert_eq!(IpcOptions::default().backlog, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IpcOptions {
    /// `SO_SNDBUF` in bytes; unset asks for [`IPC_BUFFER`].
    pub send_buffer: Option<usize>,
    /// `SO_RCVBUF` in bytes; unset asks for [`IPC_BUFFER`].
    pub recv_buffer: Option<usize>,
    /// Connections that may wait to be accepted; unset is [`DEFAULT_BACKLOG`].
    pub backlog: Option<u32>,
    /// Of whom connections are accepted; of everybody if there are none.
    pub accepts: Vec<IpcPeerRule>,
}

/// Whose ipc connections are accepted, as the system tells of the process at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpcPeerRule {
    /// Those of a process.
    Process(u32),
    /// Those of a user.
    User(u32),
    /// Those of a group, and of users who are members of it: the system's user database is asked for that, by an
    /// I/O thread, which waits for the answer.
    Group(u32),
}
