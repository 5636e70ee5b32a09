//! The context: what the sockets of a program share.

pub(crate) mod alarms;
pub(crate) mod ending;
pub(crate) mod lingering;
pub(crate) mod reminder;
pub(crate) mod unfinished;

use crate::context_builder::{ContextBuilder, ContextOptions};
use crate::error::Error;
use crate::inner::mailbox::SocketMailbox;
use crate::inner::{ClosedBy, Core};
use crate::kind::{
    AnyKind, ChannelKind, ClientKind, DealerKind, DgramKind, DishKind, GatherKind, Kind, PairKind,
    PeerKind, PubKind, PullKind, PushKind, RadioKind, RepKind, ReqKind, RouterKind, ScatterKind,
    ServerKind, StreamKind, SubKind, XPubKind, XSubKind,
};
use crate::options::Options;
use crate::socket::{Inner, Socket};
use crate::subscription::Wanted;
use crate::types::{self, socket_types};
use alarms::Alarms;
use lingering::Lingering;
use ringmq_engine::{BackendReport, CoreSet, Engine, IoHandle, TuningReport, UringReport};
use ringmq_pipe::Section;
use ringmq_transports::endpoint::InprocName;
use ringmq_transports::inproc::Inproc;
use ringmq_transports::resolver::Resolver;
use ringmq_zmtp::SocketType;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

pub use ending::TermFuture;

/// What the sockets of a program share: I/O threads, and the names of inproc endpoints.
///
/// Most programs have one. Cloning it gives another handle to the same context. When the last handle and the
/// last socket are gone, what was sent goes on being delivered, for as long as each socket's
/// [linger time](Socket::set_linger) allows: by default for ever. Dropping them waits for that on the main
/// thread, which is what a program does that leaves `main`; so does dropping any handle there after a
/// [`shutdown`](Self::shutdown). On every other thread dropping does not wait, so that no worker of a runtime
/// is blocked: delivery goes on in the background, and a process that ends cuts it off. Whoever needs to know
/// that all was delivered calls [`term`](Self::term), [`term_timeout`](Self::term_timeout) or
/// [`term_async`](Self::term_async) first. See [ending well](crate::guide::ending).
///
/// A context belongs to the process that has made it. A child that this process forks may drop what it has
/// inherited, which does nothing to the parent's connections (their descriptors stay open in the child until
/// it ends or executes another program), and makes a context of its own if it needs one; what it makes of
/// an inherited one is [`Error::Terminated`].
///
/// An I/O thread cannot wait for itself. Where the last handle is dropped by one (by a waker, or with the
/// owner of a message's memory), that is in the background, too.
///
/// # Examples
/// ```
/// let context = ringmq::Context::new();
/// let server = context.rep()?;
/// let endpoint = server.bind("tcp://127.0.0.1:*")?;
/// let client = context.req()?;
/// client.connect(&endpoint)?;
/// client.send("hello")?;
/// assert_eq!(server.recv()?, "hello");
/// server.send("world")?;
/// assert_eq!(client.recv()?, "world");
/// # Ok::<(), ringmq::Error>(())
/// ```
#[derive(Clone)]
pub struct Context(Arc<ContextInner>);

pub(crate) struct ContextInner {
    options: ContextOptions,
    engine: Mutex<Option<Arc<Engine>>>,
    pub(crate) inproc: Arc<Inproc>,
    pub(crate) resolver: Arc<Resolver>,
    /// Those that are not known to be closed.
    sockets: Mutex<Vec<Weak<Inner>>>,
    pub(crate) lingering: Arc<Lingering>,
    /// When tasks that wait for its end, or for a socket's, are to look again.
    pub(crate) alarms: Arc<Alarms>,
    shut_down: AtomicBool,
    /// The process that has made it.
    process: u32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The names of all contexts of the process, so that one who waits for a name can be told where it is.
static NAMES: Mutex<Vec<Weak<Inproc>>> = Mutex::new(Vec::new());

/// The names of a new context.
fn new_names() -> Arc<Inproc> {
    let names = Arc::<Inproc>::default();
    let mut all = lock(&NAMES);
    if all.len() == all.capacity() {
        // Only before it grows, so that thousands of contexts are not looked at for each new one.
        all.retain(|names| names.strong_count() > 0);
    }
    all.push(Arc::downgrade(&names));
    names
}

/// Whether somebody has bound a name in a context that has other names than these.
pub(crate) fn is_bound_elsewhere(own: &Arc<Inproc>, name: &InprocName) -> bool {
    // Looked at without the lock: a context that ends meanwhile ends here.
    let all: Vec<_> = lock(&NAMES).iter().filter_map(Weak::upgrade).collect();
    all.iter().any(|names| !Arc::ptr_eq(names, own) && names.is_bound(name))
}

impl ContextInner {
    fn new(mut options: ContextOptions) -> Self {
        ringmq_pipe::prepare();
        // The engine is started by whoever binds or connects first, which may be bound to a core by then.
        options.engine.others = CoreSet::of_this_thread();
        Self {
            options,
            engine: Mutex::new(None),
            inproc: new_names(),
            resolver: Arc::default(),
            sockets: Mutex::default(),
            lingering: Arc::default(),
            alarms: Arc::default(),
            shut_down: AtomicBool::new(false),
            process: std::process::id(),
        }
    }

