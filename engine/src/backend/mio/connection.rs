//! One socket of the portable backend: what is wanted of it, and how ready it is.

use super::buffers::Buffers;
use super::readiness::{Progress, Readiness, interest};
use crate::backend::{ACCEPTS, Buffer, Ended, Event, Receive, refused, socket};
use crate::batch::Batch;
use crate::io_thread::token::Token;
use ::mio::{Interest, Registry, Token as MioToken};
use socket2::{SockAddr, Socket};
use std::io::{self, Read};
use std::sync::Arc;

pub(super) struct ConnectionState {
    socket: Arc<Socket>,
    pub(super) readiness: Readiness,
    /// Stands in the backend's queue.
    pub(super) queued: bool,
    accepting: bool,
    receiving: Option<Receive>,
    pausing: bool,
    /// The last receive was paused: somebody else may be reading now.
    paused: bool,
    /// A connect under way: `Some` of what `connect` itself said, once it was called.
    connecting: Option<io::Result<()>>,
    sending: Option<Batch>,
}

impl ConnectionState {
    pub(super) fn new(socket: Arc<Socket>) -> Self {
        Self {
            socket,
            readiness: Readiness::new(),
            queued: false,
            accepting: false,
            receiving: None,
            pausing: false,
            paused: false,
            connecting: None,
            sending: None,
        }
    }

    /// Has the poll tell of the socket if something is wanted of it, and not if nothing is; `false`
    /// if that failed, which is for the next [`run`](Self::run) to tell.
    pub(super) fn arrange(&mut self, registry: &Registry, token: MioToken) -> bool {
        let Some(wanted) = self.wanted() else {
            if self.paused {
                self.readiness.deregister(registry, &self.socket);
            }
            return true;
        };
        self.readiness.arrange(registry, token, &self.socket, wanted)
    }

    /// What it is not ready for, after a run.
    fn wanted(&self) -> Option<Interest> {
        let read = self.accepting || self.receiving.is_some();
        let write = self.connecting.is_some() || self.sending.is_some();
        interest(read, write)
    }

    pub(super) fn start_accept(&mut self) {
        self.accepting = true;
    }

    pub(super) fn start_receive(&mut self, how: Receive) {
        if self.receiving.is_none() {
            self.receiving = Some(how);
            self.pausing = false;
            self.paused = false;
        }
    }

    pub(super) fn pause(&mut self) {
        self.pausing = self.receiving.is_some();
    }

    /// Answers at once if one is under way.
    pub(super) fn start_connect(&mut self, token: Token, address: &SockAddr) -> Option<Event> {
        if self.connecting.is_some() {
            return Some(Event::Connected(token, Err(refused())));
        }
        // Writable says that the connect is over, so it must be learned anew.
        self.readiness.writable = false;
        self.connecting = Some(match self.socket.connect(address) {
            Err(error) if in_progress(&error) => Ok(()),
            Ok(()) => {
                self.readiness.writable = true;
                Ok(())
            }
            Err(error) => {
                self.readiness.writable = true;
                Err(error)
            }
        });
        None
    }

    /// Answers at once if one is under way.
    pub(super) fn start_send(&mut self, token: Token, batch: Batch) -> Option<Event> {
        if self.sending.is_some() {
            return Some(Event::Sent(token, batch, Err(refused())));
        }
        self.sending = Some(batch);
        None
    }

    /// Ends it all; a send under way is answered: nothing of it went out.
    pub(super) fn close(mut self, token: Token, registry: &Registry) -> Option<Event> {
        self.readiness.deregister(registry, &self.socket);
        let batch = self.sending.take()?;
        Some(Event::Sent(token, batch, Err(io::ErrorKind::NotConnected.into())))
    }

