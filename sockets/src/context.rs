//! The context: what the sockets of a program share.

use crate::core::Core;
use crate::core::shared::Shared;
use crate::error::Error;
use crate::kind::{
    AnyKind, DealerKind, Kind, PairKind, PubKind, PullKind, PushKind, RepKind, ReqKind, RouterKind,
    SubKind, XPubKind, XSubKind,
};
use crate::options::Options;
use crate::pattern;
use crate::socket::{Inner, Socket};
use crate::subscription::Counted;
use crate::wait::Spin;
use ringmq_engine::{
    BackendChoice, BackendReport, Engine, EngineOptions, IoHandle, TuningReport, UringReport,
};
use ringmq_transports::inproc::Inproc;
use ringmq_transports::resolve::Resolver;
use ringmq_zmtp::SocketType;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// What the sockets of a program share: I/O threads, and the names of inproc endpoints.
///
/// Most programs have one. Cloning it gives another handle to the same context. When the last handle
/// and the last socket are gone, dropping waits until what was sent is delivered, for as long as each
/// socket's [linger time](Socket::set_linger) allows: by default for ever.
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

pub(crate) struct ContextInner {
    options: EngineOptions,
    /// What its sockets start with.
    spin: Spin,
    engine: Mutex<Option<Engine>>,
    pub(crate) inproc: Arc<Inproc>,
    pub(crate) resolver: Arc<Resolver>,
    sockets: Mutex<Vec<Weak<Inner>>>,
    shut_down: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ContextInner {
    fn new(options: EngineOptions, spin: Spin) -> Self {
        Self {
            options,
            spin,
            engine: Mutex::new(None),
            inproc: Arc::default(),
            resolver: Arc::default(),
            sockets: Mutex::default(),
            shut_down: AtomicBool::new(false),
        }
    }

    /// Uses the engine, starting it if this is the first time.
    fn with_engine<T>(&self, f: impl FnOnce(&Engine) -> T) -> Result<T, Error> {
        if self.shut_down.load(Ordering::SeqCst) {
            return Err(Error::Terminated);
        }
        let mut engine = lock(&self.engine);
        let engine = match &mut *engine {
            Some(engine) => engine,
            none => none.insert(Engine::start(&self.options)?),
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
        self.shut_down.store(true, Ordering::SeqCst);
        let sockets = std::mem::take(&mut *lock(&self.sockets));
        for socket in sockets.iter().filter_map(Weak::upgrade) {
            socket.close();
        }
    }

    fn terminate(&self) {
        self.shut_down();
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
    pub fn new() -> Self {
        Self(Arc::new(ContextInner::new(EngineOptions::default(), Spin::default())))
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
    pub fn builder() -> ContextBuilder {
        ContextBuilder { options: EngineOptions::default(), spin: Spin::default() }
    }

    /// Which backend the I/O threads use, and why.
    ///
    /// # Errors
    /// [`Error::BackendUnavailable`] if `RINGMQ_BACKEND` asks for one that cannot be had,
    /// [`Error::Terminated`] after [`shutdown`](Self::shutdown).
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
    pub fn shutdown(&self) {
        self.0.shut_down();
    }

    /// [Shuts down](Self::shutdown), then waits until what was sent is delivered or its linger time is
    /// over, and stops the I/O threads. With an unlimited linger time, which is the default, and a peer
    /// that never comes, that takes for ever. Called by an I/O thread (by a waker, say), it does not wait,
    /// and all that goes on [in the background](Context).
    pub fn term(&self) {
        self.0.terminate();
    }

    fn make<K: Kind>(&self, socket_type: SocketType) -> Result<Socket<K>, Error> {
        if self.0.shut_down.load(Ordering::SeqCst) {
            return Err(Error::Terminated);
        }
        let subscriptions = pattern::Subscriptions::new(Mutex::new(Counted::new()));
        let pattern = pattern::make(socket_type, &subscriptions)?;
        let shared = Arc::new(Shared::new(socket_type, subscriptions));
        let mut options = Options::new(socket_type);
        options.spin = self.0.spin;
        if let Some(time) = self.0.options.busy_poll {
            options.tcp.busy_poll = time.as_micros().try_into().unwrap_or(u32::MAX);
        }
        shared.send_hwm.store(options.send_hwm, Ordering::Relaxed);
        shared.recv_hwm.store(options.recv_hwm, Ordering::Relaxed);
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
        f.debug_struct("Context").field("options", &self.0.options).finish_non_exhaustive()
    }
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $method:ident: $kind:ident $socket_type:ident;)*) => {
        impl Context {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// [`Error::Terminated`] after [`shutdown`](Self::shutdown).
            pub fn $method(&self) -> Result<Socket<$kind>, Error> {
                self.make(SocketType::$socket_type)
            }
        )*}
    };
}

constructors! {
    /// Makes a PAIR: one peer, both ways.
    pair: PairKind Pair;
    /// Makes a PUB: to each subscriber what it subscribed to.
    publisher: PubKind Pub;
    /// Makes a SUB: receives what it [subscribed](Socket::subscribe) to.
    subscriber: SubKind Sub;
    /// Makes an XPUB: a PUB that hears of subscriptions.
    xpub: XPubKind XPub;
    /// Makes an XSUB: a SUB whose subscriptions are messages and which does not filter.
    xsub: XSubKind XSub;
    /// Makes a REQ: a request, a reply, a request...
    req: ReqKind Req;
    /// Makes a REP: takes a request, gives a reply.
    rep: RepKind Rep;
    /// Makes a DEALER: sends to its peers in turn, receives from all.
    dealer: DealerKind Dealer;
    /// Makes a ROUTER: addresses each peer by its routing id.
    router: RouterKind Router;
    /// Makes a PUSH: sends to its peers in turn.
    push: PushKind Push;
    /// Makes a PULL: receives from all its peers.
    pull: PullKind Pull;
}

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
    pub fn socket(&self, socket_type: SocketType) -> Result<Socket<AnyKind>, Error> {
        self.make(socket_type)
    }
}