    /// Whether this is a child of the process that has made the context. It has a copy of all memory and
    /// none of the threads: there is nobody to wait for, a lock that one of them had stays locked, and what
    /// is written to a descriptor goes to the parent's peers. So nothing of it is used, and nothing freed.
    pub(crate) fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    /// Uses the engine, starting it if this is the first time.
    fn with_engine<T>(&self, f: impl FnOnce(&Engine) -> T) -> Result<T, Error> {
        if self.is_inherited() {
            return Err(Error::Terminated);
        }
        // What is logged of the start is logged when the lock is let go of.
        let _section = Section::enter();
        let mut slot = lock(&self.engine);
        if self.shut_down.load(Ordering::SeqCst) {
            return Err(Error::Terminated);
        }
        let engine = match &*slot {
            Some(engine) => engine,
            None => {
                let engine = Engine::start(&self.options.engine)?;
                self.lingering.set_threads(engine.threads());
                slot.insert(Arc::new(engine))
            }
        };
        Ok(f(engine))
    }

    /// The I/O thread for a new bind or connect.
    pub(crate) fn io(&self, affinity: u64) -> Result<IoHandle, Error> {
        self.with_engine(|engine| engine.choose(affinity).clone())
    }

    pub(crate) fn register(&self, socket: &Arc<Inner>) {
        let mut sockets = lock(&self.sockets);
        if sockets.len() == sockets.capacity() {
            // Only before it grows, so that thousands of sockets are not looked at for each new one.
            sockets.retain(|socket| socket.upgrade().is_some_and(|inner| inner.is_open()));
        }
        sockets.push(Arc::downgrade(socket));
        drop(sockets);
        // A shutdown may have passed between the check in `Context::make` and here.
        if self.shut_down.load(Ordering::SeqCst) {
            socket.close(ClosedBy::Context);
        }
    }
}

impl Context {
    /// A context with one I/O thread on the best backend there is. Threads start when they are first
    /// needed.
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let socket = context.pull()?;
    /// # drop(socket);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_ctx_new")]
    #[doc(alias = "zmq_init")]
    pub fn new() -> Self {
        Self::with(ContextOptions::default())
    }

    pub(crate) fn with(options: ContextOptions) -> Self {
        Self(Arc::new(ContextInner::new(options)))
    }

    /// Another handle of a context.
    pub(crate) fn of(inner: Arc<ContextInner>) -> Self {
        Self(inner)
    }

    /// Whether somebody has bound a name in it.
    pub(crate) fn is_bound(&self, name: &InprocName) -> bool {
        self.0.inproc.is_bound(name)
    }

    pub(crate) fn options(&self) -> &ContextOptions {
        &self.0.options
    }

    /// A context with other settings.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{BackendChoice, Context};
    /// let context = Context::builder().io_threads(2).backend(BackendChoice::Mio).build()?;
    /// assert_eq!(context.backend()?.kind.name(), "mio");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_ctx_set")]
    pub fn builder() -> ContextBuilder {
        ContextBuilder::new()
    }

    /// Which backend the I/O threads use, and why.
    ///
    /// # Errors
    /// [`Error::BackendUnavailable`] if `RINGMQ_BACKEND` asks for one that cannot be had,
    /// [`Error::Terminated`] after [`shutdown`](Self::shutdown).
    ///
    /// # Examples
    /// ```
    /// use ringmq::{BackendChoice, Context};
    /// let context = Context::builder().backend(BackendChoice::Mio).build()?;
    /// println!("{}", context.backend()?); // and why
    /// assert_eq!(context.backend()?.kind.name(), "mio");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn backend(&self) -> Result<BackendReport, Error> {
        self.0.with_engine(|engine| engine.backend().clone())
    }

