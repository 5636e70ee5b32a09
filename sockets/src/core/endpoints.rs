//! What a socket has bound and connected, by name.

use ringmq_engine::{IoHandle, Notice, Token};
use ringmq_transports::Route;
use ringmq_transports::endpoint::InprocName;
use ringmq_transports::inproc::Inproc;
use std::sync::Arc;

/// One bind or connect.
pub(crate) struct Entry {
    pub(crate) endpoint: Arc<str>,
    pub(crate) route: Route,
    pub(crate) place: Place,
}

impl Entry {
    /// Stops the listener or connecter; connections with something to send go on by themselves.
    fn stop(&self) {
        self.place.tell(Notice::Abandon);
    }

    /// The same, of a connect that the application has disconnected.
    pub(crate) fn disconnect(&self) {
        if let Place::Io(io, token) = &self.place {
            ringmq_transports::disconnect(io, *token);
        }
    }
}

/// Where a bind or connect lives.
pub(crate) enum Place {
    /// A listener or connecter on an I/O thread.
    Io(IoHandle, Token),
    /// A name within the context that this socket has bound.
    InprocBind(Arc<Inproc>, InprocName),
    /// A pipe to another socket of the context.
    InprocConnect,
}

impl Place {
    fn tell(&self, notice: Notice) {
        match self {
            Self::Io(io, token) => io.tell(*token, notice),
            Self::InprocBind(names, name) => names.unbind(name),
            Self::InprocConnect => {}
        }
    }
}

/// All binds and connects of a socket.
#[derive(Default)]
pub(crate) struct Endpoints {
    bound: Vec<Entry>,
    connected: Vec<Entry>,
    last: Arc<str>,
    next: Route,
}

impl Endpoints {
    /// A number for the next bind or connect.
    pub(crate) fn route(&mut self) -> Route {
        self.next += 1;
        self.next
    }

    /// The endpoint bound or connected last, resolved.
    pub(crate) fn last(&self) -> &str {
        &self.last
    }

    pub(crate) fn add_bound(&mut self, entry: Entry) {
        self.last = entry.endpoint.clone();
        self.bound.push(entry);
    }

    pub(crate) fn add_connected(&mut self, mut entry: Entry) {
        if entry.endpoint == self.last {
            // Some connect to one endpoint thousands of times.
            entry.endpoint = self.last.clone();
        }
        self.last = entry.endpoint.clone();
        self.connected.push(entry);
    }

    pub(crate) fn is_connected(&self, endpoint: &str) -> bool {
        self.connected.iter().any(|entry| *entry.endpoint == *endpoint)
    }

    /// Stops a listener, with the connections that it accepted. `false` if there is none such.
    pub(crate) fn unbind(&mut self, endpoint: &str) -> bool {
        let Some(at) = self.bound.iter().position(|entry| *entry.endpoint == *endpoint) else {
            return false;
        };
        self.bound.remove(at).place.tell(Notice::Close);
        true
    }

    /// Takes a connect out; its pipe is the caller's business, and then it is to be
    /// [disconnected](Entry::disconnect).
    pub(crate) fn disconnect(&mut self, endpoint: &str) -> Option<Entry> {
        let at = self.connected.iter().position(|entry| *entry.endpoint == *endpoint)?;
        Some(self.connected.remove(at))
    }

    /// Forgets a connect that has ended by itself; gives its endpoint.
    pub(crate) fn forget(&mut self, route: Route) -> Option<Arc<str>> {
        let at = self.connected.iter().position(|entry| entry.route == route)?;
        Some(self.connected.remove(at).endpoint)
    }

    /// Whether nothing is bound or connected.
    pub(crate) fn is_empty(&self) -> bool {
        self.bound.is_empty() && self.connected.is_empty()
    }

    /// Stops everything; connections with something to send go on by themselves.
    pub(crate) fn close(&mut self) {
        for entry in self.bound.drain(..).chain(self.connected.drain(..)) {
            entry.stop();
        }
    }
}
