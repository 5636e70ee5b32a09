//! One attempt to connect: a socket, an address, a deadline. Runs on an I/O thread and reports to
//! its connecter.
//!
//! A connection that leads back to its own socket is none. tcp makes one when nobody listens at a port that
//! the system also chooses local ports from, as soon as it happens to choose that one: both ends then are
//! the same. (A Unix socket has to be listened on.)

use ringmq_engine::{Completion, Cx, Handler, Notice, TimerKind, Token};
use ringmq_pipe::Section;
use socket2::{SockAddr, Socket};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const DEADLINE: TimerKind = 0;

/// What came of an attempt, as the connecter is told in a [`Notice::Custom`].
pub(crate) struct Dialed {
    pub(crate) socket: Arc<Socket>,
    pub(crate) result: io::Result<()>,
}

/// See the [module's documentation](self).
pub(crate) struct Dial {
    pub(crate) socket: Arc<Socket>,
    pub(crate) address: SockAddr,
    /// How long it may take; `None` leaves that to the system.
    pub(crate) timeout: Option<Duration>,
    pub(crate) connecter: Token,
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

    fn report(&self, cx: &mut Cx<'_>, result: io::Result<()>) {
        // First this handler leaves, so that its backend has let go of the socket when the
        // connecter makes a session of it.
        cx.finish();
        let dialed = Dialed { socket: self.socket.clone(), result };
        cx.tell(self.connecter, Notice::Custom(Box::new(dialed)));
    }
}

impl Handler for Dial {
    fn start(&mut self, cx: &mut Cx<'_>) {
        cx.arrange_timer(DEADLINE, self.timeout.and_then(|timeout| cx.now.checked_add(timeout)));
        cx.backend.connect(cx.token, &self.socket, &self.address);
    }

    fn completed(&mut self, cx: &mut Cx<'_>, completion: Completion) {
        if let Completion::Connected(result) = completion {
            self.report(cx, result.and_then(|()| self.check()));
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
