//! The settings of a context, before there is one.

use crate::context::Context;
use crate::error::Error;
use crate::wait::Spin;
use ringmq_engine::{BackendChoice, EngineOptions};
use std::time::Duration;

/// Settings of a [`Context`] to be.
#[derive(Clone, Debug)]
pub struct ContextBuilder {
    options: EngineOptions,
    spin: Spin,
}

impl ContextBuilder {
    pub(crate) fn new() -> Self {
        Self { options: EngineOptions::default(), spin: Spin::default() }
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
    pub fn io_threads(mut self, threads: usize) -> Self {
        self.options.io_threads = threads.max(1);
        self
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
    pub fn pin_io_threads(mut self, cores: impl IntoIterator<Item = usize>) -> Self {
        self.options.cores = cores.into_iter().collect();
        self
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
    pub fn backend(mut self, choice: BackendChoice) -> Self {
        self.options.backend = choice;
        self
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
    pub fn busy_poll(mut self, time: Option<Duration>) -> Self {
        self.options.busy_poll = time;
        self
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
    pub fn timer_slack(mut self, slack: Duration) -> Self {
        self.options.timer_slack = Some(slack);
        self
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
    pub fn realtime(mut self, priority: u8) -> Self {
        self.options.realtime = Some(priority);
        self
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
    pub fn lock_memory(mut self, on: bool) -> Self {
        self.options.lock_memory = on;
        self
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
    pub fn spin(mut self, spin: Spin) -> Self {
        self.spin = spin;
        self
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
    pub fn thread_name(mut self, name: &str) -> Self {
        self.options.thread_name = name.to_owned();
        self
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
        let context = Context::with(self.options, self.spin);
        context.backend()?;
        Ok(context)
    }
}
