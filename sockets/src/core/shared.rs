//! What others may touch of a socket while its owner is elsewhere: its mailbox, its waiters, and what
//! its sessions ask for.

use super::monitor::Monitors;
use crate::pattern::Subscriptions;
use crate::wait::Luck;
use ringmq_engine::{Attach, DisconnectReason};
use ringmq_pipe::{Bound, Mailbox, Notify, PipeEnd, Waiters, pipe};
use ringmq_transports::inproc::Acceptor;
use ringmq_transports::{Connection, Offer, Owner, Route, TransportEvent};
use ringmq_zmtp::{Peer, SocketType, subscribe_frame};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};

/// What happened to a socket, for the thread that next enters it.
pub(crate) enum Command {
    /// A pipe is new; its peer is known.
    Attach { end: Box<PipeEnd>, route: Route, peer: Arc<Peer>, direct: bool },
    /// The peer of a connect's pipe is known, for the first time or again; so many messages in the pipe are
    /// of earlier ones.
    PeerKnown { route: Route, peer: Arc<Peer>, earlier: u64 },
    /// A pipe has something to read, or its far end is closed.
    Readable(usize),
    /// A pipe has room.
    Writable(usize),
    /// A connect has given up for good.
    Ended(Route),
}

pub(crate) struct Shared {
    pub(crate) socket_type: SocketType,
    pub(crate) mailbox: Mailbox<Command>,
    pub(crate) waiters: Waiters,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) monitors: Monitors,
    /// What spinning was worth to those who wait.
    pub(crate) luck: Luck,
    /// Which connections there are, or how they are read, has changed.
    relined: AtomicBool,
    /// High-water marks and conflation of pipes that sessions ask for.
    pub(crate) send_hwm: AtomicU32,
    pub(crate) recv_hwm: AtomicU32,
    pub(crate) conflate: AtomicBool,
    /// The application has closed the socket.
    pub(crate) closed: AtomicBool,
}

impl Shared {
    pub(crate) fn new(socket_type: SocketType, subscriptions: Subscriptions) -> Self {
        Self {
            socket_type,
            mailbox: Mailbox::new(),
            waiters: Waiters::new(),
            subscriptions,
            monitors: Monitors::default(),
            luck: Luck::default(),
            relined: AtomicBool::new(true),
            send_hwm: AtomicU32::new(0),
            recv_hwm: AtomicU32::new(0),
            conflate: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn post(&self, command: Command) {
        if self.mailbox.post(command) {
            self.waiters.wake();
        }
    }

    /// The connections have to be looked at anew.
    pub(crate) fn reline(&self) {
        // Release: pairs with the Acquire in `take_relined`.
        self.relined.store(true, Ordering::Release);
    }

    /// Whether the connections have to be looked at anew; clears that.
    pub(crate) fn take_relined(&self) -> bool {
        // Acquire: pairs with the Release in `reline`.
        self.relined.load(Ordering::Relaxed) && self.relined.swap(false, Ordering::Acquire)
    }

    /// As [`take_relined`](Self::take_relined) would tell, for one who has registered as a waiter and is
    /// about to sleep, or who will ask again.
    pub(crate) fn is_relined(&self) -> bool {
        // Relaxed: of a waiter, the fence in `Waiters::add` came before.
        self.relined.load(Ordering::Relaxed)
    }

    /// Makes a pipe as the socket's options say: the socket's end first.
    pub(crate) fn make_pipe(&self) -> (PipeEnd, PipeEnd) {
        if self.conflate.load(Ordering::Relaxed) {
            return pipe(Bound::Latest, Bound::Latest);
        }
        let hwm = |mark: &AtomicU32| Bound::Messages(mark.load(Ordering::Relaxed));
        pipe(hwm(&self.send_hwm), hwm(&self.recv_hwm))
    }

    /// Throws away what was posted after the socket was closed: pipes, above all.
    pub(crate) fn discard(&self) {
        while let Some(command) = self.mailbox.take() {
            if let Command::Attach { end, .. } = command {
                end.state.close(Some(std::time::Duration::ZERO));
            }
        }
    }

    fn post_pipe(&self, end: PipeEnd, route: Route, peer: &Arc<Peer>, direct: bool) {
        self.post(Command::Attach { end: Box::new(end), route, peer: peer.clone(), direct });
        // SeqCst: the closing thread sets the flag before it discards; so one of the two discards.
        if self.closed.load(Ordering::SeqCst) {
            self.discard();
        }
    }
}

impl Notify for Shared {
    fn readable(&self, key: usize) {
        self.post(Command::Readable(key));
    }

    fn writable(&self, key: usize) {
        self.post(Command::Writable(key));
    }
}

impl Owner for Shared {
    fn attach(&self, connection: &Connection, peer: &Arc<Peer>) -> Attach {
        if self.closed.load(Ordering::SeqCst) {
            return Attach::Closed;
        }
        let (near, far) = self.make_pipe();
        self.post_pipe(near, connection.route, peer, false);
        Attach::Pipe(far)
    }

    fn connected(&self, connection: &Connection, peer: &Arc<Peer>) {
        self.connected_after(connection, peer, 0);
    }

    fn connected_after(&self, connection: &Connection, peer: &Arc<Peer>, messages: u64) {
        let (route, peer) = (connection.route, peer.clone());
        self.post(Command::PeerKnown { route, peer, earlier: messages });
    }

    fn preamble(&self, frames: &mut Vec<u8>) {
        if matches!(self.socket_type, SocketType::Sub | SocketType::XSub) {
            let set = self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
            set.for_each(|topic| subscribe_frame(topic, frames));
        }
    }

    fn look_again(&self) {
        self.reline();
        self.waiters.wake();
    }

    fn event(&self, event: TransportEvent) {
        self.monitors.publish(&event);
    }

    fn ended(&self, route: Route, _: Option<&DisconnectReason>) {
        self.post(Command::Ended(route));
    }
}

/// A socket that has bound an inproc name: it knows itself as a peer.
pub(crate) struct Binder {
    pub(crate) shared: Arc<Shared>,
    pub(crate) route: Route,
    pub(crate) itself: Arc<Peer>,
}

impl Acceptor for Binder {
    fn offer(&self, offer: Offer) {
        let Offer { end, peer, taken } = offer;
        // Within a process the marks of both sides add up; no limit on either side is no limit.
        let sum = |ours: u32, theirs: u32| match (ours, theirs) {
            (0, _) | (_, 0) => 0,
            (ours, theirs) => ours.saturating_add(theirs),
        };
        end.tx.set_hwm(sum(self.shared.send_hwm.load(Ordering::Relaxed), end.tx.hwm()));
        end.rx.set_hwm(sum(self.shared.recv_hwm.load(Ordering::Relaxed), end.rx.hwm()));
        taken(&self.itself);
        self.shared.post_pipe(end, self.route, &peer, true);
    }
}
