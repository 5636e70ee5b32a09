//! What lingers in a context: the pipes that their sockets have closed while messages were left in them.
//!
//! The sessions and connecters of such a pipe go on by themselves. This is where others see how far they are,
//! change how long they may take, and where they tell when it is over.

use super::unfinished::Waiting;
use crate::inner::mailbox::SocketMailbox;
use crate::inner::pipes::Pipe;
use ringmq_engine::{IoHandle, MonitorEvent, Notice, PipeState};
use ringmq_pipe::{PipeDepth, Section};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Each time linger gives something up is told at WARN, unless there was another one so shortly before.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// See the [module's documentation](self).
#[derive(Default)]
pub(crate) struct Lingering {
    pipes: Mutex<Vec<LingeringPipe>>,
    /// The threads that sessions and connecters are on, once there are any.
    io: Mutex<Vec<IoHandle>>,
    /// Messages that were given up, of all sockets. A figure: relaxed throughout.
    gave_up: AtomicU64,
    told: Mutex<Option<Instant>>,
}

struct LingeringPipe {
    socket: Weak<SocketMailbox>,
    /// What was bound or connected.
    endpoint: Arc<str>,
    depth: PipeDepth,
    state: Weak<PipeState>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lingering {
    /// The threads have started.
    pub(crate) fn set_threads<'a>(&self, threads: impl Iterator<Item = &'a IoHandle>) {
        *lock(&self.io) = threads.cloned().collect();
    }

    /// A socket is about to close a pipe of one of its endpoints.
    pub(crate) fn add(
        self: &Arc<Self>,
        socket: &Arc<SocketMailbox>,
        pipe: &Pipe,
        endpoint: Arc<str>,
    ) {
        // Another socket of this process has what was sent to it.
        let delivered = pipe.direct && pipe.peer.is_some();
        let depth = pipe.end.tx.last_depth();
        if delivered || depth.left() == 0 {
            return;
        }
        socket.lingering.fetch_add(1, Ordering::SeqCst);
        let state = Arc::downgrade(&pipe.end.state);
        let entry = LingeringPipe {
            socket: Arc::downgrade(socket),
            endpoint: endpoint.clone(),
            depth,
            state,
        };
        let mut pipes = lock(&self.pipes);
        if pipes.len() == pipes.capacity() {
            // Only before it grows, so that thousands of pipes are not looked at for each new one.
            pipes.retain(|pipe| !pipe.depth.is_over());
        }
        pipes.push(entry);
        drop(pipes);
        let (this, socket) = (self.clone(), socket.clone());
        let over = move |lost| this.over(&socket, endpoint, lost);
        pipe.end.state.set_when_over(Box::new(over));
    }

    /// A pipe is over, and `lost` messages with it.
    fn over(&self, socket: &SocketMailbox, endpoint: Arc<str>, lost: u64) {
        self.gave_up.fetch_add(lost, Ordering::Relaxed);
        socket.gave_up.fetch_add(lost, Ordering::Relaxed);
        // SeqCst: as everywhere; who waits has registered before it looked.
        socket.lingering.fetch_sub(1, Ordering::SeqCst);
        socket.waiters.wake();
        if lost > 0 {
            self.tell(socket.socket_type.name(), endpoint.clone(), lost);
            let event = MonitorEvent::LingerGaveUp { endpoint, messages: lost };
            socket.reporter.monitors.publish(&event);
        }
    }

    /// Writes it to the log, which is code of the application: when no lock is held any more.
    fn tell(&self, socket: &'static str, endpoint: Arc<str>, messages: u64) {
        let (now, in_all) = (Instant::now(), self.gave_up());
        let before = {
            let mut told = lock(&self.told);
            let again = told.is_some_and(|told| now.duration_since(told) < TOLD_EVERY);
            if again {
                true
            } else {
                told.replace(now);
                false
            }
        };
        Section::run_after(move || {
            let endpoint = &*endpoint;
            if before {
                tracing::debug!(socket, endpoint, messages, in_all, "gave up what lingered");
                return;
            }
            tracing::warn!(
                socket,
                endpoint,
                messages,
                in_all,
                "gave up messages that were not delivered: the linger time is over, or their peer has gone"
            );
        });
    }

    /// Messages that linger gave up, of all sockets.
    pub(crate) fn gave_up(&self) -> u64 {
        self.gave_up.load(Ordering::Relaxed)
    }

    /// How many messages wait for which endpoint.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let mut waiting = BTreeMap::<Arc<str>, u64>::new();
        for pipe in lock(&self.pipes).iter() {
            let messages = pipe.depth.left();
            if messages > 0 {
                *waiting.entry(pipe.endpoint.clone()).or_default() += messages;
            }
        }
        let entry = |(endpoint, messages): (Arc<str>, u64)| Waiting {
            endpoint: endpoint.to_string(),
            messages,
        };
        waiting.into_iter().map(entry).collect()
    }

    /// What lingers, of one socket or of all, lingers for so much longer. It is for the caller to look after
    /// endpoints within the process.
    pub(crate) fn change(&self, socket: Option<&SocketMailbox>, linger: Option<Duration>) {
        let is_meant = |pipe: &LingeringPipe| {
            socket.is_none_or(|socket| std::ptr::eq(pipe.socket.as_ptr(), socket))
        };
        let states: Vec<_> = lock(&self.pipes)
            .iter()
            .filter(|pipe| is_meant(pipe))
            .filter_map(|pipe| pipe.state.upgrade())
            .collect();
        for state in states {
            state.change_linger(linger);
        }
        for io in &*lock(&self.io) {
            io.tell_all(|| Notice::LingerChanged);
        }
    }
}
