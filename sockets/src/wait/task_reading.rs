//! Who reads for a future.
//!
//! A task of a tokio runtime reads its connections itself, with the feature of that name ([`reactor_look`]).
//! While it waits it holds nothing: the reading halves are lent, [`Direct::watch`](ringmq_engine::Direct::watch)
//! tells the sessions that somebody waits, and the runtime's reactor watches the streams. When one of them has
//! something, everybody who waits on the socket is woken, and whoever is polled first reads it. So it does not
//! matter whose waker a reactor has kept, nor whether that future is still there.
//!
//! Where there is no runtime, or one that cannot do that, the I/O thread reads.

#[cfg(all(unix, feature = "tokio"))]
mod reactor_look;

use super::Registration;
use crate::socket::Inner;
#[cfg(all(unix, feature = "tokio"))]
use reactor_look::{ReactorLook, WatchedConnections};
use std::task::Waker;

/// The reading of one future.
#[derive(Default)]
pub(super) struct TaskReading {
    #[cfg(all(unix, feature = "tokio"))]
    watched: Option<WatchedConnections>,
}

impl TaskReading {
    /// Does not wait any longer; `true` if others are to look, as this future has read for them.
    #[inline]
    pub(super) fn rest(&mut self) -> bool {
        #[cfg(all(unix, feature = "tokio"))]
        return self.watched.take().is_some();
        #[cfg(not(all(unix, feature = "tokio")))]
        false
    }

    /// Whether it has waited for connections.
    #[inline]
    pub(super) fn is_watching(&self) -> bool {
        #[cfg(all(unix, feature = "tokio"))]
        return self.watched.is_some();
        #[cfg(not(all(unix, feature = "tokio")))]
        false
    }

    /// Reads what there is, of connections whose reactor says that there may be something; from then on it
    /// tells, of the others too. Before it reads it takes the future, which the `task` polls, off the list of
    /// those who wait: what it reads it need not be told of.
    #[cfg(all(unix, feature = "tokio"))]
    pub(super) fn fetch(
        &mut self,
        inner: &Inner,
        registration: &mut Option<Registration<'_>>,
        task: &Waker,
    ) {
        let Ok(connections) = inner.lock().map(|mut core| core.direct_connections()) else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return self.leave(inner);
        };
        if connections.are_many() {
            return self.leave(inner);
        }
        let known = self.watched.take().filter(|watched| watched.are(&connections));
        let mut watched = known.unwrap_or_else(|| WatchedConnections::new(connections));
        let mut look = ReactorLook::new(inner, registration, task);
        watched.look(&mut look, &runtime);
        self.watched = Some(watched);
    }

    /// Whoever waits without a thread has nobody to read for it but the I/O thread.
    #[cfg(not(all(unix, feature = "tokio")))]
    pub(super) fn fetch(&mut self, inner: &Inner, _: &mut Option<Registration<'_>>, _: &Waker) {
        self.leave(inner);
    }

    /// Leaves reading to others.
    fn leave(&mut self, inner: &Inner) {
        self.rest();
        if let Ok(mut core) = inner.lock() {
            core.leave_reading();
        }
    }
}
