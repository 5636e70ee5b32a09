//! Endpoints within a process: names, who has bound them, and who waits for them to be bound.
//!
//! Two sockets of one context share a pipe, an end for each; no thread stands between them. A connect
//! may come before its bind: the far end of its pipe then waits here.

use crate::endpoint::InprocName;
use crate::owner::Offer;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A socket that has bound a name. Called on the connecting socket's thread.
pub trait Acceptor: Send + Sync {
    /// Takes the far end of a pipe.
    fn offer(&self, offer: Offer);
}

/// The names of one context.
#[derive(Default)]
pub struct Inproc {
    names: Mutex<HashMap<InprocName, Name>>,
}

enum Name {
    Bound(Arc<dyn Acceptor>),
    Awaited(Vec<Offer>),
}

impl Inproc {
    /// Binds a name and hands over what waited for it. `false` if somebody has it already.
    pub fn bind(&self, name: InprocName, acceptor: &Arc<dyn Acceptor>) -> bool {
        let waiting = match self.lock().entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(Name::Bound(acceptor.clone()));
                Vec::new()
            }
            Entry::Occupied(mut entry) => {
                if matches!(entry.get(), Name::Bound(_)) {
                    return false;
                }
                match entry.insert(Name::Bound(acceptor.clone())) {
                    Name::Awaited(offers) => offers,
                    Name::Bound(_) => Vec::new(),
                }
            }
        };
        for offer in waiting {
            acceptor.offer(offer);
        }
        true
    }

    /// Gives a name up: connects made from now on wait for the next bind.
    pub fn unbind(&self, name: &InprocName) {
        let mut names = self.lock();
        if matches!(names.get(name), Some(Name::Bound(_))) {
            names.remove(name);
        }
    }

    /// Connects to a name: hands the far end of a pipe to whoever has bound it, or keeps it until
    /// somebody does.
    pub fn connect(&self, name: &InprocName, offer: Offer) {
        let mut names = self.lock();
        match names.entry(name.clone()).or_insert_with(|| Name::Awaited(Vec::new())) {
            Name::Bound(acceptor) => {
                let acceptor = acceptor.clone();
                drop(names);
                acceptor.offer(offer);
            }
            Name::Awaited(offers) => offers.push(offer),
        }
    }

    /// Drops everything that waits: the context ends.
    pub fn clear(&self) {
        let names = std::mem::take(&mut *self.lock());
        drop(names);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<InprocName, Name>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