/// Settings of a [`Context`] to be.
#[derive(Clone, Debug)]
pub struct ContextBuilder {
    options: EngineOptions,
    spin: Spin,
}

impl ContextBuilder {
    /// How many I/O threads, at least one. Default 1: enough for a gigabyte a second.
    pub fn io_threads(mut self, threads: usize) -> Self {
        self.options.io_threads = threads.max(1);
        self
    }

    /// The cores of the I/O threads, one each in order; a thread beyond the list runs where the thread may
    /// run that makes the context. A core that this process may not use is an error. Default: not pinned.
    pub fn pin_io_threads(mut self, cores: impl IntoIterator<Item = usize>) -> Self {
        self.options.cores = cores.into_iter().collect();
        self
    }

    /// Which backend. Default [`BackendChoice::Auto`].
    pub fn backend(mut self, choice: BackendChoice) -> Self {
        self.options.backend = choice;
        self
    }

    /// How long an I/O thread stays awake after work. Default 50 microseconds; zero saves processor
    /// time and costs latency.
    pub fn io_patience(mut self, patience: Duration) -> Self {
        self.options.patience = patience;
        self
    }

    /// For how long the kernel polls network devices itself when somebody waits for them, instead of
    /// being interrupted by them: NAPI busy polling by the rings of the I/O threads, and `SO_BUSY_POLL`
    /// on the tcp connections of the context's sockets. 1 microsecond to 1 second. Default `None`: not
    /// at all.
    ///
    /// A wish: where the system does not grant it everything works without, and
    /// [`Context::tuning`] says why.
    pub fn busy_poll(mut self, time: Option<Duration>) -> Self {
        self.options.busy_poll = time;
        self
    }

    /// How late the kernel may wake the I/O threads for a timer (`PR_SET_TIMERSLACK`). 1 nanosecond to 1
    /// second. Default: what the thread has that makes the context, usually 50 microseconds. Linux only.
    pub fn timer_slack(mut self, slack: Duration) -> Self {
        self.options.timer_slack = Some(slack);
        self
    }

    /// Runs the I/O threads in real time, first come first served (`SCHED_FIFO`), at a priority of 1
    /// (lowest) to 99. Default: as other threads. Linux only, and it takes `CAP_SYS_NICE` or a limit that
    /// allows it. Give them [cores](Self::pin_io_threads) of their own: nothing else runs where they do.
    pub fn realtime(mut self, priority: u8) -> Self {
        self.options.realtime = Some(priority);
        self
    }

    /// Whether all memory of the process is kept from being paged out, also what it takes later
    /// (`mlockall`). Default no. Linux only; counts against `RLIMIT_MEMLOCK`. For good: it stays when the
    /// context is gone.
    pub fn lock_memory(mut self, on: bool) -> Self {
        self.options.lock_memory = on;
        self
    }

    /// How long threads that wait for a message look for it again and again before they block. Default
    /// [`Spin::Adaptive`]. A socket may [differ](crate::Socket::set_spin).
    pub fn spin(mut self, spin: Spin) -> Self {
        self.spin = spin;
        self
    }

    /// The I/O threads are called `<name>/<number>`. Default `ringmq-io`.
    pub fn thread_name(mut self, name: &str) -> Self {
        self.options.thread_name = name.to_owned();
        self
    }

    /// Makes the context and starts its I/O threads.
    ///
    /// # Errors
    /// [`Error::BackendUnavailable`] if the backend asked for cannot be had, [`Error::InvalidOption`] for a
    /// setting that cannot be had, [`Error::Io`] if the system refuses threads or descriptors.
    pub fn build(self) -> Result<Context, Error> {
        let context = Context(Arc::new(ContextInner::new(self.options, self.spin)));
        context.backend()?;
        Ok(context)
    }
}
