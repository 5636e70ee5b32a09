//! The test harness: a context on one backend, endpoints of one transport, and sockets that never
//! wait for ever.
//!
//! A promise is a function `fn(&Harness)`; [`everywhere!`] makes a test of it for each transport
//! and backend. What has to happen "some time" is awaited by [`eventually`] with a generous
//! deadline; a whole test that hangs is ended by [`Harness::run`].

use ringmq::{BackendChoice, Context, Monitor, MonitorEvent, Socket, kind::Kind};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// So many times as long a program takes that a sanitizer looks at.
const SLOW: u64 = if cfg!(any(asan, tsan)) { 10 } else { 1 };

/// How long anything may take that happens by itself: much more than it takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20 * SLOW);
/// How long to look at something that is not to happen. Too short a look proves less, and never fails.
pub(crate) const GLANCE: Duration = Duration::from_millis(50);
/// A test that takes longer hangs.
const TEST_LIMIT: Duration = Duration::from_secs(60 * SLOW);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Inproc,
    Tcp,
    Ipc,
    Ws,
}

pub(crate) struct Harness {
    pub(crate) context: Context,
    pub(crate) transport: Transport,
    pub(crate) backend: BackendChoice,
}

impl Harness {
    /// Runs a test on its own thread, so that one that hangs fails.
    pub(crate) fn run(transport: Transport, backend: BackendChoice, promise: fn(&Self)) {
        Self::run_for(TEST_LIMIT, transport, backend, promise);
    }

    /// As [`run`](Self::run), for a test that takes longer than others.
    pub(crate) fn run_for(
        limit: Duration,
        transport: Transport,
        backend: BackendChoice,
        promise: fn(&Self),
    ) {
        if backend == BackendChoice::Uring
            && let Err(reason) = Context::uring_available()
        {
            // `backends::io_uring_is_here` turns this into a failure where it must not happen.
            eprintln!("SKIPPED: no io_uring here: {reason}");
            return;
        }
        if transport == Transport::Ipc && !has_unix_sockets() {
            eprintln!("SKIPPED: no Unix sockets here");
            return;
        }
        let (done, finished) = mpsc::channel::<()>();
        let transport =
            if tcp_is_ws() && transport == Transport::Tcp { Transport::Ws } else { transport };
        let test = std::thread::spawn(move || {
            // Dropped when the test is over, whichever way it ends.
            let _done = done;
            let context = Context::builder().backend(backend).build().expect("a context");
            let harness = Self { context, transport, backend };
            promise(&harness);
            // The process ends after this; what is bound to a file removes that first.
            let _ = harness.context.term_timeout(GLANCE);
        });
        let ended = finished.recv_timeout(limit + hunt_time().unwrap_or_default());
        assert!(ended != Err(mpsc::RecvTimeoutError::Timeout), "the test hangs");
        if let Err(panic) = test.join() {
            std::panic::resume_unwind(panic);
        }
    }

    /// An endpoint that nobody else has; what `bind` returns for it can be connected to.
    pub(crate) fn anywhere(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        match self.transport {
            Transport::Inproc => format!("inproc://{}", NEXT.fetch_add(1, Ordering::Relaxed)),
            Transport::Tcp => "tcp://127.0.0.1:*".into(),
            Transport::Ipc => "ipc://*".into(),
            Transport::Ws => "ws://127.0.0.1:*/messages".into(),
        }
    }

    /// Connects two sockets and waits until both know it.
    pub(crate) fn join<A: Kind, B: Kind>(&self, binds: &Socket<A>, connects: &Socket<B>) -> String {
        let (here, there) = (connected(binds), connected(connects));
        let endpoint = binds.bind(&self.anywhere()).unwrap();
        connects.connect(&endpoint).unwrap();
        eventually("both ends are connected", || {
            connected(binds) > here && connected(connects) > there
        });
        endpoint
    }
}

/// Whether what is promised of tcp is to be tested of WebSockets instead: all but what looks at bytes on the wire
/// holds there, too.
fn tcp_is_ws() -> bool {
    std::env::var_os("RINGMQ_TEST_TCP_IS_WS").is_some()
}

/// How long a hunt is asked to take.
pub(crate) fn hunt_time() -> Option<Duration> {
    let asked = std::env::var("RINGMQ_HUNT_SECONDS").ok()?;
    Some(Duration::from_secs(asked.parse().expect("RINGMQ_HUNT_SECONDS is a number of seconds")))
}

/// Whether what looks like Windows is Wine.
pub(crate) fn under_wine() -> bool {
    cfg!(windows) && std::env::var_os("RINGMQ_TEST_UNDER_WINE").is_some()
}

/// Whether this system has Unix sockets: all do but old versions of Windows, and Wine.
pub(crate) fn has_unix_sockets() -> bool {
    let bound = || Context::builder().backend(BackendChoice::Mio).build()?.pull()?.bind("ipc://*");
    !cfg!(windows) || bound().is_ok()
}

/// An endpoint at which nobody listens, and which can be bound again and again.
pub(crate) struct Address {
    pub(crate) endpoint: String,
    _folder: TempDir,
}

impl Address {
    pub(crate) fn new(harness: &Harness) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = match harness.transport {
            Transport::Inproc => harness.anywhere(),
            Transport::Ipc => format!("ipc://{}/socket", folder.path().display()),
            Transport::Tcp | Transport::Ws => {
                let listener = TcpListener::bind((private_loopback(), 0)).unwrap();
                let ws = harness.transport == Transport::Ws;
                let (scheme, path) = if ws { ("ws", "/messages") } else { ("tcp", "") };
                format!("{scheme}://{}{path}", listener.local_addr().unwrap())
            }
        };
        Self { endpoint, _folder: folder }
    }

    /// Binds, as soon as the last owner is gone.
    pub(crate) fn bind<K: Kind>(&self, socket: &Socket<K>) {
        eventually("the endpoint is free", || socket.bind(&self.endpoint).is_ok());
    }
}

