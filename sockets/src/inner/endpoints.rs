//! What a socket has bound and connected, by name.

use crate::error::Error;
use ringmq_engine::{EndpointId, IoHandle, Notice, Token};
use ringmq_transports::DatagramRole;
use ringmq_transports::endpoint::{Endpoint, InprocName};
use ringmq_transports::inproc::{Inproc, Ticket};
use ringmq_zmtp::SocketType;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whether sockets of that type speak on the transport of that endpoint, that end of it.
pub(crate) fn goes_with(
    socket_type: SocketType,
    endpoint: &Endpoint,
    side: LinkSide,
) -> Result<(), Error> {
    use SocketType::{Dgram, Dish, Pub, Radio, Stream, Sub, XPub, XSub};
    let action = match (socket_type, endpoint, side) {
        // Bytes without frames have no place in those of a WebSocket.
        (Stream, Endpoint::Ws(_), _) => "speak WebSocket: use tcp, or another type of socket",
        (Radio, Endpoint::Udp(_), LinkSide::Bind) => {
            "bind udp: it connects to the address or group that it sends to"
        }
        (Dish, Endpoint::Udp(_), LinkSide::Connect) => {
            "connect over udp: it binds the address or group that it receives from"
        }
        (Dgram, Endpoint::Udp(_), LinkSide::Connect) => {
            "connect: its messages say where they go to; it binds"
        }
        (Radio | Dish | Dgram, Endpoint::Udp(_), _) => return Ok(()),
        (Dgram, ..) => "speak anything but udp",
        (_, Endpoint::Udp(_), _) => "speak udp: that is for RADIO and DISH, and for DGRAM",
        (Pub | XPub | Sub | XSub, Endpoint::Epgm(_) | Endpoint::Pgm(_), _) => return Ok(()),
        (_, Endpoint::Epgm(_) | Endpoint::Pgm(_), _) => {
            "speak PGM: that is for PUB and SUB, XPUB and XSUB"
        }
        _ => return Ok(()),
    };
    Err(Error::NotSupported { socket: socket_type.name(), action })
}

/// How a socket comes to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkSide {
    Bind,
    Connect,
}

/// What a socket of that type does with datagrams.
pub(crate) fn datagram_role(socket_type: SocketType) -> DatagramRole {
    match socket_type {
        SocketType::Radio => DatagramRole::SendGroups,
        SocketType::Dish => DatagramRole::ReceiveGroups,
        SocketType::Pub | SocketType::XPub => DatagramRole::Publish,
        SocketType::Sub | SocketType::XSub => DatagramRole::Subscribe,
        _ => DatagramRole::Addressed,
    }
}

/// One bind or connect.
pub(crate) struct Entry {
    /// Resolved.
    pub(crate) endpoint: Arc<str>,
    /// As it was asked for, if that is another text.
    pub(crate) asked: Option<Arc<str>>,
    pub(crate) endpoint_id: EndpointId,
    pub(crate) place: EndpointKind,
}

impl Entry {
    /// Stops the listener or connecter; connections with something to send go on by themselves.
    fn stop(&self) {
        self.place.tell(Notice::Abandon);
    }

    /// The same, of a connect that the application has disconnected.
    pub(crate) fn disconnect(&self) {
        match &self.place {
            EndpointKind::Io(io, token) => ringmq_transports::disconnect(io, *token),
            EndpointKind::InprocBind(..) | EndpointKind::InprocConnect(_) => self.stop(),
        }
    }
}

/// Where a bind or connect lives.
pub(crate) enum EndpointKind {
    /// A listener or connecter on an I/O thread.
    Io(IoHandle, Token),
    /// A name within the context that this socket has bound.
    InprocBind(Arc<Inproc>, InprocName),
    /// A pipe to another socket of the context, or to whoever binds that name; and where the far end
    /// waits if nobody had yet.
    InprocConnect(Option<(Arc<Inproc>, InprocName, Ticket)>),
}

impl EndpointKind {
    fn tell(&self, notice: Notice) {
        match self {
            Self::Io(io, token) => io.tell(*token, notice),
            Self::InprocBind(names, name) => {
                names.unbind(name);
            }
            Self::InprocConnect(Some((names, name, ticket))) => names.withdraw(name, *ticket),
            Self::InprocConnect(None) => {}
        }
    }
}

/// Which binds a text names.
pub(crate) enum Matches {
    None,
    One(Entry),
    /// It was asked for several times, and resolved differently.
    Several,
}

