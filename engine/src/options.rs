//! What an engine is started with.

use crate::backend::{BackendChoice, memory, thread};
use std::time::Duration;

/// How long an I/O thread stays awake after work: about twice what waking it costs the waker.
const PATIENCE: Duration = Duration::from_micros(50);

/// Cores that threads may run on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoreSet(Option<thread::Cores>);

impl CoreSet {
    /// Those of the calling thread, which may be bound to other ones later. Nothing is kept where the system
    /// does not tell.
    pub fn of_this_thread() -> Self {
        Self(thread::cores())
    }

    /// Has the calling thread run on these. They may be forbidden by now: then it stays where it is.
    pub(crate) fn bind_thread(&self) {
        if let Some(cores) = &self.0
            && thread::cores().as_ref() != Some(cores)
            && let Err(error) = thread::set_cores(cores)
        {
            tracing::debug!(%error, "an I/O thread runs where it was started");
        }
    }
}

/// The settings of an [`Engine`](crate::Engine).
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// How many I/O threads, at least one. Default 1.
    pub io_threads: usize,
    /// The core of each I/O thread, in order; threads beyond the list are not pinned. Default empty.
    pub cores: Vec<usize>,
    /// Where threads beyond that list may run. Default [`CoreSet::default`]: where the thread may that starts
    /// the engine.
    pub others: CoreSet,
    /// Which backend. Default [`BackendChoice::Auto`].
    pub backend: BackendChoice,
    /// How long an I/O thread yields the processor instead of sleeping after it had something to do.
    pub patience: Duration,
    /// How long the kernel polls network devices for those who wait, instead of being interrupted by
    /// them. Default `None`: not at all.
    pub busy_poll: Option<Duration>,
    /// How late the kernel may wake the I/O threads for a timer. Default `None`: what the system has.
    pub timer_slack: Option<Duration>,
    /// The priority of the I/O threads among those of real time, 1 to 99. Default `None`: as others.
    pub realtime: Option<u8>,
    /// Whether all memory of the process is to stay in memory. Default no.
    pub lock_memory: bool,
    /// Bytes that peers may have sent and the application not taken, in all connections. `None` is no limit.
    /// Default: [half of the machine's memory](crate::default_max_waiting_bytes).
    pub max_waiting_bytes: Option<u64>,
    /// The I/O threads are called `<thread_name>/<number>`. Default `ringmq-io`.
    pub thread_name: String,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            io_threads: 1,
            cores: Vec::new(),
            others: CoreSet::default(),
            backend: BackendChoice::Auto,
            patience: PATIENCE,
            busy_poll: None,
            timer_slack: None,
            realtime: None,
            lock_memory: false,
            max_waiting_bytes: Some(memory::default_max_waiting_bytes()),
            thread_name: "ringmq-io".into(),
        }
    }
}
