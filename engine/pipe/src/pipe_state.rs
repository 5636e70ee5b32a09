//! What both ends of a pipe see, and those who watch it.

use crate::sync::{Mutex, lock};
use std::ops::DerefMut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What both ends of a pipe and those who watch it can see.
///
/// `D` is how a thread reaches the connection of the pipe [directly](Self::direct).
pub struct PipeState<D = ()> {
    /// A peer has completed its handshake at the far end (always so between two sockets of a process).
    pub connected: AtomicBool,
    /// Messages that were written to this pipe and lost at its far end: see [`over`](Self::over).
    pub dropped: AtomicU64,
    direct: Mutex<Option<std::sync::Arc<D>>>,
    told: Mutex<u64>,
    /// How long unsent messages are kept once the socket has closed its end; see [`closing`](Self::closing).
    linger: AtomicU64,
    /// It was [changed](Self::change_linger) after the end was closed, and nobody has acted on that.
    linger_changed: AtomicBool,
    /// Who hears of the far end's end.
    end: Mutex<PipeOver>,
}

/// What is known of the far end's end.
enum PipeOver {
    NotYet,
    /// Who wants to hear of it.
    Tell(WhenOver),
    /// It has come.
    Over,
}

/// Called when a pipe that its socket has closed is over, with how many messages were lost with it. Runs on
/// the thread at the far end: it must be quick and must not block.
pub type WhenOver = Box<dyn FnOnce(u64) + Send>;

/// [`PipeState::linger`] of a pipe whose socket has not closed it.
const OPEN: u64 = u64::MAX;
/// [`PipeState::linger`] for ever.
const FOR_EVER: u64 = u64::MAX - 1;

impl<D> Default for PipeState<D> {
    fn default() -> Self {
        Self {
            connected: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            direct: Mutex::new(None),
            told: Mutex::new(0),
            linger: AtomicU64::new(OPEN),
            linger_changed: AtomicBool::new(false),
            end: Mutex::new(PipeOver::NotYet),
        }
    }
}

/// Whole milliseconds that are not less.
fn in_millis(time: Duration) -> u128 {
    time.as_nanos().div_ceil(1_000_000)
}

impl<D> PipeState<D> {
    /// The connection between the pipe and the wire, while there is one, for threads that read and
    /// write it themselves.
    pub fn direct(&self) -> Option<std::sync::Arc<D>> {
        lock(&self.direct).clone()
    }

    /// Says which connection that is, or that there is none any more.
    pub fn set_direct(&self, direct: Option<std::sync::Arc<D>>) {
        let old = std::mem::replace(&mut *lock(&self.direct), direct);
        // Not with the lock held: it may be the last reference.
        drop(old);
    }

    /// The socket is about to drop its end: what it has written is to be sent for `linger` more,
    /// or however long it takes if that is `None`.
    pub fn close(&self, linger: Option<Duration>) {
        let millis = linger.map_or(FOR_EVER, |l| in_millis(l).min(u128::from(FOR_EVER - 1)) as u64);
        // Release: pairs with the Acquire in `closing`.
        self.linger.store(millis, Ordering::Release);
    }

    /// Of a pipe that is [closed](Self::close): what is left of it is to be sent for so much longer, from when
    /// the far end is told to look. `false` if it is not closed.
    pub fn change_linger(&self, linger: Option<Duration>) -> bool {
        if self.closing().is_none() {
            return false;
        }
        self.close(linger);
        // Release: pairs with the Acquire in `take_linger_change`.
        self.linger_changed.store(true, Ordering::Release);
        true
    }

    /// Whether the linger time is to be counted anew; clears that.
    pub fn take_linger_change(&self) -> bool {
        self.linger_changed.swap(false, Ordering::Acquire)
    }

    /// Says who hears of the end of this pipe, which is about to be closed. Heard at once if that has come.
    pub fn set_when_over(&self, when_over: WhenOver) {
        let mut end = lock(&self.end);
        if matches!(*end, PipeOver::Over) {
            drop(end);
            return when_over(0);
        }
        *end = PipeOver::Tell(when_over);
    }

    /// Nothing more is going to be sent: the far end is going, and `lost` messages with it, or another socket
    /// has it. `true` if somebody [wanted to hear](Self::set_when_over) of that, and has.
    pub fn over(&self, lost: u64) -> bool {
        self.dropped.fetch_add(lost, Ordering::Relaxed);
        let before = std::mem::replace(&mut *lock(&self.end), PipeOver::Over);
        let PipeOver::Tell(when_over) = before else { return false };
        when_over(lost);
        true
    }

    /// `Some(linger)` once the socket has closed its end; see [`close`](Self::close).
    pub fn closing(&self) -> Option<Option<Duration>> {
        match self.linger.load(Ordering::Acquire) {
            OPEN => None,
            FOR_EVER => Some(None),
            millis => Some(Some(Duration::from_millis(millis))),
        }
    }

    /// Whether a peer is there.
    pub fn is_connected(&self) -> bool {
        // SeqCst: pairs with the stores of the sessions, of which any may be the last.
        self.connected.load(Ordering::SeqCst)
    }

    /// The number of the latest change that the connection was told of, for sockets that tell each
    /// connection at its beginning how things stand, and from then on how they change.
    ///
    /// The session holds this while a connection begins, and the socket while it writes a change: so
    /// a change is either part of what the connection was told at its beginning, or in the pipe behind
    /// that, and never both.
    pub fn told(&self) -> impl DerefMut<Target = u64> + '_ {
        lock(&self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linger_time_changes_only_after_the_end() {
        let state = PipeState::<()>::default();
        assert!(!state.change_linger(Some(Duration::ZERO)));
        assert_eq!((state.closing(), state.take_linger_change()), (None, false));
        state.close(None);
        assert!(state.change_linger(Some(Duration::from_secs(1))));
        assert_eq!(state.closing(), Some(Some(Duration::from_secs(1))));
        assert!(state.take_linger_change() && !state.take_linger_change());
    }

    #[test]
    fn who_is_to_hear_of_the_end_hears_of_it_once() {
        let state = PipeState::<()>::default();
        let told = std::sync::Arc::new(AtomicU64::new(0));
        let teller = told.clone();
        state.set_when_over(Box::new(move |lost| _ = teller.fetch_add(lost, Ordering::Relaxed)));
        assert!(state.over(7), "of these");
        assert!(!state.over(5), "not of those");
        let teller = told.clone();
        state.set_when_over(Box::new(move |lost| {
            _ = teller.fetch_add(lost + 100, Ordering::Relaxed)
        }));
        let dropped = state.dropped.load(Ordering::Relaxed);
        assert_eq!(
            (told.load(Ordering::Relaxed), dropped),
            (107, 12),
            "who asks late hears at once"
        );
    }

    #[test]
    fn a_linger_time_is_never_cut_to_nothing() {
        let state = PipeState::<()>::default();
        assert_eq!(state.closing(), None);
        for (linger, told) in [
            (Some(Duration::ZERO), Some(Duration::ZERO)),
            (Some(Duration::from_nanos(1)), Some(Duration::from_millis(1))),
            (Some(Duration::from_micros(1001)), Some(Duration::from_millis(2))),
            (Some(Duration::MAX), Some(Duration::from_millis(FOR_EVER - 1))),
            (None, None),
        ] {
            state.close(linger);
            assert_eq!(state.closing(), Some(told), "{linger:?}");
        }
    }
}
