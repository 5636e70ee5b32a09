//! The engine: the I/O threads of one context.

use crate::backend::{BackendReport, BackendUnavailable, Chosen};
use crate::context_bytes::ContextBytes;
use crate::io_thread::{EngineShared, HandlerCount, IoHandle, IoThread};
use crate::options::EngineOptions;
use crate::tuning::{self, Granted, SettingError, TuningReport};
use ringmq_pipe::{Section, Waiters};
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// Why an engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The backend asked for is not to be had.
    #[error(transparent)]
    Backend(#[from] BackendUnavailable),
    /// The system refused a thread, a ring or a poll.
    #[error("cannot start an I/O thread: {0}")]
    Thread(#[from] io::Error),
    /// A setting has a value that it cannot have, or that the system does not grant.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

/// A set of I/O threads. Dropping it stops them, whatever they were doing, and waits until they have ended:
/// [wait](Self::wait_until_idle) before, or let them [retire](Self::retire), for what is to be done yet.
///
/// An I/O thread, of this engine or of another one, never waits: it may be what others wait for. Dropped
/// there, the threads end by themselves, soon.
pub struct Engine {
    threads: Vec<IoThread>,
    report: BackendReport,
    tuned: TuningReport,
    live: Arc<HandlerCount>,
    waiting_bytes: Arc<ContextBytes>,
}

impl Engine {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the backend asked for or a setting cannot be had, or the system refuses threads or
    /// descriptors.
    pub fn start(options: &EngineOptions) -> Result<Self, StartError> {
        tuning::check(options)?;
        let chosen = Chosen::new(options.backend)?;
        if options.lock_memory {
            tuning::lock_memory()?;
        }
        match Self::start_with(chosen.clone(), options) {
            // One ring was to be had, but not one for each thread.
            Err(StartError::Thread(error)) => match chosen.instead(&error) {
                Some(other) => Self::start_with(other, options),
                None => Err(error.into()),
            },
            Err(StartError::Backend(refused)) => {
                Self::start_with(chosen.without_uring(&refused.reason)?, options)
            }
            result => result,
        }
    }

    fn start_with(chosen: Chosen, options: &EngineOptions) -> Result<Self, StartError> {
        let live = Arc::<HandlerCount>::default();
        let waiting_bytes = Arc::new(ContextBytes::new(options.max_waiting_bytes));
        let shared = EngineShared { live: live.clone(), waiting_bytes: waiting_bytes.clone() };
        let threads: Vec<IoThread> = (0..options.io_threads.max(1))
            .map(|index| IoThread::start(index, &chosen, options, &shared))
            .collect::<Result<_, _>>()?;
        let tuned = TuningReport {
            // All of them are alike.
            ring_busy_poll: threads
                .first()
                .map(|first| first.busy_poll.clone())
                .unwrap_or_default(),
            socket_busy_poll: options.busy_poll.map_or(Granted::NotAsked, tuning::socket_busy_poll),
        };
        if options.busy_poll.is_some() {
            let TuningReport { ring_busy_poll, socket_busy_poll } = tuned.clone();
            Section::run_after(
                move || tracing::info!(%ring_busy_poll, %socket_busy_poll, "busy polling"),
            );
        }
        let backend = chosen.report.clone();
        Section::run_after(move || tracing::debug!(%backend, "engine started"));
        Ok(Self { threads, report: chosen.report, tuned, live, waiting_bytes })
    }

    /// Which backend is in use, and why.
    pub fn backend(&self) -> &BackendReport {
        &self.report
    }

    /// What became of the settings that are wishes.
    pub fn tuning(&self) -> &TuningReport {
        &self.tuned
    }

    /// The thread with the fewest handlers among those whose bit is set in `affinity` (bit 0 is the
    /// first; 0 allows all).
    pub fn choose(&self, affinity: u64) -> &IoHandle {
        let allowed = |index: &usize| affinity >> (index % 64) & 1 == 1;
        let all = 0..self.threads.len();
        let load = |index: &usize| self.threads[*index].handle.load();
        let best = all.clone().filter(allowed).min_by_key(load);
        // A mask that names no thread at all means all of them.
        let best = best.or_else(|| all.min_by_key(load)).unwrap_or(0);
        &self.threads[best].handle
    }

    /// Ends each thread with its last handler, when every session has ended or lingered out. Nobody waits for
    /// that.
    pub fn retire(self) {
        self.threads.into_iter().for_each(IoThread::retire);
    }

    /// As [`retire`](Self::retire), for one that others may wait for still.
    pub fn retire_when_idle(&self) {
        self.threads.iter().for_each(IoThread::retire_when_idle);
    }

    /// Whether no handler is left: every session has ended or lingered out.
    pub fn is_idle(&self) -> bool {
        self.live.is_empty()
    }

    /// Waits until the engine [is idle](Self::is_idle), or until a time (`None`: however long it takes);
    /// whether it is. Not on an I/O thread, which would wait for itself.
    pub fn wait_until_idle(&self, until: Option<Instant>) -> bool {
        self.live.wait_empty(until)
    }

    /// The tasks that are woken when the engine [is idle](Self::is_idle).
    pub fn idle_waiters(&self) -> &Waiters {
        &self.live.waiters
    }

    /// Bytes that peers have sent and the application has not taken, of those connections that have much of
    /// that.
    pub fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes.counted()
    }

    /// All threads.
    pub fn threads(&self) -> impl Iterator<Item = &IoHandle> {
        self.threads.iter().map(|thread| &thread.handle)
    }
}