/// All binds and connects of a socket.
#[derive(Default)]
pub(crate) struct Endpoints {
    bound: Vec<Entry>,
    /// In the order in which they were made.
    connected: BTreeMap<EndpointId, Entry>,
    last: Arc<str>,
    next: EndpointId,
}

impl Endpoints {
    /// A number for the next bind or connect.
    pub(crate) fn endpoint_id(&mut self) -> EndpointId {
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
        self.connected.insert(entry.endpoint_id, entry);
    }

    pub(crate) fn is_connected(&self, endpoint: &str) -> bool {
        self.connected.values().any(|entry| *entry.endpoint == *endpoint)
    }

    pub(crate) fn is_bound(&self, endpoint_id: EndpointId) -> bool {
        self.bound.iter().any(|entry| entry.endpoint_id == endpoint_id)
    }

    /// Stops a listener, with the connections that it accepted, and takes it out. What it resolved to
    /// names it, or what was asked for if that names no other.
    pub(crate) fn unbind(&mut self, endpoint: &str) -> Matches {
        let resolved = self.bound.iter().position(|entry| *entry.endpoint == *endpoint);
        let at = resolved.or_else(|| {
            let asked = |entry: &Entry| entry.asked.as_deref() == Some(endpoint);
            self.bound.iter().position(asked)
        });
        let Some(at) = at else { return Matches::None };
        let mut others = self.bound[at + 1..].iter();
        if resolved.is_none() && others.any(|entry| entry.asked.as_deref() == Some(endpoint)) {
            return Matches::Several;
        }
        let entry = self.bound.remove(at);
        entry.place.tell(Notice::Close);
        Matches::One(entry)
    }

    /// Takes a connect out; its pipe is the caller's business, and then it is to be
    /// [disconnected](Entry::disconnect).
    pub(crate) fn disconnect(&mut self, endpoint: &str) -> Option<Entry> {
        let named = |(_, entry): &(&EndpointId, &Entry)| *entry.endpoint == *endpoint;
        let endpoint_id = *self.connected.iter().find(named)?.0;
        self.take_connect(endpoint_id)
    }

    /// Takes a connect out, as [`disconnect`](Self::disconnect) does, by its number.
    pub(crate) fn take_connect(&mut self, endpoint_id: EndpointId) -> Option<Entry> {
        self.connected.remove(&endpoint_id)
    }

    /// Forgets a connect that has ended by itself; gives its endpoint.
    pub(crate) fn forget(&mut self, endpoint_id: EndpointId) -> Option<Arc<str>> {
        Some(self.take_connect(endpoint_id)?.endpoint)
    }

    /// The endpoint of a bind or connect; `None` if it has ended.
    pub(crate) fn name(&self, endpoint_id: EndpointId) -> Option<&Arc<str>> {
        let bound = || self.bound.iter().find(|entry| entry.endpoint_id == endpoint_id);
        self.connected.get(&endpoint_id).or_else(bound).map(|entry| &entry.endpoint)
    }

    /// All connects, in the order in which they were made.
    pub(crate) fn connects(&self) -> impl Iterator<Item = &Entry> {
        self.connected.values()
    }

    /// Whether nothing is bound or connected.
    pub(crate) fn is_empty(&self) -> bool {
        self.bound.is_empty() && self.connected.is_empty()
    }

    /// The connects to an endpoint within the process.
    pub(crate) fn within_process(&self, endpoint: &str) -> Vec<EndpointId> {
        let direct = |entry: &&Entry| matches!(entry.place, EndpointKind::InprocConnect(_));
        let named = |entry: &&Entry| *entry.endpoint == *endpoint;
        self.connected
            .values()
            .filter(named)
            .filter(direct)
            .map(|entry| entry.endpoint_id)
            .collect()
    }

    /// A pipe is closed: within the process that is the end of its connect, as nobody is going to make
    /// another one.
    pub(crate) fn pipe_closed(&mut self, endpoint_id: EndpointId) {
        let direct = |entry: &Entry| matches!(entry.place, EndpointKind::InprocConnect(_));
        if self.connected.get(&endpoint_id).is_some_and(direct)
            && let Some(entry) = self.connected.remove(&endpoint_id)
        {
            entry.stop();
        }
    }

    /// Stops everything; connections with something to send go on by themselves.
    pub(crate) fn close(&mut self) {
        let connected = std::mem::take(&mut self.connected);
        for entry in self.bound.drain(..).chain(connected.into_values()) {
            entry.stop();
        }
    }
}
