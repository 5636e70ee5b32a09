//! Peers by name: by number as SERVER and PEER name them, by routing id as a ROUTER does.

use crate::error::Error;
use crate::kind::{ConnectsPeers, NamesPeers, NumbersPeers};
use crate::options::invalid;
use crate::socket::Socket;
use crate::types::PeerName;
use std::num::NonZeroU32;

impl<K: ConnectsPeers> Socket<K> {
    /// Connects as [`connect`](Self::connect) does, and says by which number messages name that peer
    /// ([`set_routing_id`](crate::Message::set_routing_id)). It stays the same when the connection is lost and
    /// comes again. Messages may be sent at once, and queue until the peer is there.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); [`Error::InvalidOption`] with [immediate](Self::set_immediate) set, where a
    /// peer has a number only when it is there; [`Error::NotSupported`] for a type that numbers nobody.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Message};
    /// let context = Context::new();
    /// let (alice, bob) = (context.peer()?, context.peer()?);
    /// bob.bind("inproc://bob")?;
    /// let to_bob = alice.connect_peer("inproc://bob")?;
    /// let mut question = Message::from("how are you?");
    /// question.set_routing_id(to_bob.get());
    /// alice.send(question)?;
    /// let heard = bob.recv()?;
    /// let mut answer = Message::from("well");
    /// answer.set_routing_id(heard.routing_id());
    /// bob.send(answer)?;
    /// assert_eq!(alice.recv()?, "well");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_connect_peer")]
    pub fn connect_peer(&self, endpoint: &str) -> Result<NonZeroU32, Error> {
        let mut core = self.inner.lock()?;
        core.enter()?;
        let socket = self.inner.shared.socket_type;
        if socket != ringmq_zmtp::SocketType::Peer {
            return Err(Error::NotSupported {
                socket: socket.name(),
                action: "tell the number of a peer",
            });
        }
        if core.options.immediate {
            let reason = "a peer has a number only when it is there: use connect";
            return Err(invalid("immediate", reason));
        }
        let endpoint_id = self.connect_as(&mut core, endpoint)?;
        let number = endpoint_id.map_or(0, |endpoint_id| core.number_of(endpoint_id));
        // It has a pipe, and each pipe a number, unless the peer has gone within the process already.
        NonZeroU32::new(number).ok_or(Error::HostUnreachable)
    }
}

impl<K: NumbersPeers> Socket<K> {
    /// Ends the connection to the peer of that number; what it was sent is delivered for the
    /// [linger time](Self::set_linger). One that was connected to is not connected to again.
    ///
    /// # Errors
    /// [`Error::HostUnreachable`] if there is no such peer, or any more.
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (server, client) = (context.server()?, context.client()?);
    /// server.bind("inproc://answers")?;
    /// client.connect("inproc://answers")?;
    /// client.send("hello")?;
    /// let hello = server.recv()?;
    /// server.disconnect_peer(hello.routing_id())?;
    /// assert!(server.disconnect_peer(hello.routing_id()).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_disconnect_peer")]
    pub fn disconnect_peer(&self, number: u32) -> Result<(), Error> {
        let mut core = self.inner.lock()?;
        core.enter()?;
        let connect = core.end_peer(PeerName::Number(number))?;
        drop(core);
        if let Some(connect) = connect {
            connect.disconnect();
        }
        // Who waits for room at it need not wait any more.
        self.inner.shared.waiters.wake();
        Ok(())
    }
}

impl<K: NamesPeers> Socket<K> {
    /// Whether the peer of that routing id has room for a message.
    ///
    /// # Errors
    /// [`Error::HostUnreachable`] if there is no such peer.
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (router, dealer) = (context.router()?, context.dealer()?);
    /// router.bind("inproc://rooms")?;
    /// assert!(router.has_room_for("alice").is_err());
    /// dealer.set_routing_id("alice")?;
    /// dealer.connect("inproc://rooms")?;
    /// dealer.send("hello")?;
    /// router.recv_multipart()?;
    /// assert!(router.has_room_for("alice")?);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_socket_get_peer_state")]
    pub fn has_room_for(&self, routing_id: impl AsRef<[u8]>) -> Result<bool, Error> {
        let mut core = self.inner.lock()?;
        core.enter()?;
        core.has_room_for(PeerName::RoutingId(routing_id.as_ref()))
    }
}
