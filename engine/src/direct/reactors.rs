//! The reactors of runtimes that watch a connection, for their tasks: each registered once, when it is first
//! needed, until the connection ends or the runtime does.

use super::Direct;
use crate::backend::{Stream, StreamWatch};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::{Handle, Id};

/// Runtimes without I/O that are remembered.
const REMEMBERED: usize = 64;

/// Runtimes that were found to have no I/O: to find out is a panic in there, that its hook tells of.
static WITHOUT_IO: Mutex<Vec<Id>> = Mutex::new(Vec::new());

/// The reactors that watch a connection, and what they watch: `None` when the connection has ended, so that
/// it is closed then, and where it is no stream.
pub(super) struct Reactors(Mutex<Option<RegisteredStream>>);

struct RegisteredStream {
    stream: Stream,
    watches: Vec<(Id, Arc<StreamWatch>)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reactors {
    /// Of nothing, there is none.
    pub(super) fn new(stream: Option<Stream>) -> Self {
        Self(Mutex::new(stream.map(|stream| RegisteredStream { stream, watches: Vec::new() })))
    }

    pub(super) fn close(&self) {
        let gone = lock(&self.0).take();
        // With no lock held: a runtime has locks of its own.
        drop(gone);
    }
}

impl RegisteredStream {
    /// Takes out the reactors that are gone with their runtimes: each keeps descriptors open.
    fn take_gone(&mut self) -> Vec<(Id, Arc<StreamWatch>)> {
        self.watches.extract_if(.., |(_, watch)| watch.is_gone()).collect()
    }

    /// Registers the stream with a runtime's reactor.
    fn register(&mut self, runtime: &Handle) -> Option<Arc<StreamWatch>> {
        if lock(&WITHOUT_IO).contains(&runtime.id()) {
            return None;
        }
        let _entered = runtime.enter();
        match StreamWatch::new(self.stream.clone()) {
            Ok(watch) => {
                let watch = Arc::new(watch);
                self.watches.push((runtime.id(), watch.clone()));
                Some(watch)
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::Unsupported {
                    let mut known = lock(&WITHOUT_IO);
                    if known.len() == REMEMBERED {
                        known.remove(0);
                    }
                    known.push(runtime.id());
                }
                None
            }
        }
    }
}

impl Direct {
    /// The connection as the reactor of a runtime watches it; `None` if it cannot, or the connection has
    /// ended.
    pub fn stream_watch(&self, runtime: &Handle) -> Option<Arc<StreamWatch>> {
        // Dropped last, with no lock held: a runtime has locks of its own.
        let _gone;
        let mut watched = lock(&self.reactors.0);
        let watched = watched.as_mut()?;
        let known = watched.watches.iter().find(|(id, _)| *id == runtime.id());
        match known {
            Some((_, watch)) => Some(watch.clone()),
            None => {
                _gone = watched.take_gone();
                watched.register(runtime)
            }
        }
    }

    /// A reactor is gone with its runtime.
    pub fn forget_watch(&self, gone: &Arc<StreamWatch>) {
        if let Some(watched) = &mut *lock(&self.reactors.0) {
            watched.watches.retain(|(_, watch)| !Arc::ptr_eq(watch, gone));
        }
    }
}
