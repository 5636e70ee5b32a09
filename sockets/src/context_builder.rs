//! The settings of a context, before there is one.

use crate::context::Context;
use crate::error::Error;
use crate::options::context_table::{self, ContextRow};
use crate::wait::Spin;
use ringmq_engine::{BackendChoice, EngineOptions};
use std::time::Duration;

/// What a context is made with.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContextOptions {
    pub(crate) engine: EngineOptions,
    /// What its sockets start with.
    pub(crate) spin: Spin,
}

/// Settings of a [`Context`] to be.
#[derive(Clone, Debug)]
pub struct ContextBuilder(ContextOptions);

impl ContextBuilder {
    pub(crate) fn new() -> Self {
        Self(ContextOptions::default())
    }

    pub(crate) fn options_mut(&mut self) -> &mut ContextOptions {
        &mut self.0
    }

    fn with<T>(mut self, option: &ContextRow<T>, value: T) -> Self {
        (option.set)(&mut self.0, value);
        self
    }

    /// How many I/O threads, 1 to 1024; 0 is taken for 1. Default 1: enough for a gigabyte a second.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// let context = Context::builder().io_threads(2).build()?;
    /// assert!(Context::builder().io_threads(1_000_000).build().is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_IO_THREADS")]
    pub fn io_threads(self, threads: usize) -> Self {
        self.with(&context_table::IO_THREADS, threads)
    }

    /// The cores of the I/O threads, one each in order; a thread beyond the list runs where the thread may
    /// run that makes the context. A core that this process may not use is an error. Default: not pinned.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// match Context::builder().pin_io_threads([0]).build() {
    ///     Ok(context) => println!("{context:?} has core 0"),
    ///     Err(error) => println!("{error}"), // this process may not use it
    /// }
    /// assert!(Context::builder().pin_io_threads([1_000_000]).build().is_err());
    /// ```
    pub fn pin_io_threads(self, cores: impl IntoIterator<Item = usize>) -> Self {
        self.with(&context_table::PIN_IO_THREADS, cores.into_iter().collect())
    }

