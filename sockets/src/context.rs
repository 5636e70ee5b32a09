//! The context: what the sockets of a program share.

use crate::context_builder::{ContextBuilder, ContextOptions};
use crate::error::Error;
use crate::inner::Core;
use crate::inner::mailbox::SocketMailbox;
use crate::kind::{
    AnyKind, DealerKind, Kind, PairKind, PubKind, PullKind, PushKind, RepKind, ReqKind, RouterKind,
    SubKind, XPubKind, XSubKind,
};
use crate::options::Options;
use crate::socket::{Inner, Socket};
use crate::subscription::Wanted;
use crate::types::{self, socket_types};
use ringmq_engine::{BackendReport, Engine, IoHandle, TuningReport, UringReport};
use ringmq_pipe::Section;
use ringmq_transports::inproc::Inproc;
use ringmq_transports::resolver::Resolver;
use ringmq_zmtp::SocketType;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What the sockets of a program share: I/O threads, and the names of inproc endpoints.
///
/// Most programs have one. Cloning it gives another handle to the same context. When the last handle
/// and the last socket are gone, dropping waits until what was sent is delivered, for as long as each
/// socket's [linger time](Socket::set_linger) allows: by default for ever.
///
/// A context belongs to the process that has made it. A child that this process forks may drop what it has
/// inherited, which does nothing to the parent's connections (their descriptors stay open in the child until
/// it ends or executes another program), and makes a context of its own if it needs one; what it makes of
/// an inherited one is [`Error::Terminated`].
///
/// An I/O thread cannot wait for itself. Where the last handle is dropped by one (by a waker, or with the
/// owner of a message's memory), delivery goes on in the background, for the same time, and then the I/O
/// threads end by themselves. Nobody can wait for that, and a process that ends cuts it off: keep a handle
/// where the end of the program is.
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

impl Drop for Context {
    fn drop(&mut self) {
        if self.0.is_inherited() {
            // For good: see `is_inherited`.
            std::mem::forget(self.0.clone());
        }
    }
}

pub(crate) struct ContextInner {
    options: ContextOptions,
    engine: Mutex<Option<Engine>>,
    pub(crate) inproc: Arc<Inproc>,
    pub(crate) resolver: Arc<Resolver>,
    sockets: Mutex<Vec<Weak<Inner>>>,
    shut_down: AtomicBool,
    /// The process that has made it.
    process: u32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ContextInner {
    fn new(options: ContextOptions) -> Self {
        Self {
            options,
            engine: Mutex::new(None),
            inproc: Arc::default(),
            resolver: Arc::default(),
            sockets: Mutex::default(),
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
        if self.shut_down.load(Ordering::SeqCst) || self.is_inherited() {
            return Err(Error::Terminated);
        }
        let mut engine = lock(&self.engine);
        let engine = match &mut *engine {
            Some(engine) => engine,
            none => none.insert(Engine::start(&self.options.engine)?),
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
            sockets.retain(|socket| socket.strong_count() > 0);
        }
        sockets.push(Arc::downgrade(socket));
        drop(sockets);
        // A shutdown may have passed between the check in `Context::make` and here.
        if self.shut_down.load(Ordering::SeqCst) {
            socket.close();
        }
    }

    fn shut_down(&self) {
        if self.is_inherited() {
            return;
        }
        self.shut_down.store(true, Ordering::SeqCst);
        let sockets = std::mem::take(&mut *lock(&self.sockets));
        for socket in sockets.iter().filter_map(Weak::upgrade) {
            socket.close();
        }
    }

    fn terminate(&self) {
        self.shut_down();
        if self.is_inherited() {
            return;
        }
        if Section::is_entered() {
            // One of the sockets is in use by this very thread: it closes when that is over, which cannot
            // be waited for here. The last handle waits.
            return;
        }
        self.inproc.clear();
        let engine = lock(&self.engine).take();
        if let Some(engine) = engine {
            engine.finish();
        }
    }
}

impl Drop for ContextInner {
    fn drop(&mut self) {
        self.terminate();
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

    /// Ends all sockets: every call on them, also those that wait at this moment, gives
    /// [`Error::Terminated`]. Returns at once; what was sent goes on being delivered for the linger
    /// time.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Error};
    /// let context = Context::new();
    /// let socket = context.pull()?;
    /// let waiting = std::thread::spawn(move || socket.recv());
    /// context.shutdown();
    /// assert!(matches!(waiting.join().unwrap(), Err(Error::Terminated)));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_ctx_shutdown")]
    pub fn shutdown(&self) {
        self.0.shut_down();
    }

    /// [Shuts down](Self::shutdown), then waits until what was sent is delivered or its linger time is
    /// over, and stops the I/O threads. With an unlimited linger time, which is the default, and a peer
    /// that never comes, that takes for ever. From inside [`recv_with`](Socket::recv_with) it only shuts
    /// down. Called by an I/O thread (by a waker, say), it does not wait, and all that goes on
    /// [in the background](Context).
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Error};
    /// let context = Context::new();
    /// let socket = context.pull()?;
    /// context.term();
    /// assert!(matches!(socket.recv(), Err(Error::Terminated)));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_ctx_term")]
    #[doc(alias = "zmq_ctx_destroy")]
    pub fn term(&self) {
        self.0.terminate();
    }

    fn make<K: Kind>(&self, socket_type: SocketType) -> Result<Socket<K>, Error> {
        if self.0.shut_down.load(Ordering::SeqCst) || self.0.is_inherited() {
            return Err(Error::Terminated);
        }
        let subscriptions = types::Subscriptions::new(Mutex::new(Wanted::new()));
        let pattern = types::make(socket_type, &subscriptions)?;
        let shared = Arc::new(SocketMailbox::new(socket_type, subscriptions));
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
