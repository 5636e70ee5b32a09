//! A look of a task at its connections, each as the reactor of its runtime tells of it.

use crate::inner::mailbox::SocketMailbox;
use crate::socket::Inner;
use crate::wait::Registration;
use crate::wait::direct_connections::{DirectConnections, FEW};
use ringmq_engine::{Direct, Fetch, StreamWatch};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use tokio::runtime::Handle;

/// What a reactor wakes: everybody who waits on the socket.
impl Wake for SocketMailbox {
    fn wake(self: Arc<Self>) {
        self.waiters.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.waiters.wake();
    }
}

/// How often a connection is looked at before others have a turn: threads may read it meanwhile, again and
/// again.
const LOOKS: usize = 4;

/// Connections that know of a future, until this is dropped.
pub(super) struct WatchedConnections {
    connections: DirectConnections,
    /// Which of them a reactor watches for it: those know of it, the others are the I/O thread's.
    watched: [bool; FEW],
}

impl WatchedConnections {
    pub(super) fn new(connections: DirectConnections) -> Self {
        Self { connections, watched: [false; FEW] }
    }

    pub(super) fn are(&self, connections: &DirectConnections) -> bool {
        self.connections.are(connections)
    }

    /// Looks at each of them.
    pub(super) fn look(&mut self, look: &mut ReactorLook<'_, '_>, runtime: &Handle) {
        for (line, watched) in self.connections.iter().zip(&mut self.watched) {
            let watch = line.trusts_tasks().then(|| line.stream_watch(runtime)).flatten();
            if watch.is_some() && !*watched {
                line.watch();
                *watched = true;
            }
            let is_left_to_reactor = watch.is_some_and(|watch| look.at_watched(line, &watch));
            if !is_left_to_reactor {
                line.give_back();
                if std::mem::take(watched) {
                    line.unwatch();
                }
            }
        }
    }
}

impl Drop for WatchedConnections {
    fn drop(&mut self) {
        let all = self.connections.iter().zip(self.watched);
        all.filter(|(_, watched)| *watched).for_each(|(line, _)| line.unwatch());
    }
}

/// See the [module's documentation](self).
pub(super) struct ReactorLook<'t, 'i> {
    registration: &'t mut Option<Registration<'i>>,
    task: &'t Waker,
    everybody: Waker,
}

impl<'t, 'i> ReactorLook<'t, 'i> {
    pub(super) fn new(
        inner: &Inner,
        registration: &'t mut Option<Registration<'i>>,
        task: &'t Waker,
    ) -> Self {
        Self { registration, task, everybody: Waker::from(inner.shared.clone()) }
    }

    /// Reads what there is; `false` if the reactor does not tell of more.
    fn at_watched(&mut self, line: &Direct, watch: &Arc<StreamWatch>) -> bool {
        for _ in 0..LOOKS {
            let mut readable = match watch.poll_readable(&mut Context::from_waker(&self.everybody))
            {
                Poll::Ready(Ok(readable)) => readable,
                Poll::Ready(Err(_)) => {
                    // The runtime has been shut down: another one polls this future the next time.
                    line.forget_watch(watch);
                    return false;
                }
                Poll::Pending => {
                    self.at_quiet(line);
                    return true;
                }
            };
            let Some(mut reader) = line.reader() else {
                if line.is_with_owner() {
                    line.ask();
                    return true;
                }
                // Somebody else reads at this moment. The reactor tells of more only when all is read.
                if readable.has_unread() {
                    self.task.wake_by_ref();
                    return true;
                }
                readable.forget();
                continue;
            };
            *self.registration = None;
            match reader.fetch() {
                Fetch::Received if reader.has_drained() => {
                    readable.forget();
                    return true;
                }
                Fetch::Received | Fetch::Closed => return true,
                Fetch::WouldBlock => readable.forget(),
            }
        }
        // Something comes at each look, and others take it. The reactor was not asked after the last one.
        self.task.wake_by_ref();
        true
    }

    /// The stream has nothing; the connection may.
    fn at_quiet(&mut self, line: &Direct) {
        match line.reader() {
            Some(mut reader) if reader.is_blocked() => {
                *self.registration = None;
                reader.fetch();
            }
            None if line.is_with_owner() => line.ask(),
            _ => {}
        }
    }
}