    /// Does what can be done now.
    pub(super) fn run(
        &mut self,
        token: Token,
        buffers: &mut Buffers,
        events: &mut Vec<Event>,
    ) -> Progress {
        let mut progress = Progress::Blocked;
        if let Some(error) = self.readiness.failure() {
            self.fail(token, &error, events);
            return progress;
        }
        if self.connecting.is_some() {
            if self.readiness.writable {
                self.finish_connect(token, events);
            }
            return progress;
        }
        if self.accepting && self.readiness.readable {
            progress = self.accept(token, events);
        }
        if self.pausing {
            self.pausing = false;
            self.paused = true;
            if self.receiving.take().is_some() {
                events.push(Event::ReceiveEnded(token, Ended::Stopped));
            }
        }
        if self.readiness.readable && self.receiving.is_some() {
            progress = self.receive(token, buffers, events);
        }
        if self.readiness.writable && self.sending.is_some() {
            self.send(token, events);
        }
        progress
    }

    /// Ends every operation under way with an error.
    fn fail(&mut self, token: Token, error: &dyn Fn() -> io::Error, events: &mut Vec<Event>) {
        if let Some(batch) = self.sending.take() {
            events.push(Event::Sent(token, batch, Err(error())));
        }
        if self.receiving.take().is_some() {
            events.push(Event::ReceiveEnded(token, Ended::Failed(error())));
        }
        if self.connecting.take().is_some() {
            events.push(Event::Connected(token, Err(error())));
        }
        if std::mem::take(&mut self.accepting) {
            events.push(Event::Accepted(token, Err(error())));
        }
    }

    fn finish_connect(&mut self, token: Token, events: &mut Vec<Event>) {
        let called = self.connecting.take().unwrap_or(Ok(()));
        let result = called.and_then(|()| match self.socket.take_error()? {
            Some(error) => Err(error),
            None => Ok(()),
        });
        // A writable event may be stale; only a peer makes the connection real.
        if result.is_ok() && self.socket.peer_addr().is_err() {
            self.readiness.writable = false;
            self.connecting = Some(Ok(()));
            return;
        }
        events.push(Event::Connected(token, result));
    }

    fn accept(&mut self, token: Token, events: &mut Vec<Event>) -> Progress {
        for _ in 0..ACCEPTS {
            match socket::accept(&self.socket) {
                Ok(socket) => events.push(Event::Accepted(token, Ok(socket))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readiness.readable = false;
                    return Progress::Blocked;
                }
                Err(error) => {
                    // Descriptors used up, for instance: the listener decides when to go on.
                    self.accepting = false;
                    events.push(Event::Accepted(token, Err(error)));
                    return Progress::Blocked;
                }
            }
        }
        Progress::More
    }

    fn receive(
        &mut self,
        token: Token,
        buffers: &mut Buffers,
        events: &mut Vec<Event>,
    ) -> Progress {
        let Some(index) = buffers.take() else { return Progress::Starved };
        let result = (&*self.socket).read(buffers.memory(index));
        if let Ok(len @ 1..) = result {
            events.push(Event::Received(token, Buffer { index, len }));
            if self.receiving == Some(Receive::Once) {
                self.receiving = None;
                events.push(Event::ReceiveEnded(token, Ended::Stopped));
                return Progress::Blocked;
            }
            return Progress::More;
        }
        buffers.give(index);
        let ended = match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readiness.readable = false;
                return Progress::Blocked;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Progress::More,
            Err(error) => Ended::Failed(error),
            Ok(_) => Ended::Eof,
        };
        self.receiving = None;
        events.push(Event::ReceiveEnded(token, ended));
        Progress::Blocked
    }

    fn send(&mut self, token: Token, events: &mut Vec<Event>) {
        let Some(batch) = self.sending.take() else { return };
        let result = socket::send(&self.socket, &batch);
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readiness.writable = false;
                self.sending = Some(batch);
            }
            result => events.push(Event::Sent(token, batch, result)),
        }
    }
}

fn in_progress(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::EINPROGRESS) {
        return true;
    }
    // A Unix socket whose backlog is full says EAGAIN for good: nothing would ever become ready.
    cfg!(windows) && error.kind() == io::ErrorKind::WouldBlock
}
