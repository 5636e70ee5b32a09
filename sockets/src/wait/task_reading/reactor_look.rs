//! A look of a task at its connections, each as the reactor of its runtime tells of it.

use crate::inner::mailbox::SocketMailbox;
use crate::socket::Inner;
use crate::wait::Registration;
use crate::wait::direct_connections::DirectConnections;
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

/// Connections that know of a future, until this is dropped.
pub(super) struct WatchedConnections(DirectConnections);

impl WatchedConnections {
    pub(super) fn new(connections: DirectConnections) -> Self {
        connections.iter().for_each(|line| line.watch());
        Self(connections)
    }

    pub(super) fn are(&self, connections: &DirectConnections) -> bool {
        self.0.are(connections)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Direct>> {
        self.0.iter()
    }
}

impl Drop for WatchedConnections {
    fn drop(&mut self) {
        self.0.iter().for_each(|line| line.unwatch());
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

    pub(super) fn at(&mut self, line: &Direct, runtime: &Handle) {
        let watch = line.trusts_tasks().then(|| line.stream_watch(runtime));
        match watch.flatten() {
            Some(watch) => self.at_watched(line, &watch),
            None => line.give_back(),
        }
    }

    fn at_watched(&mut self, line: &Direct, watch: &Arc<StreamWatch>) {
        loop {
            let mut readable = match watch.poll_readable(&mut Context::from_waker(&self.everybody))
            {
                Poll::Ready(Ok(readable)) => readable,
                Poll::Ready(Err(_)) => {
                    // The runtime has been shut down: another one polls this future the next time.
                    line.forget_watch(watch);
                    return line.give_back();
                }
                Poll::Pending => return self.at_quiet(line),
            };
            let Some(mut reader) = line.reader() else {
                if line.is_with_owner() {
                    return line.ask();
                }
                // Somebody else reads at this moment. The reactor tells of more only when all is read.
                if readable.has_unread() {
                    return self.task.wake_by_ref();
                }
                readable.forget();
                continue;
            };
            *self.registration = None;
            match reader.fetch() {
                Fetch::Received if reader.has_drained() => return readable.forget(),
                Fetch::Received | Fetch::Closed => return,
                Fetch::WouldBlock => readable.forget(),
            }
        }
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
