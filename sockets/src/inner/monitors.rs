//! Who watches a socket: a bounded queue of events for each monitor.

use ringmq_engine::MonitorEvent;
use ringmq_pipe::{Section, Waiters};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Events kept for a monitor that does not read them; later ones are dropped and counted.
const KEPT: usize = 10_000;

/// The monitors of one socket.
#[derive(Default)]
pub(crate) struct Monitors {
    any: AtomicBool,
    queues: Mutex<Vec<Weak<EventQueue>>>,
}

/// The events of one monitor.
#[derive(Default)]
pub(crate) struct EventQueue {
    events: Mutex<VecDeque<MonitorEvent>>,
    pub(crate) missed: AtomicU64,
    /// The socket is closed: no more events.
    pub(crate) ended: AtomicBool,
    pub(crate) waiters: Waiters,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Monitors {
    pub(crate) fn add(&self) -> Arc<EventQueue> {
        let queue = Arc::<EventQueue>::default();
        lock(&self.queues).push(Arc::downgrade(&queue));
        self.any.store(true, Ordering::SeqCst);
        queue
    }

    pub(crate) fn publish(&self, event: &MonitorEvent) {
        if !self.any.load(Ordering::SeqCst) {
            return;
        }
        // Ends after the lock: who waits for the event may ask for another monitor.
        let _section = Section::enter();
        let mut queues = lock(&self.queues);
        queues.retain(|queue| match queue.upgrade() {
            Some(queue) => {
                queue.push(event.clone());
                true
            }
            None => false,
        });
    }

    pub(crate) fn end(&self) {
        let _section = Section::enter();
        for queue in lock(&self.queues).drain(..).filter_map(|queue| queue.upgrade()) {
            queue.ended.store(true, Ordering::SeqCst);
            queue.waiters.wake();
        }
    }
}

impl EventQueue {
    fn push(&self, event: MonitorEvent) {
        let mut events = lock(&self.events);
        if events.len() == KEPT {
            self.missed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        events.push_back(event);
        drop(events);
        self.waiters.wake();
    }

    pub(crate) fn pop(&self) -> Option<MonitorEvent> {
        lock(&self.events).pop_front()
    }
}
