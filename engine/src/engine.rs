//! The engine: the I/O threads of one context.

use crate::backend::{BackendReport, BackendUnavailable, Chosen};
use crate::io_thread::{IoHandle, IoThread, Population};
use crate::options::EngineOptions;
use std::io;
use std::sync::Arc;

/// Why an engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The backend asked for is not to be had.
    #[error(transparent)]
    Backend(#[from] BackendUnavailable),
    /// The system refused a thread, a ring or a poll.
    #[error("cannot start an I/O thread: {0}")]
    Thread(#[from] io::Error),
}

/// A set of I/O threads. Dropping it stops them, whatever they were doing:
/// [wait](Self::wait_until_idle) first for what should be finished.
pub struct Engine {
    threads: Vec<IoThread>,
    report: BackendReport,
    live: Arc<Population>,
}

impl Engine {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the backend asked for cannot be had, or the system refuses threads or descriptors.
    pub fn start(options: &EngineOptions) -> Result<Self, StartError> {
        let chosen = Chosen::new(options.backend)?;
        let live = Arc::<Population>::default();
        let threads = (0..options.io_threads.max(1))
            .map(|index| IoThread::start(index, &chosen, options, &live))
            .collect::<Result<_, _>>()?;
        tracing::debug!(backend = %chosen.0, "engine started");
        Ok(Self { threads, report: chosen.0, live })
    }

    /// Which backend is in use, and why.
    pub fn backend(&self) -> &BackendReport {
        &self.report
    }

    /// The thread with the fewest handlers among those whose bit is set in `affinity` (bit 0 is the
    /// first; 0 allows all).
    pub fn choose(&self, affinity: u64) -> &IoHandle {
        let allowed = |index: &usize| affinity == 0 || affinity >> (index % 64) & 1 == 1;
        let best = (0..self.threads.len())
            .filter(allowed)
            .min_by_key(|index| self.threads[*index].handle.load())
            // A mask that names no thread at all means all of them.
            .unwrap_or(0);
        &self.threads[best].handle
    }

    /// Waits until no handler is left: every session has ended or lingered out.
    pub fn wait_until_idle(&self) {
        self.live.wait_empty();
    }
}
