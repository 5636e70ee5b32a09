//! What an engine is started with.

use crate::backend::BackendChoice;
use std::time::Duration;

/// How long an I/O thread stays awake after work: about twice what waking it costs the waker.
const PATIENCE: Duration = Duration::from_micros(50);

/// The settings of an [`Engine`](crate::Engine).
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// How many I/O threads, at least one. Default 1.
    pub io_threads: usize,
    /// The core of each I/O thread, in order; threads beyond the list are not pinned. Default empty.
    pub cores: Vec<usize>,
    /// Which backend. Default [`BackendChoice::Auto`].
    pub backend: BackendChoice,
    /// How long an I/O thread yields the processor instead of sleeping after it had something to do.
    pub patience: Duration,
    /// The I/O threads are called `<thread_name>/<number>`. Default `ringmq-io`.
    pub thread_name: String,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            io_threads: 1,
            cores: Vec::new(),
            backend: BackendChoice::Auto,
            patience: PATIENCE,
            thread_name: "ringmq-io".into(),
        }
    }
}