    /// Which backend. Default [`BackendChoice::Auto`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::{BackendChoice, Context};
    /// let context = Context::builder().backend(BackendChoice::Mio).build()?;
    /// assert_eq!(context.backend()?.kind.name(), "mio");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn backend(self, choice: BackendChoice) -> Self {
        self.with(&context_table::BACKEND_CHOICE, choice)
    }

    /// How long an I/O thread stays awake after work. Default 50 microseconds; zero saves processor
    /// time and costs latency.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// use std::time::Duration;
    /// let frugal = Context::builder().io_patience(Duration::ZERO).build()?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn io_patience(self, patience: Duration) -> Self {
        self.with(&context_table::IO_PATIENCE, patience)
    }

    /// For how long the kernel polls network devices itself when somebody waits for them, instead of
    /// being interrupted by them: NAPI busy polling by the rings of the I/O threads, and `SO_BUSY_POLL`
    /// on the tcp connections of the context's sockets. 1 microsecond to 1 second. Default `None`: not
    /// at all.
    ///
    /// A wish: where the system does not grant it everything works without, and
    /// [`Context::tuning`] says why.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Granted};
    /// use std::time::Duration;
    /// let context = Context::builder().busy_poll(Some(Duration::from_micros(50))).build()?;
    /// assert_ne!(context.tuning()?.ring_busy_poll, Granted::NotAsked);
    /// assert!(Context::builder().busy_poll(Some(Duration::ZERO)).build().is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn busy_poll(self, time: Option<Duration>) -> Self {
        self.with(&context_table::CONTEXT_BUSY_POLL, time)
    }

    /// How late the kernel may wake the I/O threads for a timer (`PR_SET_TIMERSLACK`). 1 nanosecond to 1
    /// second. Default: what the thread has that makes the context, usually 50 microseconds. Linux only.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// use std::time::Duration;
    /// let exact = Context::builder().timer_slack(Duration::from_nanos(1)).build();
    /// assert_eq!(exact.is_ok(), cfg!(target_os = "linux"));
    /// assert!(Context::builder().timer_slack(Duration::ZERO).build().is_err());
    /// ```
    pub fn timer_slack(self, slack: Duration) -> Self {
        self.with(&context_table::TIMER_SLACK, Some(slack))
    }

    /// Runs the I/O threads in real time, first come first served (`SCHED_FIFO`), at a priority of 1
    /// (lowest) to 99. Default: as other threads. Linux only, and it takes `CAP_SYS_NICE` or a limit that
    /// allows it. Give them [cores](Self::pin_io_threads) of their own: nothing else runs where they do.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// if let Err(error) = Context::builder().realtime(50).build() {
    ///     println!("{error}"); // says what it takes
    /// }
    /// assert!(Context::builder().realtime(100).build().is_err());
    /// ```
    pub fn realtime(self, priority: u8) -> Self {
        self.with(&context_table::REALTIME, Some(priority))
    }

    /// Whether all memory of the process is kept from being paged out, also what it takes later
    /// (`mlockall`). Default no. Linux only; counts against `RLIMIT_MEMLOCK`. For good: it stays when the
    /// context is gone.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// let context = Context::builder().lock_memory(false).build()?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn lock_memory(self, on: bool) -> Self {
        self.with(&context_table::LOCK_MEMORY, on)
    }

    /// How many bytes of all peers together may wait to be received; `None` is no limit. Default: half of the
    /// machine's memory, or of what the process's control group has if that is less; 8 GiB where the system tells
    /// neither.
    ///
    /// At the limit nothing more is read from a peer of which messages wait, until those are taken. One that is in
    /// the midst of a large message (1 MiB of it is there) loses its connection, as nobody could take that before it
    /// is whole: that is an event of the [monitor](crate::Socket::monitor), and counted in
    /// [`totals`](crate::Socket::totals). Who sends little gets through. New connections are refused when the limit
    /// is exceeded by an eighth. A connection of which less than 256 KiB wait is not counted, and neither is what peers
    /// in the same process send.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// let context = Context::builder().max_waiting_bytes(Some(500_000_000)).build()?;
    /// assert_eq!(context.waiting_bytes(), 0);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_waiting_bytes(self, bytes: Option<u64>) -> Self {
        self.with(&context_table::CONTEXT_MAX_WAITING_BYTES, bytes)
    }

    /// How long threads that wait for a message look for it again and again before they block. Default
    /// [`Spin::Adaptive`]. A socket may [differ](crate::Socket::set_spin).
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Spin};
    /// let context = Context::builder().spin(Spin::Off).build()?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn spin(self, spin: Spin) -> Self {
        self.with(&context_table::CONTEXT_SPIN, spin)
    }

    /// The I/O threads are called `<name>/<number>`; the name is any text without a zero byte, of which Linux
    /// shows 15. Default `ringmq-io`.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// let context = Context::builder().thread_name("feed").build()?; // feed/0
    /// assert!(Context::builder().thread_name("fe\0ed").build().is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_THREAD_NAME_PREFIX")]
    pub fn thread_name(self, name: &str) -> Self {
        self.with(&context_table::THREAD_NAME_PREFIX, name.to_owned())
    }

    /// Makes the context and starts its I/O threads.
    ///
    /// # Errors
    /// [`Error::BackendUnavailable`] if the backend asked for cannot be had, [`Error::InvalidOption`] for a
    /// setting that cannot be had, [`Error::Io`] if the system refuses threads or descriptors.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Error};
    /// let context = Context::builder().io_threads(2).build()?;
    /// let refused = Context::builder().realtime(0).build();
    /// assert!(matches!(refused, Err(Error::InvalidOption { option: "realtime", .. })));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn build(self) -> Result<Context, Error> {
        let context = Context::with(self.0);
        context.backend()?;
        Ok(context)
    }
}
