//! One attempt to connect: a socket, an address, a deadline, and perhaps a proxy at that address that is asked
//! to connect further. Runs on an I/O thread and reports to its connecter.
//!
//! A connection that leads back to its own socket is none. tcp makes one when nobody listens at a port that
//! the system also chooses local ports from, as soon as it happens to choose that one: both ends then are
//! the same. (A Unix socket has to be listened on.)

use crate::tcp::socks::{SocksError, SocksHandshake, SocksStep};
use bytes::Bytes;
use ringmq_engine::{
    Batch, BatchPart, Completion, Cx, Ended, Handler, Notice, Receive, Stream, TimerKind, Token,
};
use ringmq_pipe::Section;
use socket2::{SockAddr, Socket};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

const DEADLINE: TimerKind = 0;

/// What came of an attempt, as the connecter is told in a [`Notice::Custom`].
pub(crate) struct Dialed {
    pub(crate) socket: Arc<Socket>,
    pub(crate) result: io::Result<()>,
    /// What the peer has said already, through a proxy.
    pub(crate) early: Vec<u8>,
}

/// See the [module's documentation](self).
pub(crate) struct Dial {
    pub(crate) socket: Arc<Socket>,
    pub(crate) address: SockAddr,
    /// How long it may take; `None` leaves that to the system.
    pub(crate) timeout: Option<Duration>,
    /// What is at the address is a proxy, and how it is asked.
    pub(crate) proxy: Option<Box<ProxyRequest>>,
    pub(crate) connecter: Token,
}

/// A proxy that is asked for a connection.
pub(crate) struct ProxyRequest {
    handshake: SocksHandshake,
    /// How long it may take to answer.
    timeout: Option<Duration>,
    /// What was found in the bytes that have come.
    found: Option<Result<SocksStep, SocksError>>,
}

impl ProxyRequest {
    pub(crate) fn new(handshake: SocksHandshake, timeout: Option<Duration>) -> Box<Self> {
        Box::new(Self { handshake, timeout, found: None })
    }
}

impl From<SocksError> for io::Error {
    fn from(error: SocksError) -> Self {
        let kind = if error.is_refusal() {
            io::ErrorKind::ConnectionRefused
        } else {
            io::ErrorKind::Other
        };
        Self::new(kind, error)
    }
}