    /// What became of settings that the system may refuse without harm: see [`tuning`](crate::tuning).
    ///
    /// # Errors
    /// As [`backend`](Self::backend).
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Granted};
    /// use std::time::Duration;
    /// let context = Context::builder().busy_poll(Some(Duration::from_micros(50))).build()?;
    /// if let Granted::No(reason) = context.tuning()?.socket_busy_poll {
    ///     eprintln!("no busy polling: {reason}");
    /// }
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn tuning(&self) -> Result<TuningReport, Error> {
        self.0.with_engine(|engine| engine.tuning().clone())
    }

    /// Bytes that wait to be received from the peers of all its sockets, counted in steps: what the
    /// [limit](ContextBuilder::max_waiting_bytes) is held against. Of what is taken a part may be counted until the
    /// socket is found empty.
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// assert_eq!(context.waiting_bytes(), 0);
    /// ```
    pub fn waiting_bytes(&self) -> u64 {
        if self.0.is_inherited() {
            return 0;
        }
        // Not with the lock held: all connections are looked at.
        let engine = lock(&self.0.engine).clone();
        engine.map_or(0, |engine| engine.waiting_bytes())
    }

    /// Whether io_uring works on this machine, by trying it.
    ///
    /// # Errors
    /// Why it does not, and what would have to be changed.
    ///
    /// # Examples
    /// ```
    /// match ringmq::Context::uring_available() {
    ///     Ok(()) => println!("io_uring it is"),
    ///     Err(reason) => println!("mio, because {reason}"),
    /// }
    /// ```
    pub fn uring_available() -> Result<(), String> {
        ringmq_engine::uring_available()
    }

    /// What of io_uring there is on this machine: whether it works, why not and what to do about it, and
    /// each feature that ringmq uses. All of it is tried, which takes some milliseconds.
    /// `ringmq-bench doctor` prints it.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Found};
    /// let report = Context::uring_report();
    /// match &report.usable {
    ///     Ok(size) => println!("io_uring, {} completions", size.completions),
    ///     Err(refusal) => println!("{}: {}", refusal.reason, refusal.remedy),
    /// }
    /// for feature in report.features.iter().filter(|feature| feature.found != Found::Yes) {
    ///     println!("no {}: {}", feature.name, feature.without.unwrap_or("mio is used instead"));
    /// }
    /// ```
    pub fn uring_report() -> UringReport {
        ringmq_engine::uring_report()
    }

    fn make<K: Kind>(&self, socket_type: SocketType) -> Result<Socket<K>, Error> {
        if self.0.shut_down.load(Ordering::SeqCst) || self.0.is_inherited() {
            return Err(Error::Terminated);
        }
        let subscriptions = types::Subscriptions::new(Mutex::new(Wanted::new()));
        let pattern = types::make(socket_type, &subscriptions);
        let shared = SocketMailbox::new(socket_type, subscriptions);
        let shared = Arc::new(shared.with_lingering(self.0.lingering.clone()));
        let mut options = Options::new(socket_type);
        options.spin = self.0.options.spin;
        if let Some(time) = self.0.options.engine.busy_poll {
            options.tcp.busy_poll = time.as_micros().try_into().unwrap_or(u32::MAX);
        }
        let core = Core::new(shared.clone(), options, pattern);
        Ok(Socket::new(core, shared, self.0.clone()))
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("options", &self.0.options.engine).finish_non_exhaustive()
    }
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident: $kind:ident, $constructor:ident, $makes:literal,
        $($capability:ident)*, $traits:expr, $make:expr;)*) => {
        impl Context {$(
            #[doc = $makes]
            ///
            /// # Errors
            /// [`Error::Terminated`] after [`shutdown`](Self::shutdown).
            ///
            /// # Examples
            /// ```
            /// use ringmq::{Context, SocketType};
            #[doc = concat!("let socket = Context::new().", stringify!($constructor), "()?;")]
            #[doc = concat!("assert_eq!(socket.socket_type(), SocketType::", stringify!($name), ");")]
            /// # Ok::<(), ringmq::Error>(())
            /// ```
            #[doc(alias = "zmq_socket")]
            pub fn $constructor(&self) -> Result<Socket<$kind>, Error> {
                self.make(SocketType::$name)
            }
        )*}
    };
}

socket_types!(constructors);

impl Context {
    /// Makes a socket whose type is known at run time only; what its type cannot do is an error.
    ///
    /// # Errors
    /// [`Error::Terminated`] after [`shutdown`](Self::shutdown), [`Error::NotSupported`] for types that
    /// are not built.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Error, SocketType};
    /// let socket = Context::new().socket(SocketType::Push)?;
    /// assert!(matches!(socket.recv(), Err(Error::NotSupported { .. })));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_socket")]
    pub fn socket(&self, socket_type: SocketType) -> Result<Socket<AnyKind>, Error> {
        self.make(socket_type)
    }
}