/// A loopback address at which no other test listens, so that nobody takes a port that is let go.
fn private_loopback() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    if !cfg!(target_os = "linux") {
        return Ipv4Addr::LOCALHOST;
    }
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let last = NEXT.fetch_add(1, Ordering::Relaxed) % 254 + 1;
    Ipv4Addr::new(127, high.max(1), low, last as u8)
}

/// How many peers a socket has.
pub(crate) fn connected<K: Kind>(socket: &Socket<K>) -> usize {
    socket.stats().iter().filter(|pipe| pipe.connected).count()
}

/// Waits until a socket has so many peers.
pub(crate) fn await_peers<K: Kind>(socket: &Socket<K>, peers: usize) {
    eventually("the peers are there", || connected(socket) == peers);
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl FnMut() -> bool) {
    assert!(within_patience(condition), "in vain: {what}");
}

/// Waits until `condition` holds; `false` if that takes too long.
pub(crate) fn within_patience(mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() >= PATIENCE {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

/// Waits for an event that `wanted` accepts, passing over others.
#[track_caller]
pub(crate) fn await_event<T>(
    monitor: &Monitor,
    mut wanted: impl FnMut(&MonitorEvent) -> Option<T>,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match monitor.recv_timeout(left) {
            Ok(event) => match wanted(&event) {
                Some(found) => return found,
                None => seen.push(event),
            },
            Err(error) => panic!("{error} after {seen:#?}"),
        }
    }
}

/// Waits for an event of a kind.
macro_rules! await_kind {
    ($monitor:expr, $kind:ident) => {
        $crate::harness::await_event($monitor, |event| {
            matches!(event, ringmq::MonitorEvent::$kind { .. }).then(|| event.clone())
        })
    };
}
pub(crate) use await_kind;

/// Time limits for tests: no call waits for ever, and nothing lingers unless the test says so.
pub(crate) fn patient<K: Kind>(socket: Socket<K>) -> Socket<K> {
    socket.set_send_timeout(Some(PATIENCE)).unwrap();
    socket.set_recv_timeout(Some(PATIENCE)).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    socket.set_reconnect_interval(Some(Duration::from_millis(5))).unwrap();
    socket
}

macro_rules! makers {
    ($($method:ident $socket:ident)*) => {
        #[allow(dead_code)]
        impl Harness {$(
            pub(crate) fn $method(&self) -> ringmq::$socket {
                patient(self.context.$method().unwrap())
            }
        )*}
    };
}

makers! {
    pair Pair publisher Pub subscriber Sub xpub XPub xsub XSub req Req rep Rep dealer Dealer
    router Router push Push pull Pull
    server Server client Client radio Radio dish Dish gather Gather scatter Scatter
    peer PeerSocket channel Channel dgram Dgram stream StreamSocket
}

/// Makes one test of a promise.
macro_rules! place {
    ($promise:ident $name:ident $transport:ident $backend:ident) => {
        #[test]
        fn $name() {
            use $crate::harness::{Harness, Transport};
            Harness::run(Transport::$transport, ringmq::BackendChoice::$backend, super::$promise);
        }
    };
}
pub(crate) use place;

/// Makes tests of promises over every transport and backend.
macro_rules! everywhere {
    ($($promise:ident),* $(,)?) => {$(
        mod $promise {
            $crate::harness::place!($promise inproc Inproc Auto);
            $crate::harness::place!($promise tcp_mio Tcp Mio);
            $crate::harness::place!($promise tcp_uring Tcp Uring);
            $crate::harness::place!($promise ipc_mio Ipc Mio);
            $crate::harness::place!($promise ipc_uring Ipc Uring);
        }
    )*};
}
pub(crate) use everywhere;

/// Makes tests of promises over the transports that have connections, on every backend.
macro_rules! over_wires {
    ($($promise:ident),* $(,)?) => {$(
        mod $promise {
            $crate::harness::place!($promise tcp_mio Tcp Mio);
            $crate::harness::place!($promise tcp_uring Tcp Uring);
            $crate::harness::place!($promise ipc_mio Ipc Mio);
            $crate::harness::place!($promise ipc_uring Ipc Uring);
        }
    )*};
}
pub(crate) use over_wires;

/// Makes tests of promises over tcp, on every backend.
macro_rules! over_tcp {
    ($($promise:ident),* $(,)?) => {$(
        mod $promise {
            $crate::harness::place!($promise mio Tcp Mio);
            $crate::harness::place!($promise uring Tcp Uring);
        }
    )*};
}
pub(crate) use over_tcp;

/// Makes tests of promises over WebSockets, on every backend.
macro_rules! over_web_sockets {
    ($($promise:ident),* $(,)?) => {$(
        mod $promise {
            $crate::harness::place!($promise mio Ws Mio);
            $crate::harness::place!($promise uring Ws Uring);
        }
    )*};
}
pub(crate) use over_web_sockets;

/// Makes tests of promises within a process: no backend is involved.
macro_rules! within_process {
    ($($promise:ident),* $(,)?) => {$(
        mod $promise {
            $crate::harness::place!($promise inproc Inproc Auto);
        }
    )*};
}
pub(crate) use within_process;