/// Whether these are the ends of a connection that leads from a socket to itself.
fn is_itself(local: &SockAddr, peer: &SockAddr) -> bool {
    let (Some(local), Some(peer)) = (local.as_socket(), peer.as_socket()) else { return false };
    // Two link-local addresses that read the same are the same on one interface only. What is compared is
    // less than the whole address: the system may tell the flow of one end and not of the other.
    let scope = |address| match address {
        SocketAddr::V6(address) => address.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    let (here, there) = (scope(local), scope(peer));
    let same_link = here == there || here == 0 || there == 0;
    same_link
        && local.port() == peer.port()
        && local.ip().to_canonical() == peer.ip().to_canonical()
}

impl Dial {
    /// Refuses a connection that leads back to itself, as a port at which nobody listens refuses it.
    fn check(&self) -> io::Result<()> {
        let (Ok(local), Ok(peer)) = (self.socket.local_addr(), self.socket.peer_addr()) else {
            return Ok(()); // It is over already, which the session will find.
        };
        if !is_itself(&local, &peer) {
            return Ok(());
        }
        // It ends with a reset, of which nothing remains: the connection would otherwise keep the port from
        // the server for a minute.
        if let Err(error) = self.socket.set_linger(Some(Duration::ZERO)) {
            Section::run_after(
                move || tracing::debug!(%error, "a connection to itself may leave its port in use"),
            );
        }
        let why = "the connection led back to itself: nobody listens there";
        Err(io::Error::new(io::ErrorKind::ConnectionRefused, why))
    }

    fn report(&mut self, cx: &mut Cx<'_>, result: io::Result<Vec<u8>>) {
        // A proxy that says more, or the end of a send, is nobody's news any more.
        self.proxy = None;
        // First this handler leaves, so that its backend has let go of the socket when the
        // connecter makes a session of it.
        cx.finish();
        let (result, early) = match result {
            Ok(early) => (Ok(()), early),
            Err(error) => (Err(error), Vec::new()),
        };
        let dialed = Dialed { socket: self.socket.clone(), result, early };
        cx.tell(self.connecter, Notice::Custom(Box::new(dialed)));
    }

    /// The connection is there: to the peer, or to the proxy, which is greeted.
    fn connected(&mut self, cx: &mut Cx<'_>, result: io::Result<()>) {
        let proxy = match (result.and_then(|()| self.check()), &self.proxy) {
            (Err(error), _) => return self.report(cx, Err(error)),
            (Ok(()), None) => return self.report(cx, Ok(Vec::new())),
            (Ok(()), Some(proxy)) => proxy,
        };
        if self.timeout.is_none() {
            let patience = proxy.timeout.and_then(|timeout| cx.now.checked_add(timeout));
            cx.arrange_timer(DEADLINE, patience);
        }
        let greeting = proxy.handshake.greeting();
        self.say(cx, greeting);
    }

    /// Sends to the proxy and awaits what it answers.
    fn say(&self, cx: &mut Cx<'_>, bytes: Zeroizing<Vec<u8>>) {
        let mut batch = Batch::default();
        batch.push(BatchPart::Bytes { bytes: Bytes::from_owner(bytes), messages: 0 });
        let stream = Stream::from(self.socket.clone());
        cx.backend.send(cx.token, &stream, batch);
        cx.backend.receive(cx.token, &stream, Receive::Once);
    }

    fn sent(&mut self, cx: &mut Cx<'_>, mut batch: Batch, result: io::Result<usize>) {
        if self.proxy.is_none() {
            return;
        }
        match result {
            Ok(bytes) => {
                batch.advance(bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return self.report(cx, Err(error)),
        }
        if !batch.is_empty() {
            cx.backend.send(cx.token, &Stream::from(self.socket.clone()), batch);
        }
    }

    fn receive_ended(&mut self, cx: &mut Cx<'_>, ended: Ended) {
        let Some(proxy) = &self.proxy else { return };
        match ended {
            // What is read from now on may be the peer's.
            Ended::Stopped if !matches!(proxy.found, None | Some(Ok(SocksStep::Await))) => {}
            Ended::Stopped => {
                let stream = Stream::from(self.socket.clone());
                cx.backend.receive(cx.token, &stream, Receive::Once);
            }
            Ended::Eof => self.report(cx, Err(SocksError::HungUp.into())),
            Ended::Failed(error) => self.report(cx, Err(error)),
        }
    }
}

impl Handler for Dial {
    fn start(&mut self, cx: &mut Cx<'_>) {
        cx.arrange_timer(DEADLINE, self.timeout.and_then(|timeout| cx.now.checked_add(timeout)));
        cx.backend.connect(cx.token, &self.socket, &self.address);
    }

    fn completed(&mut self, cx: &mut Cx<'_>, completion: Completion) {
        match completion {
            Completion::Connected(result) => self.connected(cx, result),
            Completion::Sent(batch, result) => self.sent(cx, batch, result),
            Completion::ReceiveEnded(ended) => self.receive_ended(cx, ended),
            _ => {} // Never asked for.
        }
    }

    fn received(&mut self, _: Instant, bytes: &[u8]) {
        if let Some(proxy) = &mut self.proxy {
            proxy.found = Some(proxy.handshake.take_in(bytes));
        }
    }

    fn drive(&mut self, cx: &mut Cx<'_>) {
        let Some(found) = self.proxy.as_mut().and_then(|proxy| proxy.found.take()) else { return };
        match found {
            Ok(SocksStep::Await) => {}
            Ok(SocksStep::Send(bytes)) => self.say(cx, bytes),
            Ok(SocksStep::Connected(early)) => self.report(cx, Ok(early)),
            Err(error) => self.report(cx, Err(error.into())),
        }
    }

    fn timer(&mut self, cx: &mut Cx<'_>, _: TimerKind) {
        self.report(cx, Err(io::ErrorKind::TimedOut.into()));
    }

    fn notified(&mut self, cx: &mut Cx<'_>, notice: Notice) {
        if matches!(notice, Notice::LingerChanged) {
            return; // It has no pipe.
        }
        // The connecter is gone.
        cx.finish();
    }

    fn panicked(&mut self, cx: &mut Cx<'_>) {
        self.report(cx, Err(io::Error::other("the attempt panicked")));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::SocketAddrV6;

    fn v6(ip: &str, port: u16, flow: u32, scope: u32) -> SockAddr {
        SocketAddrV6::new(ip.parse().unwrap(), port, flow, scope).into()
    }

    fn at(address: &str) -> SockAddr {
        address.parse::<SocketAddr>().unwrap().into()
    }

    #[test]
    fn two_ends_that_are_one() {
        assert!(is_itself(&at("127.0.0.1:5555"), &at("127.0.0.1:5555")));
        assert!(is_itself(&at("[::1]:5555"), &at("[::1]:5555")));
        assert!(is_itself(&at("[::ffff:10.0.0.1]:5555"), &at("10.0.0.1:5555")));
        // The flow is told of one end only, and the interface by some systems of one end only.
        assert!(is_itself(&v6("fe80::1", 5555, 0, 2), &v6("fe80::1", 5555, 7, 2)));
        assert!(is_itself(&v6("fe80::1", 5555, 0, 2), &v6("fe80::1", 5555, 0, 0)));
    }

    #[test]
    fn two_ends_that_are_two() {
        assert!(!is_itself(&at("127.0.0.1:5555"), &at("127.0.0.1:5556")));
        assert!(!is_itself(&at("127.0.0.1:5555"), &at("127.0.0.2:5555")));
        assert!(!is_itself(&at("[::1]:5555"), &at("127.0.0.1:5555")));
        assert!(!is_itself(&v6("fe80::1", 5555, 0, 2), &v6("fe80::1", 5555, 0, 3)));
    }

    #[cfg(unix)]
    #[test]
    fn a_unix_socket_is_never_its_own_peer() {
        let path = SockAddr::unix("/tmp/name").unwrap();
        assert!(!is_itself(&path, &path));
    }
}
