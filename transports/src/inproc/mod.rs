//! Endpoints within a process: names, who has bound them, and who waits for them to be bound.
//!
//! Two sockets of one context share a pipe, an end for each; no thread stands between them. A connect
//! may come before its bind: the far end of its pipe then waits here, and is taken back by whoever
//! closes the near one. What was sent into it stays for the linger time: there is no thread whose timer
//! could end that, so whoever comes here next does.

pub(crate) mod endpoint;
mod names;

use crate::endpoint::InprocName;
use crate::owner::Offer;
use names::{Met, NameTable};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A socket that has bound a name. Called on the connecting socket's thread.
pub trait Acceptor: Send + Sync {
    /// Takes the far end of a pipe.
    fn offer(&self, offer: Offer);
}

/// A connect that waits for its bind, for whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Gives the far end of a pipe to the socket that it is for.
fn hand_over(acceptor: &dyn Acceptor, offer: Offer) {
    let state = offer.end.state.clone();
    acceptor.offer(offer);
    state.over(0);
}

/// Drops the far end of a pipe that nobody has taken.
fn lose(mut offer: Offer) {
    let mut lost = 0;
    // What is still written counts as lost, and comes to an end.
    offer.end.rx.set_hwm(1);
    while let Some(frame) = offer.end.rx.read() {
        lost += u64::from(!frame.more());
    }
    offer.end.state.over(lost);
}

/// The names of one context.
///
/// Pipes are handed over and dropped without the lock held: both may run code of the application's.
#[derive(Default)]
pub struct Inproc {
    names: Mutex<NameTable>,
}

impl Inproc {
    /// Binds a name and hands over what waited for it. `false` if somebody has it already.
    pub fn bind(&self, name: InprocName, acceptor: &Arc<dyn Acceptor>) -> bool {
        let (over, awaited) = {
            let mut names = self.lock();
            (names.sweep(Instant::now()), names.bind(name, acceptor))
        };
        over.into_iter().for_each(lose);
        let Some(awaited) = awaited else { return false };
        awaited.into_iter().for_each(|offer| hand_over(&**acceptor, offer));
        true
    }

    /// Gives a name up: connects made from now on wait for the next bind.
    pub fn unbind(&self, name: &InprocName) {
        let _acceptor = self.lock().unbind(name);
    }

    /// Connects to a name: hands the far end of a pipe to whoever has bound it, or keeps it until
    /// somebody does. Then it is for the caller to [withdraw](Self::withdraw).
    pub fn connect(&self, name: &InprocName, offer: Offer) -> Option<Ticket> {
        let (over, met) = {
            let mut names = self.lock();
            (names.sweep(Instant::now()), names.connect(name, offer))
        };
        over.into_iter().for_each(lose);
        match met {
            Met::Waits(ticket) => Some(ticket),
            Met::Bound(acceptor, offer) => {
                hand_over(&*acceptor, offer);
                None
            }
        }
    }

    /// Takes back a connect that waits, if it still does. To be called when the near end of its pipe is
    /// closed; what was sent into that stays for its linger time.
    pub fn withdraw(&self, name: &InprocName, ticket: Ticket) {
        let now = Instant::now();
        let (over, withdrawn) = {
            let mut names = self.lock();
            (names.sweep(now), names.withdraw(now, name, ticket))
        };
        over.into_iter().chain(withdrawn).for_each(lose);
    }

    /// Whether a connect still waits for its bind.
    pub fn is_waiting(&self, name: &InprocName, ticket: Ticket) -> bool {
        self.lock().is_waiting(name, ticket)
    }

    /// Whether somebody has bound a name.
    pub fn is_bound(&self, name: &InprocName) -> bool {
        self.lock().is_bound(name)
    }

    /// How many connects wait for a bind.
    pub fn waiting(&self) -> usize {
        self.lock().waiting()
    }

    /// Drops everything that waits: the context ends.
    pub fn clear(&self) {
        let names = std::mem::take(&mut *self.lock());
        names.into_offers().for_each(lose);
    }

    /// The linger time of pipes was changed: those are dropped that have none any more.
    pub fn linger_changed(&self) {
        let now = Instant::now();
        let over = {
            let mut names = self.lock();
            names.linger_changed(now);
            names.sweep(now)
        };
        over.into_iter().for_each(lose);
    }

    /// Drops what has lingered for long enough; when there is more of that to do. Within a process no I/O
    /// thread looks after it.
    pub fn sweep(&self) -> Option<Instant> {
        let now = Instant::now();
        let (over, next) = {
            let mut names = self.lock();
            (names.sweep(now), names.next_deadline())
        };
        over.into_iter().for_each(lose);
        next
    }

    fn lock(&self) -> MutexGuard<'_, NameTable> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
